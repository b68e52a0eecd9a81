"""Pairs out of the warehouse, price indexes into it.

Belongs here: the two tables and how millions of rows pass quickly. What an index is, is
``price_index``; which pairs count, the dbt model ``int_market__repeat_pairs``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import psycopg

from ml.price_index import AreaIndex
from ml.repeat_sales import Pairs

if TYPE_CHECKING:
    from ml.repeat_sales import Ints

#: Name by which the estimate is told of changes (`ops.register_model`).
READER = "price_index"
_PAIRS = "int_market__repeat_pairs"

# PostgreSQL's binary COPY: what stands before the rows and after them.
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_INT4_OID = 23
_ARRAY_HEAD_BYTES = 20
_SENT_BIGINT = np.dtype([("size", ">i4"), ("number", ">i8")])
_FIRST_DAY = date(2000, 1, 1)

# A pair in 62 bits: first month, second month, change of log price in millionths; all
# from 0 on.
_FIRST_BIT, _SECOND_BIT = 48, 33
_MONTH_ZERO, _MONTH_MASK = 1 << 13, (1 << 14) - 1
_CHANGE_ZERO, _CHANGE_MASK = 1 << 31, (1 << 32) - 1


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


def listen(conn: psycopg.Connection) -> None:
    """From now on be told of what changes in the pairs; commits."""
    conn.execute("select ops.register_model(%s, %s)", [READER, [_PAIRS]])
    conn.commit()


def newest_month(conn: psycopg.Connection) -> date | None:
    """First of the month in which the newest pair became known; None without pairs.

    Indexes rest on what was known before: they are made once a month, as they are
    published, and late facts of earlier months count at once.
    """
    row = conn.execute(
        "select date_trunc('month', max(known_on))::date "
        "from intermediate.int_market__repeat_pairs"
    ).fetchone()
    return row[0] if row else None


def take_news(conn: psycopg.Connection, before: date | None) -> bool:
    """Whether pairs known before a day came, went or changed since this was asked.

    The notes are gone when the caller commits.
    """
    row = conn.execute(
        "with gone as (delete from ops.model_changes where model = %s returning key) "
        "select coalesce(bool_or(key is null or key::date < %s), false) from gone",
        [READER, before],
    ).fetchone()
    return bool(row and row[0])


def read_markets(conn: psycopg.Connection, before: date) -> Iterator[Market]:
    """The markets there are, each with its usable pairs known before a day.

    A suburb's region is the one most of its pairs are of. Everything is read at once,
    in 24 bytes a pair; the connection is free when the first market comes.
    """
    read: dict[tuple[str, str], list[_Part]] = {}
    for state, dwelling_type, *columns in _read_parts(conn, before):
        read.setdefault((state, dwelling_type), []).append(_Part(*columns))
    # No generator itself: the reading is over when this returns.
    return (_market(*key, read.pop(key)) for key in sorted(read))


class _Part(NamedTuple):
    """Pairs of a suburb and region; `pairs` as PostgreSQL sends the packed numbers."""

    suburb_key: str
    region: str | None
    is_simulated: bool
    pairs: bytes


def _market(state: str, dwelling_type: str, parts: list[_Part]) -> Market:
    parts.sort(key=lambda part: (part.suburb_key, part.region is None, part.region))
    suburbs = list(dict.fromkeys(part.suburb_key for part in parts))
    number = {key: at for at, key in enumerate(suburbs)}
    packed = [_numbers_of(part.pairs) for part in parts]
    main: dict[str, tuple[int, str | None]] = {}
    for part, pairs in zip(parts, packed, strict=True):
        # Of equally many the first by name.
        if len(pairs) > main.get(part.suburb_key, (0, None))[0]:
            main[part.suburb_key] = len(pairs), part.region
    regions = sorted({region for _, region in main.values() if region is not None})
    at_region = {name: at for at, name in enumerate(regions)}
    areas = [number[part.suburb_key] for part in parts]
    everything = np.concatenate(packed)
    return Market(
        state=state,
        dwelling_type=dwelling_type,
        is_simulated=any(part.is_simulated for part in parts),
        pairs=Pairs(
            first=(everything >> _FIRST_BIT) - _MONTH_ZERO,
            second=((everything >> _SECOND_BIT) & _MONTH_MASK) - _MONTH_ZERO,
            change=(everything & _CHANGE_MASK) - _CHANGE_ZERO,
            area=np.repeat(areas, [len(pairs) for pairs in packed]),
        ),
        suburbs=suburbs,
        regions=regions,
        region_of=np.array(
            [
                -1 if (name := main[key][1]) is None else at_region[name]
                for key in suburbs
            ]
        ),
    )


def _read_parts(conn: psycopg.Connection, before: date) -> Iterator[tuple[Any, ...]]:
    # A suburb a row and a pair a number: millions of rows one by one take longer than
    # to estimate them, three arrays of them three times as long as one.
    conn.execute("set local work_mem = '192MB'")
    with conn.cursor(binary=True) as cursor:
        yield from cursor.stream(
            """
            select state, dwelling_type, suburb_key, region, bool_or(is_simulated),
                array_send(array_agg(
                    ((first_month + %(zero)s)::bigint << %(first)s)
                    | ((second_month + %(zero)s)::bigint << %(second)s)
                    | (log_change + %(change)s::bigint)
                ))
            from intermediate.int_market__repeat_pairs
            where exclusion_reason is null and known_on < %(before)s
                and suburb_key is not null
            group by 1, 2, 3, 4
            """,
            {
                "zero": _MONTH_ZERO,
                "first": _FIRST_BIT,
                "second": _SECOND_BIT,
                "change": _CHANGE_ZERO,
                "before": before,
            },
        )


def _numbers_of(sent: bytes) -> Ints:
    """Numbers of a bigint[] without nulls, as PostgreSQL sends them."""
    fields = np.frombuffer(sent, _SENT_BIGINT, offset=_ARRAY_HEAD_BYTES)
    return fields["number"].astype("int64")


def write_indexes(
    conn: psycopg.Connection,
    found: Iterable[tuple[Market, AreaIndex]],
    known_before: date | None,
) -> int:
    """Put these indexes in the place of all others; returns how many.

    Readers see the old ones until the caller commits. Statistics are of the names
    alone: nobody looks for a figure within the lists, which are long to read.
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
    conn.execute(
        "analyze intermediate.int_market__index_paths "
        "(area_kind, area_key, state, dwelling_type)"
    )
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
