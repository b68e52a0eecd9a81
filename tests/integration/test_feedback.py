"""Later sales beside the predictions before them: the rule, corrections, accuracy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assets import keys
from assets.builds import SALES_BUILD, record_build
from assets.feedback import (
    feedback_coverage_within_bounds,
    feedback_error_within_bounds,
    model_accuracy,
    prediction_feedback,
)
from assets.resources import Warehouse
from database.sale_overrides import override_sale
from ml.feedback import broken_promises, refresh_feedback
from tests.dbt_samples import DbtProject, plant_psi, psi
from tests.feedback_samples import plant_prediction, plant_sales, told

Conn = psycopg.Connection[Any]
BUILD = ("run", "--select", "stg_nsw_valuer__sales", "stg_csv__sales", "sale_versions+")
BUILD = (*BUILD, "--exclude", "tag:market", "tag:features")
FEBRUARY, MARCH, APRIL = "2024-02-05", "2024-03-04", "2024-04-01"


@pytest.fixture
def dbt(database_url: str, tmp_path: Path) -> Iterator[DbtProject]:
    before = dict(os.environ)
    yield DbtProject(database_url, tmp_path)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def home_of(conn: Conn, number: int) -> Any:
    row = conn.execute(
        "select property_id from intermediate.int_address__identity where address = %s",
        [f"{number} GEORGE ST"],
    ).fetchone()
    conn.commit()
    assert row is not None
    return row[0]


def sold(
    week: str, number: int, contract: str, price: int, **more: Any
) -> dict[str, Any]:
    """A sale of `number` George St, in the file of a week, at line `number`."""
    settled = date.fromisoformat(contract).replace(day=28)
    return psi(
        week,
        # A later file with the same dealing tells of the same sale.
        f"{'A' if contract < '2024' else 'B'}{number}",
        valuer_property_id=str(number),
        house_number=str(number),
        contract_date=contract,
        settlement_date=settled,
        purchase_price_aud=price,
        _row_number=number,
    )


def line(week: str, number: int) -> str:
    return f"{week}.zip/260.DAT:{number}"


def refreshed(conn: Conn, **learnt: str) -> tuple[int, int, int]:
    days = {version: date.fromisoformat(day) for version, day in learnt.items()}
    done = refresh_feedback(conn, days)
    conn.commit()
    return done.added, done.corrected, done.removed


def places(conn: Conn) -> list[tuple[Any, ...]]:
    """Where each row stands: a row written again stands elsewhere."""
    return conn.execute(
        "select feedback_id, ctid, xmin from ml.prediction_feedback order by 1"
    ).fetchall()


def test_a_later_sale_judges_the_prediction_that_had_not_seen_it(
    conn: Conn, database_url: str, dbt: DbtProject
) -> None:
    homes = range(1, 9)
    plant_psi(
        database_url, *(sold("2024-01-08", n, "2023-12-04", 800_000) for n in homes)
    )
    # Sold later: 1 plainly; 2 on the day of a valuation; 3 between two; 4 before
    # any; 5 for a token sum; 6 and 7 are one home.
    plant_psi(
        database_url,
        sold(APRIL, 1, "2024-03-20", 1_000_000),
        sold(APRIL, 2, MARCH, 1_000_000),
        sold(APRIL, 3, "2024-02-20", 1_000_000),
        sold(APRIL, 4, "2024-02-04", 1_000_000),
        sold(APRIL, 5, "2024-03-20", 1),
        sold(APRIL, 6, "2024-03-20", 1_000_000),
    )
    for number in homes:
        home = home_of(conn, number)
        plant_prediction(conn, home, FEBRUARY, 900_000)
        if number != 6:
            plant_prediction(conn, home, MARCH, 950_000 + number)
    conn.execute(
        "insert into intermediate.int_property__redirects (from_property_id,"
        " to_property_id, reason, evidence, rule_version)"
        " values (%s, %s, 'linked', '{}', 1)",
        [home_of(conn, 7), home_of(conn, 6)],
    )
    conn.commit()
    dbt.run(*BUILD)

    assert refreshed(conn) == (4, 0, 0)
    assert told(conn) == {
        line(APRIL, 1): (950_001, 1_000_000, -49_999, True),
        # A valuation as of the day of contract knows nothing of that day.
        line(APRIL, 2): (950_002, 1_000_000, -49_998, True),
        line(APRIL, 3): (900_000, 1_000_000, -100_000, False),
        # The newer valuation was made under the id that was merged away.
        line(APRIL, 6): (950_007, 1_000_000, -49_993, True),
    }
    before = places(conn)
    assert refreshed(conn) == (0, 0, 0)
    assert places(conn) == before
    row = conn.execute(
        "select error_pct, error_log, days_between, method, model_version, state,"
        " dwelling_type, suburb_key, evidence, inside_68, inside_95"
        " from ml.prediction_feedback where source_row_number = 3"
    ).fetchone()
    assert row is not None
    assert row[:2] == pytest.approx((-10.0, -0.1053605))
    assert row[2:] == (
        *(15, "model", "1", "NSW", "house", "NSW|PARRAMATTA", "sale", None, None),
    )

    # A version that learnt a sale of that day or later does not judge itself by it.
    assert refreshed(conn, **{"1": "2024-03-10"}) == (0, 0, 2)
    assert refreshed(conn) == (2, 0, 0)

    # A correction corrects its row, an analyst's verdict takes one away.
    plant_psi(database_url, sold("2024-04-08", 1, "2024-03-20", 1_100_000))
    (gone,) = conn.execute(
        "select sale_id from marts.sales where source_row_number = 3 and price_aud"
        " = 1000000"
    ).fetchone() or (None,)
    override_sale(conn, gone, "excluded", "between family", "ana")
    dbt.run(*BUILD)
    assert refreshed(conn) == (0, 1, 1)
    assert told(conn)[line("2024-04-08", 1)] == (950_001, 1_100_000, -149_999, False)
    assert len(told(conn)) == 3

    # A contract date corrected to a later day blinds no prediction that had seen the
    # sale: the file of the first of April told of it.
    plant_prediction(conn, home_of(conn, 1), "2024-04-15", 999_000)
    plant_psi(database_url, sold("2024-04-29", 1, "2024-04-16", 1_100_000))
    dbt.run(*BUILD)
    assert refreshed(conn) == (0, 1, 0)
    assert told(conn)[line("2024-04-29", 1)][0] == 950_001


def plant_champion(conn: Conn, **tags: str) -> None:
    """What MLflow's tables say of a champion, as they say it."""
    conn.execute(
        """
        create schema mlflow;
        create table mlflow.registered_model_aliases (
            name text, alias text, version int);
        create table mlflow.model_version_tags (
            name text, version int, key text, value text);
        insert into mlflow.registered_model_aliases
            values ('property_valuation', 'champion', 1);
        """
    )
    for key, value in tags.items():
        conn.execute(
            "insert into mlflow.model_version_tags"
            " values ('property_valuation', 1, %s, %s)",
            [key, value],
        )
    conn.commit()


