"""Asset checks that are ours: reconciliation, coverage, model against baseline.

Rules about rows are Great Expectations suites (`quality.py`); rules about marts are dbt
tests. Each rule has one home.
"""

import dagster as dg

from assets import keys
from assets.builds import last_summary
from assets.metadata import records_table
from assets.resources import Warehouse

# A file with more refused records than this is worth a look; the rest goes on.
REJECT_SHARE_WARN = 0.02


@dg.asset_check(
    asset=keys.RAW_REJECTS,
    description="Every record read was loaded, recognised as a repeat or refused, and "
    "every loaded record is in its raw table.",
)
def every_record_is_accounted_for(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Counts of the ledger against the rows themselves."""
    with warehouse.connect() as conn:
        rows = conn.execute(
            """
            select f.source, sum(rows_read), sum(rows_loaded), sum(rows_repeated),
                   sum(rows_rejected),
                   case f.source when 'csv' then (select count(*) from raw.csv__sales)
                   else (select count(*) from raw.nsw_valuer__sales) end
            from ops.source_files f group by f.source order by 1
            """
        ).fetchall()
    names = ("source", "read", "loaded", "repeated", "rejected", "rows_in_raw")
    table = [dict(zip(names, row, strict=True)) for row in rows]
    whole = all(
        row["read"] == row["loaded"] + row["repeated"] + row["rejected"]
        and row["loaded"] == row["rows_in_raw"]
        for row in table
    )
    return dg.AssetCheckResult(passed=whole, metadata={"counts": records_table(table)})


@dg.asset_check(
    asset=keys.RAW_REJECTS,
    description="No file had more than 2 % of its records refused.",
)
def few_records_are_refused(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Files with a large share of rejects, worst first."""
    with warehouse.connect() as conn:
        rows = conn.execute(
            """
            select source_file, status, rows_read, rows_rejected, reason
            from ops.source_files
            where status = 'refused' or rows_rejected > %s * greatest(rows_read, 50)
            order by rows_rejected desc, source_file limit 20
            """,
            [REJECT_SHARE_WARN],
        ).fetchall()
    names = ("file", "status", "read", "rejected", "reason")
    table = [dict(zip(names, row, strict=True)) for row in rows]
    return dg.AssetCheckResult(
        passed=not table,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"files": records_table(table)},
    )


@dg.asset_check(
    asset=keys.VALUATION_MODEL,
    description="The newest model errs less than the naive median on later sales.",
)
def model_beats_the_naive_baseline(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Median absolute percentage error against the suburb median's."""
    with warehouse.connect() as conn:
        trained = last_summary(conn, "train")
    ours = trained.get("metrics", {}).get("mdape")
    naive = trained.get("baseline", {}).get("mdape")
    known = ours is not None and naive is not None
    return dg.AssetCheckResult(
        passed=known and ours <= naive,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"mdape": ours or 0.0, "baseline_mdape": naive or 0.0},
    )


@dg.asset_check(
    asset=keys.PREDICTIONS,
    description="Every active property has a current prediction or is a refusal.",
)
def every_property_is_valued(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Active properties against current predictions."""
    with warehouse.connect() as conn:
        row = conn.execute(
            """
            select count(*), count(c.property_id)
            from marts.properties p
            left join ml.current_predictions c using (property_id)
            where p.deleted_at is null
            """
        ).fetchone()
        refused = int(last_summary(conn, "score").get("refused", 0))
    active, valued = row or (0, 0)
    return dg.AssetCheckResult(
        passed=active == valued + refused,
        metadata={"active": active, "valued": valued, "refused": refused},
    )


@dg.asset_check(
    asset=keys.EVENTS,
    description="Every prediction that was written has exactly one event.",
)
def every_prediction_has_its_event(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Predictions against outbox events; they were written in one transaction."""
    with warehouse.connect() as conn:
        row = conn.execute(
            """
            select (select count(*) from ml.price_predictions),
                   (select count(*) from delivery.events
                    where event_type like 'prediction.%')
            """
        ).fetchone()
    predictions, events = row or (0, 0)
    return dg.AssetCheckResult(
        passed=predictions == events,
        metadata={"predictions": predictions, "events": events},
    )
