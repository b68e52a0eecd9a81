"""Indexes of recent rows move with the months, and readers are never without one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from assets.resources import Warehouse
from database.connections import connect
from database.recent_indexes import Move, months_before, move_boundaries
from orchestration.jobs import move_index_boundaries

QUERY = "select * from marts.price_history where event_date >= date '2024-04-03'"


@pytest.fixture
def history(database_url: str):
    with connect(database_url, autocommit=True) as conn:
        conn.execute(
            "create table marts.price_history as select i as price_event_id, "
            "date '2020-01-01' + i % 1700 as event_date, repeat('x', 50) as note "
            "from generate_series(1, 20000) i"
        )
        conn.execute(
            "create index price_history_event_date_0a1b2c3d on marts.price_history "
            "(event_date, price_event_id) where event_date >= '2024-03-01'"
        )
        conn.execute(
            "comment on index marts.price_history_event_date_0a1b2c3d "
            "is 'Serves: recent_prices'"
        )
        conn.execute(
            "update ops.index_boundaries set boundary = '2024-03-01' "
            "where table_name = 'price_history'"
        )
        conn.execute(
            "delete from ops.index_boundaries where table_name <> 'price_history'"
        )
        conn.execute("analyze marts.price_history")
        yield conn


def _indexes(conn: psycopg.Connection) -> list[tuple[str, str]]:
    return conn.execute(
        "select indexdef, obj_description(indexname::regclass, 'pg_class') from ("
        "select indexdef, format('marts.%I', indexname) as indexname from pg_indexes "
        "where tablename = 'price_history') as found"
    ).fetchall()


def _boundary(conn: psycopg.Connection) -> date:
    return conn.execute("select boundary from ops.index_boundaries").fetchone()[0]


def test_a_month_later_the_index_holds_a_month_less(history: psycopg.Connection):
    moves = move_boundaries(history, date(2025, 4, 20))
    assert moves == [
        Move("price_history", "event_date", date(2024, 3, 1), date(2024, 4, 1))
    ]
    ((definition, comment),) = _indexes(history)
    assert "'2024-04-01'::date" in definition
    assert "(event_date, price_event_id)" in definition
    assert comment == "Serves: recent_prices"
    assert _boundary(history) == date(2024, 4, 1)
    plan = str(history.execute(f"explain {QUERY}").fetchall())
    assert "_20240401" in plan
    assert move_boundaries(history, date(2025, 4, 30)) == []


def test_a_boundary_never_moves_back(history: psycopg.Connection):
    assert move_boundaries(history, date(2024, 1, 1)) == []
    assert _boundary(history) == date(2024, 3, 1)


def test_an_index_of_an_old_build_is_brought_up_to_date(history: psycopg.Connection):
    history.execute("update ops.index_boundaries set boundary = '2024-06-01'")
    (move,) = move_boundaries(history, date(2025, 5, 1))
    assert (move.from_day, move.to_day) == (date(2024, 3, 1), date(2024, 6, 1))


def test_what_a_killed_move_leaves_is_mended(history: psycopg.Connection):
    history.execute(
        "create index unfinished on marts.price_history (event_date, price_event_id) "
        "where event_date >= '2024-04-01'"
    )
    history.execute(
        "update pg_index set indisvalid = false "
        "where indexrelid = 'marts.unfinished'::regclass"
    )
    move_boundaries(history, date(2025, 4, 2))
    ((definition, _),) = _indexes(history)
    assert "unfinished" not in definition
    # Killed after the new one was made: the old one goes, nothing is made twice.
    history.execute(
        "create index old on marts.price_history (event_date, price_event_id) "
        "where event_date >= '2024-03-01'"
    )
    assert move_boundaries(history, date(2025, 4, 2)) == []
    ((definition, _),) = _indexes(history)
    assert "'2024-04-01'::date" in definition


def test_a_database_without_marts_moves_its_days_alone(database_url: str):
    with connect(database_url, autocommit=True) as conn:
        today = datetime.now(UTC).date() + timedelta(days=62)
        assert move_boundaries(conn, today) == []
        days = conn.execute("select distinct boundary from ops.index_boundaries")
        assert days.fetchall() == [(months_before(today, 12),)]


def test_the_job_moves_them_by_the_clock(
    history: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    ended = move_index_boundaries.execute_in_process(
        resources={"warehouse": Warehouse()}
    )
    assert ended.success
    assert _boundary(history) == months_before(datetime.now(UTC).date(), 12)


@pytest.mark.parametrize(
    ("today", "months", "day"),
    [
        (date(2026, 1, 31), 12, date(2025, 1, 1)),
        (date(2026, 3, 1), 3, date(2025, 12, 1)),
        (date(2026, 12, 31), 1, date(2026, 11, 1)),
        (date(2026, 1, 1), 1, date(2025, 12, 1)),
    ],
)
def test_months_are_counted_from_their_first_day(today: date, months: int, day: date):
    assert months_before(today, months) == day
