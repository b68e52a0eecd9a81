"""Increments end where a rebuild does, whatever came in which order.

What comes is `tests/sale_history.py`. Readers see whole marts all the while.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from database.sale_overrides import override_sale, withdraw_override
from tests.dbt_samples import DbtProject, plant, psi, rows_of
from tests.sale_history import History

MARTS = (
    "marts.sale_versions",
    "marts.sales",
    "marts.properties",
    "marts.property_sources",
    "marts.property_attributes_history",
    "marts.price_history",
)
TABLES = (
    *MARTS,
    "intermediate.int_sale__validated",
    "marts.sale_outcomes",
)
#: The sales branch.
BUILD = ("run", "--select", "stg_nsw_valuer__sales", "stg_csv__sales", "sale_versions+")
BUILD = (*BUILD, "--exclude", "tag:market", "tag:features")
MARKET = ("run", "--select", "tag:market")
#: What reads of it while it is rebuilt: tables, and a view on one.
READ = (*MARTS, "marts.suburb_market")


@pytest.fixture
def dbt(database_url: str, tmp_path: Path) -> Iterator[DbtProject]:
    before = dict(os.environ)
    yield DbtProject(database_url, tmp_path)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def contents(url: str) -> dict[str, list[str]]:
    """Every row of every table of the branch."""
    with psycopg.connect(url) as conn:
        return {
            table: [
                row[0]
                for row in conn.execute(f"select t::text from {table} t order by 1")
            ]
            for table in TABLES
        }


def differing(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, Any]:
    """Rows that only one of two states has, by table."""
    return {
        table: (
            sorted(set(one[table]) - set(other[table]))[:3],
            sorted(set(other[table]) - set(one[table]))[:3],
        )
        for table in one
        if one[table] != other[table]
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_increments_in_any_order_end_where_a_rebuild_does(
    database_url: str, dbt: DbtProject, seed: int
) -> None:
    history = History(database_url, seed)
    for _ in range(3):
        history.new_week()
    dbt.run(*BUILD)
    happened: list[str] = []
    for _ in range(6):
        happened += [history.step() for _ in range(history.luck.randint(1, 5))]
        dbt.run(*BUILD)
    incremental = contents(database_url)
    built = rows_of(database_url, "select model, built_at from ops.model_builds")

    dbt.run(*BUILD, "--full-refresh")

    assert differing(incremental, contents(database_url)) == {}, happened
    assert incremental["marts.sales"]
    # And it was increments that got there.
    rebuilt = rows_of(database_url, "select model, built_at from ops.model_builds")
    assert {name for name, _ in built} >= {table.split(".")[1] for table in TABLES}
    assert not set(built) & set(rebuilt)
    assert rows_of(database_url, "select count(*) from ops.model_changes") == [(0,)]


def test_a_build_of_nothing_new_changes_nothing(
    database_url: str, dbt: DbtProject
) -> None:
    history = History(database_url, 4)
    for _ in range(8):
        history.step()
    dbt.run(*BUILD)
    places = _places(database_url)

    history.repeated_week()
    dbt.run(*BUILD)

    assert _places(database_url) == places


def test_increments_keep_what_tables_and_columns_say_of_themselves(
    database_url: str, dbt: DbtProject
) -> None:
    said = (
        "select obj_description('marts.sales'::regclass, 'pg_class'),"
        " col_description('marts.sales'::regclass, 1)"
    )
    history = History(database_url, 5)
    history.step()
    dbt.run(*BUILD)
    first = rows_of(database_url, said)
    assert all(first[0])
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("comment on column marts.sales.sale_id is 'other words'")

    history.step()
    dbt.run(*BUILD)

    assert rows_of(database_url, said) == first


def _places(url: str) -> dict[str, list[Any]]:
    return {
        table: rows_of(url, f"select ctid, xmin::text from {table} order by 1")
        for table in TABLES
    }


def test_a_change_that_is_committed_late_is_seen_by_the_next_build(
    database_url: str, dbt: DbtProject
) -> None:
    history = History(database_url, 5)
    history.new_week()
    dbt.run(*BUILD)
    [(sale,)] = rows_of(database_url, "select min(sale_id::text) from marts.sales")
    with psycopg.connect(database_url) as slow:
        slow.execute(
            "insert into ops.sale_overrides (sale_id, verdict, reason, actor)"
            " values (%s, 'excluded', 'family', 'ann')",
            [sale],
        )
        # While that transaction is open, others come and are built.
        history.new_week()
        dbt.run(*BUILD)
    dbt.run(*BUILD)

    assert rows_of(
        database_url,
        "select override_verdict, is_market_sale from marts.sales"
        f" where sale_id = '{sale}'",
    ) == [("excluded", False)]


def test_people_override_a_verdict_and_take_it_back(
    database_url: str, dbt: DbtProject
) -> None:
    plant(
        database_url, "nsw_valuer__sales", psi("2024-04-08", "A1", interest_percent=50)
    )
    dbt.run(*BUILD)
    [(sale,)] = rows_of(database_url, "select sale_id from marts.sales")
    verdict = (
        "select verdict, exclusion_reasons, rule_exclusion_reasons, override_actor"
        " from marts.sales"
    )

    with psycopg.connect(database_url) as conn:
        override_sale(conn, sale, "market", "the other half went with it", "ann")
    dbt.run(*BUILD)
    assert rows_of(database_url, verdict) == [
        ("market", [], ["partial_interest"], "ann")
    ]
    with psycopg.connect(database_url) as conn:
        withdraw_override(conn, sale, "it did not", "bob")
    dbt.run(*BUILD)
    assert rows_of(database_url, verdict) == [
        ("excluded", ["partial_interest"], ["partial_interest"], None)
    ]


class Reader:
    """Reads the marts over and over while they are built, and keeps what it saw."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: dict[str, set[str]] = {table: set() for table in READ}
        self.errors: list[str] = []
        self.reads = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as conn:
            while not self._over.is_set():
                for table in READ:
                    try:
                        self.seen[table].add(_digest(conn, table))
                        self.reads += 1
                    except psycopg.Error as error:
                        self.errors.append(f"{table}: {error}")
                time.sleep(0.005)


