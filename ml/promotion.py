"""Who becomes champion: the gate, its thresholds, and the append-only ledger.

The gate is a pure function of evidence. Moving the alias belongs to ``registration``
after a training, and to ``reviewing`` after a person's word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml.bootstrap import Bounds

if TYPE_CHECKING:
    import psycopg

Action = Literal[
    "approved", "rejected", "awaiting_review", "observed", "rolled_back", "reverted"
]
Environment = Literal["development", "production"]
DEMO_ACTOR = "demo"


@dataclass(frozen=True)
class Measures:
    """What the gate reads of a model, measured on later sales.

    In percent, but ``median_ratio`` (estimate / price); NaN where unknown.
    """

    n: int
    mdape: float
    cod: float
    median_ratio: float
    coverage_pct: float = math.nan


@dataclass(frozen=True)
class Evidence:
    """What a decision rests on.

    The challenger on its whole hold-out, the naive baseline on the same sales, and
    both models on the sales neither has seen (``None`` when there is no champion).
    ``difference`` bounds the challenger's MdAPE less the champion's on those sales
    (points), where both could be asked. ``basis`` says where the comparison comes
    from, in words.
    """

    challenger: Measures
    baseline: Measures
    champion: Measures | None = None
    challenger_beside_champion: Measures | None = None
    difference: Bounds | None = None
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
    baseline_cod_slack: float = 0.5
    level_low: float = 0.90
    level_high: float = 1.10
    # Of the 80 % interval, beyond what luck does to so many sales once in a hundred.
    coverage_points: float = 2.0


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
    if evidence.champion is not None:
        gates.append(_beside_champion(evidence, evidence.champion, policy))
    return tuple(gates)


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


def record(
    connection: psycopg.Connection[Any],
    model_name: str,
    to_version: str,
    from_version: str | None,
    decision: Decision,
) -> bool:
    """Append the decision unless this version already has one of the same action.

    Returns whether a row was written. Runs in the caller's transaction and holds the
    ledger's lock until it ends, so two processes cannot write the same row.
    """
    with connection.cursor() as cursor:
        lock_ledger(connection)
        cursor.execute(
            """
            insert into ml.model_promotions
                (model_name, to_version, from_version, action, actor, reason, gates)
            select %(model)s, %(to)s, %(from)s, %(action)s, %(actor)s, %(reason)s,
                   %(gates)s::jsonb
            where not exists (
                select from ml.model_promotions
                where model_name = %(model)s and to_version = %(to)s
                  and action = %(action)s
            )
            """,
            {
                "model": model_name,
                "to": to_version,
                "from": from_version,
                "action": decision.action,
                "actor": decision.actor,
                "reason": decision.reason,
                "gates": json.dumps([asdict(gate) for gate in decision.gates]),
            },
        )
        return cursor.rowcount == 1


def recorded(
    connection: psycopg.Connection[Any], model_name: str, version: str
) -> Decision | None:
    """The newest decision of the gate about a version, if any."""
    row = connection.execute(
        """
        select action, actor, reason, gates from ml.model_promotions
        where model_name = %s and to_version = %s and jsonb_typeof(gates) = 'array'
        order by promotion_id desc limit 1
        """,
        (model_name, version),
    ).fetchone()
    if row is None:
        return None
    return Decision(row[0], row[1], row[2], tuple(Gate(**gate) for gate in row[3]))


def gates_of(
    connection: psycopg.Connection[Any], model_name: str, version: str
) -> tuple[Gate, ...]:
    """What the gates found about a version; empty where they never judged it."""
    row = connection.execute(
        """
        select gates from ml.model_promotions
        where model_name = %s and to_version = %s and jsonb_typeof(gates) = 'array'
        order by promotion_id desc limit 1
        """,
        (model_name, version),
    ).fetchone()
    return tuple(Gate(**gate) for gate in row[0]) if row else ()


@dataclass(frozen=True)
class Word:
    """What a person last said about a version."""

    action: Action
    actor: str
    reason: str


def last_word(
    connection: psycopg.Connection[Any], model_name: str, version: str
) -> Word | None:
    """The newest row about a version that no gate wrote, if any."""
    row = connection.execute(
        """
        select action, actor, reason from ml.model_promotions
        where model_name = %s and to_version = %s
          and action in ('approved', 'rejected', 'observed')
          and jsonb_typeof(gates) is distinct from 'array'
        order by promotion_id desc limit 1
        """,
        (model_name, version),
    ).fetchone()
    return Word(*row) if row else None


def champions(connection: psycopg.Connection[Any], model_name: str) -> list[str]:
    """The champions that stand on each other, the newest last.

    Going back takes those away that came after the one gone back to.
    """
    rows = connection.execute(
        "select to_version, action from ml.model_promotions where model_name = %s "
        "and action in ('approved', 'observed', 'rolled_back', 'reverted') "
        "order by promotion_id",
        (model_name,),
    ).fetchall()
    line: list[str] = []
    for version, action in rows:
        if action in ("approved", "observed"):
            line.append(str(version))
            continue
        while line and line[-1] != version:
            line.pop()
    return line


def lock_ledger(connection: psycopg.Connection[Any]) -> None:
    """Keep other writers out until the caller's transaction ends."""
    connection.execute("lock table ml.model_promotions in share row exclusive mode")


def append(
    connection: psycopg.Connection[Any],
    model_name: str,
    to_version: str,
    from_version: str | None,
    action: Action,
    actor: str,
    reason: str,
) -> None:
    """Write a person's decision, or what became of one, as a row of the ledger."""
    connection.execute(
        """
        insert into ml.model_promotions
            (model_name, to_version, from_version, action, actor, reason)
        values (%s, %s, %s, %s, %s, %s)
        """,
        (model_name, to_version, from_version, action, actor, reason),
    )


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
    )


def measures_to_tags(measures: Measures, prefix: str = "") -> dict[str, str]:
    """Inverse of :func:`measures_from_tags`; NaN is left out."""
    named = {
        "n": float(measures.n),
        "mdape": measures.mdape,
        "cod": measures.cod,
        "median_ratio": measures.median_ratio,
        "coverage_80": measures.coverage_pct,
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
