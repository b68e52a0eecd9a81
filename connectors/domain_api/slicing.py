"""Splitting a search until every slice fits below the ceiling of 1,000 results.

Belongs here: pure functions from a query that found too much to queries that find it in
parts. Whether the parts together found everything is counted by whoever reads them.

No dimension can be trusted to cover everything (a listing without a price or a date is
in no band), so each is followed by the next where the parts fall short of the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from itertools import pairwise
from typing import Any

from connectors.domain_api.layout import Json
from connectors.domain_api.values import BadValue, read_value, storable_json

CEILING = 1_000
STATES = ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA")

#: How a slice is split, best first. `place`: by each named location, else by the states
#: its first results lie in; `elsewhere`: the other states; `listed`: by date listed,
#: oldest first; `price`: by bands; `rooms`: by bedrooms.
DIMENSIONS = ("place", "elsewhere", "listed", "price", "rooms")

#: Oldest first: what is listed meanwhile comes last and moves nothing.
_SORT = {"sortKey": "DateListed", "direction": "Ascending"}

#: Bands that hold about as many listings each, in AUD (sales) and AUD a week (rents).
_SALE_BANDS = (400_000, 600_000, 750_000, 900_000, 1_100_000, 1_500_000, 2_500_000)
_RENT_BANDS = (400, 500, 600, 700, 850, 1_100)
_MOST_ROOMS = 12
#: Prices in queries are 32-bit whole numbers.
_HIGHEST_PRICE = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Split:
    """Queries that together should find what one query found, and how they were made.

    `is_partial`: the query's own first results belong to the whole as well (`listed`).
    """

    dimension: str
    queries: tuple[Json, ...]
    is_partial: bool = False


def search_name(query: Json) -> str:
    """Short stable name of a search: the same words, the same name."""
    text = storable_json(_sorted(query))
    return md5(text.encode(), usedforsecurity=False).hexdigest()[:12]


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def ordered(query: Json) -> Json:
    """The query in the order slices are read in."""
    return {**query, "sort": _SORT}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the first results of a query, in the order of `ordered`, say of the rest.

    `dates` are when they were listed; empty if they did not come in that order.
    `states` are where they lie. `is_counted`: the server says how many there are in
    all, so that what a split misses will be noticed.
    """

    dates: Sequence[datetime | None] = ()
    states: frozenset[str] = frozenset()
    is_counted: bool = False


def reads_on(query: Json, dimensions: Sequence[str]) -> bool:
    """Whether the next split needs all results that can be read of the query."""
    is_placed = len(query.get("locations") or []) == 1
    left = [name for name in dimensions if not (is_placed and name in _PLACES)]
    return not left or left[0] == "listed"


def split(
    query: Json, dimensions: Sequence[str], shown: Shown
) -> tuple[Split | None, tuple[str, ...]]:
    """The next split of a query that finds too much, and the dimensions left after it.

    The dimension stays among those left while it can divide further. None: nothing
    divides this query.
    """
    left = list(dimensions)
    while left:
        found = _SPLITS[left[0]](query, shown)
        if found is not None:
            # Bands and dates divide again and again, places only once.
            return found, tuple(left[1:] if left[0] in _PLACES else left)
        left.pop(0)
    return None, ()


def _by_place(query: Json, shown: Shown) -> Split | None:
    """Each location; else the states seen, if a count will tell of others."""
    locations = query.get("locations") or []
    if len(locations) == 1:
        return None
    seen = [state for state in STATES if state in shown.states]
    states = seen if seen and shown.is_counted else STATES
    places = locations or [{"state": state} for state in states]
    return Split("place", tuple({**query, "locations": [p]} for p in places))


def _elsewhere(query: Json, shown: Shown) -> Split | None:
    """The states that `_by_place` left out."""
    if query.get("locations") or not shown.is_counted:
        return None
    if not shown.states & frozenset(STATES):
        return None
    places = [{"state": state} for state in STATES if state not in shown.states]
    queries = tuple({**query, "locations": [place]} for place in places)
    return Split("elsewhere", queries) if queries else None


