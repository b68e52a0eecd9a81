import math
from dataclasses import replace

import pytest

from ml.bootstrap import Bounds
from ml.gates import (
    Evidence,
    Measures,
    decide,
    difference_from_tags,
    difference_to_tags,
    markets_from_tags,
    markets_to_tags,
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


def test_uniformity_is_no_worse_than_the_champions_on_the_same_sales() -> None:
    champion = replace(CHAMPION, prd=1.01)

    def judged(**changes: float) -> list[str]:
        own = replace(champion, mdape=10.1, **changes)  # type: ignore[arg-type]
        evidence = replace(
            GOOD,
            champion=champion,
            challenger_beside_champion=own,
            difference=Bounds(-0.4, 0.2),
        )
        found = decide(evidence, "production").gates
        return [gate.name for gate in found if not gate.passed]

    assert judged() == []
    assert judged(cod=13.0, prd=1.02) == []
    assert judged(cod=13.1) == ["ratio_study_not_worse"]
    assert judged(prd=0.97) == ["ratio_study_not_worse"]


def test_one_market_that_got_worse_is_enough_and_is_named() -> None:
    markets = {"VIC unit": Bounds(0.4, 2.1), "VIC house": Bounds(-0.9, 0.1)}
    evidence = replace(beside(10.1, Bounds(-0.4, 0.2)), markets=markets)
    decision = decide(evidence, "development")
    assert not decision.promotes
    assert "VIC unit (+0.4 to +2.1 points)" in decision.reason
    assert "VIC house" not in decision.reason
    assert markets_from_tags(markets_to_tags(markets)) == markets
    assert markets_to_tags({}) == markets_from_tags({}) == {}
    lucky = replace(evidence, markets={"VIC unit": Bounds(-0.2, 2.1)})
    assert decide(lucky, "development").promotes


def test_a_model_too_large_or_too_slow_is_refused() -> None:
    sized = replace(GOOD, model_bytes=80e6, microseconds=200.0)
    assert decide(sized, "development").promotes
    for changes in ({"model_bytes": 501e6}, {"microseconds": 5_001.0}):
        found = decide(replace(sized, **changes), "development")  # type: ignore[arg-type]
        assert [g.name for g in found.gates if not g.passed] == ["size_and_speed"]


def test_the_interval_may_stray_as_far_as_luck_takes_so_many_sales() -> None:
    def holds(n: int, coverage: float) -> bool:
        found = decide(challenger(n=n, coverage_pct=coverage), "production").gates
        return next(g.passed for g in found if g.name == "interval_coverage")

    assert holds(100, 93.0)
    assert not holds(10_000, 84.0)
    assert holds(10_000, 83.0)
    assert not holds(100, 60.0)
