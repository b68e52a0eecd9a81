"""Single JSON values as the text of a column.

Belongs here: types, ranges, times without an offset, and what cannot be stored. What a
faulty value does to its record is `parse`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from connectors.domain_api.layout import Kind
from domain.market_time import MARKET_ZONE
from domain.records import storable_text

#: Domain writes local times without an offset; Sydney's is the market's clock.
LOCAL_TIME = MARKET_ZONE

_LIMITS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?", re.ASCII)
#: .NET's `DateTime.MinValue` and its like mean "not set".
_FIRST_YEAR = 1800


class BadValue(Exception):
    """A value that does not fit its column; the message is a whole sentence."""

    def __init__(self, rule_id: str, reason: str) -> None:
        super().__init__(reason)
        self.rule_id = rule_id


def shown(value: object) -> str:
    """A value as messages quote it, cut to a length people read."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def storable_json(value: object) -> str:
    """Compact JSON that PostgreSQL can hold.

    Raises:
        BadValue: a number is not finite.
    """
    try:
        text = json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except ValueError as error:
        raise BadValue("number_out_of_range", "A number is too large.") from error
    if "\\u0000" in text:
        text = json.dumps(
            _without_nul(value), ensure_ascii=False, separators=(",", ":")
        )
    return storable_text(text)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\\x00")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return value


def read_value(kind: Kind, value: object) -> Any:
    """The value of a column, typed; None for null and blank text.

    Raises:
        BadValue: it cannot be a value of this kind.
    """
    if value is None or value == "":
        return None
    return _READERS[kind](kind, value)


def column_text(kind: Kind, value: Any) -> str:
    """A typed value as PostgreSQL reads it, unescaped; None is the empty string."""
    if value is None:
        return ""
    if kind == "boolean":
        return "t" if value else "f"
    if kind == "json":
        return storable_json(value)
    if kind == "instant":
        return str(value.astimezone(UTC).isoformat())
    return str(value)


def _text(_: Kind, value: object) -> str | None:
    if isinstance(value, str):
        text = storable_text(value).strip()
        return text or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadValue("wrong_type", f"{shown(value)} is not text.")


def _postcode(kind: Kind, value: object) -> str | None:
    """Four digits; a number has lost its leading zero."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10_000:
        return f"{value:04d}"
    return _text(kind, value)


def _whole(kind: Kind, value: object) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue("wrong_type", f"{shown(value)} is not a whole number.")
    if isinstance(value, float):
        if not value.is_integer():
            raise BadValue("wrong_type", f"{shown(value)} is not a whole number.")
        value = int(value)
    if abs(value) > _LIMITS[kind]:
        raise BadValue("number_out_of_range", f"{shown(value)} is too large.")
    return value


def _number(_: Kind, value: object) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue("wrong_type", f"{shown(value)} is not a number.")
    if abs(value) > 1e15 or not math.isfinite(value):
        raise BadValue("number_out_of_range", f"{shown(value)} is too large.")
    return value


def _boolean(_: Kind, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise BadValue("wrong_type", f"{shown(value)} is neither true nor false.")


def _instant(_: Kind, value: object) -> datetime | None:
    if not isinstance(value, str):
        raise BadValue("wrong_type", f"{shown(value)} is not a time.")
    try:
        found = datetime.fromisoformat(value.strip())
        if found.tzinfo is None:
            found = found.replace(tzinfo=LOCAL_TIME)
        return found.astimezone(UTC) if found.year >= _FIRST_YEAR else None
    except (ValueError, OverflowError) as error:
        raise BadValue("time_unreadable", f"{shown(value)} is not a time.") from error


def _date(_: Kind, value: object) -> date | None:
    if not isinstance(value, str):
        raise BadValue("wrong_type", f"{shown(value)} is not a date.")
    try:
        found = date.fromisoformat(value.strip()[:10])
    except ValueError as error:
        raise BadValue("time_unreadable", f"{shown(value)} is not a date.") from error
    return found if found.year >= _FIRST_YEAR else None


def _json(_: Kind, value: object) -> object:
    return value


_READERS: dict[Kind, Callable[[Kind, Any], Any]] = {
    "text": _text,
    "postcode": _postcode,
    "smallint": _whole,
    "integer": _whole,
    "bigint": _whole,
    "numeric": _number,
    "boolean": _boolean,
    "instant": _instant,
    "date": _date,
    "json": _json,
}
