"""Scoring and the outbox: estimates and their events in one transaction.

Belongs here: whether there is anything to score, and what the UI is told of it. The
scoring itself is `scoring_steps`.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from assets import keys, quality
from assets.builds import code_digest, digest, last_build, record_build
from assets.champion import champion_to_score_with, reverted
from assets.checks import standing_refusals
from assets.data_docs import keep_answer
from assets.metadata import table_metadata
from assets.resources import Warehouse
from assets.scoring_steps import run_scoring

SCORE_BUILD = "score"
_SUITE_CHECK: dict[str, Any] = {
    "asset_key": keys.PREDICTIONS,
    "check_name": quality.CHECK_NAME,
}


@dg.multi_asset(
    name="score_properties",
    specs=[
        dg.AssetSpec(
            keys.PREDICTIONS,
            deps=[keys.PROPERTY_FEATURES, keys.PROMOTIONS, keys.PROPERTIES],
            description="Estimate, interval, confidence and method of every active "
            "property, from the champion or, where it cannot be had, from the fallback "
            "chain; where none can be given, a row of ml.refusals with the reason. "
            "Append-only. One row per property each time its estimate changed.",
            group_name="predictions",
            kinds={"python", "scikitlearn", "postgres"},
            owners=[keys.ML_OWNER],
            skippable=True,
        ),
        dg.AssetSpec(
            keys.EVENTS,
            deps=[keys.PREDICTIONS],
            description="Outbox: written in the transaction of the predictions it "
            "tells of, with the exact bytes that are signed and sent. One row per "
            "event.",
            group_name="delivery",
            kinds={"postgres"},
            owners=[keys.DELIVERY_OWNER],
            skippable=True,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            quality.CHECK_NAME,
            asset=keys.PREDICTIONS,
            blocking=True,
            description="Great Expectations suite `price_predictions`, of valuations "
            "before they are written: after a failed rule of severity error nothing is "
            "written, and nobody is told.",
        )
    ],
)
def score_properties(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Value every active property and write what changed, with its events."""
    from ml.features import PROPERTY_RELATION, snapshot_id
    from ml.scoring_policy import read_policy

    with warehouse.connect() as conn:
        snapshot = snapshot_id(conn, PROPERTY_RELATION)
        champion, move = champion_to_score_with(
            conn, warehouse.settings, warehouse.url, context.log
        )
        if move is not None and move.is_undoing:
            context.log_event(reverted(move))
        code = code_digest("ml")
        wanted = digest(
            SCORE_BUILD,
            snapshot,
            str(champion),
            code,
            code_digest("expectations"),
            read_policy(conn).as_text(),
        )
        known = last_build(conn, SCORE_BUILD, wanted)
        conn.commit()
        if known is not None:
            for key in (keys.PREDICTIONS, keys.EVENTS):
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={**table_metadata(conn, key), "status": "unchanged"},
                )
            yield quality.unchanged(known.get("gate", {}), **_SUITE_CHECK)
            return

        scored = run_scoring(warehouse, code, context.run.run_id)
        scope = "what one scoring valued, before it is written"
        gate: dict[str, Any] = {}
        if scored.answer is None:
            yield quality.unchanged(gate, **_SUITE_CHECK)
        else:
            keep_answer(warehouse.settings, scored.answer, scope, context.run.run_id)
            yield quality.verdict(
                scored.answer, scope, warehouse.settings, **_SUITE_CHECK
            )
            gate = quality.summary(scored.answer, scope)
        if not scored.passed:
            return
        if scored.degraded is not None:
            context.log.warning(scored.degraded)
        refused = standing_refusals(conn)
        summary = {
            "valued": scored.valued,
            "refused": sum(refused.values()),
            "degraded": scored.degraded,
            "gate": gate,
        }
        # A champion that could not be loaded may be back next time: try again. Where
        # there is none, the fingerprint changes with the alias.
        if scored.degraded is None or champion is None:
            record_build(
                conn, SCORE_BUILD, wanted, run_id=context.run.run_id, summary=summary
            )
        yield dg.MaterializeResult(
            asset_key=keys.PREDICTIONS,
            metadata={
                **table_metadata(conn, keys.PREDICTIONS),
                **{k: v for k, v in summary.items() if v is not None and k != "gate"},
                **asdict(scored.written),
                **({} if scored.answer else {"status": "unchanged"}),
                "champion": champion or "none",
                "partitions": dg.MetadataValue.json(dict(scored.partitions)),
                "methods": dg.MetadataValue.json(dict(scored.methods)),
                "confidence_classes": dg.MetadataValue.json(dict(scored.classes)),
                "newly_refused": dg.MetadataValue.json(dict(scored.reasons)),
                "refused_by_reason": dg.MetadataValue.json(refused),
            },
        )
        yield dg.MaterializeResult(
            asset_key=keys.EVENTS,
            metadata={
                **table_metadata(conn, keys.EVENTS),
                "new_events": scored.events,
                "new_deliveries": scored.deliveries,
            },
        )


deliveries = dg.AssetSpec(
    keys.DELIVERIES,
    deps=[keys.EVENTS],
    description="One delivery per event and subscribed endpoint, sent by the "
    "`deliver_webhooks` job, which reports here after every drain.",
    group_name="delivery",
    kinds={"postgres", "webhook"},
    owners=[keys.DELIVERY_OWNER],
)
