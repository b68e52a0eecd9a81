"""Pairs out of the warehouse, price indexes into it.

Belongs here: the two tables and how millions of rows pass quickly. What an index is, is
``price_index``; which pairs count, the dbt model ``int_market__repeat_pairs``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg

from ml.price_index import AreaIndex
from ml.repeat_sales import Pairs

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.repeat_sales import Ints

# PostgreSQL's binary COPY: what stands before the rows and after them.
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_INT4_OID = 23
_ARRAY_HEAD_BYTES = 20
_FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class IndexInputs:
    """What an estimate rests on: facts known before a day, and a hash of them.

    ``known_before`` is the first of the month in which the newest pair became known:
    indexes are made once a month, as they are published, and late facts of earlier
    months count at once. None without pairs.
    """

    known_before: date | None
    pair_count: int
    pair_hash: int


@dataclass(frozen=True)
class Market:
    """The pairs of a state and dwelling type, and the names of its areas."""

    state: str
    dwelling_type: str
    is_simulated: bool
    pairs: Pairs
    suburbs: list[str]
    regions: list[str]
    region_of: Ints

    def key_of(self, found: AreaIndex) -> str:
        """What the tables call an area."""
        if found.kind == "suburb":
            return self.suburbs[found.area]
        if found.kind == "region":
            return f"{self.state}|{self.regions[found.area]}"
        return self.state


def index_inputs(conn: psycopg.Connection) -> IndexInputs:
    """What would be estimated from now; one pass over the pairs."""
    row = conn.execute(
        """
        with cut as (
            select date_trunc('month', max(known_on))::date as known_before
            from intermediate.int_market__repeat_pairs
        )
        select
            cut.known_before,
            count(pairs.pair_hash),
            coalesce(sum(pairs.pair_hash), 0)
        from cut
        left join intermediate.int_market__repeat_pairs as pairs
            on pairs.known_on < cut.known_before and pairs.exclusion_reason is null
        group by 1
        """
    ).fetchone()
    assert row is not None
    return IndexInputs(row[0], int(row[1]), int(row[2]))


def read_markets(conn: psycopg.Connection, before: date) -> Iterator[Market]:
    """The markets there are, each with its usable pairs known before a day.

    A suburb's region is the one most of its pairs are of. Everything is read at once,
    in 14 bytes a pair; the connection is free when the first market comes.
    """
    conn.execute("drop table if exists index_areas")
    conn.execute(
        """
        create temporary table index_areas on commit drop as
        with counted as (
            select
                state, dwelling_type, suburb_key, region, count(*) as pairs,
                bool_or(is_simulated) as is_simulated
            from intermediate.int_market__repeat_pairs
            where exclusion_reason is null and known_on < %s and suburb_key is not null
            group by 1, 2, 3, 4
        ),

        main as (
            select distinct on (state, dwelling_type, suburb_key) *
            from counted
            order by state, dwelling_type, suburb_key, pairs desc, region
        )

        select
            main.*,
            dense_rank() over (order by state, dwelling_type)::int - 1 as market,
            row_number() over (
                partition by state, dwelling_type order by suburb_key
            )::int - 1 as area
        from main
        """,
        [before],
    )
    conn.execute("analyze index_areas")
    areas = conn.execute(
        "select market, state, dwelling_type, suburb_key, region, is_simulated "
        "from index_areas order by market, area"
    ).fetchall()
    return _markets(areas, _read_rows(conn, before))


def _markets(
    areas: list[tuple[Any, ...]], rows: npt.NDArray[np.void]
) -> Iterator[Market]:
    count = areas[-1][0] + 1 if areas else 0
    order = np.argsort(rows["market"], kind="stable")
    ends = np.searchsorted(rows["market"][order], np.arange(count + 1))
    for market in range(count):
        mine = [area[1:] for area in areas if area[0] == market]
        part = rows[order[ends[market] : ends[market + 1]]]
        regions = sorted({region for _, _, _, region, _ in mine if region is not None})
        number = {name: at for at, name in enumerate(regions)}
        columns = ("first", "second", "change", "area")
        yield Market(
            state=mine[0][0],
            dwelling_type=mine[0][1],
            is_simulated=mine[0][4],
            pairs=Pairs(*(part[name].astype("int64") for name in columns)),
            suburbs=[area[2] for area in mine],
            regions=regions,
            region_of=np.array([number.get(area[3], -1) for area in mine]),
        )


def _read_rows(conn: psycopg.Connection, before: date) -> npt.NDArray[np.void]:
    kept = np.dtype(
        {
            "names": ["market", "area", "first", "second", "change"],
            "formats": ["i2", "i4", "i2", "i2", "i4"],
        }
    )
    parts = [np.empty(0, kept)]
    # An area a row: millions of rows one by one take longer than to estimate them.
    with conn.cursor(binary=True) as cursor:
        rows = cursor.stream(
            """
            select areas.market, areas.area,
                array_send(array_agg(pairs.first_month::int)) as first,
                array_send(array_agg(pairs.second_month::int)) as second,
                array_send(array_agg(pairs.log_change::int)) as change
            from intermediate.int_market__repeat_pairs as pairs
            join index_areas as areas using (state, dwelling_type, suburb_key)
            where pairs.exclusion_reason is null and pairs.known_on < %s
            group by 1, 2
            """,
            [before],
        )
        for market, area, *columns in rows:
            found = [_array_of(column) for column in columns]
            part = np.empty(len(found[0]), kept)
            part["market"], part["area"] = market, area
            part["first"], part["second"], part["change"] = found
            parts.append(part)
    return np.concatenate(parts)


def _array_of(sent: bytes) -> Ints:
    """Numbers of an int[] without nulls, as PostgreSQL sends them."""
    return np.frombuffer(sent, ">i4", offset=_ARRAY_HEAD_BYTES)[1::2].astype("int64")


def write_indexes(
    conn: psycopg.Connection,
    found: Iterable[tuple[Market, AreaIndex]],
    known_before: date | None,
) -> int:
    """Put these indexes in the place of all others; returns how many.

    Readers see the old ones until the caller commits.
    """
    conn.execute("delete from intermediate.int_market__index_paths")
    # Without a day there are no pairs, and no rows.
    days = (known_before - _FIRST_DAY).days if known_before else 0
    day = struct.pack(">i", days)
    count = 0
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "copy intermediate.int_market__index_paths from stdin (format binary)"
        ) as copy,
    ):
        copy.write(_SIGNATURE)
        for market, area in found:
            count += 1
            copy.write(
                _binary_row(
                    area.kind.encode(),
                    market.key_of(area).encode(),
                    market.state.encode(),
                    market.dwelling_type.encode(),
                    struct.pack(">i", area.start),
                    struct.pack(">i", area.pair_count),
                    _binary_array(area.hundredths),
                    _binary_array(area.error_hundredths),
                    _binary_array(area.pair_ends),
                    day,
                    struct.pack(">?", market.is_simulated),
                )
            )
        copy.write(_END)
    return count


def _binary_row(*fields: bytes) -> bytes:
    """A row of PostgreSQL's binary COPY: each field after its length."""
    parts = [struct.pack(">h", len(fields))]
    for field in fields:
        parts += (struct.pack(">i", len(field)), field)
    return b"".join(parts)


def _binary_array(numbers: Ints) -> bytes:
    """An int[] as PostgreSQL sends it; below 0 stands for nothing.

    Text of a country's 40 million figures takes ten times as long.
    """
    unknown = numbers < 0
    head = (int(len(numbers) > 0), int(unknown.any()), _INT4_OID)
    if not len(numbers):
        return struct.pack(">3i", *head)
    elements = np.empty((len(numbers), 2), ">i4")
    elements[:, 0] = np.where(unknown, -1, 4)
    elements[:, 1] = numbers
    # Of what is null there is a length alone.
    kept = np.stack([np.ones(len(numbers), bool), ~unknown], axis=1)
    return struct.pack(">5i", *head, len(numbers), 1) + elements[kept].tobytes()
