"""A scoring that is killed, or that its gate stops: what it leaves, what is next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from ml import features, predictions
from tests.market_samples import load_features
from tests.scored_homes import LEVELS, homes, scalar

Conn = psycopg.Connection[Any]

KILLED = """
import os, signal
from assets.resources import Warehouse
from assets.scoring_steps import run_scoring
import delivery.withdrawals as last

publish, calls = last.publish_withdrawals, []

def die_in_the_third(conn):
    calls.append(1)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return publish(conn)

last.publish_withdrawals = die_in_the_third
run_scoring(Warehouse(), "code", "killed", partition_rows=25)
"""


def test_killed_between_partitions_the_next_scoring_does_the_others(
    conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assets.resources import Warehouse
    from assets.scoring_steps import run_scoring
    from delivery.endpoints import register_endpoint
    from delivery.guard import parse_networks
    from tests.delivery_seed import VAULT

    for name, value in (("DATABASE_URL", database_url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    rows = homes(120)
    load_features(conn, features.PROPERTY_RELATION, rows)
    conn.execute(
        "create table marts.properties as select property_id, state, 'X' as suburb,"
        " '1 HIGH ST' as address, postcode from ml.property_features"
    )
    register_endpoint(
        conn,
        "a",
        "http://127.0.0.1:1/x",
        vault=VAULT,
        allow_networks=parse_networks(["127.0.0.0/8"]),
    )
    conn.commit()
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    tables = ("ml.price_predictions", "ml.current_predictions", "ml.valued_inputs",
              "delivery.events", "delivery.deliveries")  # fmt: skip
    counts = [scalar(conn, f"select count(*) from {table}") for table in tables]
    assert counts == [50] * 5, "two partitions, whole"

    finished = run_scoring(Warehouse(), "code", "again", partition_rows=25)

    assert finished.passed
    assert finished.written == predictions.Written(created=70, told=70)
    assert dict(finished.partitions) == {"NSW": 3}
    assert (finished.events, finished.deliveries) == (70, 70)
    counts = [scalar(conn, f"select count(*) from {table}") for table in tables]
    assert counts == [120] * 5
    assert scalar(conn, "select count(distinct property_id)"
                        " from ml.price_predictions") == 120  # fmt: skip
    nothing = run_scoring(Warehouse(), "code", "third", partition_rows=25)
    assert (nothing.valued, nothing.events) == (0, 0)


def test_a_gate_that_fails_stops_its_partition_and_those_after(
    conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assets.resources import Warehouse
    from assets.scoring_steps import run_scoring

    for name, value in (("DATABASE_URL", database_url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    good = homes(90)
    good["state"] = ["NSW"] * 30 + ["QLD"] * 30 + ["VIC"] * 30
    bad = good.copy()
    bad.loc[30:59, LEVELS] = np.log(400.0)  # dollars, where thousands were meant
    load_features(conn, features.PROPERTY_RELATION, bad)
    conn.execute(
        "create table marts.properties as select property_id, state, 'X' as suburb,"
        " '1 HIGH ST' as address, postcode from ml.property_features"
    )
    conn.commit()

    stopped = run_scoring(Warehouse(), "code", "run")

    assert not stopped.passed
    assert dict(stopped.partitions) == {"NSW": 1}
    assert scalar(conn, "select count(*) from ml.price_predictions") == 30
    assert scalar(conn, "select count(*) from delivery.events") == 30

    load_features(conn, features.PROPERTY_RELATION, good)
    mended = run_scoring(Warehouse(), "code", "run")
    assert mended.passed
    assert dict(mended.partitions) == {"QLD": 1, "VIC": 1}
    assert scalar(conn, "select count(*) from delivery.events") == 90
