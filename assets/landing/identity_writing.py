"""Writing identities: filling an empty table, and telling what differs in a full one.

Belongs here: `intermediate.int_address__identity` as a table. What is written there is
`identification`'s, in its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
from psycopg import sql

from assets.landing.address_streams import (
    copy_in,
    is_empty,
    told_at_once,
    value,
)
from database.whole_loads import without_indexes
from identity.bulk import COPY_COLUMNS

IDENTITY_TABLE = "intermediate.int_address__identity"
GNAF_TABLE = "intermediate.int_gnaf__keys"

_COLUMNS = ("source", "revision", *COPY_COLUMNS)
_COMPARED = tuple(name for name in COPY_COLUMNS if name != "address_hash")

#: PIDs of the identities' properties, where they are not those of the present release.
_ATTACH = """
update intermediate.int_address__identity t
set gnaf_pid = d.gnaf_pid, revision = currval('ops.identity_revision')
from (
    select i.ctid as place, k.gnaf_pid
    from intermediate.int_address__identity i
    left join intermediate.int_gnaf__keys k on k.property_id = i.property_id
    where i.gnaf_pid is distinct from k.gnaf_pid
) d
where t.ctid = d.place
"""
_COUNT_TO_ATTACH = """
select count(*) from intermediate.int_address__identity i
left join intermediate.int_gnaf__keys k on k.property_id = i.property_id
where i.gnaf_pid is distinct from k.gnaf_pid
"""
#: Rows that are new or say something else than what is there.
_FIND_DIFFERENT = """
create temporary table different on commit drop as
select n.*, k.gnaf_pid as pid, t.address_hash is null as is_new
from read_now n
left join intermediate.int_gnaf__keys k on k.property_id = n.property_id
left join intermediate.int_address__identity t
    on t.source = n.source and t.address_hash = n.address_hash
where t.address_hash is null
    or ({there}, t.gnaf_pid) is distinct from ({read}, k.gnaf_pid)
"""
_UPDATE = """
update intermediate.int_address__identity t
set ({names}, gnaf_pid, revision, changed_at) = (
    {read}, n.pid, n.revision,
    case when t.property_id = n.property_id then t.changed_at else now() end
)
from different n
where not n.is_new and t.source = n.source and t.address_hash = n.address_hash
"""
_INSERT = """
insert into intermediate.int_address__identity ({names}, gnaf_pid)
select {names}, pid from different where is_new
"""
_COUNT_ABOUT = """
select greatest(reltuples, 0)::bigint from pg_class
where oid = 'intermediate.int_address__identity'::regclass
"""
#: One row of so many is few.
_FEW = 20
_FORGET_UNREAD = """
delete from intermediate.int_address__identity t
where t.source = %s and not exists (
    select from read_now n where n.address_hash = t.address_hash
)
"""


def fill_identities(conn: psycopg.Connection, text: Iterator[memoryview]) -> None:
    """Write the first identities there are: no index, no log, no second copy.

    `text` is COPY text of source, revision and COPY_COLUMNS.
    """
    # Tells those who follow the table's changes that all of it is new.
    conn.execute("truncate intermediate.int_address__identity")
    with without_indexes(conn, IDENTITY_TABLE):
        copy_in(conn, IDENTITY_TABLE, _COLUMNS, text, freeze=True)
        if not is_empty(conn, GNAF_TABLE):
            conn.execute(_ATTACH)
    conn.execute("analyze intermediate.int_address__identity")


def merge_identities(
    conn: psycopg.Connection, text: Iterator[memoryview], *, only_read: str | None
) -> None:
    """Write identities beside those there are; rows that say the same stay as they are.

    `only_read` names a source of which nothing shall be left but what was read now.
    """
    conn.execute(
        "create temporary table read_now "
        "(like intermediate.int_address__identity) on commit drop"
    )
    conn.execute("alter table read_now drop column gnaf_pid, drop column changed_at")
    copy_in(conn, "read_now", _COLUMNS, text)
    conn.execute("analyze read_now")
    read = _names(_COMPARED, "n")
    there = _names(_COMPARED, "t")
    conn.execute(sql.SQL(_FIND_DIFFERENT).format(there=there, read=read))
    conn.execute("analyze different")
    changed = value(conn, "select count(*) from different")
    with told_at_once(conn, IDENTITY_TABLE, changed):
        names = _names(_COMPARED)
        conn.execute(sql.SQL(_UPDATE).format(names=names, read=read))
        conn.execute(sql.SQL(_INSERT).format(names=_names(_COLUMNS)))
    if only_read is not None:
        conn.execute(_FORGET_UNREAD, [only_read])
    # A few rows more change nothing about a large table; to sample it is to read it.
    if changed * _FEW > value(conn, _COUNT_ABOUT):
        conn.execute("analyze intermediate.int_address__identity")


def attach_gnaf(conn: psycopg.Connection) -> None:
    """Give identities the PIDs of the present release of G-NAF, and no other."""
    count = value(conn, _COUNT_TO_ATTACH)
    with told_at_once(conn, IDENTITY_TABLE, count):
        conn.execute(_ATTACH)


def _names(columns: Sequence[str], table: str | None = None) -> sql.Composed:
    front = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*front, name) for name in columns)
