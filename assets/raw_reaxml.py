"""REAXML listing feeds into `raw`: what was dropped since the last run."""

from typing import Any

import dagster as dg
from pydantic import Field

from assets import keys, progress
from assets.landing.reaxml import DropSummary, ingest_reaxml
from assets.metadata import (
    not_pulled,
    query_records,
    records_table,
    run_totals,
    source_metadata,
)
from assets.resources import Warehouse
from connectors.reaxml import INFO
from domain.errors import PermanentError


class ReaxmlConfig(dg.Config):
    """Which drop folder this run reads."""

    drop_folder: str | None = Field(
        None, description="Folder; unset: the setting reaxml.drop_folder."
    )


@dg.asset(
    key=keys.RAW_REAXML_LISTINGS,
    group_name="landing",
    kinds={"python", "postgres", "xml"},
    owners=[keys.DATA_OWNER],
    metadata=source_metadata(INFO),
    retry_policy=dg.RetryPolicy(
        max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL
    ),
)
def reaxml_listings(
    context: dg.AssetExecutionContext, config: ReaxmlConfig, warehouse: Warehouse
) -> dg.MaterializeResult:
    """REAXML records that agencies dropped, each saying what changed in one listing.

    Every file is loaded once and moves to done/ or failed/ with a report. One row per
    distinct record of a listing.
    """
    settings = warehouse.settings.reaxml
    folder = config.drop_folder or settings.drop_folder
    if folder is None:
        return not_pulled(context, "no drop folder set")
    with warehouse.connect() as conn:
        try:
            summary = ingest_reaxml(
                conn,
                folder,
                is_simulated=warehouse.is_simulated,
                settle_seconds=settings.settle_seconds,
                on_progress=progress.step("reaxml"),
            )
        except PermanentError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        metadata = _metadata(conn, summary)
    for failure in summary.not_fetched:
        context.log.warning("%s stays: %s", failure.url, failure.problem)
    for refused in summary.refused_files:
        context.log.warning("refused %s: %s", refused.source_file, refused.reason)
    return dg.MaterializeResult(metadata=metadata)


def _metadata(conn: Any, summary: DropSummary) -> dict[str, Any]:
    """Counts alone: a sample of rows would show prices that agencies withhold."""
    kinds = query_records(
        conn,
        "select kind, coalesce(status, 'not said') as status, count(*) as records "
        "from raw.reaxml__listings group by 1, 2 order by 1, 2",
    )
    reasons = {file.source_file: file.reason for file in summary.refused_files}
    moved = [
        {"file": m.name, "status": m.status, "reason": reasons.get(m.name)}
        # The newest are at the end; what was refused must not be cut off.
        for m in sorted(summary.moved, key=lambda m: m.status != "refused")[:20]
    ]
    return {
        "dagster/row_count": sum(row["records"] for row in kinds),
        **run_totals(summary),
        "files": len(summary.moved),
        "files_still_being_written": len(summary.waiting),
        "files_not_readable": len(summary.not_fetched),
        **({"files_moved": records_table(moved)} if moved else {}),
        "records": records_table(kinds),
    }
