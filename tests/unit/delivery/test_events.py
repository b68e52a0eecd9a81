"""Bodies are held against the catalogue."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from delivery.events import (
    EVENT_SCHEMAS,
    PREDICTION_CREATED,
    PREDICTION_UPDATED,
    PREDICTION_WITHDRAWN,
    EventRejected,
    check_body,
    event_id,
    event_ids,
)


def _payload(event_type: str = PREDICTION_CREATED) -> dict[str, Any]:
    if event_type == PREDICTION_WITHDRAWN:
        return {
            "type": event_type,
            "timestamp": "2026-03-01T02:00:00.000000Z",
            "data": {
                "property_id": "0b0c0d0e-0000-5000-8000-000000000002",
                "address": "1 Example Street, Parramatta NSW 2150",
                "suburb": "PARRAMATTA",
                "state": "NSW",
                "postcode": "2150",
                "valuation_date": "2024-12-31",
                "reason": "no_comparables",
                "detail": "no sale to stand on",
                "previous_estimate_aud": 900_000,
                "simulated": False,
            },
        }
    return {
        "type": event_type,
        "timestamp": "2026-03-01T02:00:00.000000Z",
        "data": {
            "prediction_id": "0b0c0d0e-0000-5000-8000-000000000001",
            "property_id": "0b0c0d0e-0000-5000-8000-000000000002",
            "address": "1 Example Street, Parramatta NSW 2150",
            "suburb": "PARRAMATTA",
            "state": "NSW",
            "postcode": "2150",
            "valuation_date": "2024-12-31",
            "estimate_aud": 950_000,
            "low_aud": 800_000,
            "high_aud": 1_100_000,
            "interval_pct": 80,
            "intervals": {"68": None, "80": [800_000, 1_100_000], "95": None},
            "confidence": 0.71,
            "method": "model",
            "model": {"name": "property_valuation", "version": "3"},
            "previous_estimate_aud": (
                None if event_type == PREDICTION_CREATED else 900_000
            ),
            "source": {"file": "20241230.zip/001.DAT", "row": 12},
            "simulated": False,
        },
    }


@pytest.mark.parametrize("event_type", sorted(EVENT_SCHEMAS))
def test_schemas_are_valid_and_accept_a_good_body(event_type: str) -> None:
    Draft202012Validator.check_schema(EVENT_SCHEMAS[event_type])
    check_body(event_type, json.dumps(_payload(event_type)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prediction_id", "12"),
        ("estimate_aud", 0),
        ("estimate_aud", 1.5),
        ("estimate_aud", "950000"),
        ("estimate_aud", None),
        ("confidence", 1.01),
        ("fsd", 0),
        ("confidence_class", "F"),
        ("thin_data", "no"),
        ("interval_pct", 100),
        ("intervals", {"68": None, "80": [800_000, 1_100_000]}),
        ("intervals", {"68": [1], "80": [800_000, 1_100_000], "95": None}),
        ("method", "guess"),
        ("valuation_date", "31/12/2024"),
        ("previous_estimate_aud", 1),
        ("model", {"name": "x"}),
        ("source", {"file": "f", "row": 0}),
        ("simulated", "no"),
        ("surprise", 1),
    ],
)
def test_a_body_that_breaks_the_schema_is_rejected_by_field(
    field: str, value: object
) -> None:
    payload = _payload()
    payload["data"][field] = value
    with pytest.raises(EventRejected, match=re.escape(field)):
        check_body(PREDICTION_CREATED, json.dumps(payload))


def test_an_update_names_the_estimate_it_replaces() -> None:
    payload = _payload(PREDICTION_UPDATED)
    payload["data"]["previous_estimate_aud"] = None
    with pytest.raises(EventRejected, match="previous_estimate_aud"):
        check_body(PREDICTION_UPDATED, json.dumps(payload))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "not JSON"),
        ('{"type":NaN}', "not JSON"),
        ('{"type":"a\\u0000b"}', "NUL"),
        ('{"type":"a\\\\\\u0000b"}', "NUL"),
        ('{"type":"' + "x" * 70_000 + '"}', "bytes"),
    ],
)
def test_bodies_that_cannot_be_sent_are_rejected(body: str, reason: str) -> None:
    with pytest.raises(EventRejected, match=reason):
        check_body(PREDICTION_CREATED, body)


def test_text_that_looks_like_an_escaped_nul_is_harmless() -> None:
    payload = _payload()
    payload["data"]["address"] = "a\\u0000b"
    check_body(PREDICTION_CREATED, json.dumps(payload))


def test_unknown_event_types_are_rejected() -> None:
    with pytest.raises(EventRejected, match="no event type"):
        check_body("listing.created", "{}")


def test_event_ids_are_stable_and_fit_the_signed_message() -> None:
    key = "prediction:0b0c0d0e-0000-5000-8000-000000000001"
    assert event_id(key) == event_id(key)
    assert re.fullmatch(r"evt_[0-9a-f]{32}", event_id(key))
    assert event_id(key) != event_id(key + "x")


def test_ids_of_many_are_the_ids_of_each() -> None:
    keys = [f"prediction:{number}" for number in range(300)]
    assert event_ids(keys) == [event_id(key) for key in keys]


def test_how_sure_an_estimate_is_may_be_said() -> None:
    payload = _payload()
    payload["data"] |= {
        "fsd": 0.11,
        "confidence_class": "B",
        "extrapolation": False,
        "thin_data": True,
    }
    check_body(PREDICTION_CREATED, json.dumps(payload))
