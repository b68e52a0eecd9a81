"""What holds for any address: spellings agree, no text raises, display is stable."""

from __future__ import annotations

from uuid import uuid5

from hypothesis import example, given
from hypothesis import strategies as st

from domain.address_keys import PROPERTY_NAMESPACE, property_id_of
from domain.address_parts import (
    parse_flat,
    parse_locality,
    parse_number,
    parse_street,
    parse_unit,
)
from domain.address_text import canonical_line, canonical_text
from domain.localities import Gazetteer, PlaceRow
from domain.parcels import land_keys, parcel_keys
from domain.street_types import STREET_TYPE_CODES, STREET_TYPES

TOKENS = (
    "3 12 12A G01 U UNIT SHOP LOT LEVEL BLOCK A B / , - & SMITH ST THE ( ) CNR N O'"
)
any_text = st.text(max_size=60)
address_like = st.lists(st.sampled_from(TOKENS.split()), max_size=9).map(" ".join)

NAMES = ["SMITH", "OCEAN", "ST GEORGES", "MOUNT ALEXANDER", "OCONNELL", "FIRST"]
NAMES_SPELT = {
    "SMITH": ["Smith", "SMITH", "smith"],
    "OCEAN": ["Ocean", "ocean"],
    "ST GEORGES": ["St Georges", "Saint Georges", "St. George's", "ST GEORGES"],
    "MOUNT ALEXANDER": ["Mt Alexander", "Mount Alexander", "MT. ALEXANDER"],
    "OCONNELL": ["O'Connell", "OConnell", "O Connell", "O\u2019CONNELL"],
    "FIRST": ["First", "1st", "1ST"],
}
TYPES = ["STREET", "ROAD", "AVENUE", "CRESCENT", "BOULEVARD", "PLACE", "TERRACE"]
SUFFIXES = {"": [""], "NORTH": [" N", " North", " Nth"], "EAST": [" E", " East"]}
UNITS = ["{u}/", "Unit {u}, ", "U {u}/", "U{u}/", "Apt {u}/", "unit {u} ", "{u} / "]
PLACES = [
    ", Richmond VIC 3121",
    ", RICHMOND, Victoria, 3121",
    " Richmond VIC 3121",
    ", Richmond 3121",
    ", Richmond, VIC",
    ", Richmond Vic 3121, Australia",
]


def spelt(types: str) -> list[str]:
    return [word for word, canonical in STREET_TYPES.items() if canonical == types]


@st.composite
def two_spellings(draw: st.DrawFn) -> tuple[str, str]:
    """One address (unit, number or range, street, suburb), written twice."""
    unit = draw(st.sampled_from(["", "3", "12A", "G1", "101"]))
    first = draw(st.integers(1, 9999))
    last = draw(st.none() | st.integers(first + 1, first + 40))
    letter = draw(st.sampled_from(["", "A", "B"]))
    name = draw(st.sampled_from(NAMES))
    kind = draw(st.sampled_from(TYPES))
    suffix = draw(st.sampled_from(sorted(SUFFIXES)))

    def once() -> str:
        # `UG1` is a unit on the upper ground floor, not unit G1.
        words = (
            UNITS if unit.isdigit() else [word for word in UNITS if "U{" not in word]
        )
        front = draw(st.sampled_from(words)).format(u=unit) if unit else ""
        number = f"{first}{draw(st.sampled_from(['', ' ']) if letter else st.just(''))}"
        number += draw(st.sampled_from([letter, letter.lower()])) if letter else ""
        if last is not None:
            dash = draw(st.sampled_from(["-", " - ", "\u2013"]))
            number = f"{number}{dash}{last}"
        street = draw(st.sampled_from(NAMES_SPELT[name]))
        written = draw(st.sampled_from(spelt(kind)))
        tail = draw(st.sampled_from(SUFFIXES[suffix]))
        place = draw(st.sampled_from(PLACES))
        if tail in (" North", " East") and not place.startswith(","):
            tail = tail[:2]
        return f"{front}{number} {street} {written}{tail}{place}"

    return once(), once()


@given(two_spellings())
def test_all_spellings_of_one_address_share_a_key(pair: tuple[str, str]) -> None:
    one, other = (canonical_line(text) for text in pair)
    assert one.key_kind == other.key_kind == "address"
    assert one.key == other.key
    assert one.property_id == other.property_id == uuid5(PROPERTY_NAMESPACE, one.key)


@given(two_spellings())
def test_the_address_shown_is_a_fixed_point(pair: tuple[str, str]) -> None:
    found = canonical_line(pair[0])
    again = canonical_line(found.address)
    assert again.key == found.key
    assert again.address.split(",")[0] == found.address.split(",")[0]
    line, _, _ = found.address.rpartition(",")
    beside = canonical_text(line, locality="Richmond", state="VIC", postcode="3121")
    assert beside.key == found.key


@given(any_text | address_like)
@example("3/")
@example("UNIT")
@example("LOT")
@example("()")
@example("'\"")
@example("\u0130\u00df\u2460")
def test_no_text_raises_or_changes_its_mind(text: str) -> None:
    found = canonical_line(text)
    assert found == canonical_line(text)
    assert 0 < found.confidence <= 1
    assert not set("\t\n\r") & set(found.key + found.address)
    for read in (parse_street, parse_number, parse_unit, parse_flat, parse_locality):
        read(text)
    parcel_keys(text)
    land_keys(text)


@given(address_like)
def test_what_is_identified_by_its_text_stays_so_when_shown(text: str) -> None:
    found = canonical_text(text, locality="Richmond", state="VIC", postcode="3121")
    if found.key_kind != "address" or found.building_name:
        return
    # Words in no order are no street: `3 A UNIT`, `3 UNIT UNIT 3`, `3 & G01 ST`.
    words = (found.street_name or "").split()
    if found.street_type is None or not set(words) <= {"SMITH", "THE", "ST", "&"}:
        return
    line, _, _ = found.address.rpartition(",")
    again = canonical_text(line, locality="Richmond", state="VIC", postcode="3121")
    assert again.key == found.key


@given(any_text, st.sampled_from([None, "VIC", "x"]), st.sampled_from([None, "3121"]))
def test_no_place_raises(name: str, state: str | None, postcode: str | None) -> None:
    gazetteer = Gazetteer([PlaceRow("Richmond", "VIC", "3121", -37.8, 145.0)])
    found = gazetteer.resolve(name, state, postcode)
    assert 0 < found.confidence <= 1
    assert (found.locality_id is None) == (found.postcodes == ())


@given(st.text(max_size=80))
def test_the_fast_id_is_that_of_the_standard_library(key: str) -> None:
    assert property_id_of(key) == uuid5(PROPERTY_NAMESPACE, key)


@given(st.sampled_from(sorted(STREET_TYPE_CODES)), st.sampled_from(NAMES))
def test_a_type_and_its_code_are_one(kind: str, name: str) -> None:
    code = STREET_TYPE_CODES[kind]
    by_word = parse_street(f"{name} {kind}")
    assert by_word is not None
    if code in STREET_TYPES:
        by_code = parse_street(f"{name} {code}")
        assert by_code is not None
        assert by_code.key == by_word.key
        assert by_code.type_code == code
