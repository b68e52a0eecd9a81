"""Entity resolution of the warehouse: from identities to redirects and reviews.

Belongs here: the order of a run, whole or of what changed, in one transaction. What is
compared and how is `identity.linkage`; tables are `database.linkage`, decisions
`database.merge_reviews`. No Dagster here: the command line uses this too.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import IsolationLevel

from assets.builds import digest
from assets.redirects import Decided, write_redirects, write_reviews
from database import linkage as state
from database import linkage_increments as steps
from database.merge_reviews import decided_since, standing_decisions
from database.raw_loading import end_transaction
from domain.addresses import RULE_VERSION
from identity.linkage import blocking, comparison, engine, records, weights
from identity.linkage.clusters import Edge

#: Share of all records beyond which reading everything anew is quicker.
_FULL_SHARE = 0.1
#: Fewer changed records than this are never worth a full run.
_FULL_LEAST = 20_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a run did: `kind` is full, increment or unchanged; what changed."""

    kind: str
    records: int = 0
    pairs: int = 0
    redirects_changed: int = 0
    reviews_changed: int = 0


def resolve_homes(
    conn: psycopg.Connection, *, full: bool = False, decisions_only: bool = False
) -> Resolved:
    """Bring redirects and reviews up to date with identities and decisions; commits.

    One transaction: a run that is killed leaves everything as it was. Two runs at once
    take turns. The result depends on what is in the tables alone, not on the order in
    which it came: increments and full runs agree. `decisions_only` leaves changed
    addresses for the next run, so that a person's word takes effect at once.
    """
    end_transaction(conn)
    state.listen(conn)
    with _one_at_a_time(conn), tempfile.TemporaryDirectory() as folder:
        isolation = conn.isolation_level
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        try:
            with conn.transaction():
                return _resolve(conn, Path(folder), full, decisions_only)
        finally:
            conn.isolation_level = isolation


def _resolve(
    conn: psycopg.Connection, folder: Path, full: bool, decisions_only: bool
) -> Resolved:
    rules = _fingerprint(conn)
    before = state.read_state(conn)
    known = before is not None and before[0] == rules
    if before is not None and known and decisions_only:
        return _decisions(conn, folder, rules, before[1])
    told = state.take_notes(conn)
    if before is None or not known or full or not told:
        return _full(conn, folder, rules)
    steps.look_up(conn, few=True)
    changed = steps.refresh_addresses(conn)
    total = state.count(
        conn,
        "select reltuples::bigint from pg_class "
        "where oid = 'ops.linkage_records'::regclass",
    )
    if changed > max(_FULL_LEAST, _FULL_SHARE * total):
        return _full(conn, folder, rules)
    decided = decided_since(conn, before[1])
    if not changed and not decided:
        return Resolved("unchanged")
    return _increment(conn, folder, rules, decided)


def _fingerprint(conn: psycopg.Connection) -> str:
    """What besides the data decides the result; another hash gives other blocks."""
    import duckdb

    return digest(
        "linkage",
        str(weights.VERSION),
        str(RULE_VERSION),
        str(duckdb.__version__),
        state.gnaf_release(conn),
    )


def _full(conn: psycopg.Connection, folder: Path, rules: str) -> Resolved:
    steps.look_up(conn, few=False)
    state.refresh_all_addresses(conn)
    duck = _open(conn, folder)
    engine.judge_all(duck)
    files = folder / "records", folder / "streets", folder / "pairs"
    duck.execute(
        f"copy (select r.property_id, r.street_key, {_NUMBER}, {_KEYS} "
        "from records r join (select property_id, list_sort(list(key)) as keys "
        "from keys group by 1) k using (property_id) union all "
        f"select r.property_id, r.street_key, {_NUMBER}, '{{}}' from records r "
        f"anti join keys using (property_id)) to '{files[0]}' (header false)"
    )
    duck.execute(f"copy supports to '{files[1]}' (header false)")
    _copy_kept(duck, files[2])
    state.replace_all(conn, *files)
    decisions = Decided.of(standing_decisions(conn))
    found = engine.resolve_homes(duck, engine.kept_edges(duck), decisions.verdicts)
    total = duck.execute("select count(*) from records").fetchone()[0]
    return _finish(conn, rules, "full", total, found, decisions, everything=True)


#: A record's blocks as PostgreSQL writes arrays; a street without name has no numbers.
_KEYS = "'{' || array_to_string(keys, ',') || '}'"
_NUMBER = "case when street <> '' then first_number end"


