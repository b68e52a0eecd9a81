"""Homes that are valued without a model, and reading what a scoring left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import psycopg

from tests.market_samples import feature_rows

Conn = psycopg.Connection[Any]
LEVELS = [
    "suburb_type_log_price_12m",
    "postcode_type_log_price_12m",
    "suburb_log_price_12m",
    "state_type_log_price_3m",
]
OWN = ["last_price_log", "months_since_last_sale", "last_price_indexed_log"]


def homes(count: int = 60) -> pd.DataFrame:
    """Homes on one day, valued by the median of suburb and type."""
    rows = feature_rows(count, seed=8)
    rows[OWN] = np.nan
    rows["as_of_date"] = pd.Timestamp("2024-02-01")
    return rows


def scalar(conn: Conn, query: str) -> Any:
    row = conn.execute(query.encode()).fetchone()
    conn.commit()
    assert row is not None
    return row[0]
