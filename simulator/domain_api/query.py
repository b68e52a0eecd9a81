"""Searches: the request body read and checked, and which listings it wants.

A wrong type or enum is a `BadQuery` (400); fields the API has but this simulator does
not act on are accepted and ignored, as a real service ignores what it does not know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from simulator.domain_api.clock import SYDNEY
from simulator.domain_api.listings import Listing
from simulator.domain_api.wording import FORMS_WITHHELD, agency_of
from simulator.geography import Locality

LISTING_TYPES: Final = ("Sale", "Rent", "Share", "Sold", "NewHomes")
SORT_KEYS: Final = (
    "Default",
    "Suburb",
    "Price",
    "DateUpdated",
    "InspectionTime",
    "AuctionTime",
    "SoldDate",
    "DefaultThenDateUpdated",
    "DateAvailable",
    "DateListed",
)
_RANGES: Final[dict[str, Callable[[Listing], float]]] = {
    "Bedrooms": lambda listing: listing.home.bedrooms,
    "Bathrooms": lambda listing: listing.home.bathrooms,
    "Carspaces": lambda listing: listing.home.car_spaces,
    "Price": lambda listing: listing.guide,
    "LandArea": lambda listing: listing.home.land_m2,
}
_ASCENDING: Final = frozenset({"Suburb", "Price", "AuctionTime", "InspectionTime"})

Test = Callable[[Listing, float], bool]


class BadQuery(Exception):
    """A search the API refuses; the text says which field and why."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search as understood. `tests` must all hold; pages count from 1."""

    listing_type: str
    tests: tuple[Test, ...]
    localities: tuple[Locality, ...]
    sort_key: str
    is_descending: bool
    page: int
    page_size: int

    @property
    def shelf(self) -> str:
        """Which listings are looked through: "Sale", "Sold", or of none there are."""
        return "Sale" if self.listing_type == "NewHomes" else self.listing_type

    def wants(self, listing: Listing, now: float) -> bool:
        """Whether a listing of the right shelf belongs to the answer at `now`."""
        for test in self.tests:  # noqa: SIM110 - a generator would take twice as long
            if not test(listing, now):
                return False
        return True

    def order(self, listing: Listing, now: float) -> tuple[Any, int]:
        """Sort key; the id decides between equals."""
        value: Any
        if self.sort_key == "Price":
            value = listing.guide
        elif self.sort_key == "Suburb":
            value = listing.home.locality.name
        elif self.sort_key in ("DateUpdated", "DefaultThenDateUpdated"):
            value = listing.updated(now)
        elif self.sort_key == "SoldDate":
            value = listing.at("sold") or 0
        elif self.sort_key in ("AuctionTime", "InspectionTime"):
            value = listing.auction_second or 1 << 40
        elif self.sort_key == "DateListed":
            value = listing.listed
        else:
            value = (listing.luck % 5 == 0, listing.listed)
        return value, listing.id


def read_query(
    body: object, places: Mapping[str, tuple[Locality, ...]], page_limit: int
) -> Query:
    """A search body (the parsed JSON) as a query; raises BadQuery.

    `places` are the localities by field and casefolded word, `suburb:brindlemead`, and
    `""` for all.
    """
    if not isinstance(body, dict):
        raise BadQuery("the body must be a JSON object")
    words = body
    sort = _object(words, "sort")
    sort_key = _word(sort, "sortKey", SORT_KEYS) or "Default"
    default = "Ascending" if sort_key in _ASCENDING else "Descending"
    direction = _word(sort, "direction", ("Ascending", "Descending")) or default
    page = _whole(words, "pageNumber") or _whole(words, "page") or 1
    size = _whole(words, "pageSize")
    return Query(
        listing_type=_word(words, "listingType", LISTING_TYPES) or "Sale",
        tests=tuple(_tests(words)),
        localities=_localities(words, places),
        sort_key=sort_key,
        is_descending=direction == "Descending",
        page=max(page, 1),
        page_size=20 if size is None or size < 1 else min(size, page_limit),
    )


def _tests(words: dict[str, Any]) -> Iterable[Test]:
    if words.get("listingType") == "NewHomes":
        yield lambda listing, now: listing.project > 0
    types = frozenset(_texts(words, "propertyTypes"))
    if types:
        yield lambda listing, now: listing.property_type in types
    for name, value in _RANGES.items():
        low, high = _number(words, f"min{name}"), _number(words, f"max{name}")
        if low is not None or high is not None:
            yield _within(value, low, high)
    wanted, unwanted = _numbers(words, "adIds"), _numbers(words, "excludeAdIds")
    if wanted:
        yield lambda listing, now: listing.id in wanted
    if unwanted:
        yield lambda listing, now: listing.id not in unwanted
    offices = _numbers(words, "advertiserIds")
    if offices:
        yield lambda listing, now: agency_of(listing).id in offices
    listed = _second(words, "listedSince")
    if listed is not None:
        since_listed = listed
        yield lambda listing, now: listing.listed >= since_listed
    updated = _second(words, "updatedSince")
    if updated is not None:
        since = updated
        yield lambda listing, now: listing.updated(now) >= since
    attributes = set(_texts(words, "listingAttributes"))
    if words.get("excludePriceWithheld") is True or "HasPrice" in attributes:
        yield lambda listing, now: listing.form(now) not in FORMS_WITHHELD
    if "NotUpForAuction" in attributes:
        yield lambda listing, now: not listing.auction_second
    if words.get("excludeDepositTaken") is True or "NotUnderContract" in attributes:
        yield lambda listing, now: not listing.reached("offer", now)
    if "MarkedAsNew" in attributes:
        yield lambda listing, now: listing.status(now) == "new"
    if words.get("ruralOnly") is True:
        yield (
            lambda listing, now: listing.property_type in ("Rural", "AcreageSemiRural")
        )
    if words.get("propertyEstablishedType") == "New" or words.get("newDevOnly") is True:
        yield lambda listing, now: listing.project > 0
    methods = frozenset(_texts(words, "saleMethods"))
    if methods:
        yield lambda listing, now: _pascal(listing.method) in methods
    yield from _window(words, "auction", lambda listing: listing.auction_second)
    yield from _window(words, "sold", lambda listing: listing.at("sold") or 0)
    yield from _geo_window(_object(words, "geoWindow"))


