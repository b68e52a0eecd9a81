"""G-NAF addresses by the property they are, and their PIDs on identities.

Belongs here: `intermediate.int_gnaf__keys`, made when a release of G-NAF becomes
current or the rules change, and attaching it. The keys are those of every other source:
`identity.parts`. Landing G-NAF is `reference`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from assets.builds import digest
from assets.landing.address_streams import (
    IDENTITY_LOCK,
    copied_out,
    copy_in,
    second_connection,
    value,
)
from assets.landing.identity_writing import GNAF_TABLE, attach_gnaf
from database.raw_loading import end_transaction
from database.whole_loads import without_indexes
from domain.addresses import RULE_VERSION
from identity.bulk import PART_COLUMNS, BulkReader

#: Name of the release's note in `ops.identified_batches`.
_SOURCE, _BATCH = "gnaf", "release"
_PARTS = """
    t.address_detail_pid,
    null,
    t.building_name,
    concat_ws(' ', t.flat_type, t.flat_number, 'LEVEL ' || t.level_number),
    t.lot_number,
    concat_ws('-', t.number_first, t.number_last),
    concat_ws(' ', t.street_name, t.street_type, t.street_suffix),
    t.locality_name,
    nullif(t.state, 'OT'),
    t.postcode
"""

# A key may be the principal's own and an alias of another one: then it is its own.
_FILL = """
insert into intermediate.int_gnaf__keys (
    property_id, address_key, gnaf_pid, candidates, legal_parcel_id, latitude,
    longitude, release_id
)
with written as (
    select
        g.property_id,
        g.address_key,
        coalesce(t.principal_pid, t.address_detail_pid) as gnaf_pid,
        coalesce(t.alias_principal = 'A', false) as is_alias
    from gnaf_read g
    join raw.gnaf__addresses t on t.address_detail_pid = g.address_hash
    where t.release_id = any(%(releases)s) and g.key_kind = 'address'
),
keyed as (
    select
        property_id,
        min(address_key) as address_key,
        coalesce(min(gnaf_pid) filter (where not is_alias), min(gnaf_pid)) as gnaf_pid,
        least(count(distinct gnaf_pid), 32767) as candidates
    from written
    group by property_id
)
select keyed.*, t.legal_parcel_id, t.latitude, t.longitude,
    coalesce(t.release_id, (%(releases)s::uuid[])[1])
from keyed
left join raw.gnaf__addresses t
    on t.address_detail_pid = keyed.gnaf_pid and t.release_id = any(%(releases)s)
"""


def refresh_gnaf_keys(conn: psycopg.Connection) -> int | None:
    """Make the keys of G-NAF's current release and attach its PIDs to identities.

    Returns how many properties have a PID now; None when nothing was to be done: no
    other release, no other rules. One transaction.
    """
    end_transaction(conn)
    with conn.transaction():
        conn.execute(IDENTITY_LOCK)
        releases = [
            row[0]
            for row in conn.execute(
                "select release_id from ops.reference_releases "
                "where dataset = 'gnaf' and status = 'current' order by 1"
            )
        ]
        content = digest("gnaf", str(RULE_VERSION), *map(str, releases))
        known = value(
            conn,
            "select content from ops.identified_batches "
            "where source = %s and batch = %s",
            [_SOURCE, _BATCH],
        )
        if known == content or (known is None and not releases):
            return None
        conn.execute("set local statement_timeout = 0")
        conn.execute("set local idle_in_transaction_session_timeout = 0")
        revision = value(conn, "select nextval('ops.identity_revision')")
        conn.execute("truncate intermediate.int_gnaf__keys")
        if releases:
            _read(conn, releases)
        attach_gnaf(conn)
        conn.execute(
            "insert into ops.identified_batches "
            "(source, batch, content, reading, revision) values (%s, %s, %s, '', %s) "
            "on conflict (source, batch) do update set content = excluded.content, "
            "revision = excluded.revision, identified_at = now()",
            [_SOURCE, _BATCH, content, revision],
        )
        return int(value(conn, "select count(*) from intermediate.int_gnaf__keys"))


def _read(conn: psycopg.Connection, releases: list[UUID]) -> None:
    conn.execute(
        "create temporary table gnaf_read (address_hash text, property_id uuid, "
        "address_key text, key_kind text) on commit drop"
    )
    query = sql.SQL(
        "select {} from raw.gnaf__addresses t where t.release_id = any({})"
    ).format(sql.SQL(_PARTS), sql.Literal(releases))
    names = ("address_hash", *PART_COLUMNS)
    with (
        second_connection(conn) as reader_conn,
        closing(copied_out(reader_conn, query, names)) as pages,
        tempfile.TemporaryDirectory(prefix="ausproperty-") as folder,
        closing(BulkReader(folder=Path(folder))) as reader,
    ):
        columns = ("address_hash", "property_id", "address_key", "key_kind")
        copy_in(conn, "gnaf_read", columns, _identified(reader, pages, columns))
    conn.execute("analyze gnaf_read")
    with without_indexes(conn, GNAF_TABLE):
        conn.execute(_FILL, {"releases": releases})
    conn.execute("analyze intermediate.int_gnaf__keys")


def _identified(
    reader: BulkReader, pages: Iterator[Any], columns: tuple[str, ...]
) -> Iterator[memoryview]:
    for page in pages:
        reader.read_parts(page)
        yield from reader.take_copy_text(columns=columns)
