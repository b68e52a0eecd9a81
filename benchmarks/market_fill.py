"""A country's rows straight into the marts, for plans and times of the query catalogue.

dbt has built the marts before, empty or small, with their indexes and constraints; this
fills them by generated SQL, many times faster than a build. What a column holds comes
from `market_fill.sql` by its name; columns that no query asks for get a value of their
type. How fast real builds are is `national.py`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

#: In the script, the head of each table's rows, in an order that keys allow.
_SECTION = "-- table: "

#: What a column holds that no query asks for, by type.
_ANYTHING = {
    "text": "'some text'",
    "uuid": "'00000000-0000-0000-0000-000000000000'",
    "boolean": "true",
    "date": "date '2024-01-01'",
    "timestamp with time zone": "timestamptz '2024-01-01'",
    "timestamp without time zone": "timestamp '2024-01-01'",
    "jsonb": "'{}'",
    "text[]": "'{}'",
}

#: Large enough for any table to be read by its indexes, small enough for a test.
SMALL = 30_000


def fill(conn: psycopg.Connection, homes: int = SMALL) -> None:
    """Replace the rows of every table above; `homes` properties, 2.5 sales each.

    `marts.suburbs` follows from the properties, as dbt has it. One transaction a table,
    then a vacuum, as autovacuum gives a table that was built: leaves the connection in
    autocommit.
    """
    script = Path(__file__).with_suffix(".sql").read_text()
    base, *sections = script.replace("{homes}", str(homes)).split(_SECTION)
    conn.autocommit = True
    conn.execute(base)
    conn.execute(
        "truncate ml.current_predictions, ml.price_predictions, "
        "ml.prediction_feedback, ml.valued_inputs, ml.scorers restart identity"
    )
    for section in sections:
        table, _, statement = section.partition("\n")
        source = f"fill_{table.split('.')[1]}"
        with conn.transaction():
            conn.execute(statement)
            if not table.startswith("ml."):
                conn.execute(f"truncate {table}")
            with _indexed_afterwards(conn, table):
                conn.execute(_insert(conn, table, source))
            # Gone at once: a country twice is more than some disks hold.
            conn.execute(f"drop table {source}")
        conn.execute(f"vacuum (analyze) {table}")
    conn.execute("drop table pg_temp.deals, pg_temp.homes, pg_temp.places")
    conn.execute("drop table pg_temp.cities")
    conn.execute("drop function pg_temp.part")


def _insert(conn: psycopg.Connection, table: str, source: str) -> str:
    columns = conn.execute(
        """
        select attname, format_type(atttypid, null), attnotnull, exists (
            select from pg_attribute as given
            where given.attrelid = %(source)s::regclass and given.attname = own.attname
        )
        from pg_attribute as own
        where attrelid = %(table)s::regclass
            and attnum > 0 and not attisdropped and attgenerated = ''
        order by attnum
        """,
        {"table": table, "source": source},
    ).fetchall()
    filled = {
        name: f"{source}.{name}::{kind}"
        if is_given
        else _ANYTHING.get(kind, f"1::{kind}")
        for name, kind, is_needed, is_given in columns
        # Attributes have a source and a date each: they make rows as wide as real ones.
        if is_given or is_needed or name.endswith("_source")
    }
    return (
        f"insert into {table} ({', '.join(filled)}) "
        f"select {', '.join(filled.values())} from {source}"
    )


@contextmanager
def _indexed_afterwards(conn: psycopg.Connection, table: str) -> Iterator[None]:
    """Drop the table's indexes that no constraint holds; make them again after."""
    found = conn.execute(
        """
        select
            indexrelid::regclass::text, pg_get_indexdef(indexrelid),
            obj_description(indexrelid, 'pg_class')
        from pg_index
        where indrelid = %s::regclass
            and not exists (select from pg_constraint where conindid = indexrelid)
        """,
        [table],
    ).fetchall()
    for name, _, _ in found:
        conn.execute(f"drop index {name}")
    yield
    for name, definition, comment in found:
        conn.execute(definition)
        if comment is not None:
            literal = conn.execute("select quote_literal(%s)", [comment]).fetchone()
            assert literal is not None
            conn.execute(f"comment on index {name} is {literal[0]}")