def _by_date_listed(query: Json, shown: Shown) -> Split | None:
    """What was listed since the last of the results read.

    The bound is written as the server wrote it, so that no time zone is guessed, and a
    second earlier, so that its own listings come again rather than not at all.
    """
    dates = shown.dates
    known = [date for date in dates if date is not None]
    if not known or len({date.tzinfo is None for date in known}) > 1:
        return None
    if not shown.is_counted and len(known) < len(dates):
        return None  # nobody would notice if those without a date were lost
    since = (max(known) - timedelta(seconds=1)).isoformat()
    before = query.get("listedSince")
    if before is not None and not _is_later(since, str(before)):
        return None  # all of it was listed at once: dates divide it no further
    return Split("listed", ({**query, "listedSince": since},), is_partial=True)


def states_of(items: Iterable[Any]) -> frozenset[str]:
    """Where results lie, as far as they say it in the words of queries."""
    found: set[str] = set()
    for item in items:
        if not isinstance(item, dict):
            continue
        children = item.get("listings")
        listings = [item.get("listing")]
        listings += children if isinstance(children, list) else []
        for listing in listings:
            inner = (
                listing.get("propertyDetails") if isinstance(listing, dict) else None
            )
            if isinstance(inner, dict) and isinstance(inner.get("state"), str):
                found.add(inner["state"])
    return frozenset(found)


def _is_later(one: str, other: str) -> bool:
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return True
    if (first.tzinfo is None) != (second.tzinfo is None):
        return True
    return first > second


def listed_at(item: Any) -> datetime | None:
    """When a result was listed, as written; the first of a project's listings."""
    if not isinstance(item, dict):
        return None
    listing = item.get("listing")
    if isinstance(listing, dict):
        return _moment(listing.get("dateListed"))
    listings = item.get("listings")
    found = [
        _moment(child.get("dateListed"))
        for child in (listings if isinstance(listings, list) else [])
        if isinstance(child, dict)
    ]
    known = [moment for moment in found if moment is not None]
    try:
        return min(known) if known else None
    except TypeError:  # some with an offset, some without
        return None


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value is not None else None
    except ValueError:
        return None


def _by_price(query: Json, _: Shown) -> Split | None:
    """Bands that meet at their bounds: a price on a bound is in both, never in none."""
    ladder = _RENT_BANDS if query.get("listingType") == "Rent" else _SALE_BANDS
    low, high = _bound(query, "minPrice"), _bound(query, "maxPrice")
    bounds = _price_bounds(low, high, ladder)
    if not bounds:
        return None
    pairs = pairwise([low, *bounds, high])
    return Split("price", tuple(_banded(query, "Price", *pair) for pair in pairs))


def _price_bounds(
    low: int | None, high: int | None, ladder: tuple[int, ...]
) -> list[int]:
    """Where to cut between two prices: the ladder's steps, then halves or doubles."""
    # One below round figures, where prices do not crowd.
    steps = [step - 1 for step in ladder]
    inside = [
        step
        for step in steps
        if (low is None or step > low) and (high is None or step < high)
    ]
    if inside:
        return inside
    if high is None:
        return [2 * low] if low and low <= _HIGHEST_PRICE // 2 else []
    middle = ((low or 0) + high) // 2
    return [middle] if (low or 0) < middle < high else []


def _by_rooms(query: Json, _: Shown) -> Split | None:
    low, high = query.get("minBedrooms"), query.get("maxBedrooms")
    if low is not None or high is not None:
        return None
    queries = tuple(
        {**query, "minBedrooms": rooms, "maxBedrooms": rooms}
        for rooms in range(_MOST_ROOMS)
    )
    return Split("rooms", (*queries, {**query, "minBedrooms": _MOST_ROOMS}))


def _banded(query: Json, word: str, low: int | None, high: int | None) -> Json:
    bounds = {f"min{word}": low, f"max{word}": high}
    return {**query, **{name: at for name, at in bounds.items() if at is not None}}


def _bound(query: Json, word: str) -> int | None:
    try:
        found = read_value("bigint", query.get(word))
    except BadValue:
        return None
    return None if found is None else int(found)


_PLACES = ("place", "elsewhere")
_SPLITS = {
    "place": _by_place,
    "elsewhere": _elsewhere,
    "listed": _by_date_listed,
    "price": _by_price,
    "rooms": _by_rooms,
}
