"""Australian patterns: every accepted form, every rule, and nothing that raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.australia import (
    BORDER_POSTCODES,
    POSTCODE_RANGES,
    STATE_NAMES,
    STATES,
    abn_text,
    check_abn,
    check_coordinates,
    check_phone,
    check_postcode,
    parse_lot_plan,
    phone_e164,
    postcode_state,
    postcode_text,
    state_code,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nsw", "NSW"),
        ("Vic", "VIC"),
        ("Vic.", "VIC"),
        (" N.S.W. ", "NSW"),
        ("A.C.T", "ACT"),
        ("western  australia", "WA"),
        ("Australian Capital Territory", "ACT"),
        ("Queensland", "QLD"),
        ("", None),
        ("New Zealand", None),
        ("NSWX", None),
    ],
)
def test_states_are_read_in_any_spelling(text: str, code: str | None) -> None:
    assert state_code(text) == code


@given(st.sampled_from(sorted(STATE_NAMES.items())), st.data())
def test_case_and_space_around_a_state_do_not_matter(
    state: tuple[str, str], data: st.DataObject
) -> None:
    code, name = state
    text = data.draw(st.sampled_from([code, name]))
    cased = "".join(
        data.draw(st.sampled_from([letter.upper(), letter.lower()])) for letter in text
    )
    assert state_code(f"  {cased}\t") == code


@pytest.mark.parametrize(
    ("text", "postcode"),
    [
        ("2000", "2000"),
        ("800", "0800"),
        ("800.0", "0800"),
        (" 3067 ", "3067"),
        ("0200", "0200"),
        ("67", None),
        ("30670", None),
        ("3067.5", None),
        ("N/A", None),
        ("٣٠٦٧", None),
    ],
)
def test_postcodes_are_text_of_four_digits(text: str, postcode: str | None) -> None:
    assert postcode_text(text) == postcode


@pytest.mark.parametrize(
    ("postcode", "state"),
    [
        ("0200", "ACT"),
        ("0800", "NT"),
        ("1001", "NSW"),
        ("2599", "NSW"),
        ("2600", "ACT"),
        ("2618", "ACT"),
        ("2619", "NSW"),
        ("2900", "ACT"),
        ("2921", "NSW"),
        ("3999", "VIC"),
        ("8001", "VIC"),
        ("9726", "QLD"),
        ("5950", "SA"),
        ("6799", "WA"),
        ("7000", "TAS"),
        ("0100", None),
        ("0300", None),
        ("20", None),
    ],
)
def test_postcodes_belong_to_states(postcode: str, state: str | None) -> None:
    assert postcode_state(postcode) == state


@pytest.mark.parametrize(
    ("postcode", "state", "rule", "is_certain"),
    [
        ("2000", "NSW", None, None),
        ("2000", None, None, None),
        ("2620", "ACT", "postcode_across_border", False),
        ("0872", "WA", "postcode_across_border", False),
        ("3067", "NSW", "postcode_not_of_state", True),
        ("2600", "NSW", "postcode_not_of_state", True),
        ("0500", "NT", "postcode_unknown", True),
        ("800", "NT", "postcode_unreadable", True),
    ],
)
def test_a_postcode_is_judged_against_its_state(
    postcode: str, state: str | None, rule: str | None, is_certain: bool | None
) -> None:
    found = check_postcode(postcode, state)
    assert (found and found.rule_id) == rule
    assert (found and found.is_certain) == is_certain


@given(st.integers(0, 9999), st.sampled_from(STATES))
def test_each_postcode_is_right_for_one_state_at_most(number: int, state: str) -> None:
    postcode = f"{number:04}"
    found = check_postcode(postcode, state)
    right = any(
        first <= number <= last and owner == state
        for first, last, owner in POSTCODE_RANGES
    )
    assert (found is None) == right
    if found is not None and not found.is_certain:
        assert (postcode, state) in BORDER_POSTCODES


@pytest.mark.parametrize(
    ("latitude", "longitude", "rule"),
    [
        (-33.8688, 151.2093, None),
        (-9.24, 142.3, None),  # Boigu Island, Torres Strait
        (-43.64, 146.83, None),  # South East Cape, Tasmania
        (-29.03, 167.95, None),
        (-31.55, 159.08, None),
        (-10.45, 105.69, None),
        (-12.19, 96.83, None),
        (0.0, 0.0, "coordinates_zero"),
        (151.2093, -33.8688, "coordinates_swapped"),
        (33.8688, 151.2093, "latitude_positive"),
        (-36.85, 174.76, "coordinates_outside"),  # Auckland
        (-8.55, 125.57, "coordinates_outside"),  # Dili
        (-33.8688, 0.0, "coordinates_outside"),
        (-68.58, 77.97, "coordinates_outside"),  # Davis, Antarctica
        (float("nan"), 151.2, "coordinates_outside"),
        (float("inf"), 151.2, "coordinates_outside"),
    ],
)
def test_points_lie_in_australia_or_say_why_not(
    latitude: float, longitude: float, rule: str | None
) -> None:
    found = check_coordinates(latitude, longitude)
    assert (found and found.rule_id) == rule


@given(st.floats(), st.floats())
def test_any_point_is_judged(latitude: float, longitude: float) -> None:
    found = check_coordinates(latitude, longitude)
    assert found is None or found.reason


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("1/838891", "1//DP838891"),
        ("PT 1/838891", "1//DP838891"),
        ("12/SP57860", "12//SP57860"),
        ("15/11/1996", "15/11/DP1996"),
        ("1//DP838891", "1//DP838891"),
        ("7/A/DP1234", "7/A/DP1234"),
        ("CP/SP57860", "//SP57860"),
        ("//SP57860", "//SP57860"),
        ("lot 3 on ps 401234v", "3//PS401234V"),
        ("Lot 12 DP 3456", "12//DP3456"),
        ("LOT 1 SECTION 4 DP 758", "1/4/DP758"),
        ("12RP45678", "12//RP45678"),
        ("2\\LP12345", "2//LP12345"),
        ("1/00838891", "1//DP838891"),
        ("", None),
        ("1", None),
        ("15, 16/11/1996", None),
        ("Western Land Lease", None),
        ("Of the part formerly in 1/794727", None),
        ("1/DP", None),
        ("1/2/3/4", None),
    ],
)
def test_parcels_are_read_as_lot_section_and_plan(
    text: str, normal: str | None
) -> None:
    found = parse_lot_plan(text)
    assert (found and found.text) == normal


@given(st.text(max_size=40))
def test_a_parcel_in_normal_form_is_read_as_itself(text: str) -> None:
    found = parse_lot_plan(text)
    if found is not None:
        assert parse_lot_plan(found.text) == found


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("51 824 753 556", None),  # the example of the Australian Business Register
        ("53004085616", None),
        ("51 824 753 557", "abn_checksum_wrong"),
        ("15 824 753 556", "abn_checksum_wrong"),
        ("00000000000", "abn_checksum_wrong"),
        ("824 753 556", "abn_unreadable"),
        ("ABN", "abn_unreadable"),
        ("", "abn_unreadable"),
    ],
)
def test_abns_are_checked_by_their_digits(text: str, rule: str | None) -> None:
    found = check_abn(text)
    assert (found and found.rule_id) == rule


@given(st.integers(0, 10), st.integers(0, 9))
def test_one_wrong_digit_of_an_abn_is_noticed(at: int, digit: int) -> None:
    good = "51824753556"
    wrong = good[:at] + str(digit) + good[at + 1 :]
    assert (check_abn(wrong) is None) == (wrong == good)
    assert abn_text(wrong) == wrong


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("(02) 9999 9999", "+61299999999"),
        ("02 9999 9999", "+61299999999"),
        ("03-9123.4567", "+61391234567"),
        ("0412 345 678", "+61412345678"),
        ("+61 412 345 678", "+61412345678"),
        ("+61 (0)2 9999 9999", "+61299999999"),
        ("0061 2 9999 9999", "+61299999999"),
        ("0011 61 2 9999 9999", "+61299999999"),
        ("61 2 9999 9999", "+61299999999"),
        ("1300 123 456", "+611300123456"),
        ("1800 123 456", "+611800123456"),
        ("13 12 34", "+61131234"),
        ("07 3333 4444 ext. 12", "+61733334444"),
        ("9999 9999", None),
        ("+64 9 555 1234", None),
        ("0999 999 999", None),
        ("0412 345 67", None),
        ("call me", None),
        ("", None),
    ],
)
def test_phones_get_their_international_form(text: str, normal: str | None) -> None:
    assert phone_e164(text) == normal
    assert (check_phone(text) is None) == (normal is not None)


@given(st.text(alphabet="0123456789+() -.ext/", max_size=24))
def test_an_international_form_is_its_own_form(text: str) -> None:
    normal = phone_e164(text)
    if normal is not None:
        assert phone_e164(normal) == normal


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    state_code(text)
    postcode_text(text)
    postcode_state(text)
    check_postcode(text, "NSW")
    check_abn(text)
    check_phone(text)
    parse_lot_plan(text)
