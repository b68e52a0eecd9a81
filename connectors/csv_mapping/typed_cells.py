"""Typed cells (of Parquet and spreadsheets) as the text a CSV file would have.

Belongs here: one value to the text that `cells` reads, and a row to the JSON that is
kept as its original. Where values come from is `parquet_grid` and `sheet_grid`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from connectors.csv_mapping.rows import CsvRecord
from domain.records import ORIGINAL_LIMIT, Original

#: Forms `cell_text` gives dates; a mapping need not list them.
TYPED_DATES = ("yyyy-MM-dd",)


def cell_text(value: Any) -> str:
    """Text of a value: ISO dates, plain numbers without `.0`, nested values as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, datetime):
        plain = value.replace(tzinfo=None)
        if plain.time() == time(0):
            return plain.date().isoformat()
        return plain.isoformat(sep="T", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        if not value.is_finite():
            return ""
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, timedelta):
        return str(value)
    return json.dumps(value, default=cell_text, ensure_ascii=False)


def _float_text(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return ""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(value)


def typed_row(number: int, names: Sequence[str], values: Sequence[Any]) -> CsvRecord:
    """A row of values, with the JSON that shows it as it was."""
    cells = [cell_text(value) for value in values]
    shown = {
        name: value
        if isinstance(value, str | bool | int | None) or _is_json_number(value)
        else text
        for name, value, text in zip(names, values, cells, strict=False)
    }
    text = json.dumps(shown, ensure_ascii=False)
    if len(text) > ORIGINAL_LIMIT:
        original = Original.of(text)
        problem = (
            f"the row is {original.size_bytes} bytes long; its first {ORIGINAL_LIMIT} "
            "characters are kept"
        )
        return CsvRecord(number, None, original, "", problem, is_typed=True)
    return CsvRecord(number, cells, None, text, is_typed=True)


def _is_json_number(value: Any) -> bool:
    return isinstance(value, float) and _float_text(value) != ""
