"""Price texts: what every distinct price in words says."""

import dagster as dg

from assets import keys
from assets.landing.price_texts import read_price_texts
from assets.metadata import query_records, records_table, table_metadata
from assets.resources import Warehouse


@dg.asset(
    key=keys.PRICE_TEXTS,
    deps=[
        keys.RAW_DOMAIN_LISTINGS,
        keys.RAW_DOMAIN_LISTING_DETAILS,
        keys.RAW_REAXML_LISTINGS,
    ],
    group_name="identity",
    kinds={"python", "postgres"},
    owners=[keys.DATA_OWNER],
)
def price_texts(warehouse: Warehouse) -> dg.MaterializeResult:
    """Bounds, kind and confidence of every price listings state in words.

    Incremental: only texts not seen under the current rules are read. One row per
    distinct text.
    """
    with warehouse.connect() as conn:
        added = read_price_texts(conn)
        table = query_records(
            conn,
            "select kind, count(*) as texts, round(avg(confidence)::numeric, 2) "
            "as mean_confidence from intermediate.int_price_text__parsed "
            "group by 1 order by 1",
        )
        metadata = table_metadata(conn, keys.PRICE_TEXTS)
    return dg.MaterializeResult(
        metadata={**metadata, "added": added, "by_kind": records_table(table)}
    )
