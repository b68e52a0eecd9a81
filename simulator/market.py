"""The made-up market: homes, what they are worth, and who sells in which week.

Every fact is a pure function of the seed and a number (of a home, of a week), so
any week can be written alone, memory does not grow with the market, and a market of
more weeks begins with exactly the sales of a shorter one. In a small market homes sell
far more often than in life (about 0.6 times a year), to show repeat sales; the bigger
it is, the more slowly it turns over (`turnover_slowdown`), so that a week of a full one
is as big as a real week. How prices scatter was measured on the real files, and is held
to them by `tests/contract/test_psi_likeness.py`.

Here: what happened. Elsewhere: how a source would write it down, with its errors
(`psi_rows`, `csv_sales`).
"""

from __future__ import annotations

import bisect
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from simulator.geography import (
    State,
    build_localities,
    unit_interval,
)
from simulator.homes import Home, build_home, relative_worth

_HOLDING_CLASSES: Final = ((0.06, 26), (0.14, 45), (0.20, 70), (0.25, 110), (0.35, 300))
"""Share of homes, and weeks between their sales in a small market."""

_SMALL_MARKET: Final = 20_000
_FULL_MARKET: Final = 2_000_000
_FULL_SLOWDOWN: Final = 8

_SALE_LUCK: Final = 0.065
"""Spread of what a home fetches about its worth (log)."""
_ODD_SALES: Final = 0.06
"""Share of sales that are worth more or less than any likeness tells..."""
_ODD_LUCK: Final = 0.55
"""...and by how much (log): sold within the family, rebuilt, in ruins."""

_LONGEST_DELAY: Final = 5
_TREND_START: Final = 1990
_TREND_YEARS: Final = 80


@dataclass(frozen=True, slots=True)
class MarketSize:
    """How big a market: `homes`, and `weeks` from the Monday `first_week` on."""

    seed: int = 7
    homes: int = 6500
    weeks: int = 104
    first_week: date = date(2023, 1, 2)

    def __post_init__(self) -> None:
        if self.first_week.weekday() != 0:
            raise ValueError(f"first_week {self.first_week} is not a Monday")
        if self.weeks < 1:
            raise ValueError(f"a market needs at least 1 week, {self.weeks} asked for")


@dataclass(frozen=True, slots=True)
class Slot:
    """A sale decided but not worked out: home number, week it was due, its holding."""

    home: int
    due_week: int
    position: int
    holding_weeks: int


@dataclass(frozen=True, slots=True)
class Sale:
    """One change of hands (in VIC perhaps one attempt), first public in `week`."""

    home: Home
    slot: Slot
    week: int
    contract_date: date
    settlement_date: date
    price_aud: int
    off_the_plan: bool


