"""What the Dagster UI shows about a table: rows, a sample, and small pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString, Protocol

import dagster as dg
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from assets.landing.common import Staleness
from connectors.resilience import SourceClient
from domain.sources import SourceInfo

_SAMPLE_COLUMNS = 12
_CELL_CHARACTERS = 240
#: Counting more rows than this takes longer than it is worth.
_COUNTED_ROWS = 1_000_000

#: What stays true of a table when a run has nothing to do for it.
_STANDING = (
    "dagster/row_count",
    "sample",
    "records",
    "release_date",
    "previous_release",
    "releases",
)


class Counted(Protocol):
    """A landing's summary: read = loaded + repeated + rejected."""

    @property
    def read(self) -> int: ...  # noqa: D102
    @property
    def loaded(self) -> int: ...  # noqa: D102
    @property
    def repeated(self) -> int: ...  # noqa: D102
    @property
    def rejected(self) -> int: ...  # noqa: D102


def source_metadata(info: SourceInfo) -> dict[str, Any]:
    """What is known of a source before any run, for the definition of its assets."""
    known: dict[str, Any] = {
        "publisher": _sentence(info.publisher),
        "licence": _sentence(info.licence),
        "cadence": _sentence(info.cadence),
        "limits": _sentence(info.limits),
        "when_it_is_away": _sentence(info.failure),
    }
    if info.url is not None:
        known["url"] = dg.MetadataValue.url(info.url)
    return known


def run_totals(counted: Counted) -> dict[str, Any]:
    """What a run did with what it read; the summary of a run adds these up."""
    names = ("read", "loaded", "repeated", "rejected")
    totals = {name: getattr(counted, name) for name in names}
    return {"run_totals": dg.MetadataValue.json(totals)}


def calls_metadata(client: SourceClient) -> dict[str, Any]:
    """What a client did; nothing where no server was asked."""
    shown = client.metrics.as_metadata()
    return dict(shown) if any(shown.values()) else {}


def not_pulled(
    context: dg.AssetExecutionContext, why: str, key: dg.AssetKey | None = None
) -> dg.MaterializeResult:
    """A source that the settings do not name: said, beside what stands of it."""
    before = _latest(context, key or context.asset_key)
    kept = {name: before[name] for name in _STANDING if name in before}
    status = f"{why}; nothing pulled"
    return dg.MaterializeResult(asset_key=key, metadata={**kept, "status": status})


def row_count(conn: psycopg.Connection, key: dg.AssetKey) -> int:
    """Rows of an asset's table."""
    table = sql.Identifier(*key.path)
    count = conn.execute(sql.SQL("select count(*) from {}").format(table)).fetchone()
    return int(count[0]) if count else 0


def _about_row_count(conn: psycopg.Connection, key: dg.AssetKey) -> int:
    """Rows to show: counted, or of millions what the planner takes them for."""
    row = conn.execute(
        "select reltuples::bigint from pg_class where oid = to_regclass(%s)",
        [".".join(key.path)],
    ).fetchone()
    if row is not None and row[0] >= _COUNTED_ROWS:
        return int(row[0])
    return row_count(conn, key)


def query_records(
    conn: psycopg.Connection,
    query: LiteralString | sql.Composed,
    values: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Rows of a query by the names of its columns, in their order."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def table_metadata(
    conn: psycopg.Connection, key: dg.AssetKey, *, sample: int = 5
) -> dict[str, Any]:
    """Row count and the first rows of a table, as asset metadata."""
    table = sql.Identifier(*key.path)
    query = sql.SQL("select * from {} limit {}").format(table, sql.Literal(sample))
    rows = query_records(conn, query)
    return {
        "dagster/row_count": _about_row_count(conn, key),
        "sample": records_table(rows),
    }


def unchanged_metadata(
    context: dg.AssetExecutionContext, key: dg.AssetKey
) -> dict[str, Any]:
    """What the last materialization showed, for one that finds nothing to do.

    The UI shows the newest event alone: without this, rows, sample and plots would be
    gone from an asset's page after a run that changed nothing.
    """
    return {**_latest(context, key), "status": "unchanged"}


def _latest(context: dg.AssetExecutionContext, key: dg.AssetKey) -> dict[str, Any]:
    event = context.instance.get_latest_materialization_event(key)
    before = event.asset_materialization if event else None
    return dict(before.metadata) if before else {}


def stale_metadata(stale: Staleness) -> dict[str, Any]:
    """A snapshot that stands because its source is away: since when, why, how long."""
    shown: dict[str, Any] = {
        "status": f"{stale.status}: the last good snapshot stands",
        "reason": stale.reason,
        "snapshot_taken_at": dg.MetadataValue.timestamp(stale.taken_at),
        "snapshot_age_hours": round(stale.age_hours, 2),
        "snapshot_limit_hours": stale.limit_hours or "none",
    }
    if stale.until is not None:
        shown["asked_again_at"] = dg.MetadataValue.timestamp(stale.until)
    return shown


def records_table(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Rows as a table the UI shows in place; wide ones keep their first columns.

    A column without a value in any row takes no room.
    """
    if not rows:
        return dg.MetadataValue.md("*no rows*")
    told = [name for name in rows[0] if any(_cell(row.get(name)) for row in rows)]
    names = told[:_SAMPLE_COLUMNS]
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
    text = str(value).replace("\n", " ")
    if len(text) > _CELL_CHARACTERS:
        return f"{text[: _CELL_CHARACTERS - 1]}…"
    return text


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def image(path: Path) -> dg.MetadataValue:
    """A PNG file, embedded so that it shows wherever the UI runs."""
    data = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{path.stem}](data:image/png;base64,{data})")
