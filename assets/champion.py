"""Which version is champion, without importing MLflow.

Sensors and unchanged runs ask this often, and importing MLflow costs 4 s of CPU.
Everything else about the registry goes through `ml.tracking`.
"""

from __future__ import annotations

import psycopg

CHAMPION = "champion"
MODEL_NAME = "property_valuation"


def champion_version(conn: psycopg.Connection) -> str | None:
    """Version the champion alias points at, None if there is none."""
    row = conn.execute(
        "select to_regclass('mlflow.registered_model_aliases') is not null"
    ).fetchone()
    if row is None or not row[0]:
        return None
    found = conn.execute(
        "select version from mlflow.registered_model_aliases "
        "where name = %s and alias = %s",
        [MODEL_NAME, CHAMPION],
    ).fetchone()
    return str(found[0]) if found else None
