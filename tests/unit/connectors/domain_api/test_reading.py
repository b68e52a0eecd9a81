"""Paging over results that shift, repeat and skip."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.domain_api.reading import MOST_ANSWERS, Reading, keys_of

DAY = datetime(2024, 6, 17)  # noqa: DTZ001 - the API writes local times


def keys(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last)]


def test_the_count_says_which_pages_to_ask_for() -> None:
    reading = Reading(10, 100)
    assert reading.wanted() == [1]
    reading.record(1, keys(0, 10), 34)
    assert reading.wanted() == [2, 3, 4]
    for page in (2, 3):
        reading.record(page, keys(page * 10 - 10, page * 10), 34)
    reading.record(4, keys(30, 34), 34)
    assert reading.wanted() == []
    assert reading.missing == 0


def test_a_full_last_page_has_a_page_after_it() -> None:
    reading = Reading(10, 100)
    reading.record(1, keys(0, 10), 20)
    reading.record(2, keys(10, 20), 20)
    assert reading.wanted() == [3]
    reading.record(3, [], 20)
    assert reading.wanted() == []


def test_without_a_count_only_an_empty_page_is_the_end() -> None:
    reading = Reading(10, 100)
    reading.record(1, keys(0, 10), None)
    assert reading.wanted() == [2]
    reading.record(2, keys(10, 13), None)
    assert reading.wanted() == [3]
    reading.record(3, [], None)
    assert reading.wanted() == []
    assert not reading.is_over_ceiling


def test_without_a_count_a_full_list_is_over_the_ceiling() -> None:
    reading = Reading(10, 30)
    for page in (1, 2, 3):
        reading.record(page, keys(page * 10 - 10, page * 10), None)
    assert reading.is_over_ceiling
    assert reading.wanted() == []


def test_a_repeated_page_is_read_again_with_its_twin() -> None:
    reading = Reading(10, 100)
    reading.record(1, keys(0, 10), 25)
    reading.record(2, keys(0, 10), 25)
    reading.record(3, keys(20, 25), 25)
    assert reading.wanted() == [1, 2]
    reading.record(1, keys(0, 10), 25)
    reading.record(2, keys(10, 20), 25)
    assert reading.wanted() == []


def test_a_total_that_changed_has_the_older_pages_read_again() -> None:
    """One result went, another slipped between two pages: the count alone fits."""
    reading = Reading(10, 100)
    reading.record(1, keys(0, 10), 30)
    reading.record(2, keys(11, 21), 29)  # result 3 is gone, 10 has moved to page 1
    reading.record(3, keys(21, 30), 29)
    assert reading.distinct == 29
    assert reading.wanted() == [1]


def test_a_count_that_is_never_reached_ends_unsettled() -> None:
    reading = Reading(10, 100)
    asked = 0
    while wanted := reading.wanted():
        for page in wanted:
            asked += 1
            found = {1: keys(0, 10), 2: keys(10, 15)}[page]
            reading.record(page, found, 17)
    assert reading.is_unsettled
    assert reading.missing == 2
    assert asked <= 2 * MOST_ANSWERS


def test_over_the_ceiling_pages_out_of_order_are_read_again() -> None:
    """There the last date says how to go on; a page from elsewhere must not decide."""
    reading = Reading(2, 6)
    days = [DAY + timedelta(days=number) for number in range(9)]
    reading.record(1, keys(0, 2), 9, days[0:2])
    reading.record(2, keys(6, 8), 9, days[6:8])
    reading.record(3, keys(4, 6), 9, days[4:6])
    assert reading.wanted() == [2, 3]
    reading.record(2, keys(2, 4), 9, days[2:4])
    reading.record(3, keys(4, 6), 9, days[4:6])
    assert reading.wanted() == []
    assert reading.shown.dates[-1] == days[5]
    assert not reading.is_disordered


def test_results_in_no_order_at_all_are_given_up_soon() -> None:
    reading = Reading(2, 6)
    asked = 0
    while wanted := reading.wanted():
        for page in wanted:
            asked += 1
            dates = [DAY - timedelta(days=page * 2), DAY - timedelta(days=page * 2 + 1)]
            reading.record(page, keys(page * 2, page * 2 + 2), 9, dates)
    assert reading.is_disordered
    assert asked <= 12


@settings(max_examples=40)
@given(
    count=st.integers(0, 240),
    seed=st.integers(0, 10_000),
    counted=st.booleans(),
    share=st.sampled_from([0.0, 0.1, 0.3]),
)
def test_whatever_repeats_every_result_is_found_or_missed_aloud(
    count: int, seed: int, counted: bool, share: float
) -> None:
    """A server that answers some pages with the page before."""
    luck = random.Random(seed)
    reading = Reading(20, 200)
    asked = 0
    while wanted := reading.wanted():
        for page in wanted:
            asked += 1
            shown = page - 1 if page > 1 and luck.random() < share else page
            last = min(shown * 20, count, 200)
            found = keys(min((shown - 1) * 20, last), last)
            reading.record(page, found, count if counted else None)
    assert asked <= 12 * MOST_ANSWERS
    if not reading.is_over_ceiling and not reading.is_unsettled:
        assert reading.distinct == count


@pytest.mark.parametrize(
    ("item", "key"),
    [
        ({"type": "PropertyListing", "listing": {"id": 7}}, "7"),
        ({"type": "Project", "project": {"id": 7}, "listings": []}, "project:7"),
        ({"listing": {}}, "unknown:0"),
        (None, "unknown:0"),
    ],
)
def test_results_are_told_apart_by_their_ids(item: object, key: str) -> None:
    assert keys_of([item]) == [key]
