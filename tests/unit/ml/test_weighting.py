"""Feedback weighs the next training: bounded, shrunk, off where nothing was seen."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st

from ml import candidates, features, rolling_origin, training
from ml.reproduction import policy_from
from ml.rolling_origin import TrainingPolicy
from ml.weighting import LEAST, MOST, FeedbackWeights, Seen, evidence_name, weigh
from tests.market_samples import feature_rows

FRAME = feature_rows(600)
INPUTS = features.model_inputs(FRAME)
SOLD: npt.NDArray[np.bool_] = np.ones(len(FRAME), dtype=bool)
SUBURB = str(INPUTS["locality"][0])
#: Of 100 prices, three intervals are meant to miss 57.
KEPT, TWICE = 57, 114


def seen(kind: str, sales: int, missed: int, state: str = "NSW") -> Seen:
    return Seen(state, kind, SUBURB, sales, missed, 0.57 * sales)


def by_type(weights: npt.NDArray[Any]) -> dict[str, float]:
    found = pd.Series(weights).groupby(INPUTS["dwelling_type"].to_numpy()).max()
    return {str(kind): float(weight) for kind, weight in found.items()}


def test_sales_like_those_that_were_missed_too_often_weigh_more() -> None:
    evidence = [seen("house", 400, 4 * KEPT), seen("unit", 400, 4 * TWICE)]
    found = weigh(INPUTS, SOLD, evidence, 1.0)
    weights = found.of(INPUTS, SOLD)
    assert weights is not None
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    assert weights.min() >= LEAST
    assert weights.max() <= MOST
    told = by_type(weights)
    assert told["unit"] > 1.2 > 1 > told["house"]
    assert found.sales == 800
    # Half of the correction is half as far from the others.
    half = weigh(INPUTS, SOLD, evidence, 0.5).of(INPUTS, SOLD)
    assert half is not None
    assert told["unit"] > by_type(half)["unit"] > 1


def test_a_few_misses_are_luck() -> None:
    houses = seen("house", 4_000, 40 * KEPT)
    many = weigh(INPUTS, SOLD, [houses, seen("unit", 400, 4 * TWICE)], 1.0)
    few = weigh(INPUTS, SOLD, [houses, seen("unit", 4, 5)], 1.0)
    spreads = []
    for found in (few, many):
        weights = found.of(INPUTS, SOLD)
        assert weights is not None
        spreads.append(weights.max() / weights.min())
    assert 1 < spreads[0] < 1.25 < 1.5 < spreads[1]


@pytest.mark.parametrize(
    ("evidence", "share"),
    [
        ([], 1.0),
        ([seen("unit", 400, 4 * TWICE)], 0.0),
        # Promises were kept, or more than kept: nothing is taken from anybody.
        ([seen("house", 400, 4 * KEPT), seen("unit", 400, 0)], 1.0),
        # A state with no sale to learn from.
        ([seen("unit", 400, 4 * KEPT, state="NT")], 1.0),
    ],
)
def test_where_nothing_says_otherwise_all_weigh_the_same(
    evidence: list[Seen], share: float
) -> None:
    found = weigh(INPUTS, SOLD, evidence, share)
    assert found.cells == ()
    assert found.of(INPUTS, SOLD) is None


@given(
    counts=st.lists(
        st.tuples(
            st.sampled_from(["house", "townhouse", "unit", "land", ""]),
            st.integers(1, 10_000),
            st.floats(0, 3),
        ),
        max_size=8,
    ),
    share=st.floats(0, 1),
)
def test_no_evidence_moves_weights_beyond_their_bounds(
    counts: list[tuple[str, int, float]], share: float
) -> None:
    evidence = [seen(kind, n, round(n * missed)) for kind, n, missed in counts]
    found = weigh(INPUTS, SOLD, evidence, share)
    weights = found.of(INPUTS, SOLD)
    if weights is None:
        return
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    assert LEAST <= weights.min() <= 1 <= weights.max() <= MOST
    # As it comes back out of a version's policy.json.
    policy = replace(TrainingPolicy(), feedback=found)
    again = policy_from(json.loads(json.dumps(asdict(policy))))
    assert again == policy


def test_evidence_names_the_training_it_leads_to() -> None:
    unit, house = seen("unit", 4, 4), seen("house", 4, 1)
    assert evidence_name([unit, house], 1.0) == evidence_name([house, unit], 1.0)
    names = [
        *(evidence_name([unit], 1.0), evidence_name([unit], 0.5)),
        *(evidence_name([house], 1.0), evidence_name([], 1.0)),
    ]
    assert len(set(names)) == 4
    assert evidence_name([unit], 0.0) == evidence_name([], 0.5) == "none"


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", [candidates.LINEAR, candidates.BOOSTING, "network"])
def test_every_member_listens_to_weights(name: str) -> None:
    """Half of the sales went for twice the price: weights tell whom to believe."""
    price = FRAME["price_aud"].to_numpy("float64")
    dear = np.arange(len(price)) % 2 == 0
    doubled = np.where(dear, 2 * price, price)
    member = {candidates.LINEAR: "linear", candidates.BOOSTING: "boosting"}.get(
        name, name
    )
    recipe = candidates.Recipe(len(FRAME), 1)
    levels = []
    for weight in (np.where(dear, 1.9, 0.1), np.where(dear, 0.1, 1.9)):
        model = candidates.build_member(member, INPUTS, recipe)
        rolling_origin.fit(model, INPUTS, doubled, weight)
        levels.append(np.median(rolling_origin.predict(model, INPUTS) / price))
        lean = candidates.lean(model)
        types = skops.io.get_untrusted_types(data=skops.io.dumps(lean))
        assert not [kind for kind in types if kind.startswith("ml.")]
    assert levels[0] > 1.5 * levels[1]


def test_a_training_follows_its_weights_and_repeats_to_the_bit() -> None:
    weights = weigh(INPUTS, SOLD, [seen("unit", 400, 4 * TWICE)], 1.0)
    plain = training.train(FRAME)
    policy = TrainingPolicy(feedback=weights)
    first, second = training.train(FRAME, policy), training.train(FRAME, policy)
    assert first.feedback == weights
    estimates = [one.model.predict(INPUTS) for one in (plain, first, second)]
    assert np.array_equal(estimates[1], estimates[2])
    assert not np.array_equal(estimates[0], estimates[1])
    # No feedback is as if there were no weights.
    off = training.train(FRAME, TrainingPolicy(feedback=FeedbackWeights(1.0)))
    assert np.array_equal(off.model.predict(INPUTS), estimates[0])
