import json

import numpy as np
import pandas as pd

from ml.evaluation import coverage_pct
from ml.intervals import IntervalModel, confidence, fit_intervals


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


def test_four_fifths_of_new_prices_fall_inside_in_each_type() -> None:
    model = fit_intervals(*market(6_000, 1))
    frame, price, estimate = market(6_000, 2)
    low, high = model.bounds(frame, estimate)
    assert 78 < coverage_pct(price, low, high) < 82
    for kind in ("house", "unit"):
        rows = (frame["dwelling_type"] == kind).to_numpy()
        assert 76 < coverage_pct(price[rows], low[rows], high[rows]) < 84
    width = (high - low) / estimate
    units = (frame["dwelling_type"] == "unit").to_numpy()
    assert width[units].mean() > 1.5 * width[~units].mean()


def test_parameters_survive_json() -> None:
    model = fit_intervals(*market(500, 1))
    again = IntervalModel.from_dict(json.loads(json.dumps(model.as_dict())))
    assert again == model


def test_a_type_never_seen_gets_the_general_spread() -> None:
    model = fit_intervals(*market(500, 1))
    frame, _, estimate = market(2, 3)
    half = model.half_width(frame.assign(dwelling_type="land"), estimate)
    assert np.allclose(half, model.spread * model.factor)


def test_without_evidence_the_interval_is_half_to_double() -> None:
    frame, price, estimate = market(1, 1)
    model = fit_intervals(frame.iloc[:0], price[:0], estimate[:0])
    low, high = model.bounds(frame, estimate)
    assert np.allclose(low * 2, estimate)
    assert np.allclose(high, estimate * 2)


def test_confidence_falls_with_the_width() -> None:
    estimate = np.array([100.0, 100, 100])
    found = confidence(estimate * [0.9, 0.5, 0.1], estimate * [1.1, 2, 10], estimate)
    assert np.allclose(found, [0.9, 0.25, 0.05])