def _within(
    value: Callable[[Listing], float], low: float | None, high: float | None
) -> Test:
    def holds(listing: Listing, now: float) -> bool:
        number = value(listing)
        return (low is None or number >= low) and (high is None or number <= high)

    return holds


def _window(
    words: dict[str, Any], name: str, value: Callable[[Listing], float]
) -> Iterable[Test]:
    """`auctionFrom` and `auctionTo` and the like; 0 is no such moment."""
    begin, end = _second(words, f"{name}From"), _second(words, f"{name}To")
    if begin is not None or end is not None:
        yield _within(value, begin or 1, end)


def _pascal(word: str) -> str:
    return word[0].upper() + word[1:]


def _geo_window(window: dict[str, Any]) -> Iterable[Test]:
    box, circle = _object(window, "box"), _object(window, "circle")
    if box:
        top, left = _point(box, "topLeft")
        bottom, right = _point(box, "bottomRight")
        yield (
            lambda listing, now: (
                listing.place != "none"
                and bottom <= listing.home.latitude <= top
                and left <= listing.home.longitude <= right
            )
        )
    elif circle:
        centre = _point(circle, "center")
        radius = _number(circle, "radiusInMeters") or 0.0
        yield (
            lambda listing, now: (
                listing.place != "none"
                and distance_m((listing.home.latitude, listing.home.longitude), centre)
                <= radius
            )
        )


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres between two points (latitude, longitude) that are not far apart."""
    north = (one[0] - other[0]) * 111_200
    east = (one[1] - other[1]) * 111_200 * math.cos(math.radians(one[0]))
    return math.hypot(north, east)


def _localities(
    words: dict[str, Any], places: Mapping[str, tuple[Locality, ...]]
) -> tuple[Locality, ...]:
    locations = words.get("locations") or []
    if not isinstance(locations, list):
        raise BadQuery("locations must be an array")
    if not locations:
        return places[""]
    found: dict[int, Locality] = {}
    for location in locations:
        if not isinstance(location, dict):
            raise BadQuery("a location must be an object")
        matches = _matches(location, places)
        if location.get("includeSurroundingSuburbs") is True:
            radius = _number(location, "surroundingRadiusInMeters") or 3_000.0
            matches += _around(matches, places, radius)
        found.update((locality.number, locality) for locality in matches)
    return tuple(found.values())


def _matches(
    location: dict[str, Any], places: Mapping[str, tuple[Locality, ...]]
) -> list[Locality]:
    keys = [
        f"{name}:{str(location[name]).strip().casefold()}"
        for name in ("postCode", "suburb", "area", "region", "state")
        if location.get(name)
    ]
    if not keys:
        return list(places[""])
    common = [{place.number for place in places.get(key, ())} for key in keys]
    numbers = set.intersection(*common)
    return [place for place in places.get(keys[0], ()) if place.number in numbers]


def _around(
    centres: list[Locality], places: Mapping[str, tuple[Locality, ...]], radius: float
) -> list[Locality]:
    return [
        place
        for place in places[""]
        for centre in centres
        if distance_m(
            (place.latitude, place.longitude), (centre.latitude, centre.longitude)
        )
        <= radius
    ]


def _object(words: dict[str, Any], name: str) -> dict[str, Any]:
    value = words.get(name) or {}
    if not isinstance(value, dict):
        raise BadQuery(f"{name} must be an object")
    return value


def _word(words: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = words.get(name)
    if value is None:
        return ""
    if value not in allowed:
        raise BadQuery(f"{name} must be one of {', '.join(allowed)}")
    return str(value)


def _texts(words: dict[str, Any], name: str) -> list[str]:
    value = words.get(name) or []
    if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
        raise BadQuery(f"{name} must be an array of strings")
    return value


def _numbers(words: dict[str, Any], name: str) -> frozenset[int]:
    value = words.get(name) or []
    if not isinstance(value, list) or not all(isinstance(x, int) for x in value):
        raise BadQuery(f"{name} must be an array of whole numbers")
    return frozenset(value)


def _number(words: dict[str, Any], name: str) -> float | None:
    value = words.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadQuery(f"{name} must be a number")
    return float(value)


def _whole(words: dict[str, Any], name: str) -> int | None:
    """A paging number; what is none counts as not given, as the API does."""
    value = words.get(name)
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None


def _point(shape: dict[str, Any], name: str) -> tuple[float, float]:
    point = _object(shape, name)
    latitude, longitude = _number(point, "lat"), _number(point, "lon")
    if latitude is None or longitude is None:
        raise BadQuery(f"{name} needs lat and lon")
    return latitude, longitude


def _second(words: dict[str, Any], name: str) -> float | None:
    """Seconds since 1970 of an ISO date-time; without an offset it is Sydney time."""
    value = words.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise BadQuery(f"{name} must be a date-time, 2024-06-17T10:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=SYDNEY)
    return moment.timestamp()
