"""Damaged files, two loaders at once, kills: nothing is lost or done twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from assets.landing.common import IngestSummary
from assets.landing.read_ahead import ReadAhead
from connectors.nsw_valuer.containers import find_containers
from domain.records import ORIGINAL_LIMIT
from tests.landings import DAT, SALES, contents, counts, land, one
from tests.psi_samples import psi_file, sale, weekly_zip, write_week, zip_of


def faulty_folder(folder: Path) -> Path:
    """Every fault we promise to survive, beside good files."""
    good = psi_file(sale(1), sale(2))
    monster = sale(60, street="A" * 10_000_000)
    members = {
        f"a_{DAT}": good,
        f"b_{DAT}": b"",
        f"c_{DAT}": os.urandom(5000).replace(b"\n", b"\x00"),
        f"d_{DAT}": psi_file(sale(30), sale(31), trailer="Z;9;1;2;4;"),
        f"e_{DAT}": psi_file(sale(40), sale(41))[:-150],
        f"f_{DAT}": psi_file(sale(50), sale(51, price="-585000")),
        f"g_{DAT}": psi_file(sale(61), monster, sale(62)),
        f"h_{DAT}": psi_file(sale(70, contract="10210906"), sale(71)),
        f"i_{DAT}": psi_file(sale(80, locality="SYD\x00NEY"), sale(81)),
    }
    (folder / "20240617.zip").write_bytes(zip_of(members))
    whole = weekly_zip(sale(90), week="20240624")
    (folder / "20240624.zip").write_bytes(whole[: len(whole) // 2])
    write_week(folder, sale(91), week="20240701")
    return folder


def test_faults_are_quarantined_and_everything_else_goes_on(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    summary = land(conn, faulty_folder(tmp_path))
    # 2 + d:2 + e:2 + f:2 + g:3 + h:2 + i:2 + the last week's 1
    assert counts(summary) == (16, 8, 0, 8)
    refused = {file.source_file.split("/")[-1][:1] for file in summary.refused_files}
    assert refused == {"b", "c", "d", "e", "2"}
    rejects = conn.execute(
        "select split_part(source_file, '/', -1), row_number, field, rule_id, "
        "original_bytes, reason, fix, original from raw.rejects "
        "order by 1, 2 nulls first"
    ).fetchall()
    assert all(row[5] and row[6] for row in rejects)
    assert [(row[0][:1], row[1], row[2], row[3]) for row in rejects] == [
        ("2", None, None, "zip_damaged"),
        ("b", None, None, "file_empty"),
        ("c", None, None, "file_binary"),
        ("d", None, "trailer", "trailer_mismatch"),
        ("d", 2, None, "file_trailer_mismatch"),
        ("d", 6, None, "file_trailer_mismatch"),
        ("e", None, "trailer", "trailer_missing"),
        ("e", 2, None, "file_trailer_missing"),
        ("e", 6, None, "file_trailer_missing"),
        ("f", 6, "purchase_price_aud", "price_negative"),
        ("g", 6, None, "line_too_long"),
        ("h", 2, "contract_date", "contract_date_out_of_range"),
        ("i", 2, "locality", "nul_byte"),
    ]
    monster = next(row for row in rejects if row[3] == "line_too_long")
    assert monster[4] > 10_000_000
    assert len(monster[7]) == ORIGINAL_LIMIT
    before = contents(conn)
    land(conn, tmp_path)
    assert contents(conn) == before


def test_bytes_damaged_anywhere_never_stop_a_load(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    chance = random.Random(11)
    for number in range(150):
        content = bytearray(psi_file(*(sale(number * 5 + n) for n in range(5))))
        for _ in range(chance.randint(1, 4)):
            # Bytes that mean something, where they do not belong. Line ends stay, so
            # that the trailer still fits and the records are looked at.
            place = chance.randrange(content.index(b"B;") + 2, content.rindex(b"\nZ;"))
            if 10 not in content[place - 2 : place + 1]:
                content[place] = chance.choice(b"0123456789-. ;\\\x00\r\t'\"A\x80\xff")
        (tmp_path / f"{number:03}_SALES_DATA_NNME_17062024.DAT").write_bytes(content)
    summary = land(conn, tmp_path)
    assert summary.read == 750
    assert counts(summary)[1] > 200
    assert one(conn, f"select count(*) from {SALES}") == summary.loaded
    assert one(conn, "select count(*) from raw.rejects") >= summary.rejected


def test_two_loaders_at_once_load_everything_once(
    database_url: str, tmp_path: Path
) -> None:
    for week in range(8):
        day = f"2024060{week + 1}"
        write_week(tmp_path, *(sale(week * 40 + n) for n in range(50)), week=day)
    summaries: list[IngestSummary] = []

    def work() -> None:
        with psycopg.connect(database_url) as own:
            summaries.append(land(own, tmp_path))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(database_url) as conn:
        distinct = one(conn, f"select count(distinct house_number) from {SALES}")
        assert one(conn, f"select count(*) from {SALES}") == distinct == 330
        assert one(conn, "select sum(rows_read) from ops.source_files") == 400
    assert sum(summary.loaded for summary in summaries) == 330


def _land_in_child(url: str, folder: str) -> None:
    with psycopg.connect(url) as conn:
        land(conn, Path(folder))


def test_a_load_killed_at_any_moment_ends_like_an_undisturbed_one(
    database_url: str, tmp_path: Path
) -> None:
    for week in range(6):
        sales = [sale(week * 900 + n) for n in range(1000)]
        write_week(tmp_path, *sales, week=f"2024060{week + 1}")
    chance = random.Random(7)
    context = multiprocessing.get_context("spawn")
    kills = 0
    for _ in range(4):
        child = context.Process(
            target=_land_in_child, args=(database_url, str(tmp_path))
        )
        child.start()
        deadline = time.monotonic() + 20
        with psycopg.connect(database_url, autocommit=True) as conn:
            # Wait until it works, so that the blow does not only hit its imports.
            while child.is_alive() and time.monotonic() < deadline:
                busy = one(
                    conn,
                    "select count(*) from pg_stat_activity where state <> 'idle' "
                    "and datname = current_database() and pid <> pg_backend_pid()",
                )
                if busy:
                    break
        time.sleep(chance.uniform(0, 0.15))
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
            kills += 1
        child.join()
    assert kills
    with psycopg.connect(database_url) as conn:
        summary = land(conn, tmp_path)
        assert counts(summary)[0] == 6000
        assert one(conn, f"select count(*) from {SALES}") == 5500
        totals = conn.execute(
            "select sum(rows_read), sum(rows_loaded), sum(rows_repeated), count(*) "
            "from ops.source_files"
        ).fetchone()
        assert totals == (6000, 5500, 500, 6)


def test_reading_ahead_stops_with_its_reader_and_raises_what_it_met(
    tmp_path: Path,
) -> None:
    for week in range(3):
        write_week(tmp_path, sale(1), week=f"2024060{week + 1}")
    before = set(threading.enumerate())
    with ReadAhead(find_containers(tmp_path), set()) as ahead:
        number, container = next(iter(ahead))
        assert (number, len(list(container.files()))) == (1, 1)
    assert set(threading.enumerate()) <= before

    def broken() -> Iterator[tuple[int, object]]:
        yield from find_containers(tmp_path)
        raise OSError("disk gone")

    with ReadAhead(broken(), set()) as ahead, pytest.raises(OSError, match="disk gone"):
        list(ahead)
