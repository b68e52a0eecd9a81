"""Sales files landed in a test's database, and all that a load has written there."""

from __future__ import annotations

from pathlib import Path

import psycopg

from assets.landing.common import IngestSummary
from assets.landing.nsw_valuer import ingest_psi

SALES = "raw.nsw_valuer__sales"
#: A district's file in the weekly ZIPs that tests write.
DAT = "708_SALES_DATA_NNME_17062024.DAT"


def land(conn: psycopg.Connection, location: Path, **more: object) -> IngestSummary:
    options = {"landing": location / "landing", "is_simulated": False, **more}
    return ingest_psi(conn, location, **options)


def counts(summary: IngestSummary) -> tuple[int, int, int, int]:
    assert summary.read == summary.loaded + summary.repeated + summary.rejected
    return summary.read, summary.loaded, summary.repeated, summary.rejected


def one(conn: psycopg.Connection, query: str) -> object:
    row = conn.execute(query).fetchone()
    assert row is not None
    return row[0]


def contents(conn: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Everything a load writes, without the time it was written."""
    found = {}
    for table, clock in (
        (SALES, "_loaded_at"),
        ("raw.csv__sales", "_loaded_at"),
        ("raw.rejects", "_rejected_at"),
        ("ops.source_files", "loaded_at"),
    ):
        rows = conn.execute(
            f"select row from (select to_jsonb(t) - '{clock}' as row from {table} t) "
            "as rows order by row::text"
        )
        found[table] = rows.fetchall()
    conn.commit()
    return found
