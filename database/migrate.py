"""Bring the operational schema to the newest revision (Alembic).

The SQL of a revision lies in `migrations/sql/`; marts and features are dbt's.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from database.connections import connect, sqlalchemy_url

MIGRATIONS = Path(__file__).parent / "migrations"
# Any fixed number: processes that start at once upgrade one after the other.
_LOCK = 7_240_001


def head_revision() -> str:
    """Newest revision that this checkout knows (file names start with the number)."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_revision(conn: psycopg.Connection) -> str | None:
    """Revision the database is at, None if it was never migrated."""
    row = conn.execute("select to_regclass('ops.alembic_version')").fetchone()
    if row is None or row[0] is None:
        return None
    row = conn.execute("select version_num from ops.alembic_version").fetchone()
    return str(row[0]) if row else None


def migrate(url: str) -> tuple[str | None, str]:
    """Upgrade the database; return (revision before, revision after).

    Alembic is imported only when there is something to do: every process that touches
    the database comes through here.
    """
    head = head_revision()
    with connect(url, autocommit=True) as conn:
        before = current_revision(conn)
        if before == head:
            return before, head
        conn.execute("select pg_advisory_lock(%s)", [_LOCK])
        before = current_revision(conn)
        if before != head:
            conn.execute("create schema if not exists ops")
            _upgrade(url)
        return before, head


def _upgrade(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # Alembic's own interpolation would trip over a % in a password.
    config.attributes["url"] = sqlalchemy_url(url)
    command.upgrade(config, "head")
