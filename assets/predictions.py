"""Scoring and the outbox: estimates and their events in one transaction."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets import keys, quality
from assets.builds import code_digest, digest, last_build, record_build
from assets.champion import champion_to_score_with, reverted
from assets.data_docs import keep_answer
from assets.metadata import table_metadata
from assets.resources import Warehouse
from assets.valuation_gate import judge_valuations
from assets.warehouse import tracking_url

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
            "chain. Append-only. One row per property each time its estimate changed.",
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

    with warehouse.connect() as conn:
        snapshot = snapshot_id(conn, PROPERTY_RELATION)
        champion, move = champion_to_score_with(
            conn, warehouse.settings, warehouse.url, context.log
        )
        if move is not None and move.is_undoing:
            context.log_event(reverted(move))
        wanted = digest(
            SCORE_BUILD,
            snapshot,
            str(champion),
            code_digest("ml"),
            code_digest("expectations"),
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

        from delivery.outbox import publish_predictions
        from ml.predictions import write_predictions
        from ml.scoring import score_properties as value_properties
        from ml.tracking import Registry

        registry = Registry(
            tracking_url(warehouse.url), warehouse.settings.artifacts_folder
        )
        scoring = value_properties(conn, registry)
        answer = judge_valuations(conn, scoring.valuations)
        conn.rollback()  # reading is over; writing is a transaction of its own
        scope = "one scoring, before it is written"
        keep_answer(warehouse.settings, answer, scope, context.run.run_id)
        yield quality.verdict(answer, scope, warehouse.settings, **_SUITE_CHECK)
        if not answer.passed:
            return
        written = write_predictions(
            conn, scoring.valuations, scoring.snapshot_id, context.run.run_id
        )
        published = publish_predictions(conn)
        conn.commit()
        if scoring.degraded is not None:
            context.log.warning(scoring.degraded)
        summary = {
            "valued": len(scoring.valuations),
            "refused": scoring.refused,
            "degraded": scoring.degraded,
            "gate": quality.summary(answer, scope),
        }
        # A champion that could not be loaded may be back next time: try again. Where
        # there is none, the fingerprint changes with the alias.
        if scoring.degraded is None or champion is None:
            record_build(
                conn, SCORE_BUILD, wanted, run_id=context.run.run_id, summary=summary
            )
        yield dg.MaterializeResult(
            asset_key=keys.PREDICTIONS,
            metadata={
                **table_metadata(conn, keys.PREDICTIONS),
                **{k: v for k, v in summary.items() if v is not None and k != "gate"},
                "created": written.created,
                "updated": written.updated,
                "unchanged": written.unchanged,
                "champion": champion or "none",
                "methods": dg.MetadataValue.json(scoring.by_method),
            },
        )
        yield dg.MaterializeResult(
            asset_key=keys.EVENTS,
            metadata={
                **table_metadata(conn, keys.EVENTS),
                "new_events": published.events,
                "new_deliveries": published.deliveries,
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
