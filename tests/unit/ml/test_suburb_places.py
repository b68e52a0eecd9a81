"""Homes that nobody located lie where training knew their suburb to lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml import features, suburb_places, training
from ml.suburb_places import Places
from tests.market_samples import feature_rows


@pytest.fixture(scope="module")
def inputs() -> pd.DataFrame:
    return features.model_inputs(feature_rows(400, seed=3))


def without_place(inputs: pd.DataFrame, rows: slice) -> pd.DataFrame:
    made = inputs.copy()
    columns = ["latitude", "longitude", "km_to_centre", "place_level"]
    made.loc[made.index[rows], columns] = np.nan
    return made


def test_a_home_without_a_place_has_its_suburbs_mean(inputs: pd.DataFrame) -> None:
    known = without_place(inputs, slice(0, 100))
    places = suburb_places.learnt(known)
    filled = places.filled(known)
    first = known.iloc[0]
    same = known[(known["locality"] == first["locality"]) & known["latitude"].notna()]
    assert filled["latitude"].iloc[0] == pytest.approx(same["latitude"].mean())
    assert filled["km_to_centre"].iloc[0] == pytest.approx(same["km_to_centre"].mean())
    assert filled["place_level"].iloc[0] == 2
    pd.testing.assert_frame_equal(filled.iloc[100:], inputs.iloc[100:])


def test_what_is_asked_is_left_as_it_was(inputs: pd.DataFrame) -> None:
    asked = without_place(inputs, slice(0, 50))
    before = asked.copy(deep=True)
    suburb_places.learnt(inputs).filled(asked)
    pd.testing.assert_frame_equal(asked, before)


def test_a_suburb_nobody_located_stays_nowhere(inputs: pd.DataFrame) -> None:
    asked = without_place(inputs, slice(0, 50)).assign(locality="WA|NOWHERE")
    filled = suburb_places.learnt(inputs).filled(asked)
    assert filled["latitude"].isna().sum() == 50


def test_one_home_and_many_are_placed_alike(inputs: pd.DataFrame) -> None:
    places = suburb_places.learnt(inputs)
    asked = without_place(inputs, slice(0, 50))
    filled = places.filled(asked)
    for at in (0, 20, 60):
        home = {
            name: None if pd.isna(value) else value
            for name, value in asked.iloc[at].items()
        }
        made = places.home(home)
        for name in ("latitude", "longitude", "km_to_centre", "place_level"):
            assert made[name] == filled[name].iloc[at]


def test_rows_in_any_order_and_with_gaps_in_their_index(inputs: pd.DataFrame) -> None:
    asked = without_place(inputs, slice(0, 50)).iloc[::-3]
    filled = suburb_places.learnt(inputs).filled(asked)
    whole = suburb_places.learnt(inputs).filled(without_place(inputs, slice(0, 50)))
    pd.testing.assert_frame_equal(filled, whole.loc[asked.index])


def test_the_trained_model_keeps_where_suburbs_lie() -> None:
    frame = feature_rows(400, seed=5)
    trained = training.train(frame)
    assert isinstance(trained.model.places, Places)
    homes = features.model_inputs(frame.iloc[:20])
    placed = trained.model.places.filled(without_place(homes, slice(0, 20)))
    nowhere = trained.model.predict(without_place(homes, slice(0, 20)))
    np.testing.assert_array_equal(nowhere, trained.model.predict(placed))
