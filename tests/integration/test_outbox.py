"""Predictions, their events and deliveries stand or fall together."""

from __future__ import annotations

import json
import threading
from typing import Any

import psycopg
import pytest

from delivery.endpoints import (
    EndpointError,
    disable_endpoint,
    list_endpoints,
)
from delivery.events import EventRejected, check_body
from delivery.outbox import PublishCounts, publish_predictions
from delivery.signing import decode_secret
from tests.delivery_seed import (
    add_endpoint,
    add_predictions,
    create_market,
    one,
    prediction_id,
    property_id,
)

URL = "http://127.0.0.1:9009/hook"
Conn = psycopg.Connection[Any]


@pytest.fixture
def market(conn: Conn) -> Conn:
    create_market(conn)
    conn.commit()
    return conn


def test_each_prediction_gets_one_event_and_one_delivery_per_endpoint(
    market: Conn,
) -> None:
    add_endpoint(market, URL, "all")
    add_endpoint(market, URL, "created", event_types=["prediction.created"])
    add_endpoint(market, URL, "updated", event_types=["prediction.updated"])
    add_endpoint(market, URL, "disabled")
    disable_endpoint(market, "disabled", "test")
    add_predictions(market, 3)
    counts = publish_predictions(market)
    market.commit()
    assert counts == PublishCounts(
        events=3,
        deliveries=6,
        repeated=0,
        by_type={"prediction.created": 3, "prediction.updated": 0},
    )
    by_endpoint = market.execute(
        "select e.name, count(*) from delivery.deliveries"
        " join delivery.endpoints as e using (endpoint_id) group by 1 order by 1"
    ).fetchall()
    assert by_endpoint == [("all", 3), ("created", 3)]


def test_a_rolled_back_scoring_leaves_no_event_and_no_delivery(market: Conn) -> None:
    add_endpoint(market, URL)
    market.commit()
    add_predictions(market, 3)
    publish_predictions(market)
    market.rollback()
    assert one(market, "select count(*) from delivery.events") == (0,)
    assert one(market, "select count(*) from delivery.deliveries") == (0,)


def test_publishing_again_adds_nothing(market: Conn) -> None:
    add_endpoint(market, URL)
    add_predictions(market, 3)
    publish_predictions(market)
    again = publish_predictions(market)
    market.commit()
    assert (again.events, again.deliveries, again.repeated) == (0, 0, 3)
    assert one(market, "select count(*) from delivery.deliveries") == (3,)


def test_two_publications_of_the_same_predictions_at_once_make_one_event(
    market: Conn, database_url: str
) -> None:
    add_endpoint(market, URL)
    add_predictions(market, 20)
    market.commit()
    results: list[PublishCounts] = []

    def publish() -> None:
        with psycopg.connect(database_url) as conn:
            conn.execute(
                "create temporary table new_predictions on commit drop as"
                " select prediction_id, property_id, null::bigint as"
                " previous_estimate_aud from ml.price_predictions"
            )
            results.append(publish_predictions(conn))

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result.events for result in results) == [0, 0, 20]
    assert one(market, "select count(*) from delivery.deliveries") == (20,)


@pytest.mark.parametrize(
    "address",
    [
        "1 Example Street",
        "",
        'Unit "A"/1, back\\slash \\u0000 and \\n',
        "tab\there, line\nbreak, \x01 control",
        "Ωmega 🏠 الشارع",
        "</script> & 'quotes' {} []",
    ],
)
@pytest.mark.parametrize("previous", [None, 850_000])
def test_bodies_are_compact_json_of_the_catalogue_in_its_order(
    market: Conn, address: str, previous: int | None
) -> None:
    add_endpoint(market, URL)
    add_predictions(market, 1, address=address, previous=previous)
    publish_predictions(market)
    event_type, body = one(market, "select event_type, body from delivery.events")
    payload = json.loads(body)
    check_body(event_type, body)
    assert json.dumps(payload, ensure_ascii=False, separators=(",", ":")) == body
    assert event_type == "prediction." + ("updated" if previous else "created")
    assert payload["data"] == {
        "prediction_id": str(prediction_id(0)),
        "property_id": str(property_id(0)),
        "address": address,
        "suburb": "PARRAMATTA",
        "state": "NSW",
        "postcode": "2150",
        "valuation_date": "2024-12-31",
        "estimate_aud": 900_000,
        "low_aud": 800_000,
        "high_aud": 1_100_000,
        "interval_pct": 80,
        # No 95 % interval is stated here.
        "intervals": {
            "68": [850_000, 1_000_000],
            "80": [800_000, 1_100_000],
            "95": None,
        },
        "confidence": 0.7,
        "fsd": None,
        "confidence_class": None,
        "extrapolation": False,
        "thin_data": False,
        "method": "model",
        "model": {"name": "property_valuation", "version": "3"},
        "previous_estimate_aud": previous,
        "source": {"file": "20241230.zip/001.DAT", "row": 12},
        "simulated": False,
    }
    assert list(payload["data"])[:4] == [
        "prediction_id",
        "property_id",
        "address",
        "suburb",
    ]


def test_a_prediction_without_its_property_publishes_nothing(market: Conn) -> None:
    add_predictions(market, 2)
    market.execute(
        "delete from marts.properties where property_id = %s", [property_id(0)]
    )
    with pytest.raises(EventRejected, match="1 of 2 new predictions"):
        publish_predictions(market)


def test_a_body_that_breaks_the_schema_publishes_nothing(market: Conn) -> None:
    add_predictions(market, 2)
    market.execute("update ml.price_predictions set interval_pct = 0")
    with pytest.raises(EventRejected, match="interval_pct"):
        publish_predictions(market)


def test_a_body_over_the_limit_publishes_nothing(market: Conn) -> None:
    add_predictions(market, 1, address="x" * 70_000)
    with pytest.raises(psycopg.errors.CheckViolation):
        publish_predictions(market)


def test_registering_a_name_again_keeps_its_id_and_secret(conn: Conn) -> None:
    before, secret = add_endpoint(conn, URL)
    disable_endpoint(conn, "consumer", "for a test")
    assert list_endpoints(conn)[0].status == "disabled"
    after, same = add_endpoint(conn, "http://127.0.0.1:9009/moved")
    assert (after.endpoint_id, same.written) == (before.endpoint_id, secret.written)
    assert after.url.endswith("/moved")
    assert (after.status, after.disabled_reason) == ("active", None)
    assert list_endpoints(conn) == [after]
    assert len(decode_secret(secret.written)) == 32


def test_secrets_do_not_show_themselves(conn: Conn) -> None:
    endpoint, secret = add_endpoint(conn, URL)
    for text in (repr(secret), str(secret), f"{secret}", repr(endpoint)):
        assert secret.written not in text


def test_unknown_event_types_and_policies_are_refused(conn: Conn) -> None:
    with pytest.raises(EndpointError, match=r"listing\.created"):
        add_endpoint(conn, URL, event_types=["listing.created"])
    with pytest.raises(EndpointError, match="retry policy"):
        add_endpoint(conn, URL, retry_policy="never")
    assert not disable_endpoint(conn, "nobody", "test")
