"""A neighbour that a sale sees itself in is caught; one of earlier months is not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KDTree

from ml import evaluation, features, training
from ml.gates import Evidence, Measures, decide
from ml.leakage import Finding, sights
from tests.market_samples import feature_rows

LAG = "nearby_log_price"
FEW = training.TrainingPolicy()


@pytest.fixture(scope="module")
def market() -> pd.DataFrame:
    """Homes scattered in their suburbs, where places a street apart are alike."""
    frame = feature_rows(3_000, suburbs=20, noise=0.2)
    rng = np.random.default_rng(3)
    for name in ("latitude", "longitude"):
        frame[name] += rng.uniform(0, 0.01, len(frame))
    return frame.assign(**{LAG: _lag(frame, sees_itself=False)})


def test_the_neighbour_that_is_the_sale_itself_is_caught(market: pd.DataFrame) -> None:
    planted = market.assign(**{LAG: _lag(market, sees_itself=True)})

    (found,) = sights(planted, [LAG])

    assert found.sees_itself
    assert found.own > 0.3 > found.beside
    gates = decide(_evidence(planted), "development").gates
    (gate,) = [gate for gate in gates if gate.name == "no_self_seeing_feature"]
    assert not gate.passed
    assert gate.finding.startswith(f"has seen the price it explains: {LAG} (+0.")
    assert decide(_evidence(planted), "development").action == "rejected"


def test_what_earlier_months_tell_passes(market: pd.DataFrame) -> None:
    found = sights(market)

    assert {LAG, "suburb_type_log_price_12m"} <= {sight.column for sight in found}
    assert not [sight for sight in found if sight.sees_itself]
    assert decide(_evidence(market), "development").action == "approved"


def test_the_planted_neighbour_looks_splendid_and_values_worse(
    market: pd.DataFrame,
) -> None:
    """Why it must be caught: the hold-out, made of the same rows, praises it."""
    planted = market.assign(**{LAG: _lag(market, sees_itself=True)})
    cut = market["as_of_date"].quantile(0.8)
    later = market[market["as_of_date"] >= cut]

    def trained(frame: pd.DataFrame) -> tuple[float, float]:
        found = training.train(frame[frame["as_of_date"] < cut], FEW)
        estimate = training.predict(found.model, features.model_inputs(later))
        price = later["price_aud"].to_numpy()
        return found.headline.mdape, evaluation.accuracy(price, estimate).mdape

    honest, told = trained(market), trained(planted)

    assert told[0] < honest[0] - 1
    assert told[1] > honest[1] + 1


def test_columns_that_few_sales_know_are_not_judged(market: pd.DataFrame) -> None:
    rare = market.copy()
    rare.loc[rare.index[50:], LAG] = np.nan

    assert sights(rare, [LAG]) == []
    assert sights(market.iloc[:0], [LAG]) == []


def test_a_version_keeps_the_finding(market: pd.DataFrame) -> None:
    found = Finding.of(sights(market))

    assert found.judged >= 2
    assert found.seen == ()
    assert Finding.from_tags(found.to_tags()) == found
    seen = replace(found, seen=("a (+0.20)", "b (+0.10)"))
    assert Finding.from_tags(seen.to_tags()) == seen
    assert Finding.from_tags({}) is None


def _evidence(frame: pd.DataFrame) -> Evidence:
    good = Measures(500, 8.0, 10.0, 1.0)
    baseline = replace(good, mdape=math.inf)
    return Evidence(good, baseline, leakage=Finding.of(sights(frame)))


def _lag(frame: pd.DataFrame, sees_itself: bool) -> np.ndarray:
    """Mean log price of the nearest eight of the type, nearer ones weighing more.

    Of all sales, or of earlier months alone.
    """
    log = np.log(frame["price_aud"].to_numpy())
    place = frame[["latitude", "longitude"]].to_numpy()
    month = frame["month_index"].to_numpy()
    kinds = frame["dwelling_type"].to_numpy()
    lag = np.full(len(frame), np.nan)
    for now, kind in {*zip(month, kinds, strict=True)}:
        asked = (month == now) & (kinds == kind)
        known = (kinds == kind) & (sees_itself | (month < now))
        if known.sum() < 8:
            continue
        away, nearest = KDTree(place[known]).query(place[asked], 8)
        lag[asked] = np.average(
            log[known][nearest], axis=1, weights=1 / (away + 0.0005)
        )
    return lag
