import json

import numpy as np
import pandas as pd
import pytest

from ml.evaluation import coverage_pct
from ml.intervals import IntervalModel, confidence, fit_intervals
from ml.spread_trees import cross_fitted, fit_trees


def market(count: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Houses err by 8 %, units by 20 %: model inputs, prices, estimates."""
    rng = np.random.default_rng(seed)
    unit = rng.random(count) < 0.4
    frame = pd.DataFrame(
        {
            "dwelling_type": np.where(unit, "unit", "house"),
            "last_price_indexed_log": np.where(rng.random(count) < 0.3, 13.0, np.nan),
            "suburb_type_sales_12m": rng.integers(0, 20, count).astype(float),
        }
    )
    price = rng.lognormal(13.5, 0.4, count)
    error = rng.normal(0, np.where(unit, 0.2, 0.08))
    return frame, price, price * np.exp(error)


@pytest.mark.parametrize(("count", "learned"), [(999, False), (6_000, True)])
def test_four_fifths_of_new_prices_fall_inside_in_each_type(
    count: int, learned: bool
) -> None:
    model = fit_intervals(*market(count, 1))[80]
    assert (model.trees is not None) is learned
    frame, price, estimate = market(6_000, 2)
    low, high = model.bounds(frame, estimate)
    assert (78 if learned else 76) < coverage_pct(price, low, high) < 83
    for kind in ("house", "unit"):
        rows = (frame["dwelling_type"] == kind).to_numpy()
        assert 75 < coverage_pct(price[rows], low[rows], high[rows]) < 85
    width = (high - low) / estimate
    units = (frame["dwelling_type"] == "unit").to_numpy()
    assert width[units].mean() > 1.5 * width[~units].mean()


@pytest.mark.parametrize("count", [500, 1_500])
def test_parameters_survive_json(count: int) -> None:
    model = fit_intervals(*market(count, 1))[80]
    again = IntervalModel.from_dict(json.loads(json.dumps(model.as_dict())))
    assert again == model
    frame, _, estimate = market(100, 2)
    bounds = zip(
        model.bounds(frame, estimate), again.bounds(frame, estimate), strict=True
    )
    for ours, theirs in bounds:
        assert np.array_equal(ours, theirs)


def test_a_type_never_seen_gets_the_general_spread() -> None:
    model = fit_intervals(*market(500, 1))[80]
    frame, _, estimate = market(2, 3)
    half = model.half_width(frame.assign(dwelling_type="land"), estimate)
    assert np.allclose(half, model.spread * model.factor)


def test_without_evidence_the_interval_is_half_to_double() -> None:
    frame, price, estimate = market(1, 1)
    model = fit_intervals(frame.iloc[:0], price[:0], estimate[:0])[80]
    low, high = model.bounds(frame, estimate)
    assert np.allclose(low * 2, estimate)
    assert np.allclose(high, estimate * 2)


def test_confidence_falls_with_the_width() -> None:
    estimate = np.array([100.0, 100, 100])
    found = confidence(estimate * [0.9, 0.5, 0.1], estimate * [1.1, 2, 10], estimate)
    assert np.allclose(found, [0.9, 0.25, 0.05])


def test_wider_shares_are_wider_intervals() -> None:
    models = fit_intervals(*market(2_000, 1))
    frame, _, estimate = market(50, 2)
    narrow, usual, wide = (
        models[pct].half_width(frame, estimate) for pct in (68, 80, 95)
    )
    assert (narrow < usual).all()
    assert (usual < wide).all()


def test_trees_in_plain_numbers_say_what_they_learned() -> None:
    """Homes that lack a number err thrice as much: the trees know them apart."""
    frame, price, _ = market(4_000, 1)
    luck = np.random.default_rng(5)
    vague = frame["last_price_indexed_log"].isna().to_numpy()
    residual = np.abs(luck.normal(0, np.where(vague, 0.24, 0.08)))
    columns = ("last_price_indexed_log", "suburb_type_sales_12m")
    trees = fit_trees(frame, price, residual, columns)
    expected = trees.predict(frame, price)
    assert expected[vague].mean() > 2.2 * expected[~vague].mean()
    # What a model does not use is not looked at, however much it tells.
    blind = fit_trees(frame, price, residual, columns[1:]).predict(frame, price)
    assert blind[vague].mean() < 1.2 * blind[~vague].mean()
    apart = cross_fitted(frame, price, residual, columns)
    assert np.corrcoef(np.log(apart), np.log(expected))[0, 1] > 0.9
    # By one row as by all of them.
    one = trees.predict(frame.iloc[[7]], price[[7]])
    assert one[0] == expected[7]


def test_one_home_is_as_sure_alone_as_among_many() -> None:
    inputs, price, estimate = market(1_500, seed=3)
    spread = fit_intervals(inputs, price, estimate)[80]
    assert spread.trees is not None
    together = spread.half_width(inputs, estimate)
    for size in (1, 64):
        part = slice(40, 40 + size)
        alone = spread.half_width(inputs[part], estimate[part])
        assert np.array_equal(alone, together[part])
    homes = inputs.astype(object).where(inputs.notna(), None).to_dict("records")
    for size in (1, 16):
        part = slice(40, 40 + size)
        by_home = spread.half_width_of(homes[part], estimate[part])
        assert np.array_equal(by_home, together[part])
