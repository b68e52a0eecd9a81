"""Volumes and price levels that do not fit their history, as checks that warn.

The scores are `ml.anomalies`; here is what they are taken of, and what the UI shows.
They read the ledger and the suburb market, never the sales: the same few seconds at ten
million sales.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import dagster as dg
import psycopg

from assets import keys
from assets.metadata import records_table
from assets.resources import Warehouse
from ml.anomalies import (
    LIMIT,
    MONTHS_BEFORE,
    MonthLevel,
    Odd,
    WeekVolume,
    filled_forward,
    level_scores,
    volume_scores,
)

#: Sources whose volumes are judged, by the asset the check stands on.
JUDGED = (
    (keys.RAW_NSW_SALES, "nsw_valuer"),
    (keys.RAW_CSV_SALES, "csv"),
    (keys.RAW_DOMAIN_LISTINGS, "domain"),
    (keys.RAW_REAXML_LISTINGS, "reaxml"),
)
#: Contract months that are judged, back from the newest.
MONTHS_JUDGED = 12
_WORST = 15


def volume_check(key: dg.AssetKey, source: str) -> dg.AssetChecksDefinition:
    """A source's newest week against its own history, by district where files tell."""

    @dg.asset_check(
        asset=key,
        name="volumes_fit_their_history",
        description="The rows of the newest whole week, in all and by district, are "
        f"within {LIMIT:g} robust standard errors of the half-year before; weeks about "
        "Christmas are judged by those of other years.",
    )
    def check(warehouse: Warehouse) -> dg.AssetCheckResult:
        with warehouse.connect() as conn:
            scores = volume_scores(week_volumes(conn, source))
        return _verdict(scores, _volume_row)

    return check


def week_volumes(conn: psycopg.Connection, source: str) -> list[WeekVolume]:
    """Rows a source gave by week and district, of whole weeks.

    A PSI file names its district and its week; other sources' weeks are those in which
    they were loaded, of which the running one is not over.
    """
    rows = conn.execute(
        r"""
        with files as (
            select
                case
                    when partition_key ~ '^\d{4}-\d\d-\d\d$' then partition_key::date
                    else date_trunc('week', loaded_at)::date
                end as week,
                coalesce(partition_key !~ '^\d{4}-\d\d-\d\d$', true) as is_by_load,
                coalesce(substring(source_file from '(\d{3})_SALES_DATA'), 'all')
                    as district,
                rows_read
            from ops.source_files
            where source = %s and status = 'loaded' and discarded_at is null
        )
        select week, district, sum(rows_read)::int
        from files
        where not is_by_load or week < date_trunc('week', now())::date
        group by 1, 2
        """,
        [source],
    )
    return [WeekVolume(source, district, week, count) for week, district, count in rows]


def _volume_row(odd: Odd) -> dict[str, Any]:
    return {
        "district": odd.what[1],
        "week": str(odd.when),
        "rows": round(odd.found),
        "expected": round(odd.expected),
        "score": round(odd.score, 1),
    }


@dg.asset_check(
    asset=keys.SUBURB_MARKET,
    description="Suburb medians of the last 12 contract months are within "
    f"{LIMIT:g} robust standard errors of their own history, moved on with the "
    "state's price index.",
)
def medians_fit_their_history(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Medians by suburb, dwelling type and month against the three years before."""
    with warehouse.connect() as conn:
        levels, first_month = month_levels(conn)
    return _verdict(level_scores(levels, first_month), _level_row)


def month_levels(conn: psycopg.Connection) -> tuple[list[MonthLevel], int]:
    """Medians of the months judged and their history, and the first month judged."""
    months = (
        "(extract(year from {0})::int - 2000) * 12 + extract(month from {0})::int - 1"
    )
    rows = conn.execute(
        f"""
        with newest as (select max(month) as month from marts.suburb_market)
        select
            market.suburb_key, market.state, market.dwelling_type,
            {months.format("market.month")}, market.sale_count,
            ln(market.median_price_aud)::double precision,
            {months.format("newest.month")}
        from marts.suburb_market as market
        cross join newest
        where market.month > newest.month - make_interval(months => %s)
            and market.median_price_aud > 0
        """,  # noqa: S608
        [MONTHS_BEFORE + MONTHS_JUDGED],
    ).fetchall()
    if not rows:
        return [], 0
    newest = int(rows[0][6])
    first = newest - MONTHS_BEFORE - MONTHS_JUDGED
    index = _indexes(conn, first, newest)
    levels = [
        MonthLevel(suburb, kind, month, count, level, index[state, kind][month])
        for suburb, state, kind, month, count, level, _ in rows
    ]
    return levels, newest - MONTHS_JUDGED + 1


def _indexes(
    conn: psycopg.Connection, first: int, last: int
) -> dict[tuple[str, str], dict[int, float]]:
    """Log index of each state and dwelling type by month; flat where there is none."""
    known: dict[tuple[str, str], dict[int, float]] = {}
    for state, kind, start, hundredths in conn.execute(
        "select area_key, dwelling_type, first_month, "
        "array(select ln(shown) from unnest(index_hundredths) with ordinality as t "
        "(shown, place) order by place)::double precision[] "
        "from intermediate.int_market__index_paths where area_kind = 'state'"
    ):
        known[state, kind] = {
            start + at: value
            for at, value in enumerate(hundredths)
            if value is not None
        }
    flat = filled_forward({}, first, last)
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: flat)
    found.update({key: filled_forward(known[key], first, last) for key in known})
    return found


def _level_row(odd: Odd) -> dict[str, Any]:
    month = int(str(odd.when))
    return {
        "suburb": odd.what[0],
        "dwelling_type": odd.what[1],
        "month": f"{2000 + month // 12}-{month % 12 + 1:02}",
        "median_aud": round(odd.found),
        "expected_aud": round(odd.expected),
        "score": round(odd.score, 1),
    }


def _verdict(scores: Sequence[Odd], as_row: Any) -> dg.AssetCheckResult:
    odd = [one for one in scores if abs(one.score) >= LIMIT]
    worst = [as_row(one) for one in scores[:_WORST]]
    return dg.AssetCheckResult(
        passed=not odd,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(odd):,} of {len(scores):,} do not fit; worst is "
        + ", ".join(f"{name} {value}" for name, value in worst[0].items())
        if odd
        else None,
        metadata={
            "judged": len(scores),
            "odd": len(odd),
            "limit": LIMIT,
            "worst": records_table(worst),
        },
    )


anomaly_checks = [
    *(volume_check(*entry) for entry in JUDGED),
    medians_fit_their_history,
]
