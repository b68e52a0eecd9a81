"""Predictions to plant, and readings of what later sales said of them."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time
from typing import Any

import psycopg

Conn = psycopg.Connection[Any]
NAMESPACE = uuid.UUID("4b8b2c1e-8d6e-4f53-9a53-5b4d5f1f7b21")


def plant_prediction(
    conn: Conn,
    property_id: Any,
    day: str,
    estimate: int,
    *,
    version: str | None = "1",
    method: str = "model",
    spread: float = 0.1,
    beside: tuple[float, float] | None = None,
    created: datetime | None = None,
) -> uuid.UUID:
    """A valuation of a home as of a day, written at noon of it; commits.

    ``spread`` is the 80 % interval's half width, a share; ``beside`` those of 68 and
    95 %.
    """
    when = created or datetime.combine(date.fromisoformat(day), time(12), UTC)
    name = f"{property_id}|{day}|{estimate}|{version}|{when}"
    prediction = uuid.uuid5(NAMESPACE, name)
    conn.execute(
        "insert into ml.price_predictions (prediction_id, property_id, valuation_date,"
        " estimate_aud, low_aud, high_aud, interval_pct, low_68_aud, high_68_aud,"
        " low_95_aud, high_95_aud, confidence, method,"
        " model_name, model_version, features_snapshot_id, is_simulated, created_at)"
        " values (%s, %s, %s, %s, %s, %s, 80, %s, %s, %s, %s, 0.8, %s,"
        " 'property_valuation', %s,"
        " 'snapshot', false, %s)",
        [
            prediction,
            property_id,
            day,
            estimate,
            round(estimate * (1 - spread)),
            round(estimate * (1 + spread)),
            *(
                None if share is None else round(estimate * (1 + sign * share))
                for share in (beside or (None, None))
                for sign in (-1, 1)
            ),
            method,
            version,
            when,
        ],
    )
    conn.commit()
    return prediction


def told(conn: Conn) -> dict[str, tuple[Any, ...]]:
    """Feedback by source line: prediction's estimate, price, error (AUD), inside 80."""
    rows = conn.execute(
        "select source_file || ':' || source_row_number, estimate_aud, price_aud,"
        " error_aud, inside_80 from ml.prediction_feedback"
    ).fetchall()
    conn.commit()
    return {row[0]: row[1:] for row in rows}


def plant_sales(conn: Conn, count: int) -> None:
    """Stand-ins for what dbt builds: homes sold on later days, by number."""
    conn.execute(
        """
        create table intermediate.int_sale__validated as
        select md5('sale' || n)::uuid as sale_id, md5('home' || n)::uuid as property_id,
            1000000::bigint as price_aud, '2024-03-01'::date + n %% 60 as contract_date,
            '2024-05-01'::date + n %% 60 as known_on,
            '2024-05-01'::date + n %% 60 as first_known_on,
            'NSW' as state, 'house' as dwelling_type, 'NSW|A' as suburb_key,
            'csv' as source, 'a.csv' as source_file, n as source_row_number,
            false as is_simulated, true as is_market_sale
        from generate_series(1, %s) as n;
        """,
        [count],
    )
    conn.execute(
        "create view marts.sales as select * from intermediate.int_sale__validated"
    )
    conn.execute(
        "create table marts.properties as select property_id, state, dwelling_type,"
        " suburb_key from intermediate.int_sale__validated"
    )
    conn.commit()
