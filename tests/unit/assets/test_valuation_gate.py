"""Shares of few homes say nothing of a model; what partitions found adds up."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from assets.valuation_gate import judge_valuations, together
from expectations.runner import SuiteResult
from tests.market_samples import feature_rows


def homes(
    count: int, odd: int, estimate: int = 500_000, low_68: int | None = None
) -> SuiteResult:
    """The gate's answer about homes, some of them with an absurd interval."""
    rows = feature_rows(count)
    valuations = pd.DataFrame(
        {
            "property_id": rows["property_id"],
            "valuation_date": rows["as_of_date"].max(),
            "estimate_aud": estimate,
            "low_aud": [10_000] * odd + [int(estimate * 0.8)] * (count - odd),
            "high_aud": int(estimate * 1.2),
            "low_68_aud": pd.Series([low_68] * count, dtype="Int64"),
            "high_68_aud": None,
            "low_95_aud": None,
            "high_95_aud": None,
            "confidence": 0.7,
            "method": "model",
            "source_row_number": rows["source_row_number"],
        }
    )
    return judge_valuations(valuations, rows.assign(months_since_last_sale=None))


@pytest.mark.parametrize(
    ("count", "odd", "passes"),
    [(5, 3, True), (300, 20, True), (300, 21, False), (5, 0, True)],
)
def test_a_share_of_few_homes_is_judged_as_of_a_thousand(
    count: int, odd: int, *, passes: bool
) -> None:
    assert homes(count, odd).passed is passes


def test_a_rule_without_a_share_holds_for_a_single_home() -> None:
    answer = homes(5, 0, estimate=-900)
    assert not answer.passed


@pytest.mark.parametrize(
    ("low_68", "nested"), [(None, True), (400_000, True), (399_999, False)]
)
def test_a_68_percent_interval_lies_within_that_of_80(
    low_68: int | None, *, nested: bool
) -> None:
    broken = homes(40, 0, low_68=low_68).failures("error")
    assert [rule.name for rule in broken] == (
        [] if nested else ["intervals_are_nested"]
    )


def test_answers_of_partitions_are_told_as_one() -> None:
    good, bad = homes(40, 0), homes(300, 30)
    both = together([good, bad])
    assert (both.rows, both.passed) == (340, False)
    (failed,) = both.failures("error")
    assert failed.observed == "30 of 300 rows", "where it failed, not of all"
    lenient = together([good, homes(40, 3), replace(good, rows=0, results=())])
    assert (lenient.rows, lenient.passed) == (80, True)
    assert "3 of 80 rows" in {rule.observed for rule in lenient.results}
    assert together([replace(good, rows=0, results=(), note="no rows")]).passed
