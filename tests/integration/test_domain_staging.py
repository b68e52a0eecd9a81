"""Domain's staging views on what the connector landed from the simulated API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from assets.landing.domain_api import ingest_domain_listings
from assets.landing.domain_records import (
    ingest_domain_details,
    ingest_domain_properties,
    ingest_domain_sales_results,
    ingest_domain_suburb_performance,
)
from tests.dbt_samples import DbtProject
from tests.domain_server import SALE, api_of, domain_server, truth

SOLD = {"listingType": "Sold"}


def test_staging_holds_every_listing_once_and_serves_no_withheld_price(
    conn: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    with domain_server(homes=2_500) as server:
        api = api_of(server)
        common: dict[str, Any] = {"landing": tmp_path / "landing", "is_simulated": True}
        ingest_domain_listings(conn, api, [SALE, SOLD], **common)
        ingest_domain_details(conn, api, limit=2_000, **common)
        ingest_domain_properties(conn, api, limit=50, **common)
        ingest_domain_sales_results(conn, api, ["Sydney"], **common)
        place = server.site.market.localities[0]
        suburb = f"{place.state}/{place.name}/{place.postcode}"
        ingest_domain_suburb_performance(conn, api, [suburb], **common)
        listings = len(truth(server)) + len(truth(server, SOLD))
    conn.commit()
    dbt = DbtProject(database_url, tmp_path / "dbt")
    statuses = dbt.run("build", "--select", "stg_domain__*")
    assert set(statuses.values()) <= {"success", "pass"}, statuses

    def one(statement: str) -> object:
        row = conn.execute(statement).fetchone()
        return row[0] if row else None

    assert one("select count(*) from staging.stg_domain__listings") == listings
    assert one("select count(*) from staging.stg_domain__listing_details") == listings
    assert (
        one(
            "select count(*) from staging.stg_domain__listing_details "
            "where withheld_sold_price_aud is not null and sold_price_aud is not null"
        )
        == 0
    )
    assert one(
        "select count(*) from staging.stg_domain__listing_details "
        "where is_sold_price_withheld"
    )
    # What a search and the details say of a listing agrees in the shared spelling.
    assert (
        one(
            "select count(*) from staging.stg_domain__listings "
            "join staging.stg_domain__listing_details as detail using (listing_id) "
            "where stg_domain__listings.property_type <> detail.property_type "
            "or stg_domain__listings.state <> detail.state"
        )
        == 0
    )
    assert one("select count(*) from staging.stg_domain__sales_results where is_sold")
    assert one("select count(*) from staging.stg_domain__property_sales")
    assert one("select count(*) from staging.stg_domain__suburb_performance")
