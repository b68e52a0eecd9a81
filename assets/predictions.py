"""Scoring and the outbox: estimates and their events in one transaction."""

from collections.abc import Iterator

import dagster as dg

from assets import keys
from assets.builds import code_digest, digest, last_build, record_build
from assets.champion import champion_version
from assets.metadata import table_metadata
from assets.resources import Warehouse
from assets.warehouse import tracking_url

SCORE_BUILD = "score"


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
        ),
    ],
)
def score_properties(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> Iterator[dg.MaterializeResult]:
    """Value every active property and write what changed, with its events."""
    from ml.features import PROPERTY_RELATION, snapshot_id

    with warehouse.connect() as conn:
        snapshot = snapshot_id(conn, PROPERTY_RELATION)
        champion = champion_version(conn)
        wanted = digest(SCORE_BUILD, snapshot, str(champion), code_digest("ml"))
        known = last_build(conn, SCORE_BUILD, wanted)
        conn.commit()
        if known is not None:
            for key in (keys.PREDICTIONS, keys.EVENTS):
                yield dg.MaterializeResult(
                    asset_key=key,
                    metadata={**table_metadata(conn, key), "status": "unchanged"},
                )
            return

        from delivery.outbox import publish_predictions
        from ml.predictions import write_predictions
        from ml.scoring import score_properties as value_properties
        from ml.tracking import Registry

        registry = Registry(
            tracking_url(warehouse.url), warehouse.settings.artifacts_folder
        )
        scoring = value_properties(conn, registry)
        conn.rollback()  # reading is over; writing is a transaction of its own
        written = write_predictions(
            conn, scoring.valuations, scoring.snapshot_id, context.run_id
        )
        published = publish_predictions(conn)
        conn.commit()
        if scoring.degraded is not None:
            context.log.warning(scoring.degraded)
        summary = {
            "valued": len(scoring.valuations),
            "refused": scoring.refused,
            "degraded": scoring.degraded,
        }
        # A champion that could not be loaded may be back next time: try again. Where
        # there is none, the fingerprint changes with the alias.
        if scoring.degraded is None or champion is None:
            record_build(
                conn, SCORE_BUILD, wanted, run_id=context.run_id, summary=summary
            )
        yield dg.MaterializeResult(
            asset_key=keys.PREDICTIONS,
            metadata={
                **table_metadata(conn, keys.PREDICTIONS),
                **{k: v for k, v in summary.items() if v is not None},
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
