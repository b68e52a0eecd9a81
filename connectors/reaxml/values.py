"""Single REAXML values: dates in every form, money, areas, flags, street numbers.

Belongs here: text to value, one function a kind of value; None where it cannot be read,
for nothing is guessed. Which element holds what is `vocabulary`.
"""

from __future__ import annotations

import re
from datetime import datetime

from domain.market_time import MARKET_ZONE

_DATE = re.compile(
    r"(\d{4})(-?)(\d\d)\2(\d\d)"
    r"(?:[-T ]+(\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d{1,9})?)?\s*(Z|[+-]\d\d:?\d\d)?)?",
    re.IGNORECASE,
)
_INSPECTION = re.compile(
    r"(\d{1,2}-[A-Za-z]{3}-\d{4})\s+(\d{1,2}[:.]\d\d\s*[ap]m)"
    r"(?:\s*(?:to|-)\s*(\d{1,2}[:.]\d\d\s*[ap]m))?",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,15})(\.\d{1,6})?\s*(k|m|mil|million)?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\s*(?:-|to|\u2013)\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[+]?(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,9})?|(\.\d{1,9})")
_MULTIPLIERS = {"k": 1e3, "m": 1e6, "mil": 1e6, "million": 1e6}

_M2 = {
    "square": 9.290304,
    "squares": 9.290304,
    "squaremeter": 1.0,
    "squaremeters": 1.0,
    "squaremetre": 1.0,
    "squaremetres": 1.0,
    "sqm": 1.0,
    "m2": 1.0,
    "acre": 4046.8564,
    "acres": 4046.8564,
    "hectare": 10_000.0,
    "hectares": 10_000.0,
    "ha": 10_000.0,
    "squarefeet": 0.09290304,
    "sqft": 0.09290304,
}
_METRES = {
    "meter": 1.0,
    "meters": 1.0,
    "metre": 1.0,
    "metres": 1.0,
    "m": 1.0,
    "feet": 0.3048,
    "foot": 0.3048,
    "ft": 0.3048,
}
#: Weeks in each period of a rent.
_WEEKS = {
    "day": 1 / 7,
    "daily": 1 / 7,
    "night": 1 / 7,
    "nightly": 1 / 7,
    "week": 1.0,
    "weekly": 1.0,
    "fortnight": 2.0,
    "fortnightly": 2.0,
    "month": 52 / 12,
    "monthly": 52 / 12,
    "quarter": 13.0,
    "quarterly": 13.0,
    "year": 52.0,
    "yearly": 52.0,
    "annual": 52.0,
    "annually": 52.0,
    "annum": 52.0,
}
_MONTHS = (
    "jan", "feb", "mar", "apr", "may", "jun",
    "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_YES = frozenset({"yes", "y", "true", "t", "1", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off", "none"})
_UNIT_WORDS = r"(?:unit|apartment|apt|flat|suite|shop|villa|townhouse|studio|level|u)"
_UNIT = re.compile(
    rf"(?:{_UNIT_WORDS}\.?\s*)?([a-z]{{0,2}}\d+[a-z]?(?:\s*-\s*\d+[a-z]?)?)\s*(?:/|,)\s*(.*)",
    re.IGNORECASE,
)
_UNIT_AND_NUMBER = re.compile(
    rf"{_UNIT_WORDS}\.?\s*(\d+[a-z]?)\s+(\d.*)", re.IGNORECASE
)
_LOT = re.compile(r"lot\s*([0-9]+[a-z]?|[a-z]\d*)\b[\s,/]*(.*)", re.IGNORECASE)
_SUB = re.compile(rf"(?:{_UNIT_WORDS}\b\.?\s*)?([^\s].*?)\s*[/,]?", re.IGNORECASE)


def read_time(text: str) -> datetime | None:
    """A local time from any of the standard's forms; a date alone is its midnight.

    `2009-01-01`, `2009-01-01-12:30[:00]` (or `T` or a blank between), `20090101`,
    `20090101-1230[00]`, `20090101T1230[00]`. A time with a zone, which the standard
    does not have, is brought to Australia/Sydney.
    """
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, _, month, day, hour, minute, second, zone = match.groups()
    try:
        found = datetime(  # noqa: DTZ001 - the feed's times are local, without a zone
            int(year), int(month), int(day),
            int(hour or 0), int(minute or 0), int(second or 0),
        )  # fmt: skip
        if year < "1900" or year > "2200":
            return None
        if zone:
            offset = "+00:00" if zone in "Zz" else zone
            aware = datetime.fromisoformat(found.isoformat() + offset)
            found = aware.astimezone(MARKET_ZONE).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return found


