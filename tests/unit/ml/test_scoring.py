from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import fallback, features, intervals, rounding
from ml.scoring import NO_CHAMPION, Scorer, value_properties
from ml.scoring_policy import ScoringPolicy
from ml.tracking import LoadedModel, Version
from tests.market_samples import feature_rows
from tests.scored_homes import LEVELS, OWN


class Level:
    """A model: what the suburb and type cost."""

    def predict(self, inputs: pd.DataFrame) -> Any:
        if "boom" in set(inputs["region"]):
            raise RuntimeError("no such category: boom\nat line 3")
        return np.exp(inputs["suburb_type_log_price_12m"].to_numpy())


def champion(**changed: Any) -> LoadedModel:
    rows = feature_rows(400)
    inputs = features.model_inputs(rows)
    price = rows["price_aud"].to_numpy()
    fitted = intervals.fit_intervals(inputs, price, Level().predict(inputs))
    given: dict[str, Any] = {
        "intervals": fitted[80].as_dict(),
        "dwelling_types": ("house", "townhouse", "unit"),
        "fsd_ratio": intervals.fsd_ratio(fitted),
        "factors": {pct: model.factor for pct, model in fitted.items()},
        "ranges": {
            name: (low, high)
            for name, (low, high) in features.ranges(rows, features.COLUMNS).items()
        },
    }
    return LoadedModel(Version("3", "run", "model"), Level(), **(given | changed))


def nothing_known(property_ids: list[str]) -> pd.DataFrame:
    names = ["property_id", *(n for n in fallback.RESULT if n != "method")]
    found = pd.DataFrame(columns=names).set_index("property_id")
    return found.astype({"valuation_date": "datetime64[s]"})


def test_one_fsd_holds_two_thirds_of_later_sales() -> None:
    rows = feature_rows(2_000, seed=9)
    found = value_properties(rows, Scorer(champion()), nothing_known).valuations
    assert found["method"].unique().tolist() == ["model"]
    error = np.log(rows["price_aud"] / found["estimate_aud"]).abs()
    assert 0.6 < (error < found["fsd"]).mean() < 0.76
    assert (found["confidence_class"] == "A").mean() < 1
    limits = ScoringPolicy().confidence_classes(found["fsd"].to_numpy())
    assert found["confidence_class"].tolist() == limits.tolist()


def test_a_number_beyond_those_learnt_from_is_flagged() -> None:
    rows = feature_rows(100, seed=9)
    scorer = Scorer(champion())
    rows["bedrooms"] = 3.0
    usual = value_properties(rows, scorer, nothing_known).valuations
    assert usual["extrapolation"].mean() < 0.2
    rows.loc[:9, "land_area_m2"] = 90_000.0
    # That the market's level was never so high, or it never was so late, is none.
    rows["suburb_type_log_price_12m"] += 0.5
    rows["month_index"] += 100
    strange = value_properties(rows, scorer, nothing_known).valuations
    assert strange["extrapolation"][:10].all()
    assert (strange["extrapolation"][10:] == usual["extrapolation"][10:]).all()


def test_few_local_sales_are_flagged() -> None:
    rows = feature_rows(4, seed=9)
    rows["suburb_type_sales_12m"] = [0.0, 4.0, 5.0, np.nan]
    found = value_properties(rows, Scorer(champion()), nothing_known).valuations
    assert found["thin_data"].tolist() == [True, True, False, True]


def test_a_model_that_cannot_predict_leaves_it_to_the_chain() -> None:
    rows = feature_rows(4, seed=9).assign(region="boom")
    found = value_properties(rows, Scorer(champion()), nothing_known)
    assert "model" not in found.by_method
    assert sum(found.by_method.values()) == 4
    assert found.scorer.degraded == (
        "champion could not predict: no such category: boom"
    )
    assert not found.scorer.is_settled


def test_scorers_are_named_by_what_decides() -> None:
    base = champion()
    wider = {**base.intervals, "factor": 9.0}
    scorers = [
        Scorer(base),
        Scorer(champion(intervals=wider)),
        Scorer(champion(ranges={})),
        Scorer(champion(factors={})),
        Scorer(base, policy=ScoringPolicy(thin_sales=6)),
        Scorer(base, code="other"),
        Scorer(base).without_champion("away"),
        Scorer(None, NO_CHAMPION),
    ]
    assert len({scorer.fingerprint for scorer in scorers}) == len(scorers)
    assert Scorer(champion()).fingerprint == Scorer(base).fingerprint
    settled = [scorer.is_settled for scorer in scorers]
    assert settled == [True, True, True, True, True, True, False, True]


