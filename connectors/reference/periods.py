"""Days, months, quarters and years as publishers write them.

Belongs here: reading one, and finding one inside a title or a file name. Which of them
is a release's date is `releases`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal

_NAMES = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_YEAR = r"((?:19|20)\d\d)"
_FORMS = (
    (re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ].*)?"), "ymd"),
    (re.compile(r"(\d{4})/(\d\d?)/(\d\d?)"), "ymd"),
    (re.compile(r"(\d{4})(\d\d)(\d\d)"), "ymd"),
    (re.compile(r"(\d\d?)/(\d\d?)/(\d{4})(?: .*)?"), "dmy"),
    (re.compile(rf"(\d\d?)[-\s/]{_MONTH}[-\s/,]*(\d{{4}})", re.IGNORECASE), "dmy"),
    (re.compile(rf"(\d\d?)[-\s/]{_MONTH}[-\s/,]*(\d\d)", re.IGNORECASE), "dmy"),
)
_MONTH_YEAR = re.compile(rf"{_MONTH}[-\s/]*(\d{{4}}|\d\d)", re.IGNORECASE)
_IN_TEXT = (
    (
        re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?(0[1-9]|1[0-2])[-_]?([0-3]\d)(?!\d)"),
        "ymd",
    ),
    (re.compile(rf"(?<!\d)(\d\d?)[-\s_]{_MONTH}[-\s_,]*{_YEAR}", re.IGNORECASE), "dmy"),
    (re.compile(rf"(?<!\d)(\d\d?)/(\d\d?)/{_YEAR}"), "dmy"),
)
_MONTH_IN_TEXT = (
    re.compile(rf"(?<![a-z]){_MONTH}[-\s_]*{_YEAR}(?!\d)", re.IGNORECASE),
    re.compile(rf"(?<![a-z]){_MONTH}[-\s_]*(\d\d)(?!\d)", re.IGNORECASE),
)
_QUARTER = r"(?:quarter|qtr)"
#: Oct-Dec 2023; December quarter 2023; Dec 2023 quarter; 2023-Q4; Q4 2023; 4th quarter
#: 2023: in the order that `find_quarter` tells them apart by.
_QUARTERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_MONTH}(?:\s|-|to|\u2013|/|_)+{_MONTH}(?:[^0-9]{{0,4}}{_YEAR})?",
        rf"{_MONTH}[\s_-]*{_QUARTER}[\s,_-]*{_YEAR}",
        rf"{_MONTH}[\s,_-]*{_YEAR}[\s_-]*{_QUARTER}",
        rf"{_YEAR}[\s_-]*q(?:uarter|tr)?[\s_-]*([1-4])(?!\d)",
        rf"(?<![a-z])q(?:uarter|tr)?[\s_-]*([1-4])[\s,_-]*{_YEAR}",
        rf"([1-4])(?:st|nd|rd|th)[\s_-]*{_QUARTER}[\s,_-]*{_YEAR}",
    )
)

Kind = Literal["year", "quarter", "month", "day"]


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A calendar period: first and last day, both included."""

    start: date
    end: date
    kind: Kind

    @classmethod
    def year(cls, year: int) -> Period:
        """A calendar year."""
        return cls(date(year, 1, 1), date(year, 12, 31), "year")

    @classmethod
    def quarter(cls, year: int, number: int) -> Period:
        """Quarter 1 to 4 of a calendar year."""
        last = number * 3
        end = date(year, last, monthrange(year, last)[1])
        return cls(date(year, last - 2, 1), end, "quarter")


def month_number(name: str) -> int:
    """1 to 12 from a month's name or its first three letters."""
    return _NAMES.index(name[:3].lower()) + 1


def month_end(year: int, month: int) -> date:
    """Last day of a month."""
    return date(year, month, monthrange(year, month)[1])


def _build(form: str, parts: tuple[str, ...]) -> date | None:
    year, month, day = parts if form == "ymd" else parts[::-1]
    number = int(month) if month.isdigit() else month_number(month)
    try:
        return date(_full_year(year), number, int(day))
    except ValueError:
        return None


def _full_year(text: str) -> int:
    year = int(text)
    if year >= 100:
        return year
    return year + (2000 if year < 70 else 1900)


@lru_cache(65_536)
def read_day(text: str) -> date | None:
    """A day in any of the publishers' forms (`31/03/2026`, `04-Jan-2011`, ISO)."""
    plain = text.strip()
    for pattern, form in _FORMS:
        if match := pattern.fullmatch(plain):
            return _build(form, match.groups())
    return None


def read_month(text: str) -> date | None:
    """Last day of the month that `Sep-2003`, `Sep-03` or a day in it names."""
    if match := _MONTH_YEAR.fullmatch(text.strip()):
        return month_end(_full_year(match[2]), month_number(match[1]))
    day = read_day(text)
    return month_end(day.year, day.month) if day else None


def find_day(text: str) -> date | None:
    """The first whole date inside a title or name."""
    for pattern, form in _IN_TEXT:
        for match in pattern.finditer(text):
            if (day := _build(form, match.groups())) is not None:
                return day
    return None


def find_month(text: str) -> date | None:
    """Last day of the first `May 2025`, `may25` or `MAY_2025` inside a name."""
    for pattern in _MONTH_IN_TEXT:
        if match := pattern.search(text):
            return month_end(_full_year(match[2]), month_number(match[1]))
    return None


def find_quarter(text: str) -> tuple[int | None, int] | None:
    """(year or None, quarter) of the first quarter named inside a text."""
    for number, pattern in enumerate(_QUARTERS):
        match = pattern.search(text)
        if match is None:
            continue
        if number == 0:
            first, last = month_number(match[1]), month_number(match[2])
            if last - first != 2 or last % 3:
                continue
            year = match[3]
            return (int(year) if year else None), last // 3
        if number in (1, 2):
            month = month_number(match[1])
            return int(match[2]), (month + 2) // 3
        if number == 3:
            return int(match[1]), int(match[2])
        return int(match[2]), int(match[1])
    return None


def find_years(text: str) -> list[int]:
    """Every year of this or the last century inside a text."""
    return [int(year) for year in re.findall(rf"(?<!\d){_YEAR}(?!\d)", text)]
