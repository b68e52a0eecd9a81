"""Linkage: property ids that are one home, and pairs a person should look at."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import psycopg

from assets import keys
from assets.metadata import query_records, records_table, table_metadata
from assets.resolution import resolve_homes
from assets.resources import Warehouse


@dg.multi_asset(
    name="property_redirects",
    specs=[
        dg.AssetSpec(
            keys.PROPERTY_REDIRECTS,
            deps=[keys.ADDRESS_IDENTITY],
            group_name="identity",
            kinds={"python", "duckdb", "postgres"},
            owners=[keys.DATA_OWNER],
            description="Property ids that turned out to be one home, each with its "
            "survivor, score and evidence. Incremental; the same result as a full run. "
            "One row per property id that was ever merged.",
        ),
        dg.AssetSpec(
            keys.MERGE_REVIEWS,
            deps=[keys.ADDRESS_IDENTITY],
            group_name="identity",
            kinds={"python", "duckdb", "postgres"},
            owners=[keys.DATA_OWNER],
            description="Pairs that may be one home, for a person: `ausproperty "
            "reviews`. Decisions outlive every rebuild. One row per pair.",
        ),
    ],
)
def property_redirects(warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
    """Link the addresses that no canonical key brings together."""
    with warehouse.connect() as conn:
        done = resolve_homes(conn)
        run: dict[str, Any] = {"kind_of_run": done.kind, "records_judged": done.records}
        yield dg.MaterializeResult(
            asset_key=keys.PROPERTY_REDIRECTS,
            metadata={
                **table_metadata(conn, keys.PROPERTY_REDIRECTS),
                **run,
                "changed": done.redirects_changed,
                "merged": _by(conn, "redirects"),
                "pairs": records_table(_sample(conn)),
            },
        )
        yield dg.MaterializeResult(
            asset_key=keys.MERGE_REVIEWS,
            metadata={
                **table_metadata(conn, keys.MERGE_REVIEWS),
                **run,
                "changed": done.reviews_changed,
                "by_status": _by(conn, "reviews"),
            },
        )


def _by(conn: psycopg.Connection, what: str) -> Any:
    queries = {
        "redirects": "select reason, count(*) filter (where to_property_id <> "
        "from_property_id) as merged, count(*) filter (where to_property_id = "
        "from_property_id) as undone from intermediate.int_property__redirects "
        "group by 1 order by 1",
        "reviews": "select status, why, count(*) as pairs from marts.merge_reviews "
        "group by 1, 2 order by 1, 3 desc",
    }
    return records_table(query_records(conn, queries[what]))


def _sample(conn: psycopg.Connection) -> list[dict[str, object]]:
    """Merges of the lowest score: where a mistake would be."""
    return query_records(
        conn,
        """
        select f.address as merged, t.address as into, r.reason, r.score
        from intermediate.int_property__redirects r
        cross join lateral (select address from intermediate.int_address__identity
            where property_id = r.from_property_id limit 1) f
        cross join lateral (select address from intermediate.int_address__identity
            where property_id = r.to_property_id limit 1) t
        where r.to_property_id <> r.from_property_id order by r.score limit 10
        """,
    )
