"""Is a derived stage up to date? Fingerprints of what it was last built from.

Every stage compares the fingerprint of its inputs with the one recorded when it last
finished. Equal: nothing to do, say so. The record is written after the work commits, so
a killed run repeats the stage, and every stage is idempotent.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from settings import ROOT

#: Names of dbt branches that others go by (`dbt_branches.py`).
LISTINGS_BUILD = "dbt_listing_marts"
SALES_BUILD = "dbt_models"
MARKET_BUILD = "dbt_market"
FEATURES_BUILD = "dbt_features"


def last_build(
    conn: psycopg.Connection, name: str, fingerprint: str
) -> dict[str, Any] | None:
    """Summary of the last build of `name` if it had this fingerprint, else None."""
    row = conn.execute(
        "select summary from ops.builds where name = %s and fingerprint = %s",
        [name, fingerprint],
    ).fetchone()
    return dict(row[0]) if row else None


def record_build(
    conn: psycopg.Connection,
    name: str,
    fingerprint: str,
    *,
    run_id: str,
    summary: dict[str, Any],
) -> None:
    """Remember that `name` is built from `fingerprint`; commits."""
    conn.execute(
        """
        insert into ops.builds (name, fingerprint, summary, run_id)
        values (%s, %s, %s, %s)
        on conflict (name) do update set
            fingerprint = excluded.fingerprint, summary = excluded.summary,
            run_id = excluded.run_id, finished_at = now()
        """,
        [name, fingerprint, Jsonb(summary), run_id],
    )
    conn.commit()


def forget_build(conn: psycopg.Connection, name: str) -> None:
    """Make the next run build `name` again: say so before its outputs change."""
    conn.execute("delete from ops.builds where name = %s", [name])
    conn.commit()


def landing_fingerprint(conn: psycopg.Connection, *sources: str) -> str:
    """Fingerprint of what has landed: the ledger's files, in any order."""
    row = conn.execute(
        """
        select count(*), coalesce(sum(hashtextextended(
            file_id::text || status || rows_loaded::text, 0)::numeric), 0)
        from ops.source_files where source = any(%s)
        """,
        [list(sources)],
    ).fetchone()
    return digest("landing", *sources, str(row))


def changes_fingerprint(conn: psycopg.Connection, *tables: str) -> str:
    """Fingerprint of what was noted of changes of these tables (`ops.note_changes`)."""
    row = conn.execute(
        "select count(*), max(change_id) from ops.noted_changes where input = any(%s)",
        [list(tables)],
    ).fetchone()
    return digest("changes", *tables, str(row))


def build_of(conn: psycopg.Connection, name: str) -> str:
    """Fingerprint of the last finished build of `name`; empty if there is none.

    A build that others read is forgotten before its tables change, so theirs is never
    that of a state half old and half new.
    """
    row = conn.execute(
        "select fingerprint from ops.builds where name = %s", [name]
    ).fetchone()
    return str(row[0]) if row else ""


@cache
def code_digest(room: str) -> str:
    """Fingerprint of the code of a room: other code may give other answers."""
    seen = hashlib.sha256()
    for path in sorted((ROOT / room).glob("*.py")):
        seen.update(path.read_bytes())
    return seen.hexdigest()


def digest(*parts: str) -> str:
    """A short, stable name for a combination of inputs."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def last_summary(conn: psycopg.Connection, name: str) -> dict[str, Any]:
    """Summary of the last finished build of `name`, whatever it was built from."""
    row = conn.execute(
        "select summary from ops.builds where name = %s", [name]
    ).fetchone()
    return dict(row[0]) if row else {}
