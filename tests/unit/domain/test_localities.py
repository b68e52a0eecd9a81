from __future__ import annotations

import pytest

from domain.address_places import make_place
from domain.localities import Gazetteer, PlaceRow, gazetteer_of

ROWS = [
    PlaceRow("RICHMOND", "VIC", "3121", -37.82, 145.0),
    PlaceRow("RICHMOND", "NSW", "2753", -33.6, 150.75),
    PlaceRow("NORTH RYDE", "NSW", "2113", -33.79, 151.13),
    PlaceRow("NORTH RYDE", "NSW", "1670", -33.79, 151.13),
    PlaceRow("LIDCOMBE", "NSW", "2141", -33.87, 151.04),
    PlaceRow("MAYFIELD", "NSW", "2304", -32.9, 151.74),
    PlaceRow("MAYFIELD", "NSW", "2540", -35.0, 150.6),
    PlaceRow("JENNINGS", "NSW", "4383", -28.94, 151.97),
    PlaceRow("COOLANGATTA", "NSW", "2535", -34.76, 150.68),
    PlaceRow("COOLANGATTA", "QLD", "4225", -28.17, 153.53),
    PlaceRow("K'GARI", "QLD", "4581", -25.51, 153.12),
    PlaceRow("WOOLLOOMOOLOO", "NSW", "2011", None, None),
    PlaceRow("COOGEE", "NSW", "2034", -33.9, 151.26),
]
GAZETTEER = Gazetteer(ROWS)


@pytest.mark.parametrize(
    ("asked", "found", "note"),
    [
        (("Richmond", "VIC", "3121"), "VIC|RICHMOND", None),
        (("Richmond", None, "3121"), "VIC|RICHMOND", "state_from_postcode"),
        (("Richmond", "VIC", "3122"), "VIC|RICHMOND", "postcode_of_neighbour"),
        (("Richmond", "VIC", None), "VIC|RICHMOND", "postcode_missing"),
        (("Richmond", None, None), None, "locality_ambiguous"),
        (("Ryde North", "NSW", "2113"), "NSW|RYDE NORTH", None),
        (("Nth Ryde", "NSW", "1670"), "NSW|RYDE NORTH", None),
        (("Mayfield", "NSW", "2304"), "NSW|MAYFIELD 2304", None),
        (("Mayfield", "NSW", "2303"), "NSW|MAYFIELD 2304", "postcode_of_neighbour"),
        (("Mayfield", "NSW", None), None, "locality_ambiguous"),
        (("Jennings", "QLD", "4383"), "NSW|JENNINGS", "state_of_border_place"),
        (("Coolangatta", "NSW", "4225"), "QLD|COOLANGATTA", "state_of_neighbour"),
        (("Coolangatta", "NSW", "2535"), "NSW|COOLANGATTA", None),
        (("Fraser Island", "QLD", "4581"), "QLD|KGARI", "locality_alias"),
        (("Lidcmobe", "NSW", "2141"), "NSW|LIDCOMBE", "locality_spelling"),
        (("Coogie", "NSW", "2034"), "NSW|COOGEE", "locality_spelling"),
        (
            ("Woolloomoloo", "NSW", None),
            "NSW|WOOLLOOMOOLOO",
            "locality_spelling_in_state",
        ),
        (("Jennings", None, None), "NSW|JENNINGS", "state_from_locality"),
        (("Nowhere", "NSW", "2141"), None, "locality_unknown"),
        ((None, None, None), None, "locality_unknown"),
    ],
)
def test_a_place_is_found(
    asked: tuple[str | None, str | None, str | None],
    found: str | None,
    note: str | None,
) -> None:
    place = GAZETTEER.resolve(*asked)
    assert place.locality_id == found
    assert note is None or note in place.assumptions
    assert (place.confidence == 1.0) == (not place.assumptions)
    assert (place.confidence < 0.5) == (found is None)


def test_one_place_has_one_identity_under_all_its_postcodes() -> None:
    found = {GAZETTEER.resolve("North Ryde", "NSW", c) for c in ("2113", None)}
    assert {place.locality_id for place in found} == {"NSW|RYDE NORTH"}
    # The postcode of homes comes before that of boxes.
    assert {place.postcode for place in found} == {"2113"}
    assert GAZETTEER.resolve("North Ryde", "NSW", "1670").postcode == "1670"
    assert GAZETTEER.resolve("North Ryde", "NSW", None).postcodes == ("2113", "1670")


def test_ids_of_places_are_the_places_of_keys() -> None:
    for row in ROWS:
        place = make_place(row.locality, row.state, row.postcode)
        assert GAZETTEER.resolve(*row[:3]).locality_id == place.key


def test_order_of_rows_does_not_matter() -> None:
    turned = Gazetteer(reversed(ROWS))
    for row in ROWS:
        assert turned.resolve(*row[:3]) == GAZETTEER.resolve(*row[:3])


def test_rows_of_a_database_will_do() -> None:
    given = [row._asdict() for row in ROWS]
    assert len(gazetteer_of(given)) == len(GAZETTEER) == 12
    assert GAZETTEER.knows("Ryde North", "NSW")
    assert not GAZETTEER.knows("Ryde North", "VIC")
    assert GAZETTEER.knows("RICHMOND", None)
