"""Feedback: what later sales and submitted actuals say of the estimates before them.

Runs after the marts and before training, so a day's training knows how yesterday's
estimates did. Those come out of the run before: that `ml/price_predictions` are read
here is not in the graph, which would be a circle.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import (
    SALES_BUILD,
    build_of,
    changes_fingerprint,
    code_digest,
    digest,
    last_build,
    record_build,
)
from assets.champion import champion_version, learnt_until, version_tags
from assets.metadata import (
    image,
    query_records,
    records_table,
    row_count,
    table_metadata,
    unchanged_metadata,
)
from assets.resources import Warehouse
from ml.feedback import experience_of, newest_prediction, refresh_feedback
from ml.promises import Experience, Finding, Promise, coverage_finding, error_finding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEEDBACK_BUILD = "prediction_feedback"
#: Sales known in so many days before the newest are recent.
RECENT_DAYS = 90
#: Tables that may change without a build of the sales.
_NOTED = ("intermediate.int_property__redirects",)


@dg.asset(
    key=keys.PREDICTION_FEEDBACK,
    deps=[keys.SALES, keys.PROPERTIES],
    group_name="predictions",
    kinds={"python", "postgres"},
    owners=[keys.ML_OWNER],
)
def prediction_feedback(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Each later sale and accepted submitted actual beside the prediction before it.

    The prediction had not seen the sale: `ml/feedback.py` says the rule. A corrected
    sale corrects its row. One row per sale or actual.
    """
    with warehouse.connect() as conn:
        wanted = digest(
            FEEDBACK_BUILD,
            build_of(conn, SALES_BUILD),
            changes_fingerprint(conn, *_NOTED),
            newest_prediction(conn),
            _submitted(conn),
            code_digest("ml"),
        )
        if last_build(conn, FEEDBACK_BUILD, wanted) is not None:
            conn.commit()
            return dg.MaterializeResult(
                metadata=unchanged_metadata(context, keys.PREDICTION_FEEDBACK)
            )
        done = refresh_feedback(conn, learnt_until(conn))
        counts = {
            "added": done.added,
            "corrected": done.corrected,
            "removed": done.removed,
        }
        record_build(
            conn, FEEDBACK_BUILD, wanted, run_id=context.run.run_id, summary=counts
        )
        return dg.MaterializeResult(
            metadata={**table_metadata(conn, keys.PREDICTION_FEEDBACK), **counts}
        )


def _submitted(conn: psycopg.Connection) -> str:
    row = conn.execute(
        "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) "
        "from ml.submitted_actuals as t"
    ).fetchone()
    return str(row)


@dg.asset(
    key=keys.MODEL_ACCURACY,
    deps=[keys.PREDICTION_FEEDBACK],
    group_name="predictions",
    kinds={"postgres", "matplotlib"},
    owners=[keys.ML_OWNER],
)
def model_accuracy(warehouse: Warehouse) -> dg.MaterializeResult:
    """Accuracy on later sales by model version, market and month, as a view.

    Submitted actuals stand apart from recorded sales. One row per evidence, method,
    version, state, dwelling type and month of contract.
    """
    from ml.feedback_plots import accuracy_by_month

    with warehouse.connect() as conn:
        rows = query_records(
            conn,
            "select * from ml.model_accuracy order by evidence, month desc, n desc, "
            "method, model_version, state, dwelling_type limit 50",
        )
        count = row_count(conn, keys.MODEL_ACCURACY)
        versions = query_records(conn, _BY_VERSION)
        by_month = query_records(conn, _BY_MONTH)
        champion = champion_version(conn)
        promise = _promise(conn, champion)
    metadata: dict[str, Any] = {
        "dagster/row_count": count,
        "champion": champion or "none",
        "versions": records_table(versions),
        "markets": records_table(rows),
    }
    if by_month:
        figure = accuracy_by_month(by_month, promise)
        metadata["accuracy_by_month"] = _picture(figure, "accuracy_by_month")
    return dg.MaterializeResult(metadata=metadata)


_BY_VERSION = """
select evidence, method, model_version as version, count(*)::int as n,
    percentile_cont(0.5) within group (order by abs(error_pct)) as mdape_pct,
    100 * avg((abs(error_pct) <= 10)::int)::float as pe10_pct,
    percentile_cont(0.5) within group (order by estimate_aud::float / price_aud)
        as median_ratio,
    100 * avg(inside_80::int)::float as coverage_80_pct,
    min(contract_date) as first_sale, max(contract_date) as last_sale
from ml.prediction_feedback group by 1, 2, 3
order by 1, max(created_at) desc, 4 desc limit 20
"""

# What is drawn: recorded sales, models and what stands in for them as one line each.
_BY_MONTH = """
select date_trunc('month', contract_date)::date as month,
    case method when 'model' then 'version ' || model_version else method end
        as made_by,
    count(*)::int as n,
    percentile_cont(0.5) within group (order by abs(error_pct)) as mdape_pct,
    100 * avg(inside_80::int)::float as coverage_80_pct,
    percentile_cont(0.5) within group (order by estimate_aud::float / price_aud)
        as median_ratio
from ml.prediction_feedback where evidence = 'sale'
group by 1, 2 order by 1, 2
"""


def _picture(figure: "Figure", name: str) -> dg.MetadataValue:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.png"
        figure.savefig(path, dpi=90)
        return image(path)


def _promise(conn: psycopg.Connection, version: str | None) -> Promise | None:
    tags: Mapping[str, str] = version_tags(conn, version) if version else {}
    return Promise.of(version, tags) if version else None


def champions_promise(conn: psycopg.Connection) -> Promise | None:
    """What the champion's hold-out promised; None without champion or promise."""
    return _promise(conn, champion_version(conn))


@dg.asset_check(
    asset=keys.MODEL_ACCURACY,
    description="Recent sales' median error of the champion's estimates is not above "
    "what its hold-out promised, beyond luck and a tenth.",
)
def feedback_error_within_bounds(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Sales known in the last 90 days against the champion's tags."""
    return _judged(warehouse, error_finding)


@dg.asset_check(
    asset=keys.MODEL_ACCURACY,
    description="The champion's 80 % intervals hold 80 % of recent sales, within luck "
    "and five points.",
)
def feedback_coverage_within_bounds(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Sales known in the last 90 days inside the interval they were promised."""
    return _judged(warehouse, coverage_finding)


def _judged(
    warehouse: Warehouse, judge: Callable[[Experience, Promise], Finding]
) -> dg.AssetCheckResult:
    with warehouse.connect() as conn:
        promise = champions_promise(conn)
        if promise is None:
            return dg.AssetCheckResult(
                passed=True, metadata={"finding": "no champion has promised anything"}
            )
        found = experience_of(conn, promise.version, promise.mdape, days=RECENT_DAYS)
    finding = judge(found, promise)
    return dg.AssetCheckResult(
        passed=not finding.broken,
        severity=dg.AssetCheckSeverity.WARN,
        description=finding.told if finding.broken else None,
        metadata={
            "finding": finding.told,
            "version": promise.version,
            "sales": found.n,
            "promised_mdape": promise.mdape,
            "days": RECENT_DAYS,
            **({"mdape": found.mdape} if found.n else {}),
        },
    )
