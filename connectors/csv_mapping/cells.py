"""Reading single cells: to the text PostgreSQL takes, or a fault that names the rule.

Belongs here: one reader a parser, with the bounds of its column. Which cell is read
how is the mapping's word; what a fault does to the row is `parse`. Numbers and dates
are read by `numbers` and `dates`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache

from connectors.csv_mapping.dates import date_reader
from connectors.csv_mapping.mapping import Column
from connectors.csv_mapping.numbers import (
    UNIT_FACTORS,
    read_measure,
    read_money,
    read_number,
)
from domain.australia import postcode_state, postcode_text, state_code
from domain.price_text import read_price_text


@dataclass(frozen=True, slots=True)
class Noted:
    """A value that is not word for word what the cell says; the rule says why."""

    value: str
    rule_id: str


#: Reads one cell; blank is the caller's affair. An empty result means null.
Convert = Callable[[str], str | Noted]

#: What the columns of the table can hold, whatever a mapping allows.
_TYPE_LIMITS: dict[str, tuple[int, int]] = {
    "bedrooms": (0, 32_767),
    "bathrooms": (0, 32_767),
    "car_spaces": (0, 32_767),
    "year_built": (0, 32_767),
    "price_aud": (0, 10**12),
}
_ANY_NUMBER = (-(10**15), 10**15)
_WHOLE = ("bedrooms", "bathrooms", "car_spaces", "year_built", "price_aud")
_MEASURES = ("land_area_m2", "building_area_m2", "distance_to_centre_km")


class CellError(Exception):
    """A cell that cannot be right."""

    def __init__(self, rule_id: str, reason: str) -> None:
        super().__init__(reason)
        self.rule_id = rule_id
        self.reason = reason


def converter(
    column: Column, last_day: date, more_formats: tuple[str, ...] = ()
) -> Convert:
    """The function that reads this column's cells, memoised.

    `more_formats` are forms of dates that the kind of file brings along.
    Raises (the function): CellError.
    """
    if column.parser == "date":
        made = _date(column, last_day, (*column.formats, *more_formats))
    else:
        makers: dict[str, Callable[[Column], Convert]] = {
            "text": _text,
            "integer": _number,
            "number": _number,
            "money": _number,
            "price_text": _price_text,
            "code": _code,
            "postcode": _postcode,
            "state": _state,
            "postcode_state": _state_of_postcode,
        }
        made = makers[column.parser](column)
    return lru_cache(8192)(made)


def _text(_: Column) -> Convert:
    def convert(text: str) -> str:
        return text

    return convert


def _number(column: Column) -> Convert:
    name = column.name.removesuffix("_aud")
    is_measure = column.name in _MEASURES
    is_whole = column.parser in ("integer", "money") or column.name in _WHOLE
    judge = _judge(column)

    def convert(text: str) -> str | Noted:
        unit = None
        if is_measure:
            value, unit = read_measure(text, column.decimal)
        elif column.parser == "money":
            value = read_money(text, column.decimal)
        else:
            value = read_number(text, column.decimal)
        if value is None:
            raise CellError(f"{name}_not_numeric", f"{text[:80]!r} is no number")
        if value in column.sentinels:
            raise CellError(f"{name}_sentinel", f"{text} stands for an unknown value")
        if column.zero_is_null and value == 0:
            return ""
        value *= UNIT_FACTORS[unit or column.unit]
        judge(value, text)
        if not is_whole:
            return format(value, "f")
        whole = value.quantize(Decimal(1), ROUND_HALF_UP)
        if whole == value or column.parser == "money":
            return str(whole)
        if column.parser == "integer":
            raise CellError(f"{name}_not_whole", f"{text} is no whole number")
        # Quarter bathrooms: the whole ones are kept, and the row says so.
        return Noted(
            str(value.quantize(Decimal(1), ROUND_FLOOR)), f"{name}_rounded_down"
        )

    return convert


def _judge(column: Column) -> Callable[[Decimal, str], None]:
    """Raise CellError for a value outside the bounds of its column."""
    name = column.name.removesuffix("_aud")
    low, high = _TYPE_LIMITS.get(column.name, _ANY_NUMBER)
    least = max(Decimal(low), Decimal(column.min)) if column.min else Decimal(low)
    most = min(Decimal(high), Decimal(column.max)) if column.max else Decimal(high)

    def judge(value: Decimal, text: str) -> None:
        if value < 0 <= least:
            raise CellError(f"{name}_negative", f"{text} is negative")
        if not least <= value <= most:
            raise CellError(
                f"{name}_out_of_range", f"{text} lies outside {least} to {most}"
            )

    return judge


def _price_text(column: Column) -> Convert:
    judge = _judge(column)

    def convert(text: str) -> str | Noted:
        value = read_money(text, column.decimal)
        if value is None:
            found = read_price_text(text)
            is_amount = found.kind in ("exact", "sold") and found.low == found.high
            if not is_amount or found.low is None:
                # A range or a bid for attention is no price: unknown, and said so.
                return Noted("", f"price_text_{found.kind}")
            value = Decimal(found.low)
        if value in column.sentinels:
            raise CellError("price_sentinel", f"{text} stands for an unknown value")
        judge(value, text)
        return str(value.quantize(Decimal(1), ROUND_HALF_UP))

    return convert


def _date(column: Column, last_day: date, formats: tuple[str, ...]) -> Convert:
    read = date_reader(dict.fromkeys(formats))
    first = date.fromisoformat(column.min) if column.min else date(1, 1, 1)
    last = date.fromisoformat(column.max) if column.max else last_day

    def convert(text: str) -> str:
        day = read(text)
        if day is None:
            raise CellError(
                f"{column.name}_unreadable",
                f"{text[:80]!r} is no date of the form {' or '.join(column.formats)}",
            )
        if not first <= day <= last:
            raise CellError(
                f"{column.name}_out_of_range",
                f"{day.isoformat()} lies outside {first} to {last}",
            )
        return day.isoformat()

    return convert


def _code(column: Column) -> Convert:
    codes = {code.casefold(): meaning for code, meaning in column.codes.items()}

    def convert(text: str) -> str:
        meaning = codes.get(text.casefold())
        if meaning is None:
            raise CellError(
                f"{column.name}_code_unknown",
                f"{text[:80]!r} is none of {', '.join(column.codes)}",
            )
        return meaning

    return convert


def _postcode(_: Column) -> Convert:
    def convert(text: str) -> str:
        # Postcodes read as numbers lose their leading zero and gain decimals.
        postcode = postcode_text(re.sub(r"\.0+$", "", text))
        if postcode is None:
            raise CellError("postcode_unreadable", f"{text[:80]!r} is no postcode")
        return postcode

    return convert


def _state(_: Column) -> Convert:
    def convert(text: str) -> str:
        code = state_code(text)
        if code is None:
            raise CellError("state_unknown", f"{text[:80]!r} is no Australian state")
        return code

    return convert


def _state_of_postcode(_: Column) -> Convert:
    def convert(text: str) -> str:
        postcode = postcode_text(re.sub(r"\.0+$", "", text))
        code = None if postcode is None else postcode_state(postcode)
        if code is None:
            raise CellError("state_unknown", f"no state has the postcode {text[:80]!r}")
        return code

    return convert
