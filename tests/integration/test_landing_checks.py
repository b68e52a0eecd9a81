"""Checks on what landed: counts, shares of refused records, columns that moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assets import checks, keys
from assets.landing.csv_files import ingest_csv
from assets.landing.nsw_valuer import ingest_psi
from assets.landing.retry import retry_rejects
from assets.resources import Warehouse
from database.discarding import discard_batch
from database.quarantine import dismiss_rejects
from database.source_fields import (
    accept_fields,
    drifted_fields,
    know_fields,
    record_fields,
)
from domain.records import FieldsSeen
from tests.psi_samples import psi_file, sale, write_week, zip_of

HEADER = "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode"
Conn = psycopg.Connection[Any]


@pytest.fixture
def warehouse(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path / "home"))
    return Warehouse()


def csv_row(number: int, price: int = 900_000, extra: str = "") -> str:
    return f"Abbotsford,{number} High St,3,h,{price},S,X,1/04/2017,3067{extra}"


def write_csv(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows, ""]))
    return path


def land(conn: Conn, location: Path) -> None:
    ingest_csv(conn, location, "melbourne", landing=location.parent, is_simulated=False)


def judge(check: Any, warehouse: Warehouse) -> dg.AssetCheckResult:
    result = check(warehouse)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def records(result: dg.AssetCheckResult, name: str) -> list[dict[str, Any]]:
    table = result.metadata[name]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def test_a_share_of_refused_records_fails_the_check_until_worked_off(
    conn: Conn, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [csv_row(number) for number in range(1, 100)]
    path = write_csv(tmp_path / "in" / "sales.csv", *good, csv_row(100, -1))
    land(conn, path)
    assert judge(checks.few_records_are_refused, warehouse).passed, "1 of 100"
    path = write_csv(path, *good[:97], *(csv_row(n, -1) for n in (98, 99, 100)))
    land(conn, path)
    result = judge(checks.few_records_are_refused, warehouse)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert "sales.csv with 3 of 100" in str(result.description)
    assert result.metadata["limit"].value == "2 % of a file"
    monkeypatch.setenv("AUSPROPERTY_QUARANTINE__MAX_REJECT_SHARE", "0.03")
    assert judge(checks.few_records_are_refused, warehouse).passed
    monkeypatch.delenv("AUSPROPERTY_QUARANTINE__MAX_REJECT_SHARE")
    land(conn, write_csv(path, *good, csv_row(100)))
    summary = retry_rejects(conn)
    assert (summary.superseded, summary.open) == (4, 0)
    assert judge(checks.few_records_are_refused, warehouse).passed
    assert judge(checks.every_record_is_accounted_for, warehouse).passed


def test_a_refused_file_fails_the_check_and_blocks_nothing(
    conn: Conn, warehouse: Warehouse, tmp_path: Path
) -> None:
    write_csv(tmp_path / "x.csv", csv_row(1), header=HEADER.replace("Price", "Cost"))
    land(conn, tmp_path / "x.csv")
    result = judge(checks.few_records_are_refused, warehouse)
    assert not result.passed
    assert records(result, "files")[0]["file"] == "x.csv"
    (spec,) = checks.few_records_are_refused.check_specs
    assert not spec.blocking
    assert spec.name in checks.TOLERATED


def test_each_table_of_the_ledger_is_counted(
    conn: Conn, warehouse: Warehouse, tmp_path: Path
) -> None:
    write_week(tmp_path / "psi", sale(1), sale(2, price="-1"))
    ingest_psi(conn, tmp_path / "psi", landing=tmp_path / "landing", is_simulated=False)
    land(conn, write_csv(tmp_path / "sales.csv", csv_row(1), csv_row(1)))
    result = judge(checks.every_record_is_accounted_for, warehouse)
    assert result.passed
    found = {row["table"]: row for row in records(result, "counts")}
    assert found["raw.nsw_valuer__sales"]["rejected"] == "1"
    assert found["raw.csv__sales"]["repeated"] == "1"
    conn.execute("delete from raw.csv__sales")
    conn.commit()
    result = judge(checks.every_record_is_accounted_for, warehouse)
    assert not result.passed
    assert result.description == "the counts of raw.csv__sales do not add up"


def test_a_discarded_batch_still_adds_up(
    conn: Conn, warehouse: Warehouse, tmp_path: Path
) -> None:
    land(conn, write_csv(tmp_path / "sales.csv", csv_row(1), csv_row(2)))
    row = conn.execute("select batch_id from ops.source_files").fetchone()
    assert row is not None
    discard_batch(conn, row[0], "Wrong city.")
    assert judge(checks.every_record_is_accounted_for, warehouse).passed
    assert judge(checks.few_records_are_refused, warehouse).passed, "it is decided"


def test_new_and_missing_columns_warn_with_their_first_file(
    conn: Conn, warehouse: Warehouse, tmp_path: Path
) -> None:
    (check,) = (
        check
        for check in checks.column_checks
        if keys.RAW_CSV_SALES in {key.asset_key for key in check.check_keys}
    )
    land(
        conn,
        write_csv(tmp_path / "a.csv", csv_row(1, extra=",x"), header=f"{HEADER},Mood"),
    )
    assert judge(check, warehouse).passed, "the first file says what is normal"
    land(
        conn,
        write_csv(tmp_path / "b.csv", csv_row(2, extra=",x"), header=f"{HEADER},Tax"),
    )
    header = f"{HEADER},Tax".replace("SellerG,", "").replace("Suburb", "SUBURB")
    row = csv_row(3, extra=",y").replace(",S,X,", ",S,")
    land(conn, write_csv(tmp_path / "c.csv", row, header=header))
    result = judge(check, warehouse)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    told = str(result.description)
    assert "New since b.csv (" in told
    assert "): Tax. Missing since c.csv (" in told
    assert "): SellerG. " in told
    assert "ausproperty sources accept csv" in told
    shown = {row["field"]: row for row in records(result, "fields")}
    assert (shown["Tax"]["since_file"], shown["Tax"]["files"]) == ("b.csv", "2")
    assert (shown["SellerG"]["since_file"], shown["SellerG"]["last_file"]) == (
        "c.csv",
        "b.csv",
    )
    assert accept_fields(conn, "csv") == 2
    conn.commit()
    assert judge(check, warehouse).passed
    # A column that comes back is known, and can go missing again.
    land(conn, write_csv(tmp_path / "d.csv", csv_row(4)))
    assert drifted_fields(conn, "csv") == []


def shows(*names: str, lists_all: bool = False) -> FieldsSeen:
    return FieldsSeen(
        "listings",
        frozenset(names),
        known=frozenset({"id", "price", "headline"}),
        required=frozenset({"id"}),
        lists_all=lists_all,
    )


def test_keys_that_come_and_go_are_no_drift_unless_they_are_required(
    conn: Conn,
) -> None:
    record_fields(conn, "domain", [("1", shows("id", "price")), ("2", shows("id"))])
    assert drifted_fields(conn, "domain") == []
    record_fields(conn, "domain", [("3", shows("price", "mood")), ("4", shows("id"))])
    (new,) = drifted_fields(conn, "domain")
    assert (new.field, new.status, new.changed_file) == ("mood", "new", "3")
    record_fields(conn, "domain", [("5", shows("price")), ("6", shows("price"))])
    missing = {field.field: field for field in drifted_fields(conn, "domain")}["id"]
    assert (missing.status, missing.changed_file, missing.last_file) == (
        "missing",
        "5",
        "4",
    )
    # The connector learns the key: reading the files again says so.
    know_fields(
        conn,
        "domain",
        FieldsSeen("listings", frozenset(), known=frozenset({"mood"})),
    )
    assert [field.field for field in drifted_fields(conn, "domain")] == ["id"]
    assert drifted_fields(conn, "reaxml") == []


def test_names_no_database_can_hold_are_kept_as_they_look(conn: Conn) -> None:
    record_fields(conn, "csv", [("x", shows("id", "a\x00b", "\ud800", "y" * 5000))])
    record_fields(conn, "csv", [("y", shows("id"))])
    assert drifted_fields(conn, "csv") == []


def test_one_bad_record_of_a_small_district_is_no_news(
    conn: Conn, warehouse: Warehouse, tmp_path: Path
) -> None:
    def land_week(week: str, *, bad: int, good: int) -> None:
        first = int(week[4:]) * 1000
        sales = [sale(first + n, price="-1" if n < bad else "9") for n in range(20)]
        day = f"{week[6:]}{week[4:6]}{week[:4]}"
        members = {
            f"001_SALES_DATA_NNME_{day}.DAT": psi_file(*sales),
            f"002_SALES_DATA_NNME_{day}.DAT": psi_file(
                *(sale(first + 100 + n) for n in range(good))
            ),
        }
        path = tmp_path / f"{week}.zip"
        path.write_bytes(zip_of(members))
        ingest_psi(conn, path, landing=tmp_path, is_simulated=False)

    land_week("20240603", bad=1, good=60)
    assert judge(checks.few_records_are_refused, warehouse).passed
    land_week("20240617", bad=2, good=180)
    result = judge(checks.few_records_are_refused, warehouse)
    assert [row["rejected"] for row in records(result, "files")] == ["2"]
    dismiss_rejects(conn, "Looked at.", source="nsw_valuer")
    conn.commit()
    assert judge(checks.few_records_are_refused, warehouse).passed
