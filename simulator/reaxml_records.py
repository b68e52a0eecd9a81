"""One REAXML record and one file of them, as text. What happens when is `reaxml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, Literal
from xml.sax.saxutils import escape, quoteattr

from simulator.homes import Home
from simulator.names import AGENTS

if TYPE_CHECKING:
    from simulator.reaxml import Change

Event = Literal[
    "listed",
    "priced",
    "hidden",
    "under_offer",
    "sold",
    "withdrawn",
    "offmarket",
    "leased",
]

DATE_FORMS: Final = (
    "%Y-%m-%d-%H:%M:%S",
    "%Y-%m-%d-%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y%m%d-%H%M%S",
    "%Y%m%dT%H%M%S",
    "%Y%m%d-%H%M",
)
_DTD: Final = "http://reaxml.realestate.com.au/propertyList.dtd"
_CATEGORIES: Final = {
    "house": ("House", "AcreageSemi-rural", "Terrace"),
    "townhouse": ("Townhouse", "Villa", "DuplexSemi-detached"),
    "unit": ("Unit", "Apartment", "Flat", "Studio"),
}


@dataclass(frozen=True, slots=True)
class ListingState:
    """A listing as it really stands. Prices in AUD, rent a week.

    `is_described` and `record_count` tell what was sent of it (see `expected`).
    """

    agent_id: str
    unique_id: str
    home: Home
    is_letting: bool
    lacks_price: bool
    has_wrong_postcode: bool
    style: int
    listed: datetime
    price: int = 0
    rent: int = 0
    status: str = "current"
    is_price_shown: bool = True
    is_under_offer: bool = False
    sold_price: int = 0
    is_sold_shown: bool = True
    sold_on: date | None = None
    is_described: bool = True
    record_count: int = 0

    @property
    def bedrooms(self) -> int | None:
        """What the listing says: 0 for a studio, None where it says nothing."""
        home = self.home
        if not home.bedrooms or self.style % 50 == 0:
            return None
        is_studio = home.kind == "unit" and home.bedrooms == 1 and self.style % 3 == 0
        return 0 if is_studio else home.bedrooms

    @property
    def kind(self) -> str:
        """The listing element's name."""
        home = self.home
        if home.kind == "business":
            return ("commercial", "business", "commercialLand")[self.style % 3]
        if self.is_letting and home.kind != "land":
            return "holidayRental" if self.style % 11 == 0 else "rental"
        if home.kind == "land":
            return "rural" if home.land_m2 > 15_000 else "land"
        return "residential"


def record_xml(change: Change, form: str) -> str:
    """The record of one change: the whole listing when new, else only what changed."""
    state = change.state
    attributes = f"modTime={quoteattr(change.at.strftime(form))} "
    attributes += f"status={quoteattr(state.status)}"
    # Agencies write their id in any case.
    agent = state.agent_id.lower() if state.style % 5 == 0 else state.agent_id
    ids = f"<agentID>{agent}</agentID><uniqueID>{state.unique_id}</uniqueID>"
    return f"<{state.kind} {attributes}>{ids}{_body(change, form)}</{state.kind}>"


def bad_record(number: int) -> str:
    """A record nobody can use: it has no uniqueID."""
    return (
        f'<residential modTime="2024-03-04" status="current"><agentID>XBADID</agentID>'
        f"<headline>Nobody's {number}</headline></residential>"
    )


def file_text(records: list[str], made: datetime, declared: str, form: str) -> str:
    """A whole file, with the external DTD that nobody should fetch."""
    lines = "\n".join(records)
    return (
        f'<?xml version="1.0" encoding="{declared}"?>\n'
        f'<!DOCTYPE propertyList SYSTEM "{_DTD}">\n'
        f'<propertyList date="{made.strftime(form)}" username="made-up" '
        f'password="made-up">\n{lines}\n</propertyList>\n'
    )


def _body(change: Change, form: str) -> str:
    state = change.state
    match change.event:
        case "listed":
            return _whole(state, form)
        case "priced":
            return _price(state)
        case "hidden":
            return _price(state) + "<priceView>Contact agent</priceView>"
        case "under_offer":
            return '<underOffer value="yes"/>'
        case "sold":
            return _sold(state)
        case _:
            return ""


def _price(state: ListingState) -> str:
    if state.lacks_price:
        return ""
    if state.kind in ("rental", "holidayRental"):
        if state.style % 7 == 0:
            monthly = round(state.rent * 52 / 12, 2)
            return f'<rent period="month">{monthly}</rent>'
        return f'<rent period="week">{state.rent}</rent>'
    shown = "yes" if state.is_price_shown else "no"
    return f'<price display="{shown}" tax="inclusive">{state.price}</price>'


