"""Features of a day on a real database: what came later moves none of them.

Sales, corrections and attributes come through the whole project; what listings say is
planted where their branch leaves it, which features take as it stands.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.dbt_samples import DbtProject, csv, market, plant, plant_psi, psi, rows_of

ABSURD = 90_000_000
#: All that is planted afterwards was published on this day or later.
LATER = "2024-04-15"
NOT_LISTINGS = ("--exclude", "tag:listings", "tag:listing_marts")


@pytest.fixture
def dbt(database_url: str, tmp_path: Path) -> Iterator[DbtProject]:
    before = dict(os.environ)
    yield DbtProject(database_url, tmp_path)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def test_nothing_known_later_moves_a_feature(
    database_url: str, dbt: DbtProject
) -> None:
    again = _resale("2024-04-08", "R1", "2024-04-01", 1003)
    judged = [_sold(home) for home in (900, 901, 902)]
    plant_psi(database_url, *market(), again, *judged)
    plant(database_url, "csv__sales", *_melbourne())
    dbt.run("run")
    _list(database_url, 900, ("live", "2024-02-20", "2024-02-20", 1_100_000))
    _list(
        database_url,
        901,
        ("live", "2024-02-20", "2024-02-20", 1_100_000),
        ("withdrawn", "2024-03-01", "2024-03-01", None),
    )
    _list(database_url, 902, ("live", "2024-02-20", "2024-02-20", None))
    dbt.run("run", *NOT_LISTINGS)
    before = _features(database_url)
    assert len(before) == 48 + 1 + 3 + 60
    # What is compared is there: nothing of this holds because it is missing.
    for column in (
        *("suburb_type_log_price_decayed", "suburb_type_log_land_rate"),
        *("suburb_type_log_building_rate", "nearby_log_price", "nearby_log_land_rate"),
        *("nearby_log_building_rate", "region_type_log_price_3m", "last_price_log"),
        *("asking_price_log", "days_on_market"),
    ):
        assert any(row[column] is not None for row in before.values()), column
    asked = {home: _of_home(before, home) for home in (900, 901, 902)}
    assert asked[900]["asking_price_log"] == math.log(1_100_000)
    assert (asked[900]["asking_is_range"], asked[900]["days_on_market"]) == (0, 24)
    assert asked[901]["days_on_market"] is None  # withdrawn by then
    assert asked[902]["asking_price_log"] is None  # open, and no price named
    assert asked[902]["days_on_market"] == 24
    suburbs = "select * from intermediate.int_market__decayed_suburbs"
    statistics = rows_of(database_url, suburbs)

    absurd = {"purchase_price_aud": ABSURD, "settlement_date": None}
    plant_psi(
        database_url,
        # A sale to come, one published late, one of a home that was sold before.
        psi("2024-05-20", "D1", contract_date="2024-05-01", **absurd),
        psi("2024-05-20", "D2", contract_date="2023-12-01", **absurd),
        psi(
            "2024-05-20", "D3", contract_date="2024-02-01", house_number="900", **absurd
        ),
        # What was known is put right: price and area of one sale, another thrown out.
        psi(
            LATER,
            "A1001",
            contract_date="2023-11-26",
            purchase_price_aud=ABSURD,
            area=60,
        ),
        psi(LATER, "A1011", contract_date="2023-12-03", interest_percent=50),
        # Two resales of the home put right: before that was known, and after.
        _resale("2024-06-03", "E1", "2024-04-10", 1001),
        _resale("2024-06-03", "E2", "2024-05-10", 1001),
    )
    plant(
        database_url,
        "csv__sales",
        _sale(99, date(2024, 6, 1), price_aud=ABSURD, land_area_m2=30),
    )
    # A price asked earlier but seen later, and fates seen later.
    _list(
        database_url,
        900,
        ("live", "2024-02-20", "2024-02-20", 1_100_000),
        ("live", "2024-03-14", LATER, ABSURD),
        ("sold", "2024-03-14", LATER, None),
    )
    _list(
        database_url,
        902,
        ("live", "2024-02-20", "2024-02-20", None),
        ("withdrawn", "2024-03-01", LATER, None),
    )
    _describe(database_url, 900, bedrooms=9)
    dbt.run("run", *NOT_LISTINGS)

    after = _features(database_url)
    # What its own record says of a home, and the price, are the sale's, not the past's.
    mended = {
        row["source_sale_id"]: before.pop(sale)
        for sale, row in list(before.items())
        if row["source_sale_id"] in ("A1001/1001/", "A1011/1011/")
    }
    assert sorted(mended) == ["A1001/1001/", "A1011/1011/"]
    moved = {
        (row["source_sale_id"], name): (value, after[sale][name])
        for sale, row in before.items()
        for name, value in row.items()
        if after[sale][name] != value
    }
    assert moved == {}
    # And none of that was without effect.
    assert rows_of(database_url, suburbs) != statistics
    resales = {
        row["source_sale_id"][:2]: row["last_price_log"] for row in after.values()
    }
    first_told = math.log(mended["A1001/1001/"]["price_aud"])
    assert (resales["E1"], resales["E2"]) == (first_told, math.log(ABSURD))


def _features(url: str) -> dict[str, dict[str, Any]]:
    """All columns of training rows before LATER and of the resales, by sale."""
    found = rows_of(
        url,
        "select to_jsonb(f) || jsonb_build_object('source_sale_id', s.source_sale_id)"
        " from ml.training_features f join marts.sales s using (sale_id)"
        f" where f.as_of_date < '{LATER}' or s.source_sale_id ~ '^E'",
    )
    return {row["sale_id"]: row for (row,) in found}


def _of_home(rows: dict[str, dict[str, Any]], home: int) -> dict[str, Any]:
    (found,) = [r for r in rows.values() if r["source_sale_id"].startswith(f"L{home}/")]
    return found


def _sold(home: int) -> dict[str, Any]:
    return psi(
        "2024-04-01",
        f"L{home}",
        valuer_property_id=str(home),
        house_number=str(home),
        contract_date="2024-03-15",
        settlement_date="2024-03-28",
    )


def _resale(week: str, dealing: str, day: str, home: int) -> dict[str, Any]:
    return psi(
        week,
        dealing,
        contract_date=day,
        settlement_date=None,
        house_number=str(home),
    )


def _melbourne() -> list[dict[str, Any]]:
    """Sixty houses of one street, one every six days from January 2023."""
    return [
        _sale(
            number,
            date(2023, 1, 1) + timedelta(days=6 * number),
            price_aud=1_000_000 + 5_000 * number,
            land_area_m2=400,
            building_area_m2=150,
        )
        for number in range(60)
    ]


def _sale(number: int, day: date, **columns: Any) -> dict[str, Any]:
    return csv(
        f"{day}.csv",
        number + 2,
        f"{number + 1} Studley St",
        sale_date=str(day),
        latitude=-37.8,
        longitude=145.0 + number / 10_000,
        **columns,
    )


def _list(url: str, home: int, *said: tuple[str, str, str, int | None]) -> None:
    """A listing of a home as its branch leaves it: status, said on, known on, asked."""
    key = f"reaxml|{home}"
    with psycopg.connect(url) as conn:
        for table in ("versions", "properties"):
            conn.execute(
                f"delete from intermediate.int_listing__{table} where listing_key = %s",
                [key],
            )
        conn.execute(
            "insert into intermediate.int_listing__properties "
            "(listing_key, listing_id, property_id, listing_type)"
            " values (%s, md5(%s)::uuid, md5(%s)::uuid, 'sale')",
            [key, key, f"{home} GEORGE ST"],
        )
        for order, (claim, said_on, known_on, asked) in enumerate(said, 1):
            conn.execute(
                "insert into intermediate.int_listing__versions (listing_key, "
                "version_order, claim, said_at, known_at, listed_at, listing_type, "
                "asking_kind, asking_low_aud, asking_high_aud) values "
                "(%s, %s, %s, %s, %s, '2024-02-20 12:00+11', 'sale', %s, %s, %s)",
                [
                    *(key, order, claim, f"{said_on} 12:00+11", f"{known_on} 12:00+11"),
                    *("exact" if asked else "none", asked, asked),
                ],
            )


def _describe(url: str, home: int, bedrooms: int) -> None:
    """A portal says, after LATER, what a home is like."""
    with psycopg.connect(url) as conn:
        conn.execute(
            "insert into intermediate.int_listing__attributes "
            "(record_key, property_id, source, source_record_id, observed_on, bedrooms,"
            " source_file, source_row_number, is_simulated) values "
            "('x', md5(%s)::uuid, 'domain', 'x', %s, %s, 'l', 1, false)",
            [f"{home} GEORGE ST", LATER, bedrooms],
        )
