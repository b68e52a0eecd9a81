"""Scoring of a country: valued, judged, written with inputs and events, and skipped.

`valued` is what one core makes of feature rows in memory: estimate, interval, FSD,
class and flags. `written` is the product's own scoring (`assets.scoring_steps`) from
the feature table to committed predictions, inputs and events; `changed again` the same
a month later, when every home has a standing valuation; `unchanged` another one with
nothing to do. The limits are the platform's: 50,000 homes a second and core, and 11
million in 900 seconds, of two cores for the CPU.

`python -m benchmarks.scoring_rate --homes 11000000` takes another size, here of copies
of 100,000 homes under ids of their own, each a little larger than the last; `--stack`
lets only the largest candidate compete with the baseline, `--folder` says where the
database is made.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import psycopg

from benchmarks.memory import Watch, watching
from benchmarks.processes import postmaster, tree_cpu_seconds
from benchmarks.report import Figure, render
from database.embedded import EmbeddedServer
from database.migrate import migrate
from ml import candidates, features
from ml.registration import TrainingContext, train_and_register
from ml.scoring import Scorer, load_champion, value_properties
from ml.tracking import CHAMPION, Registry
from tests.market_samples import feature_rows, load_features

SALES, HOMES, VALUED = 5_000, 200_000, 50_000
#: Homes that are made up; more are copies. Sales that teach a stack.
_MADE, _STACK_SALES = 100_000, 9_000
#: Homes up to which all of them are scored a second time.
_TWICE = 1_000_000
#: As Australia has them, by suburb.
_SUBURBS = 3_000
_LIMIT_A_CORE, _LIMIT = 50_000.0, 11_000_000 / 900
_CPU = 2 * 900 / 11


_PROPERTIES = """
create table marts.properties as
select
    property_id, '1 Example Street, PARRAMATTA NSW 2150' as address,
    'PARRAMATTA' as suburb, state, postcode, null::timestamptz as deleted_at
from ml.property_features
"""
_MONTH_LATER = """
update ml.property_features
set month_index = month_index + 1, as_of_date = as_of_date + 30,
    suburb_type_log_price_12m = suburb_type_log_price_12m + 0.03
