"""What the names of PSI files tell: their week, their year, what they hold.

Belongs here: names alone. What is in a file is `scan`.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

#: First and last Monday wanted, inclusive.
Weeks = tuple[date, date]

#: What `connectors.locations.land` is asked for.
PATTERNS = ("*.zip", "*.dat", "*.gz", "*.txt")

_WEEKLY = re.compile(r"(?<!\d)(\d{8})\.zip(?:\.gz)?$", re.IGNORECASE)
_YEARLY = re.compile(r"(?<!\d)(\d{4})\.zip(?:\.gz)?$", re.IGNORECASE)
_DISTRICT = re.compile(r"_(\d{2})(\d{2})(\d{4})\.dat(?:\.gz)?$", re.IGNORECASE)
_PSI = re.compile(r"(?:(?<!\d)(?:\d{8}|\d{4})\.zip|\.dat)$", re.IGNORECASE)
_SALES_EXTRACT = re.compile(r"(^|[/_.-])(b)(?=[_.-])", re.IGNORECASE)


def week_of(name: str) -> date | None:
    """Monday of the week in a file's name (`20240617.zip`, `..._17062024.DAT`)."""
    if found := _WEEKLY.search(name):
        return _monday_of(found[1])
    if found := _DISTRICT.search(name):
        return _monday_of(found[3] + found[2] + found[1])
    return None


@lru_cache(1024)
def _monday_of(text: str) -> date | None:
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
    return day - timedelta(days=day.weekday())


def year_of(name: str) -> int | None:
    """Year of a yearly ZIP (`2017.zip`)."""
    found = _YEARLY.search(name)
    year = int(found[1]) if found else 0
    return year if 1900 <= year <= 2999 else None


def days_of(name: str) -> tuple[date, date] | None:
    """First and last day that a file's name tells of; None if it tells none."""
    if (year := year_of(name)) is not None:
        return date(year, 1, 1), date(year, 12, 31)
    week = week_of(name)
    return None if week is None else (week, week)


def is_wanted(name: str, weeks: Weeks | None) -> bool:
    """Whether a file may hold one of the weeks.

    A year's file goes by the year of its Mondays, as the publisher's do.
    """
    if weeks is None:
        return True
    if (year := year_of(name)) is not None:
        return weeks[0].year <= year <= weeks[1].year
    week = week_of(name)
    return week is not None and weeks[0] <= week <= weeks[1]


def is_psi(name: str) -> bool:
    """Whether a link's name is that of a PSI file."""
    return _PSI.search(name) is not None


def legal_sibling(name: str) -> str | None:
    """The name beside `name` that holds its C records: `psi_2001_C.txt` for `_B`."""
    folder, slash, last = name.rpartition("/")
    found = list(_SALES_EXTRACT.finditer(last))
    if not found:
        return None
    place = found[-1].start(2)
    letter = "C" if last[place] == "B" else "c"
    return f"{folder}{slash}{last[:place]}{letter}{last[place + 1 :]}"
