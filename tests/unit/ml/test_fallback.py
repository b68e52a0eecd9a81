import numpy as np
import pandas as pd
import pytest

from ml.fallback import RESULT, value
from tests.market_samples import feature_rows


def frame() -> pd.DataFrame:
    """Three properties: all known, only the suburb known, nothing known."""
    rows = feature_rows(3)
    rows["last_price_indexed_log"] = [np.log(500_000), np.nan, np.nan]
    rows["months_since_last_sale"] = [24.0, np.nan, np.nan]
    for name in (
        "suburb_type_log_price_12m",
        "postcode_type_log_price_12m",
        "suburb_log_price_12m",
        "state_type_log_price_3m",
    ):
        rows[name] = [13.0, np.log(800_000), np.nan]
    rows["as_of_date"] = pd.Timestamp("2024-06-01")
    return rows


def known(rows: pd.DataFrame) -> pd.DataFrame:
    names = ["property_id", *[n for n in RESULT if n != "method"]]
    found = (
        *(rows["property_id"][0], 900_000, 800_000, 1_000_000),
        *(850_000, 950_000, None, None, 0.8, 0.1, "m", "7"),
    )
    frame = pd.DataFrame([(*found, pd.Timestamp("2024-04-01"))], columns=[
        "property_id", "estimate", "low", "high", "low_68", "high_68", "low_95",
        "high_95", "confidence", "fsd", "model_name", "model_version",
        "valuation_date",
    ])  # fmt: skip
    assert set(frame) == set(names)
    return frame.set_index("property_id")


def test_each_property_is_valued_by_the_first_method_that_can() -> None:
    rows = frame()
    found = value(rows, known(rows).iloc[:0])
    assert found["method"][:2].tolist() == ["indexed_last_sale", "local_median"]
    assert found["method"].isna().tolist() == [False, False, True]
    assert found["estimate"][:2].tolist() == pytest.approx([500_000, 800_000])
    assert (found["low"] < found["estimate"])[:2].all()
    assert found["confidence"][0] > found["confidence"][1] > 0


def test_the_last_good_estimate_comes_first_and_keeps_its_date_and_model() -> None:
    rows = frame()
    first = value(rows, known(rows)).iloc[0]
    assert first["method"] == "last_prediction"
    assert (first["estimate"], first["model_version"]) == (900_000, "7")
    assert first["valuation_date"] == pd.Timestamp("2024-04-01")
    # Two months old and not from a model now: less sure than the 0.8 it had.
    assert 0.6 < first["confidence"] < 0.75
    assert 0.11 < first["fsd"] < 0.12


def test_what_is_not_a_dwelling_is_valued_with_less_confidence() -> None:
    rows = frame()
    usual = value(rows, known(rows).iloc[:0])
    other = value(rows.assign(dwelling_type="other"), known(rows).iloc[:0])
    assert other["method"].equals(usual["method"])
    assert other["estimate"].equals(usual["estimate"])
    assert (other["confidence"] < usual["confidence"] - 0.05)[:2].all()
    assert (other["high"] > usual["high"])[:2].all()
