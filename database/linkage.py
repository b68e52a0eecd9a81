"""What the linkage remembers between runs, in `ops.linkage_*`.

Belongs here: taking the notes of what changed, what sources say of an address besides
its text, blocks, streets and pairs. Comparing is `identity.linkage`; the order of a run
is `assets/resolution.py`; reviews and decisions are `merge_reviews`.
"""

from __future__ import annotations

from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from database.whole_loads import without_indexes

#: Name by which the linkage is told of changes (`ops.register_model`).
READER = "linkage"
_IDENTITY = "intermediate.int_address__identity"
_PSI, _CSV = "raw.nsw_valuer__sales", "raw.csv__sales"

#: Columns of the linkage's input, as `identity.linkage.records.COLUMNS` names them.
_RECORDS: LiteralString = """
select i.property_id, i.address_key, i.key_kind, i.unit_number, i.lot_number,
    i.level_number, i.street_number, i.street_name, i.street_type, i.street_suffix,
    i.locality, i.state, i.postcode, i.gnaf_pid, e.title,
    coalesce(e.latitude, g.latitude), coalesce(e.longitude, g.longitude),
    e.dwelling_type, i.confidence
from intermediate.int_address__identity i
left join ops.linkage_addresses e using (source, address_hash)
left join intermediate.int_gnaf__keys g on g.property_id = i.property_id
where i.key_kind <> 'non_identifying'
"""

#: What sources say of an address besides the address; `parcel` follows from the title.
EVIDENCE_COLUMNS: LiteralString = (
    "source, address_hash, property_id, title, latitude, longitude, dwelling_type, "
    "is_lot_alone, is_unit_its_lot"
)
#: It, into a table: of all addresses, or of hashes in `wanted_hashes`.
EVIDENCE: LiteralString = """
insert into {target} ({columns})
select i.source, i.address_hash, i.property_id, said.title, said.latitude,
    said.longitude, said.dwelling_type, i.is_lot_alone,
    case
        when split_part(said.title, '|', 3) <> '' and i.key_kind <> 'non_identifying'
            and not i.is_lot_alone
        then split_part(said.title, '|', 3) = coalesce(i.unit_number, '')
    end
from (
    select *, unit_number is null and lot_number is not null as is_lot_alone
    from intermediate.int_address__identity
    {of_wanted}
) i
left join (
    select source, address_hash, min(title) as title,
        null::double precision as latitude, null::double precision as longitude,
        null as dwelling_type
    from (
        select 'nsw_valuer' as source, _address_hash as address_hash,
            'NSW|' || valuer_property_id || '|' || coalesce(
                upper(ltrim(replace(strata_lot_number, ' ', ''), '0')), '') as title
        from raw.nsw_valuer__sales {where_new}
        {known_titles}
    ) titles group by 1, 2
    union all
    select 'csv', _address_hash, null,
        percentile_cont(0.5) within group (order by latitude)
            filter (where latitude between -45 and -9),
        percentile_cont(0.5) within group (order by longitude)
            filter (where longitude between 95 and 169),
        -- Rows that disagree tell nothing.
        case when min(dwelling_type) = max(dwelling_type) then min(dwelling_type) end
    from raw.csv__sales {where_wanted} group by 2
) said using (source, address_hash)
"""


#: Addresses that identity read anew since the last run.
RENAMED = sql.SQL("select key::uuid from taken where input = {}").format(_IDENTITY)
#: Batches of the NSW files that came, or changed, since the last run.
NEW_BATCHES = sql.SQL("select key::uuid from taken where input = {}").format(_PSI)


def listen(conn: psycopg.Connection) -> None:
    """From now on be told of what changes; commits."""
    conn.execute("select ops.register_model(%s, %s)", [READER, [_IDENTITY, _PSI, _CSV]])
    conn.commit()


