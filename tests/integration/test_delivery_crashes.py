"""Nothing is lost and nothing doubled beyond what was in flight, whatever dies."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from database.embedded import EmbeddedServer
from database.errors import DatabaseError
from database.migrate import migrate
from delivery import claims
from delivery.backlog import count_by_status
from delivery.claims import Claimed, Settlement
from delivery.sender import DrainResult, Limits, run_drain
from tests import webhook_receivers as receivers
from tests.delivery_seed import LOOPBACK, QUICK, VAULT, add_endpoint, one, publish
from tests.webhook_receivers import Receiver

Conn = psycopg.Connection[Any]

DRAIN_PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from delivery.sender import run_drain
from tests.delivery_seed import LOOPBACK, QUICK, VAULT
run_drain(sys.argv[1], vault=VAULT, allow_networks=LOOPBACK, limits=QUICK)
"""

LEASED = (
    "select event_id from delivery.deliveries"
    " where leased_until is not null and status in ('pending', 'failed')"
)


def _start_drain(url: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen([sys.executable, "-c", DRAIN_PROGRAM, url, root])


def _drain_patiently(url: str) -> DrainResult:
    limits = Limits(post_total=1, connect=1, lease=3, wait_for_leases=8)
    return run_drain(url, vault=VAULT, allow_networks=LOOPBACK, limits=limits)


def test_kill_9_loses_nothing_and_doubles_only_what_was_in_flight(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.accept_after(0.02)) as receiver:
        publish(conn, 3000, receiver.url)
        in_flight: set[str] = set()
        for kill in range(2):
            drain = _start_drain(database_url)
            receiver.wait_for(800 * (kill + 1), seconds=30)
            drain.send_signal(signal.SIGKILL)
            drain.wait()
            in_flight.update(row[0] for row in conn.execute(LEASED))
            conn.commit()
        assert in_flight
        result = _drain_patiently(database_url)
    events = {row[0] for row in conn.execute("select event_id from delivery.events")}
    assert result.remaining == 0
    assert count_by_status(conn)["delivered"] == 3000
    assert receiver.ids().keys() == events
    doubled = {event for event, count in receiver.ids().items() if count > 1}
    assert doubled <= in_flight
    by_id: dict[str, set[bytes]] = {}
    for request in receiver.requests:
        by_id.setdefault(request.webhook_id, set()).add(request.body)
    assert all(len(bodies) == 1 for bodies in by_id.values())


def test_a_lease_is_respected_until_it_ends(conn: Conn, database_url: str) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        asyncio.run(_claim(database_url, "dead-worker", 2.0))
        claimed = time.time()
        assert run_drain(
            database_url, vault=VAULT, allow_networks=LOOPBACK, limits=QUICK
        ).remaining == (1)
        assert not receiver.requests
        assert _drain_patiently(database_url).delivered == 1
    assert receiver.requests[0].at - claimed > 1.5


async def _claim(url: str, worker: str, lease: float) -> list[Claimed]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        found = await claims.load_receivers(conn)
        rooms = {receiver.endpoint_id: 10 for receiver in found}
        return await claims.claim(conn, rooms, worker=worker, lease_seconds=lease)


async def _settle(url: str, worker: str, claimed: Claimed, status: str) -> int:
    settlement = Settlement(
        claimed.delivery_id, claimed.endpoint_id, claimed.attempt, status, 1.7e9, 5
    )
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        return await claims.settle(conn, [settlement], worker=worker)


def test_a_worker_whose_lease_was_taken_over_changes_nothing(
    conn: Conn, database_url: str
) -> None:
    publish(conn, 1, "http://127.0.0.1:9009/hook")
    (stale,) = asyncio.run(_claim(database_url, "stale", 0.05))
    time.sleep(0.1)
    (fresh,) = asyncio.run(_claim(database_url, "fresh", 30))
    assert (stale.attempt, fresh.attempt) == (1, 2)
    assert asyncio.run(_claim(database_url, "third", 30)) == []
    assert asyncio.run(_settle(database_url, "stale", stale, "dead")) == 0
    assert asyncio.run(_settle(database_url, "fresh", fresh, "delivered")) == 1
    assert asyncio.run(_settle(database_url, "fresh", fresh, "delivered")) == 0
    assert one(conn, "select status, attempts from delivery.deliveries") == (
        "delivered",
        2,
    )
    workers = conn.execute("select attempt, worker from delivery.attempts order by 1")
    assert workers.fetchall() == [(1, "stale"), (2, "fresh")]


def test_a_stop_finishes_what_is_in_flight_and_gives_back_the_rest(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.accept_after(0.1)) as receiver:
        publish(conn, 2000, receiver.url)
        result = run_drain(
            database_url,
            vault=VAULT,
            allow_networks=LOOPBACK,
            limits=QUICK,
            should_stop=lambda: len(receiver.requests) > 50,
        )
    assert result.stopped
    assert 50 < result.delivered < 2000
    assert result.delivered == len(receiver.requests) == len(receiver.ids())
    assert result.remaining == 2000 - result.delivered
    assert one(
        conn,
        "select count(*) from delivery.deliveries"
        " where leased_until is not null or (status = 'pending' and attempts > 0)",
    ) == (0,)


def test_sigterm_leaves_nothing_leased(conn: Conn, database_url: str) -> None:
    with Receiver(receivers.accept_after(0.1)) as receiver:
        publish(conn, 2000, receiver.url)
        drain = _start_drain(database_url)
        receiver.wait_for(100, seconds=30)
        drain.send_signal(signal.SIGTERM)
        assert drain.wait(5) == -signal.SIGTERM
    assert conn.execute(LEASED).fetchall() == []
    assert count_by_status(conn)["delivered"] == len(receiver.requests)


def test_broken_connections_in_mid_drain_lose_and_double_nothing(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.accept_after(0.02)) as receiver:
        publish(conn, 3000, receiver.url)
        results: list[DrainResult] = []
        drain = threading.Thread(
            target=lambda: results.append(_drain_patiently(database_url))
        )
        drain.start()
        for count in (300, 900, 1500, 2100):
            receiver.wait_for(count, seconds=30)
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
            conn.commit()
        drain.join(30)
    assert results[0].remaining == 0
    assert set(receiver.ids().values()) == {1}
    assert count_by_status(conn)["delivered"] == 3000


def test_a_restart_of_postgresql_in_mid_drain_is_survived(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "postgres")
    url = server.ensure_database(server.ensure(), "restarted")
    try:
        migrate(url)
        with Receiver(receivers.accept_after(0.02)) as receiver:
            with psycopg.connect(url) as conn:
                publish(conn, 3000, receiver.url)
            results: list[DrainResult] = []
            drain = threading.Thread(
                target=lambda: results.append(_drain_patiently(url))
            )
            drain.start()
            receiver.wait_for(600, seconds=30)
            server.stop()
            assert server.ensure().url("restarted") == url
            drain.join(30)
        assert results[0].remaining == 0
        assert set(receiver.ids().values()) == {1}
        assert len(receiver.ids()) == 3000
    finally:
        server.stop()


def test_an_unreachable_database_ends_the_drain_in_a_sentence() -> None:
    with socket.socket() as taken:  # bound and not listening: refuses connections
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(DatabaseError, match="cannot be reached"):
            run_drain(f"postgresql://nobody@127.0.0.1:{port}/none", vault=VAULT)


def test_two_endpoints_share_one_event(conn: Conn, database_url: str) -> None:
    with Receiver() as first, Receiver() as second:
        add_endpoint(conn, second.url, "second")
        publish(conn, 5, first.url)
        _drain_patiently(database_url)
    assert first.ids() == second.ids()
