"""The repeat-sales price index: from pairs of sales to an index of every area."""

from typing import Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import code_digest, digest, last_build, record_build
from assets.metadata import (
    query_records,
    records_table,
    table_metadata,
    unchanged_metadata,
)
from assets.resources import Warehouse

INDEX_BUILD = "price_index"


@dg.asset(
    key=keys.PRICE_INDEX,
    deps=[keys.REPEAT_PAIRS],
    group_name="intermediate",
    kinds={"python", "numpy", "postgres"},
    owners=[keys.DATA_OWNER],
)
def price_index(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Repeat-sales price index of states, regions and suburbs, by dwelling type.

    Estimated anew as a whole when pairs known before the current month changed: once a
    month, and when late or corrected sales of earlier months arrive. One row per area
    and dwelling type.
    """
    with warehouse.connect() as conn:
        known_before = refresh_price_index(conn, run_id=context.run_id)
        if known_before is None:
            metadata = unchanged_metadata(context, keys.PRICE_INDEX)
            return dg.MaterializeResult(metadata=metadata)
        return dg.MaterializeResult(
            metadata={
                **table_metadata(conn, keys.PRICE_INDEX, sample=0),
                "known_before": known_before,
                "markets": records_table(_markets(conn)),
                "excluded": records_table(_excluded(conn)),
            }
        )


def refresh_price_index(conn: psycopg.Connection, *, run_id: str) -> str | None:
    """Estimate every area's index anew, unless that would change nothing.

    Returns the day before which what was used had become known ("no pairs" without
    any), None where nothing changed. The indexes, the note that they are made and the
    news of changes taken commit together.
    """
    # They load numpy, which only the step itself needs.
    from ml.index_tables import (
        listen,
        newest_month,
        read_markets,
        take_news,
        write_indexes,
    )
    from ml.price_index import indexes_of_markets

    listen(conn)
    before = newest_month(conn)
    told = "no pairs" if before is None else str(before)
    wanted = digest(INDEX_BUILD, told, code_digest("ml"))
    news = take_news(conn, before)
    if not news and last_build(conn, INDEX_BUILD, wanted) is not None:
        conn.commit()
        return None
    markets = () if before is None else read_markets(conn, before)
    count = write_indexes(conn, indexes_of_markets(markets), before)
    record_build(conn, INDEX_BUILD, wanted, run_id=run_id, summary={"areas": count})
    return told


def _markets(conn: psycopg.Connection) -> list[dict[str, Any]]:
    """Growth of each state and dwelling type, with how sure it is."""
    return query_records(
        conn,
        """
        select
            area_key as state, dwelling_type, pair_count as pairs,
            cardinality(index_hundredths) as months,
            (select count(*) from unnest(index_hundredths) as shown where shown > 0)
                as months_shown,
            round((select avg(error) / 100.0 from unnest(error_hundredths) as error), 2)
                as mean_error_pct
        from intermediate.int_market__index_paths
        where area_kind = 'state'
        order by pair_count desc, 1, 2
        """,
    )


def _excluded(conn: psycopg.Connection) -> list[dict[str, Any]]:
    return query_records(
        conn,
        """
        select coalesce(exclusion_reason, 'none') as exclusion_reason, count(*) as pairs
        from intermediate.int_market__repeat_pairs group by 1 order by 2 desc
        """,
    )
