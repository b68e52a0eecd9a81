"""Which sales of one home fall due when: the market's walk turned round.

`Market` lists the sales of a week; a search asks for those of a suburb. Both come
from the same arithmetic, so nothing has to be scanned. A test holds the two together.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.geography import Locality, State, unit_interval
from simulator.market import Market, Sale, Slot, _holdup, _stride


@dataclass(frozen=True, slots=True)
class _Part:
    """One state's homes: numbers from `first`, `inverse` undoes the stride."""

    first: int
    count: int
    inverse: int
    classes: tuple[tuple[int, int], ...]  # first place, weeks between sales
    lows: tuple[int, ...]


class Turnover:
    """Sales by home. Holds a few numbers per state, whatever the market's size."""

    def __init__(self, market: Market) -> None:
        self.market = market
        states = {locality.state for locality in market.localities}
        self._parts = {state: _part(market, state) for state in states}

    def rhythm(self, home: int, state: State) -> tuple[int, int]:
        """(phase, period) in weeks: the home's sales fall due at phase + n * period."""
        part = self._parts[state]
        place = (home - part.first) * part.inverse % part.count
        low, weeks = part.classes[bisect.bisect_right(part.lows, place) - 1]
        return (place - low) % weeks, weeks

    def due_weeks(
        self, locality: Locality, first: int, last: int
    ) -> Iterator[tuple[int, int, int]]:
        """(home, due week, period) of a locality's sales due in weeks first to last."""
        for home in range(locality.start, locality.start + locality.size):
            phase, period = self.rhythm(home, locality.state)
            due = first + (phase - first) % period
            while due <= last:
                yield home, due, period
                due += period

    def sale(self, home: int, due: int, period: int) -> Sale:
        """The sale of `home` that falls due in week `due`, as the market has it."""
        slot = Slot(home, due, 0, period)
        return self.market.sale(slot, due + self._delay(due, home))

    def _delay(self, due: int, home: int) -> int:
        chance, shortest, longest = _holdup(self.market.monday(due))
        luck = unit_interval(self.market.size.seed, "delay", due, home)
        if luck >= chance:
            return 0
        return shortest + int(luck / chance * (longest - shortest + 1))


def _part(market: Market, state: State) -> _Part:
    homes = [place for place in market.localities if place.state == state]
    first, count = homes[0].start, sum(place.size for place in homes)
    classes: list[tuple[int, int]] = []
    low = 0
    for share, weeks in market.holding_classes:
        classes.append((low, weeks))
        low += round(count * share)
    return _Part(
        first=first,
        count=count,
        inverse=pow(_stride(count), -1, count),
        classes=tuple(classes),
        lows=tuple(low for low, _ in classes),
    )
