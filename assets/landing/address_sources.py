"""Which addresses are to be identified: sources, what of them is new, by which rules.

Belongs here: where the address parts of each source stand, and telling from
`ops.identified_batches` what has not been read. Reading it and writing identities is
`identification`; the rules themselves are `domain` and `identity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg import sql

from assets.builds import digest
from domain.addresses import RULE_VERSION
from domain.errors import PermanentError
from domain.localities import Gazetteer, PlaceRow
from identity.bulk import LINE_COLUMNS, PART_COLUMNS, PSI_COLUMNS

#: Build whose end says that the listings' staging is as new as their raw rows.
LISTINGS_BUILD = "dbt_listings"


@dataclass(frozen=True, slots=True)
class AddressSource:
    """Where a source's address parts stand.

    `layout` says which reader takes them. A raw table is read by the batches of
    `ledger`; staging relations as a whole, when they may have changed.
    """

    name: str
    ledger: str
    relations: tuple[str, ...]
    layout: Literal["psi", "line", "parts"]
    parts: tuple[str, ...]
    hash_column: str = "address_hash"

    @property
    def is_raw(self) -> bool:
        """Read batch by batch."""
        return self.layout != "parts"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read of a source: batches by their content, or relations.

    `every` says that these are all there are; `whole` that what is known is read again
    too, because the rules or places changed. `gone` are batches that are there no more.
    """

    reading: str
    batches: Mapping[str, str]
    gone: tuple[str, ...]
    every: bool
    whole: bool


SOURCES: Mapping[str, AddressSource] = {
    source.name: source
    for source in (
        AddressSource(
            "nsw_valuer",
            "nsw_valuer",
            ("raw.nsw_valuer__sales",),
            "psi",
            PSI_COLUMNS,
            "_address_hash",
        ),
        AddressSource(
            "csv", "csv", ("raw.csv__sales",), "line", LINE_COLUMNS, "_address_hash"
        ),
        AddressSource(
            "domain",
            "domain",
            (
                "staging.stg_domain__listing_versions",
                "staging.stg_domain__listing_detail_versions",
            ),
            "parts",
            PART_COLUMNS,
        ),
        AddressSource(
            "domain_property",
            "domain",
            (
                "staging.stg_domain__properties",
                "staging.stg_domain__property_sale_versions",
            ),
            "parts",
            PART_COLUMNS,
        ),
        AddressSource(
            "domain_result",
            "domain",
            ("staging.stg_domain__sales_result_versions",),
            "parts",
            PART_COLUMNS,
        ),
        AddressSource(
            "reaxml", "reaxml", ("staging.stg_reaxml__versions",), "parts", PART_COLUMNS
        ),
    )
}


def source_of(name: str) -> AddressSource:
    """The source of that name.

    Raises:
        PermanentError: `name` is not a source with addresses.
    """
    if name not in SOURCES:
        raise PermanentError(
            f"No source is called {name!r}; known are {', '.join(SOURCES)}."
        )
    return SOURCES[name]


def plan_reading(conn: psycopg.Connection, source: AddressSource) -> Reading:
    """What of a source is not identified by the present rules and places."""
    reading = digest("reading", str(RULE_VERSION), _places_release(conn))
    there = _live_batches(conn, source) if source.is_raw else _relations(conn, source)
    rows = conn.execute(
        "select batch, content, reading from ops.identified_batches where source = %s",
        [source.name],
    ).fetchall()
    known = {batch: content for batch, content, _ in rows}
    whole = any(row[2] != reading for row in rows) or _is_spoilt(conn, source, known)
    batches = {
        batch: content
        for batch, content in there.items()
        if whole or known.get(batch) != content
    }
    gone = tuple(sorted(known.keys() - there.keys()))
    return Reading(reading, batches, gone, len(batches) == len(there), whole)


def columns_of(conn: psycopg.Connection, relation: str) -> frozenset[str]:
    """Columns of a relation; empty where it does not exist."""
    rows = conn.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) "
        "and attnum > 0 and not attisdropped",
        [relation],
    )
    return frozenset(row[0] for row in rows)


def hash_of(
    conn: psycopg.Connection, source: AddressSource, relation: str
) -> sql.Composable | None:
    """SQL of the address hash of a relation `r`; None where it does not have one.

    A column, or of staging relations without one what dbt's `address_hash` makes of
    their parts (`dbt_project/macros/addresses.sql`).
    """
    there = columns_of(conn, relation)
    if source.hash_column in there:
        return sql.SQL("r.{}").format(sql.Identifier(source.hash_column))
    if not {"street", "locality"} <= there:
        return None
    parts = (
        sql.SQL("coalesce(r.{}::text, '') || chr(31)").format(sql.Identifier(name))
        if name in there
        else sql.SQL("chr(31)")
        for name in source.parts
    )
    return sql.SQL("md5({})::uuid").format(sql.SQL(" || ").join(parts))


