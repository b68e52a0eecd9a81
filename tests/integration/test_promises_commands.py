"""The smaller commands: `db ...`, and a database of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.homes import Home
from tests.psi_samples import sale, write_week


def test_db_commands_start_show_and_stop_the_server(
    new_home: Callable[..., Home],
) -> None:
    home = new_home()
    before = home.run("db", "status")
    assert before.code == 3
    assert "running: False" in before.out
    assert home.run("db", "stop").out == "it was not running\n"

    started = home.run("db", "start")
    assert started.code == 0, started.screen
    assert started.out.startswith("ready: postgresql://")
    url = home.run("db", "url").out.strip()
    password = psycopg.conninfo.conninfo_to_dict(url)["password"]
    # Only `db url` tells the password: it is asked for to be used.
    assert password not in started.out
    status = home.run("db", "status")
    assert status.code == 0
    assert "running: True" in status.out
    assert password not in status.screen
    migrated = home.run("db", "migrate")
    newest = migrated.out.split("->")[1].strip()
    assert migrated.out.split("->")[0].strip() == newest
    assert f"schema: {newest}" in status.out
    asked = home.run("db", "psql", "-Atc", "select count(*) from raw.rejects")
    assert asked.out == "0\n", asked.screen
    with psycopg.connect(url) as conn:
        assert conn.execute("select kind from ops.market").fetchone() == ("real",)

    assert home.run("db", "stop").out == "stopped\n"
    after = home.run("db", "status")
    assert after.code == 3
    assert "running: False" in after.out


def test_a_database_of_ones_own_is_used_and_left_running(
    new_home: Callable[..., Home], database_url: str, tmp_path: Path
) -> None:
    psi = tmp_path / "psi"
    write_week(psi, *(sale(n) for n in range(1, 31)))
    home = new_home(database_url=database_url)
    ended = home.run_job("ingest", "--nsw-psi", str(psi))
    assert ended.code == 0, ended.screen
    assert ended.summary["raw"] == {
        "read": 30,
        "loaded": 30,
        "repeated": 0,
        "rejected": 0,
    }
    with psycopg.connect(database_url) as conn:
        row = conn.execute("select count(*) from raw.nsw_valuer__sales").fetchone()
        assert row == (30,)
        runs = conn.execute("select status from dagster.runs").fetchall()
        assert runs == [("SUCCESS",)]
    assert not (home.folder / "postgres").exists()
    password = psycopg.conninfo.conninfo_to_dict(database_url)["password"]
    assert password not in ended.screen
    status = home.run("db", "status")
    assert status.code == 0, status.screen
    assert password not in status.screen
    refused = home.run("db", "stop")
    assert refused.code != 0
    assert "AUSPROPERTY_DATABASE_URL" in refused.err


def test_an_unreachable_database_is_one_sentence(new_home: Callable[..., Home]) -> None:
    home = new_home(database_url="postgresql://me:pw@127.0.0.1:9/nothing")
    ended = home.run("db", "status")
    assert ended.code != 0
    assert "Traceback" not in ended.screen
    assert "127.0.0.1:9" in ended.err or "port 9" in ended.err
