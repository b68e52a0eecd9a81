"""Search items as JSON: `PropertyListing` and `Project`, as the search has them.

Blank and null fields are left out, enums are PascalCase, times are Sydney time.
Elsewhere: the details of one listing, with their other spelling (`detail_answers`).
"""

from __future__ import annotations

import math
from typing import Any, Final

from simulator.domain_api.clock import local_text
from simulator.domain_api.listings import DAY, Listing
from simulator.domain_api.search import area_of
from simulator.domain_api.wording import (
    agency_of,
    headline,
    price_of,
    sold_price,
    street_text,
)
from simulator.geography import Locality

Json = dict[str, Any]

_PROMO_LEVELS: Final = ("Standard", "Standard", "StandardPP", "Elite", "PremiumPlus")
_FEATURES: Final = (
    "AirConditioning",
    "BuiltInWardrobes",
    "Ensuite",
    "Floorboards",
    "Gas",
    "SecureParking",
    "SwimmingPool",
    "Dishwasher",
    "Study",
    "BalconyDeck",
)


def item(listings: tuple[Listing, ...], now: float) -> Json:
    """One element of the answer's array."""
    first = listings[0]
    if not first.project or first.shelf(now) != "Sale":
        return {"type": "PropertyListing", "listing": listing_json(first, now)}
    return {
        "type": "Project",
        "project": _project(first),
        "listings": [listing_json(listing, now) for listing in listings],
    }


def listing_json(listing: Listing, now: float) -> Json:
    """A listing as a search shows it at `now`."""
    is_sold = listing.shelf(now) == "Sold"
    kind = "Sold" if is_sold else "NewHomes" if listing.project else "Sale"
    home = listing.home
    return kept(
        {
            "promoLevel": _PROMO_LEVELS[listing.luck % 5],
            "listingType": kind,
            "id": listing.id,
            "projectId": listing.project or None,
            "advertiser": _advertiser(listing),
            "priceDetails": _price(listing, now),
            "media": [
                {"category": "Image", "url": image_url(listing, number)}
                for number in range(1, 2 + listing.luck % 4)
            ],
            "propertyDetails": _property(listing),
            "headline": headline(listing),
            "summaryDescription": f"{headline(listing)} in {home.locality.name}.",
            "hasFloorplan": listing.luck % 3 == 0,
            "hasVideo": listing.luck % 11 == 0,
            "labels": [listing.status(now)] if listing.status(now) == "new" else [],
            "auctionSchedule": None if is_sold else _auction(listing),
            "dateListed": local_text(listing.listed),
            "inspectionSchedule": None if is_sold else _inspections(listing, now),
            "soldData": _sold(listing, now) if is_sold else None,
            "listingSlug": slug(listing),
        }
    )


def kept(fields: Json) -> Json:
    """Without what is null or blank: the API leaves such fields out."""
    # Of what is false, only 0 and False say something.
    return {name: value for name, value in fields.items() if value or value == 0}


def slug(listing: Listing) -> str:
    """The last part of the listing's public address."""
    home = listing.home
    words = (home.unit, home.house_number, *street_text(home).split())
    place = home.locality
    parts = (*words, place.name, place.state, place.postcode, str(listing.id))
    return "-".join(part for part in parts if part).replace(" ", "-").casefold()


def image_url(listing: Listing, number: int) -> str:
    """Address of a picture that nobody can fetch."""
    return f"https://images.simulated.invalid/{listing.id}_{number}.jpg"


def suburb_id(place: Locality) -> int:
    """The API's number of a suburb."""
    return 30_000 + place.number


def coordinates(listing: Listing) -> tuple[float, float] | None:
    """Latitude and longitude as told: the home's, the suburb's centre, or none."""
    if listing.place == "none":
        return None
    if listing.place == "suburb":
        place = listing.home.locality
        return round(place.latitude, 5), round(place.longitude, 5)
    return listing.home.latitude, listing.home.longitude


def features(listing: Listing) -> list[str]:
    """Up to three features, PascalCase."""
    if listing.home.kind == "land":
        return []
    places = (listing.luck >> 8, listing.luck >> 12, listing.luck >> 16)
    return sorted({_FEATURES[place % len(_FEATURES)] for place in places})


