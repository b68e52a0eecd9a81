"""Who judges, who teaches, and what the last weeks say of the level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io

from ml import candidates, features, training
from ml.candidates import BOOSTING
from ml.equity import EquityPolicy
from ml.training import TrainingPolicy
from tests.market_samples import feature_rows

# Without the repair of equity, for which every sale tells of every other.
QUICK = TrainingPolicy(origins=2, equity=EquityPolicy(share=0.0))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return feature_rows(900)


def bids(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Every sale bid for the week before, at some share of its price."""
    return frame.assign(
        is_bid=1.0,
        sale_id="bid-" + frame["sale_id"],
        as_of_date=frame["as_of_date"] - pd.Timedelta(days=7),
        price_aud=frame["price_aud"] * factor,
    )


def test_bids_teach_and_judge_nobody(frame: pd.DataFrame) -> None:
    both = pd.concat([frame, bids(frame, 0.9)], ignore_index=True)
    alone, with_bids = training.train(frame, QUICK), training.train(both, QUICK)
    assert with_bids.bids == len(frame)
    assert set(with_bids.holdout.lineage["sale_id"]) == set(
        alone.holdout.lineage["sale_id"]
    )
    # The naive baseline knows sales only.
    assert with_bids.baseline == alone.baseline
    # Bids a tenth below what is paid: told that a row is a bid, models learn as much.
    assert with_bids.headline.median_ratio == pytest.approx(1, abs=0.04)
    assert with_bids.headline.mdape < alone.headline.mdape + 1


def test_no_block_is_judged_by_what_came_with_it_or_after(frame: pd.DataFrame) -> None:
    found = training.train(frame, QUICK)
    first, second = found.markets[0].origins
    days = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    assert found.holdout.dates.min() == np.datetime64(first)
    planted = frame.assign(
        price_aud=frame["price_aud"].where(days < np.datetime64(second), 9e9)
    )
    again = training.train(planted, QUICK)
    early = found.holdout.dates < np.datetime64(second)
    assert 0 < early.sum() < len(early)
    for name, estimates in found.holdout.estimates.items():
        assert np.array_equal(estimates[early], again.holdout.estimates[name][early])
        # The later block was judged by models that knew the earlier.
        assert np.array_equal(estimates[~early], again.holdout.estimates[name][~early])


def test_few_sales_are_one_block() -> None:
    found = training.train(feature_rows(200))
    assert len(found.markets[0].origins) == 1
    # No block before it could judge a move of the level, so that none is made.
    assert found.markets[0].level_shift == 0


def test_a_market_that_leapt_lifts_every_estimate(frame: pd.DataFrame) -> None:
    days = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    leap = days >= days.max() - np.timedelta64(60, "D")
    dearer = frame.assign(price_aud=frame["price_aud"] * np.where(leap, 1.3, 1.0))
    still, leapt = training.train(frame, QUICK), training.train(dearer, QUICK)
    assert abs(still.markets[0].level_shift) < 0.03
    assert leapt.markets[0].level_shift > 0.05
    unmoved = training.train(dearer, replace(QUICK, level_days=0))
    assert unmoved.markets[0].level_shift == 0
    # The later block was judged by models that the earlier block had moved.
    late = leapt.holdout.dates >= np.datetime64(leapt.markets[0].origins[1])
    for name in set(leapt.accuracies) - {"suburb_median"}:
        moved = leapt.holdout.estimates[name][late]
        assert (moved > unmoved.holdout.estimates[name][late]).all()
        price = leapt.holdout.price[late]
        assert np.median(moved / price) < 1


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_members_of_the_stack_are_averaged_in_logs() -> None:
    frame = feature_rows(300)
    inputs = training.features.model_inputs(frame)
    price = frame["price_aud"].to_numpy()
    recipe = candidates.Recipe(len(frame), 1)
    whole = candidates.build(candidates.STACK, inputs, recipe)
    whole.fit(inputs, price)
    logs = []
    for name in candidates.members(candidates.STACK, recipe):
        member = candidates.build_member(name, inputs, recipe)
        member.fit(inputs, price)
        logs.append(np.log(member.predict(inputs)))
    assert np.allclose(np.log(whole.predict(inputs)), np.mean(logs, axis=0))
    # Saved it is scikit-learn's parts alone, and answers the same.
    lean = candidates.lean(whole)
    types = skops.io.get_untrusted_types(data=skops.io.dumps(lean))
    assert not [name for name in types if name.startswith("ml.")]
    assert np.allclose(np.log(lean.predict(inputs)), np.mean(logs, axis=0))


def test_a_judged_model_is_built_as_the_one_it_stands_for() -> None:
    inputs = training.features.model_inputs(feature_rows(300))
    few, many = (
        candidates.build(BOOSTING, inputs, candidates.Recipe(rows, 1))
        for rows in (300, 50_000)
    )
    assert few.get_params()["regressor"].steps[-1][1].max_iter == 150  # type: ignore[attr-defined]
    assert many.get_params()["regressor"].steps[-1][1].max_iter == 500  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("sales", "expected"),
    [(10, 1), (50, 3), (7_999, 3), (8_000, 4), (60_000, 4), (60_001, 3)],
)
def test_who_competes_depends_on_how_much_there_is_to_learn(
    sales: int, expected: int
) -> None:
    names = candidates.competitors(sales)
    assert len(names) == expected
    assert (BOOSTING in names) == (sales >= 50)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_networks_of_other_seeds_agree_on_the_level() -> None:
    frame = feature_rows(900)
    inputs, price = training.features.model_inputs(frame), frame["price_aud"]
    levels = []
    for seed in range(4):
        recipe = candidates.Recipe(len(frame), seed)
        network = candidates.build_member("network", inputs, recipe)
        network.fit(inputs, price.to_numpy())
        levels.append(np.median(network.predict(inputs) / price))
    assert np.ptp(levels) < 0.02


def test_members_are_named_as_metrics_can_be() -> None:
    from mlflow.utils.validation import _validate_metric_name

    recipe = candidates.Recipe(9_000, 1, families=("house", "unit"))
    named = candidates.members(candidates.STACK, recipe)
    assert any(name.endswith(candidates.OWN) for name in named)
    for name in named:
        _validate_metric_name(f"seconds/fit_{name}")


def test_of_many_sales_the_newest_of_each_state_are_learnt_from() -> None:
    """And judged by; how many older ones there were is told."""
    whole = feature_rows(600, seed=4)
    frame = pd.concat(
        [whole.assign(state="NSW"), whole.iloc[:200].assign(state="VIC")],
        ignore_index=True,
    ).sort_values(["as_of_date", "sale_id"], ignore_index=True)
    trained = training.train(frame, replace(QUICK, most_rows=250))
    nsw = frame["state"] == "NSW"
    since = frame.loc[nsw, "as_of_date"].sort_values().iloc[-250]
    newest = frame[~nsw | (frame["as_of_date"] >= since)].reset_index(drop=True)
    assert trained.rows == len(newest)
    assert trained.older_rows == 800 - len(newest) > 300
    again = training.train(newest, QUICK)
    inputs = features.model_inputs(whole.iloc[:50])
    np.testing.assert_array_equal(
        training.predict(trained.model, inputs), training.predict(again.model, inputs)
    )
