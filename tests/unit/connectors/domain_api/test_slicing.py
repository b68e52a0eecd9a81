"""Splitting queries: the parts cover the whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.domain_api.slicing import (
    DIMENSIONS,
    STATES,
    Shown,
    listed_at,
    reads_on,
    search_name,
    split,
)

SALE = {"listingType": "Sale"}
DAY = datetime(2024, 6, 17, 10, 0)  # noqa: DTZ001 - the API writes local times


def shown(*dates: datetime | None, states: str = "", counted: bool = True) -> Shown:
    return Shown(dates, frozenset(states.split()), is_counted=counted)


def parts(query: dict[str, Any], dimension: str, **options: Any) -> list[Any]:
    found, _ = split(query, (dimension,), shown(*options.get("dates", [DAY])))
    return list(found.queries) if found else []


def test_a_search_of_the_country_is_split_by_state_and_one_place_by_date() -> None:
    found, left = split(SALE, DIMENSIONS, shown(DAY))
    assert found is not None
    assert [query["locations"] for query in found.queries] == [
        [{"state": state}] for state in STATES
    ]
    assert left == ("elsewhere", "listed", "price", "rooms")
    one = {**SALE, "locations": [{"suburb": "Manly", "state": "NSW"}]}
    found, left = split(one, DIMENSIONS, shown(DAY))
    assert found is not None
    assert found.dimension == "listed"
    assert left[0] == "listed"


def test_the_states_seen_come_first_and_the_others_if_the_count_asks_for_them() -> None:
    seen = shown(DAY, states="NSW VIC NZ")
    found, left = split(SALE, DIMENSIONS, seen)
    assert found is not None
    assert [q["locations"][0]["state"] for q in found.queries] == ["NSW", "VIC"]
    found, left = split(SALE, left, seen)
    assert found is not None
    others = {q["locations"][0]["state"] for q in found.queries}
    assert others == set(STATES) - {"NSW", "VIC"}
    assert left == ("listed", "price", "rooms")
    # Without a count nobody would ask for the others.
    found, _ = split(SALE, DIMENSIONS, shown(DAY, states="NSW", counted=False))
    assert found is not None
    assert len(found.queries) == len(STATES)


def test_named_places_are_searched_one_by_one() -> None:
    places = [{"postCode": "2095"}, {"postCode": "2096"}]
    found = parts({**SALE, "locations": places}, "place")
    assert [query["locations"] for query in found] == [[place] for place in places]


def test_the_rest_begins_a_second_before_the_last_listing_in_its_own_words() -> None:
    dates = [DAY, DAY + timedelta(hours=3)]
    (rest,) = parts(SALE, "listed", dates=dates)
    assert rest["listedSince"] == "2024-06-17T12:59:59"
    aware = [date.replace(tzinfo=UTC) for date in dates]
    (rest,) = parts(SALE, "listed", dates=aware)
    assert rest["listedSince"] == "2024-06-17T12:59:59+00:00"


def test_dates_that_lead_no_further_give_way_to_prices() -> None:
    stuck = {**SALE, "listedSince": (DAY - timedelta(seconds=1)).isoformat()}
    found, left = split(stuck, ("listed", "price"), shown(DAY, DAY))
    assert found is not None
    assert found.dimension == "price"
    assert left == ("price",)


def test_without_a_count_undated_results_are_not_split_by_date() -> None:
    found, _ = split(SALE, ("listed",), shown(DAY, None, counted=False))
    assert found is None
    found, _ = split(SALE, ("listed",), shown(DAY, None))
    assert found is not None


@pytest.mark.parametrize("listing_type", ["Sale", "Rent"])
@settings(max_examples=30)
@given(price=st.integers(0, 40_000_000))
def test_every_price_is_in_a_band_however_deep(price: int, listing_type: str) -> None:
    """Also where bounds should turn out to be exclusive at one end."""
    query: dict[str, Any] = {"listingType": listing_type}
    for _ in range(70):
        inside = [
            part
            for part in parts(query, "price")
            if part.get("minPrice", 0) <= price <= part.get("maxPrice", 1 << 40)
        ]
        if not inside:
            assert not parts(query, "price")
            return
        half_open = [
            part
            for part in parts(query, "price")
            if part.get("minPrice", -1) < price <= part.get("maxPrice", 1 << 40)
        ]
        assert half_open or price == query.get("minPrice", -1)
        query = inside[0]
    raise AssertionError(f"no end: {query}")


@settings(max_examples=30)
@given(rooms=st.integers(0, 60))
def test_every_number_of_bedrooms_is_in_one_part(rooms: int) -> None:
    inside = [
        part
        for part in parts(SALE, "rooms")
        if part["minBedrooms"] <= rooms <= part.get("maxBedrooms", 99)
    ]
    assert len(inside) == 1


def test_only_dates_need_everything_read_first() -> None:
    assert not reads_on(SALE, DIMENSIONS)
    assert reads_on({**SALE, "locations": [{"state": "NSW"}]}, DIMENSIONS)
    assert not reads_on(SALE, ("price",))
    assert reads_on(SALE, ())


def test_a_search_keeps_its_name_in_any_order_of_words() -> None:
    one = {"listingType": "Sale", "locations": [{"state": "NSW", "suburb": "Manly"}]}
    other = {"locations": [{"suburb": "Manly", "state": "NSW"}], "listingType": "Sale"}
    assert search_name(one) == search_name(other)
    assert search_name(one) != search_name(SALE)


@pytest.mark.parametrize(
    ("item", "when"),
    [
        ({"listing": {"dateListed": "2024-06-17T10:00:00"}}, DAY),
        ({"listing": {"dateListed": "soon"}}, None),
        ({"listing": {}}, None),
        (
            {
                "project": {},
                "listings": [
                    {"dateListed": "2024-06-18T10:00:00"},
                    {"dateListed": "2024-06-17T10:00:00"},
                ],
            },
            DAY,
        ),
        (
            {
                "listings": [
                    {"dateListed": "2024-06-17T10:00:00"},
                    {"dateListed": "2024-06-17T10:00:00Z"},
                ]
            },
            None,
        ),
        ("nonsense", None),
    ],
)
def test_a_project_is_dated_by_its_first_listing(
    item: object, when: datetime | None
) -> None:
    assert listed_at(item) == when
