import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.evaluation import IAAO_STANDARDS, accuracy, coverage_pct, later_share

MONEY = st.integers(min_value=1_000, max_value=50_000_000)


def test_measures_agree_with_hand_computed_values() -> None:
    found = accuracy(np.array([100.0, 200, 400]), np.array([110.0, 180, 400]))
    assert found.n == 3
    assert found.mae == pytest.approx(10)
    assert found.mdape == pytest.approx(10)
    assert (found.pe5, found.pe10, found.pe20) == pytest.approx((100 / 3, 100, 100))
    assert found.cod == pytest.approx(100 * (0.1 + 0.1 + 0) / 3)
    assert found.prd == pytest.approx(1 / (690 / 700))
    assert found.median_ratio == pytest.approx(1)
    assert found.r2 == pytest.approx(1 - 500 / 46_666.6667)
    assert found.fsd == pytest.approx(100 * np.std(np.log([1.1, 0.9, 1.0])))


def test_no_sales_give_no_measures() -> None:
    found = accuracy(np.array([]), np.array([]))
    assert found.n == 0
    assert math.isnan(found.mdape)


@pytest.mark.parametrize(
    ("price", "estimate", "message"),
    [([1.0], [1.0, 2], "1 prices but 2"), ([0.0], [1.0], "above zero")],
)
def test_nonsense_is_refused(
    price: list[float], estimate: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        accuracy(np.array(price), np.array(estimate))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(MONEY, MONEY), min_size=1, max_size=30), MONEY)
def test_relative_measures_do_not_depend_on_the_unit_of_money(
    pairs: list[tuple[int, int]], unit: int
) -> None:
    price, estimate = np.array(pairs, dtype="float64").T
    one, other = accuracy(price, estimate), accuracy(price * unit, estimate * unit)
    for name in ("mdape", "cod", "prd", "median_ratio", "prb", "vei", "fsd"):
        same = pytest.approx(getattr(other, name), rel=1e-6, abs=1e-6, nan_ok=True)
        assert getattr(one, name) == same


def test_estimates_drawn_to_the_middle_are_told_by_every_measure_of_equity() -> None:
    rng = np.random.default_rng(7)
    price = np.exp(rng.normal(13.5, 0.5, 4_000))
    fair = price * np.exp(rng.normal(0, 0.1, len(price)))
    drawn = np.exp(13.5 + 0.8 * (np.log(fair) - 13.5))
    right, wrong = accuracy(price, fair), accuracy(price, drawn)
    assert abs(right.prb) < 0.02
    assert abs(right.vei) < 5
    assert right.fsd == pytest.approx(10, abs=0.5)
    # As the value doubles, 0.8 of it is followed: the ratio falls by 1 - 2 ** -0.2.
    assert wrong.prb == pytest.approx(-(1 - 2**-0.2), abs=0.03)
    assert wrong.vei < -25
    outside = {s.label for s in IAAO_STANDARDS if s.holds(wrong) is False}
    assert outside == {"PRB", "VEI", "PRD"}
    assert all(s.holds(right) for s in IAAO_STANDARDS)


def test_a_vertical_equity_of_too_few_sales_is_not_told() -> None:
    few = np.linspace(1e5, 2e6, 19)
    assert math.isnan(accuracy(few, few).vei)
    assert accuracy(np.append(few, 1e6), np.append(few, 1e6)).vei == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 900), max_size=400))
def test_the_hold_out_is_everything_from_one_date_on(days: list[int]) -> None:
    dates = np.datetime64("2022-01-01") + np.array(days, dtype="timedelta64[D]")
    held = later_share(dates)
    if held.any():
        assert dates[held].min() > dates[~held].max()
        assert not held.all()
    else:
        assert len(set(days)) < 2


@pytest.mark.parametrize("count", [200, 5_000])
def test_about_a_fifth_is_held_out(count: int) -> None:
    rng = np.random.default_rng(3)
    days = rng.integers(0, 300, count).astype("timedelta64[D]")
    held = later_share(np.datetime64("2024-01-01") + days)
    assert 0.12 < held.mean() < 0.33


def test_coverage_counts_prices_on_the_border() -> None:
    ones = np.ones(2)
    assert coverage_pct(ones, ones, ones * 2) == 100
    assert coverage_pct(ones * 3, ones, ones * 2) == 0
    assert math.isnan(coverage_pct(np.empty(0), np.empty(0), np.empty(0)))
