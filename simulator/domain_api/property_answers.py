"""Properties as JSON: `GET /v1/properties/{id}` and the address suggestions.

A property is a home with all its sales, advertised or not. Elsewhere: single listings
(`detail_answers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from simulator.domain_api.catalogue import Catalogue, PastSale
from simulator.domain_api.listings import DAY, Listing, home_of_property, property_id
from simulator.domain_api.search_answers import Json, kept, slug, suburb_id
from simulator.domain_api.wording import address_text, agency_of, street_type_long
from simulator.geography import Locality
from simulator.homes import Home

_CATEGORIES: Final = {
    "house": ("House", "House", 1),
    "townhouse": ("House", "Townhouse", 2),
    "unit": ("Unit", "Apartment", 3),
    "land": ("Land", "Vacant land", 4),
    "business": ("Commercial", "Shop", 5),
}


def property_of(catalogue: Catalogue, identity: str, now: float) -> Json | None:
    """The property of that id; None if there is none."""
    number = home_of_property(identity)
    if number is None or number >= catalogue.market.size.homes:
        return None
    home = catalogue.market.home(number)
    return property_json(home, catalogue.of_home(home, now), now)


def property_json(home: Home, past: Sequence[PastSale], now: float) -> Json:
    """A property with what is known of it at `now`."""
    place = home.locality
    category, kind, number = _CATEGORIES[home.kind]
    on_market = [
        listing
        for sale in past
        for listing in sale.listings
        if listing.shelf(now) == "Sale"
    ]
    is_built = home.kind not in ("land", "business")
    sales = [_sale(sale, now) for sale in reversed(past)]
    return {
        "id": property_id(home.number),
        "status": "OnMarket" if on_market else "OffMarket",
        "onMarketTypes": ["Sale"] if on_market else [],
        "address": address_text(home),
        "addressId": 50_000_000 + home.number,
        "addressCoordinate": {"lat": home.latitude, "lon": home.longitude},
        "adverts": [_advert(listing) for listing in on_market],
        "areaSize": round(home.land_m2) or None,
        "bathrooms": home.bathrooms if is_built else None,
        "bedrooms": home.bedrooms if is_built else None,
        "carSpaces": home.car_spaces if is_built else None,
        "features": [],
        "flatNumber": home.unit or None,
        "gnafIds": [
            {
                "monthNo": 5,
                "yearNo": 2024,
                "gnafPID": f"GASIM_{place.state}{home.number:09d}",
            }
        ],
        "hasStrata": home.lot > 0,
        "history": {"sales": [sale for sale in sales if sale]},
        "internalArea": f"{home.floor_m2:g}" if is_built else None,
        "isResidential": home.kind != "business",
        "landUse": "Residential" if home.kind != "business" else "Business",
        "lotNumber": str(home.lot or 1),
        "planNumber": f"{'SP' if home.lot else 'DP'}{home.parcel}",
        "postcode": place.postcode,
        "propertyCategory": category,
        "propertyCategoryId": number,
        "propertyType": kind,
        "propertyTypeId": number,
        "state": place.state,
        "streetAddress": address_text(home).partition(",")[0],
        "streetName": home.street[0],
        "streetNumber": home.house_number,
        "streetType": home.street[1].title(),
        "streetTypeLong": street_type_long(home),
        "suburb": place.name,
        "suburbId": suburb_id(place),
        "title": "Strata" if home.lot else "Torrens",
        "yearBuilt": home.year_built if is_built else None,
        "zone": "R2" if home.kind != "business" else "E1",
    }


def suggestions(
    catalogue: Catalogue, places: Sequence[Locality], terms: str, limit: int
) -> list[Json]:
    """Properties whose address holds the words of `terms`, the best first.

    `places` are where to look; words may be a number, a street, a suburb.
    """
    words = terms.replace(",", " ").replace("/", " ").casefold().split()
    if not words:
        return []
    found: list[tuple[int, int, Home]] = []
    for place in places:
        for number in range(place.start, place.start + place.size):
            home = catalogue.market.home(number)
            text = address_text(home).replace(",", " ").replace("/", " ").casefold()
            score = 100 * sum(word in text.split() for word in words) // len(words)
            if score >= 50:
                found.append((-score, number, home))
    found.sort(key=lambda hit: hit[:2])
    return [_suggestion(home, -score) for score, _, home in found[:limit]]


def _suggestion(home: Home, score: int) -> Json:
    place = home.locality
    return {
        "id": property_id(home.number),
        "address": address_text(home),
        "addressComponents": kept(
            {
                "unitNumber": home.unit,
                "streetNumber": home.house_number,
                "streetName": home.street[0],
                "streetType": home.street[1].title(),
                "streetTypeLong": street_type_long(home),
                "suburb": place.name,
                "postCode": place.postcode,
                "state": place.state,
            }
        ),
        "relativeScore": score,
    }


def _advert(listing: Listing) -> Json:
    office = agency_of(listing)
    return {
        "advertId": listing.id,
        "agency": office.name,
        "agencyId": office.id,
        "url": f"https://www.simulated.invalid/{slug(listing)}",
        "onMarketTypes": ["Sale"],
    }


def _sale(past: PastSale, now: float) -> Json | None:
    """One sale of the history, as far as it is known at `now`."""
    sale = past.sale
    today = datetime.fromtimestamp(now, UTC).date()
    main = past.listings[0] if past.listings else None
    is_reported = main is not None and main.reached("sold", now)
    is_recorded = past.published <= today
    if not (is_reported or is_recorded):
        return None
    entry: Json = {
        "id": 70_000_000 + (main.id if main else sale.home.number),
        "date": sale.contract_date.isoformat(),
        "price": sale.price_aud if is_recorded or main is None else main.reported_aud,
        "type": "Auction" if main and main.auction_second else "PrivateTreaty",
        "documentedAsSold": is_recorded,
        "reportedAsSold": is_reported,
        "suppressPrice": main is not None and not main.is_price_shown,
        "suppressDetails": False,
        "propertyType": _CATEGORIES[sale.home.kind][1],
    }
    if main is not None:
        office = agency_of(main)
        sold = main.at("sold") or main.listed
        entry |= {
            "advertId": str(main.id),
            "agency": office.name,
            "agencyId": office.id,
            "daysOnMarket": float((sold - main.listed) // DAY),
            "first": _boundary(main, main.listed),
            "last": _boundary(main, min(sold, int(now))),
        }
    return entry


def _boundary(listing: Listing, second: int) -> Json:
    moment = datetime.fromtimestamp(second, UTC)
    return {
        "advertisedDate": moment.replace(tzinfo=None).isoformat(),
        "advertisedPrice": listing.guide,
        "agency": agency_of(listing).name,
        "listingId": listing.id,
        "type": "Sale",
    }
