"""Landing of the Domain API: listings by search, then what hangs on them.

Where the source is away or out of quota an asset ends well and says so: what raw holds
stands, the rest of the work waits, and the freshness check decides how long that is
good enough.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import dagster as dg
import psycopg
from pydantic import Field

from assets import keys, progress
from assets.clients import policy_for
from assets.domain_client import open_domain
from assets.landing.common import Staleness
from assets.landing.domain_api import DomainSummary, ingest_domain_listings
from assets.landing.domain_records import (
    confirm_gone_listings,
    ingest_domain_details,
    ingest_domain_properties,
    ingest_domain_sales_results,
    ingest_domain_suburb_performance,
)
from assets.metadata import (
    not_pulled,
    row_count,
    run_totals,
    source_metadata,
    stale_metadata,
)
from assets.resources import Warehouse
from connectors.domain_api import INFO
from connectors.domain_api.api import DomainApi
from connectors.domain_api.layout import SOURCE
from database.snapshots import last_good
from domain.errors import PermanentError

_COMMON: dict[str, Any] = {
    "group_name": "landing",
    "kinds": {"python", "postgres"},
    "owners": [keys.DATA_OWNER],
    "metadata": source_metadata(INFO),
}


class ListingsConfig(dg.Config):
    """How this run reads the searches of the setting domain.searches."""

    mode: Literal["auto", "full", "poll"] = Field(
        "auto",
        description="`auto`: what was updated since the last run, and everything once "
        "a week; `full`: everything; `poll`: never everything but the first time.",
    )


class RecordsConfig(dg.Config):
    """How much this run asks for."""

    limit: int = Field(500, ge=0, description="Calls for records, at most.")
    confirm_limit: int = Field(
        200, ge=0, description="Calls for listings gone from their search, at most."
    )


@dg.asset(key=keys.RAW_DOMAIN_LISTINGS, **_COMMON)
def domain_listings(
    context: dg.AssetExecutionContext, config: ListingsConfig, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Domain listings as searches show them, read past the ceiling of 1,000 results.

    One row per distinct content of a listing.
    """
    domain = warehouse.settings.domain
    if not domain.searches:
        return not_pulled(context, "no search set (domain.searches)")
    return _pull(
        context,
        warehouse,
        ingest_domain_listings,
        searches=domain.searches,
        mode=config.mode,
        overlap=timedelta(minutes=domain.overlap_minutes),
        full_every=timedelta(hours=domain.full_sweep_hours),
    )


