"""The promotion gate: what is asked of a challenger, its thresholds, its evidence.

A pure function of evidence, which a version carries as tags. Elsewhere: the ledger of
decisions (``promotion``), gathering the evidence (``registration``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ml.bootstrap import Bounds
from ml.leakage import Finding

Action = Literal[
    "approved", "rejected", "awaiting_review", "observed", "rolled_back", "reverted"
]
Environment = Literal["development", "production"]
DEMO_ACTOR = "demo"


@dataclass(frozen=True)
class Measures:
    """What the gate reads of a model, measured on later sales.

    In percent, but ``median_ratio`` (estimate / price) and ``prd`` (around 1); NaN
    where unknown.
    """

    n: int
    mdape: float
    cod: float
    median_ratio: float
    coverage_pct: float = math.nan
    prd: float = math.nan


@dataclass(frozen=True)
class Evidence:
    """What a decision rests on.

    The challenger on its whole hold-out, the naive baseline on the same sales, and
    both models on the sales neither has seen (``None`` when there is no champion).
    ``difference`` bounds the challenger's MdAPE less the champion's on those sales
    (points), where both could be asked, and ``markets`` the same in each state and
    dwelling type with sales enough. The saved model's ``model_bytes``, and what valuing
    one home among many took it (``microseconds``). ``leakage`` is what the training
    rows' market columns follow. ``basis`` says where the comparison comes from, in
    words.
    """

    challenger: Measures
    baseline: Measures
    champion: Measures | None = None
    challenger_beside_champion: Measures | None = None
    difference: Bounds | None = None
    markets: Mapping[str, Bounds] = field(default_factory=dict)
    model_bytes: float = math.nan
    microseconds: float = math.nan
    leakage: Finding | None = None
    basis: str = ""


@dataclass(frozen=True)
class GatePolicy:
    """Thresholds, as data. Points are percentage points."""

    min_sales: int = 5
    # The median ratio of fewer sales than this strays beyond the limits by chance.
    min_sales_for_level: int = 30
    # Where both models can be asked: worse by more than so much, and that beyond luck.
    champion_mdape_points: float = 0.1
    # Where only recorded figures of other sales can be compared.
    champion_mdape_slack: float = 0.5
    # Beside the champion, on the same sales.
    champion_cod_slack: float = 0.5
    champion_prd_slack: float = 0.01
    baseline_cod_slack: float = 0.5
    level_low: float = 0.90
    level_high: float = 1.10
    # Of the 80 % interval, beyond what luck does to so many sales once in a hundred.
    coverage_points: float = 2.0
    # What every scorer must load, and wait for.
    most_bytes: float = 500e6
    most_microseconds: float = 5_000.0


@dataclass(frozen=True)
class Gate:
    """One check: what was found, the limit, and whether it held."""

    name: str
    passed: bool
    finding: str


@dataclass(frozen=True)
class Decision:
    """What happens to a challenger, who says so, why, and every gate's finding."""

    action: Action
    actor: str
    reason: str
    gates: tuple[Gate, ...]

    @property
    def promotes(self) -> bool:
        """Whether the champion alias moves now."""
        return self.action == "approved"


def decide(
    evidence: Evidence, environment: Environment, policy: GatePolicy | None = None
) -> Decision:
    """Judge a challenger.

    A failed gate rejects it everywhere. When all hold, a development environment
    approves itself and says so; production waits for a reviewer.
    """
    gates = _gates(evidence, policy or GatePolicy())
    failed = [gate for gate in gates if not gate.passed]
    if failed:
        reason = "; ".join(gate.finding for gate in failed)
        return Decision("rejected", "gate", f"gates failed: {reason}", gates)
    summary = f"all {len(gates)} gates held: {gates[1].finding}"
    if environment == "development":
        reason = f"demo approved itself, no person looked; {summary}"
        return Decision("approved", DEMO_ACTOR, reason, gates)
    reason = f"move the alias champion in MLflow to approve; {summary}"
    return Decision("awaiting_review", "gate", reason, gates)


