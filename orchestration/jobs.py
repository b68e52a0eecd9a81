"""Jobs: named selections of the asset graph, and the delivery drain.

All run in one process: measured on two cores, an empty step costs 5 to 7 s with one
process a step and 0.03 s in process (`benchmarks/step_overhead.py`), and no job here
has two long steps that could run side by side.
"""

from typing import Any

import dagster as dg

from assets import keys
from assets.retraining import ASKED_TAG
from orchestration.ops.delivery import drain_due_deliveries, reencrypt_keys
from orchestration.ops.upkeep import move_recent_indexes

_LANDING = dg.AssetSelection.groups("landing", "reference")
# The dbt models of listings carry these tags (dbt_project.yml); between the two it is
# found out whose homes they are.
_LISTING_MODELS = (
    dg.AssetSelection.tag("listings", "")
    | dg.AssetSelection.assets(keys.ADDRESS_IDENTITY, keys.PRICE_TEXTS)
    | dg.AssetSelection.tag("listing_marts", "")
)
_TO_FEATURES = dg.AssetSelection.groups(
    "landing", "reference", "identity", "staging", "intermediate", "marts", "features"
)

ingest = dg.define_asset_job(
    "ingest",
    selection=_LANDING,
    description="Source files into raw, with their landing checks.",
)
refresh = dg.define_asset_job(
    "refresh",
    selection=_TO_FEATURES,
    description="Source files to marts and features, with every check on the way.",
)
train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets(keys.VALUATION_MODEL, keys.PROMOTIONS),
    tags={ASKED_TAG: "true"},
    description="Train on the present features if they changed, register a challenger, "
    "ask the gate.",
)
score = dg.define_asset_job(
    "score",
    selection=dg.AssetSelection.assets(keys.PREDICTIONS, keys.EVENTS),
    description="Value every active property and write what changed to the outbox.",
)
daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="The main job: from source files to predictions in the outbox.",
)


poll_listings = dg.define_asset_job(
    "poll_listings",
    selection=dg.AssetSelection.assets(
        keys.RAW_DOMAIN_LISTINGS, keys.RAW_DOMAIN_LISTING_DETAILS
    )
    | _LISTING_MODELS,
    description="Domain listings that were updated since the last poll, to marts.",
)
load_feeds = dg.define_asset_job(
    "load_feeds",
    selection=dg.AssetSelection.assets(keys.RAW_REAXML_LISTINGS) | _LISTING_MODELS,
    description="REAXML files out of the drop folder, to marts.",
)


@dg.job(description="Send what is due to subscribers, in batches, until nothing is.")
def deliver_webhooks() -> None:
    """One drain of the delivery queue."""
    drain_due_deliveries()


@dg.job(description="Seal endpoints' keys with the newest master key.")
def reencrypt_endpoint_keys() -> None:
    """After a new master key; nothing to do otherwise."""
    reencrypt_keys()


@dg.job(description="Bring the indexes of recent rows to this month's first day.")
def move_index_boundaries() -> None:
    """One move; nothing to do most of the time."""
    move_recent_indexes()


all_jobs: list[Any] = [
    ingest,
    refresh,
    poll_listings,
    load_feeds,
    train,
    score,
    daily,
    deliver_webhooks,
    reencrypt_endpoint_keys,
    move_index_boundaries,
]
