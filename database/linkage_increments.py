"""What an increment of the linkage has to look at again.

Belongs here: from changed addresses to the records, pairs and homes they touch, in
temporary tables of one transaction: `dirty` records, `pairs_now`, `wanted` for them,
`seeds` and `affected` homes. What is remembered between runs is `linkage`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from database.linkage import EVIDENCE, NEW_BATCHES, PAIRS, copy_in, count


def look_up(conn: psycopg.Connection, *, few: bool) -> None:
    """Of few records each is looked up: scans and merges walk through the country.

    The planner cannot know how few rows a chain of joins leaves, and would scan.
    """
    on = sql.SQL("off" if few else "on")
    conn.execute(sql.SQL("set local enable_seqscan = {}").format(on))
    conn.execute(sql.SQL("set local enable_mergejoin = {}").format(on))


def refresh_addresses(conn: psycopg.Connection) -> int:
    """The same for `wanted_hashes` alone; records touched become table `dirty`.

    The least title is known of the rows read before, so that only new batches are
    read (discarded ones make a full run); coordinates' medians need all rows, of CSV
    files alone. Records whose plan may number its units otherwise now are `dirty`
    too. Returns how many records are.
    """
    conn.execute(
        "create temporary table touched on commit drop as "
        "select source, address_hash, title, property_id, parcel "
        "from ops.linkage_addresses "
        "where address_hash in (select address_hash from wanted_hashes)"
    )
    conn.execute(
        "delete from ops.linkage_addresses "
        "where address_hash in (select address_hash from wanted_hashes)"
    )
    conn.execute(
        sql.SQL(EVIDENCE).format(
            join_wanted=sql.SQL("join wanted_hashes using (address_hash)"),
            where_wanted=sql.SQL(
                "where _address_hash in (select address_hash from wanted_hashes)"
            ),
            where_new=sql.SQL("where _batch_id = any(array({}))").format(NEW_BATCHES),
            known_titles=sql.SQL(
                "union all select source, address_hash, title from touched "
                "where source = 'nsw_valuer'"
            ),
        )
    )
    conn.execute(
        "insert into touched (property_id, parcel) "
        "select property_id, parcel from ops.linkage_addresses "
        "where address_hash in (select address_hash from wanted_hashes)"
    )
    conn.execute(
        """
        create temporary table dirty on commit drop as
        select property_id from touched
        union
        select e.property_id
        from (select distinct parcel from touched where parcel is not null) t
        join ops.linkage_addresses e using (parcel)
        where e.is_lot_alone
        """
    )
    conn.execute("alter table dirty add primary key (property_id)")
    conn.execute("analyze dirty")
    return count(conn, "select count(*) from dirty")


def update_blocks(
    conn: psycopg.Connection, records: Path, caps: Mapping[int, int]
) -> None:
    """Put the new blocks of `dirty` records in place, and widen `dirty`.

    It grows by members of blocks that passed their cap in either direction and of
    streets that became known, or unknown: their pairs have to be judged again too.
    """
    conn.execute(
        "create temporary table fresh (like ops.linkage_records) on commit drop"
    )
    copy_in(conn, "fresh (property_id, street_key, first_number, block_keys)", records)
    conn.execute(
        """
        create temporary table moved on commit drop as
        select r.street_key, k.key, -1 as step
        from ops.linkage_records r join dirty using (property_id)
        cross join unnest(r.block_keys) k (key)
        union all
        select f.street_key, k.key, 1
        from fresh f cross join unnest(f.block_keys) k (key)
        """
    )
    conn.execute(
        "create temporary table moved_streets on commit drop as "
        "select street_key from ops.linkage_records join dirty using (property_id) "
        "union select street_key from fresh"
    )
    conn.execute(
        "delete from ops.linkage_records "
        "where property_id in (select property_id from dirty)"
    )
    conn.execute("insert into ops.linkage_records select * from fresh")
    _dirty_by_caps(conn, caps)
    _dirty_by_streets(conn)
    conn.execute("analyze dirty")


def _dirty_by_caps(conn: psycopg.Connection, caps: Mapping[int, int]) -> None:
    conn.execute(
        """
        create temporary table crossed on commit drop as
        select changed.key
        from (select key, sum(step) as step from moved group by key) changed
        cross join lateral (
            select count(*) as now from ops.linkage_records r
            where r.block_keys @> array[changed.key]
        ) members
        join unnest(%s::int[], %s::int[]) caps (rule, cap)
            on caps.rule = (changed.key & 15)
        where (members.now > cap) <> (members.now - changed.step > cap)
        """,
        [list(caps), list(caps.values())],
    )
    conn.execute(
        "insert into dirty select r.property_id from crossed "
        "join ops.linkage_records r on r.block_keys @> array[crossed.key] "
        "on conflict do nothing"
    )


def _dirty_by_streets(conn: psycopg.Connection) -> None:
    conn.execute(
        """
        create temporary table streets_now on commit drop as
        select m.street_key, least(numbers.seen, 6)::smallint as support,
            was.support as was
        from moved_streets m
        cross join lateral (
            select count(distinct first_number) as seen from ops.linkage_records r
            where r.street_key = m.street_key
        ) numbers
        left join ops.linkage_streets was using (street_key)
        """
    )
    conn.execute(
        "insert into ops.linkage_streets select street_key, support from streets_now "
        "on conflict (street_key) do update set support = excluded.support "
        "where linkage_streets.support <> excluded.support"
    )
    conn.execute(
        "insert into dirty select r.property_id from streets_now s "
        "join ops.linkage_records r using (street_key) "
        # What comparison tells apart: two and fewer, five and fewer, more.
        "where width_bucket(s.support, array[3, 6]) "
        "<> width_bucket(coalesce(s.was, 0), array[3, 6]) on conflict do nothing"
    )


def pair_up(conn: psycopg.Connection, caps: Mapping[int, int]) -> None:
    """Tables `pairs_now` (low, high) of `dirty` records, and `wanted`: all in them."""
    conn.execute(
        """
        create temporary table pairs_now on commit drop as
        with keys as (
            select distinct k.key from ops.linkage_records r
            join dirty using (property_id) cross join unnest(r.block_keys) k (key)
        ),
        members as (
            select keys.key, array_agg(r.property_id) as ids
            from keys join ops.linkage_records r on r.block_keys @> array[keys.key]
            group by keys.key
        )
        select distinct one.id as low, two.id as high
        from members
        join unnest(%s::int[], %s::int[]) caps (rule, cap) on caps.rule = (key & 15)
        cross join unnest(ids) one (id) cross join unnest(ids) two (id)
        where cardinality(ids) between 2 and cap and one.id < two.id
            and (one.id in (select property_id from dirty)
                or two.id in (select property_id from dirty))
        """,
        [list(caps), list(caps.values())],
    )
    conn.execute(
        "create temporary table wanted on commit drop as "
        "select low as property_id from pairs_now union select high from pairs_now "
        "union select property_id from dirty"
    )
    conn.execute("analyze wanted")


#: Support of the streets, and plans that number units as lots, of records in `wanted`.
SUPPORTS: LiteralString = (
    "select distinct s.street_key, s.support from wanted "
    "join ops.linkage_records r using (property_id) "
    "join ops.linkage_streets s using (street_key)"
)
PLANS: LiteralString = """
    select parcel from (
        select distinct parcel, e.title, e.property_id, e.is_unit_its_lot as agrees
        from (
            select distinct parcel from ops.linkage_addresses
            join wanted using (property_id) where parcel is not null
        ) p
        join ops.linkage_addresses e using (parcel)
        where e.is_unit_its_lot is not null
    ) lots group by parcel having count(*) > 1 and bool_and(agrees)
