"""Giving every distinct address received its canonical form and stable property id.

Belongs here: reading what is new under the current rules and writing its identities,
in one transaction with the note of what was read. Where addresses stand and which are
new is `address_sources`; the rules are `domain`, at millions of rows `identity.bulk`.
No Dagster here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from assets.landing.address_sources import (
    AddressSource,
    Reading,
    address_query,
    hash_of,
    places_of,
    plan_reading,
    source_of,
)
from assets.landing.address_streams import (
    IDENTITY_LOCK,
    copied_out,
    is_empty,
    second_connection,
    value,
)
from assets.landing.identity_writing import (
    IDENTITY_TABLE,
    fill_identities,
    merge_identities,
)
from database.raw_loading import end_transaction
from identity.bulk import BulkReader


def identify_addresses(conn: psycopg.Connection, source: str) -> int:
    """Identify the address texts of `source` not yet known under the current rules.

    Returns the number of texts identified. One transaction: either all of them are
    written, with the note of what was read, or nothing. Two runs at once take turns.

    Raises:
        PermanentError: `source` is not one with addresses.
    """
    rules = source_of(source)
    end_transaction(conn)
    with conn.transaction():
        conn.execute(IDENTITY_LOCK)
        reading = plan_reading(conn, rules)
        if not reading.batches and not reading.gone:
            return 0
        revision = value(conn, "select nextval('ops.identity_revision')")
        count = _identify(conn, rules, reading, revision) if reading.batches else 0
        if reading.gone or not rules.is_raw:
            _forget_orphans(conn, rules)
        _note(conn, rules, reading, revision)
    return count


def _identify(
    conn: psycopg.Connection, source: AddressSource, reading: Reading, revision: int
) -> int:
    """Identify what the plan says; returns how many texts."""
    is_first = is_empty(conn, IDENTITY_TABLE)
    # An empty table is locked while it is filled: nothing may read it then.
    query = address_query(
        conn, source, reading, leave_known_out=not is_first and not reading.whole
    )
    names = ("address_hash", *source.parts)
    places = places_of(conn)
    conn.execute("set local statement_timeout = 0")
    conn.execute("set local idle_in_transaction_session_timeout = 0")
    with (
        second_connection(conn) as reader_conn,
        # Closed before its connection, which else waits for the COPY that is open.
        closing(copied_out(reader_conn, query, names)) as pages,
        tempfile.TemporaryDirectory(prefix="ausproperty-") as folder,
        closing(BulkReader(gazetteer=places, folder=Path(folder))) as reader,
    ):
        text = _identified(reader, source, pages, revision)
        if is_first:
            fill_identities(conn, text)
        else:
            only = source.name if reading.whole and source.is_raw else None
            merge_identities(conn, text, only_read=only)
        return reader.count


def _identified(
    reader: BulkReader, source: AddressSource, pages: Iterator[Any], revision: int
) -> Iterator[memoryview]:
    read = {
        "psi": reader.read_psi,
        "line": reader.read_lines,
        "parts": reader.read_parts,
    }[source.layout]
    for page in pages:
        fresh = reader.unseen(page)
        if len(fresh):
            read(fresh)
            yield from reader.take_copy_text(source.name, str(revision))


def _forget_orphans(conn: psycopg.Connection, source: AddressSource) -> None:
    """Take out identities of texts that no row of the source has any more."""
    hashes = ((name, hash_of(conn, source, name)) for name in source.relations)
    there = [
        sql.SQL("not exists (select from {} r where {} = i.address_hash)").format(
            sql.Identifier(*relation.split(".")), hash_sql
        )
        for relation, hash_sql in hashes
        if hash_sql is not None
    ]
    if not there:
        return
    conn.execute(
        sql.SQL("delete from {} i where i.source = {} and {}").format(
            sql.Identifier(*IDENTITY_TABLE.split(".")),
            sql.Literal(source.name),
            sql.SQL(" and ").join(there),
        )
    )


def _note(
    conn: psycopg.Connection, source: AddressSource, reading: Reading, revision: int
) -> None:
    """Remember what was read, and forget what is there no more."""
    conn.execute(
        "delete from ops.identified_batches where source = %s and batch = any(%s)",
        [source.name, list(reading.gone)],
    )
    conn.execute(
        "insert into ops.identified_batches "
        "(source, batch, content, reading, revision) "
        "select %s, batch, content, %s, %s "
        "from unnest(%s::text[], %s::text[]) as t (batch, content) "
        "on conflict (source, batch) do update set content = excluded.content, "
        "reading = excluded.reading, revision = excluded.revision, "
        "identified_at = now()",
        [
            *(source.name, reading.reading, revision),
            *(list(reading.batches), list(reading.batches.values())),
        ],
    )
