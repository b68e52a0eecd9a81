"""The suburb market on planted rows: publications, revisions, increments, the index."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assets.landing.reaxml import ingest_reaxml
from assets.price_index import refresh_price_index
from ml.index_tables import newest_month
from tests.dbt_samples import DbtProject, csv, plant, plant_psi, psi, rows_of
from tests.listing_build import ListingBuild
from tests.reaxml_samples import drop, feed, record

MODELS = (
    "+suburb_market_vintages",
    "int_market__suburb_months",
    "suburb_market",
    "int_market__repeat_pairs",
    "int_market__price_index",
)
TABLES = (
    "intermediate.int_market__repeat_pairs",
    "intermediate.int_market__superseded_sales",
    "intermediate.int_market__price_index",
    "intermediate.int_market__suburb_months",
    "marts.suburb_market",
    "marts.suburb_market_vintages",
)


@pytest.fixture
def dbt(database_url: str, tmp_path: Path) -> Iterator[DbtProject]:
    before = dict(os.environ)
    yield DbtProject(database_url, tmp_path)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def build(url: str, dbt: DbtProject, *more: str) -> None:
    dbt.run("run", "--select", *MODELS, *more)
    with psycopg.connect(url) as conn:
        refresh_price_index(conn, run_id="test")


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: rows_of(url, f"select * from {table} t order by t::text")
        for table in TABLES
    }


def resales(homes: int = 60) -> list[dict[str, Any]]:
    """Homes of two suburbs sold every other year, dearer by 6 % a year."""
    chance = random.Random(5)
    rows = []
    for home in range(homes):
        for turn in range(3):
            sold = date(2018 + 2 * turn, 1, 3) + timedelta(days=chance.randrange(720))
            known = sold + timedelta(days=chance.choice([50, 60, 70, 300]))
            monday = known - timedelta(days=known.weekday())
            years = (sold - date(2018, 1, 1)).days / 365.25
            price = 800_000 * 1.06**years * chance.lognormvariate(0, 0.05)
            rows.append(
                psi(
                    str(monday),
                    f"R{1000 * home + turn}",
                    valuer_property_id=str(home),
                    house_number=str(home + 1),
                    locality=("PARRAMATTA", "GRANVILLE")[home % 2],
                    contract_date=sold,
                    settlement_date=sold + timedelta(days=40),
                    purchase_price_aud=round(price),
                    _row_number=home,
                )
            )
    return rows


def test_a_publication_stays_what_it_was_whatever_comes_later(
    database_url: str, dbt: DbtProject
) -> None:
    november = {"contract_date": "2023-11-10", "settlement_date": "2024-01-03"}
    plant_psi(
        database_url,
        psi("2024-01-08", "A1", **november, purchase_price_aud=900_000),
        psi("2024-01-15", "A2", **november, purchase_price_aud=1_000_000),
        psi("2024-01-22", "A3", **november, purchase_price_aud=1_100_000),
    )
    build(database_url, dbt)
    plant_psi(
        database_url,
        # A correction known in April and a sale known in June.
        psi("2024-04-08", "A1", **november, purchase_price_aud=1_300_000),
        psi("2024-06-10", "A4", **november, purchase_price_aud=1_400_000),
    )
    build(database_url, dbt)

    assert rows_of(
        database_url,
        "select published_on::text, published_sale_count, published_median_price_aud,"
        " sale_count, median_price_aud, sale_count_revision, median_revision_pct::float"
        " from marts.suburb_market",
    ) == [("2024-03-01", 3, 1_000_000, 4, 1_200_000, 1, 20.0)]
    assert rows_of(
        database_url,
        "select published_on::text, sale_count, median_price_aud, is_first"
        " from marts.suburb_market_vintages order by 1",
    ) == [
        ("2024-03-01", 3, 1_000_000, True),
        ("2024-05-01", 3, 1_100_000, False),
        ("2024-07-01", 4, 1_200_000, False),
    ]


def test_any_sequence_of_increments_ends_where_a_rebuild_does(
    database_url: str, dbt: DbtProject
) -> None:
    rows = resales()
    extra = [
        # Moved to another month; another suburb; no market sale any more; a share;
        # an old version that comes late; the address of a suburb-level sale.
        {**rows[0], "contract_date": rows[0]["contract_date"] - timedelta(days=40)},
        {**rows[4], "locality": "GRANVILLE", "house_number": "500"},
        {**rows[8], "purchase_price_aud": 1},
        {**rows[12], "interest_percent": 50},
    ]
    for number, row in enumerate(extra):
        row["downloaded_at"] = "2025-03-10 01:07"
        row["_source_file"] = f"2025-03-10.zip/{number}.DAT"
        row["_row_hash"] = psi("2025-03-10", f"X{number}")["_row_hash"]
        row["_batch_id"] = psi("2025-03-10", "X")["_batch_id"]
    late = [
        psi(
            "2018-01-08", "R1000", valuer_property_id="1", house_number="2",
            locality="GRANVILLE", contract_date="2018-01-02", settlement_date=None,
            purchase_price_aud=100_000,
        )
    ]  # fmt: skip
    nameless = [
        csv(
            "sydney.csv", line, "", state="NSW", locality="Parramatta", postcode="2150",
            mapping="sydney", sale_date="2019-05-06", price_aud=700_000 + line,
        )
        for line in range(2, 7)
    ]  # fmt: skip
    chance = random.Random(3)
    chance.shuffle(rows)
    for part in (rows[:90], [*rows[90:], *extra], late):
        plant_psi(database_url, *part)
        build(database_url, dbt)
    plant(database_url, "csv__sales", *nameless)
    build(database_url, dbt)
    incremental = contents(database_url)

    build(database_url, dbt, "--full-refresh")

    assert contents(database_url) == incremental
    assert all(incremental.values()), {k: len(v) for k, v in incremental.items()}
    build(database_url, dbt)  # nothing new: nothing may move
    assert contents(database_url) == incremental


def test_the_index_follows_the_market_and_is_shown_by_suburb(
    database_url: str, dbt: DbtProject
) -> None:
    plant_psi(database_url, *resales(300))
    build(database_url, dbt)

    [(first, last)] = rows_of(
        database_url,
        "select min(price_index) filter (where month < '2018-07-01'),"
        " max(price_index) filter (where month > '2023-06-01')"
        " from intermediate.int_market__price_index where area_kind = 'state'",
    )
    assert float(last / first) == pytest.approx(1.06**5.5, rel=0.1)
    shown = rows_of(
        database_url,
        "select count(*) filter (where price_index > 0), count(*),"
        " count(*) filter ("
        "where (price_index is null) <> (price_index_error_pct is null))"
        " from marts.suburb_market where month < '2023-01-01'",
    )
    assert shown[0][0] > 0.9 * shown[0][1]
    assert shown[0][2] == 0


def test_the_index_is_made_anew_only_when_pairs_of_earlier_months_change(
    database_url: str, dbt: DbtProject
) -> None:
    def made_anew_after(*rows: dict[str, Any]) -> bool:
        plant_psi(database_url, *rows)
        dbt.run("run", "--select", *MODELS)
        with psycopg.connect(database_url) as conn:
            return refresh_price_index(conn, run_id="test") is not None

    def again(number: int, known: date) -> dict[str, Any]:
        """A home of the market, sold for the last time."""
        return psi(
            str(known),
            f"L{number}",
            valuer_property_id=str(number),
            house_number=str(number + 1),
            locality=("PARRAMATTA", "GRANVILLE")[number % 2],
            contract_date=date(2024, 2, 1),
            settlement_date=date(2024, 3, 1),
            purchase_price_aud=1_200_000,
        )

    assert made_anew_after(*resales())
    with psycopg.connect(database_url) as conn:
        assert refresh_price_index(conn, run_id="test") is None
        newest = newest_month(conn)
    assert newest is not None
    # Of the newest month, then told late of a month before, then of a month to come.
    assert not made_anew_after(again(1, newest))
    assert made_anew_after(again(2, newest - timedelta(days=40)))
    assert made_anew_after(again(3, newest + timedelta(days=40)))


def listed(number: int, day: str, **more: Any) -> str:
    """A house in Parramatta as an agency's record of a day has it."""
    kind = more.pop("kind", "residential")
    body = (
        f"<address display='yes'><streetNumber>{number}</streetNumber>"
        "<street>George St</street><suburb display='yes'>Parramatta</suburb>"
        "<state>NSW</state><postcode>2150</postcode></address>"
        "<category name='House'/>"
    )
    return record(
        body + more.pop("body", ""),
        unique=f"{kind}{number}",
        kind=kind,
        time=f"{day}-10:00:00",
        **more,
    )


