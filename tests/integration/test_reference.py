"""Releases of reference sets: whole or not at all, whatever arrives or dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from assets.landing.reference import (
    ReferenceSummary,
    ingest_reference,
    read_again,
    reference_tables,
    settle_again,
)
from connectors.reference import localities
from connectors.reference.catalogue import DATASETS
from connectors.resilience import POLICIES, SourceClient, SourceDown
from database.raw_reloading import reload_container
from database.releases import wholeness
from simulator.market import Market, MarketSize
from simulator.reference import write_reference
from tests.reference_files import (
    gnaf_row,
    gnaf_text,
    land_values_csv,
    localities_csv,
)
from tests.scripted_server import Reply, Request, file_reply, scripted_server

ROOT = Path(__file__).parents[2]
PLACES = [(str(2000 + number), f"PLACE {number}", "NSW") for number in range(40)]


def land(
    conn: psycopg.Connection, dataset: str, place: Path | str, **options: Any
) -> ReferenceSummary:
    options.setdefault("landing", Path(str(place)).parent / "landing")
    return ingest_reference(conn, dataset, place, is_simulated=False, **options)


def localities_file(folder: Path, day: date, *rows: tuple[str, str, str]) -> Path:
    path = folder / f"list_{day:%Y%m%d}.csv"
    path.write_text(localities_csv(*rows))
    return path


def seen(conn: psycopg.Connection) -> tuple[date | None, int]:
    """What readers of localities see: the release date, and rows."""
    row = conn.execute(
        "select max(r.release_date), count(*) from raw.au_postcodes__localities t "
        "join ops.reference_releases r using (release_id) where r.status = 'current'"
    ).fetchone()
    conn.rollback()
    assert row is not None
    return row[0], row[1]


def counts_hold(conn: psycopg.Connection, dataset: str) -> bool:
    row = conn.execute(
        "select sum(rows_read) = sum(rows_loaded + rows_repeated + rows_rejected) "
        "from ops.source_files where source = %s",
        [dataset],
    ).fetchone()
    whole = wholeness(conn, dataset, DATASETS[dataset].table)
    return bool(row and row[0]) and all(one.is_whole for one in whole)


def test_a_newer_release_replaces_the_one_before_and_an_older_one_does_not(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    spring, autumn = date(2025, 3, 1), date(2025, 9, 1)
    land(conn, "localities", localities_file(tmp_path, spring, *PLACES[:30]))
    assert seen(conn) == (spring, 30)

    summary = land(conn, "localities", localities_file(tmp_path, autumn, *PLACES))
    assert seen(conn) == (autumn, 40)
    (settled,) = summary.releases
    assert (settled.status, settled.previous) == ("current", spring)

    old = land(
        conn, "localities", localities_file(tmp_path, date(2024, 9, 1), *PLACES[:25])
    )
    (kept,) = old.releases
    assert (kept.status, kept.rows) == ("loaded", 25)
    assert kept.reason is not None
    assert "2025-09-01" in kept.reason
    assert seen(conn) == (autumn, 40)
    assert counts_hold(conn, "localities")


def test_the_same_release_twice_changes_nothing(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    path = localities_file(tmp_path, date(2025, 3, 1), *PLACES, PLACES[0])
    first = land(conn, "localities", path)
    assert (first.read, first.loaded, first.repeated) == (41, 41, 0)
    before = conn.execute("select * from ops.reference_releases").fetchall()
    again = land(conn, "localities", path)
    assert (again.read, again.loaded, again.repeated) == (41, 0, 41)
    assert not any(one.is_changed for one in again.releases)
    assert conn.execute("select * from ops.reference_releases").fetchall() == before
    count = conn.execute("select count(*) from raw.au_postcodes__localities").fetchone()
    assert count == (41,)


def test_a_release_with_too_many_refused_records_leaves_the_old_one(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    spring, autumn = date(2025, 3, 1), date(2025, 9, 1)
    land(conn, "localities", localities_file(tmp_path, spring, *PLACES))
    broken = [*PLACES[:35], *[("2000", f"WRONG {n}", "VIC") for n in range(5)]]
    path = localities_file(tmp_path, autumn, *broken)
    summary = land(conn, "localities", path)
    (refused,) = summary.refused_releases
    assert refused.reason is not None
    assert "5 of 40 records (12.5%)" in refused.reason
    assert seen(conn) == (spring, 40)
    reject = conn.execute(
        "select row_number, field, rule_id, fix from raw.rejects order by 1 limit 1"
    ).fetchone()
    assert reject is not None
    assert reject[:3] == (37, "postcode", "postcode_not_of_state")
    assert counts_hold(conn, "localities")

    accepted = land(conn, "localities", path, accept=True)
    assert accepted.releases[0].status == "current"
    assert seen(conn) == (autumn, 35)


def test_a_refused_release_becomes_current_when_its_rejects_are_worked_off(
    conn: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = localities_file(
        tmp_path, date(2025, 3, 1), *[("2000", f"P {n}", "VIC") for n in range(40)]
    )
    assert land(conn, "localities", path).releases[0].status == "refused"
    assert settle_again(conn, 0.02) == []

    monkeypatch.setattr(localities, "check_postcode", lambda *_: None)
    (release,) = read_again("localities", path)
    report = reload_container(
        conn,
        release,
        reference_tables()["raw.au_postcodes__localities"],
        is_simulated=False,
    )
    assert (report.loaded, report.open) == (40, 0)
    (settled,) = settle_again(conn, 0.02)
    assert settled.status == "current"
    assert seen(conn) == (date(2025, 3, 1), 40)
    assert counts_hold(conn, "localities")


def test_a_release_that_shrinks_too_much_leaves_the_old_one(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    spring, autumn = date(2025, 3, 1), date(2025, 9, 1)
    land(conn, "localities", localities_file(tmp_path, spring, *PLACES))
    summary = land(conn, "localities", localities_file(tmp_path, autumn, *PLACES[:30]))
    (refused,) = summary.refused_releases
    assert refused.reason is not None
    assert "30 rows where the current release" in refused.reason
    assert seen(conn) == (spring, 40)


def test_a_corrected_file_of_the_same_date_replaces_the_first(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    day = date(2025, 3, 1)
    path = localities_file(tmp_path, day, *PLACES[:39])
    land(conn, "localities", path)
    localities_file(tmp_path, day, *PLACES)
    land(conn, "localities", path)
    assert seen(conn) == (day, 40)


def test_one_bad_file_refuses_the_release_of_all_districts(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, stamp in ((old, "20171101"), (new, "20181101")):
        folder.mkdir()
        for district in ("135", "150"):
            name = f"{district}_LAND_VALUE_DATA_{stamp}.csv"
            (folder / name).write_text(land_values_csv(1, 2, district=district))
    (new / "150_LAND_VALUE_DATA_20181101.csv").write_text("not,a,district\n1,2,3\n")
    land(conn, "nsw_land_values", old)
    summary = land(conn, "nsw_land_values", new)
    (refused,) = summary.refused_releases
    assert refused.reason is not None
    assert "150_LAND_VALUE_DATA_20181101.csv" in refused.reason
    current = wholeness(conn, "nsw_land_values", "raw.nsw_valuer__land_values")
    assert [(one.release_date, one.rows) for one in current] == [(date(2017, 11, 1), 4)]


def test_big_sets_keep_two_releases_and_their_ledger(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    for year in (2016, 2017, 2018):
        path = tmp_path / f"135_LAND_VALUE_DATA_{year}1101.csv"
        path.write_text(land_values_csv(1, 2, value=year))
        summary = land(conn, "nsw_land_values", path)
    assert summary.pruned == 1
    rows = conn.execute(
        "select release_date, status, rows, pruned_at is null, (select count(*) "
        "from raw.nsw_valuer__land_values t where t.release_id = r.release_id) "
        "from ops.reference_releases r order by 1"
    ).fetchall()
    assert [row[1:] for row in rows] == [
        ("loaded", 2, False, 0),
        ("loaded", 2, True, 2),
        ("current", 2, True, 2),
    ]
    # Landing the pruned one again does not bring it back.
    old = tmp_path / "135_LAND_VALUE_DATA_20161101.csv"
    assert land(conn, "nsw_land_values", old).loaded == 0
    pruned = conn.execute(
        "select count(*) from ops.source_files where pruned_at is not null"
    ).fetchone()
    assert pruned == (1,)


def test_readers_see_the_old_release_until_the_new_one_is_whole(
    conn: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    spring, autumn = date(2025, 3, 1), date(2025, 9, 1)
    land(conn, "localities", localities_file(tmp_path, spring, *PLACES))
    many = [
        ("2000", f"PLACE {number} {uuid.uuid4().hex}", "NSW")
        for number in range(30_000)
    ]
    path = localities_file(tmp_path, autumn, *many)
    views: set[tuple[date | None, int]] = set()
    done = threading.Event()

    def read() -> None:
        with psycopg.connect(database_url) as reader:
            while not done.is_set():
                views.add(seen(reader))
                done.wait(0.01)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        land(conn, "localities", path)
    finally:
        done.set()
        thread.join()
    views.add(seen(conn))
    assert views == {(spring, 40), (autumn, 30_000)}


_LOADER = """
import sys
from pathlib import Path
import psycopg
from assets.landing.reference import ingest_reference
with psycopg.connect(sys.argv[1]) as conn:
    print("ready", flush=True)
    ingest_reference(
        conn, "gnaf", sys.argv[2], landing=Path(sys.argv[3]), is_simulated=False
    )