def _sold(state: ListingState) -> str:
    shown = "yes" if state.is_sold_shown else "no"
    price, day = (
        ("soldPrice", "soldDate") if state.style % 3 == 0 else ("price", "date")
    )
    when = f"{state.sold_on:%Y-%m-%d}" if state.sold_on else ""
    return (
        f'<soldDetails><{price} display="{shown}">{state.sold_price}</{price}>'
        f"<{day}>{when}</{day}></soldDetails>"
    )


def _whole(state: ListingState, form: str) -> str:
    home, style = state.home, state.style
    parts = [
        '<underOffer value="no"/>',
        _agent(state),
        _price(state),
        _address(state),
        _category(state),
        f"<headline>{escape(f'Light & bright in {home.locality.name}')}</headline>",
        _description(state),
    ]
    if (rooms := state.bedrooms) is not None:
        parts.append(
            f"<features><bedrooms>{rooms or 'Studio'}</bedrooms>"
            f"<bathrooms>{home.bathrooms}</bathrooms><garages>{home.car_spaces}</garages>"
            f"<pool>{('yes', 'no', '1', '0', '')[style % 5]}</pool></features>"
        )
    if home.land_m2:
        parts.append(f"<landDetails>{_area(home.land_m2, style)}</landDetails>")
    stamp = state.listed.strftime(form)
    parts.append(
        f'<images><img id="m" modTime="{stamp}" url="https://img.example/{style}/m.jpg"/>'
        f'<img id="a" modTime="{stamp}" url="https://img.example/{style}/a.jpg"/></images>'
    )
    return "".join(parts)


def _agent(state: ListingState) -> str:
    name = escape(f"{AGENTS[state.style % len(AGENTS)]} Agent")
    return (
        f'<listingAgent id="1"><name>{name}</name>'
        '<telephone type="mobile">0491 570 006</telephone>'
        "<email>agent@agency.example</email></listingAgent>"
    )


def _address(state: ListingState) -> str:
    home = state.home
    if home.unit and state.style % 2:
        number = f"<streetNumber>{home.unit}/{home.house_number}</streetNumber>"
    else:
        sub = f"<subNumber>{home.unit}</subNumber>" if home.unit else ""
        number = f"{sub}<streetNumber>{home.house_number}</streetNumber>"
    code = home.locality.state
    region = code.lower() if state.style % 3 == 0 else code
    postcode = home.locality.postcode
    if state.has_wrong_postcode:
        postcode = "6999" if postcode != "6999" else "0800"
    shown = "no" if state.style % 10 == 0 else "yes"
    return (
        f'<address display="{shown}">{number}'
        f"<street>{home.street[0]} {home.street[2]}</street>"
        f'<suburb display="yes">{escape(home.locality.name)}</suburb>'
        f"<state>{region}</state><postcode>{postcode}</postcode>"
        "<country>AUS</country></address>"
    )


def _category(state: ListingState) -> str:
    names = _CATEGORIES.get(state.home.kind)
    if state.kind in ("residential", "rental") and names:
        return f'<category name="{names[state.style % len(names)]}"/>'
    if state.kind == "land":
        return '<landCategory name="Residential"/>'
    return '<ruralCategory name="Cropping"/>' if state.kind == "rural" else ""


def _description(state: ListingState) -> str:
    text = f"A home in {state.home.locality.name} \u2013 caf\u00e9s & parks nearby."
    match state.style % 4:
        case 0:
            return f"<description><![CDATA[<p>{text}</p><br>Call now!]]></description>"
        case 1:
            inner = escape(f"<b>{text}</b>")
            return f"<description>{inner}</description>"
        case 2:
            return f"<description><p>{escape(text)}</p><br/>Call&nbsp;now</description>"
        case _:
            return f"<description>{escape(text)}</description>"


def _area(square_metres: float, style: int) -> str:
    match style % 4:
        case 0:
            return f'<area unit="square">{square_metres / 9.290304:.4f}</area>'
        case 1 if square_metres > 4_000:
            return f'<area unit="hectare">{square_metres / 10_000:.6f}</area>'
        case 2 if square_metres > 4_000:
            return f'<area unit="acre">{square_metres / 4_046.8564:.6f}</area>'
        case _:
            return f'<area unit="squareMeter">{square_metres:g}</area>'
