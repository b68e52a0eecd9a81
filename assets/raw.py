"""Landing: source files into `raw`, one asset a source, rejects in `raw.rejects`."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from assets import keys, progress
from assets.clients import client_for
from assets.landing.common import IngestSummary
from assets.landing.csv_files import ingest_csv
from assets.landing.degradation import degrade
from assets.landing.nsw_valuer import ingest_psi
from assets.metadata import (
    calls_metadata,
    not_pulled,
    query_records,
    records_table,
    row_count,
    run_totals,
    source_metadata,
    stale_metadata,
    table_metadata,
)
from assets.partitions import psi_weeks
from assets.resources import FETCH_RETRY, Warehouse
from connectors import csv_mapping, nsw_valuer
from connectors.resilience import SourceClient
from database.quarantine import count_open_rejects
from database.source_health import record_source_run
from domain.errors import PermanentError


class NswValuerConfig(dg.Config):
    """Where this run reads PSI files from."""

    location: str | None = Field(
        None, description="Folder, file or URL; unset: the setting nsw_valuer.location."
    )
    every_file: bool = Field(
        False,
        description="Read every file there, also those whose name tells no week; "
        "otherwise the files of the run's weeks.",
    )


class CsvConfig(dg.Config):
    """Which CSV file this run reads, and how."""

    location: str | None = Field(
        None, description="File or URL; unset: the setting csv.location."
    )
    mapping: str | None = Field(
        None, description="Mapping; unset: setting csv.mapping."
    )


@dg.asset(
    key=keys.RAW_NSW_SALES,
    partitions_def=psi_weeks,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="landing",
    kinds={"python", "postgres"},
    owners=[keys.DATA_OWNER],
    metadata=source_metadata(nsw_valuer.INFO),
    retry_policy=FETCH_RETRY,
)
def nsw_valuer_sales(
    context: dg.AssetExecutionContext, config: NswValuerConfig, warehouse: Warehouse
) -> dg.MaterializeResult:
    """NSW Valuer General property sales (PSI): weekly ZIPs of one `.DAT` per district.

    Every file is reconciled with its trailer, every record is loaded, recognised as a
    repeat, or quarantined in `raw.rejects`. One row per distinct sale record received.
    """
    settings = warehouse.settings
    location = config.location or settings.nsw_valuer.location
    if location is None:
        return not_pulled(context, "no location set")
    weeks = None
    if not config.every_file:
        weeks = _weeks(context, settings.nsw_valuer.trailing_weeks)
    with warehouse.connect() as conn, client_for(settings, "nsw_valuer") as client:
        summary = _pulled(
            ingest_psi,
            conn,
            location,
            landing=settings.landing_folder / "nsw_valuer",
            is_simulated=warehouse.is_simulated,
            weeks=weeks,
            on_progress=progress.step("nsw_valuer"),
            client=client,
        )
        for week, counts in summary.partitions.items():
            context.add_asset_metadata(
                dict(counts), asset_key=keys.RAW_NSW_SALES, partition_key=week
            )
        return _landed(context, conn, keys.RAW_NSW_SALES, summary, client)


@dg.asset(
    key=keys.RAW_CSV_SALES,
    group_name="landing",
    kinds={"python", "postgres", "csv"},
    owners=[keys.DATA_OWNER],
    metadata=source_metadata(csv_mapping.INFO),
    retry_policy=FETCH_RETRY,
)
def csv_sales(
    context: dg.AssetExecutionContext, config: CsvConfig, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Sales files read through a YAML mapping of columns, units and sale methods.

    One row per distinct line of a mapping; unmapped columns are kept as JSON.
    """
    settings = warehouse.settings
    location = config.location or settings.csv.location
    if location is None:
        return not_pulled(context, "no location set")
    with warehouse.connect() as conn, client_for(settings, "csv") as client:
        summary = _pulled(
            ingest_csv,
            conn,
            location,
            config.mapping or settings.csv.mapping,
            landing=settings.landing_folder / "csv",
            is_simulated=warehouse.is_simulated,
            on_progress=progress.step("csv"),
            client=client,
        )
        return _landed(context, conn, keys.RAW_CSV_SALES, summary, client)


