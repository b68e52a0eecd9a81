"""Repeat-sales price indexes of states, regions and suburbs: what is published of them.

Belongs here: the order of areas (a suburb is drawn towards its region, a region towards
its state where pairs are few), the base, and which figures rest on too little to show.
The arithmetic is ``repeat_sales``; which pairs count is SQL
(``int_market__repeat_pairs``); tables are ``assets.price_index``'s.

One market is a dwelling type in a state. The same pairs give the same figures, in
whatever order they come: sums are of whole numbers, and everything after them is done
in the order of areas and months.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.repeat_sales import Level, Pairs, departures, market_level

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.repeat_sales import Floats, Ints


@dataclass(frozen=True)
class Rules:
    """What is estimated and what is shown.

    Spreads are logs a year: of wide values, those that foretold the later price of real
    pairs left out best (NSW 2001-2024). The least numbers are of pairs of an area in
    all, and of pair ends (a pair has two) within a month.
    """

    region_knot_months: int = 6
    suburb_knot_months: int = 12
    region_yearly_spread: float = 0.04
    suburb_yearly_spread: float = 0.03
    least_state_pairs: int = 50
    least_region_pairs: int = 50
    least_suburb_pairs: int = 20
    least_month_ends: int = 5
    #: January of the base year, months from January 2000.
    base_month: int = 180


@dataclass(frozen=True)
class AreaIndex:
    """The index of one area, by month from ``start`` on; arrays of one length.

    ``hundredths`` is the index in hundredths (10,000 = the base year) and
    ``error_hundredths`` its standard error in hundredths of a per cent, both -1 where
    suppressed; ``pair_ends`` counts pairs that begin or end in the month.
    """

    kind: str
    area: int
    start: int
    pair_count: int
    hundredths: Ints
    error_hundredths: Ints
    pair_ends: Ints


class HasPairs(Protocol):
    """A market: its pairs, the region of each area, and how many regions there are."""

    @property
    def pairs(self) -> Pairs:
        """`area` is the suburb's number."""
        ...

    @property
    def region_of(self) -> Ints:
        """Region of each suburb, -1 where it has none."""
        ...

    @property
    def regions(self) -> Sized:
        """One of each region."""
        ...


_Market = TypeVar("_Market", bound=HasPairs)


def indexes_of_markets(
    markets: Iterable[_Market], workers: int = 2
) -> Iterator[tuple[_Market, AreaIndex]]:
    """Every index of every market, in the order of markets.

    Some are estimated while those before them are taken: NumPy lets threads work side
    by side. Matrices are small, so that sharing one of them costs more than it gains.
    """
    with threadpool_limits(1), ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[_Market, Future[list[AreaIndex]]]] = deque()
        for market in markets:
            waiting.append((market, pool.submit(_all_indexes, market)))
            # No more than the workers need: what is found takes memory.
            if len(waiting) > workers:
                yield from _found(*waiting.popleft())
        while waiting:
            yield from _found(*waiting.popleft())


def _all_indexes(market: HasPairs) -> list[AreaIndex]:
    return list(market_indexes(market.pairs, market.region_of, len(market.regions)))


def _found(
    market: _Market, indexes: Future[list[AreaIndex]]
) -> Iterator[tuple[_Market, AreaIndex]]:
    return ((market, index) for index in indexes.result())


