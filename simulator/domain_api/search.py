"""Runs searches: filter, group into projects, sort, and remember for the next page.

Here: which items in which order. Elsewhere: reading the request (`query`) and writing
the answer (`search_answers`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from simulator.domain_api.catalogue import Catalogue
from simulator.domain_api.listings import Listing
from simulator.domain_api.query import Query
from simulator.geography import Locality
from simulator.market import Market

_KEPT_SEARCHES: Final = 24


@dataclass(frozen=True, slots=True)
class Found:
    """All items of a search, sorted: single listings, or a project's listings.

    Good until `changes` (seconds since 1970), when some listing of the places
    searched moves on.
    """

    items: tuple[tuple[Listing, ...], ...]
    moment: float
    changes: float


class Searches:
    """Searches over a catalogue. Safe to share between threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.places = _places(catalogue.market)
        self._kept: OrderedDict[str, Found] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, query: Query, key: str, now: float) -> Found:
        """The answer to `query` at `now`; `key` names the search without its page."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.moment <= now < kept.changes:
                self._kept.move_to_end(key)
                return kept
        found = self._search(query, now)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT_SEARCHES:
                self._kept.popitem(last=False)
        return found

    def _search(self, query: Query, now: float) -> Found:
        changes = self.catalogue.week_ends(now)
        wanted: list[Listing] = []
        for shelf in self.catalogue.shelves(query.localities, now):
            public, until = shelf.public(query.shelf, now)
            changes = min(changes, until)
            wanted += [one for one in public if query.wants(one, now)]
        wanted.sort(key=lambda x: query.order(x, now), reverse=query.is_descending)
        return Found(_grouped(query, wanted), now, changes)


def _grouped(query: Query, wanted: list[Listing]) -> tuple[tuple[Listing, ...], ...]:
    """Items in order of their first listing; a project's listings become one item."""
    if query.listing_type == "Sold":
        return tuple((listing,) for listing in wanted)
    items: dict[int, list[Listing]] = {}
    for listing in wanted:
        items.setdefault(listing.project or -listing.id, []).append(listing)
    return tuple(map(tuple, items.values()))


def _places(market: Market) -> dict[str, tuple[Locality, ...]]:
    """Localities by every field a search may name them with, `suburb:brindlemead`.

    `""` are all.
    """
    places: dict[str, list[Locality]] = {"": list(market.localities)}
    for place in market.localities:
        for field, word in (
            ("state", place.state),
            ("postCode", place.postcode),
            ("suburb", place.name),
            ("region", place.region),
            ("area", area_of(place)),
        ):
            places.setdefault(f"{field}:{word.casefold()}", []).append(place)
    return {word: tuple(found) for word, found in places.items()}


def area_of(place: Locality) -> str:
    """The API's `area`: what we have for it is the council's name."""
    return place.council.removesuffix(" City Council")
