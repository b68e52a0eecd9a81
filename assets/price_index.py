"""The repeat-sales price index: from pairs of sales to an index of every area."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    # It loads numpy, which only the step itself needs.
    from ml.index_tables import IndexInputs

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
    month, and when late or corrected sales of earlier months arrive. Otherwise one pass
    over the pairs finds that nothing changed. One row per area and dwelling type.
    """
    from ml.index_tables import index_inputs, write_indexes

    with warehouse.connect() as conn:
        inputs = index_inputs(conn)
        wanted = digest(INDEX_BUILD, str(inputs), code_digest("ml"))
        known = last_build(conn, INDEX_BUILD, wanted)
        conn.commit()
        if known is not None:
            metadata = unchanged_metadata(context, keys.PRICE_INDEX)
            return dg.MaterializeResult(metadata=metadata)
        count = write_indexes(conn, _estimated(conn, inputs), inputs.known_before)
        # The indexes and the note that they are made commit together.
        record_build(
            conn, INDEX_BUILD, wanted, run_id=context.run_id, summary={"areas": count}
        )
        conn.execute("analyze intermediate.int_market__index_paths")
        conn.commit()
        return dg.MaterializeResult(
            metadata={
                **table_metadata(conn, keys.PRICE_INDEX, sample=0),
                "pairs": inputs.pair_count,
                "known_before": str(inputs.known_before),
                "markets": records_table(_markets(conn)),
                "excluded": records_table(_excluded(conn)),
            }
        )


def _estimated(conn: psycopg.Connection, inputs: "IndexInputs") -> Iterator[Any]:
    """Every area's index with its market; none without pairs."""
    from ml.index_tables import read_markets
    from ml.price_index import market_indexes

    if inputs.known_before is None:
        return iter(())
    markets = read_markets(conn, inputs.known_before)
    return (
        (market, found)
        for market in markets
        for found in market_indexes(market.pairs, market.region_of, len(market.regions))
    )


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