@dg.asset(key=keys.RAW_DOMAIN_LISTING_DETAILS, deps=[domain_listings], **_COMMON)
def domain_listing_details(
    context: dg.AssetExecutionContext, config: RecordsConfig, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Details of listings: of those gone from their search what became of them.

    With domain.with_details also of each that is new or changed. One row per distinct
    content of a listing's details.
    """
    domain = warehouse.settings.domain
    if not domain.searches:
        return not_pulled(context, "no search set (domain.searches)")
    gone = _pull(context, warehouse, confirm_gone_listings, limit=config.confirm_limit)
    if not domain.with_details:
        return gone
    return _pull(context, warehouse, ingest_domain_details, limit=config.limit)


@dg.asset(key=keys.RAW_DOMAIN_PROPERTIES, deps=[domain_listing_details], **_COMMON)
def domain_properties(
    context: dg.AssetExecutionContext, config: RecordsConfig, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Properties that listing details name, with their sales.

    One row per distinct content of a property.
    """
    if not warehouse.settings.domain.with_details:
        return not_pulled(context, "details are not pulled (domain.with_details)")
    return _pull(context, warehouse, ingest_domain_properties, limit=config.limit)


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            keys.RAW_DOMAIN_SALES_RESULTS,
            description="Auction results of the last Saturday. One row per distinct "
            "content of a result of a city and day.",
            **_COMMON,
        ),
        dg.AssetSpec(
            keys.RAW_DOMAIN_SALES_SUMMARIES,
            description="Auction counts of the last Saturday. One row per distinct "
            "content of a city and day.",
            **_COMMON,
        ),
    ],
    name="domain_sales_results",
)
def domain_sales_results(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> Any:
    """Auction results of the cities in domain.cities, where they have changed."""
    cities = warehouse.settings.domain.cities
    tables = (keys.RAW_DOMAIN_SALES_RESULTS, keys.RAW_DOMAIN_SALES_SUMMARIES)
    if not cities:
        for key in tables:
            yield not_pulled(context, "no city set (domain.cities)", key)
        return
    result = _pull(
        context, warehouse, ingest_domain_sales_results, tables[0], cities=cities
    )
    shown = dict(result.metadata or {})
    yield dg.MaterializeResult(asset_key=tables[0], metadata=shown)
    # One pull fills both tables: told twice, its records would count twice.
    shown.pop("run_totals", None)
    with warehouse.connect() as conn:
        shown["dagster/row_count"] = row_count(conn, tables[1])
    yield dg.MaterializeResult(asset_key=tables[1], metadata=shown)


@dg.asset(key=keys.RAW_DOMAIN_SUBURB_PERFORMANCE, **_COMMON)
def domain_suburb_performance(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Quarterly measures of the suburbs in domain.suburbs.

    One row per distinct content of a suburb, property category and period.
    """
    suburbs = warehouse.settings.domain.suburbs
    if not suburbs:
        return not_pulled(context, "no suburb set (domain.suburbs)")
    return _pull(context, warehouse, ingest_domain_suburb_performance, suburbs=suburbs)


def _pull(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    ingest: Callable[..., DomainSummary],
    key: dg.AssetKey | None = None,
    **options: Any,
) -> dg.MaterializeResult:
    """Run one landing; an error that a rerun cannot help fails without retries."""
    settings = warehouse.settings
    try:
        api: DomainApi = open_domain(settings)
        with warehouse.connect() as conn:
            summary = ingest(
                conn,
                api,
                landing=settings.landing_folder / SOURCE,
                is_simulated=warehouse.is_simulated,
                on_progress=progress.step("domain"),
                **options,
            )
            limit_hours = policy_for(settings, SOURCE).stale_hours
            metadata = _metadata(conn, key or context.asset_key, summary, limit_hours)
        api.close()
    except PermanentError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    if summary.problem:
        context.log.warning(summary.problem)
    return dg.MaterializeResult(metadata=metadata)


def _metadata(
    conn: psycopg.Connection,
    key: dg.AssetKey,
    summary: DomainSummary,
    limit_hours: float | None,
) -> dict[str, Any]:
    """Counts alone: a sample of rows would show prices that agencies withhold."""
    counts = {
        "searches_sliced_into": summary.slices,
        "pages_read": summary.pages,
        "results_not_given": summary.missing,
        "not_known_to_domain": summary.absent,
        "answers_unchanged": summary.unchanged,
    }
    shown: dict[str, Any] = {
        "dagster/row_count": row_count(conn, key),
        "status": summary.status,
        **run_totals(summary),
        **{name: count for name, count in counts.items() if count},
        **(summary.http if any(summary.http.values()) else {}),
    }
    if summary.day_quota_left is not None:
        shown["day_quota_left"] = summary.day_quota_left
    if summary.problem is not None:
        shown["reason"] = summary.problem
    if summary.parked_until is not None:
        shown["status"] = f"parked until {summary.parked_until:%Y-%m-%d %H:%M} UTC"
    if summary.status == "stale":
        shown["status"] = "stale: nothing was ever pulled"
        snapshot = last_good(conn, SOURCE, summary.dataset)
        if snapshot is not None:
            shown |= stale_metadata(
                Staleness(
                    "stale",
                    summary.problem or "",
                    snapshot.taken_at,
                    snapshot.age_hours,
                    limit_hours,
                )
            )
    return shown


domain_assets: list[Any] = [
    domain_listings,
    domain_listing_details,
    domain_properties,
    domain_sales_results,
    domain_suburb_performance,
]
