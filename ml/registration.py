"""One training from feature table to decided model version, safe to kill and repeat.

Ties the room together: read (``features``), learn (``training``), record
(``tracking``), decide (``promotion``). Order of writes, each of which a rerun
recognises: version with all its evidence as tags, alias challenger, ledger row, alias
champion, tag review_state.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ml import (
    evaluation,
    evidence,
    features,
    feedback,
    gates,
    leakage,
    plots,
    promotion,
    reproduction,
    review_report,
    reviewing,
    training,
    version_page,
    weighting,
)
from ml.candidates import parameters
from ml.fingerprint import code_fingerprint
from ml.gates import Decision, Environment
from ml.tracking import CHALLENGER, CHAMPION, MODEL_NAME, Registry, Version

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import psycopg

    from ml.reviewing import Move
    from ml.training import Trained, TrainingPolicy

    Floats = npt.NDArray[np.float64]

_REPORT = "review_report.html"


@dataclass(frozen=True)
class TrainingContext:
    """Facts about the run that the room cannot know itself."""

    git_revision: str
    market: str
    environment: Environment
    run_id: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a training led to.

    ``trained`` is False when the equal version existed; ``champion`` is the version
    the alias points at afterwards; ``settled`` what became of a move of it that nobody
    had judged before; ``report`` where MLflow's pages show the review
    report, after the server's address.
    """

    version: str
    trained: bool
    run_id: str
    winner: str
    snapshot_id: str
    metrics: dict[str, float]
    decision: Decision
    champion: str | None
    settled: Move | None
    report: str
    seconds: dict[str, float]


def train_and_register(
    connection: psycopg.Connection[Any],
    registry: Registry,
    context: TrainingContext,
    policy: TrainingPolicy | None = None,
    relation: str = features.TRAINING_RELATION,
) -> Outcome:
    """Train on the feature table, register, decide.

    The same data, code and seed are trained once: a later call finds the version and
    only finishes what was left undone. ``connection`` is owned while this runs: it
    commits, and holds a lock so that trainings never overlap.

    Raises:
        training.NoTrainingDataError: there is no sale to learn from.
    """
    chosen = policy or training.TrainingPolicy()
    started = time.perf_counter()
    with _only_one(connection):
        snapshot = features.snapshot_id(connection, relation)
        share = chosen.feedback.share
        seen = feedback.broken_promises(connection) if share > 0 else []
        keys = {
            "snapshot_id": snapshot,
            "code_fingerprint": code_fingerprint(),
            "seed": str(chosen.seed),
            "equity_policy": str(chosen.equity.share),
            "feedback_evidence": weighting.evidence_name(seen, share),
        }
        version = registry.find_version(**keys)
        existed = version is not None
        if version is not None:
            registry.finish_run(version.run_id)
        registry.kill_orphans("its process ended; a later training found it")
        # A rival that nobody may have made champion is none.
        settled = reviewing.settle_champion(connection, registry)
        if version is None:
            frame = features.read_training_features(connection, relation)
            connection.commit()
            chosen = replace(
                chosen,
                feedback=weighting.weigh(
                    features.model_inputs(frame), ~features.is_bid(frame), seen, share
                ),
            )
            version = _train(registry, frame, keys, context, chosen)
        registry.set_alias(CHALLENGER, version.version)
        decision = _settle(connection, registry, version, context.environment)
        champion = registry.alias(CHAMPION)
    return Outcome(
        version=version.version,
        trained=not existed,
        run_id=version.run_id,
        winner=version.tags["winner"],
        snapshot_id=snapshot,
        metrics=_metrics_from_tags(version),
        decision=decision,
        champion=champion.version if champion else None,
        settled=settled,
        report=registry.page_of_artifact(version.run_id, _REPORT),
        seconds={"train": round(time.perf_counter() - started, 2)},
    )


def _train(
    registry: Registry,
    frame: pd.DataFrame,
    keys: dict[str, str],
    context: TrainingContext,
    policy: TrainingPolicy,
) -> Version:
    trained = training.train(frame, policy)
    importance = training.permutation_importance(trained, policy.seed)
    champion = registry.alias(CHAMPION)
    beside, rival = evidence.beside_champion(registry, champion, trained, policy.seed)
    facts = keys | _facts(trained, context)
    with registry.run(f"train {trained.last_sale}", facts) as run_id:
        registry.log_measures(run_id, _params(trained, policy), _metrics(trained))
        registry.log_files(run_id, reproduction.files(frame, policy))
        figures = plots.figures(trained, importance)
        registry.log_figures(run_id, figures)
        saved = registry.log_model(trained, frame, keys["snapshot_id"])
        headline = {k: f"{v:.6g}" for k, v in trained.headline.as_dict().items()}
        tags = facts | headline | beside | {"review_state": reviewing.UNDECIDED}
        tags |= gates.measures_to_tags(evidence.measures_of(trained))
        tags |= {
            "model_bytes": str(saved.bytes),
            "microseconds_a_home": f"{evidence.microseconds(trained, frame):.0f}",
        }
        tags |= leakage.Finding.of(leakage.sights(frame)).to_tags()
        tags |= {
            f"baseline_{k}": f"{v:.6g}" for k, v in trained.baseline.as_dict().items()
        }
        shown = {k: v for k, v in tags.items() if v not in {"", "nan"}}
        told = evidence.evidence_from(shown, champion)
        report = review_report.Report(
            trained,
            frame,
            gates=gates.decide(told, context.environment).gates,
            facts=facts | {"columns": ", ".join(trained.columns)},
            pictures={
                file.removesuffix(".png").replace("_", " "): review_report.png(figure)
                for file, figure in figures.items()
            },
            importance=importance,
            seed=policy.seed,
            rival=rival,
        )
        registry.log_text(run_id, _REPORT, review_report.render(report))
        return registry.register(
            run_id,
            saved.model_id,
            shown,
            version_page.describe(trained, context.market),
        )


