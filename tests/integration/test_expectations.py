"""The suites on real PostgreSQL: good data passes, a broken batch is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from assets.landing.nsw_valuer import ingest_psi
from expectations.runner import SUITES, run_suite
from tests.market_samples import feature_rows, load_features

GOOD, BAD = uuid4(), uuid4()


def load_sales(conn: psycopg.Connection[Any], batch: UUID, **changes: Any) -> None:
    """100 plain sales in one file; ``changes`` are put into the first 30."""
    plain: dict[str, Any] = {
        "postcode": "2150",
        "purchase_price_aud": 900_000,
        "contract_date": "2024-02-01",
        "street_name": "HIGH ST",
        "legal_description": "47/SP57860",
    }
    with conn.cursor() as cursor:
        for number in range(2, 102):
            row = plain | (changes if number < 32 else {})
            cursor.execute(
                """
                insert into raw.nsw_valuer__sales (
                    district_code, valuer_property_id, sale_counter, downloaded_at,
                    locality, nature_code, area, area_type, record_format, postcode,
                    purchase_price_aud, contract_date, street_name, legal_description,
                    _row_hash,
                    _source_file, _row_number, _batch_id, _is_simulated
                ) values (
                    '001', '1', '1', '2024-03-04', 'PARRAMATTA', 'R', 500, 'M',
                    'current', %(postcode)s, %(purchase_price_aud)s,
                    %(contract_date)s, %(street_name)s, %(legal_description)s,
                    gen_random_uuid(),
                    %(file)s, %(number)s, %(batch)s, true
                )
                """,
                row | {"file": f"{batch}.DAT", "number": number, "batch": batch},
            )
    conn.commit()


def test_legal_descriptions_without_lot_and_plan_are_odd_and_stop_nothing(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    load_sales(conn, GOOD)
    load_sales(conn, BAD, legal_description="THE BIG PADDOCK")
    result = run_suite(database_url, "raw_nsw_valuer__sales")
    assert result.passed
    (odd,) = result.failures("warn")
    assert odd.name == "legal_descriptions_name_lot_and_plan_in_each_batch"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"purchase_price_aud": 0}, "prices_are_there_in_each_batch"),
        ({"postcode": "21S0"}, "postcodes_are_there_in_each_batch"),
        ({"contract_date": "1021-02-01"}, "contract_dates_are_there_in_each_batch"),
        ({"street_name": None}, "addresses_are_there_in_each_batch"),
    ],
)
def test_a_broken_batch_is_found_among_good_ones(
    conn: psycopg.Connection[Any], database_url: str, changes: dict[str, Any], rule: str
) -> None:
    load_sales(conn, GOOD)
    load_sales(conn, BAD, **changes)
    result = run_suite(database_url, "raw_nsw_valuer__sales")
    assert not result.passed
    (failure,) = result.failures("error")
    assert failure.name == rule
    assert failure.observed == "1 batch"
    (sample,) = failure.sample
    assert sample["_source_file"] == f"{BAD}.DAT"
    assert sample["_row_number"] == 2
    assert (sample["rows_judged"], sample["rows_bad"]) == (100, 30)
    assert run_suite(database_url, "raw_nsw_valuer__sales", [GOOD]).passed
    assert not run_suite(database_url, "raw_nsw_valuer__sales", [BAD]).passed


def test_empty_tables_pass_with_a_note(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    for name in ("training_features", "property_features"):
        load_features(conn, f"ml.{name}", feature_rows(1).iloc[:0])
    for name in SUITES:
        result = run_suite(database_url, name)
        assert result.passed
        assert result.note == "no rows: nothing to judge"


def test_features_pass_unless_they_are_broken(
    conn: psycopg.Connection[Any], database_url: str
) -> None:
    # One valuation date for the properties, as dbt makes them.
    rows = feature_rows(300)
    load_features(conn, "ml.training_features", rows)
    load_features(
        conn, "ml.property_features", rows.assign(as_of_date=rows["as_of_date"].max())
    )
    for name in ("training_features", "property_features"):
        assert run_suite(database_url, name).failures("error") == ()

    rows.loc[5, "price_aud"] = 1
    rows.loc[6, "is_simulated"] = False
    rows.loc[7, "suburb_log_price_12m"] = 900_000.0
    load_features(conn, "ml.training_features", rows)
    result = run_suite(database_url, "training_features")
    failed = {rule.name: rule for rule in result.failures("error")}
    assert set(failed) == {
        "price_aud_within_bounds",
        "real_and_simulated_never_mix",
        "suburb_log_price_12m_within_bounds",
    }
    price = failed["price_aud_within_bounds"]
    assert (price.column, price.unexpected_count) == ("price_aud", 1)
    (sample,) = price.sample
    assert sample == {
        "source_file": "sample.csv",
        "source_row_number": rows.loc[5, "source_row_number"],
        "price_aud": 1,
    }


def test_real_files_pass(
    conn: psycopg.Connection[Any], database_url: str, shared_data: Path, tmp_path: Path
) -> None:
    week = shared_data / "nsw_psi_weekly_2024" / "20240101.zip"
    ingest_psi(conn, week, landing=tmp_path, is_simulated=False)
    conn.commit()
    result = run_suite(database_url, "raw_nsw_valuer__sales")
    assert result.rows > 0
    assert result.failures("error") == ()
