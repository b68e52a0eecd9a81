"""PostgreSQL goes away in mid-run: a clear end or none, and the rerun completes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.homes import Home, Screen, contents, differences, sources_of, wait_for


def crash_server(home: Home) -> None:
    """An immediate shutdown, as a crash of the machine would be for PostgreSQL."""
    pid = home.server.status()["pid"]
    os.kill(int(pid), signal.SIGQUIT)
    wait_for(lambda: home.server.status()["pid"] != pid, 30)
    # Somebody else's command starts it again.
    home.server.ensure()


def test_postgres_restarted_in_mid_run_and_the_rerun_completes(
    new_home: Callable[..., Home], waiting_home: Path, market_files: Path
) -> None:
    reference = new_home("reference", source=waiting_home)
    with reference.connect("real") as conn:
        wanted = contents(conn)
    reference.server.stop()
    home = new_home(environment="production")
    chance = random.Random(4)
    for stage in ("identify addresses", "dbt build"):
        process = home.start("run", *sources_of(market_files), one_screen=True)
        screen = Screen(process)
        try:
            wait_for(lambda: process.poll() is not None or screen.shows(stage), 240)  # noqa: B023
            time.sleep(chance.uniform(1.0, 3.0))
            assert process.poll() is None, screen.close()
            crash_server(home)
            process.wait(240)
        finally:
            process.kill()
            shown = screen.close()
        if process.returncode != 0:
            assert "Traceback" not in shown, shown
            told = [line for line in shown.splitlines() if "failed:" in line]
            told += [line for line in shown.splitlines() if "ausproperty:" in line]
            assert told, shown
            words = " ".join(told).lower()
            # (A connection that is gone in between two statements says no more.)
            named = ("database", "server", "postgres", "connection is lost")
            assert any(name in words for name in named), told
    ended = home.run_job("run", *sources_of(market_files))
    assert ended.code == 0, ended.screen
    with home.connect("real") as conn:
        assert differences(contents(conn), wanted) == []
