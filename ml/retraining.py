"""Is a training due? A pure function of facts, with the reason in words.

Training on every change of the data would give reviewers a version a day that says
what yesterday's said. So a change waits for its week, unless it is large, or the
champion's estimates turn out worse than it promised, or the homes it is to value are
no longer those it was trained for.

Elsewhere: gathering the facts (the asset), what breaks a promise (``promises``), what
moved (``population``), never two trainings at once (``registration``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ml.promises import BoundsPolicy, Experience, Promise, error_finding


@dataclass(frozen=True)
class RetrainingPolicy:
    """When to train again.

    ``every_days`` counts days by date (UTC). ``changed_share`` is of the sales last
    learnt from, come or gone. ``drift_limit`` is a population stability index;
    ``bounds`` says when later sales break the champion's promise.
    """

    every_days: int = 7
    changed_share: float = 0.05
    drift_limit: float = 0.25
    bounds: BoundsPolicy = field(default_factory=BoundsPolicy)


@dataclass(frozen=True)
class LastTraining:
    """The training that finished last: when, what it gave and what it learnt.

    ``recipe`` names code, settings and environment, ``snapshot`` the data; ``sales`` is
    how many sales there were (bids not counted).
    """

    at: datetime
    version: str
    recipe: str
    snapshot: str
    sales: int


@dataclass(frozen=True)
class Facts:
    """What is known now.

    ``asked``: somebody wants a training as soon as the data changed. ``experience`` is
    what came in since the last training of sales that the champion's ``promise`` is
    held to. ``drift`` by column, largest first.
    """

    now: datetime
    last: LastTraining | None
    recipe: str
    snapshot: str
    sales: int
    asked: bool = False
    promise: Promise | None = None
    experience: Experience | None = None
    drift: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether to train; why, or why not; and when at the latest (None: on a change)."""

    due: bool
    reason: str
    changed: bool = True
    next_on: date | None = None

    @property
    def status(self) -> str:
        """In two words."""
        if self.due:
            return "due"
        return "not due" if self.changed else "unchanged"


def due(facts: Facts, policy: RetrainingPolicy | None = None) -> Verdict:
    """Decide from the facts alone; the same facts give the same verdict."""
    chosen = policy or RetrainingPolicy()
    last = facts.last
    if last is None:
        return Verdict(True, "there is no version yet")
    if last.recipe != facts.recipe:
        return Verdict(True, "code, settings of the model or environment changed")
    if last.snapshot == facts.snapshot:
        reason = f"version {last.version} was trained on these very data"
        return Verdict(False, reason, changed=False)
    if facts.asked:
        return Verdict(True, "asked for, and the data changed")
    findings = [
        _week(facts.now, last, chosen),
        _change(facts.sales, last, chosen),
        _promise(facts, chosen),
        _drift(facts.drift, chosen),
    ]
    reasons = [told for holds, told in findings if holds]
    if reasons:
        return Verdict(True, "; ".join(reasons))
    next_on = last.at.date() + timedelta(days=chosen.every_days)
    told = "; ".join(told for _, told in findings)
    return Verdict(False, f"{told}. Next on {next_on} at the latest", next_on=next_on)


def _week(
    now: datetime, last: LastTraining, policy: RetrainingPolicy
) -> tuple[bool, str]:
    # By date: a run that starts a minute earlier than last week's is no day early.
    days = (now.date() - last.at.date()).days
    unit = "day" if days == 1 else "days"
    told = f"{days} {unit} since the last training (limit {policy.every_days})"
    return days >= policy.every_days, told


def _change(
    sales: int, last: LastTraining, policy: RetrainingPolicy
) -> tuple[bool, str]:
    change = sales - last.sales
    share = abs(change) / max(last.sales, 1)
    told = (
        f"{change:+,} sales, {100 * share:.1f} % of those learnt from "
        f"(limit {100 * policy.changed_share:g} %)"
    )
    return share >= policy.changed_share, told


def _promise(facts: Facts, policy: RetrainingPolicy) -> tuple[bool, str]:
    if facts.promise is None or facts.experience is None:
        return False, "no champion to hold to a promise"
    finding = error_finding(facts.experience, facts.promise, policy.bounds)
    return finding.broken, finding.told


def _drift(drift: Mapping[str, float], policy: RetrainingPolicy) -> tuple[bool, str]:
    if not drift:
        return False, "too few homes to tell drift"
    name, most = max(drift.items(), key=lambda item: item[1])
    told = f"homes moved most in {name}, PSI {most:.2f} (limit {policy.drift_limit:g})"
    return most >= policy.drift_limit, told
