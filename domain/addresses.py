"""Canonical addresses and the stable identity of a property.

Belongs here: what an identified address says, NSW PSI records, and how sure an identity
is. Keys are composed in `domain.address_keys`, places in `domain.address_places`, parts
read in `domain.address_parts`, lines of text in `domain.address_text`.

The same home gets the same key from every source and every spelling. Where a source
does not say enough to tell one dwelling from another, the key is a parcel's or
identifies nothing, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from domain.address_keys import (
    PROPERTY_NAMESPACE,
    RULE_VERSION,
    KeyKind,
    address_key,
    flat_key,
    parcel_key,
    property_id_of,
    text_key,
)
from domain.address_parts import (
    Flat,
    HouseNumber,
    Street,
    parse_flat,
    parse_number,
    parse_street,
    parse_unit,
    title,
)
from domain.address_places import Place, make_place

__all__ = [
    "PENALTIES",
    "PROPERTY_NAMESPACE",
    "RULE_VERSION",
    "CanonicalAddress",
    "KeyKind",
    "Place",
    "build_address",
    "canonical_psi",
    "confidence_of",
    "make_place",
    "without_identity",
]

#: How far each assumption lowers the confidence in the identity (factors).
PENALTIES: dict[str, float] = {
    # Place
    "postcode_missing": 0.9,
    "state_from_postcode": 0.95,
    "state_of_border_place": 0.95,
    "state_missing": 0.5,
    "locality_alias": 0.95,
    "locality_ambiguous": 0.5,
    "locality_missing": 0.8,
    "locality_cut_from_line": 0.95,
    # Number and unit
    "strata_lot_as_unit": 0.85,
    "number_pair_as_range": 0.95,
    "number_list_as_range": 0.9,
    "number_cut_short": 0.8,
    "number_unreadable": 0.9,
    "number_missing": 0.8,
    "range_turned": 0.95,
    "range_shortened": 0.85,
    "range_long": 0.7,
    "two_numbers_unit_first": 0.6,
    "unit_as_number": 0.6,
    "lot_as_number": 0.75,
    # Street
    "street_missing": 0.8,
    "street_type_missing": 0.85,
    "number_in_street": 0.7,
    "remark_dropped": 0.95,
    "site_in_street": 0.9,
    "building_in_front": 0.95,
    # No dwelling
    "corner": 0.5,
    "postal_address": 0.3,
    "parcel_id_as_identity": 0.7,
    "address_identifies_nothing": 0.2,
}

_NO_NUMBER = HouseNumber()
_NO_STREET = Street("")
_NO_FLAT = Flat("")


@dataclass(frozen=True, slots=True)
class CanonicalAddress:
    """One address in canonical form: parts in capitals, `address` for people.

    `confidence` (0 to 1) is that of the identity, not of the home's existence. What the
    readers found is in `street`, `number`, `flat` and `place`, which say nothing where
    a part is missing; the properties give single fields, None for an absent one.
    """

    key: str
    key_kind: KeyKind
    property_id: UUID
    address: str
    street_number: str | None
    lot_number: str | None
    building_name: str | None
    confidence: float
    assumptions: tuple[str, ...]
    place: Place
    street: Street = _NO_STREET
    number: HouseNumber = _NO_NUMBER
    flat: Flat = _NO_FLAT
    rule_version: int = RULE_VERSION

    @property
    def unit_number(self) -> str | None:
        """What tells the dwelling from its neighbours: `3`, `SHOP 3`, `PENTHOUSE`."""
        return self.flat.key or None

    @property
    def unit_type(self) -> str | None:
        """`UNIT`, `VILLA`, `CARSPACE`; None where only a number was given."""
        return self.flat.kind

    @property
    def unit_type_code(self) -> str | None:
        """G-NAF's code of the unit type."""
        return self.flat.code

    @property
    def level_number(self) -> str | None:
        """`1`, `G`, `LG`."""
        return self.flat.level

    @property
    def street_name(self) -> str | None:
        """Name without type and suffix; a type's name where it is all: `THE AVENUE`."""
        return self.street.name or None

    @property
    def street_type(self) -> str | None:
        """Long word: `STREET`."""
        return self.street.type

    @property
    def street_type_code(self) -> str | None:
        """G-NAF's code: `ST`."""
        return self.street.type_code

    @property
    def street_suffix(self) -> str | None:
        """Long word: `SOUTH`."""
        return self.street.suffix

    @property
    def street_suffix_code(self) -> str | None:
        """G-NAF's code: `S`."""
        return self.street.suffix_code

    @property
    def number_first(self) -> int | None:
        """Street number without letters, the lower bound of a range."""
        return self.number.first

    @property
    def number_first_suffix(self) -> str | None:
        """Letter behind the first number."""
        return self.number.first_suffix

    @property
    def number_last(self) -> int | None:
        """Upper bound; None where the number is no range."""
        return self.number.last

    @property
    def number_last_suffix(self) -> str | None:
        """Letter behind the last number."""
        return self.number.last_suffix

    @property
    def number_prefix(self) -> str | None:
        """Letters before the number: `B`, `RMB`."""
        return self.number.prefix

    @property
    def locality(self) -> str | None:
        """Suburb in capitals, by its official name where an alias is known."""
        return self.place.locality or None

    @property
    def state(self) -> str | None:
        """`VIC`."""
        return self.place.state

    @property
    def postcode(self) -> str | None:
        """Four digits, as the source gave them."""
        return self.place.postcode


