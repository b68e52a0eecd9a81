"""What is advertised at a moment: listings by id, by home and by locality.

Listings are worked out locality by locality when asked for; a bounded number is kept.
Here: which listings there are. Elsewhere: which of them a search wants (`query`).
"""

from __future__ import annotations

import bisect
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from simulator.domain_api.listings import (
    DAY,
    LATEST_LODGED_DAYS,
    LONGEST_CAMPAIGN_DAYS,
    LONGEST_EARLIER_DAYS,
    VARIANTS,
    Listing,
    listings_of,
)
from simulator.domain_api.turnover import Turnover
from simulator.geography import Locality, unit_interval
from simulator.homes import Home
from simulator.market import Market, Sale

_FIRST_ID: Final = 2_000_000
_CYCLES_BEFORE: Final = 20
"""Sales a home may have had before the market's first week."""

_DAYS_AHEAD: Final = LONGEST_CAMPAIGN_DAYS + LONGEST_EARLIER_DAYS + 1
"""A sale may be advertised so long before its contract, an earlier attempt included."""

_FIRST_WEEK: Final = -1_000
_LAST_WEEK: Final = 2_000
"""Listings are of sales due within these weeks of the market, some twenty years before
its first week and forty after."""

_KEPT_LISTINGS: Final = 60_000
_SHARE_ADVERTISED: Final = 0.94


@dataclass(frozen=True, slots=True)
class PastSale:
    """A sale, the day the government's record of it comes out, and its listings."""

    sale: Sale
    published: date
    listings: tuple[Listing, ...]


@dataclass(slots=True)
class Shelf:
    """A locality's listings around a week, and when any of them changes, sorted.

    What is public is worked out once between two changes: an entry of `_public` is
    replaced as a whole, so threads need no lock.
    """

    listings: tuple[Listing, ...]
    changes: tuple[int, ...]
    _public: tuple[float, float, dict[str, list[Listing]]] = (0.0, 0.0, {})

    def public(self, kind: str, now: float) -> tuple[list[Listing], float]:
        """Listings that searches of "Sale" or "Sold" can find, and until when."""
        begin, end, shelves = self._public
        if not begin <= now < end:
            place = bisect.bisect_right(self.changes, now)
            end = self.changes[place] if place < len(self.changes) else math.inf
            shelves = {"Sale": [], "Sold": []}
            for listing in self.listings:
                if shelf := listing.shelf(now):
                    shelves[shelf].append(listing)
            self._public = (now, end, shelves)
        return shelves.get(kind, []), end


class Catalogue:
    """The listings of a market. Safe to share between threads."""

    def __init__(self, market: Market, sold_days: int) -> None:
        self.market = market
        self.sold_days = sold_days
        self.turnover = Turnover(market)
        start = datetime.combine(market.size.first_week, time(), UTC)
        self._start = start.timestamp()
        self._kept: OrderedDict[tuple[int, int], Shelf] = OrderedDict()
        self._number_kept = 0
        self._lock = threading.Lock()
        self._building = threading.Lock()

    def listing(self, identity: int) -> Listing | None:
        """The listing of that id, public yet or not; None if there never is one."""
        homes = self.market.size.homes
        if identity < _FIRST_ID:
            return None
        number, home = divmod(identity - _FIRST_ID, homes)
        cycle = number // VARIANTS - _CYCLES_BEFORE
        state = self.market.home(home).locality.state
        phase, period = self.turnover.rhythm(home, state)
        found = self._made(home, phase + cycle * period, phase, period)
        return next((listing for listing in found if listing.id == identity), None)

    def of_home(self, home: Home, now: float) -> list[PastSale]:
        """A home's sales of ten years and the one it is advertised for, oldest first.

        Listings that were not public by `now` are left out.
        """
        phase, period = self.turnover.rhythm(home.number, home.locality.state)
        week = self._week(now)
        first = week - 520
        due = first + (phase - first) % period
        found: list[PastSale] = []
        while due <= week + self._weeks_ahead(home.locality.state):
            sale = self.turnover.sale(home.number, due, period)
            listings = self._made(home.number, due, phase, period)
            public = tuple(listing for listing in listings if listing.listed <= now)
            found.append(PastSale(sale, self.market.monday(sale.week), public))
            due += period
        return found

    def shelves(self, localities: Iterable[Locality], now: float) -> Iterator[Shelf]:
        """What is, was or will be public in the week of `now`, by locality."""
        week = self._week(now)
        for locality in localities:
            yield self._shelf(locality, week)

    def week_ends(self, now: float) -> float:
        """When what `in_localities` gives is no longer what it gave at `now`."""
        return self._start + (self._week(now) + 1) * 7 * DAY

    def _week(self, now: float) -> int:
        return int((now - self._start) // (7 * DAY))

    def _weeks_ahead(self, state: str) -> int:
        """Weeks from now within which a sale falls due that is advertised now."""
        days = _DAYS_AHEAD + 7
        if state == "NSW":
            days += LATEST_LODGED_DAYS
        return days // 7 + 1

    def _shelf(self, locality: Locality, week: int) -> Shelf:
        key = (locality.number, week)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        with self._building:  # one at a time: callers mostly want the same ones
            return self._build(locality, week)

    def _build(self, locality: Locality, week: int) -> Shelf:
        key = (locality.number, week)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        listings = tuple(self._work_out(locality, week))
        changes = {when for listing in listings for when, _ in listing.events}
        made = Shelf(listings, tuple(sorted(changes)))
        with self._lock:
            self._kept[key] = made
            self._number_kept += len(listings)
            while self._number_kept > _KEPT_LISTINGS and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._number_kept -= len(dropped.listings)
        return made

    def _work_out(self, locality: Locality, week: int) -> Iterator[Listing]:
        begin = self._start + week * 7 * DAY
        end = begin + 7 * DAY
        # A sale is published within five weeks of falling due, after its contract.
        first = week - 6 - (self.sold_days + 7) // 7
        last = week + self._weeks_ahead(locality.state)
        signed = (
            (datetime.fromtimestamp(begin, UTC) - timedelta(self.sold_days + 4)).date(),
            (datetime.fromtimestamp(end, UTC) + timedelta(_DAYS_AHEAD)).date(),
        )
        for home, due, period in self.turnover.due_weeks(locality, first, last):
            phase, _ = self.turnover.rhythm(home, locality.state)
            for listing in self._made(home, due, phase, period, signed=signed):
                if listing.listed < end and listing.gone_second > begin:
                    yield listing

    def _made(
        self,
        home: int,
        due: int,
        phase: int,
        period: int,
        *,
        signed: tuple[date, date] = (date.min, date.max),
    ) -> tuple[Listing, ...]:
        """Listings of one sale, if its contract was signed within the days given."""
        homes = self.market.size.homes
        cycle = (due - phase) // period + _CYCLES_BEFORE
        is_told = cycle >= 0 and _FIRST_WEEK <= due <= _LAST_WEEK
        if not is_told or not self._is_advertised(home, due):
            return ()
        sale = self.turnover.sale(home, due, period)
        if not signed[0] <= sale.contract_date <= signed[1]:
            return ()
        return listings_of(
            sale,
            _FIRST_ID + cycle * VARIANTS * homes + home,
            homes,
            self.market.monday(sale.week),
            self.market.size.seed,
            self.sold_days,
        )

    def _is_advertised(self, home: int, due: int) -> bool:
        """Whether the sale came by way of this API; cheap, unlike the sale itself."""
        seed = self.market.size.seed
        return unit_interval(seed, "advertised", home, due) < _SHARE_ADVERTISED