def _gates(evidence: Evidence, policy: GatePolicy) -> tuple[Gate, ...]:
    new, naive = evidence.challenger, evidence.baseline
    gates = [
        Gate(
            "enough_later_sales",
            new.n >= policy.min_sales,
            f"{new.n:,} later sales to judge by (at least {policy.min_sales})",
        ),
        Gate(
            "not_worse_than_baseline",
            new.mdape <= naive.mdape,
            f"MdAPE {new.mdape:.1f} % against {naive.mdape:.1f} % of the baseline",
        ),
        Gate(
            "uniformity",
            new.cod <= naive.cod + policy.baseline_cod_slack,
            f"COD {new.cod:.1f} against {naive.cod:.1f} of the baseline",
        ),
        Gate(
            "level",
            new.n < policy.min_sales_for_level
            or policy.level_low <= new.median_ratio <= policy.level_high,
            f"median estimate / price {new.median_ratio:.3f} "
            f"({policy.level_low:.2f} to {policy.level_high:.2f}, judged from "
            f"{policy.min_sales_for_level} sales on)",
        ),
    ]
    if not math.isnan(new.coverage_pct):
        reach = policy.coverage_points + _luck_of_coverage(new.n)
        gates.append(
            Gate(
                "interval_coverage",
                abs(new.coverage_pct - 80) <= reach,
                f"80 % interval covers {new.coverage_pct:.1f} % "
                f"({max(0, 80 - reach):.0f} to {min(100, 80 + reach):.0f}: "
                f"{policy.coverage_points:g} points, and luck)",
            )
        )
    if evidence.leakage is not None:
        gates.append(_sees_no_price(evidence.leakage))
    if not math.isnan(evidence.model_bytes):
        size, slow = evidence.model_bytes / 1e6, evidence.microseconds
        held = size * 1e6 <= policy.most_bytes and slow <= policy.most_microseconds
        # The clock's reading only where it decides: a rerun finds the same otherwise.
        most = f"{policy.most_microseconds:,.0f}"
        speed = f"fewer than {most} microseconds a home"
        if slow > policy.most_microseconds:
            speed = f"{slow:,.0f} microseconds a home (at most {most})"
        told = f"{size:.1f} MB (at most {policy.most_bytes / 1e6:.0f}), {speed}"
        gates.append(Gate("size_and_speed", held, told))
    if evidence.champion is not None:
        gates.append(_beside_champion(evidence, evidence.champion, policy))
        if evidence.challenger_beside_champion is not None:
            gates.append(
                _as_uniform(
                    evidence.challenger_beside_champion, evidence.champion, policy
                )
            )
    if evidence.markets:
        gates.append(_in_every_market(evidence.markets, policy))
    return tuple(gates)


def _sees_no_price(found: Finding) -> Gate:
    """No column of the market knows a sale's own price better than its neighbour's."""
    told = f"no one of {found.judged} market columns has seen the price it explains"
    if found.widest:
        told += f"; widest gap: {found.widest}"
    if found.seen:
        told = f"has seen the price it explains: {', '.join(found.seen)}"
    return Gate("no_self_seeing_feature", not found.seen, told)


def _as_uniform(own: Measures, champion: Measures, policy: GatePolicy) -> Gate:
    """COD and PRD no worse than the champion's on the same sales."""
    off, its = abs(own.prd - 1), abs(champion.prd - 1)
    held = own.cod <= champion.cod + policy.champion_cod_slack and not (
        round(off - its, 9) > policy.champion_prd_slack
    )
    finding = f"COD {own.cod:.1f} against {champion.cod:.1f} of the champion"
    if not math.isnan(off + its):
        finding += f", PRD {own.prd:.3f} against {champion.prd:.3f}"
    return Gate("ratio_study_not_worse", held, finding)