def canonical_psi(
    *,
    unit: str | None,
    house: str | None,
    street: str | None,
    locality: str | None,
    postcode: str | None,
    strata_lot: str | None,
    valuer_property_id: str | None,
    state: str = "NSW",
) -> CanonicalAddress:
    """Identify a NSW PSI record. `street` includes its type, as PSI writes it.

    A strata row without unit number is told apart by its strata lot. Without a house
    number, street or suburb the valuer's property id is the identity: it is unique over
    all districts (districts merge and are renumbered, so they are left out of the key).
    The state is the source's: border suburbs carry the neighbour's postcode.
    """
    place = make_place(locality, state, postcode)
    number = parse_number(house) if house else _NO_NUMBER
    way = parse_street(street) if street else None
    flat = parse_flat(unit) if unit else None
    lot = parse_unit(strata_lot) if strata_lot else None
    if way is None or number.number is None or not place.is_known:
        return _parcel(valuer_property_id, lot, flat, number, way, place)
    if flat is None and number.unit is not None:
        flat = Flat(number.unit, number.unit)
    notes = (*way.assumptions, *number.assumptions)
    if flat is None and lot is not None:
        notes = (*notes, "strata_lot_as_unit")
    else:
        lot = None
    return build_address(way, number, number.number, flat, lot, place, notes)


def build_address(
    street: Street,
    number: HouseNumber,
    shown_number: str,
    flat: Flat | None,
    lot: str | None,
    place: Place,
    assumptions: tuple[str, ...] = (),
    *,
    building: str | None = None,
    site: str | None = None,
) -> CanonicalAddress:
    """Address of a dwelling with street and number; `lot` stands in for a unit.

    `shown_number` is the number in the key: `number.number`, or `LOT 4A` without one.
    """
    unit = flat.key if flat else None
    building = building or street.building
    flat_part = flat_key(building, unit, lot)
    key = address_key(place.key, street.key, shown_number, flat_part)
    if unit and not building and (flat is None or unit == flat.number):
        front = f"{unit}/{shown_number}"
    elif flat_part:
        front = f"{title(flat_part)}, {shown_number}"
    else:
        front = shown_number
    notes = (*place.assumptions, *assumptions)
    return CanonicalAddress(
        key,
        "address",
        property_id_of(key),
        f"{front} {street.display}, {place.display}",
        shown_number,
        lot or number.lot,
        building or site or street.site,
        confidence_of(notes) if notes else 1.0,
        notes,
        place,
        street,
        number,
        flat or _NO_FLAT,
    )


def without_identity(
    key_kind: KeyKind,
    key: str,
    front: str,
    street: Street | None,
    place: Place,
    assumptions: tuple[str, ...],
    *,
    flat: Flat | None = None,
    lot: str | None = None,
    site: str | None = None,
) -> CanonicalAddress:
    """An address that names no dwelling: keyed by a parcel or by its own text."""
    shown = (front, street.display if street else "", place.display)
    notes = (*place.assumptions, *assumptions)
    return CanonicalAddress(
        key=key,
        key_kind=key_kind,
        property_id=property_id_of(key),
        address=", ".join(part for part in shown if part),
        street_number=None,
        lot_number=lot,
        building_name=site or (street.building or street.site if street else None),
        confidence=confidence_of(notes),
        assumptions=notes,
        place=place,
        street=street or _NO_STREET,
        flat=flat or _NO_FLAT,
    )


def _parcel(
    valuer_property_id: str | None,
    strata_lot: str | None,
    flat: Flat | None,
    number: HouseNumber,
    street: Street | None,
    place: Place,
) -> CanonicalAddress:
    unit = flat.key if flat else None
    notes = (*(street.assumptions if street else ()), *number.assumptions)
    if number.number is None:
        notes = (*notes, "number_missing")
    if street is None:
        notes = (*notes, "street_missing")
    if not place.locality:
        notes = (*notes, "locality_missing")
    if not valuer_property_id:
        text = f"{number.number or ''} {street.key if street else ''}".strip()
        return without_identity(
            "non_identifying",
            text_key(place.key, text),
            "",
            street,
            place,
            (*notes, "address_identifies_nothing"),
        )
    # A parcel with several homes and no strata plan still tells them apart by unit.
    own = f"LOT {strata_lot}" if strata_lot else f"UNIT {unit}" if unit else ""
    front = f"Parcel {valuer_property_id}"
    if own:
        front = f"{title(own)} of parcel {valuer_property_id}"
    return without_identity(
        "parcel",
        parcel_key(place.state, valuer_property_id, own),
        front,
        street,
        place,
        (*notes, "parcel_id_as_identity"),
        flat=flat,
        lot=strata_lot or number.lot,
    )


@lru_cache(4096)
def confidence_of(assumptions: tuple[str, ...]) -> float:
    """Product of the assumptions' penalties, rounded to three digits."""
    value = 1.0
    for name in assumptions:
        value *= PENALTIES[name]
    return round(value, 3)
