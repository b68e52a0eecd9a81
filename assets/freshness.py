"""Blocking checks: a source whose last good snapshot is too old stops what needs it.

Belongs here: the check's factory. Going on with a snapshot is `landing.degradation`;
its limit is a number of the source (`stale_hours`), which settings may change.
"""

from typing import Any

import dagster as dg

from assets import keys
from assets.clients import client_for, is_pulled, policy_for, shared_state
from assets.landing.degradation import degrade
from assets.landing.overview import span
from assets.raw_reference import ASSETS, key_of
from assets.resources import Warehouse
from database.snapshots import Snapshot, last_good

__all__ = [
    "client_for",
    "degrade",
    "freshness_check",
    "is_pulled",
    "policy_for",
    "shared_state",
]

CHECK_NAME = "snapshot_is_fresh_enough"


def freshness_check(
    asset_key: dg.AssetKey, source: str, *, dataset: str | None = None
) -> dg.AssetChecksDefinition:
    """The check of one landing asset, which blocks what is downstream of it.

    It fails while the source is pulled by the settings and its last good snapshot is
    older than the limit, or there never was one. `dataset` narrows it to one part of
    the source, by the name its pulls are recorded under.
    """

    @dg.asset_check(
        asset=asset_key,
        name=CHECK_NAME,
        blocking=True,
        description="The last good snapshot is no older than the source allows; until "
        "then the graph goes on with it while the source is away.",
    )
    def check(warehouse: Warehouse) -> dg.AssetCheckResult:
        settings = warehouse.settings
        if not is_pulled(settings, source, dataset):
            return dg.AssetCheckResult(
                passed=True, description="The settings pull nothing from this source."
            )
        limit = policy_for(settings, source).stale_hours
        with warehouse.connect() as conn:
            snapshot = last_good(conn, source, dataset)
        return _verdict(source, snapshot, limit)

    return check


freshness_checks = [
    freshness_check(keys.RAW_NSW_SALES, "nsw_valuer"),
    freshness_check(keys.RAW_CSV_SALES, "csv"),
    freshness_check(keys.RAW_DOMAIN_LISTINGS, "domain", dataset="listings"),
    *(freshness_check(key_of(name), name) for name in ASSETS),
]


def _verdict(
    source: str, snapshot: Snapshot | None, limit: float | None
) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"limit_hours": limit or "none"}
    if snapshot is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"Nothing was ever pulled from {source}.",
            metadata=metadata,
        )
    metadata |= {
        "snapshot_taken_at": dg.MetadataValue.timestamp(snapshot.taken_at),
        "age_hours": round(snapshot.age_hours, 2),
        "last_pull": snapshot.last_status or "not recorded",
    }
    words = f"The last good snapshot is {span(snapshot.age_hours)} old"
    if limit is not None:
        words += f"; the limit is {span(limit)}"
    words += "."
    if snapshot.last_status in ("stale", "parked") and snapshot.last_reason:
        words += f" {snapshot.last_reason}"
    return dg.AssetCheckResult(
        passed=not snapshot.is_past(limit),
        severity=dg.AssetCheckSeverity.ERROR,
        description=words,
        metadata=metadata,
    )
