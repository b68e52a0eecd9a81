import math
from dataclasses import replace

import pytest

from ml.bootstrap import Bounds
from ml.promotion import (
    Evidence,
    Measures,
    decide,
    difference_from_tags,
    difference_to_tags,
    measures_from_tags,
    measures_to_tags,
)

GOOD = Evidence(
    challenger=Measures(500, 10.0, 12.0, 1.01, 80.5),
    baseline=Measures(500, 18.0, 25.0, 0.97),
)
CHAMPION = Measures(200, 10.2, 12.5, 1.0)


def challenger(**changes: float) -> Evidence:
    return replace(GOOD, challenger=replace(GOOD.challenger, **changes))  # type: ignore[arg-type]


def beside(mdape: float, difference: Bounds) -> Evidence:
    return replace(
        GOOD,
        champion=CHAMPION,
        challenger_beside_champion=replace(CHAMPION, mdape=mdape),
        difference=difference,
    )


@pytest.mark.parametrize(
    ("evidence", "failed"),
    [
        (GOOD, None),
        (challenger(mdape=18.0), None),
        (challenger(mdape=18.1), "not_worse_than_baseline"),
        (challenger(mdape=math.nan), "not_worse_than_baseline"),
        (challenger(n=4), "enough_later_sales"),
        (challenger(cod=26.0), "uniformity"),
        (challenger(median_ratio=1.2), "level"),
        (challenger(median_ratio=1.2, n=20), None),
        (challenger(coverage_pct=60.0), "interval_coverage"),
        (challenger(coverage_pct=math.nan), None),
        (replace(GOOD, champion=CHAMPION), None),
        (
            replace(GOOD, champion=replace(CHAMPION, mdape=9.4)),
            "not_worse_than_champion",
        ),
        (
            replace(
                GOOD,
                champion=CHAMPION,
                challenger_beside_champion=replace(CHAMPION, mdape=12.0),
            ),
            "not_worse_than_champion",
        ),
        # On the same sales: worse, but no more than luck; then beyond it.
        (beside(12.0, Bounds(-0.3, 3.9)), None),
        (beside(10.5, Bounds(0.2, 0.4)), "not_worse_than_champion"),
        (beside(10.3, Bounds(0.05, 0.2)), None),
    ],
)
def test_a_challenger_is_approved_unless_a_gate_fails(
    evidence: Evidence, failed: str | None
) -> None:
    decision = decide(evidence, "development")
    names = {gate.name for gate in decision.gates if not gate.passed}
    assert names == (set() if failed is None else {failed})
    assert decision.action == ("approved" if failed is None else "rejected")
    assert decision.promotes is (failed is None)


def test_the_demo_says_that_it_approved_itself() -> None:
    decision = decide(GOOD, "development")
    assert decision.actor == "demo"
    assert "approved itself" in decision.reason


def test_production_waits_for_a_person() -> None:
    decision = decide(GOOD, "production")
    assert decision.action == "awaiting_review"
    assert not decision.promotes


def test_production_rejects_what_fails_too() -> None:
    assert decide(challenger(n=1), "production").action == "rejected"


def test_measures_survive_being_tags() -> None:
    for measures in (GOOD.challenger, GOOD.baseline):
        again = measures_from_tags(measures_to_tags(measures, "x_"), "x_")
        assert str(again) == str(measures)
    assert measures_from_tags({}, "x_") is None


@pytest.mark.parametrize("difference", [None, Bounds(-0.25, 1.5)])
def test_a_difference_survives_being_tags(difference: Bounds | None) -> None:
    assert difference_from_tags(difference_to_tags(difference)) == difference