def _in_every_market(markets: Mapping[str, Bounds], policy: GatePolicy) -> Gate:
    """In no market worse than the champion by more than luck."""
    worse = {
        name: found
        for name, found in markets.items()
        if found.low > policy.champion_mdape_points
    }
    finding = f"in none of {len(markets)} markets worse than the champion"
    if worse:
        told = (
            f"{name} ({found.low:+.1f} to {found.high:+.1f} points)"
            for name, found in sorted(worse.items())
        )
        finding = f"worse than the champion in {', '.join(told)}"
    return Gate("no_market_worse", not worse, finding)


def _luck_of_coverage(n: int) -> float:
    """Points that a right interval's coverage strays by, once in a hundred.

    It is judged on the later half of the ``n`` held-out sales.
    """
    return 100 * 2.576 * math.sqrt(0.8 * 0.2 / max(n / 2, 1))


def _beside_champion(
    evidence: Evidence, champion: Measures, policy: GatePolicy
) -> Gate:
    own = evidence.challenger_beside_champion or evidence.challenger
    finding = (
        f"MdAPE {own.mdape:.1f} % against {champion.mdape:.1f} % of the champion on "
        f"{evidence.basis or 'later sales'}"
    )
    if evidence.difference is None:
        held = own.mdape <= champion.mdape + policy.champion_mdape_slack
    else:
        low, high = evidence.difference.low, evidence.difference.high
        held = low <= policy.champion_mdape_points
        finding += f" (95 % of resamples: {low:+.1f} to {high:+.1f} points)"
    return Gate("not_worse_than_champion", held, finding)


def measures_from_tags(tags: Mapping[str, str], prefix: str = "") -> Measures | None:
    """Measures kept on a model version under ``prefix``; None if there are none."""

    def number(name: str) -> float:
        return float(tags.get(prefix + name, "nan"))

    if f"{prefix}n" not in tags:
        return None
    return Measures(
        n=int(number("n")),
        mdape=number("mdape"),
        cod=number("cod"),
        median_ratio=number("median_ratio"),
        coverage_pct=number("coverage_80"),
        prd=number("prd"),
    )


def measures_to_tags(measures: Measures, prefix: str = "") -> dict[str, str]:
    """Inverse of :func:`measures_from_tags`; NaN is left out."""
    named = {
        "n": float(measures.n),
        "mdape": measures.mdape,
        "cod": measures.cod,
        "median_ratio": measures.median_ratio,
        "coverage_80": measures.coverage_pct,
        "prd": measures.prd,
    }
    return {
        prefix + name: f"{value:.6g}"
        for name, value in named.items()
        if not math.isnan(value)
    }


def difference_to_tags(difference: Bounds | None) -> dict[str, str]:
    """Bounds of the difference from the champion as version tags; empty for None."""
    if difference is None:
        return {}
    return {
        "beside_difference_low": f"{difference.low:.6g}",
        "beside_difference_high": f"{difference.high:.6g}",
    }


def difference_from_tags(tags: Mapping[str, str]) -> Bounds | None:
    """Inverse of :func:`difference_to_tags`."""
    if "beside_difference_low" not in tags:
        return None
    low, high = (float(tags[f"beside_difference_{end}"]) for end in ("low", "high"))
    return Bounds(low, high)


def markets_to_tags(markets: Mapping[str, Bounds]) -> dict[str, str]:
    """Bounds of the difference by market as a version tag; empty for none."""
    told = {name: [found.low, found.high] for name, found in markets.items()}
    return {"beside_markets": json.dumps(told)} if told else {}


def markets_from_tags(tags: Mapping[str, str]) -> dict[str, Bounds]:
    """Inverse of :func:`markets_to_tags`."""
    told = json.loads(tags.get("beside_markets", "{}"))
    return {name: Bounds(*ends) for name, ends in told.items()}
