"""Landing from the simulated site, over real HTTP and with its faults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from assets.landing.common import IngestSummary
from assets.landing.csv_files import ingest_csv
from assets.landing.nsw_valuer import ingest_psi
from connectors.resilience import SourceClient, SourcePolicy
from simulator.faults import Faults
from simulator.market import Market, MarketSize
from simulator.server import SiteServer
from simulator.website import Site


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=600, weeks=8))


@contextmanager
def serving(market: Market, *faults: str) -> Iterator[str]:
    server = SiteServer(Site(market, Faults.parse(faults)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def impatient() -> SourceClient:
    return SourceClient(SourcePolicy("test"), sleep=lambda seconds: None)


def land(conn: psycopg.Connection, url: str, landing: Path) -> IngestSummary:
    with impatient() as client:
        return ingest_psi(
            conn, f"{url}/psi/", landing=landing, is_simulated=True, client=client
        )


def test_a_site_is_landed_once(
    conn: psycopg.Connection, market: Market, tmp_path: Path
) -> None:
    with serving(market) as url:
        first = land(conn, url, tmp_path)
        again = land(conn, url, tmp_path)
        with impatient() as client:
            sales = ingest_csv(
                conn,
                f"{url}/csv/sales.csv.gz",
                "melbourne",
                landing=tmp_path,
                is_simulated=True,
                client=client,
            )
    assert first.loaded > 0
    assert first.rejected == 0
    assert first.not_fetched == ()
    assert again.read == first.read
    assert again.loaded == 0
    assert sales.loaded > 0
    assert sales.refused_files == []
    labels = conn.execute("select distinct _is_simulated from raw.nsw_valuer__sales")
    assert labels.fetchall() == [(True,)]


def test_faulty_weeks_are_refused_and_the_site_mended_completes_the_landing(
    conn: psycopg.Connection, market: Market, tmp_path: Path
) -> None:
    names = sorted(f"{market.monday(week):%Y%m%d}.zip" for week in range(1, 4))
    faults = (
        f"truncate={names[0]}",
        f"wrong_z={names[1]}",
        f"binary={names[2]}",
    )
    with serving(market, *faults) as url:
        broken = land(conn, url, tmp_path / "landing")
    assert {file.source_file[:12] for file in broken.refused_files} == set(names)
    with serving(market) as url:
        mended = land(conn, url, tmp_path / "landing")
        whole = mended.read
    assert mended.refused_files == []
    assert mended.loaded > 0
    loaded = conn.execute("select count(*) from raw.nsw_valuer__sales").fetchone()
    repeats = whole - mended.rejected
    assert loaded is not None
    assert 0 < loaded[0] <= repeats


def test_outages_and_bodies_cut_short_are_ridden_out(
    conn: psycopg.Connection, market: Market, tmp_path: Path
) -> None:
    with serving(market) as url:
        expected = land(conn, url, tmp_path / "one").read
    week = f"{market.monday(2):%Y%m%d}.zip"
    with serving(market, "status=503:3", f"cut={week}:2") as url:
        again = land(conn, url, tmp_path / "two")
    assert (again.read, again.not_fetched) == (expected, ())
