"""Landing of reference sets: one asset a set, each release whole or not there.

What a set is, is `connectors.reference`; what landing it does, `assets.landing`.
"""

from datetime import date
from typing import Any

import dagster as dg
import psycopg
from pydantic import Field

from assets import keys, progress
from assets.clients import client_for
from assets.landing.reference import (
    ReferenceSummary,
    dataset_named,
    ingest_reference,
)
from assets.metadata import (
    calls_metadata,
    not_pulled,
    records_table,
    run_totals,
    source_metadata,
    stale_metadata,
)
from assets.resources import FETCH_RETRY, Warehouse
from connectors.reference import INFOS
from database.releases import Settled, newest_refusal, wholeness
from domain.errors import PermanentError

#: Dataset (its setting is `reference.<name>`): what its asset says of itself.
ASSETS: dict[str, str] = {
    "localities": "Postcodes and localities with coordinates and ASGS codes. One row "
    "per release and line of the list.",
    "gnaf": "G-NAF Core: every address of Australia with coordinates and parcel. One "
    "row per release and address.",
    "nsw_land_values": "NSW bulk land values of five base dates. One row per release "
    "and property.",
    "seifa": "ABS SEIFA scores and deciles. One row per release, area and index.",
    "cash_rate": "RBA cash rate target and the other series of its table. One row per "
    "release, series and date.",
    "price_index": "ABS residential property price indexes. One row per release, "
    "series and period.",
    "vic_suburb_medians": "Victorian median prices. One row per release, dwelling "
    "type, locality and period.",
    "nsw_suburb_medians": "NSW price quantiles by suburb, postcode and LGA. One row "
    "per release, area, dwelling type and period.",
}


class ReferenceConfig(dg.Config):
    """Where this run reads a set from, and how it judges it."""

    location: str | None = Field(
        None,
        description="File, folder, URL or fsspec location; unset: the setting of the "
        "set (reference.*).",
    )
    release_date: str | None = Field(
        None,
        description="Release date (YYYY-MM-DD) instead of the files' own.",
    )
    accept: bool = Field(
        False,
        description="Make a release current although many of its records are refused "
        "or it is much smaller than the one before.",
    )


def key_of(dataset: str) -> dg.AssetKey:
    """Asset key of a set: its raw table."""
    return dg.AssetKey(dataset_named(dataset).table.split("."))


def _asset(dataset: str, description: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(dataset),
        description=description,
        group_name="reference",
        kinds={"python", "postgres"},
        owners=[keys.DATA_OWNER],
        metadata=source_metadata(INFOS[dataset]),
        retry_policy=FETCH_RETRY,
    )
    def land_releases(
        context: dg.AssetExecutionContext, config: ReferenceConfig, warehouse: Warehouse
    ) -> dg.MaterializeResult:
        settings = warehouse.settings
        location = config.location or getattr(settings.reference, dataset)
        if location is None:
            return not_pulled(context, "no location set")
        day = date.fromisoformat(config.release_date) if config.release_date else None
        with warehouse.connect() as conn, client_for(settings, dataset) as client:
            try:
                summary = ingest_reference(
                    conn,
                    dataset,
                    location,
                    landing=settings.landing_folder / dataset,
                    is_simulated=warehouse.is_simulated,
                    release_date=day,
                    max_reject_share=settings.quarantine.max_reject_share,
                    accept=config.accept,
                    on_progress=progress.step(dataset),
                    client=client,
                )
            except PermanentError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            metadata = _metadata(context, conn, dataset, summary)
            return dg.MaterializeResult(metadata=metadata | calls_metadata(client))

    return land_releases


def _metadata(
    context: dg.AssetExecutionContext,
    conn: psycopg.Connection,
    dataset: str,
    summary: ReferenceSummary,
) -> dict[str, Any]:
    # Of the releases in force, also where this run brought none or a refused one.
    standing = conn.execute(
        "select coalesce(sum(rows), 0)::bigint, max(release_date) "
        "from ops.reference_releases where dataset = %s and status = 'current'",
        [dataset],
    ).fetchone()
    rows, newest = standing or (0, None)
    shown: dict[str, Any] = {"dagster/row_count": rows}
    if newest is not None:
        shown["release_date"] = newest.isoformat()
    if summary.staleness is not None:
        context.log.warning(summary.staleness.reason)
        return shown | stale_metadata(summary.staleness)
    status = "unchanged"
    current = [one for one in summary.releases if one.status == "current"]
    if any(one.is_changed for one in current):
        status = "a new release is in force"
    for refused in summary.refused_releases:
        context.log.warning("refused %s: %s", refused.file, refused.reason)
        status = f"refused, the release before stays in force: {refused.reason}"
    if current:
        before = max(current, key=lambda one: one.day).previous
        shown["previous_release"] = before.isoformat() if before else "none"
    return {
        **shown,
        "status": status,
        **run_totals(summary),
        "rejects": summary.rejected,
        "releases_removed": summary.pruned,
        "releases": records_table([_as_row(one) for one in summary.releases]),
    }


def _as_row(one: Settled) -> dict[str, Any]:
    return {
        "release_date": one.day.isoformat(),
        "dated_by": one.dated_by,
        "part": _part(one.part),
        "status": one.status,
        "rows": one.rows,
        "rejects": one.rejects,
        "file": one.file,
    }


def _part(part: str) -> str:
    """Name of a part; a set that is one whole has none worth showing."""
    return "" if part == "all" else part


def _what(part: str) -> str:
    return f" ({part})" if _part(part) else ""


def _check(dataset: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=key_of(dataset),
        name="release_is_whole",
        description="Every row of each current release is in its table, and the newest "
        "release was not refused.",
    )
    def release_is_whole(warehouse: Warehouse) -> dg.AssetCheckResult:
        with warehouse.connect() as conn:
            table = dataset_named(dataset).table
            found = wholeness(conn, dataset, table)
            refusal = newest_refusal(conn, dataset)
        broken = [one for one in found if not one.is_whole]
        told = None
        if broken:
            what = _what(broken[0].part)
            told = f"Rows are missing from the current release{what}."
        elif refusal is not None:
            what = _what(refusal[0])
            told = f"The release of {refusal[1]}{what} is refused: {refusal[2]}"
        return dg.AssetCheckResult(
            passed=told is None,
            # A refused release leaves the one before in force: worth a look, no stop.
            severity=dg.AssetCheckSeverity.ERROR
            if broken
            else dg.AssetCheckSeverity.WARN,
            description=told,
            metadata={
                "releases": records_table(
                    [
                        {
                            "release_date": one.release_date.isoformat(),
                            "part": _part(one.part),
                            "rows_released": one.rows,
                            "rows_in_raw": one.rows_in_raw,
                        }
                        for one in found
                    ]
                )
            },
        )

    return release_is_whole


reference_assets = [_asset(dataset, text) for dataset, text in ASSETS.items()]
reference_checks = [_check(dataset) for dataset in ASSETS]