def _increment(
    conn: psycopg.Connection, folder: Path, rules: str, decided: list[UUID]
) -> Resolved:
    caps = blocking.caps()
    duck = _open(conn, folder, "dirty")
    records.prepare_records(duck)
    blocking.create_keys(duck)
    fresh, kept = folder / "fresh", folder / "kept"
    duck.execute(
        f"copy (select r.property_id, r.street_key, {_NUMBER}, "
        "'{' || coalesce(array_to_string(keys, ','), '') || '}' "
        "from records r left join (select property_id, list_sort(list(key)) as keys "
        f"from keys group by 1) k using (property_id)) to '{fresh}' (header false)"
    )
    duck.close()
    steps.update_blocks(conn, fresh, caps)
    steps.pair_up(conn, caps)
    duck = _open_wanted(conn, folder)
    low_high = folder / "pairs.csv"
    state.copy_out(conn, "select low, high from pairs_now", low_high)
    duck.execute("create table pairs (low uuid, high uuid)")
    engine.load_csv(duck, "pairs", low_high)
    engine.judge_pairs(duck)
    _copy_kept(duck, kept)
    duck.close()
    steps.replace_pairs(conn, kept)
    total = state.count(conn, "select count(*) from dirty")
    return _settle(conn, folder, rules, "increment", total, decided)


def _decisions(
    conn: psycopg.Connection, folder: Path, rules: str, since: int
) -> Resolved:
    conn.execute("create temporary table seeds (property_id uuid) on commit drop")
    decided = decided_since(conn, since)
    if not decided:
        return Resolved("unchanged")
    return _settle(conn, folder, rules, "increment", 0, decided)


def _settle(
    conn: psycopg.Connection,
    folder: Path,
    rules: str,
    kind: str,
    total: int,
    decided: list[UUID],
) -> Resolved:
    """Decide anew who is one home around `seeds` and the pairs decided."""
    conn.execute("insert into seeds select unnest(%s::uuid[])", [decided])
    decisions = Decided.of(standing_decisions(conn))
    steps.reach(conn, decisions.verdicts)
    conn.execute("drop table if exists wanted")
    conn.execute(
        "create temporary table wanted on commit drop as select * from affected"
    )
    duck = _open_wanted(conn, folder)
    rows = conn.execute(
        "select low_id, high_id, score from ops.linkage_pairs "
        "where verdict = 'merge' and low_id in (select property_id from affected)"
    ).fetchall()
    known = _ids(conn, "select property_id from affected")
    own = Decided(
        {p: d for p, d in decisions.standing.items() if p[0] in known and p[1] in known}
    )
    found = engine.resolve_homes(duck, [Edge(*row) for row in rows], own.verdicts)
    duck.close()
    return _finish(conn, rules, kind, total, found, own, everything=False)


def _finish(
    conn: psycopg.Connection,
    rules: str,
    kind: str,
    total: int,
    found: engine.Resolution,
    decisions: Decided,
    *,
    everything: bool,
) -> Resolved:
    redirects = write_redirects(conn, found, decisions, everything=everything)
    reviews = write_reviews(conn, found, decisions, everything=everything)
    state.write_state(conn, rules)
    pairs = len(found.merges)
    return Resolved(kind, total, pairs, redirects, reviews)


def _open(conn: psycopg.Connection, folder: Path, only: Any = None) -> Any:
    """DuckDB with the linkage's input, of all records or of a table of them."""
    source = folder / "addresses.csv"
    state.copy_records(conn, source, only)
    duck = engine.open_duckdb(folder)
    records.create_input(duck)
    engine.load_csv(duck, "addresses", source)
    source.unlink()
    return duck


def _open_wanted(conn: psycopg.Connection, folder: Path) -> Any:
    """DuckDB with the records in `wanted`, prepared, and what their levels need."""
    duck = _open(conn, folder, "wanted")
    records.prepare_records(duck)
    supports, plans = folder / "supports.csv", folder / "plans.csv"
    state.copy_out(conn, steps.SUPPORTS, supports)
    state.copy_out(conn, steps.PLANS, plans)
    duck.execute("create table supports (street_key bigint, support utinyint)")
    engine.load_csv(duck, "supports", supports)
    duck.execute("create table plans (parcel varchar)")
    engine.load_csv(duck, "plans", plans)
    return duck


def _copy_kept(duck: Any, target: Path) -> None:
    levels = ", ".join(f"l_{field.name}" for field in comparison.FIELDS)
    duck.execute(
        "copy (select low, high, score, verdict, cap, '{' || concat_ws(',', "
        f"{levels}) || '}}' from kept) to '{target}' (header false)"
    )


def _ids(conn: psycopg.Connection, query: Any) -> set[UUID]:
    return {row[0] for row in conn.execute(query)}


@contextmanager
def _one_at_a_time(conn: psycopg.Connection) -> Iterator[None]:
    # A lock of the session: one of the transaction would be waited for with the
    # snapshot already taken, from before the other run's end.
    key = "hashtextextended('ausproperty.linkage', 0)"
    conn.execute(f"select pg_advisory_lock({key})")
    conn.commit()
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute(f"select pg_advisory_unlock({key})")
            conn.commit()