def _digest(conn: psycopg.Connection[Any], table: str) -> str:
    row = conn.execute(
        f"select count(*) || md5(string_agg(t::text, '' order by t::text))"
        f" from {table} t"
    ).fetchone()
    return str(row[0]) if row else ""


def test_no_reader_ever_sees_a_half_built_mart(
    database_url: str, dbt: DbtProject
) -> None:
    history = History(database_url, 6)
    for _ in range(3):
        history.new_week()
    dbt.run(*BUILD)
    dbt.run(*MARKET)
    whole: dict[str, set[str]] = {table: set() for table in READ}

    def remember() -> None:
        with psycopg.connect(database_url) as conn:
            for table in READ:
                whole[table].add(_digest(conn, table))

    def killed(*command: str) -> Callable[[], None]:
        def run() -> None:
            process = dbt.start(*command)
            time.sleep(history.luck.uniform(3.0, 7.0))
            process.send_signal(signal.SIGKILL)
            process.wait()

        return run

    remember()
    builds: list[Callable[[], Any]] = [
        lambda: dbt.run(*BUILD),
        lambda: dbt.run(*BUILD, "--full-refresh"),
        lambda: dbt.run(*MARKET, "--full-refresh"),
        killed(*BUILD),
        killed(*BUILD, "--full-refresh"),
    ]
    with Reader(database_url) as reader:
        for build in builds:
            for _ in range(2):
                history.new_week()
                history.merge()
            build()
            # A killed build left each mart as it was, or new: finished, it is new.
            dbt.run(*BUILD)
            dbt.run(*MARKET)
            remember()

    assert reader.errors == []
    assert reader.reads > 100
    for table in READ:
        assert reader.seen[table] <= whole[table], table
    interrupted = contents(database_url)
    dbt.run(*BUILD, "--full-refresh")
    assert differing(interrupted, contents(database_url)) == {}
