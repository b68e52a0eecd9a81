"""Addresses out of PostgreSQL and identities into it, millions at a time.

Belongs here: COPY in both directions as Arrow tables and text, in pages, so that memory
stays flat. What is read is `address_sources`, in which transaction `identification`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus

#: Bytes of COPY text handed on at once; Arrow and DuckDB need a few times as much.
PAGE_BYTES = 48 << 20

#: Taken by all writers of identities: they take turns, so that revisions do too.
IDENTITY_LOCK = sql.SQL(
    "select pg_advisory_xact_lock(hashtextextended('ausproperty.identity', 0))"
)


@contextmanager
def second_connection(conn: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Another connection to the same database, that sees what `conn` sees now.

    `conn` must be in a transaction and stay in it. For reading while `conn` writes.
    """
    row = conn.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    with psycopg.connect(conn.info.dsn, password=conn.info.password) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.read_only = True
        reader.execute(sql.SQL("set transaction snapshot {}").format(row[0]))
        reader.execute("set local statement_timeout = 0")
        yield reader


def copied_out(
    conn: psycopg.Connection,
    query: sql.Composable,
    names: Sequence[str],
    *,
    page_bytes: int = PAGE_BYTES,
) -> Generator[Any, None, None]:
    """Rows of a query as Arrow tables of text columns called `names`, page by page.

    `conn` is closed when the caller stops in the middle.
    """
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(query)
    lines: list[Any] = []
    size = 0
    for line in _copied_lines(conn, statement):
        lines.append(line)
        size += len(line)
        if size >= page_bytes:
            yield _table(lines, names)
            lines, size = [], 0
    if lines:
        yield _table(lines, names)


def _copied_lines(
    conn: psycopg.Connection, statement: sql.Composed
) -> Generator[Any, None, None]:
    """Lines of COPY TO STDOUT, each a message of its own.

    Straight from libpq: psycopg's own copy waits and schedules for every line, which is
    most of the time that reading millions of them takes. A connection left in the
    middle is closed.
    """
    link = conn.pgconn
    begun = link.exec_(statement.as_bytes(conn))
    if begun.status != ExecStatus.COPY_OUT:
        raise psycopg.errors.error_from_result(begun)
    is_done = False
    take = link.get_copy_data
    try:
        while True:
            size, line = take(0)
            if size < 0:
                break
            yield line
        ended = link.get_result()
        is_done = ended is not None and ended.status == ExecStatus.COMMAND_OK
        if ended is not None and not is_done:
            raise psycopg.errors.error_from_result(ended)
        while link.get_result() is not None:
            pass
    finally:
        if not is_done:
            conn.close()


def _table(lines: list[Any], names: Sequence[str]) -> Any:
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import csv

    return csv.read_csv(
        pa.BufferReader(b"".join(lines)),
        read_options=csv.ReadOptions(column_names=list(names), use_threads=False),
        # A line of text may hold a line end, in quotes.
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def copy_in(
    conn: psycopg.Connection,
    table: str,
    columns: Sequence[str],
    pages: Iterator[Any],
    *,
    freeze: bool = False,
) -> None:
    """Write pages of COPY text into a table.

    `freeze` spares later readers work; for tables emptied in this transaction.
    """
    statement = sql.SQL("copy {} ({}) from stdin {}").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL("(freeze)" if freeze else ""),
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for page in pages:
            copy.write(page)


@contextmanager
def told_at_once(conn: psycopg.Connection, table: str, changed: int) -> Iterator[None]:
    """Spare followers of a table a note per row when nearly all of it changes.

    A few changes are noted by the table's triggers, one by one; of more than are worth
    that, all are told at once.
    """
    if changed <= value(conn, "select ops.keys_worth_telling()"):
        yield
        return
    name = sql.Identifier(*table.split("."))
    conn.execute(sql.SQL("alter table {} disable trigger user").format(name))
    yield
    conn.execute(sql.SQL("alter table {} enable trigger user").format(name))
    conn.execute("select ops.tell_models(%s, null)", [table])


def is_empty(conn: psycopg.Connection, table: str) -> bool:
    """Whether a table has no row."""
    name = sql.Identifier(*table.split("."))
    return not value(conn, sql.SQL("select exists(select from {})").format(name))


def value(
    conn: psycopg.Connection,
    query: LiteralString | sql.Composed,
    parameters: Sequence[Any] = (),
) -> Any:
    """First column of a query's first row; None without one."""
    row = conn.execute(query, parameters).fetchone()
    return row[0] if row else None
