"""Training and review: a challenger from the features, a champion through the gate."""

import subprocess
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import record_build
from assets.champion import GATED_CHECK, gated, reverted, settled_champion
from assets.metadata import image, query_records, records_table, unchanged_metadata
from assets.resources import Warehouse
from assets.retraining import TRAIN_BUILD, Occasion, occasion
from assets.warehouse import tracking_url
from ml.retraining import Facts, Verdict, due
from settings import ROOT, Settings

if TYPE_CHECKING:
    from ml.training import TrainingPolicy


@dg.asset(
    key=keys.VALUATION_MODEL,
    # Made with the features by one step: those of the homes, which are looked at too.
    deps=[keys.TRAINING_FEATURES, keys.PREDICTION_FEEDBACK],
    group_name="model",
    kinds={"python", "scikitlearn", "mlflow"},
    owners=[keys.ML_OWNER],
)
def property_valuation(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult:
    """The registered valuation model: one MLflow run and one version per training.

    Trains when it is due (`ml.retraining`), else says why not and when next. Candidates
    are compared on the latest sales; the best is refitted on all, registered as
    `challenger`, and put to the promotion gate. The same data and code are never
    trained twice.
    """
    with warehouse.connect() as conn:
        now = occasion(conn, warehouse.settings, context.run.tags)
        verdict = due(now.facts)
        context.log.info(f"training is {verdict.status}: {verdict.reason}")
        if not verdict.due:
            return dg.MaterializeResult(
                metadata={
                    **unchanged_metadata(context, keys.VALUATION_MODEL),
                    **_not_now(now.facts, verdict),
                }
            )
        if not _has_training_sale(conn):
            # Sets by suburb name no dwelling: good for suburbs, not for valuations.
            return dg.MaterializeResult(
                metadata={"status": "no sale names a dwelling; nothing to learn from"}
            )
        metadata = _train(context, warehouse, conn, now, verdict)
    return dg.MaterializeResult(metadata=metadata)


def _not_now(facts: Facts, verdict: Verdict) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "status": verdict.status,
        "why": verdict.reason,
        "version": facts.last.version if facts.last else "none",
        **_drift_table(facts),
    }
    if verdict.next_on is not None:
        shown["next_training"] = f"on {verdict.next_on} at the latest"
    return shown


def training_policy(settings: Settings) -> "TrainingPolicy":
    """How the settings want models trained."""
    from ml.equity import EquityPolicy
    from ml.training import TrainingPolicy
    from ml.weighting import FeedbackWeights

    wanted = settings.model
    return TrainingPolicy(
        seed=wanted.seed,
        threads=wanted.threads,
        equity=EquityPolicy(wanted.equity_share),
        feedback=FeedbackWeights(wanted.feedback_weight),
    )


def _has_training_sale(conn: psycopg.Connection) -> bool:
    """False where sales are known, but none that a model can learn from."""
    row = conn.execute(
        "select exists (select from ml.training_features where is_bid = 0) "
        "or not exists (select from marts.sales)"
    ).fetchone()
    conn.commit()
    return row is None or bool(row[0])


def _train(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    conn: psycopg.Connection,
    now: Occasion,
    verdict: Verdict,
) -> dict[str, Any]:
    from ml.registration import TrainingContext, train_and_register
    from ml.tracking import Registry

    settings = warehouse.settings
    registry = Registry(tracking_url(warehouse.url), settings.artifacts_folder)
    outcome = train_and_register(
        conn,
        registry,
        TrainingContext(
            git_revision=git_revision(),
            market=settings.active_market,
            # Of the environments, only one lets a model pass without a person.
            environment="development"
            if settings.environment == "development"
            else "production",
            run_id=context.run.run_id,
        ),
        training_policy(settings),
    )
    if outcome.trained:
        registry.set_tags(outcome.version, {"trained_because": verdict.reason[:4000]})
    if outcome.settled is not None and outcome.settled.is_undoing:
        context.log_event(reverted(outcome.settled))
    metrics = outcome.metrics
    gates = [
        {"gate": g.name, "passed": g.passed, "finding": g.finding}
        for g in outcome.decision.gates
    ]
    pictures = {
        path.stem: image(path) for path in registry.figure_files(outcome.run_id)
    }
    summary = {
        "version": outcome.version,
        "candidate": outcome.winner,
        "metrics": metrics,
        "baseline": {
            name.removeprefix("baseline_"): value
            for name, value in metrics.items()
            if name.startswith("baseline_")
        },
        "champion": outcome.champion,
        **now.memory,
        "snapshot": outcome.snapshot_id,
    }
    record_build(
        conn,
        TRAIN_BUILD,
        now.fingerprint,
        run_id=context.run.run_id,
        summary=summary,
    )
    return {
        "version": outcome.version,
        "trained_because": verdict.reason,
        "winner": outcome.winner,
        "mlflow_run": outcome.run_id,
        "snapshot": outcome.snapshot_id,
        "decision": f"{outcome.decision.action} by {outcome.decision.actor}: "
        f"{outcome.decision.reason}",
        "gates": records_table(gates),
        "champion": outcome.champion or "none",
        "review_report": dg.MetadataValue.url(
            f"http://127.0.0.1:{settings.ports.mlflow}{outcome.report}"
        ),
        **pictures,
        **{name: round(value, 4) for name, value in metrics.items()},
        **_drift_table(now.facts),
    }


def _drift_table(facts: Facts) -> dict[str, Any]:
    """Columns in which homes moved most since the training before."""
    rows = [
        {"column": name, "psi": round(value, 3)}
        for name, value in list(facts.drift.items())[:10]
    ]
    return {"drift": records_table(rows)} if rows else {}


@dg.asset(
    key=keys.PROMOTIONS,
    deps=[keys.VALUATION_MODEL],
    group_name="model",
    kinds={"postgres", "mlflow"},
    owners=[keys.ML_OWNER],
    check_specs=[
        dg.AssetCheckSpec(
            GATED_CHECK,
            asset=keys.PROMOTIONS,
            description="The champion alias was moved to no version that failed its "
            "gates, unless somebody forced it and said why. Such a move is undone.",
        )
    ],
)
def model_promotions(warehouse: Warehouse) -> dg.MaterializeResult:
    """Ledger of review decisions, append-only; a reviewer's alias move is noted here.

    One row per decision about a version.
    """
    with warehouse.connect() as conn:
        version, move = settled_champion(conn, warehouse.settings, warehouse.url)
        rows = query_records(
            conn,
            "select decided_at, to_version, from_version, action, actor, reason "
            "from ml.model_promotions order by promotion_id desc limit 10",
        )
    return dg.MaterializeResult(
        metadata={"champion": version or "none", "decisions": records_table(rows)},
        check_results=[gated(move)],
    )


def git_revision() -> str:
    """Revision of the checkout, marked if it has changes; `unknown` outside git."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"
