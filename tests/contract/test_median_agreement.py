"""Suburb medians of our marts beside the published ones of NSW."""

from __future__ import annotations

import csv as csv_files
import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from assets.agreement import BASES, agreement
from assets.landing.identification import identify_addresses
from assets.landing.nsw_valuer import ingest_psi
from assets.landing.reference import ingest_reference
from tests.dbt_samples import DbtProject, plant_psi, psi

#: Hornsby and Ryde: their suburbs lie in them as a whole, nearly.
_DISTRICTS = ("082", "090")
_YEARS = (2009, 2010)


@pytest.fixture
def dbt(database_url: str, tmp_path: Path) -> Iterator[DbtProject]:
    before = dict(os.environ)
    yield DbtProject(database_url, tmp_path)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def publish(conn: psycopg.Connection, path: Path, folder: Path) -> None:
    ingest_reference(
        conn, "nsw_suburb_medians", path, landing=folder, is_simulated=False
    )
    conn.commit()


def test_real_medians_agree_and_each_difference_is_explained(
    shared_data: Path, conn: psycopg.Connection, dbt: DbtProject, tmp_path: Path
) -> None:
    for year in _YEARS:
        name = f"psi_{year}_B.txt"
        source = shared_data / "nsw_psi_history_2001_2017" / f"{name}.gz"
        with (
            gzip.open(source, "rt", encoding="latin-1") as lines,
            (tmp_path / name).open("w", encoding="latin-1") as kept,
        ):
            kept.writelines(line for line in lines if line.split(";")[1] in _DISTRICTS)
        ingest_psi(conn, tmp_path / name, landing=tmp_path, is_simulated=False)
    publish(conn, shared_data / "nsw_suburb_medians", tmp_path)
    identify_addresses(conn, "nsw_valuer")
    conn.commit()
    dbt.run("run", "--select", "+sales", "stg_nsw_valuer__suburb_medians")

    table = agreement(conn)

    assert [row["base"] for row in table] == [name for name, _, _ in BASES]
    theirs, plain, market, contract = table
    assert theirs["suburb_years"] > 40
    assert theirs["sales_pct"] == pytest.approx(100, abs=2)
    assert theirs["median_within_1_pct"] > 70
    assert theirs["median_within_5_pct"] > 95
    assert theirs["median_within_10_pct"] > 98
    # Each step away from their base takes sales out and medians apart.
    assert theirs["sales_pct"] >= plain["sales_pct"] >= market["sales_pct"] > 85
    assert market["median_within_5_pct"] > 80
    # Contracts are a month and a half older than their files.
    assert contract["median_within_10_pct"] > 75
    assert abs(contract["median_bias_pct"]) < 5


def test_made_up_medians_agree_to_the_dollar(
    conn: psycopg.Connection, database_url: str, dbt: DbtProject, tmp_path: Path
) -> None:
    prices = [500_000 + 10_000 * number for number in range(25)]
    with (tmp_path / "medians.csv").open("w", newline="") as file:
        writer = csv_files.writer(file)
        writer.writerow(["year", "suburb", "0p", "25p", "50p", "75p", "100p", "count"])
        writer.writerow(
            [2024, "PARRAMATTA", 500000, 560000, 620000, 680000, 740000, 25]
        )
        # A suburb that our files hold a part of: not covered, so not judged.
        writer.writerow([2024, "GRANVILLE", 1, 2, 3, 4, 5, 100])
    plant_psi(
        database_url,
        *(
            psi(
                "2024-04-08",
                f"M{number}",
                purchase_price_aud=price,
                house_number=str(number + 1),
                interest_percent=50 if number == 24 else 0,
            )
            for number, price in enumerate(prices)
        ),
        *(
            psi(
                "2024-04-08",
                f"G{number}",
                locality="GRANVILLE",
                house_number=f"9{number}",
            )
            for number in range(30)
        ),
    )
    publish(conn, tmp_path / "medians.csv", tmp_path)
    dbt.run("run", "--select", "+sales", "stg_nsw_valuer__suburb_medians")

    theirs, plain, *_ = agreement(conn)

    assert theirs["suburb_years"] == 1
    assert theirs["sales_pct"] == 100
    assert theirs["median_bias_pct"] == 0
    assert theirs["median_within_1_pct"] == 100
    # Without the half that was sold, the median is 5,000 lower.
    assert plain["sales_pct"] == 96
    assert float(plain["median_bias_pct"]) == pytest.approx(-0.81)