def _places_release(conn: psycopg.Connection) -> str:
    """Releases of the reference set of localities that readers see."""
    row = conn.execute(
        "select string_agg(release_id::text, ',' order by release_id) "
        "from ops.reference_releases where dataset = 'localities' "
        "and status = 'current'"
    ).fetchone()
    return str(row[0]) if row and row[0] else "none"


def places_of(conn: psycopg.Connection) -> Gazetteer:
    """The reference set of localities as readers see it; empty where none landed."""
    rows = conn.execute(
        "select t.locality, t.state, t.postcode, "
        "coalesce(t.precise_latitude, t.latitude), "
        "coalesce(t.precise_longitude, t.longitude) "
        "from raw.au_postcodes__localities t "
        "join ops.reference_releases r using (release_id) "
        "where r.dataset = 'localities' and r.status = 'current' and t.is_place"
    )
    return Gazetteer(PlaceRow(*row) for row in rows)


def _live_batches(conn: psycopg.Connection, source: AddressSource) -> dict[str, str]:
    """Rows loaded of every batch of the ledger that is in the raw table."""
    rows = conn.execute(
        "select batch_id::text, sum(rows_loaded)::text from ops.source_files "
        "where source = %s and table_name = %s and discarded_at is null "
        "group by 1 having sum(rows_loaded) > 0",
        [source.ledger, source.relations[0]],
    )
    return {row[0]: row[1] for row in rows}


def _relations(conn: psycopg.Connection, source: AddressSource) -> dict[str, str]:
    """Staging relations that are there, with a fingerprint of what they may hold.

    They change with what has landed and with the build that makes them; while that
    build is not recorded as finished, nothing says that they are as they were.
    """
    built = conn.execute(
        "select extract(epoch from finished_at)::text from ops.builds where name = %s",
        [LISTINGS_BUILD],
    ).fetchone()
    landed = conn.execute(
        "select count(*)::text || '/' || coalesce(sum(hashtextextended("
        "batch_id::text || rows_loaded::text, 0)::numeric), 0)::text "
        "from ops.source_files where source = %s",
        [source.ledger],
    ).fetchone()
    moment = conn.execute("select clock_timestamp()::text").fetchone()
    assert landed is not None
    assert moment is not None
    found = {}
    for relation in source.relations:
        if hash_of(conn, source, relation) is not None:
            node = conn.execute(
                "select oid::text || '/' || relfilenode::text from pg_class "
                "where oid = to_regclass(%s)",
                [relation],
            ).fetchone()
            assert node is not None
            state = built[0] if built else moment[0]
            found[relation] = digest(node[0], landed[0], state)
    return found


def _is_spoilt(
    conn: psycopg.Connection, source: AddressSource, known: Mapping[str, str]
) -> bool:
    """Whether identities are of older rules, or gone though their batches were read."""
    row = conn.execute(
        "select exists(select from intermediate.int_address__identity "
        "where source = %(source)s and "
        "(rule_version < %(rules)s or rule_version > %(rules)s)), "
        "exists(select from intermediate.int_address__identity "
        "where source = %(source)s)",
        {"source": source.name, "rules": RULE_VERSION},
    ).fetchone()
    assert row is not None
    return bool(row[0]) or (bool(known) and source.is_raw and not row[1])


def address_query(
    conn: psycopg.Connection,
    source: AddressSource,
    reading: Reading,
    *,
    leave_known_out: bool,
) -> sql.Composed:
    """Query of `address_hash` and the layout's parts of what is to be read.

    Rows may repeat. To leave known texts out the query reads the table of identities.
    """
    selects = []
    for relation in source.relations if source.is_raw else reading.batches:
        there, hash_sql = columns_of(conn, relation), hash_of(conn, source, relation)
        assert hash_sql is not None
        columns = [
            sql.SQL("{}::text").format(sql.Identifier(name))
            if name in there
            else sql.SQL("null::text")
            for name in source.parts
        ]
        selects.append(
            sql.SQL("select {}::text, {} from {} r where {}").format(
                hash_sql,
                sql.SQL(", ").join(columns),
                sql.Identifier(*relation.split(".")),
                _condition(source, reading, hash_sql, leave_known_out),
            )
        )
    return sql.SQL(" union all ").join(selects)


def _condition(
    source: AddressSource,
    reading: Reading,
    hash_sql: sql.Composable,
    leave_known_out: bool,
) -> sql.Composable:
    parts: list[sql.Composable] = [sql.SQL("{} is not null").format(hash_sql)]
    if source.is_raw and not reading.every:
        parts.append(
            sql.SQL("r._batch_id = any({}::uuid[])").format(
                sql.Literal(sorted(reading.batches))
            )
        )
    if leave_known_out:
        parts.append(
            sql.SQL(
                "not exists (select from intermediate.int_address__identity known "
                "where known.source = {} and known.address_hash = {})"
            ).format(sql.Literal(source.name), hash_sql)
        )
    return sql.SQL(" and ").join(parts)
