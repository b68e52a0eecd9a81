"""From settings to a warehouse that is running, migrated and bound to one market.

No Dagster here: the command line uses these too. The resource is `resources.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from assets.vault import open_vault
from database.connections import (
    Limits,
    claim_market,
    connect,
    connection_parts,
    sqlalchemy_url,
)
from database.embedded import EmbeddedServer
from database.migrate import migrate
from delivery.keys import has_plain_secrets, seal_plain_secrets
from settings import Settings

if TYPE_CHECKING:
    from database.pool import Pool

DAGSTER_URL_VARIABLE = "AUSPROPERTY_DAGSTER_URL"


def warehouse_url(settings: Settings) -> str:
    """URL of the active market's database: the user's own, or the embedded server's.

    Starts the embedded server if it is down.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    server = EmbeddedServer(settings.postgres_folder, settings.postgres_bin)
    return server.ensure_database(server.ensure(), settings.database_name)


def prepare_warehouse(settings: Settings) -> str:
    """Start, migrate and bind the warehouse to the active market; return its URL.

    Signing secrets that an older version left in plain are sealed here.

    Raises:
        DatabaseError: with what to do.
    """
    url = warehouse_url(settings)
    migrate(url)
    with connect(url) as conn:
        claim_market(conn, settings.active_market)
        for schema in ("dagster", "mlflow"):
            conn.execute(f"create schema if not exists {schema}")
        conn.commit()
        seal_old_secrets(settings, conn)
    return url


def seal_old_secrets(settings: Settings, conn: psycopg.Connection) -> None:
    """Seal the signing secrets that revisions before 0008 kept in plain. Commits.

    Raises:
        VaultError: there are some, and no master key.
    """
    if has_plain_secrets(conn):
        seal_plain_secrets(conn, open_vault(settings))
    conn.commit()


@contextmanager
def warehouse_connection(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection to the warehouse; commit is the caller's decision."""
    with connect(warehouse_url(settings)) as conn:
        yield conn


def serving_limits(settings: Settings) -> Limits:
    """Time limits of connections that answer questions, by environment."""
    serving = settings.serving.in_environment(settings.environment)
    return Limits(
        statement_seconds=serving.statement_seconds or 0,
        idle_in_transaction_seconds=serving.idle_in_transaction_seconds or 0,
        lock_seconds=serving.lock_seconds or 0,
    )


def serving_pool(settings: Settings) -> Pool:
    """A pool for a process that answers questions, sized by environment."""
    from database.pool import Pool

    serving = settings.serving.in_environment(settings.environment)
    return Pool(
        warehouse_url(settings),
        pool_min=serving.pool_min or 1,
        pool_max=serving.pool_max or 1,
        limits=serving_limits(settings),
    )


def dagster_storage_url(url: str) -> str:
    """Dagster's instance storage: schema `dagster` of the warehouse database."""
    return sqlalchemy_url(url, "dagster").replace(
        "postgresql+psycopg2", "postgresql", 1
    )


def tracking_url(url: str) -> str:
    """MLflow's backend store: schema `mlflow` of the warehouse database."""
    return sqlalchemy_url(url, "mlflow")


def dbt_connection(parts: Mapping[str, str]) -> dict[str, str]:
    """The variables of `dbt_project/profiles.yml`; dbt masks the secret in its logs."""
    named = {f"AUSPROPERTY_DBT_{key.upper()}": value for key, value in parts.items()}
    password = named.pop("AUSPROPERTY_DBT_PASSWORD", "")
    return {**named, "DBT_ENV_SECRET_AUSPROPERTY_PASSWORD": password}


def dbt_environment(settings: Settings, url: str) -> dict[str, str]:
    """Environment of a dbt command: connection, and folders outside the checkout."""
    folder = settings.market_folder / "dbt"
    parts = connection_parts(url)
    return {
        **dbt_connection(parts),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def quiet_telemetry() -> None:
    """Switch every tool's telemetry off for this process and its children."""
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
