"""What a population's shape remembers, and how far another lies from it."""

from __future__ import annotations

import json

import numpy as np

from ml import features
from ml.population import LEAST_ROWS, moved, population
from tests.market_samples import feature_rows


def test_the_same_homes_have_not_moved_and_others_like_them_hardly() -> None:
    homes = features.model_inputs(feature_rows(2_000))
    # As it is kept between trainings.
    shape = json.loads(json.dumps(population(homes)))
    assert max(moved(shape, homes).values()) < 1e-9
    others = features.model_inputs(feature_rows(2_000, seed=8))
    assert max(moved(shape, others).values()) < 0.1


def test_the_columns_that_moved_come_first() -> None:
    homes = features.model_inputs(feature_rows(2_000))
    shape = population(homes)
    later = homes.assign(
        land_area_m2=homes["land_area_m2"] * 3,
        bathrooms=homes["bathrooms"].where(np.arange(2_000) % 2 == 0),
        zone_code="R9",
    )
    found = moved(shape, later)
    assert list(found)[:3] == sorted(
        ("land_area_m2", "bathrooms", "zone_code"), key=lambda name: -found[name]
    )
    assert min(list(found.values())[:3]) > 0.25
    assert list(found.values())[3] < 0.01


def test_time_names_of_places_and_the_market_are_no_drift() -> None:
    homes = features.model_inputs(feature_rows(500))
    shape = population(homes)
    assert {"dwelling_type", "land_area_m2", "last_price_log", "latitude"} <= set(shape)
    assert not {"month_index", "month_of_year", "is_bid", "locality"} & set(shape)
    # A month later: all homes are older, and their state's prices have moved.
    later = homes.assign(
        month_index=homes["month_index"] + 1,
        months_since_last_sale=homes["months_since_last_sale"] + 1,
        state_type_log_price_3m=homes["state_type_log_price_3m"] + 0.01,
        suburb_type_log_price_12m=homes["suburb_type_log_price_12m"] + 0.01,
    )
    assert max(moved(shape, later).values()) < 1e-9


def test_few_homes_tell_nothing() -> None:
    homes = features.model_inputs(feature_rows(LEAST_ROWS))
    few = homes.iloc[: LEAST_ROWS - 1]
    assert moved(population(homes), few) == {}
    assert moved(population(few), homes) == {}
    assert moved({}, homes) == {}
