from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml import fallback, features, intervals
from ml.scoring import NO_CHAMPION, Scorer, value_properties
from ml.scoring_policy import ScoringPolicy
from ml.tracking import LoadedModel, Version
from tests.market_samples import feature_rows


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
        Scorer(base, policy=ScoringPolicy(thin_sales=6)),
        Scorer(base, code="other"),
        Scorer(base).without_champion("away"),
        Scorer(None, NO_CHAMPION),
    ]
    assert len({scorer.fingerprint for scorer in scorers}) == len(scorers)
    assert Scorer(champion()).fingerprint == Scorer(base).fingerprint
    settled = [scorer.is_settled for scorer in scorers]
    assert settled == [True, True, True, True, True, False, True]


def test_intervals_of_nothing_have_the_fsd_of_a_normal_error() -> None:
    rows = features.model_inputs(feature_rows(1)).iloc[:0]
    fitted = intervals.fit_intervals(rows, np.array([]), np.array([]))
    assert intervals.fsd_ratio(fitted) == pytest.approx(0.78, abs=0.01)
