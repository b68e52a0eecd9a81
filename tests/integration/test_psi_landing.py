"""Landing PSI from every kind of place, again after changes, and killed on the way."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import random
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import fsspec
import psycopg
import pytest

from assets.landing.calendar import weeks_on_offer
from assets.landing.common import IngestSummary
from assets.landing.nsw_valuer import ingest_psi
from connectors.resilience import SourceClient, SourcePolicy
from simulator.faults import Faults
from simulator.market import Market, MarketSize
from simulator.server import SiteServer
from simulator.website import Site
from tests.homes import Home
from tests.landings import SALES, contents, counts
from tests.mutations import mutate
from tests.psi_samples import psi_file, sale, weekly_zip, write_week, zip_of

JUNE = (date(2024, 6, 3), date(2024, 6, 24))


def land(
    conn: psycopg.Connection, location: str | Path, landing: Path, **more: object
) -> IngestSummary:
    return ingest_psi(conn, location, landing=landing, is_simulated=False, **more)  # type: ignore[arg-type]


def test_a_week_changed_after_publication_is_read_again_and_the_ledger_tells(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    folder, landing = tmp_path / "psi", tmp_path / "landing"
    write_week(folder, sale(1), sale(2, area=""), week="20240617")
    write_week(folder, sale(3), week="20240624")
    assert counts(land(conn, folder, landing, weeks=JUNE)) == (3, 3, 0, 0)
    # One sale is corrected, one is new, one is gone.
    write_week(folder, sale(2, area="70"), sale(4), week="20240617")
    again = land(conn, folder, landing, weeks=JUNE)
    assert (again.loaded, again.known_files) == (2, 1)
    rows = conn.execute(
        f"select house_number, area::text from {SALES} order by 1, 2 nulls first"
    ).fetchall()
    assert rows == [
        ("1", "556.4"),
        ("2", None),
        ("2", "70"),
        ("3", "556.4"),
        ("4", "556.4"),
    ]
    ledger = conn.execute(
        "select old.container_file, new.rows_loaded from ops.source_files old "
        "left join ops.source_files new on new.batch_id = old.superseded_by "
        "order by old.loaded_at, 1"
    ).fetchall()
    assert ledger == [
        ("20240617.zip", 2),
        ("20240624.zip", None),
        ("20240617.zip", None),
    ]
    before = contents(conn)
    assert land(conn, folder, landing, weeks=JUNE).loaded == 0
    assert contents(conn) == before


@pytest.fixture
def bucket() -> Iterator[str]:
    name = f"psi-{uuid.uuid4().hex}"
    yield name
    store = fsspec.filesystem("memory")
    if store.exists(f"/{name}"):
        store.rm(f"/{name}", recursive=True)


def test_any_place_that_fsspec_opens_is_landed(
    conn: psycopg.Connection, tmp_path: Path, bucket: str
) -> None:
    store = fsspec.filesystem("memory")
    store.pipe(f"/{bucket}/20240617.zip", weekly_zip(sale(1)))
    year = zip_of({"20230605.zip": weekly_zip(sale(2), week="20230605")})
    store.pipe(f"/{bucket}/years/2023.zip", year)
    day = "708_SALES_DATA_NNME_24062024.DAT.gz"
    store.pipe(f"/{bucket}/{day}", gzip.compress(psi_file(sale(3))))
    place = f"memory://{bucket}"
    assert weeks_on_offer(place, landing=tmp_path) == (
        date(2023, 1, 1),
        date(2023, 12, 31),
    ) or weeks_on_offer(place, landing=tmp_path) == (
        date(2023, 1, 1),
        date(2024, 6, 24),
    )
    summary = land(conn, place, tmp_path)
    assert counts(summary) == (3, 3, 0, 0)
    assert list(summary.partitions) == ["2023-06-05", "2024-06-17", "2024-06-24"]
    store.pipe(f"/{bucket}/20240617.zip", weekly_zip(sale(1), sale(4)))
    again = land(conn, place, tmp_path, weeks=JUNE)
    assert (again.loaded, list(again.partitions)) == (1, ["2024-06-17", "2024-06-24"])


def test_extracts_land_with_a_note_that_nothing_confirms_them(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    lines = [sale(n) for n in range(4)]
    folder = tmp_path / "psi"
    folder.mkdir()
    for letter, place in (("B", 0), ("C", 1)):
        content = "\n".join(one[place] for one in lines)
        (folder / f"psi_2001_{letter}.txt").write_text(content)
    assert counts(land(conn, folder, tmp_path)) == (4, 4, 0, 0)
    query = f"select array_agg(distinct legal_description) from {SALES}"
    assert conn.execute(query).fetchall() == [([f"{n}/SP57860" for n in range(4)],)]
    ledger = conn.execute(
        "select source_file, status, reason, record_counts->>'B', record_counts->>'C' "
        "from ops.source_files order by 1"
    ).fetchall()
    assert [row[:2] + row[3:] for row in ledger] == [
        ("psi_2001_B.txt", "loaded", "4", "0"),
        ("psi_2001_C.txt", "loaded", "0", "4"),
    ]
    assert "nothing confirms" in ledger[0][2]


def test_a_year_is_backfilled_from_its_zip_when_its_weeks_are_gone(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    size = MarketSize(homes=400, weeks=56)
    site = Site(Market(size), Faults.parse([]), archive=True)
    asked: list[str] = []
    original = site.document
    site.document = lambda path, *more: asked.append(path) or original(path, *more)  # type: ignore[method-assign,func-returns-value]
    server = SiteServer(site)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with SourceClient(SourcePolicy("test"), sleep=lambda seconds: None) as client:
            where = f"{server.url}/psi/"
            weeks = (date(2023, 1, 2), date(2023, 12, 25))
            first = land(conn, where, tmp_path, weeks=weeks, client=client)
            again = land(conn, where, tmp_path, weeks=weeks, client=client)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len(first.partitions) == 52
    assert (first.loaded > 0, again.loaded) == (True, 0)
    assert set(asked) == {"/__psi/yearly/2023.zip"}
    assert client.metrics.count("not_modified") == 1


def test_mutated_files_land_or_are_refused_and_nothing_stops_the_load(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "psi"
    folder.mkdir()
    words = (b"B;", b"C;", b";P;", b"\\", b"20240617 01:08", b"\xb2", b"99999999")
    for number in range(400):
        chance = random.Random(f"land:{number}")
        content = psi_file(*(sale(number * 5 + n) for n in range(5)))
        # The ends stay, so that most files are read to their records.
        head, _, rest = content.partition(b"\n")
        middle = rest.rpartition(b"\nZ;")[0]
        _, damaged = mutate(chance, middle, words)
        letters = {k: (b"\n" + damaged).count(b"\n" + k) for k in (b"B;", b"C;", b"D;")}
        stated = [sum(letters.values()) + 2, *letters.values()]
        end = b"\nZ;" + b";".join(str(n).encode() for n in stated) + b";\n"
        name = f"{number:03}_SALES_DATA_NNME_17062024.DAT"
        (folder / name).write_bytes(head + b"\n" + damaged + end)
    summary = land(conn, folder, tmp_path)
    assert len(summary.files) == 400
    assert counts(summary)[1] > 500
    found = conn.execute(f"select count(*) from {SALES}").fetchone()
    assert found == (summary.loaded,)


def _land_in_child(url: str, folder: str) -> None:
    with psycopg.connect(url) as conn:
        land(conn, Path(folder), Path(folder) / "landing")


def test_a_load_killed_again_and_again_ends_like_an_undisturbed_one(
    database_url: str, tmp_path: Path
) -> None:
    days = ("20240603", "20240610", "20240617", "20240624", "20240701", "20240708")
    for week, day in enumerate(days):
        sales = [
            sale(week * 1100 + n, price="5" if n % 97 else "-1") for n in range(1200)
        ]
        write_week(tmp_path, *sales, week=day)
    with psycopg.connect(database_url) as conn:
        took = land(conn, tmp_path, tmp_path / "landing").seconds
        undisturbed = contents(conn)
    chance, kills = random.Random(23), 0
    for _ in range(3):
        with psycopg.connect(database_url) as conn:
            conn.execute(f"truncate {SALES}, raw.rejects, ops.source_files")
        for _ in range(4):
            moment = chance.uniform(0.1, 0.7) * took
            kills += _killed_after(moment, database_url, tmp_path)
        with psycopg.connect(database_url) as conn:
            land(conn, tmp_path, tmp_path / "landing")
            assert contents(conn) == undisturbed
    assert kills >= 3


def _killed_after(seconds: float, url: str, folder: Path) -> bool:
    """Load in a process of its own; whether it had to be killed."""
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_land_in_child, args=(url, str(folder)))
    child.start()
    child.join(seconds)
    is_late = child.is_alive()
    if is_late and child.pid is not None:
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    return is_late


def test_a_backfill_of_a_year_is_one_run_over_its_weekly_partitions(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    mondays = [date(2023, 1, 2) + timedelta(weeks=week) for week in range(52)]
    weeks = {
        f"{day:%Y%m%d}.zip": weekly_zip(sale(number), week=f"{day:%Y%m%d}")
        for number, day in enumerate(mondays)
    }
    folder = tmp_path / "psi"
    folder.mkdir()
    (folder / "2023.zip").write_bytes(zip_of(weeks))
    (folder / "2022.zip").write_bytes(b"not asked for, so not opened")
    home = new_home(nsw_valuer__location=str(folder))
    result = home.drive("job", "ingest", "--weeks", "2023-01-02", "2023-12-25")
    assert result["success"]
    assert result["weeks_done"] == [day.isoformat() for day in mondays]
    totals = result["run_totals"]["raw/nsw_valuer__sales"]
    assert totals == {"read": 52, "loaded": 52, "repeated": 0, "rejected": 0}
