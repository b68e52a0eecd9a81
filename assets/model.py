"""Training and review: a challenger from the features, a champion through the gate."""

import subprocess
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import digest, last_build, record_build
from assets.champion import GATED_CHECK, gated, reverted, settled_champion
from assets.metadata import image, query_records, records_table, unchanged_metadata
from assets.resources import Warehouse
from assets.warehouse import tracking_url
from settings import ROOT, Settings

if TYPE_CHECKING:
    from ml.training import TrainingPolicy

TRAIN_BUILD = "train"


@dg.asset(
    key=keys.VALUATION_MODEL,
    deps=[keys.TRAINING_FEATURES],
    group_name="model",
    kinds={"python", "scikitlearn", "mlflow"},
    owners=[keys.ML_OWNER],
)
def property_valuation(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult:
    """The registered valuation model: one MLflow run and one version per training.

    Candidates are compared on the latest sales; the best is refitted on all, registered
    as `challenger`, and put to the promotion gate. The same data and code are never
    trained twice.
    """
    from ml.features import TRAINING_RELATION, snapshot_id
    from ml.fingerprint import code_fingerprint

    settings = warehouse.settings
    with warehouse.connect() as conn:
        snapshot = snapshot_id(conn, TRAINING_RELATION)
        conn.commit()
        wanted = digest(
            TRAIN_BUILD,
            snapshot,
            code_fingerprint(),
            str(settings.model.seed),
            str(settings.model.equity_share),
            settings.environment,
        )
        known = last_build(conn, TRAIN_BUILD, wanted)
        if known is not None:
            return dg.MaterializeResult(
                metadata={
                    **unchanged_metadata(context, keys.VALUATION_MODEL),
                    "version": known["version"],
                }
            )
        if not _has_training_sale(conn):
            # Sets by suburb name no dwelling: good for suburbs, not for valuations.
            return dg.MaterializeResult(
                metadata={"status": "no sale names a dwelling; nothing to learn from"}
            )
        outcome, metadata = _train(context, warehouse, conn)
        record_build(conn, TRAIN_BUILD, wanted, run_id=context.run_id, summary=outcome)
    return dg.MaterializeResult(metadata=metadata)


def training_policy(settings: Settings) -> "TrainingPolicy":
    """How the settings want models trained."""
    from ml.equity import EquityPolicy
    from ml.training import TrainingPolicy

    wanted = settings.model
    return TrainingPolicy(
        seed=wanted.seed,
        threads=wanted.threads,
        equity=EquityPolicy(wanted.equity_share),
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
    context: dg.AssetExecutionContext, warehouse: Warehouse, conn: psycopg.Connection
) -> tuple[dict[str, Any], dict[str, Any]]:
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
            run_id=context.run_id,
        ),
        training_policy(settings),
    )
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
    }
    metadata = {
        "version": outcome.version,
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
    }
    return summary, metadata


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
