"""Broken files at the real command line: named, quarantined, and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.homes import Home
from tests.psi_samples import psi_file, sale, write_week, zip_of

CSV_HEADER = "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode"


def broken_psi(folder: Path) -> None:
    """Two good weeks around one file of each kind of fault, a letter each."""
    write_week(folder, sale(1), sale(2), week="20240603")
    whole = (
        write_week(folder, *map(sale, range(10, 40)), week="20240610")
    ).read_bytes()
    (folder / "20240610.zip").write_bytes(whole[: len(whole) // 2])
    monster = sale(51, street="X" * 10_000_000)
    wrong = {
        "a": psi_file(sale(41), sale(42), trailer="Z;99;40;40;18;"),
        "b": bytes(range(256)) * 40,
        "c": b"",
        "d": psi_file(sale(50), monster),
        "e": psi_file(sale(60), sale(61, price="-585000")),
        "f": psi_file(sale(70, contract="10210501"), sale(71)),
    }
    members = {f"{k}08_SALES_DATA_NNME_17062024.DAT": v for k, v in wrong.items()}
    (folder / "20240617.zip").write_bytes(zip_of(members))
    write_week(folder, sale(80), week="20240624")


def broken_csv(folder: Path) -> None:
    """A good file with a negative price in it, and one without a price column."""
    folder.mkdir()
    (folder / "good.csv").write_text(
        f"{CSV_HEADER}\n"
        "Abbotsford,1 High St,3,h,900000,S,X,1/04/2017,3067\n"
        "Abbotsford,2 High St,3,h,-900000,S,X,1/04/2017,3067\n"
        "Abbotsford,3 High St,3,h,900000,S,X,1/04/1021,3067\n"
    )
    (folder / "short.csv").write_text(
        f"{CSV_HEADER.replace('Price', 'Cost')}\n"
        "Abbotsford,9 High St,3,h,1,S,X,1/4/2017,3067\n"
    )


def test_broken_files_are_named_and_the_others_go_through(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    psi, csv = tmp_path / "psi", tmp_path / "csv"
    broken_psi(psi)
    broken_csv(csv)
    home = new_home()
    ended = home.run_job("ingest", "--nsw-psi", str(psi), "--csv", str(csv))
    raw = ended.summary["raw"]
    assert raw["read"] == raw["loaded"] + raw["repeated"] + raw["rejected"]
    with home.connect("real") as conn:
        loaded = conn.execute(
            "select sale_counter::int from raw.nsw_valuer__sales order by 1"
        ).fetchall()
        assert [row[0] for row in loaded] == [1, 2, 50, 60, 71, 80]
        houses = conn.execute("select address from raw.csv__sales").fetchall()
        assert houses == [("1 High St",)]
        assert raw["loaded"] == len(loaded) + len(houses)
        assert_named(conn)
    # Bad files are no failure of the run, but nobody can miss them.
    assert ended.code == 0, ended.screen
    assert f"{raw['rejected']:,} rejected" in ended.out
    for name in ("20240610.zip", "a08", "b08", "c08", "short.csv"):
        assert name in ended.out, f"{name} is not on the screen:\n{ended.screen}"
    assert "raw.rejects" in ended.out
    # The check fails rather than the run.
    assert ended.summary["checks"]["failed"] == 1
    assert "few_records_are_refused" in ended.out
    assert "FAILED" not in ended.out

    again = home.run_job("ingest", "--nsw-psi", str(psi), "--csv", str(csv))
    assert again.code == 0, again.screen
    assert again.summary["raw"]["loaded"] == 0
    assert again.summary["raw"]["rejected"] == raw["rejected"]


def assert_named(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Every fault names its file, line, field, reason and remedy."""
    rows = conn.execute(
        "select split_part(source_file, '/', -1), row_number, field, rule_id, "
        "reason, fix from raw.rejects order by 1, 2 nulls first"
    ).fetchall()
    assert all(row[4] and row[5] for row in rows)
    found = [(str(row[0])[:3], *row[1:4]) for row in rows]
    assert found == [
        ("202", None, None, "zip_damaged"),
        ("a08", None, "trailer", "trailer_mismatch"),
        ("a08", 2, None, "file_trailer_mismatch"),
        ("a08", 6, None, "file_trailer_mismatch"),
        ("b08", None, None, "file_binary"),
        ("c08", None, None, "file_empty"),
        ("d08", 6, None, "line_too_long"),
        ("e08", 6, "purchase_price_aud", "price_negative"),
        ("f08", 2, "contract_date", "contract_date_out_of_range"),
        ("goo", 3, "Price", "price_negative"),
        ("goo", 4, "Date", "sale_date_out_of_range"),
        ("sho", None, "Price", "column_missing"),
        ("sho", 2, "Price", "file_column_missing"),
    ], found


def test_a_source_that_is_not_there_is_one_sentence(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    ended = new_home().run_job("ingest", "--nsw-psi", str(tmp_path / "nowhere"))
    assert ended.code != 0
    assert "Traceback" not in ended.screen
    assert "nowhere" in ended.out + ended.err
