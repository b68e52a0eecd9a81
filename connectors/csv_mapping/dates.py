"""Dates as files write them, by the forms a mapping lists.

Belongs here: text to a day. Which days can be right is `cells`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

#: Reads one text; None if it is not of the form.
Reader = Callable[[str], date | None]

_TOKENS = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%m",
    "dd": "%d",
    "d": "%d",
    "HH": "%H",
    "H": "%H",
    "hh": "%I",
    "h": "%I",
    "mm": "%M",
    "ss": "%S",
    "a": "%p",
    "%": "%%",
}
_TOKEN = re.compile("|".join(sorted(map(re.escape, _TOKENS), key=len, reverse=True)))
_TIME_TAIL = re.compile(
    r"(?:T|\s+)\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[ap]\.?m\.?)?\s*"
    r"(?:Z|[-+]\d{2}:?\d{2})?$",
    re.IGNORECASE,
)
_SEPT = re.compile(r"\bsept\b\.?", re.IGNORECASE)
_EXCEL_DAY_0 = date(1899, 12, 30)
_EXCEL_LAST = 2_958_465


def date_reader(formats: Iterable[str]) -> Reader:
    """A function that tries the forms in order.

    A time of day after the date is passed over: the day written is the day meant.
    """
    readers = [_reader(form) for form in formats]

    def read(text: str) -> date | None:
        for reader in readers:
            day = reader(text)
            if day is not None:
                return day
        plain = _TIME_TAIL.sub("", text)
        if plain == text:
            return None
        return next((day for reader in readers if (day := reader(plain))), None)

    return read


def _reader(form: str) -> Reader:
    special: dict[str, Reader] = {
        "excel_serial": _excel_day,
        "epoch_seconds": lambda text: _epoch_day(text, 1),
        "epoch_millis": lambda text: _epoch_day(text, 1_000),
    }
    if form in special:
        return special[form]
    pattern = strptime_pattern(form)

    def read(text: str) -> date | None:
        try:
            return datetime.strptime(_SEPT.sub("Sep", text), pattern).date()  # noqa: DTZ007
        except ValueError:
            return None

    return read


def strptime_pattern(form: str) -> str:
    """`d/M/yyyy` as `%d/%m/%Y`. Padding does not matter when reading."""
    return _TOKEN.sub(lambda match: _TOKENS[match[0]], form)


def _excel_day(text: str) -> date | None:
    match = re.fullmatch(r"(\d{1,7})(\.\d+)?", text, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= _EXCEL_LAST:
        return None
    return _EXCEL_DAY_0 + timedelta(days=int(match[1]))


def _epoch_day(text: str, per_second: int) -> date | None:
    if not re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
        return None
    try:
        return datetime.fromtimestamp(int(text) / per_second, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
