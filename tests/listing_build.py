"""The branch of listings on a database of a test: staging, identity, marts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from assets.landing.address_sources import SOURCES
from assets.landing.identification import identify_addresses
from assets.landing.price_texts import read_price_texts
from tests.dbt_samples import DbtProject

TABLES = (
    "intermediate.int_listing__versions",
    "intermediate.int_listing__properties",
    "intermediate.int_listing__price_events",
    "intermediate.int_listing__attributes",
    "marts.listings",
    "marts.listing_events",
    "intermediate.int_market__listing_months",
)


class ListingBuild:
    """Builds what has landed, in the order of the job."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.dbt = DbtProject(url, folder)

    def build(self, *options: str) -> None:
        """Staging and marts of listings; `--full-refresh` makes them from nothing."""
        self._run("tag:listings", *options)
        with psycopg.connect(self.url) as conn:
            read_price_texts(conn)
            for source in SOURCES:
                identify_addresses(conn, source)
        self._run("tag:listing_marts", *options)

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of the branch."""
        with psycopg.connect(self.url) as conn:
            return {
                table: conn.execute(
                    f"select * from {table} t order by t::text"
                ).fetchall()
                for table in TABLES
            }

    def _run(self, select: str, *options: str) -> None:
        statuses = self.dbt.run(
            *("build", "--exclude-resource-type", "unit_test", "--select", select),
            *options,
        )
        assert set(statuses.values()) <= {"success", "pass"}, statuses