"""


_COPIES = """
insert into ml.property_features ({columns})
select {values}
from ml.property_features, generate_series(1, {copies}) as copy
"""


def measure(
    homes: int = HOMES, *, stack: bool = False, under: str | None = None
) -> list[Figure]:
    """Homes a second: valued on one core, written, written again, skipped.

    ``under`` is the folder in which the database is made.
    """
    with tempfile.TemporaryDirectory(dir=under) as folder:
        root = Path(folder)
        root.chmod(0o755)  # the server may run as another user
        server = EmbeddedServer(root / "postgres")
        try:
            url = server.ensure_database(server.ensure(), "benchmark")
            os.environ |= {
                "AUSPROPERTY_HOME": folder,
                "AUSPROPERTY_DATABASE_URL": url,
            }
            migrate(url)
            valued = _prepare(url, homes, stack=stack)
            if homes > HOMES:
                print(f"filled; {shutil.disk_usage(root).free / 2**30:.0f} GiB free")
            with watching(lambda: [os.getpid()]) as memory:
                runs = _score(url, root, homes, memory)
        finally:
            server.stop()
    figures = [Figure("valued, one core", valued, "/s", _LIMIT_A_CORE, "limit")]
    for name, run in runs.items():
        beside = {
            "homes": f"{homes:,}",
            "peak memory": f"{run.peak_mib:,.0f} MiB",
            "before": f"{run.before_mib:,.0f} MiB",
            "database": f"{run.stored / homes:,.0f} bytes a home",
        }
        figures += [
            Figure(name, homes / run.wall, "/s", _LIMIT, "11 M in 900 s", beside),
            Figure(f"{name}, CPU a home", run.cpu / homes * 1e6, "us", _CPU, "limit"),
        ]
    seconds = runs["written"].wall / homes * 11_000_000
    return [*figures, Figure("11 million homes", seconds, "s", 900.0, "limit")]


@dataclass(frozen=True)
class Run:
    """One scoring: seconds, CPU of this process and PostgreSQL, memory here.

    ``stored`` is the database's size (bytes) after it.
    """

    wall: float
    cpu: float
    before_mib: float
    peak_mib: float
    stored: int


def _prepare(url: str, homes: int, *, stack: bool) -> float:
    """Features and a champion in the database; homes valued a second on one core."""
    from assets.warehouse import tracking_url

    folder = Path(os.environ["AUSPROPERTY_HOME"])
    registry = Registry(tracking_url(url), folder / "artifacts")
    with psycopg.connect(url) as conn:
        sales = feature_rows(_STACK_SALES if stack else SALES)
        load_features(conn, features.TRAINING_RELATION, sales)
        made = min(homes, _MADE)
        rows = feature_rows(made, seed=8, suburbs=_SUBURBS if stack else 40)
        rows["as_of_date"] = rows["as_of_date"].max()
        load_features(conn, features.PROPERTY_RELATION, rows)
        _copy(conn, homes, made)
        conn.execute("create unique index on ml.property_features (property_id)")
        conn.execute(_PROPERTIES)
        conn.execute("create unique index on marts.properties (property_id)")
        conn.commit()
        names = (candidates.BASELINE, candidates.STACK)
        chosen = (lambda _: names) if stack else candidates.competitors
        with patch.object(candidates, "competitors", chosen):
            context = TrainingContext("benchmark", "simulated", "development")
            outcome = train_and_register(conn, registry, context)
        registry.set_alias(CHAMPION, outcome.version)
        conn.commit()
        print(f"champion: {outcome.winner}")
    champion, reason = load_champion(registry)
    if champion is None:
        raise RuntimeError(reason)
    part = rows[:VALUED].reset_index(drop=True)
    scorer = Scorer(champion)

    def value() -> None:
        value_properties(part, scorer, _nothing_known, threads=1)

    value()
    # On one thread: its CPU says what a core of its own would do.
    began = time.process_time()
    value()
    return len(part) / (time.process_time() - began)


def _copy(conn: psycopg.Connection[Any], homes: int, made: int) -> None:
    """More homes than are made up: the same on other land, under other ids."""
    copies, rest = divmod(homes, made)
    if rest:
        raise ValueError(f"homes must be a multiple of {made:,}")
    if copies == 1:
        return
    values = {
        "property_id": "md5(property_id::text || copy)::uuid",
        "land_area_m2": "land_area_m2 * (1 + copy / 1000.0)",
        "street_number": "street_number + copy",
    }
    names = features.PROPERTY_COLUMNS
    statement = _COPIES.format(
        columns=", ".join(names),
        values=", ".join(values.get(name, name) for name in names),
        copies=copies - 1,
    )
    conn.execute(statement.encode())


def _nothing_known(_property_ids: list[str]) -> pd.DataFrame:
    raise RuntimeError("the champion values all of these homes")


def _score(url: str, root: Path, homes: int, memory: Watch) -> dict[str, Run]:
    """A scoring, one of changed homes (of a million at most), and one of nothing."""
    # What is loaded once a process is no part of a rate.
    import great_expectations  # noqa: F401

    from assets.resources import Warehouse
    from assets.scoring_steps import run_scoring

    changes = {
        "written": "select",
        "changed again": _MONTH_LATER,
        "unchanged": "select",
    }
    if homes > _TWICE:
        del changes["changed again"]
    found = {}
    processes = os.getpid(), postmaster(root)
    for name, change in changes.items():
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(change.encode())
            conn.execute("vacuum (analyze) ml.property_features")
        memory.highest_mib()
        standing = memory.highest_mib()
        before = tree_cpu_seconds(*processes)
        wall = _seconds(lambda: run_scoring(Warehouse(), "benchmark", "benchmark"))
        cpu = tree_cpu_seconds(*processes) - before
        with psycopg.connect(url) as conn:
            size = conn.execute("select pg_database_size(current_database())")
            (stored,) = size.fetchone() or (0,)
        found[name] = Run(wall, cpu, standing, memory.highest_mib(), stored)
    return found


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=HOMES)
    parser.add_argument("--stack", action="store_true")
    parser.add_argument("--folder")
    asked = parser.parse_args()
    found = measure(asked.homes, stack=asked.stack, under=asked.folder)
    print(render({"scoring": found}, f"{asked.homes:,} homes"))
