"""Asset checks that are ours: reconciliation, coverage, model against baseline.

Rules about rows are Great Expectations suites (`quality.py`); rules about marts are dbt
tests. Each rule has one home.
"""

from typing import Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import last_summary
from assets.metadata import query_records, records_table, row_count
from assets.raw_reference import ASSETS, key_of
from assets.resources import Warehouse
from database.source_fields import SourceField, drifted_fields

# Checks that fail for what a publisher sent, not for what we did with it: the run went
# well all the same, and says so.
TOLERATED = frozenset({"few_records_are_refused"})

# A file of fewer records is judged as if it had so many: one bad record of a district's
# twenty, or of an agency's dozen, is no news.
FEW_RECORDS = 50

# Landing assets whose files name their fields, and the source (and datasets, None: all)
# they show. A source joins with one line; NSW PSI names no fields.
COLUMNS_CHECKED: tuple[tuple[dg.AssetKey, str, tuple[str, ...] | None], ...] = (
    (keys.RAW_CSV_SALES, "csv", None),
    (keys.RAW_DOMAIN_LISTINGS, "domain", None),
    (keys.RAW_REAXML_LISTINGS, "reaxml", None),
    *((key_of(name), name, None) for name in ASSETS),
)


@dg.asset_check(
    asset=keys.RAW_REJECTS,
    description="Every record read was loaded, recognised as a repeat or refused, and "
    "every loaded record is in its raw table.",
)
def every_record_is_accounted_for(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Counts of the ledger against the rows themselves, table by table."""
    with warehouse.connect() as conn:
        # A table joins by having a file in the ledger.
        table = query_records(
            conn,
            """
            select source, table_name as "table", sum(rows_read) as read,
                   sum(rows_loaded) as loaded, sum(rows_repeated) as repeated,
                   sum(rows_rejected) as rejected,
                   coalesce(sum(rows_loaded) filter (where pruned_at is null), 0)
                       as should_be_there
            from ops.source_files group by source, table_name order by 1, 2
            """,
        )
        for counts in table:
            found = row_count(conn, dg.AssetKey(counts["table"].split(".")))
            whole = (
                counts["read"]
                == counts["loaded"] + counts["repeated"] + counts["rejected"]
                and counts["should_be_there"] == found
            )
            counts["rows_in_raw"] = found
            counts["holds"] = "yes" if whole else "NO"
    wrong = [row["table"] for row in table if row["holds"] != "yes"]
    return dg.AssetCheckResult(
        passed=not wrong,
        description=f"the counts of {', '.join(wrong)} do not add up"
        if wrong
        else None,
        metadata={"counts": records_table(table)},
    )


@dg.asset_check(
    asset=keys.RAW_REJECTS,
    description="No file has more of its records refused and not yet worked off than "
    "the setting quarantine.max_reject_share allows (2 %). The run goes on.",
)
def few_records_are_refused(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Files with a large share of open rejects, and refused files; worst first."""
    share = warehouse.settings.quarantine.max_reject_share
    with warehouse.connect() as conn:
        table = query_records(
            conn,
            """
            select source, f.source_file as file, f.status, f.rows_read as read,
                   f.rows_rejected as rejected,
                   round(100.0 * f.rows_rejected / greatest(f.rows_read, 1), 1)
                       as percent,
                   f.reason, count(*) over () as total
            from ops.source_files f
            where (
                f.status = 'refused'
                or f.rows_rejected > %(share)s * greatest(f.rows_read, %(few)s)
              )
              and f.discarded_at is null
              and exists (
                  select from raw.rejects r
                  where r._batch_id = f.batch_id and r.source_file = f.source_file
                    and r.resolved_at is null
              )
            order by f.rows_rejected desc, f.source_file limit 20
            """,
            {"share": share, "few": FEW_RECORDS},
        )
    # Of the files there are, the table holds the worst.
    total = max((int(row.pop("total")) for row in table), default=0)
    return dg.AssetCheckResult(
        passed=not table,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_too_many(table, total, share) if table else None,
        metadata={
            "files": records_table(table),
            "file_count": total,
            "limit": f"{share * 100:g} % of a file",
        },
    )


def _too_many(table: list[dict[str, Any]], total: int, share: float) -> str:
    worst = table[0]
    files = "1 file is" if total == 1 else f"{total:,} files are"
    return (
        f"{files} refused or had too many records refused"
        f" (limit {share * 100:g} %); worst is {worst['file']} with "
        f"{worst['rejected']:,} of {worst['read']:,}. `ausproperty rejects list` says "
        "why and what to do."
    )


def columns_check(
    key: dg.AssetKey, source: str, datasets: tuple[str, ...] | None = None
) -> dg.AssetChecksDefinition:
    """Schema drift of one landing asset, as a check that warns and stops nothing."""

    @dg.asset_check(
        asset=key,
        name="columns_are_as_expected",
        description="Files show the columns, keys or elements they always showed: none "
        "is new, none is missing.",
    )
    def check(warehouse: Warehouse) -> dg.AssetCheckResult:
        with warehouse.connect() as conn:
            fields = [
                field
                for field in drifted_fields(conn, source)
                if datasets is None or field.dataset in datasets
            ]
        return dg.AssetCheckResult(
            passed=not fields,
            severity=dg.AssetCheckSeverity.WARN,
            description=_drift(source, fields) if fields else None,
            metadata={"fields": records_table([_as_row(field) for field in fields])},
        )

    return check


def _drift(source: str, fields: list[SourceField]) -> str:
    parts = []
    for status in ("new", "missing"):
        found = [field for field in fields if field.status == status]
        if found:
            first = min(found, key=lambda field: field.changed_at)
            names = ", ".join(field.field for field in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            parts.append(
                f"{status.capitalize()} since {first.changed_file} "
                f"({first.changed_at:%Y-%m-%d}): {names}{more}."
            )
    return (
        f"{' '.join(parts)} Teach the mapping or the parser, or take them as normal "
        f"with `ausproperty sources accept {source}`."
    )


def _as_row(field: SourceField) -> dict[str, Any]:
    return {
        "field": field.field,
        "status": field.status,
        "dataset": field.dataset,
        "since": f"{field.changed_at:%Y-%m-%d %H:%M}",
        "since_file": field.changed_file,
        "last_seen": f"{field.last_seen_at:%Y-%m-%d}" if field.last_seen_at else "",
        "last_file": field.last_file or "",
        "files": field.files,
    }


column_checks = [columns_check(*entry) for entry in COLUMNS_CHECKED]


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


def standing_refusals(conn: psycopg.Connection) -> dict[str, int]:
    """Active properties that are refused now, by reason."""
    return dict(
        conn.execute(
            """
            select r.reason, count(*)
            from ml.refusals r
            join marts.properties p using (property_id)
            where r.ended_at is null and p.deleted_at is null
            group by 1 order by 1
            """
        ).fetchall()
    )


@dg.asset_check(
    asset=keys.PREDICTIONS,
    description="Every active property has a current prediction or stands refused, "
    "with a reason; none has both.",
)
def every_property_is_valued(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Active properties against current predictions and standing refusals."""
    with warehouse.connect() as conn:
        row = conn.execute(
            """
            select count(*), count(c.property_id)
            from marts.properties p
            left join ml.current_predictions c using (property_id)
            where p.deleted_at is null
            """
        ).fetchone()
        reasons = standing_refusals(conn)
    active, valued = row or (0, 0)
    refused = sum(reasons.values())
    return dg.AssetCheckResult(
        passed=active == valued + refused,
        metadata={
            "active": active,
            "valued": valued,
            "refused": refused,
            "refused_by_reason": dg.MetadataValue.json(reasons),
        },
    )


@dg.asset_check(
    asset=keys.EVENTS,
    description="Every prediction that is to be told has exactly one event, and so has "
    "every estimate withdrawn.",
)
def every_prediction_has_its_event(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Predictions against outbox events; they were written in one transaction."""
    with warehouse.connect() as conn:
        row = conn.execute(
            """
            select (select count(*) from ml.price_predictions where is_told),
                   (select count(*) from ml.price_predictions where not is_told),
                   (select count(*) from ml.refusals
                    where withdrew_estimate_aud is not null),
                   (select count(*) from delivery.events
                    where event_type like 'prediction.%')
            """
        ).fetchone()
    told, untold, withdrawn, events = row or (0, 0, 0, 0)
    return dg.AssetCheckResult(
        passed=told + withdrawn == events,
        metadata={
            "predictions": told,
            "moved_less_than_noise": untold,
            "withdrawn": withdrawn,
            "events": events,
        },
    )