def market_indexes(
    pairs: Pairs, region_of: Ints, regions: int, rules: Rules | None = None
) -> Iterator[AreaIndex]:
    """Indexes of one state and dwelling type: the state, its regions, its suburbs.

    Areas with fewer pairs than the rules want have none of their own.

    Args:
        pairs: ``area`` is the suburb's number, an index of ``region_of``.
        region_of: region of each suburb, -1 where it has none.
        regions: how many regions there are; they are numbered 0 to ``regions`` - 1.
        rules: other than the usual.
    """
    rules = rules or Rules()
    if len(pairs) < rules.least_state_pairs:
        return
    level, kept = market_level(pairs)
    months = len(level.value)
    state_counts = _counts(kept.by_area(np.zeros_like(region_of)), 1, level, months)
    state = level.value[None, :]
    variance = (level.error**2)[None, :]
    yield from _published("state", state, variance, state_counts, level.start, rules)

    # Suburbs of no region are drawn towards the state alone.
    in_region = kept.where(region_of[kept.area] >= 0).by_area(region_of)
    around, around_variance = state, variance
    if regions:
        apart = departures(
            in_region,
            regions,
            np.broadcast_to(state, (regions, months)),
            level.start,
            level.noise,
            knot_months=rules.region_knot_months,
            yearly_spread=rules.region_yearly_spread,
        )
        counts = _counts(in_region, regions, level, months)
        around = np.vstack([state + apart.value, state])
        around_variance = np.vstack([variance + apart.variance, variance])
        yield from _published(
            "region", around[:-1], around_variance[:-1], counts, level.start, rules
        )
    # The state stands last, which is what -1 points to.
    yield from _suburbs(kept, region_of, around, around_variance, level, rules)


def _suburbs(
    kept: Pairs,
    region_of: Ints,
    around: Floats,
    around_variance: Floats,
    level: Level,
    rules: Rules,
) -> Iterator[AreaIndex]:
    months = around.shape[1]
    total = np.bincount(kept.area, minlength=len(region_of))
    told = np.flatnonzero(total >= rules.least_suburb_pairs)
    if len(told) == 0:
        return
    number = np.full(len(region_of), -1)
    number[told] = np.arange(len(told))
    pairs = kept.where(number[kept.area] >= 0).by_area(number)
    wider = around[region_of[told]]
    apart = departures(
        pairs,
        len(told),
        wider,
        level.start,
        level.noise,
        knot_months=rules.suburb_knot_months,
        yearly_spread=rules.suburb_yearly_spread,
    )
    variance = around_variance[region_of[told]] + apart.variance
    counts = _counts(pairs, len(told), level, months)
    for found in _published(
        "suburb", wider + apart.value, variance, counts, level.start, rules
    ):
        yield AreaIndex(
            "suburb",
            int(told[found.area]),
            found.start,
            found.pair_count,
            found.hundredths,
            found.error_hundredths,
            found.pair_ends,
        )


def _counts(pairs: Pairs, areas: int, level: Level, months: int) -> Any:
    """Pair ends of each area and month; (areas, months)."""
    found = np.zeros(areas * months, dtype="int64")
    for month in (pairs.first, pairs.second):
        place = pairs.area * months + (month - level.start)
        found += np.bincount(place, minlength=len(found))
    return found.reshape(areas, months)


def _published(
    kind: str, value: Floats, variance: Floats, ends: Ints, start: int, rules: Rules
) -> Iterator[AreaIndex]:
    least = {
        "state": rules.least_state_pairs,
        "region": rules.least_region_pairs,
        "suburb": rules.least_suburb_pairs,
    }[kind]
    based = value - value[:, _base(start, value.shape[1], rules)].mean(
        axis=1, keepdims=True
    )
    index = np.rint(np.exp(based) * 10_000).astype("int64")
    error = np.rint(np.sqrt(variance) * 10_000).astype("int64")
    for area in range(len(value)):
        pair_count = int(ends[area].sum()) // 2
        if pair_count < least:
            continue
        shown = _shown(kind, ends[area], rules)
        yield AreaIndex(
            kind,
            area,
            start,
            pair_count,
            np.where(shown, index[area], -1),
            np.where(shown, error[area], -1),
            ends[area],
        )


def _shown(kind: str, ends: Ints, rules: Rules) -> npt.NDArray[np.bool_]:
    """Months of an area that rest on enough.

    A state's month stands on its own pairs. The movement within a region or suburb is
    its state's, so that there the first and last pairs are what bounds it.
    """
    if kind == "state":
        told: npt.NDArray[np.bool_] = ends >= rules.least_month_ends
        return told
    there = np.flatnonzero(ends)
    month = np.arange(len(ends))
    return (month >= there[0]) & (month <= there[-1])


def _base(start: int, months: int, rules: Rules) -> slice:
    """The months that are 100 on average: the base year, or the first that is there."""
    first = rules.base_month - start
    if first < 0 or first + 12 > months:
        first = 0
    return slice(first, first + 12)
