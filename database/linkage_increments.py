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

from database.linkage import (
    EVIDENCE,
    EVIDENCE_COLUMNS,
    NEW_BATCHES,
    PAIRS,
    RENAMED,
    copy_in,
    count,
)

#: House numbers after which a street counts as known, however many it has.
_ENOUGH = 6


def look_up(conn: psycopg.Connection, *, few: bool) -> None:
    """Of few records each is looked up: scans and merges walk through the country.

    The planner cannot know how few rows a chain of joins leaves, and would scan. Rows
    of many keys (`= any(array(...))`) are read by bitmap, many pages at once: one after
    the other each waits for the disk.
    """
    on = sql.SQL("off" if few else "on")
    for plan in ("seqscan", "mergejoin", "indexscan"):
        name = sql.Identifier(f"enable_{plan}")
        conn.execute(sql.SQL("set local {} = {}").format(name, on))


def refresh_addresses(conn: psycopg.Connection) -> int:
    """The same for `wanted_hashes` alone; records it tells news of become `dirty`.

    The least title is known of the rows read before, so that only new batches are
    read (discarded ones make a full run); coordinates' medians need all rows, of CSV
    files alone. A home sold again under its known address is no news, and most sales
    are that. Records whose plan may number its units otherwise now are `dirty` too.
    Returns how many records are.
    """
    conn.execute(
        "create temporary table said_before on commit drop as "
        "select * from ops.linkage_addresses "
        "where address_hash = any(array(select address_hash from wanted_hashes))"
    )
    conn.execute(
        "create temporary table said_now "
        "(like ops.linkage_addresses including generated) on commit drop"
    )
    conn.execute(
        sql.SQL(EVIDENCE).format(
            target=sql.Identifier("said_now"),
            columns=sql.SQL(EVIDENCE_COLUMNS),
            of_wanted=sql.SQL(
                "where address_hash = any(array("
                "select address_hash from wanted_hashes))"
            ),
            where_wanted=sql.SQL(
                "where _address_hash in (select address_hash from wanted_hashes)"
            ),
            where_new=sql.SQL("where _batch_id = any(array({}))").format(NEW_BATCHES),
            known_titles=sql.SQL(
                "union all select source, address_hash, title from said_before "
                "where source = 'nsw_valuer'"
            ),
        )
    )
    _keep_news(conn)
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


def _keep_news(conn: psycopg.Connection) -> None:
    """Replace what is said otherwise now, or of another record: table `touched`."""
    conn.execute(
        sql.SQL(
            """
            create temporary table news on commit drop as
            select source, address_hash from (
                (table said_before except table said_now)
                union
                (table said_now except table said_before)
            ) changed
            union
            select source, address_hash from said_now
            where address_hash in ({renamed})
            """
        ).format(renamed=RENAMED)
    )
    conn.execute(
        """
        create temporary table touched on commit drop as
        select property_id, parcel
        from said_before join news using (source, address_hash)
        union
        select property_id, parcel
        from said_now join news using (source, address_hash)
        """
    )
    conn.execute(
        "delete from ops.linkage_addresses a using news "
        "where a.source = news.source and a.address_hash = news.address_hash"
    )
    columns = sql.SQL(EVIDENCE_COLUMNS)
    conn.execute(
        sql.SQL(
            "insert into ops.linkage_addresses ({columns}) "
            "select {columns} from said_now join news using (source, address_hash)"
        ).format(columns=columns)
    )


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
    # Streets that gain or lose a number; one that knows enough of them only by a loss.
    conn.execute(
        """
        create temporary table moved_streets on commit drop as
        with were as (
            select distinct r.street_key, r.first_number
            from ops.linkage_records r join dirty using (property_id)
        ),
        are as (select distinct street_key, first_number from fresh)
        select street_key from (table were except table are) lost
        union
        select gained.street_key from (table are except table were) gained
        left join ops.linkage_streets known using (street_key)
        where coalesce(known.support, 0) < %s
        """,
        [_ENOUGH],
    )
    # Most are dirty for their neighbours' sake: their own blocks stay as they are.
    conn.execute(
        "delete from ops.linkage_records r using dirty "
        "where r.property_id = dirty.property_id "
        "and not exists (select from fresh f where f.property_id = r.property_id "
        "and (f.street_key, f.first_number, f.block_keys) "
        "is not distinct from (r.street_key, r.first_number, r.block_keys))"
    )
    conn.execute(
        "insert into ops.linkage_records select * from fresh f where not exists "
        "(select from ops.linkage_records r where r.property_id = f.property_id)"
    )
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
        select m.street_key, least(numbers.seen, %s)::smallint as support,
            was.support as was
        from moved_streets m
        cross join lateral (
            select count(distinct first_number) as seen from ops.linkage_records r
            where r.street_key = m.street_key
        ) numbers
        left join ops.linkage_streets was using (street_key)
        """,
        [_ENOUGH],
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
        select distinct parcel, title, property_id, is_unit_its_lot as agrees
        from ops.linkage_addresses
        where is_unit_its_lot is not null and parcel = any(array(
            select distinct parcel from ops.linkage_addresses
            where parcel is not null
                and property_id = any(array(select property_id from wanted))
        ))
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
