from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml import fallback
from ml.refusals import REASONS, refuse, refuse_home
from ml.scoring_policy import ScoringPolicy
from tests.market_samples import feature_rows

LEVELS = [
    "suburb_type_log_price_12m",
    "postcode_type_log_price_12m",
    "suburb_log_price_12m",
    "state_type_log_price_3m",
]
OWN = ["last_price_log", "months_since_last_sale", "last_price_indexed_log"]
SIZES = ["bedrooms", "bathrooms", "land_area_m2", "building_area_m2"]
TYPES = frozenset({"house", "townhouse", "unit"})


def frame() -> pd.DataFrame:
    """Three homes that lack an own sale and nothing else."""
    rows = feature_rows(3).assign(dwelling_type="house", bedrooms=3.0)
    rows[OWN] = np.nan
    rows["as_of_date"] = pd.Timestamp("2024-06-01")
    return rows


def reasons(
    rows: pd.DataFrame,
    policy: ScoringPolicy | None = None,
    newest: date = date(2024, 5, 30),
    modelled: frozenset[str] | None = TYPES,
    by_model: float | None = None,
) -> list[str]:
    """Reason of each row, "" for none; valued by the chain, or with one FSD."""
    values = fallback.unvalued(rows)
    if by_model is None:
        known = pd.DataFrame(columns=[*fallback.RESULT]).astype(
            {"valuation_date": "datetime64[s]"}
        )
        values = fallback.value(rows, known)
    else:
        values[["estimate", "fsd"]] = 500_000.0, by_model
        values["method"] = "model"
    found = refuse(rows, values, policy or ScoringPolicy(), {"NSW": newest}, modelled)
    assert found["detail"].str.len().gt(10).all()
    return found["reason"].reindex(rows.index).fillna("").tolist()


def test_what_is_known_of_is_not_refused() -> None:
    assert reasons(frame()) == ["", "", ""]
    assert reasons(frame(), by_model=0.2) == ["", "", ""]


def blank(*columns: str) -> Callable[[pd.DataFrame], None]:
    def change(rows: pd.DataFrame) -> None:
        rows.loc[1, list(columns)] = np.nan

    return change


def odd_type(rows: pd.DataFrame) -> None:
    rows.loc[1, "dwelling_type"] = "other"
    rows.loc[1, LEVELS] = np.nan


def nothing(rows: pd.DataFrame) -> None:
    rows.loc[1, LEVELS + SIZES] = np.nan
    rows.loc[1, "dwelling_type"] = None


def shapeless(rows: pd.DataFrame) -> None:
    rows.loc[1, SIZES] = np.nan
    rows.loc[1, "dwelling_type"] = None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (blank(*LEVELS), "no_comparables"),
        (blank(*LEVELS[:3]), ""),
        (odd_type, "type_not_modelled"),
        (shapeless, "attributes_missing"),
        (nothing, "attributes_missing"),
    ],
)
def test_one_home_is_refused_for_the_first_reason_that_applies(
    change: Callable[[pd.DataFrame], None], reason: str
) -> None:
    rows = frame()
    change(rows)
    assert reasons(rows) == ["", reason, ""]


def test_a_model_alone_is_no_ground_to_stand_on() -> None:
    rows = frame()
    blank(*LEVELS)(rows)
    assert reasons(rows, by_model=0.2) == ["", "no_comparables", ""]
    rows.loc[1, "last_price_log"] = 13.0
    assert reasons(rows, by_model=0.2) == ["", "", ""]


def test_without_a_model_no_type_is_strange() -> None:
    rows = frame()
    odd_type(rows)
    assert reasons(rows, modelled=None) == ["", "no_comparables", ""]


def test_a_state_without_a_sale_for_a_year_is_stale() -> None:
    rows = frame()
    rows.loc[2, "state"] = "VIC"
    assert reasons(rows, newest=date(2023, 5, 1)) == ["stale_market"] * 2 + [""]
    assert reasons(rows, newest=date(2023, 7, 1)) == ["", "", ""]
    patient = ScoringPolicy(stale_months=14)
    assert reasons(rows, patient, newest=date(2023, 5, 1)) == ["", "", ""]


def test_an_estimate_too_unsure_is_none() -> None:
    assert reasons(frame(), by_model=0.66) == ["too_uncertain"] * 3
    assert reasons(frame(), ScoringPolicy(refuse_fsd=0.7), by_model=0.66) == [""] * 3


def test_a_states_median_passes_for_a_dwelling_and_not_for_a_shop() -> None:
    rows = frame()
    rows[LEVELS[:3]] = np.nan
    assert reasons(rows) == ["", "", ""]
    rows["dwelling_type"] = "other"
    assert reasons(rows) == ["too_uncertain"] * 3


def test_reasons_are_the_database_s_and_the_events() -> None:
    from delivery.events import EVENT_SCHEMAS, PREDICTION_WITHDRAWN

    data = EVENT_SCHEMAS[PREDICTION_WITHDRAWN]["properties"]["data"]
    assert set(data["properties"]["reason"]["enum"]) == set(REASONS)


def test_a_single_home_is_refused_as_the_batch_refuses_it() -> None:
    rng = np.random.default_rng(5)
    rows = feature_rows(400).drop(columns="price_aud")
    rows["as_of_date"] = pd.Timestamp("2024-06-01")
    rows.loc[rng.random(400) < 0.3, "state"] = "TAS"
    rows.loc[rng.random(400) < 0.1, "state"] = None
    rows.loc[rng.random(400) < 0.2, "dwelling_type"] = None
    rows.loc[rng.random(400) < 0.2, "dwelling_type"] = "other"
    for names in (LEVELS, [*OWN, "last_bid_log"], SIZES):
        rows.loc[rng.random(400) < 0.5, names] = np.nan
    methods = [None if missing else "model" for missing in rng.random(400) < 0.3]
    values = pd.DataFrame(
        {
            "method": pd.Series(methods, dtype=object),
            "fsd": rng.choice([0.1, 0.4567, 0.9, np.nan], 400),
        },
    )
    newest = {"NSW": date(2024, 5, 30), "TAS": date(2022, 5, 30)}
    policy = ScoringPolicy()
    homes = rows.astype(object).where(rows.notna(), None).to_dict("records")
    for modelled in (TYPES, None):
        batch = refuse(rows, values, policy, newest, modelled)
        said = zip(batch["reason"], batch["detail"], strict=True)
        told = dict(zip(batch.index, said, strict=True))
        assert set(batch["reason"]) == set(REASONS) - (
            set() if modelled else {"type_not_modelled"}
        )
        for at, home in enumerate(homes):
            day = {"as_of_date": date(2024, 6, 1)}
            method, fsd = methods[at], float(values.loc[at, "fsd"])
            single = refuse_home(home | day, method, fsd, policy, newest, modelled)
            assert single == told.get(at)
