"""Pairs out of the warehouse, price indexes into it.

Belongs here: the two tables and how millions of rows pass quickly. What an index is, is
``price_index``; which pairs count, the dbt model ``int_market__repeat_pairs``.
"""

from __future__ import annotations

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
    from psycopg.abc import Buffer

    from ml.repeat_sales import Ints

INPUT = "intermediate.int_market__index_paths"

# PostgreSQL's binary COPY of five integers: the number of fields, then the length and
# the value of each, all big-endian.
_FIELDS = ("market", "area", "first", "second", "change")
_ROW = np.dtype(
    [("fields", ">i2")]
    + [(f"{name}{part}", ">i4") for name in _FIELDS for part in ("_length", "")]
)
_HEADER_BYTES = 19
_TRAILER_BYTES = 2


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
    with (
        conn.cursor() as cursor,
        cursor.copy(
            """
            copy (
                select areas.market, areas.area, pairs.first_month::int,
                    pairs.second_month::int, pairs.log_change
                from intermediate.int_market__repeat_pairs as pairs
                join index_areas as areas using (state, dwelling_type, suburb_key)
                where pairs.exclusion_reason is null and pairs.known_on < %s
            ) to stdout (format binary)
            """,
            [before],
        ) as copy,
    ):
        for block in _blocks(copy):
            found = np.frombuffer(block, _ROW)
            part = np.empty(len(found), kept)
            for name in _FIELDS:
                part[name] = found[name]
            parts.append(part)
    return np.concatenate(parts)


def _blocks(copy: Iterable[Buffer]) -> Iterator[bytes]:
    """Whole rows of a binary COPY, about a megabyte at a time."""
    held = bytearray()
    at_start = True
    for data in copy:
        held += data
        if at_start and len(held) >= _HEADER_BYTES:
            del held[:_HEADER_BYTES]
            at_start = False
        if len(held) >= 1 << 20:
            whole = len(held) // _ROW.itemsize * _ROW.itemsize
            yield bytes(held[:whole])
            del held[:whole]
    # The end is marked by a number of fields of -1.
    yield bytes(held[:-_TRAILER_BYTES])


def write_indexes(
    conn: psycopg.Connection,
    found: Iterable[tuple[Market, AreaIndex]],
    known_before: date | None,
) -> int:
    """Put these indexes in the place of all others; returns how many.

    Readers see the old ones until the caller commits. The models that read them are
    told.
    """
    conn.execute("delete from intermediate.int_market__index_paths")
    count = 0
    with (
        conn.cursor() as cursor,
        cursor.copy("copy intermediate.int_market__index_paths from stdin") as copy,
    ):
        for market, area in found:
            count += 1
            copy.write_row(
                (
                    area.kind,
                    market.key_of(area),
                    market.state,
                    market.dwelling_type,
                    area.start,
                    area.pair_count,
                    _as_text(area.hundredths),
                    _as_text(area.error_hundredths),
                    _as_text(area.pair_ends),
                    known_before,
                    market.is_simulated,
                )
            )
    conn.execute("select ops.tell_models(%s, null)", [INPUT])
    return count


def _as_text(numbers: Ints) -> str:
    """An array as PostgreSQL writes it; below 0 stands for nothing."""
    shown = ("NULL" if number < 0 else str(number) for number in numbers.tolist())
    return "{" + ",".join(shown) + "}"
