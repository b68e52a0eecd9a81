"""Single parts: streets, numbers, units, localities, places and their keys."""

from __future__ import annotations

import pytest

from domain.address_keys import address_key, flat_key, parcel_key, text_key
from domain.address_parts import (
    parse_flat,
    parse_locality,
    parse_number,
    parse_street,
    parse_unit,
)
from domain.address_places import make_place
from domain.addresses import PENALTIES, CanonicalAddress, canonical_psi
from domain.place_names import BORDER_PLACES, PLACE_ALIASES, TWIN_PLACES
from domain.street_types import STREET_SUFFIX_CODES, STREET_TYPE_CODES, STREET_TYPES


@pytest.mark.parametrize(
    ("written", "key", "codes"),
    [
        ("OCEAN ST S", "OCEAN STREET SOUTH", ("ST", "S")),
        ("GLOSSOP ST N (CNR FORTHORN PL)", "GLOSSOP STREET NORTH", ("ST", "N")),
        ("THE COMENARRA PY", "THE COMENARRA PARKWAY", ("PWY", None)),
        ("WISTON GS", "WISTON GARDENS", ("GDNS", None)),
        ("WONGA FIT", "WONGA FIRETRAIL", ("FITR", None)),
        ("HIGHGATE HL", "HIGHGATE HILL", ("HILL", None)),
        ("RHODE ID", "RHODE ISLAND", ("ID", None)),
        ("LE CUL DE SAC", "LE CUL-DE-SAC", ("CSAC", None)),
        ("AVENUE OF EUROPE", "AVENUE OF EUROPE", (None, None)),
        ("D A OLLEY DR", "D A OLLEY DRIVE", ("DR", None)),
        ("RUSSELL ST HOUSE NO: LOT 1", "RUSSELL STREET", ("ST", None)),
        ("BOYCE RD 'NORTHERLY'", "BOYCE ROAD", ("RD", None)),
        ("BENELONG RD,THE WATERFRONT", "BENELONG ROAD", ("RD", None)),
        ("PARK AVE BLOCK A", "PARK AVENUE", ("AV", None)),
        ("ELOUERA RD CAR SPACE", "ELOUERA ROAD", ("RD", None)),
    ],
)
def test_a_street_field_is_read(
    written: str, key: str, codes: tuple[str | None, str | None]
) -> None:
    way = parse_street(written)
    assert way is not None
    assert (way.key, (way.type_code, way.suffix_code)) == (key, codes)


def test_what_stands_beside_a_street_is_kept() -> None:
    beside = {
        written: (way.building, way.site)
        for written in ("PARK AVE BLDG A", "A RD CAR SPACE 4", "BOYCE RD 'NORTHERLY'")
        if (way := parse_street(written)) is not None
    }
    assert list(beside.values()) == [
        ("BUILDING A", None),
        ("CARSPACE 4", None),
        (None, "NORTHERLY"),
    ]
    assert parse_street(" .,") is None


def test_codes_are_those_of_gnaf() -> None:
    codes = {"STREET": "ST", "AVENUE": "AV", "CRESCENT": "CR", "BOULEVARD": "BVD"}
    assert codes.items() <= STREET_TYPE_CODES.items()
    assert len(STREET_TYPE_CODES) > 250
    suffixes = {"NORTH": "N", "CENTRAL": "CN", "EXTENSION": "EX", "LOWER": "LR"}
    assert {**suffixes, "UPPER": "UP"}.items() <= STREET_SUFFIX_CODES.items()
    assert set(STREET_TYPES.values()) == set(STREET_TYPE_CODES)
    # One code is not two types'.
    assert len(set(STREET_TYPE_CODES.values())) == len(STREET_TYPE_CODES)


@pytest.mark.parametrize(
    ("written", "number", "unit", "lot"),
    [
        ("12", "12", None, None),
        ("12 a", "12A", None, None),
        ("19-21", "19-21", None, None),
        ("21-19", "19-21", None, None),
        ("113-5", "113-115", None, None),
        ("12-12", "12", None, None),
        ("7&9", "7-9", None, None),
        ("12, 14, 16", "12-16", None, None),
        ("12A-C", "12A-C", None, None),
        ("5/14-16", "14-16", "5", None),
        ("VLLA12/170", "170", "12", None),
        ("9&10/38", "38", "9-10", None),
        ("SHOPS14,14", "14", "SHOP 14", None),
        ("APARTMENT2", None, "2", None),
        ("LOT10/6A", "6A", None, "10"),
        ("LOT1", None, None, "1"),
        ("LOTS2-3", None, None, "2-3"),
        ("LOT 4 DP11", None, None, "4"),
        ("LOT92/93/9", None, None, "92-93-9"),
        ("L4262", None, None, "4262"),
        ("RMB 123", "RMB123", None, None),
        ("D 1071", "D1071", None, None),
        ("191 -", "191", None, None),
        ("MILLPOST", None, None, None),
        ("", None, None, None),
    ],
)
def test_a_number_field_is_read(
    written: str, number: str | None, unit: str | None, lot: str | None
) -> None:
    found = parse_number(written)
    assert (found.number, found.unit) == (number, unit)
    if number is None:
        assert found.lot == lot
    assert all(note in PENALTIES for note in found.assumptions)


