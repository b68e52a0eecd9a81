"""The compiled form says what the fitted model says, to a billionth, row by row."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from ml import candidates, compiled, features
from ml.candidates import BOOSTING, LINEAR, STACK
from ml.compiled import CompiledModel, compile_model, difficult_rows
from ml.compiled_inputs import Uncompilable
from ml.compiled_markets import compiled_markets
from ml.market_model import MarketModel, Route
from ml.threads import limited
from tests.market_samples import feature_rows

ROWS = feature_rows(700)
INPUTS = features.model_inputs(ROWS)
PRICE = ROWS["price_aud"].to_numpy()
RECIPE = candidates.Recipe(len(ROWS), 1)


def fitted(model: Any) -> Any:
    with warnings.catch_warnings(), limited(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        learnt = model.fit(INPUTS, PRICE)
    return candidates.lean(learnt) if hasattr(learnt, "regressor_") else learnt


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {
        name: fitted(candidates.build(name, INPUTS, RECIPE))
        for name in (LINEAR, BOOSTING, STACK)
    }


@pytest.mark.parametrize("name", [LINEAR, BOOSTING, STACK])
def test_it_says_what_the_model_says(models: dict[str, Any], name: str):
    made = compile_model(models[name])
    assert made.others == ()
    for rows in (
        features.model_inputs(feature_rows(2_000, seed=8)),
        difficult_rows(made, 300),
        INPUTS.iloc[:1],
        INPUTS.iloc[:0],
    ):
        wanted = models[name].predict(rows) if len(rows) else np.empty(0)
        assert np.allclose(made.predict(rows), wanted, rtol=1e-9, atol=0)
        if name == BOOSTING:
            assert np.array_equal(made.predict(rows), wanted)


def test_a_row_has_the_same_estimate_alone_and_among_any_others(
    models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    made = compile_model(models[STACK])
    rows = features.model_inputs(feature_rows(1_500, seed=8))
    together = made.predict(rows)
    order = np.random.default_rng(3).permutation(len(rows))
    assert np.array_equal(made.predict(rows.iloc[order]), together[order])
    homes = rows.astype(object).where(rows.notna(), None).to_dict("records")
    for size, first in ((1, 0), (1, 1_499), (2, 7), (95, 30), (97, 400), (401, 9)):
        part = slice(first, first + size)
        assert np.array_equal(made.predict(rows.iloc[part]), together[part])
        alone = made.estimate(made.rows_of(homes[part]))
        assert np.array_equal(alone, together[part])
    # Nor does it matter how many are worked on at once, or share what trees look up.
    monkeypatch.setattr(compiled, "_AT_ONCE", 960)
    assert np.array_equal(made.predict(rows), together)
    one_day = rows.assign(month_index=270.0, locality="NSW|SUBURB 2001")
    for name in rows.filter(like="log_price").columns:
        one_day[name] = 13.5
    few = [made.predict(one_day.iloc[[at]])[0] for at in range(0, 1_500, 100)]
    assert np.array_equal(made.predict(one_day)[::100], few)


def test_members_without_a_compiled_form_are_asked_as_they_are():
    names = ["land_area_m2", "street_number", "suburb_log_price_12m"]
    strange = make_pipeline(
        ColumnTransformer([("numbers", candidates._scaler(), names)]), Ridge()
    )
    wide = make_pipeline(
        ColumnTransformer([("numbers", "passthrough", names)]),
        HistGradientBoostingRegressor(max_leaf_nodes=200, min_samples_leaf=1),
    )
    parts = [
        ("known", candidates._member("boosting", INPUTS, RECIPE)),
        ("strange", strange),
        ("wide", wide),
    ]
    model = fitted(candidates._of_log_price(VotingRegressor(parts)))
    made = compile_model(model)
    assert (len(made.forests), len(made.others)) == (1, 2)
    assert np.allclose(made.predict(INPUTS), model.predict(INPUTS), rtol=1e-9)
    homes = INPUTS.astype(object).where(INPUTS.notna(), None).to_dict("records")
    alone = made.estimate(made.rows_of(homes[:3]))
    assert np.allclose(alone, model.predict(INPUTS.iloc[:3]), rtol=1e-9)


def test_what_has_no_compiled_form_stays_as_it_is():
    median = candidates.build(candidates.BASELINE, INPUTS, RECIPE).fit(INPUTS, PRICE)
    with pytest.raises(Uncompilable):
        compile_model(median)
    assert compiled.compiled(median) is median


def test_a_part_that_cannot_be_read_stops_nothing(
    models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    def unreadable(*_: object) -> None:
        raise KeyError("another release of scikit-learn")

    with monkeypatch.context() as patch:
        patch.setattr(compiled, "compile_forest", unreadable)
        made = compiled.compiled(models[STACK])
        assert len(made.others) == 3
        assert np.allclose(
            made.predict(INPUTS), models[STACK].predict(INPUTS), rtol=1e-9
        )
        assert compiled.compiled(models[BOOSTING]) is models[BOOSTING]


@pytest.mark.parametrize("part", ["leaf", "weight", "threshold"])
def test_a_form_that_says_otherwise_is_not_believed(
    models: dict[str, Any], monkeypatch: pytest.MonkeyPatch, part: str
):
    model = models[STACK]
    assert isinstance(compiled.compiled(model), CompiledModel)

    def broken(model: Any) -> CompiledModel:
        made = compile_model(model)
        forest, networks = made.forests[0], made.networks
        assert networks is not None
        if part == "leaf":
            forest.leaves[:] += 1e-6
        if part == "weight":
            return replace(
                made, networks=replace(networks, constant=networks.constant + 1e-4)
            )
        if part == "threshold":
            coding = replace(forest.coding, limits=forest.coding.limits - 1e-9)
            forests = (replace(forest, coding=coding), *made.forests[1:])
            return replace(made, forests=forests)
        return made

    monkeypatch.setattr(compiled, "compile_model", broken)
    assert compiled.compiled(model) is model


def test_missing_columns_and_words_never_seen(models: dict[str, Any]):
    nothing = pd.DataFrame(
        {name: np.array([np.nan, "?"], dtype=object) for name in features.CATEGORIES}
        | {name: [np.nan, np.nan] for name in features.NUMBERS}
    )
    for model in models.values():
        made = compile_model(model)
        assert np.allclose(made.predict(nothing), model.predict(nothing), rtol=1e-9)


def test_a_market_model_says_the_same_of_frames_and_of_single_homes(
    models: dict[str, Any],
):
    routes = {
        "NSW": Route((STACK,), 0.01, 13.0, 1.05),
        "NSW|unit": Route((STACK, BOOSTING), 0.01, 13.0, 1.05),
        "VIC": Route((LINEAR,)),
    }
    plain = MarketModel(models, routes)
    made = compiled_markets(models, routes)
    rows = features.model_inputs(feature_rows(400, seed=8))
    rows.loc[:40, "state"] = "VIC"
    rows.loc[41:50, "state"] = "WA"
    rows.loc[51:60, "state"] = np.nan
    found = made.predict(rows)
    assert np.allclose(found, plain.predict(rows), rtol=1e-9, equal_nan=True)
    assert np.isnan(found[41:61]).all()
    homes = rows.astype(object).where(rows.notna(), None).to_dict("records")
    alone = np.concatenate([made.estimate_homes([home]) for home in homes])
    assert np.array_equal(alone, found, equal_nan=True)
    assert np.array_equal(made.estimate_homes(homes), found, equal_nan=True)
