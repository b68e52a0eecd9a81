"""Working off rejects of real files: a mended mapping, a mended parser, moved files."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assets.landing.csv_files import ingest_csv
from assets.landing.nsw_valuer import ingest_psi
from assets.landing.reaxml import ingest_reaxml
from assets.landing.retry import RetrySummary, retry_rejects
from connectors.csv_mapping.mapping_file import FOLDER
from connectors.nsw_valuer.layout import Fault
from connectors.nsw_valuer.parse import CurrentReader
from connectors.reaxml.parse import ListingParser
from database.discarding import discard_batch
from database.quarantine import dismiss_rejects, list_rejects
from domain.errors import UserError
from tests.psi_samples import sale, weekly_zip, write_week, zip_of

Conn = psycopg.Connection[Any]
HEADER = "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode"
TABLES = ("raw.nsw_valuer__sales", "raw.csv__sales", "raw.rejects", "ops.source_files")
CLOCKS = ("_loaded_at", "_rejected_at", "loaded_at", "retried_at", "resolved_at")


def contents(conn: Conn) -> dict[str, list[Any]]:
    clocks = "".join(f" - '{clock}'" for clock in CLOCKS)
    found = {
        table: conn.execute(
            f"select to_jsonb(t){clocks} from {table} t order by 1"
        ).fetchall()
        for table in TABLES
    }
    conn.commit()
    return found


def assert_reconciled(conn: Conn) -> None:
    for table in TABLES[:2]:
        row = conn.execute(
            f"select coalesce(sum(rows_loaded), 0) = (select count(*) from {table}) "
            "from ops.source_files where table_name = %s",
            [table],
        ).fetchone()
        assert row == (True,), table


def land_psi(conn: Conn, folder: Path) -> None:
    ingest_psi(conn, folder, landing=folder / "landing", is_simulated=False)


def strict_about(monkeypatch: pytest.MonkeyPatch, *refused: str) -> None:
    """A parser that is wrong about contracts of these days."""
    right = CurrentReader._judge

    def judge(
        self: CurrentReader, stamp: str, contract: str, *more: str
    ) -> Fault | None:
        if contract in refused:
            return Fault("contract_date", "date_odd", "The date is odd.", "Wait.")
        return right(self, stamp, contract, *more)

    monkeypatch.setattr(CurrentReader, "_judge", judge)
    # Clean runs of sales are read by a short cut that asks no judge.
    monkeypatch.setattr(CurrentReader, "_is_for_runs", lambda *_: False)


def test_a_mended_parser_loads_what_an_older_one_refused(
    conn: Conn, tmp_path: Path
) -> None:
    folder = tmp_path / "psi"
    write_week(folder, sale(1), sale(2, contract="20240502"), week="20240617")
    (folder / "old").mkdir()
    inner = {
        "20230605.zip": weekly_zip(
            sale(3, contract="20240502"), sale(4, price="-1"), week="20230605"
        ),
        "20230612.zip": weekly_zip(sale(5), sale(6), week="20230612"),
    }
    (folder / "old" / "2023.zip").write_bytes(zip_of(inner))
    with pytest.MonkeyPatch.context() as patch:
        strict_about(patch, "20240502")
        land_psi(conn, folder)
    before = [row.rule_id for row in list_rejects(conn)]
    assert sorted(before) == ["date_odd", "date_odd", "price_negative"]

    summary = retry_rejects(conn)
    assert summary.problems == []
    assert (summary.containers, summary.loaded, summary.resolved) == (2, 2, 2)
    assert [row.rule_id for row in list_rejects(conn)] == ["price_negative"]
    assert_reconciled(conn)
    names = conn.execute(
        "select distinct _source_file from raw.nsw_valuer__sales order by 1"
    ).fetchall()
    assert names[0][0].startswith("20240617.zip/")
    assert names[1][0].startswith("old/2023.zip/20230605.zip/"), "named as before"
    after = contents(conn)
    assert retry_rejects(conn).loaded == 0
    assert contents(conn) == after


def test_a_mended_mapping_is_the_one_the_file_was_read_with(
    conn: Conn, tmp_path: Path
) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text((FOLDER / "melbourne.yaml").read_text())
    path = tmp_path / "sales.csv"
    path.write_text(
        f"{HEADER}\n"
        "Abbotsford,1 High St,3,h,900000,S,X,1/04/2017,3067\n"
        "Abbotsford,2 High St,3,h,900000,ZZ,X,1/04/2017,3067\n"
    )
    ingest_csv(conn, path, mapping, landing=tmp_path, is_simulated=False)
    assert [row.rule_id for row in list_rejects(conn)] == ["sale_method_unknown"]
    mapping.write_text(mapping.read_text().replace("[S, SP, SA]", "[S, SP, SA, ZZ]"))
    summary = retry_rejects(conn, source="csv")
    assert (summary.loaded, summary.resolved, summary.open) == (1, 1, 0)
    assert_reconciled(conn)


def test_files_that_are_gone_or_changed_are_named(conn: Conn, tmp_path: Path) -> None:
    write_week(tmp_path / "a", sale(1, price="-1"), week="20240617")
    write_week(tmp_path / "b", sale(2, price="-1"), week="20240624")
    land_psi(conn, tmp_path / "a")
    land_psi(conn, tmp_path / "b")
    (tmp_path / "a" / "20240617.zip").unlink()
    write_week(tmp_path / "b", sale(9), week="20240624")
    summary = retry_rejects(conn)
    assert (summary.containers, summary.open) == (0, 2)
    problems = {item.container: item.problem for item in summary.problems}
    assert "There is no file" in problems["20240617.zip"]
    assert "land it anew" in problems["20240624.zip"]
    # Landed anew, the corrected file settles the old reject.
    land_psi(conn, tmp_path / "b")
    summary = retry_rejects(conn)
    assert (summary.superseded, summary.open) == (1, 1)


def test_a_file_given_by_a_relative_path_is_found_from_anywhere(
    conn: Conn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_week(tmp_path / "psi", sale(1, price="-1"), week="20240617")
    sales = tmp_path / "sales.csv"
    sales.write_text(f"{HEADER}\nKew,1 High St,3,h,-5,S,Jellis,3/09/2016,3101\n")
    monkeypatch.chdir(tmp_path)
    land_psi(conn, Path("psi"))
    landing = tmp_path / "landing"
    ingest_csv(conn, "sales.csv", "melbourne", landing=landing, is_simulated=False)
    monkeypatch.chdir("/")
    summary = retry_rejects(conn)
    assert (summary.containers, summary.problems) == (2, [])


def test_a_file_from_another_folder_is_no_correction(
    conn: Conn, tmp_path: Path
) -> None:
    write_week(tmp_path / "a", sale(1, price="-1"))
    write_week(tmp_path / "b", sale(2))
    land_psi(conn, tmp_path / "a")
    land_psi(conn, tmp_path / "b")
    assert retry_rejects(conn).superseded == 0
    assert len(list_rejects(conn)) == 1


def test_a_discarded_batch_comes_back_only_when_asked(
    conn: Conn, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1), sale(2))
    land_psi(conn, tmp_path)
    before = contents(conn)
    row = conn.execute("select batch_id from ops.source_files").fetchone()
    assert row is not None
    discard_batch(conn, row[0], "A trial.")
    assert_reconciled(conn)
    assert retry_rejects(conn).containers == 0
    summary = retry_rejects(conn, batch_id=row[0])
    assert (summary.loaded, summary.resolved, summary.open) == (2, 2, 0)
    after = contents(conn)
    assert after["raw.nsw_valuer__sales"] == before["raw.nsw_valuer__sales"]
    assert after["ops.source_files"] == before["ops.source_files"]
    with pytest.raises(UserError, match="There is no batch"):
        retry_rejects(conn, batch_id=row[0].__class__(int=1))


def test_what_is_dismissed_stays_refused_and_is_asked_for_no_more(
    conn: Conn, tmp_path: Path
) -> None:
    write_week(tmp_path, sale(1, price="-1"), sale(2, price="-2"), sale(3))
    land_psi(conn, tmp_path)
    first = list_rejects(conn)[0]
    assert (
        dismiss_rejects(conn, "A typing error.", id_or_prefix=str(first.reject_id)) == 1
    )
    conn.commit()
    assert retry_rejects(conn).open == 1
    (kept,) = (r for r in list_rejects(conn, open_only=False) if r.resolution)
    assert kept.resolution == "dismissed: A typing error."
    assert dismiss_rejects(conn, "Old.", rule="price_negative") == 1
    assert list_rejects(conn) == []
    with pytest.raises(UserError, match="Say which"):
        dismiss_rejects(conn, "All of them.")


def test_reaxml_files_are_found_where_they_were_moved(
    conn: Conn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = (
        '<residential modTime="2024-05-01-10:00:00" status="current">'
        "<agentID>A{0}</agentID><uniqueID>U{0}</uniqueID></residential>"
    )
    text = "".join(listing.format(number) for number in (1, 2))
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "feed.xml").write_text(
        f'<?xml version="1.0"?><propertyList date="2024-05-01-10:00:00" '
        f'username="u" password="p">{text}</propertyList>'
    )
    with monkeypatch.context() as patch:
        patch.setattr(ListingParser, "read", _refuse_second(ListingParser.read))
        ingest_reaxml(conn, drop, is_simulated=False, settle_seconds=0)
    assert not (drop / "feed.xml").exists()
    assert len(list_rejects(conn, source="reaxml")) == 1
    summary = retry_rejects(conn, source="reaxml")
    assert summary.problems == []
    assert (summary.loaded, summary.resolved, summary.open) == (1, 1, 0)


def _refuse_second(read: Any) -> Any:
    def refusing(self: ListingParser, listings: Any) -> Any:
        from domain.records import RecordBatch, Reject

        for batch in read(self, listings):
            bad = Reject(
                "reaxml", "feed.xml", 999, None, "odd", "It is odd.", "Wait.", None
            )
            yield RecordBatch(batch.rows[:1], batch.hashes[:1], [bad], 1)

    return refusing


def _retry(url: str) -> None:
    with psycopg.connect(url) as conn:
        retry_rejects(conn)


def test_a_retry_killed_anywhere_and_run_again_ends_the_same(
    conn: Conn, database_url: str, tmp_path: Path
) -> None:
    weeks = [f"202401{day:02}" for day in (1, 8, 15, 22, 29)]
    for number, week in enumerate(weeks):
        sales = [
            sale(number * 400 + n, contract="20231001" if n % 3 else "20231002")
            for n in range(400)
        ]
        write_week(tmp_path, *sales, week=week)
    with pytest.MonkeyPatch.context() as patch:
        strict_about(patch, "20231001")
        land_psi(conn, tmp_path)
    conn.commit()
    chance = random.Random(5)
    context = multiprocessing.get_context("fork")
    for _ in range(4):
        process = context.Process(target=_retry, args=(database_url,))
        process.start()
        time.sleep(chance.uniform(0.02, 0.3))
        if process.is_alive() and process.pid:
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert_reconciled(conn)
        conn.commit()
    summary = retry_rejects(conn)
    assert isinstance(summary, RetrySummary)
    assert summary.open == 0
    assert list_rejects(conn) == []
    row = conn.execute("select count(*) from raw.nsw_valuer__sales").fetchone()
    assert row == (2000,)
    # As if it had been loaded by the right rules at once.
    conn.execute(
        "create temporary table kept as select _row_hash, _source_file, _row_number "
        "from raw.nsw_valuer__sales"
    )
    counts = "select sum(rows_read), sum(rows_loaded) from ops.source_files"
    reached = conn.execute(counts).fetchone()
    conn.execute(f"truncate {', '.join(TABLES)}")
    land_psi(conn, tmp_path)
    assert conn.execute(counts).fetchone() == reached
    assert conn.execute(
        "select count(*) from (select _row_hash, _source_file, _row_number "
        "from raw.nsw_valuer__sales except table kept) different"
    ).fetchone() == (0,)
