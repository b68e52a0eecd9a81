"""The repair of vertical equity: what it does, what it costs, who decides."""

from __future__ import annotations

import numpy as np
import pytest

from ml import equity, evaluation
from ml.equity import EquityPolicy, Stretch


def drawn_to_the_middle(
    keep: float, noise: float = 0.1, n: int = 4_000
) -> tuple[equity.Floats, equity.Floats]:
    """Prices, and estimates that keep so much of their distance from the middle."""
    rng = np.random.default_rng(5)
    log = rng.normal(13.5, 0.5, n)
    estimate = 13.5 + keep * (log - 13.5) + rng.normal(0, noise, n)
    return np.exp(log), np.exp(estimate)


def test_the_whole_repair_leaves_no_slope_and_half_of_it_half() -> None:
    price, estimate = drawn_to_the_middle(0.85)
    before = evaluation.accuracy(price, estimate)
    assert before.prb < -0.08
    whole, _ = equity.judged(price, estimate, EquityPolicy(share=1.0))
    assert evaluation.accuracy(price, whole).prb == pytest.approx(0, abs=0.005)
    half, found = equity.judged(price, estimate, EquityPolicy(share=0.5))
    assert evaluation.accuracy(price, half).prb == pytest.approx(
        before.prb / 2, abs=0.01
    )
    # What was judged is what the refitted model will do, but for the fold.
    again = found.stretch.applied(estimate)
    assert np.abs(np.log(again / half)).max() < 0.01


def test_without_a_word_as_little_is_taken_as_brings_it_into_range() -> None:
    price, estimate = drawn_to_the_middle(0.85)
    _, found = equity.judged(price, estimate, EquityPolicy(price_points=9))
    by_share = {offer.share: offer.found for offer in found.offers}
    assert list(by_share) == list(equity.SHARES)
    assert 0 < found.share < 1
    chosen = by_share[found.share]
    assert abs(chosen.vei) <= 10
    assert abs(chosen.prb) <= 0.05
    smaller = by_share[max(share for share in by_share if share < found.share)]
    assert abs(smaller.vei) > 10 or abs(smaller.prb) > 0.05


def test_fair_estimates_are_left_alone_to_the_bit() -> None:
    price, estimate = drawn_to_the_middle(1.0)
    kept, found = equity.judged(price, estimate, EquityPolicy())
    assert found.share == 0
    assert found.stretch.factor == 1
    assert np.array_equal(kept, estimate)


def test_no_more_is_paid_than_allowed() -> None:
    # Noise, not the model, makes this slope: taking it back costs accuracy.
    price, estimate = drawn_to_the_middle(0.75, noise=0.3)
    whole = equity.judged(price, estimate, EquityPolicy(share=1.0))[1]
    cost = {offer.share: offer.found.mdape for offer in whole.offers}
    assert cost[1.0] > cost[0.0] + 0.25
    found = equity.judged(price, estimate, EquityPolicy())[1]
    assert cost[found.share] <= cost[0.0] + 0.25


def test_few_sales_ask_for_nothing() -> None:
    price, estimate = drawn_to_the_middle(0.85, n=equity.LEAST_SALES - 1)
    kept, found = equity.judged(price, estimate, EquityPolicy(share=1.0))
    assert np.array_equal(kept, estimate)
    assert found.stretch == Stretch()
    assert found.offers == ()