class Market:
    """A market of a given size. Cheap to make; holds only its localities."""

    def __init__(self, size: MarketSize) -> None:
        self.size = size
        self.localities = build_localities(size.seed, size.homes)
        self._starts = [locality.start for locality in self.localities]
        self._trend = {state: _trend(size.seed, state) for state in ("NSW", "VIC")}
        slowdown = turnover_slowdown(size.homes)
        #: Share of homes, and weeks between their sales.
        self.holding_classes = tuple(
            (share, round(weeks * slowdown)) for share, weeks in _HOLDING_CLASSES
        )
        # Room for the weeks that one week's files look at, however many are written.
        self._slots = lru_cache(maxsize=16)(self._find_slots)
        self._delayed = lru_cache(maxsize=24)(self._find_delayed)

    def monday(self, week: int) -> date:
        """The Monday that week number `week` (0 = the first) is published on."""
        return self.size.first_week + timedelta(weeks=week)

    def week_of(self, monday: date) -> int | None:
        """Number of the week published on `monday`, None if there is no such file."""
        days = (monday - self.size.first_week).days
        week, rest = divmod(days, 7)
        return week if rest == 0 and 0 <= week < self.size.weeks else None

    # Homes

    def home(self, number: int) -> Home:
        """Home `number` of 0 to homes - 1."""
        locality = self.localities[bisect.bisect_right(self._starts, number) - 1]
        local = number - locality.start
        for kind, count in locality.counts:
            if local < count:
                return build_home(self.size.seed, locality, kind, number, local)
            local -= count
        raise IndexError(f"home {number} of {self.size.homes}")

    def price(self, home: Home, day: date) -> float:
        """What `home` is worth in AUD on `day`, before the luck of a single sale."""
        months = (day.year - _TREND_START) * 12 + day.month - 1 + (day.day - 1) / 31
        low = int(months)
        trend = self._trend[home.locality.state]
        moved = trend[low] + (trend[low + 1] - trend[low]) * (months - low)
        if home.kind == "unit":
            moved *= 0.72  # units lag houses in every long boom
        return math.exp(home.locality.level + moved + relative_worth(home))

    # Sales

    def slots(self, week: int, state: State) -> tuple[Slot, ...]:
        """Sales of a state's part first published in a week, in a stable order."""
        return self._slots(week, state)

    def sales(self, week: int, state: State) -> Iterator[Sale]:
        """Those sales worked out."""
        for slot in self.slots(week, state):
            yield self.sale(slot, week)

    def sale(self, slot: Slot, week: int) -> Sale:
        """Dates and price of one sale.

        Contract to settlement is 42 days in the middle, years off the plan; a
        settlement is published 4 to 10 days later, sometimes months.
        """
        home = self.home(slot.home)
        key = f"{self.size.seed}:sale:{slot.due_week}:{slot.home}"
        luck = random.Random(key)
        monday = self.monday(week)
        if home.locality.state == "VIC":
            saturday = monday - timedelta(days=2)
            settlement = saturday + timedelta(days=luck.choice((30, 42, 60, 90)))
            return self._priced(home, slot, week, (saturday, settlement), luck, False)
        held = [weeks for _, weeks in self.holding_classes]
        late = slot.holding_weeks >= held[2] and luck.random() < 0.09
        lag = luck.randint(11, 126) if late else luck.choice((4, 4, 5, 6, 7, 7, 10))
        settlement = monday - timedelta(days=lag)
        off_plan = (
            slot.holding_weeks >= held[-1]
            and home.kind in ("unit", "townhouse", "land")
            and luck.random() < 0.8
        )
        if off_plan:
            days = luck.randint(250, 1150)
        else:
            days = min(98, max(1, round(42 * math.exp(luck.gauss(0.0, 0.38)))))
        dates = (settlement - timedelta(days=days), settlement)
        return self._priced(home, slot, week, dates, luck, off_plan)

    def _priced(
        self,
        home: Home,
        slot: Slot,
        week: int,
        dates: tuple[date, date],
        luck: random.Random,
        off_plan: bool,
    ) -> Sale:
        spread = 0.30 if home.kind == "business" else _SALE_LUCK
        gain = luck.gauss(0.0, spread) + self._oddity(slot)
        value = self.price(home, dates[0]) * math.exp(gain)
        # People agree on round prices: to 5,000, some to the thousand or 500.
        step = luck.choice((5_000, 5_000, 5_000, 10_000, 1_000, 500))
        price = max(step, round(value / step) * step)
        return Sale(home, slot, week, dates[0], dates[1], price, off_plan)

    def _oddity(self, slot: Slot) -> float:
        key = (self.size.seed, "odd", slot.due_week, slot.home)
        chance = unit_interval(*key) / _ODD_SALES
        return _ODD_LUCK * math.cos(math.pi * chance) if chance < 1 else 0.0

    def _find_slots(self, week: int, state: State) -> tuple[Slot, ...]:
        return tuple(
            slot
            for due in range(week - _LONGEST_DELAY, week + 1)
            for slot, delay in self._delayed(due, state)
            if due + delay == week
        )

    def _find_delayed(self, week: int, state: State) -> tuple[tuple[Slot, int], ...]:
        """Sales due in a week, each with the weeks it waits to be published."""
        return tuple(
            (slot, self._delay(week, slot.home)) for slot in self._due(week, state)
        )

    def _due(self, week: int, state: State) -> Iterator[Slot]:
        """Sales due in a week: each holding class is walked round in its own time."""
        homes = [loc for loc in self.localities if loc.state == state]
        first, count = homes[0].start, sum(loc.size for loc in homes)
        stride = _stride(count)
        low, position = 0, 0
        longest = self.holding_classes[-1][1]
        for share, weeks in self.holding_classes:
            high = count if weeks == longest else low + round(count * share)
            for place in range(low + week % weeks, high, weeks):
                yield Slot(first + place * stride % count, week, position, weeks)
                position += 1
            low = high

    def _delay(self, due_week: int, home: int) -> int:
        """Weeks a sale waits: hardly anything is published early in January."""
        chance, shortest, longest = _holdup(self.monday(due_week))
        luck = unit_interval(self.size.seed, "delay", due_week, home)
        if luck >= chance:
            return 0
        return shortest + int(luck / chance * (longest - shortest + 1))


def _holdup(monday: date) -> tuple[float, int, int]:
    """Share of a week's sales published later, and by how many weeks (least, most)."""
    if monday.month == 1 and monday.day <= 7:
        return 0.9, 3, 4
    if monday.month == 1 and monday.day <= 14:
        return 0.6, 2, 3
    if monday.month == 12 and monday.day >= 22:
        return 0.7, 4, 5
    if (11, 20) <= (monday.month, monday.day) <= (12, 7):
        return 0.35, 1, 2  # the rush to settle before Christmas
    return 0.06, 1, 1


def turnover_slowdown(homes: int) -> float:
    """How many times longer homes are held than in a small market: 1 to 8."""
    grown = math.log(max(homes, _SMALL_MARKET) / _SMALL_MARKET)
    full = math.log(_FULL_MARKET / _SMALL_MARKET)
    return 1 + (_FULL_SLOWDOWN - 1) * min(1.0, grown / full)


def _stride(count: int) -> int:
    """A step coprime to `count`, so that walking by it meets every home once."""
    step = max(1, int(count * 0.6180339887))
    while math.gcd(step, count) != 1:
        step += 1
    return step


def _trend(seed: int, state: str) -> list[float]:
    """Log price index by month since `_TREND_START`: growth, cycles and surprises."""
    chooser = random.Random(f"{seed}:trend:{state}")
    phase = chooser.uniform(0.0, 2 * math.pi)
    level, walk = 0.0, []
    for month in range(_TREND_YEARS * 12 + 2):
        level += 0.0042 + chooser.gauss(0.0, 0.004)
        cycle = 0.06 * math.sin(2 * math.pi * month / 84 + phase)
        season = 0.012 * math.sin(2 * math.pi * (month - 5) / 12)
        walk.append(level + cycle + season)
    start = walk[(2015 - _TREND_START) * 12]
    return [value - start for value in walk]
