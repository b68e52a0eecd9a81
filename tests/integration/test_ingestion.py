"""Landing into a real database: counts reconcile, every row leads to its line."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import psycopg
import pytest

from assets.landing.csv_files import ingest_csv
from assets.landing.identification import identify_addresses
from assets.landing.nsw_valuer import ingest_psi
from orchestration.summary import refused_files
from tests.landings import DAT, SALES, contents, counts, land, one
from tests.psi_samples import sale, weekly_zip, write_week, zip_of


def test_a_week_lands_typed_and_can_be_walked_back_to_its_line(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1, unit="906", lot="47"), sale(2, price="", area=""))
    summary = land(conn, tmp_path)
    assert counts(summary) == (2, 2, 0, 0)
    row = conn.execute(
        f"select purchase_price_aud, contract_date, area, legal_description, "
        f"purchaser_count, vendor_count, _source_file, _row_number, _is_simulated "
        f"from {SALES} where sale_counter = '1'"
    ).fetchone()
    assert row is not None
    assert row[:2] == (585000, date(2024, 5, 1))
    assert float(row[2]) == 556.4
    assert row[3:] == ("1/SP57860", 1, 1, f"20240617.zip/{DAT}", 2, False)
    assert (
        one(conn, f"select count(*) from {SALES} where purchase_price_aud is null") == 1
    )
    assert summary.partitions == {
        "2024-06-17": {"read": 2, "loaded": 2, "repeated": 0, "rejected": 0}
    }


def test_repeats_are_counted_where_they_come_and_the_first_stays(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1), sale(1), sale(2), week="20240617")
    later = sale(1, counter="9", stamp="20240624 01:07")
    write_week(tmp_path, later, sale(3, stamp="20240624 01:07"), week="20240624")
    summary = land(conn, tmp_path)
    assert counts(summary) == (5, 3, 2, 0)
    assert summary.partitions["2024-06-24"]["repeated"] == 1
    kept = one(conn, f"select _source_file from {SALES} where house_number = '1'")
    assert kept == f"20240617.zip/{DAT}"


def test_a_second_run_reads_nothing_and_changes_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1), sale(2, price="-1"))
    (tmp_path / "copy").mkdir()
    write_week(tmp_path / "copy", sale(1), sale(2, price="-1"))
    assert counts(land(conn, tmp_path)) == (2, 1, 0, 1)
    before = contents(conn)
    again = land(conn, tmp_path)
    assert counts(again) == (2, 0, 1, 1)
    assert again.known_files == 1
    assert contents(conn) == before


def test_a_year_of_weeks_after_its_weeks_adds_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(tmp_path / "weekly", sale(1))
    (tmp_path / "yearly").mkdir()
    year = zip_of({"20240617.zip": weekly_zip(sale(1)), "20240624.zip": b"broken"})
    (tmp_path / "yearly" / "2024.zip").write_bytes(year)
    land(conn, tmp_path / "weekly")
    summary = land(conn, tmp_path / "yearly")
    # Packed anew the same week has other bytes: its sale is a repeat, not a new one.
    assert (summary.loaded, summary.repeated) == (0, 1)
    assert [file.source_file for file in summary.refused_files] == [
        "2024.zip/20240624.zip"
    ]


def test_only_asked_for_weeks_are_loaded(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    for week in ("20240617", "20240624", "20240701"):
        write_week(tmp_path, sale(int(week[-2:])), week=week)
    weeks = (date(2024, 6, 24), date(2024, 7, 1))
    progress: list[tuple[int, int]] = []
    summary = land(
        conn, tmp_path, weeks=weeks, on_progress=lambda *step: progress.append(step)
    )
    assert list(summary.partitions) == ["2024-06-24", "2024-07-01"]
    assert progress == [(1, 2), (2, 2)]


def test_csv_lands_and_names_a_missing_column(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    header = "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode"
    (tmp_path / "a.csv").write_text(
        f"{header}\n"
        "Abbotsford,1 High St,3,h,900000,S,X,1/04/2017,3067\n"
        "Abbotsford,1 High St,3,h,900000,S,X,1/04/2017,3067\n"
        "Abbotsford,2 High St,3,h,-900000,S,X,1/04/2017,3067\n"
        "Abbotsford,3/4 High St,3,u,800000,PI,X;\\Y,1/04/2017,3067\n"
    )
    (tmp_path / "b.csv").write_text(
        f"{header.replace('Price', 'Cost')}\n"
        "Abbotsford,9 High St,3,h,1,S,X,1/4/2017,3067\n"
    )
    summary = ingest_csv(
        conn, tmp_path, "melbourne", landing=tmp_path, is_simulated=True
    )
    assert counts(summary) == (5, 2, 1, 2)
    (refused,) = summary.refused_files
    assert refused.reason is not None
    assert "lacks the column Price" in refused.reason
    row = conn.execute(
        "select agent, is_sale, _is_simulated, original from raw.csv__sales "
        "where dwelling_type = 'unit'"
    ).fetchone()
    assert row is not None
    assert row[:3] == ("X;\\Y", False, True)
    assert row[3].startswith("Abbotsford,3/4 High St")
    assert identify_addresses(conn, "csv") == 2
    keys = conn.execute(
        "select address_key from intermediate.int_address__identity order by 1"
    ).fetchall()
    assert keys == [
        ("VIC|ABBOTSFORD|HIGH STREET|1|",),
        ("VIC|ABBOTSFORD|HIGH STREET|4|3",),
    ]


def test_addresses_are_identified_once_and_again_under_new_rules(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1), sale(1, price="1"), sale(2, house="", prop=""))
    land(conn, tmp_path)
    assert identify_addresses(conn, "nsw_valuer") == 2
    assert identify_addresses(conn, "nsw_valuer") == 0
    query = (
        "select s.house_number, i.property_id, i.key_kind "
        f"from {SALES} s join intermediate.int_address__identity i "
        "on i.source = 'nsw_valuer' and i.address_hash = s._address_hash order by 1, 2"
    )
    before = conn.execute(query).fetchall()
    assert [row[2] for row in before] == ["address", "address", "non_identifying"]
    conn.execute("update intermediate.int_address__identity set rule_version = 0")
    conn.commit()
    assert identify_addresses(conn, "nsw_valuer") == 2
    assert conn.execute(query).fetchall() == before


def test_real_weeks_reconcile(conn: psycopg.Connection, shared_data: Path) -> None:
    folder = shared_data / "nsw_psi_weekly_2024"
    first = ingest_psi(conn, folder, landing=folder, is_simulated=False)
    assert counts(first) == (171_107, 161_104, 9_968, 35)
    assert first.refused_files == []
    assert len(first.partitions) == 44
    assert one(conn, "select count(*) from raw.rejects") == 35
    assert one(
        conn, "select sum((record_counts->>'B')::int) from ops.source_files"
    ) == (171_107)
    conn.commit()
    started = time.perf_counter()
    again = ingest_psi(conn, folder, landing=folder, is_simulated=False)
    assert counts(again) == (171_107, 0, 171_072, 35)
    assert time.perf_counter() - started < 5
    assert identify_addresses(conn, "nsw_valuer") == 159_186


@pytest.mark.parametrize(
    ("name", "read", "loaded"),
    [
        ("Melbourne_housing_FULL", 16_925, 16_924),
        ("MELBOURNE_HOUSE_PRICES_LESS", 27_209, 27_208),
        ("melb_data", 10_290, 10_290),
    ],
)
def test_real_melbourne_layouts_load(
    conn: psycopg.Connection, shared_data: Path, name: str, read: int, loaded: int
) -> None:
    path = shared_data / "melbourne_housing" / f"{name}_to_2017-06-30.csv.gz"
    summary = ingest_csv(conn, path, "melbourne", landing=path, is_simulated=False)
    assert counts(summary) == (read, loaded, read - loaded, 0)
    bids = one(
        conn,
        "select count(*) from raw.csv__sales where is_sale and "
        "sale_method not in ('S', 'SP', 'SA')",
    )
    assert bids == 0


def test_a_summary_names_what_this_run_refused_and_nothing_older(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    (tmp_path / "20240617.zip").write_bytes(b"no zip")
    land(conn, tmp_path)
    assert "refused 20240617.zip" in refused_files(conn, 60)[0]
    conn.execute("update ops.source_files set loaded_at = now() - interval '1 hour'")
    assert not any("20240617" in note for note in refused_files(conn, 60))