"""


def replace_pairs(conn: psycopg.Connection, pairs: Path) -> None:
    """Put the pairs of `dirty` records in place; all their ends become `seeds`."""
    conn.execute(
        "create temporary table seeds on commit drop as select property_id from dirty"
    )
    conn.execute(
        "with gone as (delete from ops.linkage_pairs "
        "where low_id in (select property_id from dirty) "
        "or high_id in (select property_id from dirty) returning low_id, high_id) "
        "insert into seeds select low_id from gone union select high_id from gone"
    )
    copy_in(conn, PAIRS, pairs)
    conn.execute(
        "insert into seeds select unnest(array[low_id, high_id]) "
        "from ops.linkage_pairs where low_id in (select property_id from dirty) "
        "or high_id in (select property_id from dirty)"
    )


def reach(conn: psycopg.Connection, decided: Iterable[tuple[Any, Any]]) -> None:
    """Table `affected`: `seeds` and all they are, or were, linked with."""
    pairs = list(decided)
    conn.execute("drop table if exists affected, decided_pairs")
    conn.execute(
        "create temporary table decided_pairs on commit drop as "
        "select * from unnest(%s::uuid[], %s::uuid[]) as d (low_id, high_id)",
        [[low for low, _ in pairs], [high for _, high in pairs]],
    )
    conn.execute(
        """
        create temporary table affected on commit drop as
        with recursive reached (id) as (
            select property_id from seeds
            union
            select next.id from reached cross join lateral (
                select high_id as id from ops.linkage_pairs
                where low_id = reached.id and verdict = 'merge'
                union all
                select low_id from ops.linkage_pairs
                where high_id = reached.id and verdict = 'merge'
                union all
                select to_property_id from intermediate.int_property__redirects
                where from_property_id = reached.id
                union all
                select from_property_id from intermediate.int_property__redirects
                where to_property_id = reached.id
                union all
                select high_id from decided_pairs where low_id = reached.id
                union all
                select low_id from decided_pairs where high_id = reached.id
            ) next
        )
        select id as property_id from reached
        """
    )
    conn.execute("alter table affected add primary key (property_id)")
    conn.execute("analyze affected")