def test_listings_tell_days_on_market_and_yield(
    database_url: str, dbt: DbtProject, tmp_path: Path
) -> None:
    sold = {"contract_date": "2024-03-20", "settlement_date": "2024-04-30"}
    plant_psi(
        database_url,
        *(
            psi("2024-05-06", f"L{number}", **sold, purchase_price_aud=1_040_000)
            for number in range(1, 4)
        ),
    )
    branch = ListingBuild(database_url, tmp_path / "listings")

    def land(name: str, *records: str) -> None:
        drop(tmp_path / "in", name, feed(*records))
        with psycopg.connect(database_url) as conn:
            ingest_reaxml(conn, tmp_path / "in", is_simulated=False, settle_seconds=0)
        branch.build()

    land("a.xml", *(listed(number, f"2024-03-{number:02}") for number in (1, 3, 9)))
    build(database_url, dbt)
    query = (
        "select sale_count, days_on_market_count, days_on_market_median::float,"
        " rent_listing_count, gross_yield_pct::float from marts.suburb_market"
        " where month = '2024-03-01'"
    )
    assert rows_of(database_url, query) == [(3, 0, None, 0, None)]

    end = "<soldDetails><date>2024-03-20</date></soldDetails>"
    rent = "<rent period='week' display='yes'>800</rent>"
    land(
        "b.xml",
        *(listed(n, "2024-03-21", status="sold", body=end) for n in (1, 3, 9)),
        *(listed(n, "2024-03-12", kind="rental", body=rent) for n in (20, 21, 22)),
    )
    dbt.run("run", "--select", "int_market__suburb_months")

    assert rows_of(database_url, query) == [(3, 3, 17.0, 3, 4.0)]
