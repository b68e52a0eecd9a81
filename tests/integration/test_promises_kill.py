"""The main job killed at any moment, ten times: a rerun makes everything right."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.homes import (
    SMALL_MARKET,
    Home,
    Screen,
    contents,
    differences,
    everything,
    wait_for,
)

NOTHING_NEW = "nothing new: no row loaded, no table changed, no event sent"


@dataclass(frozen=True)
class Blow:
    """When to strike: a while after this stage (or fact of the database)."""

    after: str
    within: tuple[float, float]
    fact: str = ""


# In the order in which progress is kept, so that each blow finds its stage still to do.
BLOWS = (
    Blow("remote parties", (0.0, 3.0)),
    Blow("code location", (0.0, 1.5)),
    Blow("load nsw_valuer", (0.0, 4.0)),
    Blow("read price texts", (0.0, 4.0)),
    Blow("identify addresses", (0.0, 2.0)),
    # In the midst of the marts, and of what is made of them.
    Blow("dbt build listing marts", (0.3, 3.0)),
    Blow("dbt build", (0.3, 4.0)),
    # Between a version being registered and its being written down as trained.
    Blow("", (0.0, 0.3), "select exists (select from mlflow.model_versions)"),
    Blow("review", (0.2, 2.0)),
    Blow(
        "",
        (0.0, 0.15),
        "select exists (select from delivery.deliveries where leased_until is not null"
        " or status = 'delivered')",
    ),
)


def holds(home: Home, query: str) -> bool:
    """Whether a fact is in the database, where there may be none yet."""
    try:
        with home.connect() as conn:
            row = conn.execute(query).fetchone()
    except psycopg.Error:
        return False
    return row is not None and bool(row[0])


def strike(home: Home, blow: Blow, chance: random.Random) -> str:
    """Start a run, kill it at the moment wanted; the stages it had finished."""
    process = home.start("run", *SMALL_MARKET, one_screen=True)
    screen = Screen(process)

    def is_time() -> bool:
        if process.poll() is not None:
            return True
        return holds(home, blow.fact) if blow.fact else screen.shows(blow.after)

    try:
        wait_for(is_time, 240, pause=0.02)
        time.sleep(chance.uniform(*blow.within))
        over = process.poll()
        assert over is None, f"ended ({over}) before {blow}:\n{screen.close()}"
    finally:
        # The command alone: its children have to notice by themselves.
        process.send_signal(signal.SIGKILL)
        process.wait()
        screen.close()
    # At once: an orphaned dbt would meet the next run's in the same tables.
    assert home.wait_empty(5) == [], f"orphans after a kill at {blow}"
    stages = [line[5:50].strip() for line in screen.lines if line.startswith("ok   ")]
    return stages[-1] if stages else "start"


def versions(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Registered versions with the review they got, and where the aliases point."""
    tags = conn.execute(
        "select v.version, t.key, t.value from mlflow.model_versions v "
        "left join mlflow.model_version_tags t using (name, version) "
        "where t.key in ('winner', 'snapshot_id', 'seed', 'review_state', 'mdape', "
        "'train_first', 'train_last', 'rows') order by 1, 2"
    ).fetchall()
    aliases = conn.execute(
        "select version, alias, '' from mlflow.registered_model_aliases order by 2"
    ).fetchall()
    return tags + aliases


def open_runs(conn: psycopg.Connection[Any]) -> list[Any]:
    """Runs of MLflow and Dagster that still look alive."""
    return conn.execute(
        "select run_uuid from mlflow.runs where status in ('RUNNING', 'SCHEDULED') "
        "union all select run_id from dagster.runs where status in "
        "('STARTED', 'STARTING', 'NOT_STARTED', 'QUEUED', 'CANCELING')"
    ).fetchall()


def test_killed_ten_times_then_rerun_it_all_is_as_if_never_disturbed(
    new_home: Callable[..., Home],
) -> None:
    calm, killed = new_home("calm"), new_home("killed")
    undisturbed = calm.run_job("run", *SMALL_MARKET)
    assert undisturbed.code == 0, undisturbed.screen
    with calm.connect() as conn:
        wanted, wanted_versions = contents(conn), versions(conn)
    calm.server.stop()
    chance = random.Random(2024)
    reached = [strike(killed, blow, chance) for blow in BLOWS]
    assert len(set(reached)) >= 6, reached

    ended = killed.run_job("run", *SMALL_MARKET)
    assert ended.code == 0, ended.screen
    assert "refused 0," in ended.out
    with killed.connect() as conn:
        assert differences(contents(conn), wanted) == []
        assert versions(conn) == wanted_versions
        assert open_runs(conn) == []
        unsent = conn.execute(
            "select event_id, status, attempts from delivery.deliveries d "
            "where status <> 'delivered' or not exists ("
            "select from delivery.attempts a where a.delivery_id = d.delivery_id "
            "and status_code between 200 and 299)"
        ).fetchall()
        assert unsent == []
        before = everything(conn)

    again = killed.run_job("run", *SMALL_MARKET)
    assert again.code == 0, again.screen
    assert NOTHING_NEW in again.out
    assert again.summary["raw"]["loaded"] == 0
    assert again.summary["deliveries"] == ended.summary["deliveries"]
    assert "verified 0 signatures" in again.out
    with killed.connect() as conn:
        assert differences(everything(conn), before) == []
