import datetime

import numpy as np
import pandas as pd
import pytest

from ml.backtest import NothingToJudgeError, backtest
from tests.market_samples import feature_rows

CUT = datetime.date(2023, 7, 1)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return feature_rows(900)


def test_every_later_sale_is_valued_by_what_was_known_before(
    frame: pd.DataFrame,
) -> None:
    found = backtest(frame, CUT)
    later = frame["as_of_date"] >= pd.Timestamp(CUT)
    assert set(found.rows["sale_id"]) == set(frame["sale_id"][later])
    measures = found.measures()
    assert measures["hit_rate"] == 100
    assert measures["n"] == later.sum()
    assert measures["mdape"] < 15
    assert measures["mdape_low"] < measures["mdape"] < measures["mdape_high"]
    widths = [measures[f"width_{pct}"] for pct in (68, 80, 95)]
    assert widths == sorted(widths)
    covered = [measures[f"coverage_{pct}"] for pct in (68, 80, 95)]
    assert covered == sorted(covered)
    assert measures["fit_seconds"] > 0


def test_no_price_on_or_after_the_date_moves_an_estimate(frame: pd.DataFrame) -> None:
    later = frame["as_of_date"] >= pd.Timestamp(CUT)
    planted = frame.assign(price_aud=frame["price_aud"].where(~later, 9e9))
    one, other = backtest(frame, CUT).rows, backtest(planted, CUT).rows
    for column in ("estimate_aud", "low_80", "high_80"):
        assert np.array_equal(one[column], other[column])


def test_monthly_learns_from_every_month_before(frame: pd.DataFrame) -> None:
    found = backtest(frame, datetime.date(2023, 10, 15), "monthly")
    cuts = sorted({str(day)[:10] for day in found.rows["trained_before"]})
    assert cuts == ["2023-10-15", "2023-11-01", "2023-12-01"]
    assert found.trainings == 3
    assert (found.rows["as_of_date"] >= found.rows["trained_before"]).all()
    months = found.by_group()["months_since_training"]
    assert set(months) == {"0"}


def test_a_type_that_was_not_learnt_is_refused_and_counted(frame: pd.DataFrame) -> None:
    early = frame["as_of_date"] < pd.Timestamp(CUT)
    found = backtest(frame[~early | (frame["dwelling_type"] != "townhouse")], CUT)
    refused = found.rows[found.rows["refused"] != ""]
    assert set(refused["dwelling_type"]) == {"townhouse"}
    assert set(refused["refused"]) == {"dwelling_type_not_learnt"}
    assert refused["estimate_aud"].isna().all()
    measures = found.measures()
    assert measures["n"] == len(found.rows) - len(refused)
    assert measures["hit_rate"] == pytest.approx(100 * measures["n"] / len(found.rows))


def test_groups_share_the_sales_out(frame: pd.DataFrame) -> None:
    found = backtest(frame, CUT)
    groups = found.by_group()
    assert set(groups) == {
        "market",
        "dwelling_type",
        "price_decile",
        "suburb_sales",
        "months_since_training",
    }
    for parts in groups.values():
        assert sum(part["n"] for part in parts.values()) == len(found.rows)
    assert set(groups["price_decile"]) == {str(n) for n in range(1, 11)}


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (datetime.date(2021, 1, 1), "no sale before 2021-01-01"),
        (datetime.date(2025, 1, 1), "no sale from 2025-01-01 on"),
    ],
)
def test_a_date_without_sales_on_a_side_is_refused(
    frame: pd.DataFrame, day: datetime.date, words: str
) -> None:
    with pytest.raises(NothingToJudgeError, match=words):
        backtest(frame, day)