def test_intervals_of_nothing_have_the_fsd_of_a_normal_error() -> None:
    rows = features.model_inputs(feature_rows(1)).iloc[:0]
    fitted = intervals.fit_intervals(rows, np.array([]), np.array([]))
    assert intervals.fsd_ratio(fitted) == pytest.approx(0.78, abs=0.01)


OUTWARDS = (
    *("low_95_aud", "low_aud", "low_68_aud", "estimate_aud"),
    *("high_68_aud", "high_aud", "high_95_aud"),
)


def test_three_intervals_hold_what_they_promise_one_within_the_other() -> None:
    rows = feature_rows(2_000, seed=9)
    found = value_properties(rows, Scorer(champion()), nothing_known).valuations
    bounds = found[list(OUTWARDS)].to_numpy("float64")
    assert (np.diff(bounds, axis=1) >= 0).all()
    price = rows["price_aud"].to_numpy()
    for pct, low, high in ((68, 2, 4), (80, 1, 5), (95, 0, 6)):
        inside = (bounds[:, low] <= price) & (price <= bounds[:, high])
        assert 100 * inside.mean() == pytest.approx(pct, abs=6)


def test_a_refused_home_moves_no_interval_to_another_home() -> None:
    rows = feature_rows(300, seed=9)
    others = rows[40:].reset_index(drop=True)
    alone = value_properties(others, Scorer(champion()), nothing_known).valuations
    nothing = [*LEVELS, *OWN, "bedrooms", "land_area_m2"]
    rows.loc[:39, nothing] = np.nan
    rows.loc[:39, "dwelling_type"] = "other"
    valued = value_properties(rows, Scorer(champion()), nothing_known)
    assert len(valued.refusals) == 40
    found = valued.valuations
    assert found["property_id"].tolist() == alone["property_id"].tolist()
    for name in OUTWARDS:
        assert found[name].tolist() == alone[name].tolist()


def test_only_intervals_that_somebody_stated_are_told() -> None:
    rows = feature_rows(5, seed=9)
    rows["last_price_indexed_log"] = np.nan
    # The champion knows no units here; of one, it made an estimate once.
    rows["dwelling_type"] = ["unit", "unit", "unit", "house", "house"]
    rows.loc[1, "last_price_indexed_log"] = 13.5
    known = pd.DataFrame(
        {
            "estimate": [500_000],
            "low": [450_000],
            "high": [560_000],
            "low_68": [470_000],
            "high_68": [530_000],
            "low_95": [None],
            "high_95": [None],
            "confidence": [0.8],
            "fsd": [0.1],
            "model_name": ["m"],
            "model_version": ["1"],
            "valuation_date": rows["as_of_date"].iloc[0],
        },
        index=[rows["property_id"][0]],
    )
    scorer = Scorer(champion(dwelling_types=("house",)))
    found = value_properties(rows, scorer, lambda _ids: known).valuations
    assert found["method"].tolist() == [
        *("last_prediction", "indexed_last_sale", "local_median", "model", "model")
    ]
    told = found[["low_68_aud", "high_68_aud", "low_95_aud", "high_95_aud"]].notna()
    assert told.to_numpy().tolist() == [
        *([True, True, False, False], [False] * 4, [False] * 4, [True] * 4, [True] * 4)
    ]
    assert found["low_68_aud"][0] == 470_000


@given(
    estimate=st.floats(1, 1e9),
    half=st.floats(0, 1.5),
    factors=st.lists(st.floats(0.5, 5), min_size=3, max_size=3).map(sorted),
)
def test_bounds_stay_nested_when_they_are_rounded(
    estimate: float, half: float, factors: list[float]
) -> None:
    narrow, usual, wide = factors
    model = intervals.IntervalModel(80, usual, 0.1, (), {}, 100)
    dollars, width = np.array([estimate]), np.array([half])
    told, low, high = rounding.rounded(
        dollars, dollars * np.exp(-width), dollars * np.exp(width)
    )
    within, beyond = (
        rounding.rounded_where_known(
            dollars, *intervals.stretched(dollars, width, model, factor)
        )
        for factor in (narrow, wide)
    )
    outwards = [beyond[0], low, within[0], told, within[1], high, beyond[1]]
    steps = np.diff([int(each[0]) for each in outwards])
    assert (steps >= 0).all()
