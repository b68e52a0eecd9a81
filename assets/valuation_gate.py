"""Valuations before they are written: what the suite `price_predictions` is asked.

Belongs here: putting each estimate beside what its own property last sold for, and
adding up the answers of a scoring's partitions. The rules are
`expectations.predictions`; the step that obeys them is `predictions`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from expectations.runner import RuleResult, SuiteResult

#: Older sales say little of what a home is worth.
MONTHS = 60
#: A rule that lets a share of the homes break it judges fewer homes as if there were so
#: many: one odd home of the ten revalued today says nothing of the model.
FEW_HOMES = 1_000
#: Bounds from the outside in, and out again.
_OUTWARDS = (
    "low_95_aud",
    "low_aud",
    "low_68_aud",
    "estimate_aud",
    "high_68_aud",
    "high_aud",
    "high_95_aud",
)


def judge_valuations(valuations: pd.DataFrame, homes: pd.DataFrame) -> SuiteResult:
    """The suite's answer about valuations (`Partition.valuations`) of feature rows."""
    from expectations.runner import SUITES, run_frame

    answer = run_frame(with_ratios(valuations, homes), "price_predictions")
    allowed = {
        rule.name: (1 - float(rule.arguments["mostly"])) * FEW_HOMES
        for rule in SUITES[answer.suite]().rules
        if rule.arguments.get("mostly") is not None
    }

    def lenient(found: RuleResult) -> RuleResult:
        few = 0 < found.unexpected_count <= allowed.get(found.name, 0) + 1e-9
        return replace(found, success=True) if few and not found.success else found

    return replace(answer, results=tuple(map(lenient, answer.results)))


def together(answers: list[SuiteResult]) -> SuiteResult:
    """The answers about the partitions of a scoring (one at least) as one."""
    judged = [answer for answer in answers if answer.rows] or answers[-1:]
    rows = sum(answer.rows for answer in judged)
    results: list[RuleResult] = []
    for same in zip(*(answer.results for answer in judged), strict=True):
        # What stopped a scoring is told with its sample and its own words.
        worst = min(same, key=lambda found: found.success)
        count = sum(found.unexpected_count for found in same)
        if worst.success or len(judged) == 1:
            told = f"{count:,} of {rows:,} rows" if count else worst.observed
            worst = replace(worst, unexpected_count=count, observed=told)
        results.append(worst)
    seconds = round(sum(answer.seconds for answer in judged), 3)
    # Great Expectations' own results are those of one partition: the one that failed,
    # else the last.
    shown = min(reversed(judged), key=lambda answer: answer.passed)
    return replace(shown, rows=rows, results=tuple(results), seconds=seconds)


def with_ratios(valuations: pd.DataFrame, homes: pd.DataFrame) -> pd.DataFrame:
    """The valuations with three columns more.

    `interval_ratio` is upper by lower bound; `least_step_aud` the smallest step from
    the 95 % interval's lower bound inwards to the estimate and on to its upper one,
    below 0 where they are not nested; `last_sale_ratio` the estimate by the
    price of the property's own last market sale in `homes` (feature rows), missing
    where that is older than MONTHS or there is none.
    """
    import numpy as np

    recent = homes["months_since_last_sale"] <= MONTHS
    sold = homes["last_price_log"].where(recent).set_axis(homes["property_id"])
    bounds = valuations[list(_OUTWARDS)].to_numpy("float64", na_value=np.nan)
    last = np.exp(valuations["property_id"].map(sold).astype("float64"))
    return valuations.assign(
        interval_ratio=valuations["high_aud"] / valuations["low_aud"].clip(lower=1),
        least_step_aud=np.fmin.reduce(np.diff(bounds, axis=1), axis=1),
        last_sale_ratio=valuations["estimate_aud"] / last,
    )
