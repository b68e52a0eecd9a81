"""What must be true after the soak: nothing lost, nothing twice, counts that add up.

Every check returns sentences about what is wrong; none means all is well.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

#: Tables whose rows must be those of an undisturbed load, no more and no less.
EXACT = ("raw.nsw_valuer__sales", "raw.csv__sales", "raw.reaxml__listings")
#: Tables of an API whose answers change: an undisturbed load now finds nothing new.
COVERED = (
    "raw.domain__sales_results",
    "raw.domain__sales_summaries",
    "raw.domain__suburb_performance",
)
_OWN = (
    "_row_hash,_source_file,_row_number,_batch_id,_is_simulated,_loaded_at,observed_at"
)


def raw_tables(conn: psycopg.Connection) -> list[str]:
    """Every table that sources load into."""
    rows = conn.execute(
        "select format('raw.%s', c.relname) from pg_class c "
        "join pg_attribute a on a.attrelid = c.oid and a.attname = '_row_hash' "
        "where c.relnamespace = 'raw'::regnamespace and c.relkind in ('r', 'p') "
        "and not c.relispartition order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def row_counts(conn: psycopg.Connection) -> dict[str, int]:
    """Rows of every raw table."""
    counts = {}
    for table in raw_tables(conn):
        for row in conn.execute(f"select count(*) from {table}"):
            counts[table] = int(row[0])
    return counts


def check_tables(conn: psycopg.Connection) -> Iterator[str]:
    """No content twice in any table."""
    for table in raw_tables(conn):
        row = conn.execute(
            f"select count(*), count(distinct md5("
            f"(to_jsonb(t) - string_to_array('{_OWN}', ','))::text)) from {table} t"
        ).fetchone()
        if row is not None and row[0] != row[1]:
            yield f"{table} holds {row[0]} rows and only {row[1]} contents."


def check_ledger(conn: psycopg.Connection) -> Iterator[str]:
    """Read = loaded + repeated + rejected; loaded = rows there, batch by batch."""
    rows = conn.execute(
        "select source, sum(rows_read), "
        "sum(rows_loaded + rows_repeated + rows_rejected) "
        "from ops.source_files group by 1"
    ).fetchall()
    for source, read, sum_of_parts in rows:
        if read != sum_of_parts:
            yield f"{source}: {read} records read, {sum_of_parts} accounted for."
    there: Counter[str] = Counter()
    for table in raw_tables(conn):
        there.update(
            dict(
                conn.execute(
                    f"select _batch_id::text, count(*) from {table} group by 1"
                ).fetchall()
            )
        )
    told: Counter[str] = Counter(
        dict(
            conn.execute(
                "select f.batch_id::text, sum(f.rows_loaded)::bigint "
                "from ops.source_files f where not exists ("
                "select from ops.reference_releases r "
                "where r.batch_id = f.batch_id and r.pruned_at is not null) group by 1"
            ).fetchall()
        )
    )
    wrong = [batch for batch in {*there, *told} if there[batch] != told[batch]]
    if wrong:
        yield (
            f"{len(wrong)} loads have other rows than the ledger says: {wrong[0]} has "
            f"{there[wrong[0]]}, the ledger {told[wrong[0]]}."
        )


def check_rejects(conn: psycopg.Connection) -> Iterator[str]:
    """Every record that was refused is in quarantine."""
    rows = conn.execute(
        "select f.source, sum(f.rows_rejected), (select count(*) from raw.rejects r "
        "where r.source = f.source and r.row_number is not null) "
        "from ops.source_files f group by 1"
    ).fetchall()
    for source, told, there in rows:
        # One record may be refused for more than one field.
        if told > there:
            yield f"{source}: {told} records refused, {there} in quarantine."


def check_against(foul: psycopg.Connection, fair: psycopg.Connection) -> Iterator[str]:
    """The tables are those of an undisturbed load of the same market."""
    for table in (*EXACT, *COVERED):
        ours, theirs = _hashes(foul, table), _hashes(fair, table)
        if not theirs:
            yield f"{table}: the undisturbed load is empty, so nothing is compared."
        if theirs - ours:
            yield f"{table}: {len(theirs - ours)} of {len(theirs)} rows were lost."
        if table in EXACT and ours - theirs:
            yield f"{table}: {len(ours - theirs)} rows are in no whole file."
    for table in raw_tables(fair):
        if _is_reference(fair, table):
            ours, theirs = _current(foul, table), _current(fair, table)
            if ours != theirs or not theirs:
                yield (
                    f"{table}: the current release has {len(ours)} rows, that of an "
                    f"undisturbed load {len(theirs)}, {len(ours & theirs)} in common."
                )


def check_listings(
    conn: psycopg.Connection, before: set[int], after: set[int], ever: set[int]
) -> Iterator[str]:
    """Every listing the market shows is there with its details; none is invented."""
    found = _ids(conn, "select distinct listing_id from raw.domain__listings")
    lost = (before & after) - found
    if lost:
        yield f"{len(lost)} of {len(before)} Domain listings were lost."
    if found - ever:
        yield f"{len(found - ever)} Domain listings are none of the market's."
    detailed = _ids(
        conn, "select distinct listing_id from raw.domain__listing_details"
    ) | _ids(
        conn,
        "select listing_id from ops.domain_listings where confirmed_status is not null",
    )
    bare = (before & after) - detailed
    if bare:
        yield f"{len(bare)} Domain listings are without their details."


def check_drop(folder: Path, sent: Mapping[str, bytes]) -> Iterator[str]:
    """Every file sent is kept with its report, and none is left over."""
    kept: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).parts[0]
        if not path.is_file():
            continue
        if place not in ("done", "failed"):
            yield f"{path.name} was left in the drop folder."
        elif not path.name.endswith(".report.json"):
            kept[_sha256(path.read_bytes())] += place == "done"
            if not path.with_name(f"{path.name}.report.json").exists():
                yield f"{path.name} has no report."
    for name, content in sent.items():
        if _sha256(content) not in kept:
            yield f"{name} was sent and is nowhere."


def _hashes(conn: psycopg.Connection, table: str) -> set[str]:
    return {row[0] for row in conn.execute(f"select _row_hash::text from {table}")}


def _ids(conn: psycopg.Connection, query: str) -> set[int]:
    return {row[0] for row in conn.execute(query)}


def _is_reference(conn: psycopg.Connection, table: str) -> bool:
    query = (
        "select exists (select from pg_attribute where attrelid = %s::regclass "
        "and attname = 'release_id')"
    )
    row = conn.execute(query, [table]).fetchone()
    return bool(row and row[0])


def _current(conn: psycopg.Connection, table: str) -> set[str]:
    query = (
        f"select t._row_hash::text from {table} t "
        "join ops.reference_releases r using (release_id) where r.status = 'current'"
    )
    return {row[0] for row in conn.execute(query)}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
