"""Reading single CSV cells: numbers, money, dates, codes, postcodes.

Belongs here: text to the text PostgreSQL takes, or a fault that names the rule. Which
cell is read how is the mapping's word; what a fault does to the row is `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from connectors.csv_mapping.mapping import Column

#: Reads one cell; blank is the caller's affair. Empty result means null.
Convert = Callable[[str], str]

_NUMBER = re.compile(
    r"[-+]?(\d{1,15}(\.\d{0,9})?|\.\d{1,9})(e[-+]?\d{1,2})?", re.IGNORECASE
)
_UNIT_FACTORS: dict[str | None, Decimal] = {
    None: Decimal(1),
    "m2": Decimal(1),
    "sqft": Decimal("0.09290304"),
    "square": Decimal("9.290304"),
    "ha": Decimal(10_000),
    "acre": Decimal("4046.8564"),
    "km": Decimal(1),
    "mile": Decimal("1.609344"),
}
#: What the columns of the table can hold, whatever a mapping allows.
_TYPE_LIMITS: dict[str, tuple[int, int]] = {
    "bedrooms": (0, 32_767),
    "bathrooms": (0, 32_767),
    "car_spaces": (0, 32_767),
    "year_built": (0, 32_767),
    "price_aud": (0, 10**12),
}
_ANY_NUMBER = (-(10**15), 10**15)
_DATE_TOKENS = (
    ("yyyy", "%Y"),
    ("MMM", "%b"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("yy", "%y"),
)


class CellError(Exception):
    """A cell that cannot be right."""

    def __init__(self, rule_id: str, reason: str) -> None:
        super().__init__(reason)
        self.rule_id = rule_id
        self.reason = reason


def converter(column: Column, last_day: date) -> Convert:
    """The function that reads this column's cells, memoised.

    Raises (the function): CellError.
    """
    makers: dict[str, Callable[[Column, date], Convert]] = {
        "text": _text,
        "integer": _number,
        "number": _number,
        "money": _number,
        "date": _date,
        "code": _code,
        "postcode": _postcode,
    }
    return lru_cache(8192)(makers[column.parser](column, last_day))


def _text(column: Column, _: date) -> Convert:
    def convert(text: str) -> str:
        return text

    return convert


def _number(column: Column, _: date) -> Convert:
    name = column.name.removesuffix("_aud")
    factor = _UNIT_FACTORS[column.unit]
    low, high = _TYPE_LIMITS.get(column.name, _ANY_NUMBER)
    least = max(Decimal(low), Decimal(column.min)) if column.min else Decimal(low)
    most = min(Decimal(high), Decimal(column.max)) if column.max else Decimal(high)
    is_whole = column.parser in ("integer", "money")

    def convert(text: str) -> str:
        plain = text.lstrip("$").replace(",", "").replace(" ", "")
        if not _NUMBER.fullmatch(plain):
            raise CellError(f"{name}_not_numeric", f"{text!r} is no number")
        value = Decimal(plain) * factor
        if column.zero_is_null and value == 0:
            return ""
        if value < 0 <= least:
            raise CellError(f"{name}_negative", f"{text} is negative")
        if not least <= value <= most:
            raise CellError(
                f"{name}_out_of_range", f"{text} lies outside {least} to {most}"
            )
        if is_whole:
            whole = value.quantize(Decimal(1), ROUND_HALF_UP)
            if column.parser == "integer" and whole != value:
                raise CellError(f"{name}_not_whole", f"{text} is no whole number")
            return str(whole)
        return format(value, "f")

    return convert


def _date(column: Column, last_day: date) -> Convert:
    patterns = [_strptime_pattern(form) for form in column.formats]
    first = date.fromisoformat(column.min) if column.min else date(1, 1, 1)
    last = date.fromisoformat(column.max) if column.max else last_day

    def convert(text: str) -> str:
        for pattern in patterns:
            try:
                day = datetime.strptime(text, pattern).date()  # noqa: DTZ007
            except ValueError:
                continue
            if not first <= day <= last:
                raise CellError(
                    f"{column.name}_out_of_range",
                    f"{day.isoformat()} lies outside {first} to {last}",
                )
            return day.isoformat()
        raise CellError(
            f"{column.name}_unreadable",
            f"{text!r} is no date of the form {' or '.join(column.formats)}",
        )

    return convert


def _strptime_pattern(form: str) -> str:
    """`d/M/yyyy` as `%d/%m/%Y`. Padding does not matter when reading."""
    pattern = form
    for token, code in _DATE_TOKENS:
        pattern = pattern.replace(token, code)
    pattern = re.sub(r"(?<!%)d", "%d", pattern)
    return re.sub(r"(?<!%)M", "%m", pattern)


def _code(column: Column, _: date) -> Convert:
    codes = {code.casefold(): meaning for code, meaning in column.codes.items()}

    def convert(text: str) -> str:
        meaning = codes.get(text.casefold())
        if meaning is None:
            raise CellError(
                f"{column.name}_code_unknown",
                f"{text!r} is none of {', '.join(column.codes)}",
            )
        return meaning

    return convert


def _postcode(column: Column, _: date) -> Convert:
    def convert(text: str) -> str:
        digits = text.removesuffix(".0")
        if not re.fullmatch(r"[0-9]{3,4}", digits):
            raise CellError("postcode_unreadable", f"{text!r} is no postcode")
        return digits.zfill(4)

    return convert
