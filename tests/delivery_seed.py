"""Predictions and endpoints in a test database, as scoring leaves them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

import psycopg

from delivery.endpoints import Endpoint, register_endpoint
from delivery.guard import parse_networks
from delivery.keys import Secret, current_secrets
from delivery.outbox import PublishCounts, publish_predictions
from delivery.vault import Vault
from delivery.worker import Limits
from tests.homes import MASTER_KEY

LOOPBACK = parse_networks(["127.0.0.0/8"])
# Fixed, so that drains in processes of their own open the same keys.
VAULT = Vault([MASTER_KEY])
NAMESPACE = UUID("0e7ab6ea-7a5a-4a0e-9c55-0f5ba7a6c0de")
# Short, so that a test sees the end of a lease or of a hanging POST.
QUICK = Limits(post_total=1, connect=1, lease=3, stop=2, database_outage=20)

Conn = psycopg.Connection[Any]


def property_id(number: int) -> UUID:
    return uuid5(NAMESPACE, f"property {number}")


def prediction_id(number: int) -> UUID:
    return uuid5(NAMESPACE, f"prediction {number}")


def create_market(conn: Conn) -> None:
    """A stand-in for the table that dbt builds."""
    conn.execute(
        "create table marts.properties (property_id uuid primary key, address text,"
        " suburb text, state text, postcode text)"
    )


def add_predictions(
    conn: Conn,
    count: int,
    *,
    first: int = 0,
    previous: int | None = None,
    address: str = "1 Example Street, PARRAMATTA NSW 2150",
) -> None:
    """Properties, predictions and the temporary table of what is new. No commit."""
    conn.execute(
        "create temporary table new_predictions (prediction_id uuid, property_id uuid,"
        " previous_estimate_aud bigint) on commit drop"
    )
    numbers = range(first, first + count)
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into marts.properties values (%s, %s, 'PARRAMATTA', 'NSW', '2150')",
            [(property_id(n), address) for n in numbers],
        )
        cursor.executemany(
            "insert into ml.price_predictions (prediction_id, property_id,"
            " valuation_date, estimate_aud, low_aud, high_aud, interval_pct,"
            " low_68_aud, high_68_aud,"
            " confidence, method, model_name, model_version, features_snapshot_id,"
            " source_file, source_row_number, is_simulated)"
            " values (%s, %s, '2024-12-31', %s, %s, %s, 80, 850000, 1000000, 0.7,"
            " 'model',"
            " 'property_valuation', '3', 'snapshot', '20241230.zip/001.DAT', 12,"
            " false)",
            [
                (prediction_id(n), property_id(n), 900_000 + n, 800_000, 1_100_000 + n)
                for n in numbers
            ],
        )
        cursor.executemany(
            "insert into new_predictions values (%s, %s, %s)",
            [(prediction_id(n), property_id(n), previous) for n in numbers],
        )


def add_endpoint(
    conn: Conn, url: str, name: str = "consumer", **options: Any
) -> tuple[Endpoint, Secret]:
    """An endpoint and its v1 secret."""
    endpoint, found = register_endpoint(
        conn, name, url, vault=VAULT, allow_networks=LOOPBACK, **options
    )
    return endpoint, found["v1"]


def secret_of(conn: Conn, endpoint_id: UUID | None = None) -> str:
    """The written v1 secret of an endpoint, of the only one by default."""
    if endpoint_id is None:
        endpoint_id = one(conn, "select endpoint_id from delivery.endpoints")[0]
    return current_secrets(conn, VAULT, endpoint_id)["v1"].written


def publish(conn: Conn, count: int, url: str, name: str = "consumer") -> PublishCounts:
    """One endpoint, `count` predictions and their events, committed."""
    create_market(conn)
    add_endpoint(conn, url, name)
    add_predictions(conn, count)
    counts = publish_predictions(conn)
    conn.commit()
    return counts


def one(conn: Conn, query: str, *parameters: object) -> Any:
    """The first row of a query, alone in its transaction."""
    row = conn.execute(query, parameters).fetchone()  # type: ignore[arg-type]
    conn.commit()
    return row
