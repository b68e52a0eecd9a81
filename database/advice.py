"""What the database's own statistics advise: each finding says what to do.

Belongs here: the checks and what they mean. Their SQL is `advice_sql.py`; showing them
is the command line's. Nothing is changed, except that the extension pg_stat_statements
is created where that is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from database import advice_sql

_COMPARED = re.compile(
    r'"?(\w+)"?\s*(?:=|<=|>=|<|>|~~|between|in)\s*\(?\$\d', re.IGNORECASE
)
_STATEMENT_LETTERS: Final = 110


@dataclass(frozen=True)
class Thresholds:
    """From where on something is worth a person's time."""

    statement_ms: float = 10
    statement_calls: int = 5
    scanned_rows: int = 20_000
    index_mib: float = 1
    waste_mib: float = 10
    waste_share: float = 0.3
    dead_rows: int = 10_000
    dead_share: float = 0.1
    cache_hit_share: float = 0.95
    blocks_read: int = 10_000
    transaction_seconds: float = 300
    visible_share: float = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing noticed: what about which object, in figures, and what to do."""

    kind: str
    subject: str
    detail: str
    advice: str

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


Row = dict[str, Any]
Check = Callable[[psycopg.Connection[Any], Thresholds], Iterator[Finding]]


def advise(
    conn: psycopg.Connection[Any], thresholds: Thresholds | None = None
) -> list[Finding]:
    """All findings, in the order of the checks. The connection is in autocommit."""
    limits = thresholds or Thresholds()
    return [finding for check in CHECKS for finding in check(conn, limits)]


def cache_hit_share(conn: psycopg.Connection[Any]) -> float | None:
    """Share of block reads answered from PostgreSQL's memory; None without any."""
    (row,) = _rows(conn, advice_sql.CACHE)
    return None if row["share"] is None else float(row["share"])


def statements_are_known(conn: psycopg.Connection[Any]) -> bool:
    """Whether pg_stat_statements can be asked; the extension is made if it may be."""
    try:
        conn.execute("create extension if not exists pg_stat_statements schema public")
        conn.execute("select 1 from public.pg_stat_statements limit 1")
    except psycopg.Error:
        conn.rollback()
        return False
    return True


def _rows(conn: psycopg.Connection[Any], query: str, **values: object) -> Sequence[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, values).fetchall()


