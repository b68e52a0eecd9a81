"""Landing into a real database: counts reconcile, nothing is lost or done twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from assets.landing.common import IngestSummary
from assets.landing.csv_files import ingest_csv
from assets.landing.identification import identify_addresses
from assets.landing.nsw_valuer import ingest_psi
from assets.landing.read_ahead import ReadAhead
from connectors.nsw_valuer.containers import find_containers
from domain.records import ORIGINAL_LIMIT
from tests.psi_samples import psi_file, sale, weekly_zip, write_week, zip_of

SALES = "raw.nsw_valuer__sales"
DAT = "708_SALES_DATA_NNME_17062024.DAT"


def land(conn: psycopg.Connection, location: Path, **more: object) -> IngestSummary:
    options = {"landing": location / "landing", "is_simulated": False, **more}
    return ingest_psi(conn, location, **options)


def counts(summary: IngestSummary) -> tuple[int, int, int, int]:
    assert summary.read == summary.loaded + summary.repeated + summary.rejected
    return summary.read, summary.loaded, summary.repeated, summary.rejected


def one(conn: psycopg.Connection, query: str) -> object:
    row = conn.execute(query).fetchone()
    assert row is not None
    return row[0]


def contents(conn: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Everything a load writes, without the time it was written."""
    found = {}
    for table, clock in (
        (SALES, "_loaded_at"),
        ("raw.csv__sales", "_loaded_at"),
        ("raw.rejects", "_rejected_at"),
        ("ops.source_files", "loaded_at"),
    ):
        rows = conn.execute(
            f"select to_jsonb(t) - '{clock}' from {table} t order by 1::text"
        )
        found[table] = rows.fetchall()
    conn.commit()
    return found


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
        ("VIC|3067|ABBOTSFORD|HIGH STREET|1|",),
        ("VIC|3067|ABBOTSFORD|HIGH STREET|4|3",),
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