print("done", flush=True)
"""


@pytest.mark.parametrize("rows_first", [1, 20_000, 45_000])
def test_killed_in_the_middle_the_old_release_stays_and_a_rerun_completes(
    conn: psycopg.Connection, database_url: str, tmp_path: Path, rows_first: int
) -> None:
    old = tmp_path / "gnaf_core_feb25.psv"
    old.write_bytes(gnaf_text([gnaf_row(f"GANSW{n}") for n in range(100)]))
    land(conn, "gnaf", old)
    conn.commit()
    new = tmp_path / "gnaf_core_may25.psv"
    new.write_bytes(gnaf_text([gnaf_row(f"GANSW{n}") for n in range(60_000)]))
    loader = subprocess.Popen(
        [sys.executable, "-c", _LOADER, database_url, str(new), str(tmp_path / "l")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert loader.stdout is not None
    assert loader.stdout.readline() == b"ready\n"
    _wait_for_rows(database_url, rows_first)
    loader.send_signal(signal.SIGKILL)
    loader.wait()
    loader.stdout.close()
    dated = "select release_date, rows from ops.reference_releases where status = %s"
    after_kill = conn.execute(dated, ["current"]).fetchall()
    conn.rollback()
    assert after_kill in ([(date(2025, 2, 28), 100)], [(date(2025, 5, 31), 60_000)])

    land(conn, "gnaf", new)
    assert conn.execute(dated, ["current"]).fetchall() == [(date(2025, 5, 31), 60_000)]
    assert counts_hold(conn, "gnaf")
    total = conn.execute("select count(*) from raw.gnaf__addresses").fetchone()
    assert total == (60_100,)


def _wait_for_rows(url: str, rows: int) -> None:
    """Until the loader has copied about so many rows, or has ended."""
    deadline = time.monotonic() + 60
    with psycopg.connect(url, autocommit=True) as watcher:
        while time.monotonic() < deadline:
            copied = watcher.execute(
                "select coalesce(sum(tuples_processed), 0), "
                "(select count(*) from ops.reference_releases) "
                "from pg_stat_progress_copy where datname = current_database()"
            ).fetchone()
            size = watcher.execute(
                "select coalesce(sum(pg_relation_size(inhrelid)), 0) from pg_inherits "
                "where inhparent = 'raw.gnaf__addresses'::regclass"
            ).fetchone()
            assert copied is not None
            assert size is not None
            # A made-up address takes about 220 bytes.
            if copied[0] + size[0] / 220 >= rows + 100 or copied[1] == 2:
                return
            time.sleep(0.005)
    raise AssertionError("the loader never began")


def test_an_unchanged_release_costs_one_304_and_an_outage_keeps_the_current_one(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    body = localities_csv(*PLACES).encode()
    dated = {"Last-Modified": "Tue, 04 Feb 2025 03:00:00 GMT"}
    policy = POLICIES["reference"].overridden({"retry": "none"})
    with scripted_server() as server, SourceClient(policy) as client:

        def answer(request: Request) -> Reply:
            reply = file_reply(body, request, '"one"')
            return replace(reply, headers=reply.headers | dated)

        server.answer = answer
        url = f"{server.url}/list.csv"
        options: dict[str, Any] = {"client": client, "landing": tmp_path}
        land(conn, "localities", url, **options)
        assert seen(conn) == (date(2025, 2, 4), 40)
        again = land(conn, "localities", url, **options)
        assert again.loaded == 0
        assert len(server.seen) == 2
        assert client.metrics.as_metadata()["http/not_modified"] == 1

        server.script(Reply(503, b""))
        away = land(conn, "localities", url, **options)
        assert away.staleness is not None
        assert away.staleness.status == "stale"
        assert seen(conn) == (date(2025, 2, 4), 40)
        with pytest.raises(SourceDown):
            land(conn, "cash_rate", url, **options)
    runs = conn.execute(
        "select source, status from ops.source_runs order by source_run_id"
    ).fetchall()
    assert runs == [
        ("localities", "ok"),
        ("localities", "ok"),
        ("localities", "stale"),
    ]


def test_the_simulated_sets_land_whole_and_join_with_the_market(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    market = Market(MarketSize(homes=1200, weeks=60))
    paths = write_reference(market, tmp_path / "a")
    for dataset, path in paths.items():
        summary = land(conn, dataset, path)
        assert summary.read == summary.loaded > 0, dataset
        assert {one.status for one in summary.releases} == {"current"}
        assert counts_hold(conn, dataset)
    principals = conn.execute(
        "select count(*), count(distinct locality_name) from raw.gnaf__addresses "
        "where alias_principal = 'P'"
    ).fetchone()
    assert principals == (1200, len(market.localities))
    lost = conn.execute(
        "select count(*) from raw.gnaf__addresses g where not exists (select "
        "from raw.au_postcodes__localities l where l.is_place "
        "and (l.locality, l.postcode) = (g.locality_name, g.postcode))"
    ).fetchone()
    assert lost == (0,)
    again = write_reference(market, tmp_path / "b")
    for dataset, path in paths.items():
        assert path.read_bytes() == again[dataset].read_bytes(), dataset
