"""Every source under all faults at once: no crash, no loss, no double.

The short version of the benchmark `soak`, which does the same for five minutes. And the
benchmark's own eyes: what it must not overlook.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks import soak_truth as truth
from benchmarks.soak import soak
from benchmarks.soak_weather import Feeds
from database.embedded import EmbeddedServer
from simulator.market import Market, MarketSize
from tests.conftest import TEMPLATE

SECONDS = 20.0


@pytest.fixture
def fair_url(postgres: EmbeddedServer) -> Iterator[str]:
    """A second database, for an undisturbed load."""
    address = postgres.ensure()
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute("select pg_advisory_lock(1)")
        conn.execute(f"create database {name} template {TEMPLATE}")
    yield address.url(name)
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")


def test_nothing_is_lost_or_doubled_whatever_goes_wrong(
    database_url: str, fair_url: str, tmp_path: Path
) -> None:
    found = soak(
        database_url, fair_url, tmp_path, seconds=SECONDS, homes=800, retry="fast"
    )
    assert not found.wrong, "\n".join(found.wrong)
    assert found.landings > 0
    assert found.faults.total() > 20, found.faults
    assert all(found.rows.values()), found.rows


def test_the_soak_sees_rows_that_are_lost_doubled_or_unaccounted_for(
    conn: psycopg.Connection, fair_url: str
) -> None:
    insert = (
        "insert into raw.rba__cash_rate (release_id, table_code, series_id, "
        "observed_on, value, _row_hash, _source_file, _row_number, "
        "_batch_id, _is_simulated) "
        "select gen_random_uuid(), 'a', 'b', '2024-01-01', 1, gen_random_uuid(), 'f', "
        "1, gen_random_uuid(), true"
    )
    assert not [*truth.check_tables(conn), *truth.check_ledger(conn)]
    conn.execute(insert)
    (unaccounted,) = truth.check_ledger(conn)
    assert "other rows than the ledger says" in unaccounted
    conn.execute(
        "insert into raw.rba__cash_rate select (jsonb_populate_record(t, "
        "jsonb_build_object('_row_hash', gen_random_uuid()))).* "
        "from raw.rba__cash_rate t"
    )
    (doubled,) = truth.check_tables(conn)
    assert "2 rows and only 1 contents" in doubled
    with psycopg.connect(fair_url) as fair:
        empty = list(truth.check_against(conn, fair))
    assert "nothing is compared" in empty[0]
    lost = list(truth.check_listings(conn, {1, 2}, {1, 2}, {1, 2}))
    assert lost[0].startswith("2 of 2 Domain listings were lost")


def test_the_soak_sees_files_that_are_nowhere_or_left_over(tmp_path: Path) -> None:
    feeds = Feeds(Market(MarketSize(homes=200)), tmp_path, random.Random(3))
    for _ in range(12):
        feeds.next()
    feeds.finish()
    assert feeds.done.total() > 0
    assert len(feeds.sent) == 12
    told = list(truth.check_drop(tmp_path, feeds.sent))
    assert any("left in the drop folder" in line for line in told)
    assert any("is nowhere" in line for line in told)
