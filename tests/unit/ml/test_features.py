import numpy as np
import pandas as pd

from ml.features import CATEGORIES, COLUMNS, FEATURES, NUMBERS, model_inputs
from tests.market_samples import feature_rows


def test_every_feature_is_documented_and_named_once() -> None:
    assert len({f.name for f in FEATURES}) == len(FEATURES)
    assert all(f.unit and f.meaning and f.as_of for f in FEATURES)


def test_inputs_have_one_form_whatever_the_frame_came_from() -> None:
    frame = feature_rows(20)
    integers = frame.assign(bedrooms=pd.array([3] * 20, dtype="Int64"))
    text = frame.assign(zone_code=pd.array([None] * 20, dtype="string"))
    for given in (frame, integers, text):
        inputs = model_inputs(given)
        assert list(inputs) == list(COLUMNS)
        assert {str(t) for t in inputs[list(NUMBERS)].dtypes} == {"float64"}
        assert {str(t) for t in inputs[list(CATEGORIES)].dtypes} == {"object"}
    assert all(np.isnan(v) for v in model_inputs(text)["zone_code"])
