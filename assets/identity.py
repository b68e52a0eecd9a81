"""Identity: canonical address and property id of every address text received."""

from typing import Any

import dagster as dg
import psycopg

from assets import keys
from assets.builds import digest, last_summary, record_build
from assets.dbt_runner import load_early
from assets.landing.address_sources import SOURCES
from assets.landing.address_streams import value
from assets.landing.gnaf_keys import refresh_gnaf_keys
from assets.landing.identification import identify_addresses
from assets.metadata import query_records, records_table, table_metadata
from assets.resources import Warehouse

_BUILD = "address_identity"


@dg.asset(
    key=keys.ADDRESS_IDENTITY,
    deps=[keys.RAW_NSW_SALES, keys.RAW_CSV_SALES],
    group_name="identity",
    kinds={"python", "duckdb", "postgres"},
    owners=[keys.DATA_OWNER],
    # After the listings' staging when both can start; it waits for neither Domain nor
    # REAXML, whose newest addresses else come with the next run.
    op_tags={"dagster/priority": "-2"},
)
def address_identity(
    context: dg.AssetExecutionContext, warehouse: Warehouse
) -> dg.MaterializeResult:
    """Canonical address and stable `property_id` (UUIDv5) of every address text.

    Of sales, and of listings as their staging holds them by now. Incremental: only
    texts not seen under the current rules are identified. One row per source and
    address hash.
    """
    with warehouse.connect() as conn:
        gnaf = refresh_gnaf_keys(conn)
        added = {source: identify_addresses(conn, source) for source in SOURCES}
        if any(added.values()):
            load_early(warehouse.settings, warehouse.url)
        revision = value(
            conn, "select coalesce(max(revision), 0) from ops.identified_batches"
        )
        shown = last_summary(conn, _BUILD)
        if shown.get("revision") != revision:
            shown = {"revision": revision, "by_kind": _by_kind(conn)}
            record_build(
                conn,
                _BUILD,
                digest(_BUILD, str(revision)),
                run_id=context.run.run_id,
                summary=shown,
            )
        metadata = table_metadata(conn, keys.ADDRESS_IDENTITY)
    return dg.MaterializeResult(
        metadata={
            **metadata,
            **{f"added_{source}": count for source, count in added.items()},
            **({} if gnaf is None else {"gnaf_properties": gnaf}),
            "by_kind": records_table(shown["by_kind"]),
        }
    )


def _by_kind(conn: psycopg.Connection) -> list[dict[str, Any]]:
    return query_records(
        conn,
        "select source, key_kind, count(*) as addresses, "
        "count(gnaf_pid) as with_gnaf_pid, "
        "round(avg(confidence)::numeric, 3)::float as mean_confidence "
        "from intermediate.int_address__identity group by 1, 2 order by 1, 2",
    )
