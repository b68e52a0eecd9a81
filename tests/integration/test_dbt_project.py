"""The dbt project on planted raw rows: what marts say, rebuilt, interrupted, late."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.dbt_samples import (
    PROJECT,
    DbtProject,
    csv,
    market,
    plant,
    plant_psi,
    psi,
    rows_of,
    snapshot,
)


@pytest.fixture
def dbt(database_url: str, tmp_path: Path) -> Iterator[DbtProject]:
    before = dict(os.environ)
    yield DbtProject(database_url, tmp_path)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def test_build_passes_its_own_tests_and_tells_sales_from_the_rest(
    database_url: str, dbt: DbtProject
) -> None:
    plant_psi(
        database_url,
        *market(),
        psi("2024-04-08", "B1", purchase_price_aud=1),
        psi("2024-04-08", "B2", interest_percent=50, house_number="502"),
        psi("2024-04-08", "B3", contract_date="1021-04-12", house_number="503"),
        psi("2024-04-08", "B4", valuer_property_id="41", house_number="504"),
        psi("2024-04-08", "B4", valuer_property_id="42", house_number="506"),
        psi("2024-04-08", "B5", nature_code="3", primary_purpose="CARSPACE"),
        psi("2024-04-08", "B6", strata_lot_number="47", house_number="508", area=92),
        psi("2024-04-08", "B7", purchase_price_aud=800_000, house_number="510"),
        psi("2024-04-15", "B7", purchase_price_aud=880_000, house_number="510"),
    )
    plant(
        database_url,
        "csv__sales",
        csv("full.csv", 2, "68 Studley St", bedrooms=3, bathrooms=0, latitude=-37.8),
        csv("less.csv", 2, "68 Studley St", bedrooms=3),
        csv("full.csv", 3, "70 Studley St", sale_method="PI", is_sale=False),
        csv("full.csv", 4, "72 Studley St", price_aud=None),
    )
    files = {path: path.stat().st_mtime_ns for path in PROJECT.rglob("*")}

    statuses = dbt.run("build")

    assert set(statuses.values()) <= {"success", "pass"}
    assert files == {path: path.stat().st_mtime_ns for path in PROJECT.rglob("*")}
    verdicts = dict(
        rows_of(
            database_url,
            "select source_sale_id, exclusion_reasons from marts.sales"
            " where source_sale_id ~ '^(B|VIC)'",
        )
    )
    assert verdicts == {
        "B1/B1/": ["nominal_price"],
        "B2/B2/": ["partial_interest"],
        "B3/B3/": ["contract_date_implausible"],
        "B4/41/": ["multi_parcel"],
        "B4/42/": ["multi_parcel"],
        "B5/B5/": ["not_a_dwelling"],
        "B6/B6/47": [],
        "B7/B7/": [],
        "VIC/ABBOTSFORD/68 STUDLEY ST/2017-05-06": [],
        "VIC/ABBOTSFORD/72 STUDLEY ST/2017-05-06": ["price_missing"],
    }
    assert rows_of(
        database_url,
        "select price_aud, source_file from marts.sales"
        " where source_sale_id = 'B7/B7/'",
    ) == [(880_000, "2024-04-15.zip/260.DAT")]
    assert rows_of(
        database_url,
        "select event_kind, count(*) from marts.price_history where source = 'csv'"
        " group by 1 order by 1",
    ) == [("bid", 1), ("sold", 1)]
    assert rows_of(
        database_url,
        "select dwelling_type, is_strata, land_area_m2, building_area_m2"
        " from marts.properties where address like '47/%'",
    ) == [("unit", True, None, 92.0)]
    assert rows_of(
        database_url,
        "select bedrooms, bathrooms, latitude, source_file from marts.properties"
        " where address like '68 %'",
    ) == [(3, None, -37.8, "full.csv")]
    assert rows_of(
        database_url,
        "select last_price_log is not null, suburb_log_price_12m is null"
        " from ml.property_features where dwelling_type = 'other'",
    ) == [(True, True)]
    # The car space is a property, valued by its own last sale alone.
    assert rows_of(
        database_url,
        "select count(*) filter (where dwelling_type = 'other'),"
        " count(*) - (select count(*) from ml.property_features) from marts.properties",
    ) == [(1, 0)]
    assert rows_of(
        database_url, "select distinct as_of_date from ml.property_features"
    ) == [(date(2024, 4, 16),)]


def test_incremental_runs_end_where_a_full_rebuild_does(
    database_url: str, dbt: DbtProject
) -> None:
    plant_psi(database_url, *market())
    dbt.run("run")
    plant_psi(
        database_url,
        # A correction, an older version that comes late, a second parcel of a known
        # dealing, and a new sale.
        psi("2024-04-15", "A1001", purchase_price_aud=2_000_000),
        psi("2023-12-04", "A1012", purchase_price_aud=1, sale_code="XA"),
        psi("2024-04-15", "A1023", valuer_property_id="77", house_number="77"),
        psi("2024-04-15", "A2000"),
    )
    dbt.run("run")
    incremental = snapshot(database_url)

    dbt.run("run", "--full-refresh")

    assert snapshot(database_url) == incremental
    sales = dict(
        rows_of(database_url, "select source_sale_id, price_aud from marts.sales")
    )
    assert sales["A1001/1001/"] == 2_000_000
    assert sales["A1012/1012/"] == 1_010_000
    assert len(sales) == 50
    assert rows_of(
        database_url,
        "select count(*) from marts.sales where is_multi_parcel",
    ) == [(2,)]

    dbt.run("run")  # nothing new: nothing may move
    assert snapshot(database_url) == incremental

    # Rows that older code made are not mixed with new ones: all are made again.
    _execute(
        database_url,
        "update marts.sale_versions set price_aud = 7;"
        " update ops.model_builds set code_fingerprint = md5('older code')::uuid"
        " where model = 'sale_versions'",
    )
    dbt.run("run")
    assert snapshot(database_url) == incremental


def test_features_of_a_sale_ignore_what_came_on_its_day_or_later(
    database_url: str, dbt: DbtProject
) -> None:
    plant_psi(database_url, *market())
    judged = psi(
        "2024-04-01",
        "C1",
        contract_date="2024-03-15",
        settlement_date="2024-03-28",
        house_number="900",
    )
    plant_psi(database_url, judged)
    dbt.run("run")
    query = (
        "select f.* from ml.training_features f join marts.sales s using (sale_id)"
        " where s.source_sale_id ~ '^(A|C1)' and f.as_of_date < '2024-03-16' order by 1"
    )
    before = rows_of(database_url, query)
    assert len(before) == 49

    absurd = {"purchase_price_aud": 90_000_000, "settlement_date": None}
    plant_psi(
        database_url,
        # In the same month, the day before; on the day; later; long before but
        # published later; and of the very same property.
        psi("2024-04-15", "D1", contract_date="2024-03-14", **absurd),
        psi("2024-04-15", "D2", contract_date="2024-03-15", **absurd),
        psi("2024-05-20", "D3", contract_date="2024-05-01", **absurd),
        psi("2024-05-20", "D4", contract_date="2023-12-01", **absurd),
        psi(
            "2024-05-20",
            "D5",
            contract_date="2024-02-01",
            house_number="900",
            **absurd,
        ),
    )
    dbt.run("run")

    assert rows_of(database_url, query) == before
    [(sales_seen, level)] = rows_of(
        database_url,
        "select suburb_type_sales_12m, suburb_type_log_price_12m"
        " from ml.training_features f join marts.sales s using (sale_id)"
        " where s.source_sale_id like 'C1/%'",
    )
    assert sales_seen == 32  # eight weekly files before March
    assert 13.7 < level < 13.95
    # What is known at the end is used for valuations at the end.
    assert rows_of(
        database_url,
        "select max(suburb_type_sales_12m) > 48 from ml.property_features",
    ) == [(True,)]


def test_killed_while_swapping_a_table_in_the_rerun_ends_as_if_undisturbed(
    database_url: str, dbt: DbtProject
) -> None:
    plant_psi(database_url, *market(weeks=6))
    dbt.run("run")
    plant_psi(database_url, *market(weeks=8)[24:])
    # What killed builds of the past may have left behind.
    for leftover in ("properties__dbt_tmp", "sales__dbt_backup"):
        _execute(database_url, f"create table marts.{leftover} as select 1 as x")

    with psycopg.connect(database_url) as reader:
        # A reader in mid-transaction keeps the new table from taking the old's place.
        seen = reader.execute("select count(*) from marts.properties").fetchone()
        process = dbt.start("run", "--full-refresh")
        try:
            _wait_until_blocked(database_url, "properties")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert (
            reader.execute("select count(*) from marts.properties").fetchone() == seen
        )

    dbt.run("run")
    interrupted = snapshot(database_url)
    dbt.run("run", "--full-refresh")

    assert snapshot(database_url) == interrupted
    assert len(interrupted["marts.sales"]) == 32
    assert (
        rows_of(
            database_url,
            "select relname from pg_class where relname ~ '__dbt_(tmp|backup)'",
        )
        == []
    )


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(statement)


def _wait_until_blocked(url: str, table: str, seconds: float = 60) -> None:
    """Wait until another session waits for a lock on a table of marts."""
    waiting = (
        "select count(*) from pg_locks l join pg_class c on c.oid = l.relation"
        f" where not l.granted and c.relname = '{table}'"
    )
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error):
            if rows_of(url, waiting) != [(0,)]:
                return
        time.sleep(0.1)
    raise AssertionError(f"dbt never came to swap {table}")
