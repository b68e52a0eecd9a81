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

#: Table by the temporary table that holds its rows, in an order that keys allow.
TABLES = {
    "marts.properties": "fill_properties",
    "marts.sales": "fill_sales",
    "marts.sale_versions": "fill_sale_versions",
    "marts.price_history": "fill_price_history",
    "marts.property_sources": "fill_property_sources",
    "marts.property_attributes_history": "fill_property_attributes_history",
    "marts.listings": "fill_listings",
    "marts.listing_events": "fill_listing_events",
    "marts.suburb_market": "fill_suburb_market",
    "marts.merge_reviews": "fill_merge_reviews",
    "ml.price_predictions": "fill_price_predictions",
    "ml.current_predictions": "fill_current_predictions",
    "raw.nsw_valuer__sales": "fill_nsw_valuer__sales",
}

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

    `marts.suburbs` follows from the properties, as dbt has it. One transaction, then a
    vacuum, as autovacuum gives a table that was built: leaves the connection in
    autocommit.
    """
    script = Path(__file__).with_suffix(".sql").read_text()
    conn.autocommit = True
    with conn.transaction():
        conn.execute(script.replace("{homes}", str(homes)))
        emptied = ", ".join([*TABLES, "marts.suburbs"])
        conn.execute(f"truncate {emptied}")
        for table, source in TABLES.items():
            with _indexed_afterwards(conn, table):
                conn.execute(_insert(conn, table, source))
        conn.execute(
            "insert into marts.suburbs (suburb_key, state, suburb, is_simulated) "
            "select suburb_key, 'NSW', suburb, true from marts.properties "
            "where deleted_at is null group by suburb_key, suburb"
        )
        for source in (*TABLES.values(), "homes", "places", "cities", "deals"):
            conn.execute(f"drop table if exists pg_temp.{source}")
        conn.execute("drop function pg_temp.part")
    for table in (*TABLES, "marts.suburbs"):
        conn.execute(f"vacuum (analyze) {table}")


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
