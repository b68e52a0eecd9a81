"""What the Dagster UI shows about a table: rows, a sample, and small pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from assets.landing.common import Staleness

_SAMPLE_COLUMNS = 12
_CELL_CHARACTERS = 120


def table_metadata(
    conn: psycopg.Connection, key: dg.AssetKey, *, sample: int = 5
) -> dict[str, Any]:
    """Row count and the first rows of a table, as asset metadata."""
    table = sql.Identifier(*key.path)
    count = conn.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()
    cursor = conn.execute(
        sql.SQL("select * from {} limit {}").format(table, sql.Literal(sample))
    )
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {
        "dagster/row_count": count[0] if count else 0,
        "sample": records_table(rows),
    }


def unchanged_metadata(
    context: dg.AssetExecutionContext, key: dg.AssetKey
) -> dict[str, Any]:
    """What the last materialization showed, for one that finds nothing to do.

    The UI shows the newest event alone: without this, rows, sample and plots would be
    gone from an asset's page after a run that changed nothing.
    """
    event = context.instance.get_latest_materialization_event(key)
    before = event.asset_materialization if event else None
    return {**(before.metadata if before else {}), "status": "unchanged"}


def stale_metadata(stale: Staleness) -> dict[str, Any]:
    """A snapshot that stands because its source is away: since when, why, how long."""
    return {
        "status": f"{stale.status}: the last good snapshot stands",
        "reason": stale.reason,
        "snapshot_taken_at": dg.MetadataValue.timestamp(stale.taken_at),
        "snapshot_age_hours": round(stale.age_hours, 2),
        "snapshot_limit_hours": stale.limit_hours or "none",
    }


def records_table(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Rows as a table the UI shows in place; wide ones keep their first columns."""
    if not rows:
        return dg.MetadataValue.md("*no rows*")
    names = list(rows[0])[:_SAMPLE_COLUMNS]
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord({name: _cell(row.get(name)) for name in names})
            for row in rows
        ],
        schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in names]),
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float | Decimal):
        return f"{value:,.10g}" if abs(float(value)) >= 10_000 else f"{value:g}"
    return str(value).replace("\n", " ")[:_CELL_CHARACTERS]


def image(path: Path) -> dg.MetadataValue:
    """A PNG file, embedded so that it shows wherever the UI runs."""
    data = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{path.stem}](data:image/png;base64,{data})")