def _statements(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    if not statements_are_known(conn):
        yield Finding(
            "statements",
            "pg_stat_statements",
            "statements are not recorded on this server",
            "put pg_stat_statements into shared_preload_libraries, restart, and create "
            "the extension as a superuser",
        )
        return
    for row in _rows(
        conn,
        advice_sql.STATEMENTS,
        mean_ms=limits.statement_ms,
        calls=limits.statement_calls,
    ):
        text = " ".join(str(row["query"]).split())
        shown = text[:_STATEMENT_LETTERS] + ("..." if len(text) > 110 else "")
        yield Finding(
            "slow statement",
            shown,
            f"{row['calls']:,} calls of {row['mean_ms']:.0f} ms on average, "
            f"{row['max_ms']:.0f} ms at most, {row['total_s']:.0f} s in all, "
            f"{row['rows_each']:.0f} rows and {row['blocks_each']:.0f} blocks each",
            "run it under EXPLAIN (ANALYZE, BUFFERS); a sequential scan or many "
            "removed rows want an index in the model's `indexes`",
        )


def _missing(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    known = statements_are_known(conn)
    for row in _rows(conn, advice_sql.SCANS, scanned=limits.scanned_rows):
        columns = _unindexed_columns(conn, row) if known else []
        hint = (
            f"an index on ({', '.join(columns)}) would answer what is asked"
            if columns
            else "find who scans it (slow statements), and index the columns it asks by"
        )
        yield Finding(
            "missing index",
            row["name"],
            f"{row['seq_scan']:,} sequential scans of {row['rows_each']:,.0f} rows",
            f"{hint}; builds that read all of it are no reason",
        )


def _unindexed_columns(conn: psycopg.Connection[Any], table: Row) -> list[str]:
    """Columns of the table that statements compare and that begin no index of it."""
    told = _rows(conn, advice_sql.STATEMENTS_ON, table=table["relname"])
    compared = {
        name.lower() for row in told for name in _COMPARED.findall(row["query"])
    }
    return [
        name
        for name in table["columns"]
        if name in compared and name not in (table["leading"] or [])
    ]


def _unused(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    for row in _rows(conn, advice_sql.UNUSED, size=limits.index_mib * 2**20):
        serves = (row["comment"] or "").removeprefix("Serves: ")
        purpose = f"it should serve {serves}" if serves else "it names no query"
        yield Finding(
            "unused index",
            row["name"],
            f"{_mib(row['size'])}, no scan since it was built or statistics were "
            f"reset; {purpose}",
            "wait a week of normal use, then take it out of the model's `indexes` (or "
            "the migration) together with the query it was made for",
        )


def _overlapping(conn: psycopg.Connection[Any], _: Thresholds) -> Iterator[Finding]:
    for row in _rows(conn, advice_sql.OVERLAPPING):
        yield Finding(
            "overlapping index",
            row["name"],
            f"{_mib(row['size'])}; its columns begin {row['wider']}",
            "take it out, unless it is much smaller and serves an index-only scan",
        )


def _invalid(conn: psycopg.Connection[Any], _: Thresholds) -> Iterator[Finding]:
    for row in _rows(conn, advice_sql.INVALID):
        yield Finding(
            "invalid index",
            row["name"],
            "left by a CREATE INDEX CONCURRENTLY that failed; written to, never read",
            f"drop index concurrently {row['name']}, and make it again",
        )


def _bloat(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    for row in _rows(
        conn,
        advice_sql.BLOAT,
        share=limits.waste_share,
        waste=limits.waste_mib * 2**20,
    ):
        remedy = (
            f"reindex index concurrently {row['name']}"
            if row["relkind"] == "i"
            else f"rebuild the model, or vacuum (full) {row['name']} while nobody reads"
        )
        yield Finding(
            "bloat",
            row["name"],
            f"about {_mib(row['waste'])} of {_mib(row['size'])} hold nothing (guess)",
            remedy,
        )


def _dead(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    for row in _rows(
        conn, advice_sql.DEAD, least=limits.dead_rows, share=limits.dead_share
    ):
        yield Finding(
            "dead rows",
            row["name"],
            f"{row['n_dead_tup']:,} dead beside {row['n_live_tup']:,} live rows; last "
            f"vacuum: {row['vacuumed'] or 'never'}",
            f"vacuum (analyze) {row['name']}; if it comes back, a long transaction or "
            "autovacuum's settings hold it up",
        )


def _unvisited(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    for row in _rows(conn, advice_sql.UNVISITED, share=limits.visible_share):
        yield Finding(
            "index-only scans read the table",
            row["name"],
            f"{row['share']:.0%} of its pages are known to be visible to all",
            f"vacuum {row['name']}",
        )


def _cache(conn: psycopg.Connection[Any], limits: Thresholds) -> Iterator[Finding]:
    (row,) = _rows(conn, advice_sql.CACHE)
    if row["blks_read"] < limits.blocks_read:
        return
    if row["share"] < limits.cache_hit_share:
        yield Finding(
            "cache hit rate",
            row["datname"],
            f"{row['share']:.1%} of {row['blocks']:,} block reads came from memory",
            "raise shared_buffers (a quarter of the memory), or look for sequential "
            "scans; a rebuild of all marts lowers it as well",
        )


def _transactions(
    conn: psycopg.Connection[Any], limits: Thresholds
) -> Iterator[Finding]:
    for row in _rows(conn, advice_sql.TRANSACTIONS, seconds=limits.transaction_seconds):
        doing = " ".join(str(row["query"] or "").split())[:60]
        waits = f", kept waiting by {row['blockers']}" if row["blockers"] else ""
        yield Finding(
            "long transaction",
            f"process {row['pid']} ({row['application_name'] or 'unnamed'})",
            f"open for {row['seconds']:,.0f} s, {row['state']}{waits}: {doing}",
            f"if nobody needs it: select pg_terminate_backend({row['pid']}); until it "
            "ends no vacuum removes what died since",
        )


def _mib(size: float) -> str:
    return f"{float(size) / 2**20:,.1f} MiB"


CHECKS: tuple[Check, ...] = (
    _statements,
    _missing,
    _unused,
    _overlapping,
    _invalid,
    _bloat,
    _dead,
    _unvisited,
    _cache,
    _transactions,
)