@dg.asset(
    key=keys.RAW_REJECTS,
    # Last of a run, and after nothing in particular: a source that is away holds up
    # what depends on it, and quarantine must not.
    op_tags={"dagster/priority": "-10"},
    group_name="landing",
    kinds={"postgres"},
    owners=[keys.DATA_OWNER],
)
def rejects(warehouse: Warehouse) -> dg.MaterializeResult:
    """Quarantine: what could not be loaded, why, and how to mend it.

    Written by the loads themselves, in their transactions; counted here. Worked off
    with `ausproperty rejects`. One row per refused record or file.
    """
    with warehouse.connect() as conn:
        table = query_records(
            conn,
            'select source, rule_id as rule, count(*) as open, min(reason) as "as in", '
            'min(fix) as "what to do", min(source_file) as file '
            "from raw.rejects where resolved_at is null "
            "group by 1, 2 order by 3 desc limit 20",
        )
        waiting = count_open_rejects(conn)
        count = row_count(conn, keys.RAW_REJECTS)
    return dg.MaterializeResult(
        # No sample: an original text may hold a price that its agency withholds.
        metadata={
            "dagster/row_count": count,
            "open": sum(waiting.values()),
            "open_by_rule": records_table(table),
        }
    )


def _weeks(context: dg.AssetExecutionContext, trailing: int) -> tuple[date, date]:
    """First and last week of the run; without partitions, the trailing window."""
    if context.has_partition_key_range:
        chosen = context.partition_key_range
        return date.fromisoformat(chosen.start), date.fromisoformat(chosen.end)
    last = date.fromisoformat(psi_weeks.get_last_partition_key() or "2001-01-01")
    return last - timedelta(weeks=trailing - 1), last


def _pulled(
    work: Any, conn: Any, *args: Any, client: SourceClient, **kwargs: Any
) -> Any:
    """Run a landing; while its source is away the last good snapshot stands.

    An error that a rerun cannot help fails the step without retries.
    """
    policy = client.policy
    try:
        return degrade(
            conn,
            policy.source,
            lambda: work(conn, *args, client=client, **kwargs),
            limit_hours=policy.stale_hours,
        )
    except PermanentError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def _landed(
    context: dg.AssetExecutionContext,
    conn: Any,
    key: dg.AssetKey,
    summary: IngestSummary,
    client: SourceClient,
) -> dg.MaterializeResult:
    if summary.staleness is not None:
        context.log.warning(summary.staleness.reason)
        return dg.MaterializeResult(
            metadata={
                **table_metadata(conn, key),
                **stale_metadata(summary.staleness),
                **calls_metadata(client),
            }
        )
    for refused in summary.refused_files:
        context.log.warning("refused %s: %s", refused.source_file, refused.reason)
    # What an outage kept from us is still on offer: an older state stands. A link that
    # is broken for good must not age the source for ever.
    record_source_run(
        conn,
        summary.source,
        "stale" if any(f.is_outage for f in summary.not_fetched) else "ok",
        started_at=datetime.now(UTC) - timedelta(seconds=summary.seconds),
        rows=summary.loaded,
        rejects=summary.rejected,
        detail={
            "files": summary.file_count,
            "not_fetched": [failure.url for failure in summary.not_fetched[:20]],
        },
    )
    conn.commit()
    files = [
        {"file": f.source_file, "status": f.status, "reason": f.reason or ""}
        for f in summary.refused_files[:20]
    ]
    return dg.MaterializeResult(
        metadata={
            **table_metadata(conn, key),
            # Of the whole run; a partition's own counts stand beside it by plain name.
            **run_totals(summary),
            "files": summary.file_count,
            **({"refused_files": records_table(files)} if files else {}),
            **calls_metadata(client),
        }
    )