@pytest.fixture
def warehouse(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    for name, value in {
        "HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "MARKET": "real",
    }.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    return Warehouse()


def run_assets(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """Both assets with their checks, as in `daily`: metadata by what it is of."""
    result = dg.materialize(
        [
            prediction_feedback,
            model_accuracy,
            feedback_error_within_bounds,
            feedback_coverage_within_bounds,
        ],
        resources={"warehouse": warehouse},
    )
    found: dict[str, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        shown = {name: value.value for name, value in made.metadata.items()}
        found[made.asset_key.path[-1]] = shown
    for one in result.get_asset_check_evaluations():
        found[one.check_name] = {
            "passed": one.passed,
            "told": one.description,
            **{name: value.value for name, value in one.metadata.items()},
        }
    return found


def test_accuracy_is_told_and_a_broken_promise_warns(
    conn: Conn, warehouse: Warehouse
) -> None:
    plant_sales(conn, 120)
    plant_champion(
        conn, n="400", mdape="8.0", coverage_80="81", train_last="2024-01-31"
    )
    for number in range(1, 121):
        home = conn.execute("select md5('home' || %s)::uuid", [number]).fetchone()
        assert home is not None
        # Two of three err by 6 %, one by 20 %: as promised, with intervals too narrow
        # for those.
        estimate = 1_200_000 if number % 3 == 0 else 1_060_000
        plant_prediction(conn, home[0], FEBRUARY, estimate)

    found = run_assets(warehouse)
    assert found["prediction_feedback"]["added"] == 120
    assert "data:image/png;base64," in found["model_accuracy"]["accuracy_by_month"]
    assert found["feedback_error_within_bounds"]["passed"]
    assert found["feedback_error_within_bounds"]["mdape"] == pytest.approx(6.0)
    assert not found["feedback_coverage_within_bounds"]["passed"]
    assert found["feedback_coverage_within_bounds"]["told"] == (
        "66.7 % of 120 later sales inside the 80 % interval (luck: 8.5 points), on its "
        "hold-out 81.0 %"
    )
    months = conn.execute(
        "select model_version, state, dwelling_type, month, n, mdape_pct, pe10_pct,"
        " median_ratio, cod_pct, coverage_80_pct from ml.model_accuracy order by month"
    ).fetchall()
    conn.commit()
    assert [row[3] for row in months] == [date(2024, 3, 1), date(2024, 4, 1)]
    assert sum(row[4] for row in months) == 120
    april = months[1]
    assert april[:3] == ("1", "NSW", "house")
    # Of 58 sales in April 18 err by 20 %.
    assert april[4:] == (
        58,
        pytest.approx(6.0),
        pytest.approx(100 * 40 / 58),
        pytest.approx(1.06),
        pytest.approx(100 * 18 * 0.14 / 58 / 1.06),
        pytest.approx(100 * 40 / 58),
    )

    # Nothing new: nothing is done. A build of the sales with nothing new in it neither.
    assert run_assets(warehouse)["prediction_feedback"]["status"] == "unchanged"
    before = places(conn)
    record_build(conn, SALES_BUILD, "another", run_id="run", summary={})
    assert run_assets(warehouse)["prediction_feedback"]["added"] == 0
    assert places(conn) == before

    # Prices rise away from the estimates: more than luck makes of a hold-out of 400.
    conn.execute(
        "update intermediate.int_sale__validated set price_aud = 1300000"
        " where source_row_number % 3 > 0"
    )
    record_build(conn, SALES_BUILD, "a third", run_id="run", summary={})
    found = run_assets(warehouse)
    assert found["prediction_feedback"]["corrected"] == 80
    assert not found["feedback_error_within_bounds"]["passed"]
    assert "promised 8.0 %" in found["feedback_error_within_bounds"]["told"]


def test_a_price_is_held_against_each_interval_the_prediction_stated(
    conn: Conn,
) -> None:
    plant_sales(conn, 3)
    homes = [
        row[0]
        for row in conn.execute(
            "select property_id from intermediate.int_sale__validated"
            " order by source_row_number"
        )
    ]
    # All were sold for a million; the third was valued before there were three.
    for home, estimate, beside in (
        (homes[0], 1_050_000, (0.06, 0.3)),
        (homes[1], 1_150_000, (0.06, 0.3)),
        (homes[2], 1_050_000, None),
    ):
        plant_prediction(conn, home, FEBRUARY, estimate, beside=beside)
    assert refreshed(conn) == (3, 0, 0)
    rows = conn.execute(
        "select inside_68, inside_80, inside_95 from ml.prediction_feedback"
        " order by source_row_number"
    ).fetchall()
    assert rows == [(True, True, True), (False, False, True), (None, True, None)]
    # Misses and what was promised, of the intervals stated: 2 of 1.34.
    (seen,) = broken_promises(conn)
    assert (seen.state, seen.dwelling_type, seen.locality) == ("NSW", "house", "NSW|A")
    assert (seen.sales, seen.missed, seen.promised) == (3, 2, pytest.approx(1.34))
    shares = conn.execute(
        "select coverage_68_pct, round(coverage_80_pct), coverage_95_pct"
        " from ml.model_accuracy"
    ).fetchall()
    assert shares == [(50, 67, 100)]


def test_without_a_champion_or_feedback_the_checks_say_so(
    conn: Conn, warehouse: Warehouse
) -> None:
    plant_sales(conn, 3)
    found = run_assets(warehouse)
    assert found["feedback_error_within_bounds"]["passed"]
    assert "no champion" in found["feedback_error_within_bounds"]["finding"]
    assert "accuracy_by_month" not in found["model_accuracy"]
    assert keys.MODEL_ACCURACY.path == ["ml", "model_accuracy"]


def test_the_prediction_written_last_of_those_before_stood(
    conn: Conn, database_url: str
) -> None:
    plant_sales(conn, 1)
    (home,) = conn.execute(
        "select property_id from intermediate.int_sale__validated"
    ).fetchone() or (None,)
    plant_prediction(conn, home, FEBRUARY, 800_000)
    # The registry was away: an older estimate was handed on, later the same day.
    plant_prediction(
        conn,
        home,
        "2024-01-01",
        850_000,
        method="last_prediction",
        created=datetime(2024, 2, 5, 18, tzinfo=UTC),
    )
    assert refreshed(conn) == (1, 0, 0)
    assert told(conn)["a.csv:1"][0] == 850_000
