"""Redirects and reviews in the warehouse: full runs, increments, people, crashes."""

from __future__ import annotations

import random

import psycopg
import pytest

from assets.resolution import resolve_homes
from benchmarks.labelled_set import gather, judge
from simulator.labelled_addresses import LabelledAddress, labelled_addresses
from tests.linkage_samples import plant, redirects, remembered, reviews


@pytest.fixture(scope="module")
def market() -> list[LabelledAddress]:
    return list(labelled_addresses(5, 700))


def test_a_run_puts_homes_together_and_a_second_finds_nothing_to_do(
    conn: psycopg.Connection, market: list[LabelledAddress]
) -> None:
    plant(conn, market)
    first = resolve_homes(conn)
    assert first.kind == "full"
    labelled = gather(market)
    everything, residual = judge(labelled, redirects(conn))
    exact, _ = judge(labelled, {})
    assert everything.recall > exact.recall
    assert everything.precision > 0.99
    assert residual.right_pairs > 0
    before = redirects(conn), reviews(conn), remembered(conn)
    assert resolve_homes(conn).kind == "unchanged"
    again = resolve_homes(conn, full=True)
    assert (again.redirects_changed, again.reviews_changed) == (0, 0)
    assert (redirects(conn), reviews(conn), remembered(conn)) == before


@pytest.mark.parametrize("order", [1, 2])
def test_shuffled_increments_agree_with_one_full_run(
    conn: psycopg.Connection, market: list[LabelledAddress], order: int
) -> None:
    shuffled = market.copy()
    random.Random(order).shuffle(shuffled)
    cuts = [0, 300, 310, 700, 1100, len(shuffled)]
    kinds = []
    for number in range(len(cuts) - 1):
        plant(conn, shuffled[cuts[number] : cuts[number + 1]], f"batch {number}")
        kinds.append(resolve_homes(conn).kind)
    assert kinds == ["full", *["increment"] * 4]
    grown = redirects(conn), reviews(conn), remembered(conn)
    done = resolve_homes(conn, full=True)
    assert (redirects(conn), reviews(conn), remembered(conn)) == grown
    assert (done.redirects_changed, done.reviews_changed) == (0, 0)