def inspection(listing: Listing, now: float) -> tuple[int, int] | None:
    """Begin and end of the next open day; None when by appointment only."""
    if listing.luck % 4 == 0:
        return None
    weeks = max(0, math.ceil((now - listing.listed) / (7 * DAY)))
    begin = (listing.listed // 1_800 * 1_800) + (weeks * 7 + listing.luck % 3) * DAY
    return begin, begin + 1_800


def _project(listing: Listing) -> Json:
    place = listing.home.locality
    name = f"{listing.home.building.title() or 'The Residences'} {place.name}"
    return kept(
        {
            "promoLevel": "Premium" if listing.project % 3 == 0 else "Standard",
            "state": place.state,
            "id": listing.project,
            "name": name,
            "bannerUrl": f"https://images.simulated.invalid/p{listing.project}.jpg",
            "displayableAddress": f"{street_text(listing.home)}, {place.name}",
            "suburb": place.name.upper(),
            "suburbId": suburb_id(place),
            "features": ["Gym", "Parking"] if listing.project % 2 else [],
            "projectSlug": f"{name} {listing.project}".replace(" ", "-").casefold(),
        }
    )


def _advertiser(listing: Listing) -> Json:
    office = agency_of(listing)
    return {
        "type": "Agency",
        "id": office.id,
        "name": office.name,
        "logoUrl": f"https://images.simulated.invalid/agency/{office.id}.png",
        "preferredColourHex": f"#{office.id * 7919 % 0xFFFFFF:06x}",
        "contacts": [{"name": name} for _, name in office.contacts],
    }


def _price(listing: Listing, now: float) -> Json:
    price = price_of(listing, now)
    return kept(
        {
            "price": price.exact or None,
            "priceFrom": price.low or None,
            "priceTo": price.high or None,
            "displayPrice": price.text,
        }
    )


def _property(listing: Listing) -> Json:
    home, place = listing.home, listing.home.locality
    point = coordinates(listing)
    is_land = home.kind == "land"
    shown = listing.is_address_shown
    return kept(
        {
            "state": place.state,
            "features": features(listing),
            "propertyType": listing.property_type,
            "allPropertyTypes": [listing.property_type],
            "bathrooms": None if is_land else float(home.bathrooms),
            "bedrooms": None if is_land else float(bedrooms(listing)),
            "carspaces": None if is_land else home.car_spaces,
            "unitNumber": home.unit if shown else None,
            "streetNumber": home.house_number if shown else None,
            "street": street_text(home) if shown else None,
            "area": area_of(place),
            "region": place.region,
            "suburb": place.name.upper(),
            "suburbId": suburb_id(place),
            "postcode": place.postcode,
            "displayableAddress": display_address(listing),
            "latitude": point[0] if point else None,
            "longitude": point[1] if point else None,
            "mapCertainty": {"exact": 9, "suburb": 3, "none": 0}[listing.place],
            "landArea": home.land_m2 or None,
            "buildingArea": (
                home.floor_m2 if not is_land and listing.luck % 3 == 0 else None
            ),
            "displayAddressType": "FullAddress" if shown else "SuburbOnly",
            "isRural": listing.property_type in ("Rural", "AcreageSemiRural"),
            "isNew": listing.project > 0,
        }
    )


def bedrooms(listing: Listing) -> int:
    """Bedrooms as advertised: a studio has none."""
    return 0 if listing.property_type == "Studio" else listing.home.bedrooms


def display_address(listing: Listing) -> str:
    """The address as far as the agency lets it be shown."""
    home = listing.home
    place = f"{home.locality.name}"
    if not listing.is_address_shown:
        return place
    unit = f"{home.unit}/" if home.unit else ""
    return f"{unit}{home.house_number} {street_text(home)}, {place}"


def _auction(listing: Listing) -> Json | None:
    if not listing.auction_second:
        return None
    where = "On Site" if listing.luck % 3 else ""
    return kept({"time": local_text(listing.auction_second), "auctionLocation": where})


def _inspections(listing: Listing, now: float) -> Json:
    times = inspection(listing, now)
    if times is None:
        return {"byAppointment": True, "recurring": False}
    return {
        "byAppointment": False,
        "recurring": False,
        "times": [
            {"openingTime": local_text(times[0]), "closingTime": local_text(times[1])}
        ],
    }


def _sold(listing: Listing, now: float) -> Json:
    price = sold_price(listing, now) if listing.is_price_shown else 0
    is_recorded = not price and listing.reached("recorded", now)
    if is_recorded and listing.is_price_shown:
        price = listing.recorded_aud
    return kept(
        {
            "source": "Apm" if is_recorded else "Agency",
            "saleMethod": sale_action(listing),
            "soldDate": listing.contract_date.isoformat(),
            "soldPrice": price or None,
        }
    )


def sale_action(listing: Listing) -> str:
    """How it was sold, in the words of the search service."""
    sold = listing.at("sold") or 0
    if not listing.auction_second:
        return "SoldByPrivateTreaty" if listing.luck % 20 else "NotStated"
    day = listing.auction_second // DAY
    signed = listing.auction_second - sold
    if signed > 0 and day != sold // DAY:
        return "SoldPriorToAuction"
    return "SoldByAuction" if abs(signed) < 3 * DAY else "SoldByPrivateTreaty"
