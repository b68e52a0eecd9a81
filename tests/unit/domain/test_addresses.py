from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.address_text import canonical_text
from domain.addresses import PROPERTY_NAMESPACE, CanonicalAddress, canonical_psi


def text(address: str, **place: str | None) -> CanonicalAddress:
    where = {"locality": "St Kilda", "state": "VIC", "postcode": "3182", **place}
    return canonical_text(
        address,
        locality=where["locality"],
        state=where["state"],
        postcode=where["postcode"],
    )


def psi(**parts: str | None) -> CanonicalAddress:
    given_parts: dict[str, str | None] = {
        "unit": None,
        "house": "38",
        "street": "BRIDGE ST",
        "locality": "SYDNEY",
        "postcode": "2000",
        "strata_lot": None,
        "valuer_property_id": "2021000",
        **parts,
    }
    return canonical_psi(**given_parts)


@pytest.mark.parametrize(
    ("written", "front"),
    [
        ("3/12 Smith St", "SMITH STREET|12|3"),
        ("U 3/12 Smith St", "SMITH STREET|12|3"),
        ("U3/12 Smith St.", "SMITH STREET|12|3"),
        ("Unit 3, 12 Smith St", "SMITH STREET|12|3"),
        ("unit 3 12 smith street", "SMITH STREET|12|3"),
        ("Shop 3/12 Smith St", "SMITH STREET|12|SHOP 3"),
        ("12 Smith St Unit 3", "SMITH STREET|12|3"),
        ("Oak House, 3/12 Smith St", "SMITH STREET|12|3"),
        ("3 / 12 SMITH STREET", "SMITH STREET|12|3"),
        ("12 Smith St, Carlton", "SMITH STREET|12|"),
        ("68a Park St", "PARK STREET|68A|"),
        ("68 A Park St", "PARK STREET|68A|"),
        ("7 & 9 Oak Rd", "OAK ROAD|7-9|"),
        ("19-21 High St", "HIGH STREET|19-21|"),
        ("19 - 21 High St", "HIGH STREET|19-21|"),
        ("LOT 4A Smith St", "SMITH STREET|LOT 4A|"),
        ("Lot 4A, 12 Smith St", "SMITH STREET|12|"),
        ("12 Ocean St S", "OCEAN STREET SOUTH|12|"),
        ("12 Ocean St South", "OCEAN STREET SOUTH|12|"),
        ("12 Saint Georges Rd", "ST GEORGES ROAD|12|"),
        ("12 St Georges Rd", "ST GEORGES ROAD|12|"),
        ("4/19-21 Mt Alexander Rd", "MOUNT ALEXANDER ROAD|19-21|4"),
        ("5 A St", "A STREET|5|"),
        ("12 The Cres", "THE CRESCENT|12|"),
        ("1 Broadway", "BROADWAY|1|"),
        ("1 Tower St", "TOWER STREET|1|"),
        ("B106 Smith St", "SMITH STREET|B106|"),
        ("1 O'Hara Av", "OHARA AVENUE|1|"),
    ],
)
def test_spellings_of_one_address_share_a_key(written: str, front: str) -> None:
    found = text(written)
    assert found.key == f"VIC|ST KILDA|{front}"
    assert found.key_kind == "address"


@pytest.mark.parametrize(
    "written", ["", "Smith St", "Address withheld", "Cnr Smith & Jones St", "12"]
)
def test_text_without_a_home_identifies_nothing(written: str) -> None:
    found = text(written)
    assert found.key_kind == "non_identifying"
    assert found.confidence < 0.5


def test_suburb_spellings_and_float_postcode_meet() -> None:
    one = text("1 High St", locality="Saint  Kilda", state="vic", postcode="3182.0")
    other = text("1 High St", locality="ST. KILDA", state="Victoria")
    assert one.property_id == other.property_id
    assert text("1 High St", locality="Mt Eliza").locality == "MOUNT ELIZA"


def test_state_follows_from_the_postcode_only_when_no_source_says() -> None:
    assumed = text("1 High St", state=None, postcode="0800")
    assert (assumed.state, assumed.postcode) == ("NT", "0800")
    assert "state_from_postcode" in assumed.assumptions
    border = psi(locality="JENNINGS", postcode="4383")
    assert (border.state, border.postcode) == ("NSW", "4383")


def test_psi_and_free_text_give_one_home_one_id() -> None:
    from_psi = psi(unit="906", house="38 A")
    from_text = text(
        "906/38a Bridge Street", locality="Sydney", state="NSW", postcode="2000"
    )
    assert from_psi.property_id == from_text.property_id
    assert from_psi.property_id == uuid.uuid5(PROPERTY_NAMESPACE, from_psi.key)
    assert from_psi.address == "906/38A Bridge Street, Sydney NSW 2000"


def test_strata_lot_tells_homes_apart_where_no_unit_number_does() -> None:
    lots = {psi(strata_lot=lot).property_id for lot in ("1", "2")}
    assert len(lots) == 2
    assert psi(strata_lot="1").lot_number == "1"
    # A unit number is the better name; its lot may be a car space of the same home.
    assert psi(unit="5", strata_lot="1").key == psi(unit="5", strata_lot="40").key


def test_without_number_or_street_the_parcel_is_the_identity() -> None:
    numberless = psi(house=None)
    assert numberless.key_kind == "parcel"
    assert numberless.key == psi(house="MILLPOST", street=None).key
    assert numberless.key != psi(house=None, valuer_property_id="1").key
    assert psi(house=None, valuer_property_id=None).key_kind == "non_identifying"


@pytest.mark.parametrize(
    ("house", "number", "unit"),
    [
        ("55 A", "55A", None),
        ("5/14-16", "14-16", "5"),
        ("D 1071", "D1071", None),
        ("191 -", "191", None),
        ("2 40", "40", "2"),
        ("007", "7", None),
    ],
)
def test_psi_house_numbers(house: str, number: str, unit: str | None) -> None:
    found = psi(house=house)
    assert (found.street_number, found.unit_number) == (number, unit)


def test_building_behind_the_street_keeps_towers_apart() -> None:
    towers = {psi(unit="1", street=f"PARK AVE BLOCK {block}").key for block in "AB"}
    assert len(towers) == 2
    assert all("PARK AVENUE" in key for key in towers)


anything = st.one_of(st.none(), st.text(max_size=40))


@given(anything, anything, anything, anything)
def test_any_text_has_an_identity_that_never_changes(
    address: str | None, locality: str | None, state: str | None, postcode: str | None
) -> None:
    first = canonical_text(address, locality=locality, state=state, postcode=postcode)
    again = canonical_text(address, locality=locality, state=state, postcode=postcode)
    assert first == again
    assert 0 < first.confidence <= 1
    assert not set("\t\n\r") & set(first.key + first.address)


@given(anything, anything, anything, anything, anything, anything)
def test_any_psi_parts_have_an_identity(
    unit: str | None,
    house: str | None,
    street: str | None,
    locality: str | None,
    postcode: str | None,
    lot: str | None,
) -> None:
    found = psi(
        unit=unit,
        house=house,
        street=street,
        locality=locality,
        postcode=postcode,
        strata_lot=lot,
    )
    assert found.state == "NSW"
    assert found.key_kind in ("address", "parcel")


@given(st.integers(1, 99_999), st.integers(1, 999), st.sampled_from("ABC "))
def test_canonical_text_is_a_fixed_point(number: int, unit: int, letter: str) -> None:
    first = text(f"{unit}/{number}{letter.strip()} Ocean St S")
    street_line = first.address.split(",", 1)[0]
    assert text(street_line).key == first.key
