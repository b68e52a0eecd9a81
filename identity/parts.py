"""Identifying an address that comes in parts: portals' listings, REAXML, G-NAF.

Belongs here: putting a source's own fields together for `domain.addresses`. Lines of
text and NSW PSI records the library reads itself; millions of rows are for `bulk`.
"""

from __future__ import annotations

from dataclasses import replace

from domain.address_parts import (
    Flat,
    HouseNumber,
    clean,
    parse_flat,
    parse_number,
    parse_street,
)
from domain.address_places import make_place
from domain.address_text import canonical_text
from domain.addresses import CanonicalAddress, build_address


def canonical_parts(
    *,
    address: str | None = None,
    building_name: str | None = None,
    unit_number: str | None = None,
    lot_number: str | None = None,
    street_number: str | None = None,
    street: str | None = None,
    locality: str | None = None,
    state: str | None = None,
    postcode: str | None = None,
) -> CanonicalAddress:
    """Identify an address in parts; `street` includes type and suffix.

    A lot number stands in for a missing street number. What has no street or number in
    its fields is read as a line of text: `address`, else the fields one behind the
    other.
    """
    place = make_place(locality, state, postcode)
    number = parse_number(street_number) if street_number else HouseNumber()
    way = parse_street(street) if street else None
    lot = read_lot(lot_number)
    if lot is not None:
        number = replace(number, lot=lot)
    written = number.number or (f"LOT {number.lot}" if number.lot else None)
    if way is None or written is None or not place.is_known:
        text = address or _line(
            building_name, unit_number, lot_number, street_number, street
        )
        return canonical_text(text, locality=locality, state=state, postcode=postcode)
    flat = parse_flat(unit_number) if unit_number else None
    if flat is None and number.unit is not None:
        flat = Flat(number.unit, number.unit)
    notes = (
        *way.assumptions,
        *(note for note in number.assumptions if note != "lot_as_number"),
    )
    if number.number is None:
        notes = (*notes, "lot_as_number")
    site = clean(building_name) if building_name else None
    return build_address(
        way, number, written, flat, None, place, notes, site=site or None
    )


def read_lot(text: str | None) -> str | None:
    """A lot number written with or without its word: `Lot 5`, `5`; else None."""
    if not text:
        return None
    return parse_number(text).lot or parse_number(f"LOT {text}").lot


def _line(
    building: str | None,
    unit: str | None,
    lot: str | None,
    number: str | None,
    street: str | None,
) -> str:
    numbers = "/".join(part for part in (unit, number) if part)
    lot_text = f"LOT {lot}" if lot and not lot.upper().startswith("LOT") else lot
    segments = (building, lot_text, f"{numbers} {street or ''}".strip())
    return ", ".join(part for part in segments if part)
