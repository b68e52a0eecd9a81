"""One listing's details as JSON, as `GET /v1/listings/{id}` has them.

Enums are camelCase here, areas are text beside a number, the state is lower case.
Elsewhere: the same listing in a search (`search_answers`).
"""

from __future__ import annotations

from typing import Any

from simulator.domain_api.clock import local_text
from simulator.domain_api.listings import Listing
from simulator.domain_api.search_answers import (
    Json,
    bedrooms,
    coordinates,
    display_address,
    features,
    image_url,
    inspection,
    kept,
    sale_action,
    suburb_id,
)
from simulator.domain_api.wording import (
    FORMS_WITHHELD,
    agency_of,
    description,
    headline,
    price_of,
    sold_price,
    street_text,
)

_ACTIONS = {
    "SoldByAuction": "auction",
    "SoldByPrivateTreaty": "privateTreaty",
    "SoldPriorToAuction": "soldPriorToAuction",
    "NotStated": "notStated",
}


def detail_json(listing: Listing, now: float) -> Json:
    """Everything the API says of a listing at `now`, archived ones too."""
    home = listing.home
    status = listing.status(now)
    is_land = home.kind == "land"
    land = home.land_m2 or None
    floor = home.floor_m2 if not is_land and listing.luck % 3 == 0 else None
    point = coordinates(listing)
    purged = listing.at("archived")
    modes = {"sold": "sold", "archived": "archived"}
    return kept(
        {
            "objective": "sale",
            "status": status,
            "saleMode": modes.get(status, "buy"),
            "channel": "residential",
            "id": listing.id,
            "propertyId": listing.property_id,
            "propertyTypes": [_camel(listing.property_type)],
            "addressParts": _address(listing),
            "advertiserIdentifiers": _advertiser(listing),
            "apmIdentifiers": {"suburbId": suburb_id(home.locality)},
            "bathrooms": None if is_land else float(home.bathrooms),
            "bedrooms": None if is_land else float(bedrooms(listing)),
            "carspaces": None if is_land else float(home.car_spaces),
            "landArea": f"{land:g} sqm" if land else None,
            "landAreaSqm": land,
            "buildingArea": f"{floor:g} sqm" if floor else None,
            "buildingAreaSqm": floor,
            "dateCreated": local_text(listing.listed - 3_600),
            "dateListed": local_text(listing.listed),
            "dateUpdated": local_text(listing.updated(now)),
            "dateMinorUpdated": local_text(listing.updated(now)),
            "datePurged": local_text(purged) if purged and purged <= now else None,
            "description": description(listing),
            "devProjectId": listing.project or None,
            "isNewDevelopment": listing.project > 0,
            "features": [_camel(feature) for feature in features(listing)],
            "geoLocation": (
                {"latitude": point[0], "longitude": point[1]} if point else None
            ),
            "headline": headline(listing),
            "inspectionDetails": _inspections(listing, now),
            "media": [
                {
                    "category": "image",
                    "type": "photo",
                    "url": image_url(listing, number),
                }
                for number in range(1, 2 + listing.luck % 4)
            ],
            "priceDetails": _price(listing, now),
            "saleDetails": _sale(listing, now),
            "providerDetails": {
                "providerSystem": "simulated-crm",
                "providerAdID": f"SIM{listing.luck % 10**9}",
            },
            "isWithdrawn": listing.reached("withdrawn", now),
            "statementOfInformation": _statement(listing),
        }
    )


def _camel(word: str) -> str:
    return word[0].lower() + word[1:]


def _address(listing: Listing) -> Json:
    home, place = listing.home, listing.home.locality
    shown = listing.is_address_shown
    return kept(
        {
            "stateAbbreviation": place.state.lower(),
            "displayType": "fullAddress" if shown else "suburbOnly",
            "streetNumber": home.house_number if shown else None,
            "unitNumber": home.unit if shown else None,
            "street": street_text(home) if shown else None,
            "suburb": place.name.upper(),
            "suburbId": suburb_id(place),
            "postcode": place.postcode,
            "displayAddress": display_address(listing),
        }
    )


def _advertiser(listing: Listing) -> Json:
    office = agency_of(listing)
    return {
        "advertiserType": "agency",
        "advertiserId": office.id,
        "contactIds": [identity for identity, _ in office.contacts],
        "agentIds": [f"A{identity}" for identity, _ in office.contacts],
    }


def _price(listing: Listing, now: float) -> Json:
    price = price_of(listing, now)
    is_hidden = listing.form(now) in FORMS_WITHHELD
    return kept(
        {
            "gstOption": "na",
            "priceUnit": "totalAmount",
            # A withheld price is still sent here: to be stored, never to be served.
            "price": float(price.exact or (listing.guide if is_hidden else 0)) or None,
            "priceFrom": price.low or None,
            "priceTo": price.high or None,
            "canDisplayPrice": not is_hidden,
            "hiddenReasons": ["byAgency"] if is_hidden else [],
            "displayPrice": price.text,
            "priceReduction": listing.reached("price", now),
        }
    )


def _sale(listing: Listing, now: float) -> Json:
    return kept(
        {
            "saleMethod": listing.method,
            "soldDetails": _sold(listing, now),
            "auctionDetails": _auction(listing),
        }
    )


def _sold(listing: Listing, now: float) -> Json | None:
    if not listing.reached("sold", now):
        return None
    is_recorded = listing.reached("recorded", now)
    return kept(
        {
            "soldAction": _ACTIONS[sale_action(listing)],
            "source": "internal",
            "soldPrice": sold_price(listing, now) or None,
            "governmentRecordedSoldPrice": listing.recorded_aud
            if is_recorded
            else None,
            "soldDate": f"{listing.contract_date.isoformat()}T00:00:00",
            "canDisplayPrice": listing.is_price_shown,
        }
    )


def _auction(listing: Listing) -> Json | None:
    if not listing.auction_second:
        return None
    where = "On Site" if listing.luck % 3 else ""
    schedule: dict[str, Any] = kept(
        {
            "locationDescription": where,
            "openingDateTime": local_text(listing.auction_second),
        }
    )
    return {"auctionSchedule": schedule}


def _inspections(listing: Listing, now: float) -> Json:
    times = inspection(listing, now)
    if times is None:
        return {"isByAppointmentOnly": True}
    begin, end = times
    slot = {
        "recurrence": "none",
        "openingDateTime": local_text(begin),
        "closingDateTime": local_text(end),
    }
    return {"inspections": [slot], "isByAppointmentOnly": False}


def _statement(listing: Listing) -> Json | None:
    """The price guide that VIC law asks for."""
    if listing.home.locality.state != "VIC":
        return None
    low = listing.guide
    return {"estimatedPrice": {"from": low, "to": round(low * 1.1 / 1_000) * 1_000}}