def take_notes(conn: psycopg.Connection) -> bool:
    """Take what changed since the last run into temporary table `wanted_hashes`.

    Returns False where only a full run will do: all of an input changed, or a batch was
    discarded, whose addresses nobody can tell any more.
    """
    conn.execute(
        "create temporary table taken on commit drop as "
        "select null::text as input, null::text as key where false"
    )
    conn.execute(
        "with gone as (delete from ops.model_changes where model = %s "
        "returning input, key) insert into taken select distinct input, key from gone",
        [READER],
    )
    row = conn.execute(
        "select exists(select from taken where key is null) or exists("
        "select from taken join ops.source_files f on f.batch_id::text = taken.key "
        "where taken.input <> %s and f.discarded_at is not null)",
        [_IDENTITY],
    ).fetchone()
    assert row is not None
    if row[0]:
        return False
    conn.execute(
        sql.SQL(
            "create temporary table wanted_hashes on commit drop as "
            "select key::uuid as address_hash from taken where input = {0} union "
            "select r._address_hash from taken join raw.nsw_valuer__sales r "
            "on r._batch_id = taken.key::uuid where input = {1} union "
            "select r._address_hash from taken join raw.csv__sales r "
            "on r._batch_id = taken.key::uuid where input = {2}"
        ).format(_IDENTITY, _PSI, _CSV)
    )
    conn.execute("analyze wanted_hashes")
    return True


def read_state(conn: psycopg.Connection) -> tuple[str, int] | None:
    """Fingerprint of the rules of the last run and its last decision; None at first."""
    row = conn.execute("select fingerprint, decision_id from ops.linkage_state")
    return row.fetchone()


def write_state(conn: psycopg.Connection, fingerprint: str) -> None:
    """Remember by which rules and up to which decision the linkage has gone."""
    conn.execute(
        "insert into ops.linkage_state (fingerprint, decision_id) "
        "select %s, coalesce(max(decision_id), 0) from ops.merge_decisions "
        "on conflict (singleton) do update set fingerprint = excluded.fingerprint, "
        "decision_id = excluded.decision_id, finished_at = now()",
        [fingerprint],
    )


def gnaf_release(conn: psycopg.Connection) -> str:
    """Release of G-NAF the coordinates come from; empty without one."""
    row = conn.execute(
        "select release_id::text from intermediate.int_gnaf__keys limit 1"
    ).fetchone()
    return str(row[0]) if row else ""


def refresh_all_addresses(conn: psycopg.Connection) -> None:
    """Gather what sources say of every address anew."""
    # Millions of groups, which would else go to disk and back.
    conn.execute("set local work_mem = '256MB'")
    conn.execute("truncate ops.linkage_addresses")
    nothing = sql.SQL("")
    with without_indexes(conn, "ops.linkage_addresses"):
        conn.execute(
            sql.SQL(EVIDENCE).format(
                target=sql.Identifier("ops", "linkage_addresses"),
                columns=sql.SQL(EVIDENCE_COLUMNS),
                of_wanted=nothing,
                where_wanted=nothing,
                where_new=nothing,
                known_titles=nothing,
            )
        )
    conn.execute("analyze ops.linkage_addresses")


def copy_records(
    conn: psycopg.Connection, target: Path, only: LiteralString | None = None
) -> None:
    """Write the linkage's input as CSV; `only`: a table of property ids."""
    query = _RECORDS
    if only is not None:
        query += f"and i.property_id = any(array(select property_id from {only}))"  # noqa: S608
    copy_out(conn, query, target)


def copy_out(conn: psycopg.Connection, query: LiteralString, target: Path) -> None:
    """Write a query's rows as CSV."""
    with (
        conn.cursor().copy(f"copy ({query}) to stdout (format csv)") as copy,
        target.open("wb") as out,
    ):
        for block in copy:
            out.write(block)


def copy_in(conn: psycopg.Connection, table: LiteralString, source: Path) -> None:
    """Load a CSV into a table (with its columns in brackets)."""
    with (
        source.open("rb") as rows,
        conn.cursor().copy(f"copy {table} from stdin (format csv)") as copy,
    ):
        while block := rows.read(1 << 18):
            copy.write(block)


def replace_all(
    conn: psycopg.Connection, records: Path, streets: Path, pairs: Path
) -> None:
    """Remember a full run: every record's blocks, every street, every pair."""
    conn.execute("truncate ops.linkage_records, ops.linkage_streets, ops.linkage_pairs")
    with without_indexes(conn, "ops.linkage_records"):
        copy_in(
            conn,
            "ops.linkage_records (property_id, street_key, first_number, block_keys)",
            records,
        )
    copy_in(conn, "ops.linkage_streets (street_key, support)", streets)
    copy_in(conn, PAIRS, pairs)
    for table in ("records", "streets", "pairs"):
        conn.execute(
            sql.SQL("analyze {}").format(sql.Identifier("ops", f"linkage_{table}"))
        )


PAIRS: LiteralString = (
    "ops.linkage_pairs (low_id, high_id, score, verdict, why, levels)"
)


def count(conn: psycopg.Connection, query: LiteralString) -> int:
    """The one number a query gives."""
    row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])
