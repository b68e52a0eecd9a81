"""When a training is due, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ml.promises import Experience, Promise
from ml.retraining import Facts, LastTraining, RetrainingPolicy, due

MONDAY = datetime(2026, 3, 2, 2, 5, tzinfo=UTC)
LAST = LastTraining(MONDAY, "4", "recipe", "data", 10_000)
#: Two days later a hundred sales more.
CALM = Facts(
    now=MONDAY + timedelta(days=2),
    last=LAST,
    recipe="recipe",
    snapshot="more data",
    sales=10_100,
    promise=Promise("3", 2_500, 10.0),
    experience=Experience(80, 42, 10.3, 80, 64),
    drift={"land_area_m2": 0.04, "zone_code": 0.01},
)


def test_a_calm_market_waits_for_its_week_and_says_so() -> None:
    verdict = due(CALM)
    assert (verdict.due, verdict.status) == (False, "not due")
    assert verdict.next_on == date(2026, 3, 9)
    assert verdict.reason == (
        "2 days since the last training (limit 7); +100 sales, 1.0 % of those learnt "
        "from (limit 5 %); MdAPE 10.3 % on 80 later sales, promised 10.0 %; 52 % of "
        "errors above that (luck: up to 63 %); homes moved most in land_area_m2, PSI "
        "0.04 (limit 0.25). Next on 2026-03-09 at the latest"
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"last": None}, "there is no version yet"),
        ({"recipe": "other"}, "code, settings of the model or environment changed"),
        ({"asked": True}, "asked for, and the data changed"),
        # The schedule's run of a week later may begin a few minutes earlier.
        (
            {"now": MONDAY + timedelta(days=7, minutes=-5)},
            "7 days since the last training (limit 7)",
        ),
        ({"sales": 10_500}, "+500 sales, 5.0 % of those learnt from (limit 5 %)"),
        # A batch that was discarded is no longer to be believed.
        ({"sales": 9_400}, "-600 sales, 6.0 % of those learnt from (limit 5 %)"),
        (
            {"experience": Experience(80, 60, 16.0, 80, 50)},
            (
                "MdAPE 16.0 % on 80 later sales, promised 10.0 %; 75 % of errors above "
                "that (luck: up to 63 %)"
            ),
        ),
        (
            {"drift": {"zone_code": 0.31}},
            "homes moved most in zone_code, PSI 0.31 (limit 0.25)",
        ),
    ],
)
def test_each_trigger_alone_makes_it_due(
    changed: dict[str, object], reason: str
) -> None:
    verdict = due(replace(CALM, **changed))  # type: ignore[arg-type]
    assert (verdict.due, verdict.status, verdict.reason) == (True, "due", reason)


@pytest.mark.parametrize(
    "changed",
    [
        # As bad, of too few sales to tell.
        {"experience": Experience(29, 29, 40.0, 29, 0)},
        # More than luck makes, but not worth a training.
        {
            "promise": Promise("3", 90_000, 10.0),
            "experience": Experience(90_000, 47_000, 10.4, 0, 0),
        },
        {"promise": None, "experience": None},
        {"drift": {}},
        {"now": MONDAY + timedelta(days=6, hours=21)},
    ],
)
def test_what_is_luck_or_little_makes_it_not_due(changed: dict[str, object]) -> None:
    assert not due(replace(CALM, **changed)).due  # type: ignore[arg-type]


def test_the_same_data_are_never_due_but_for_other_code() -> None:
    same = replace(
        CALM,
        snapshot="data",
        now=MONDAY + timedelta(days=400),
        asked=True,
        drift={"zone_code": 9.0},
    )
    verdict = due(same)
    assert (verdict.due, verdict.status) == (False, "unchanged")
    assert verdict.reason == "version 4 was trained on these very data"
    assert due(replace(same, recipe="other")).due


def test_several_reasons_are_all_told_and_the_policy_is_data() -> None:
    facts = replace(CALM, sales=11_000, drift={"zone_code": 0.5})
    assert due(facts).reason.count("; ") == 1
    lenient = RetrainingPolicy(every_days=30, changed_share=0.2, drift_limit=0.6)
    verdict = due(facts, lenient)
    assert not verdict.due
    assert verdict.next_on == date(2026, 4, 1)
