"""Freshness of each source: its last good snapshot, and whether anything new comes.

Belongs here: the checks' factories and the limits in force. Going on with a snapshot is
`landing.degradation`. Limits are numbers of the sources (`SourceInfo`, `SourcePolicy`),
which settings may change; the checks' definitions state them.
"""

from typing import Any

import dagster as dg

from assets import keys
from assets.clients import client_for, is_pulled, policy_for, shared_state
from assets.landing.degradation import degrade
from assets.landing.overview import span
from assets.landing.registry import all_infos
from assets.raw_reference import ASSETS, key_of
from assets.resources import Warehouse
from database.snapshots import NewestFile, Snapshot, last_good, newest_file
from settings import Settings

__all__ = [
    "client_for",
    "degrade",
    "freshness_check",
    "is_pulled",
    "policy_for",
    "quiet_check",
    "shared_state",
]

CHECK_NAME = "snapshot_is_fresh_enough"
QUIET_NAME = "new_data_keeps_coming"
# The sources' own limits stand in the definitions; settings in force, in the results.
_DEFAULTS = Settings.model_construct()
_NOT_PULLED = "The settings pull nothing from this source."


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
        "then the graph goes on with it while the source is away. The source's own "
        f"limit: {_words(_own_stale_hours(source))}.",
        metadata={"limit_hours": _own_stale_hours(source) or "none"},
    )
    def check(warehouse: Warehouse) -> dg.AssetCheckResult:
        settings = warehouse.settings
        if not is_pulled(settings, source, dataset):
            return dg.AssetCheckResult(passed=True, description=_NOT_PULLED)
        limit = stale_hours(settings, source)
        with warehouse.connect() as conn:
            snapshot = last_good(conn, source, dataset)
        return _verdict(source, snapshot, limit)

    return check


def quiet_check(asset_key: dg.AssetKey, source: str) -> dg.AssetChecksDefinition:
    """The check that an asset still gets new rows; it warns and stops nothing.

    A drop folder that agencies forgot, or a site whose newest file stays the same, is
    pulled well every day: only this tells.
    """
    own = _quiet_days(_DEFAULTS, source)

    @dg.asset_check(
        asset=asset_key,
        name=QUIET_NAME,
        description="The newest file or answer with rows of its own came within "
        f"{_words(own * 24 if own else None)}.",
        metadata={"limit_days": own or "none"},
    )
    def check(warehouse: Warehouse) -> dg.AssetCheckResult:
        settings = warehouse.settings
        if not is_pulled(settings, source):
            return dg.AssetCheckResult(passed=True, description=_NOT_PULLED)
        limit = _quiet_days(settings, source)
        with warehouse.connect() as conn:
            newest = newest_file(conn, source, ".".join(asset_key.path))
        return _silence(newest, limit)

    return check


def freshness_table() -> str:
    """The sources' own limits as the table of docs/quality.md."""
    lines = [
        "| source | last good pull | newest data | comes |",
        "| --- | --- | --- | --- |",
    ]
    for info in all_infos():
        days = info.quiet_days
        lines.append(
            f"| **{info.name}** | {_words(_own_stale_hours(info.name))} "
            f"| {_words(days * 24 if days else None)} "
            f"| {info.cadence.removesuffix('.')} |"
        )
    return "\n".join(lines)


def stale_hours(settings: Settings, source: str) -> float | None:
    """How old a source's last good snapshot may be; None: any age."""
    if source == "reaxml":  # a folder: nothing is asked over a network
        return settings.reaxml.stale_hours
    return policy_for(settings, source).stale_hours


def _own_stale_hours(source: str) -> float | None:
    return stale_hours(_DEFAULTS, source)


def _quiet_days(settings: Settings, source: str) -> float | None:
    own = {info.name: info.quiet_days for info in all_infos()}[source]
    return settings.quality.quiet_days.get(source, own)


def _words(hours: float | None) -> str:
    return "any age" if hours is None else span(hours)


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


def _silence(newest: NewestFile | None, limit: float | None) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"limit_days": limit or "none"}
    if newest is None:
        return dg.AssetCheckResult(
            passed=limit is None,
            severity=dg.AssetCheckSeverity.WARN,
            description="Nothing was ever loaded.",
            metadata=metadata,
        )
    metadata |= {
        "newest_file": newest.source_file,
        "loaded_at": dg.MetadataValue.timestamp(newest.loaded_at),
        "age_days": round(newest.age_hours / 24, 2),
    }
    words = f"The newest file with rows came {span(newest.age_hours)} ago"
    if limit is not None:
        words += f"; the limit is {span(limit * 24)}"
    return dg.AssetCheckResult(
        passed=limit is None or newest.age_hours <= limit * 24,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{words} ({newest.source_file}).",
        metadata=metadata,
    )


freshness_checks = [
    freshness_check(keys.RAW_NSW_SALES, "nsw_valuer"),
    freshness_check(keys.RAW_CSV_SALES, "csv"),
    freshness_check(keys.RAW_DOMAIN_LISTINGS, "domain", dataset="listings"),
    freshness_check(keys.RAW_REAXML_LISTINGS, "reaxml"),
    *(freshness_check(key_of(name), name) for name in ASSETS),
    quiet_check(keys.RAW_NSW_SALES, "nsw_valuer"),
    quiet_check(keys.RAW_CSV_SALES, "csv"),
    quiet_check(keys.RAW_DOMAIN_LISTINGS, "domain"),
    quiet_check(keys.RAW_REAXML_LISTINGS, "reaxml"),
    *(quiet_check(key_of(name), name) for name in ASSETS),
]
