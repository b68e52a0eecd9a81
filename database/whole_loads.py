"""Loading a table whole: without its indexes, which are quicker made than kept.

Belongs here: what any writer of millions of rows needs, whatever it writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql


@contextmanager
def without_indexes(conn: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Drop a table's indexes and key, and make them again: quicker for a whole load.

    Triggers are off meanwhile. In the caller's transaction, which locks the table.
    """
    name = sql.Identifier(*table.split("."))
    keys = conn.execute(
        "select conname, pg_get_constraintdef(oid), conindid from pg_constraint "
        "where conrelid = %s::regclass and contype in ('p', 'u')",
        [table],
    ).fetchall()
    indexes = conn.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) "
        "from pg_index where indrelid = %s::regclass and indexrelid <> all(%s) "
        "order by 1",
        [table, [row[2] for row in keys]],
    ).fetchall()
    conn.execute(sql.SQL("alter table {} disable trigger user").format(name))
    for constraint, _, _ in keys:
        conn.execute(
            sql.SQL("alter table {} drop constraint {}").format(
                name, sql.Identifier(constraint)
            )
        )
    for index, _ in indexes:
        conn.execute(sql.SQL("drop index {}").format(sql.SQL(index)))
    yield
    conn.execute("set local maintenance_work_mem = '256MB'")
    for constraint, definition, _ in keys:
        conn.execute(
            sql.SQL("alter table {} add constraint {} {}").format(
                name, sql.Identifier(constraint), sql.SQL(definition)
            )
        )
    for _, definition in indexes:
        conn.execute(sql.SQL(definition))
    conn.execute(sql.SQL("alter table {} enable trigger user").format(name))
