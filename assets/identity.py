"""Identity: canonical address and property id of every address text received."""

import dagster as dg

from assets import keys
from assets.landing.identification import identify_addresses
from assets.metadata import query_records, records_table, table_metadata
from assets.resources import Warehouse


@dg.asset(
    key=keys.ADDRESS_IDENTITY,
    deps=[keys.RAW_NSW_SALES, keys.RAW_CSV_SALES],
    group_name="identity",
    kinds={"python", "postgres"},
    owners=[keys.DATA_OWNER],
)
def address_identity(warehouse: Warehouse) -> dg.MaterializeResult:
    """Canonical address and stable `property_id` (UUIDv5) of every address text.

    Incremental: only texts not seen under the current rules are parsed. One row per
    source and address hash.
    """
    with warehouse.connect() as conn:
        added = {
            source: identify_addresses(conn, source) for source in ("nsw_valuer", "csv")
        }
        table = query_records(
            conn,
            "select source, key_kind, count(*) as addresses, "
            "round(avg(confidence)::numeric, 3) as mean_confidence "
            "from intermediate.int_address__identity group by 1, 2 order by 1, 2",
        )
        metadata = table_metadata(conn, keys.ADDRESS_IDENTITY)
    return dg.MaterializeResult(
        metadata={
            **metadata,
            **{f"added_{source}": count for source, count in added.items()},
            "by_kind": records_table(table),
        }
    )
