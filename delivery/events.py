"""The event catalogue: types, the JSON Schemas of their bodies, and event ids.

What an event says is laid down here; `outbox.py` writes the bodies, in SQL, beside the
facts they tell of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha1
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from domain.errors import PermanentError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

PREDICTION_CREATED = "prediction.created"
PREDICTION_UPDATED = "prediction.updated"
PREDICTION_WITHDRAWN = "prediction.withdrawn"

MAX_BODY_BYTES = 64 * 1024
EVENT_NAMESPACE = UUID("18f475cb-2790-4c52-8f4a-7b9dc431cfd4")

_UUID = {"type": "string", "format": "uuid", "minLength": 36, "maxLength": 36}
_AMOUNT = {"type": "integer", "minimum": 1}
_DATE = {"type": "string", "format": "date"}
_TEXT_OR_NULL = {"type": ["string", "null"]}


def _closed(
    properties: Mapping[str, Any], optional: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An object schema with these properties, all but the optional ones required."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


_ADDRESS = {
    "address": _TEXT_OR_NULL,
    "suburb": _TEXT_OR_NULL,
    "state": _TEXT_OR_NULL,
    "postcode": _TEXT_OR_NULL,
}
# Bodies from before these were known lack them.
_BOUNDS = {
    "type": ["array", "null"],
    "items": {"type": "integer", "minimum": 0},
    "minItems": 2,
    "maxItems": 2,
}
_SURENESS = {
    "intervals": _closed({"68": _BOUNDS, "80": _BOUNDS, "95": _BOUNDS}),
    "fsd": {"type": ["number", "null"], "exclusiveMinimum": 0},
    "confidence_class": {"enum": ["A", "B", "C", "D", "E", None]},
    "extrapolation": {"type": "boolean"},
    "thin_data": {"type": "boolean"},
}


def _prediction_schema(event_type: str, previous_estimate: object) -> dict[str, Any]:
    data = _closed(
        {
            "prediction_id": _UUID,
            "property_id": _UUID,
            **_ADDRESS,
            "valuation_date": _DATE,
            "estimate_aud": _AMOUNT,
            "low_aud": {"type": "integer", "minimum": 0},
            "high_aud": _AMOUNT,
            "interval_pct": {"type": "integer", "minimum": 1, "maximum": 99},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "method": {
                "enum": [
                    "model",
                    "last_prediction",
                    "indexed_last_sale",
                    "local_median",
                ]
            },
            "model": _closed({"name": _TEXT_OR_NULL, "version": _TEXT_OR_NULL}),
            "previous_estimate_aud": previous_estimate,
            "source": _closed(
                {
                    "file": _TEXT_OR_NULL,
                    "row": {"type": ["integer", "null"], "minimum": 1},
                }
            ),
            "simulated": {"type": "boolean"},
        },
        _SURENESS,
    )
    return _body_schema(event_type, data)


def _withdrawal_schema() -> dict[str, Any]:
    data = _closed(
        {
            "property_id": _UUID,
            **_ADDRESS,
            "valuation_date": _DATE,
            "reason": {
                "enum": [
                    "attributes_missing",
                    "no_comparables",
                    "stale_market",
                    "too_uncertain",
                    "type_not_modelled",
                ]
            },
            "detail": {"type": "string"},
            "previous_estimate_aud": _AMOUNT,
            "simulated": {"type": "boolean"},
        }
    )
    return _body_schema(PREDICTION_WITHDRAWN, data)


def _body_schema(event_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event_type,
        **_closed(
            {
                "type": {"const": event_type},
                "timestamp": {"type": "string", "format": "date-time"},
                "data": data,
            }
        ),
    }


EVENT_SCHEMAS: Mapping[str, dict[str, Any]] = {
    PREDICTION_CREATED: _prediction_schema(PREDICTION_CREATED, {"type": "null"}),
    PREDICTION_UPDATED: _prediction_schema(PREDICTION_UPDATED, _AMOUNT),
    PREDICTION_WITHDRAWN: _withdrawal_schema(),
}
"""JSON Schema 2020-12 of the body of every event type."""


# An odd number of backslashes: an escape, and not text that looks like one.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000|\0")


class EventRejected(PermanentError):
    """A body that must not be published: it breaks its schema or a wire rule."""


def event_id(event_key: str) -> str:
    """The webhook-id of an event: the same whenever and wherever it is derived."""
    return f"evt_{uuid5(EVENT_NAMESPACE, event_key).hex}"


def event_ids(event_keys: Iterable[str]) -> list[str]:
    """The same of many, in a third of the time: no object is made of each."""
    known = sha1(EVENT_NAMESPACE.bytes, usedforsecurity=False)
    found: list[str] = []
    for key in event_keys:
        named = known.copy()
        named.update(key.encode())
        digits = named.hexdigest()
        # Version 5 and its variant, as RFC 9562 sets their bits.
        variant = "89ab"[int(digits[16], 16) & 3]
        found.append(f"evt_{digits[:12]}5{digits[13:16]}{variant}{digits[17:32]}")
    return found


@cache
def _validator(event_type: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    try:
        return Draft202012Validator(
            EVENT_SCHEMAS[event_type],
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
    except KeyError:
        raise EventRejected(f"There is no event type {event_type!r}.") from None


def check_body(event_type: str, body: str) -> None:
    """Hold a body against the schema of its type and the rules of the wire.

    Raises:
        EventRejected: not JSON, NaN, a NUL, too big, or names the field at fault.
    """
    if len(body.encode()) > MAX_BODY_BYTES:
        raise EventRejected(f"{event_type}: the body is over {MAX_BODY_BYTES} bytes.")
    if _NUL.search(body):
        raise EventRejected(f"{event_type}: the body holds a NUL character.")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        raise EventRejected(f"{event_type}: the body is not JSON: {error}") from error
    for fault in _validator(event_type).iter_errors(value):
        where = ".".join(map(str, fault.absolute_path)) or "body"
        raise EventRejected(f"{event_type}: {where}: {fault.message}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number of JSON")