def read_inspection(text: str) -> dict[str, str | None] | None:
    """`21-Dec-2010 11:00am to 1:00pm` as local `start` and `end` (ISO)."""
    match = _INSPECTION.fullmatch(text.strip())
    if match is None:
        return None
    day, start, end = match.groups()
    try:
        times = [_clock(day, time) if time else None for time in (start, end)]
    except ValueError:
        return None
    return {"start": times[0], "end": times[1]}


def _clock(day: str, time: str) -> str:
    number, month, year = day.split("-")
    hour, minute = re.split("[:.]", time[:-2].strip())
    if not 1 <= int(hour) <= 12:
        raise ValueError(time)
    of_day = int(hour) % 12 + (12 if time[-2] in "pP" else 0)
    at = _MONTHS.index(month.lower()) + 1
    found = datetime(int(year), at, int(number), of_day, int(minute))  # noqa: DTZ001
    return found.isoformat()


def read_money(text: str) -> dict[str, float] | None:
    """`low` and `high` in AUD, equal for a single amount; None for words and for 0."""
    parts = _RANGE.split(text.strip(), maxsplit=1)
    amounts = [_AMOUNT.fullmatch(part) for part in parts]
    found: list[float] = []
    for match in amounts:
        if match is None:
            return None
        whole, rest, unit = match.groups()
        amount = float(whole.replace(",", "") + (rest or ""))
        found.append(round(amount * _MULTIPLIERS.get((unit or "").lower(), 1), 2))
    if max(found) <= 0:
        return None
    return {"low": min(found), "high": max(found)}


def read_rent(text: str, period: str | None) -> dict[str, object] | None:
    """As `read_money`, with `period` (default week) and `week_low`, `week_high`."""
    amount = read_money(text)
    named = re.sub(r"[^a-z]", "", (period or "week").lower()).removeprefix("per")
    weeks = _WEEKS.get(named)
    if amount is None:
        return None
    if weeks is None:
        return {**amount, "period": period}
    weekly = {f"week_{end}": round(value / weeks, 2) for end, value in amount.items()}
    return {**amount, "period": period or "week", **weekly}


def read_number(text: str) -> float | None:
    """A number that is not negative, with or without thousands separators."""
    match = _NUMBER.fullmatch(text.strip())
    return float(match[0].replace(",", "")) if match else None


def read_area(text: str, unit: str | None) -> float | None:
    """Square metres; None for 0, which means unknown, and for an unknown unit."""
    return _scaled(text, unit or "squareMeter", _M2, 4)


def read_length(text: str, unit: str | None) -> float | None:
    """Metres; None for 0 and for an unknown unit."""
    return _scaled(text, unit or "meter", _METRES, 3)


def _scaled(
    text: str, unit: str, factors: dict[str, float], digits: int
) -> float | None:
    number = read_number(text)
    factor = factors.get(re.sub(r"[^a-z0-9]", "", unit.lower()))
    if not number or factor is None:
        return None
    return round(number * factor, digits)


def read_flag(text: str) -> bool | None:
    """yes/no, true/false, or a number of which 0 is no."""
    plain = text.strip().lower()
    if plain in _YES:
        return True
    if plain in _NO:
        return False
    number = read_number(plain)
    return None if number is None else number > 0


def read_count(text: str) -> float | None:
    """A number up to 1,000; `Studio` is 0 rooms, yes is 1, no is 0."""
    plain = text.strip().lower()
    if plain == "studio":
        return 0
    number = read_number(plain)
    if number is None:
        flag = read_flag(plain)
        return None if flag is None else float(flag)
    return number if number <= 1000 else None


def read_display(text: str) -> str:
    """`yes`, `no` or `range`. What is none of them counts as no: better not shown."""
    plain = text.strip().lower()
    if plain == "range":
        return "range"
    return "yes" if not plain or plain in _YES else "no"


def read_street_number(text: str) -> dict[str, str]:
    """Parts of a street number: `unit`, `lot` and `number`, those that are there.

    `2/102`, `Unit 5, 102`, `LOT 4A`, `7 & 9`: agencies write the unit and the lot here.
    """
    plain = " ".join(text.split())
    if match := _LOT.fullmatch(plain):
        lot, rest = match.groups()
        return {"lot": lot.upper(), **(read_street_number(rest) if rest else {})}
    match = _UNIT.fullmatch(plain) or _UNIT_AND_NUMBER.fullmatch(plain)
    if match and match[2]:
        unit = re.sub(r"\s", "", match[1]).upper()
        return {"unit": unit, "number": match[2].strip().upper()}
    return {"number": plain.upper()} if plain else {}


def read_sub_number(text: str) -> dict[str, str]:
    """`unit` out of a sub-number: `2`, `Unit 2`, `2/`."""
    match = _SUB.fullmatch(" ".join(text.split()))
    return {"unit": match[1].upper()} if match else {}