def test_a_range_has_bounds_to_compare() -> None:
    found = parse_number("19B-21C")
    assert (found.first, found.first_suffix) == (19, "B")
    assert (found.last, found.last_suffix) == (21, "C")
    assert (parse_number("12A").first, parse_number("12A").last) == (12, None)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("3", "3"),
        ("Unit 03 A", "3A"),
        ("U3", "3"),
        ("12 A", "12A"),
        ("A 12", "A12"),
        ("F2", "F2"),
        ("G01", "G1"),
        ("UG1", "UG1"),
        ("1-3", "1-3"),
        ("1 & 3", "1-3"),
        ("PH2", "PENTHOUSE 2"),
        ("PENTHOUSE", "PENTHOUSE"),
        ("SHOP G02", "SHOP G2"),
        ("SHOP 2 LEVEL 1", "SHOP 2 LEVEL 1"),
        ("MARINE BERTH 7", "BERTH 7"),
        ("Level 3", "LEVEL 3"),
        ("unit", None),
        ("0", None),
        ("", None),
    ],
)
def test_a_unit_field_is_read(written: str, key: str | None) -> None:
    flat = parse_flat(written)
    assert parse_unit(written) == (flat.key if flat else None) == key


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Mt. Druitt", "MOUNT DRUITT"),
        ("Saint Kilda", "ST KILDA"),
        ("BRIGHTON-LE-SANDS", "BRIGHTON LE SANDS"),
        ("K\u2019gari", "KGARI"),
        ("SILVERWATER (LIDCOMBE)", "SILVERWATER"),
        ("MAROUBRA NSW", "MAROUBRA"),
        ("Richmond 3121", "RICHMOND"),
        ("PT KEMBLA", "PORT KEMBLA"),
        ("PT COOK", "POINT COOK"),
        ("O Connor", "OCONNOR"),
        ("Albert Pk", "ALBERT PARK"),
    ],
)
def test_a_suburb_is_read(written: str, name: str) -> None:
    assert parse_locality(written) == name


def test_the_postcode_is_in_the_key_of_twins_alone() -> None:
    assert make_place("Richmond", "VIC", "3121").key == "VIC|RICHMOND"
    assert make_place("Richmond", "VIC", "9121").key == "VIC|RICHMOND"
    near, far = (make_place("Mayfield", "NSW", code) for code in ("2304", "2540"))
    assert (near.key, far.key) == ("NSW|MAYFIELD 2304", "NSW|MAYFIELD 2540")
    # Two postcodes of one place.
    one, other = (make_place("Back Creek", "NSW", code) for code in ("2390", "2390"))
    assert one == other
    joined = {make_place("Sherwood", "NSW", code).key for code in ("2450", "2474")}
    assert len(joined) == 2
    assert not make_place("Mayfield", "NSW", None).is_known


def test_tables_of_places_are_consistent() -> None:
    assert len(TWIN_PLACES) > 150
    for (state, name), marks in TWIN_PLACES.items():
        assert parse_locality(name) == name, name
        assert len(set(marks.values())) > 1, (state, name)
    for (postcode, name), state in BORDER_PLACES.items():
        assert parse_locality(name) == name
        assert make_place(name, None, postcode).state == state
    for (state, other), official in PLACE_ALIASES.items():
        assert (state, official) not in PLACE_ALIASES, "an alias of an alias"
        assert (
            make_place(other, state, None).key == make_place(official, state, None).key
        )


def test_keys_have_one_form() -> None:
    assert flat_key(None, None, None) == ""
    assert flat_key("BLOCK A", "3", "7") == "BLOCK A 3"
    assert flat_key(None, None, "7") == "LOT 7"
    assert address_key("VIC|X", "A STREET", "1-3", "2") == "VIC|X|A STREET|1-3|2"
    assert parcel_key(None, "5", "") == "|PARCEL|5|"
    assert text_key("VIC|X", "A") == "VIC|X|TEXT|A"


def psi(**parts: str | None) -> CanonicalAddress:
    given: dict[str, str | None] = {
        **dict.fromkeys(("unit", "house", "strata_lot")),
        "street": "BRIDGE ST",
        "locality": "SYDNEY",
        "postcode": "2000",
        "valuer_property_id": "2021000",
        **parts,
    }
    return canonical_psi(**given)  # type: ignore[arg-type]


def test_a_postcode_typed_wrong_is_the_same_home_for_the_valuer() -> None:
    assert psi(house="1").key == psi(house="1", postcode="2193").key
    assert psi(house="1").key == psi(house="1", postcode=None).key


def test_car_spaces_are_not_the_home_of_their_number() -> None:
    assert psi(house="1", unit="4").key != psi(house="1", unit="CAR SPACE 4").key
    assert psi(house="1", street="BRIDGE ST CARSPACE").key != psi(house="1").key