def _settle(
    connection: psycopg.Connection[Any],
    registry: Registry,
    version: Version,
    environment: Environment,
) -> Decision:
    """Decide once, write it down, then do what it says.

    Finishes what a killed run left half-done.
    """
    promotion.lock_ledger(connection)
    champion = registry.alias(CHAMPION)
    decision = promotion.recorded(connection, MODEL_NAME, version.version)
    if decision is None:
        rival = champion if champion and champion.version != version.version else None
        known = evidence.evidence_from(version.tags, rival)
        decision = gates.decide(known, environment)
        promotion.record(
            connection,
            MODEL_NAME,
            version.version,
            champion.version if champion else None,
            decision,
        )
    connection.commit()
    reviewing.carry_out(registry, version, decision)
    return decision


def _facts(trained: Trained, context: TrainingContext) -> dict[str, str]:
    return {
        "winner": trained.winner,
        "market": context.market,
        "git_revision": context.git_revision,
        "train_first": str(trained.first_sale),
        "train_last": str(trained.last_sale),
        "holdout_from": str(trained.cut or ""),
        "rows": str(trained.rows),
        "run_id": context.run_id,
    }


def _params(trained: Trained, policy: TrainingPolicy) -> dict[str, str]:
    return {
        "winner": trained.winner,
        "candidates": ", ".join(trained.accuracies),
        "rows": str(trained.rows),
        "holdout_rows": str(len(trained.holdout.price)),
        "bids": str(trained.bids),
        "older_rows_left_out": str(trained.older_rows),
        "holdout_share": str(policy.holdout_share),
        "seed": str(policy.seed),
        "feedback_share": f"{policy.feedback.share:g}",
        "feedback_weights": policy.feedback.told,
        "interval_pct": str(trained.intervals.pct),
        "min_coverage": str(policy.min_coverage),
        "columns": ", ".join(trained.columns),
        "columns_left_out": ", ".join(
            f"{name} ({reason})" for name, reason in trained.left_out.items()
        )
        or "none",
        **_market_params(trained, policy),
    }


def _market_params(trained: Trained, policy: TrainingPolicy) -> dict[str, str]:
    """What each market's pipeline came to; under its name where there are several."""
    found: dict[str, str] = {}
    for market in trained.markets:
        own = {
            "origins": ", ".join(map(str, market.origins)) or "none",
            "level_shift_pct": f"{100 * math.expm1(market.level_shift):.2f}",
            "equity_share": f"{market.equity.share:g}",
            "equity_stretch_pct": f"{100 * (market.equity.stretch.factor - 1):.2f}",
            "families": ", ".join(market.families) or "together",
            **parameters(market.winner, market.rows, policy.seed),
        }
        if len(trained.markets) > 1:
            own |= {"winner": market.winner, "rows": str(market.rows)}
            place = training.market_name(market.name).replace(" ", "_")
            own = {f"{place}/{name}": value for name, value in own.items()}
        found |= own
    return found


def _metrics(trained: Trained) -> dict[str, float]:
    """Headline measures by plain name, every candidate's under its own."""
    found = dict(trained.headline.as_dict())
    found |= {"coverage_80": trained.coverage_pct, "width_80": trained.width_pct}
    for name, limits in trained.bounds.items():
        found |= {f"{name}_low": limits.low, f"{name}_high": limits.high}
    for name, measures in trained.accuracies.items():
        found |= {f"{name}/{key}": v for key, v in measures.as_dict().items()}
    return found | {f"seconds/{key}": v for key, v in trained.seconds.items()}


def _metrics_from_tags(version: Version) -> dict[str, float]:
    names = [*evaluation.Accuracy.__dataclass_fields__, "coverage_80"]
    names += [f"baseline_{name}" for name in evaluation.Accuracy.__dataclass_fields__]
    found = {name: version.number(name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def _only_one(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold the training lock; a dead process loses it with its connection."""
    connection.execute("select pg_advisory_lock(hashtext('ml training'))")
    connection.commit()
    try:
        yield
    finally:
        if not connection.closed and not connection.broken:
            connection.rollback()
            connection.execute("select pg_advisory_unlock(hashtext('ml training'))")
            connection.commit()
