"""Auction results of the last Saturday as JSON: the list, the summary, the head.

Result codes and what their price means are as seen in the wild: the price beside a
passed-in, vendor-bid or highest-bid code is no sale price. Elsewhere: the listings
themselves (`listings`).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from simulator.domain_api.catalogue import Catalogue
from simulator.domain_api.clock import SYDNEY, local_second
from simulator.domain_api.listings import SALE, Listing
from simulator.domain_api.search_answers import Json, coordinates, kept, slug
from simulator.domain_api.wording import agency_of, street_type_long
from simulator.geography import Locality

CITIES: Final = {
    "sydney": "NSW",
    "melbourne": "VIC",
    "brisbane": "QLD",
    "adelaide": "SA",
    "canberra": "ACT",
}
SOLD_CODES: Final = frozenset({"AUSD", "AUSP", "AUSA"})
_UNSOLD_CODES: Final = ("AUPI", "AUPI", "AUVB", "AUHB", "AUWD")
_SHARE_UNREPORTED: Final = 12
"""One auction in so many is never reported."""


def last_saturday(now: float) -> date:
    """The Saturday whose results stand at `now`: from 18:00 Sydney time on."""
    local = datetime.fromtimestamp(now, SYDNEY)
    day = local.date() - timedelta(days=(local.weekday() - 5) % 7)
    if day == local.date() and local.hour < 18:
        day -= timedelta(days=7)
    return day


def head_json(now: float) -> Json:
    """Which Saturday the results are of, and when they last changed."""
    saturday = last_saturday(now)
    return {
        "auctionedDate": saturday.isoformat(),
        "lastModifiedDateTime": _changed(saturday, now),
    }


def results(
    catalogue: Catalogue, places: Sequence[Locality], now: float
) -> list[tuple[Listing, str]]:
    """Listings with a result of the last Saturday, and its code, by listing id.

    `""` is an auction that nobody reported.
    """
    saturday = last_saturday(now)
    begin = local_second(datetime.combine(saturday, time()))
    found = []
    for shelf in catalogue.shelves(places, now):
        for listing in shelf.listings:
            if listing.variant != SALE or listing.listed > begin:
                continue
            code = _code(listing, saturday, begin)
            if code is not None:
                found.append((listing, code))
    return sorted(found, key=lambda pair: pair[0].id)


def listings_json(found: Sequence[tuple[Listing, str]]) -> list[Json]:
    """The reported ones, one by one."""
    return [_item(listing, code) for listing, code in found if code]


def summary_json(found: Sequence[tuple[Listing, str]], now: float) -> Json:
    """Counts of a city; sums and medians are of reported prices (AUD)."""
    auctions = [(listing, code) for listing, code in found if not code.startswith("PT")]
    sold = [listing for listing, code in auctions if code in SOLD_CODES]
    prices = [price for listing in sold if (price := _price(listing, "AUSD"))]
    unreported = sum(not code for _, code in auctions)
    reported = len(auctions) - unreported
    saturday = last_saturday(now)
    return {
        "auctionedDate": saturday.isoformat(),
        "lastModifiedDateTime": _changed(saturday, now),
        "numberListedForAuction": len(auctions),
        "numberWithdrawn": sum(code == "AUWD" for _, code in auctions),
        "numberUnreported": unreported,
        "numberSold": len(sold),
        "totalSales": sum(prices),
        "median": statistics.median(prices) if prices else None,
        "adjClearanceRate": round(len(sold) / reported, 4) if reported else None,
    }


def _changed(saturday: date, now: float) -> str:
    """Results are touched until Tuesday noon."""
    last = local_second(datetime.combine(saturday + timedelta(days=3), time(12)))
    second = min(int(now) // 900 * 900, last)
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def _code(listing: Listing, saturday: date, begin: int) -> str | None:
    """Result code; None for a listing that has nothing to do with that Saturday."""
    signed = listing.contract_date
    if not begin <= listing.auction_second < begin + 86_400:
        is_private = not listing.auction_second
        if is_private and saturday - timedelta(days=7) < signed <= saturday:
            return "PTSD"
        return None
    if listing.luck % _SHARE_UNREPORTED == 0:
        return ""
    if signed == saturday:
        return "AUSD"
    if signed < saturday:
        return "AUSP"
    if signed <= saturday + timedelta(days=1):
        return "AUSA"
    return _UNSOLD_CODES[listing.luck % len(_UNSOLD_CODES)]


def _price(listing: Listing, code: str) -> int:
    """The price the feed gives (AUD), 0 for none: a bid where nothing was sold."""
    if code == "AUWD" or not listing.is_price_shown:
        return 0
    if code in ("AUPI", "AUVB", "AUHB"):
        return listing.guide * 9 // 10 // 1_000 * 1_000
    if listing.luck % 19 == 0:  # phoned in wrong, put right elsewhere
        return listing.reported_aud // 10_000 * 10_000
    return listing.reported_aud


def _item(listing: Listing, code: str) -> Json:
    home, office = listing.home, agency_of(listing)
    point = coordinates(listing)
    return kept(
        {
            "id": listing.id,
            "propertyDetailsUrl": f"https://www.simulated.invalid/{slug(listing)}",
            "unitNumber": home.unit,
            "streetNumber": home.house_number,
            "streetName": home.street[0],
            "streetType": street_type_long(home),
            "suburb": home.locality.name,
            "postcode": home.locality.postcode,
            "state": home.locality.state.title(),
            "geoLocation": (
                {"latitude": point[0], "longitude": point[1]} if point else None
            ),
            "propertyType": listing.property_type,
            "bedrooms": home.bedrooms,
            "bathrooms": home.bathrooms,
            "carspaces": home.car_spaces,
            "price": _price(listing, code) or None,
            "result": code,
            "agent": office.contacts[0][1],
            "agencyId": office.id,
            "agencyName": office.name,
            "agencyProfilePageUrl": f"https://www.simulated.invalid/agency/{office.id}",
        }
    )
