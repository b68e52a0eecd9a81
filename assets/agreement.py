"""Our medians beside the published ones of NSW, and what explains their differences.

The published quantiles (reference set `nsw_suburb_medians`) count other sales than the
market does: all residential transfers in the files of a year, shares, token prices and
dealings of several parcels among them. Four bases lead from theirs to ours, one
difference at a time, so that each has its figure.
"""

from typing import Any

import dagster as dg
import psycopg
from psycopg import sql

from assets import keys
from assets.builds import build_of, digest, last_build, record_build
from assets.metadata import query_records, records_table
from assets.price_index import INDEX_BUILD
from assets.resources import Warehouse

#: Bases from theirs to ours: which sales, and the date that says their year.
BASES = (
    ("as published: all residential transfers, year of the file", "true", "known_on"),
    (
        "without shares and token prices",
        "not is_partial_interest and not is_nominal",
        "known_on",
    ),
    ("without dealings of several parcels: market sales", "is_market_sale", "known_on"),
    ("by year of contract: as in the suburb market", "is_market_sale", "contract_date"),
)
#: Suburbs and years with fewer published sales tell of chance.
FEWEST_SALES = 20
#: Both cover a suburb in a year where our count on their base is this near to theirs.
COVERED = 0.05
#: Share of medians within 5 % on their base, below which something is wrong.
ENOUGH = 0.9
_BUILD = "check median_agreement"

_COMPARED = sql.SQL(
    """
    with published as materialized (
        select
            'NSW|' || area as suburb_key,
            extract(year from period_start_date)::int as year,
            transaction_count, lower_quartile_aud, median_aud, upper_quartile_aud
        from staging.stg_nsw_valuer__suburb_medians
        where measure = 'sale_price' and area_type = 'suburb' and period_kind = 'year'
            and dwelling_type = 'residential' and transaction_count >= {fewest}
    ),

    residential as materialized (
        select
            suburb_key, price_aud, is_partial_interest, is_nominal, is_market_sale,
            known_on, contract_date
        from marts.sales
        where source = 'nsw_valuer' and price_aud > 0
            and dwelling_type in ('house', 'unit', 'townhouse')
            and suburb_key in (select suburb_key from published)
    ),

    covered as (
        select held.suburb_key, held.year
        from (
            select
                suburb_key, extract(year from known_on)::int as year, count(*) as sales
            from residential group by 1, 2
        ) as held
        join published using (suburb_key, year)
        where abs(held.sales::float / published.transaction_count - 1) <= {covered}
    ),

    ours as (
        select
            base.place, residential.suburb_key,
            extract(year from base.day)::int as year, count(*) as sales,
            percentile_cont(array[0.25, 0.5, 0.75])
                within group (order by price_aud) as quartiles
        from residential
        cross join lateral (values {bases}) as base (place, is_counted, day)
        where base.is_counted
        group by 1, 2, 3
    )

    select
        ours.place, ours.suburb_key, ours.year, ours.sales,
        published.transaction_count as published_sales,
        quartiles[1] / lower_quartile_aud - 1 as lower_apart,
        quartiles[2] / median_aud - 1 as median_apart,
        quartiles[3] / upper_quartile_aud - 1 as upper_apart
    from ours
    join published using (suburb_key, year)
    join covered using (suburb_key, year)
    """
)


def compared() -> sql.Composed:
    """Query of both medians: one row per base, suburb and year that both cover."""
    bases = [
        sql.SQL("({}, {}, {})").format(
            sql.Literal(place), sql.SQL(counted), sql.SQL(day)
        )
        for place, (_, counted, day) in enumerate(BASES)
    ]
    return _COMPARED.format(
        fewest=sql.Literal(FEWEST_SALES),
        covered=sql.Literal(COVERED),
        bases=sql.SQL(", ").join(bases),
    )


def agreement(
    conn: psycopg.Connection, by: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """How far medians agree, a row per base and `by` (year, suburb_key).

    Shares are per cent of suburbs and years; `median_bias_pct` is that in the middle.
    """
    # The planner takes what a CTE gives for a handful of rows, and would compare each
    # with each.
    conn.execute("set local enable_nestloop = off")
    conn.execute("set local work_mem = '96MB'")
    groups = sql.SQL(", ").join(map(sql.Identifier, ("place", *by)))
    rows = query_records(
        conn,
        sql.SQL(
            """
            select
                {groups}, count(*) as suburb_years,
                round(100.0 * sum(sales) / sum(published_sales), 1) as sales_pct,
                {shares},
                round(100 * avg((abs(lower_apart) <= 0.05)::int), 1)
                    as lower_within_5_pct,
                round(100 * avg((abs(upper_apart) <= 0.05)::int), 1)
                    as upper_within_5_pct,
                round(100 * percentile_cont(0.5)
                    within group (order by median_apart)::numeric, 2)
                    as median_bias_pct
            from ({compared}) as compared
            group by {groups} order by {groups}
            """
        ).format(
            groups=groups,
            compared=compared(),
            shares=sql.SQL(", ").join(
                sql.SQL(
                    "round(100 * avg((abs(median_apart) <= {share})::int), 1) as {name}"
                ).format(
                    share=sql.Literal(share / 100),
                    name=sql.Identifier(f"median_within_{share}_pct"),
                )
                for share in (1, 5, 10)
            ),
        ),
    )
    return [{"base": BASES[row.pop("place")][0], **row} for row in rows]


@dg.asset_check(
    asset=keys.SUBURB_MARKET,
    description="Counted as the published NSW medians are, at least 90 % of our suburb "
    "medians are within 5 % of them; the table leads from their base to ours.",
)
def medians_agree_with_the_published(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse
) -> dg.AssetCheckResult:
    """Suburbs and years that both cover; nothing to say without the reference set.

    It reads all NSW sales, so it is done when the reference set changed and once a
    month, with the price index, not with every day's files.
    """
    with warehouse.connect() as conn:
        if not _has_reference(conn):
            return dg.AssetCheckResult(
                passed=True,
                severity=dg.AssetCheckSeverity.WARN,
                description="The reference set nsw_suburb_medians is not loaded.",
            )
        wanted = digest(_BUILD, build_of(conn, INDEX_BUILD), _releases(conn))
        known = last_build(conn, _BUILD, wanted)
        if known is None:
            table = agreement(conn)
            years = agreement(conn, ("year",))
            known = {"table": _plain(table), "years": _plain(years)}
            record_build(conn, _BUILD, wanted, run_id=context.run.run_id, summary=known)
    table = known["table"]
    share = table[0]["median_within_5_pct"] if table else 100.0
    return dg.AssetCheckResult(
        passed=share >= 100 * ENOUGH,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{share:g} % of medians are within 5 % of the published"
        if table
        else "no suburb and year is covered by both",
        metadata={
            "within_5_pct": share,
            "agreement": records_table(table),
            "by_year": records_table(known["years"]),
        },
    )


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            name: value if isinstance(value, str | int) else float(value)
            for name, value in row.items()
        }
        for row in rows
    ]


def _has_reference(conn: psycopg.Connection) -> bool:
    view = "staging.stg_nsw_valuer__suburb_medians"
    row = conn.execute("select to_regclass(%s) is not null", [view]).fetchone()
    return bool(row and row[0]) and bool(
        conn.execute("select from raw.nsw_valuer__suburb_medians limit 1").fetchone()
        is not None
    )


def _releases(conn: psycopg.Connection) -> str:
    rows = conn.execute(
        "select release_id::text from ops.reference_releases "
        "where dataset = 'nsw_suburb_medians' and status = 'current' order by 1"
    )
    return ",".join(row[0] for row in rows)
