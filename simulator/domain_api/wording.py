"""Words of the listings: price texts, headlines, agencies, addresses.

The price texts are the forms seen in the wild: ranges with and without units, "offers
over", no figure at all. Here: text. Elsewhere: what is true (`listings`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulator.domain_api.listings import Listing
from simulator.geography import Locality
from simulator.homes import Home
from simulator.names import AGENTS

FORMS_WITHHELD: Final = frozenset({6, 7, 8})

_AGENCY_WORDS: Final = ("Real Estate", "Property", "& Partners", "First")
_FIRST_NAMES: Final = ("Alex", "Bela", "Chris", "Dana", "Eden", "Frankie", "Gale")
_LAST_NAMES: Final = ("Abbott", "Byrne", "Costa", "Doyle", "Ekman", "Farrugia")
_HEADLINES: Final = (
    "Light-filled living near the park",
    "Renovated and ready to move in",
    "First time offered in a generation",
    "Space for the whole family",
    "A quiet address with room to grow",
    "Walk to shops, schools & trains",
)
_STREET_TYPES: Final = {
    "ST": "Street",
    "RD": "Road",
    "AVE": "Avenue",
    "DR": "Drive",
    "CRES": "Crescent",
    "PL": "Place",
    "PDE": "Parade",
    "CL": "Close",
    "CT": "Court",
    "GR": "Grove",
    "TCE": "Terrace",
}


@dataclass(frozen=True, slots=True)
class Price:
    """What a listing says of its price: text, and numbers where it gives any (AUD)."""

    text: str
    exact: int = 0
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class Agency:
    """An office that advertises."""

    id: int
    name: str
    contacts: tuple[tuple[int, str], ...]


def price_of(listing: Listing, now: float) -> Price:
    """The price as the listing tells it at `now`."""
    guide = listing.guide
    if listing.reached("price", now):
        guide = round(guide * 0.96 / 1_000) * 1_000
    high = round(guide * 1.1 / 1_000) * 1_000
    if listing.shelf(now) == "Sold" or listing.reached("sold", now):
        shown = listing.is_price_shown and sold_price(listing, now)
        return Price(f"SOLD - ${shown:,}" if shown else "SOLD")
    form = listing.form(now)
    if form == 0:
        return Price(f"${guide:,}", exact=guide)
    if form == 1:
        text = f"${guide / 1e6:.2f}M - ${high / 1e6:.2f}M"
        return Price(text, low=guide, high=high)
    if form == 2:
        return Price(f"${guide:,} to ${high:,}", low=guide, high=high)
    if form == 3:
        return Price(f"Offers over {guide // 1_000}k", low=guide)
    if form == 4:
        return Price(f"High ${guide // 100_000}00,000's")
    if form == 5:
        return Price(f"Guide ${guide:,}", low=guide)
    return Price({6: "Contact Agent", 7: "Auction", 8: "Price withheld"}.get(form, ""))


def sold_price(listing: Listing, now: float) -> int:
    """What the agency has said by `now` that it sold for; 0 for nothing yet."""
    later = listing.at("sold_price")
    if later is not None and later > now:
        return 0
    return listing.reported_aud


def agency_of(listing: Listing) -> Agency:
    """The office that has the listing."""
    return agency(listing.home.locality, listing.agency)


def agency(locality: Locality, number: int) -> Agency:
    """Office `number` (0 to 5) of a locality."""
    identity = 10_000 + locality.number * 6 + number
    brand = AGENTS[(locality.number + number * 5) % len(AGENTS)]
    word = _AGENCY_WORDS[identity % len(_AGENCY_WORDS)]
    contacts = tuple(
        (identity * 10 + position, _person(identity + position))
        for position in range(1 + identity % 2)
    )
    return Agency(identity, f"{brand} {word} {locality.name}", contacts)


def _person(number: int) -> str:
    last = _LAST_NAMES[number * 5 // 7 % len(_LAST_NAMES)]
    return f"{_FIRST_NAMES[number % len(_FIRST_NAMES)]} {last}"


def headline(listing: Listing) -> str:
    """One line of praise."""
    return _HEADLINES[listing.luck % len(_HEADLINES)]


def description(listing: Listing) -> str:
    """A few lines, with the markup and entities that agencies leave in."""
    home = listing.home
    if home.kind == "land":
        return f"A level block of {home.land_m2:.0f} sqm in {home.locality.name}."
    return (
        f"{headline(listing)}.<br/>{home.bedrooms} bedrooms &amp; {home.bathrooms} "
        f"bathrooms in {home.locality.name}. Inspect by appointment."
    )


def street_type_long(home: Home) -> str:
    """`Street` for `ST`."""
    return _STREET_TYPES[home.street[1]]


def street_text(home: Home) -> str:
    """`Albert Street`."""
    return f"{home.street[0]} {street_type_long(home)}"


def address_text(home: Home) -> str:
    """`3/12 Albert Street, Brindlemead NSW 2005`."""
    unit = f"{home.unit}/" if home.unit else ""
    place = home.locality
    return (
        f"{unit}{home.house_number} {street_text(home)}, "
        f"{place.name} {place.state} {place.postcode}"
    )
