"""Each state by its own sales, each family of dwellings by what speaks for it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml import candidates, features, training
from ml.candidates import BASELINE, BY_MARKET, STACK
from ml.equity import EquityPolicy
from ml.market_model import (
    WHOLE,
    MarketModel,
    Route,
    family_of,
    routes_from_dict,
)
from ml.training import TrainingPolicy
from tests.market_samples import feature_rows

POLICY = TrainingPolicy(
    origins=2, market_sales=400, family_sales=100, equity=EquityPolicy(share=0.0)
)


def state_rows(state: str, count: int, factor: float, seed: int) -> pd.DataFrame:
    """Sales of a state where everything costs ``factor`` times as much, and is named
    as in the others: who mixes them, errs."""
    rows = feature_rows(count, seed=seed)
    return rows.assign(state=state, price_aud=rows["price_aud"] * factor)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    parts = [
        state_rows("NSW", 500, 1.0, 7),
        state_rows("VIC", 500, 3.0, 8),
        state_rows("TAS", 60, 1.0, 9),
    ]
    found = pd.concat(parts, ignore_index=True)
    return found.sort_values(["as_of_date", "sale_id"], ignore_index=True)


class Says:
    """An estimator that says one price."""

    def __init__(self, price: float) -> None:
        self.price = price

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        return np.full(len(frame), self.price)


def test_states_with_sales_enough_have_pipelines_of_their_own(
    frame: pd.DataFrame,
) -> None:
    found = training.train(frame, POLICY)
    assert found.winner == BY_MARKET
    assert [market.name for market in found.markets] == ["NSW", "VIC", WHOLE]
    assert [market.sales for market in found.markets] == [500, 500, 1_060]
    assert set(found.accuracies) >= {BASELINE, BY_MARKET}
    # Each sale is judged once, in the order of time, by its own market's best.
    assert (np.diff(found.holdout.dates.astype("int64")) >= 0).all()
    assert found.headline.n == sum(market.accuracy.n for market in found.markets)
    inputs = features.model_inputs(frame)
    ratio = training.predict(found.model, inputs) / frame["price_aud"]
    for state in ("NSW", "VIC"):
        assert np.median(ratio[frame["state"] == state]) == pytest.approx(1, abs=0.05)
    # Neither knows of the other: told that it lies there, a home is worth as much.
    moved = training.predict(found.model, inputs.assign(state="VIC"))
    there = moved / training.predict(found.model, inputs.assign(state="NSW"))
    assert np.median(there) == pytest.approx(3, rel=0.15)
    # What has no pipeline of its own, or no state at all, is valued by all of them.
    for state in ("WA", None):
        strange = inputs.assign(state=pd.Series([state] * len(inputs), dtype=object))
        assert np.isfinite(training.predict(found.model, strange)).all()
        assert set(found.model.taken(strange)) == {WHOLE}


def test_a_market_is_no_better_for_a_neighbour(frame: pd.DataFrame) -> None:
    alone = training.train(
        frame[frame["state"] == "NSW"].reset_index(drop=True), POLICY
    )
    (market,) = alone.markets
    assert market.name == WHOLE
    together = training.train(frame, POLICY)
    assert together.markets[0].accuracy == market.accuracy


def test_families_have_members_of_their_own_in_a_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "STACK_ROWS", (500, 60_000))
    monkeypatch.setattr(
        candidates, "_MEMBERS", candidates._MEMBERS | {STACK: ("linear", "boosting")}
    )
    monkeypatch.setattr(candidates, "ORDER", (BASELINE, STACK))
    monkeypatch.setattr(candidates, "competitors", lambda sales: (BASELINE, STACK))
    frame = feature_rows(600)
    # Of land nothing was sold but these.
    frame.loc[:9, "dwelling_type"] = "land"
    found = training.train(frame, POLICY)
    assert found.winner == STACK
    assert found.markets[0].families == ("house", "unit")
    assert set(found.model.routes) == {WHOLE, f"{WHOLE}|house", f"{WHOLE}|unit"}
    inputs = features.model_inputs(frame)
    taken = found.model.taken(inputs)
    assert set(taken[family_of(inputs) == "land"]) == {WHOLE}
    parts, whole = found.model.parts, training.predict(found.model, inputs)
    units = (taken == f"{WHOLE}|unit").nonzero()[0]
    both = [
        parts[name].predict(inputs.iloc[units]) for name in (WHOLE, f"{WHOLE}|unit")
    ]
    shift = found.markets[0].level_shift
    assert np.allclose(whole[units], np.sqrt(both[0] * both[1]) * np.exp(shift))
    # The judged were estimated so too: what it says of itself is what it does.
    assert found.headline.mdape < found.baseline.mdape


def test_routes_survive_json_and_lead_by_state_then_family() -> None:
    parts = {"VIC": Says(500_000.0), "VIC|unit": Says(320_000.0), "*": Says(100.0)}
    routes = {
        "VIC": Route(("VIC",)),
        "VIC|unit": Route(
            ("VIC", "VIC|unit"), shift=np.log(2), centre=13.0, factor=1.1
        ),
    }
    again = routes_from_dict(
        json.loads(json.dumps(MarketModel(parts, routes).routes_as_dict()))
    )
    assert again == routes
    model = MarketModel(parts, again)
    rows = pd.DataFrame(
        {
            "state": ["VIC", "VIC", "NSW", None],
            "dwelling_type": ["house", "unit", "unit", None],
        }
    )
    found = model.predict(rows)
    assert found[0] == pytest.approx(500_000)
    middle = np.log(400_000) + np.log(2)
    assert np.log(found[1]) == pytest.approx(13 + 1.1 * (middle - 13))
    # No route, no estimate: better none than another state's.
    assert np.isnan(found[2:]).all()
    assert len(model.predict(rows[:0])) == 0
