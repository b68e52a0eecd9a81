"""Pools and time limits against a real server."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from assets.warehouse import serving_limits, serving_pool
from database.connections import Limits, connect
from database.pool import Pool, PoolExhausted
from settings import Settings

SIZES = {
    "development": (2, 5),
    "test": (1, 5),
    "production": (5, 20),
    "high_load": (10, 40),
}


@pytest.mark.parametrize("environment", SIZES)
def test_a_pool_has_the_size_of_its_environment(
    database_url: str, environment: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUSPROPERTY_ENVIRONMENT", environment)
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    least, most = SIZES[environment]
    with serving_pool(Settings()) as pool:
        pool.wait()
        assert pool.sizes()["size"] == least
        with ThreadPoolExecutor(most + 4) as threads:
            wait = [threads.submit(_ask, pool) for _ in range(most + 4)]
            assert max(each.result() for each in wait) <= most


def _ask(pool: Pool) -> int:
    with pool.connection() as conn:
        conn.execute("select pg_sleep(0.05)")
        return pool.sizes()["size"]


def test_own_settings_win_over_the_environments(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUSPROPERTY_SERVING__POOL_MAX", "9")
    monkeypatch.setenv("AUSPROPERTY_SERVING__STATEMENT_SECONDS", "0")
    serving = Settings().serving.in_environment("production")
    assert (serving.pool_min, serving.pool_max) == (5, 9)
    assert serving.statement_seconds == 0
    monkeypatch.setenv("AUSPROPERTY_SERVING__POOL_MIN", "10")
    with pytest.raises(ValueError, match="pool_min"):
        Settings()


def test_who_finds_no_connection_gets_a_sentence(database_url: str):
    pool = Pool(database_url, pool_min=1, pool_max=1, limits=Limits(), wait_seconds=0.1)
    with (
        pool,
        pool.connection(),
        pytest.raises(PoolExhausted, match="db advise") as told,
        pool.connection(),
    ):
        pass
    password = psycopg.conninfo.conninfo_to_dict(database_url)["password"]
    assert str(password) not in str(told.value)


def test_an_error_rolls_back_and_the_connection_serves_on(database_url: str):
    with Pool(database_url, pool_min=1, pool_max=1, limits=Limits()) as pool:
        with pytest.raises(psycopg.errors.UndefinedTable):
            _make_a_table_and_fail(pool)
        with pool.connection() as conn:
            row = conn.execute("select to_regclass('t')").fetchone()
            assert row == (None,)


def _make_a_table_and_fail(pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("create table t (i int)")
        conn.execute("select * from nowhere")


def test_a_connection_the_server_ended_is_replaced(database_url: str):
    with Pool(database_url, pool_min=1, pool_max=1, limits=Limits()) as pool:
        with pool.connection() as conn:
            pid = conn.info.backend_pid
        with connect(database_url, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", [pid])
        with pool.connection() as conn:
            assert conn.execute("select 1").fetchone() == (1,)
            assert conn.info.backend_pid != pid


def test_limits_are_kept_by_the_server(database_url: str):
    limits = Limits(
        statement_seconds=0.2, idle_in_transaction_seconds=0.2, lock_seconds=0.1
    )
    with connect(database_url, limits=limits) as conn:
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("select pg_sleep(5)")
        conn.rollback()
        with connect(database_url) as other:
            other.execute("lock table ops.market in access exclusive mode")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                conn.execute("select * from ops.market")
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        _leave_a_transaction_open(database_url, limits)


def _leave_a_transaction_open(url: str, limits: Limits) -> None:
    with connect(url, limits=limits) as conn:
        conn.execute("select 1")
        time.sleep(0.6)
        conn.execute("select 1")


def test_limits_keep_the_urls_own_options(database_url: str):
    url = f"{database_url}?options=-csearch_path%3Dmarts"
    with connect(url, limits=Limits(statement_seconds=7)) as conn:
        row = conn.execute(
            "select current_setting('search_path'), "
            "current_setting('statement_timeout')"
        ).fetchone()
    assert row == ("marts", "7s")


def test_builds_have_no_limits(database_url: str):
    with connect(database_url) as conn:
        assert conn.execute("show statement_timeout").fetchone() == ("0",)


def test_every_environment_limits_its_serving_connections():
    for environment in SIZES:
        limits = serving_limits(Settings(environment=environment))
        assert limits.statement_seconds > 0
        assert limits.idle_in_transaction_seconds > 0
        assert limits.lock_seconds > 0
