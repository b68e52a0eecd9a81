"""Which sales a made-up country has: numbers only, in arrays; no text, no database.

Homes, dealings, their weeks and corrections follow from a seed. What a clerk writes of
a sale is `national_lines.sql`; how the rows reach `raw` is `national_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from simulator.names import locality_names

FIRST_MONDAY = date(1990, 1, 1)
#: Week of the first current file (Monday 1 January 2001), and how many weeks there are.
FIRST_CURRENT = 574
WEEKS = 1904
#: Files are numbered through: batch (an archive's year, a week) * this + district.
DISTRICTS = 1000
ARCHIVE_YEARS = 11
_ARCHIVE_SHARE = 0.12
_MULTI_PARCEL = 0.006
_CAR_SPACE = 0.02
#: Dealings whose first version holds a fault, and those of them mended in time.
_FAULTY, _MENDED = 0.08, 0.07
#: Further rows of a dealing are sales too: so many sales a dealing.
_SALES_A_DEAL = 1.0142

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Size:
    """A country of about `sales` sales (dealings by parcel and lot)."""

    sales: int
    homes: int
    seed: int = 1

    @classmethod
    def of(cls, sales: int, seed: int = 1) -> Size:
        """Homes in the proportion of 4 million to 10 million sales."""
        return cls(sales, max(200, sales * 2 // 5), seed)

    @property
    def deals(self) -> int:
        """Dealings: each has one price."""
        return round(self.sales / _SALES_A_DEAL)


@dataclass(frozen=True)
class Homes:
    """Where homes lie, one array element a home; `lot` is 0 without strata."""

    locality: Ints
    is_strata: Flags
    parcel: Ints
    lot: Ints
    street_number: Ints
    house: Ints

    def __len__(self) -> int:
        return len(self.locality)


@dataclass(frozen=True)
class Plan:
    """Which rows there are, in the order of files; one array element a row.

    `extra` numbers the further rows of a dealing, `version` 1 is a correction, which
    comes `lag` weeks after the first version.
    """

    deal: NDArray[np.int64]
    extra: Ints
    version: Ints
    lag: Ints
    week: Ints
    home: Ints
    is_mended: Flags

    def __len__(self) -> int:
        return len(self.deal)

    def take(self, rows: Any) -> Plan:
        """The rows a mask or an order names."""
        return Plan(**{name: column[rows] for name, column in vars(self).items()})

    def __add__(self, other: Plan) -> Plan:
        mine, theirs = vars(self), vars(other)
        joined = {name: np.concatenate((mine[name], theirs[name])) for name in mine}
        return Plan(**joined)


@dataclass(frozen=True)
class Localities:
    """Names and levels of localities and where their homes begin."""

    names: list[str]
    level: NDArray[np.float64]
    sizes: Ints
    houses: Ints
    block: Ints

    @classmethod
    def of(cls, size: Size) -> Localities:
        """About a thousand homes each, unevenly; at least 20 homes."""
        count = int(np.clip(size.homes // 1000, 4, 4000))
        luck = np.random.default_rng((size.seed, 1))
        weights = luck.lognormal(0.0, 0.6, count)
        sizes = 20 + (weights / weights.sum() * (size.homes - 20 * count)).astype("i4")
        sizes[-1] += size.homes - sizes.sum()
        strata = luck.beta(2.2, 3.0, count)
        return cls(
            [name.upper() for name in locality_names(size.seed, count)],
            np.log(820_000) + luck.normal(0.0, 0.45, count),
            sizes,
            np.maximum(1, (sizes * (1 - strata)).astype("i4")),
            luck.integers(8, 31, count, dtype="i4"),
        )

    @property
    def district(self) -> Ints:
        """District code of each locality: some 32 localities a district."""
        return (1 + np.arange(len(self.names)) // 32 * 7).astype("i4")


def make_homes(size: Size, places: Localities, more: int = 0) -> Homes:
    """All homes of a size and `more` that were built since: nobody sold them yet."""
    locality = np.repeat(np.arange(len(places.names), dtype="i4"), places.sizes)
    number = np.arange(size.homes, dtype="i4")
    starts = np.concatenate(([0], np.cumsum(places.sizes)[:-1])).astype("i4")
    local = number - starts[locality]
    houses, block = places.houses[locality], places.block[locality]
    behind = local - houses
    is_strata = behind >= 0
    block_number, within = np.divmod(np.maximum(behind, 0), block)
    streets = np.maximum(1, -(-houses // 40))
    old = Homes(
        locality,
        is_strata,
        (1_000_000 + number - within).astype("i4"),
        np.where(is_strata, within + 1, 0).astype("i4"),
        np.where(is_strata, block_number % streets, local // 40).astype("i4"),
        np.where(is_strata, 42 + 4 * (block_number // streets), local % 40 + 1).astype(
            "i4"
        ),
    )
    if not more:
        return old
    # New buildings of ten flats each, in streets that no old home lies in.
    fresh = np.arange(more, dtype="i4")
    building = fresh // 10
    new = Homes(
        (building * 7919 % len(places.names)).astype("i4"),
        np.ones(more, dtype=bool),
        (1_000_000 + size.homes + building * 10).astype("i4"),
        fresh % 10 + 1,
        (590 + building % 8).astype("i4"),
        building // 8 + 1,
    )
    pairs = zip(vars(old).values(), vars(new).values(), strict=True)
    return Homes(*(np.concatenate(pair) for pair in pairs))


def plan_country(size: Size, homes: Homes) -> Plan:
    """Every row published up to the last week. Each home is sold at least once."""
    luck = np.random.default_rng((size.seed, 2))
    deals = size.deals
    home = luck.integers(0, size.homes, deals, dtype="i4")
    each = min(size.homes, deals)
    home[:each] = luck.permutation(size.homes)[:each]
    home = luck.permutation(home)
    week = luck.integers(FIRST_CURRENT, WEEKS, deals, dtype="i4")
    is_archive = luck.random(deals) < _ARCHIVE_SHARE
    archived = luck.integers(0, FIRST_CURRENT, deals, dtype="i4")
    week = np.where(is_archive, archived, week).astype("i4")
    faulty = luck.random(deals)
    mended = (faulty < _FAULTY) & ~is_archive
    first = Plan(
        np.arange(deals, dtype="i8"),
        *(np.zeros(deals, dtype="i4") for _ in range(3)),
        week,
        home,
        mended,
    )
    again = _corrected(first.take(mended & (faulty < _MENDED)), luck)
    further = _further_rows(first.take(~is_archive), homes, luck)
    rows = first + again.take(again.week < WEEKS) + further
    return rows.take(np.argsort(file_keys(rows, homes, size), kind="stable"))


def plan_week(
    size: Size, places: Localities, rows: int, number: int
) -> tuple[Plan, Homes]:
    """Week `number` (1 = the first) after the last: resales, new homes, corrections.

    A quarter of the rows sell new homes, 6.5 % correct faults of any week before.
    """
    old = plan_country(size, make_homes(size, places))
    luck = np.random.default_rng((size.seed, 3, number))
    fixed = rows * 65 // 1000
    unseen = np.setdiff1d(old.deal[old.is_mended], old.deal[old.version == 1])
    # In one order for all weeks: no fault is corrected twice.
    order = np.random.default_rng((size.seed, 4)).permutation(unseen)
    late = order[(number - 1) * fixed : number * fixed]
    week = WEEKS - 1 + number
    first = old.take((old.version == 0) & (old.extra == 0) & np.isin(old.deal, late))
    corrections = _as_corrections(first, week - first.week)
    built = rows // 4
    homes = make_homes(size, places, built * number)
    count = rows - len(corrections)
    home = luck.choice(size.homes, count, replace=False).astype("i4")
    home[:built] = np.arange(size.homes + built * (number - 1), len(homes))
    zeros = np.zeros(count, dtype="i4")
    new = Plan(
        size.deals + (number - 1) * rows + np.arange(count, dtype="i8"),
        *(zeros, zeros, zeros),
        zeros + week,
        home,
        np.zeros(count, dtype=bool),
    )
    found = new + corrections
    order = np.argsort(file_keys(found, homes, size), kind="stable")
    return found.take(order), homes


def _corrected(first: Plan, luck: np.random.Generator) -> Plan:
    """Corrections of rows: mostly one to three weeks later, now and then years."""
    lag = luck.integers(1, 4, len(first), dtype="i4")
    late = luck.random(len(first)) < 0.15
    return _as_corrections(first, np.where(late, lag * 40, lag).astype("i4"))


def _as_corrections(first: Plan, lag: Ints) -> Plan:
    columns = vars(first) | {
        "version": np.ones(len(first), dtype="i4"),
        "lag": lag,
        "week": first.week + lag,
    }
    return Plan(**columns)


def _further_rows(first: Plan, homes: Homes, luck: np.random.Generator) -> Plan:
    """Car spaces sold with flats, and the further parcels of one dealing."""
    chance = luck.random(len(first))
    strata = homes.is_strata[first.home]
    cars = first.take(strata & (chance < _CAR_SPACE))
    several = first.take(~strata & (chance < _MULTI_PARCEL))
    found = Plan(**(vars(cars) | {"extra": np.ones(len(cars), dtype="i4")}))
    for extra in (1, 2):
        some = several.take(several.deal % 3 >= extra - 1)
        neighbour = np.minimum(some.home + extra, len(homes) - 1).astype("i4")
        columns = {"extra": np.full(len(some), extra, dtype="i4"), "home": neighbour}
        found = found + Plan(**(vars(some) | columns)).take(neighbour != some.home)
    return found


def file_keys(rows: Plan, homes: Homes, size: Size) -> NDArray[np.int64]:
    """Number of each row's file: by week and district, the archive's by year."""
    monday = np.datetime64(FIRST_MONDAY) + rows.week * np.timedelta64(7, "D")
    year = monday.astype("datetime64[Y]").astype("i8") - 20
    district = Localities.of(size).district[homes.locality[rows.home]]
    is_archive = rows.week < FIRST_CURRENT
    batch = np.where(is_archive, year, ARCHIVE_YEARS + rows.week - FIRST_CURRENT)
    return cast(
        "NDArray[np.int64]", batch * DISTRICTS + np.where(is_archive, 0, district)
    )
