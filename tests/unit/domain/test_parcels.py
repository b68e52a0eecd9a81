from __future__ import annotations

import pytest

from domain.parcels import Parcel, land_keys, parcel_keys, parse_parcels


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("1/838891", ["DP838891|1"]),
        ("B//377186", ["DP377186|B"]),
        ("15/39/758002", ["DP758002|15/39"]),
        ("35/A/4528", ["DP4528|35/A"]),
        ("47/SP57860", ["SP57860|47"]),
        ("2//SP 40636", ["SP40636|2"]),
        ("15, 16/11/1996", ["DP1996|15/11", "DP1996|16/11"]),
        ("82, 83/585339", ["DP585339|82", "DP585339|83"]),
        ("9/193531 1/1016566", ["DP193531|9", "DP1016566|1"]),
        ("1/838891 2/SP57860", ["DP838891|1", "SP57860|2"]),
        ("1, 2, CP//SP 64543", ["SP64543|1", "SP64543|2", "SP64543|CP"]),
        ("PT 1580/757298", ["DP757298|1580"]),
        ("11/254024 PT 49, 66/750003", ["DP254024|11", "DP750003|49", "DP750003|66"]),
        ("432/1029900 Enclosure Permit 408979", ["DP1029900|432"]),
        ("5039/757298 Western Land Lease 13355", ["DP757298|5039"]),
        ("39/14270 SPLCNR", ["DP14270|39"]),
        ("001/0838891", ["DP838891|1"]),
        ("1/838891 1/838891", ["DP838891|1"]),
        ("1//DP838891", ["DP838891|1"]),
        ("Lot 3 on PS 401234V", ["PS401234V|3"]),
        ("1\\PS401234", ["PS401234|1"]),
        ("3/18.52X71.09/86.61", []),
        ("Road Permit 298", []),
        ("PT LOT 41 VO 4557 FO 249", []),
        ("", []),
    ],
)
def test_every_lot_of_a_description_has_a_key(written: str, keys: list[str]) -> None:
    assert parcel_keys(written) == tuple(f"NSW|{key}" for key in keys)


def test_a_strata_lot_is_a_dwelling_on_the_land_of_its_scheme() -> None:
    assert land_keys("1, 2, CP//SP 64543") == ("NSW|SP64543",)
    assert land_keys("7, 8/7/7634") == ("NSW|DP7634|7/7", "NSW|DP7634|8/7")
    strata, torrens = parse_parcels("47/SP57860 1/838891")
    assert (strata.is_strata, torrens.is_strata) == (True, False)


def test_a_part_of_a_lot_is_marked_and_shares_its_key() -> None:
    part, whole = parse_parcels("PT 5/123 6/123")
    assert (part.is_part, whole.is_part) == (True, False)
    assert part.key == Parcel("NSW", "DP123", "5").key


def test_another_state_has_keys_of_its_own() -> None:
    assert parcel_keys("1/PS401234", state="VIC") == ("VIC|PS401234|1",)
