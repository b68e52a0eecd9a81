"""What processes share about the sources they ask: real processes, PostgreSQL, HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.resilience import MemoryState, SharedState, SourcePolicy
from connectors.resilience.client import SourceClient
from connectors.resilience.errors import Parked
from database.connections import wait_until
from database.source_state import PostgresState, breaker_states, call_counts
from tests.homes import ROOT
from tests.scripted_server import (
    Reply,
    Request,
    ScriptedServer,
    file_reply,
    scripted_server,
)

HOST = "example.test:80"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as made:
        yield made


@pytest.fixture(params=["memory", "postgres"])
def state(request: pytest.FixtureRequest) -> Iterator[SharedState]:
    if request.param == "memory":
        yield MemoryState()
        return
    made = PostgresState(request.getfixturevalue("database_url"))
    yield made
    made.close()


class Caller:
    """A process that asks a source; `tell` and `heard` are its orders and answers."""

    def __init__(self, database_url: str, **policy: Any) -> None:
        words = json.dumps({"source": "test", "retry": "none", **policy})
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "tests" / "source_caller.py"),
                database_url,
                words,
            ],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def tell(self, url: str, calls: int = 1, threads: int = 1) -> None:
        self.say(f"{calls} {threads} {url}")

    def heard(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ends(self) -> Counter[str]:
        return Counter(call["ended"] for call in self.heard())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def callers(count: int, database_url: str, **policy: Any) -> Iterator[list[Caller]]:
    with ExitStack() as stack:
        made = [Caller(database_url, **policy) for _ in range(count)]
        for caller in made:
            stack.callback(caller.kill)
        for caller in made:
            caller.heard()
        yield made


def ask_all(
    processes: list[Caller], url: str, calls: int, threads: int = 1
) -> Counter[str]:
    for process in processes:
        process.tell(url, calls, threads)
    return sum((process.ends() for process in processes), Counter())


def test_an_outage_is_discovered_once_and_one_probe_ends_it_for_all(
    database_url: str, server: ScriptedServer, conn: psycopg.Connection
) -> None:
    server.script(Reply(503))
    policy = {"breaker_failures": 3, "breaker_open_seconds": 1.5}
    with callers(5, database_url, **policy) as processes:
        assert ask_all(processes[:1], server.url, 5) == {"SourceDown": 5}
        assert len(server.seen) == 3
        processes[1].tell(server.url, 20)
        others = processes[1].heard()
        assert ask_all(processes[2:], server.url, 20) == {"SourceDown": 60}
        assert max(call["seconds"] for call in others[1:]) < 0.5
        assert len(server.seen) == 3
        assert breaker_states(conn)[server.host]["state"] == "open"
        conn.commit()

        # Still down: of 100 calls at once, one is sent.
        server.script(Reply(503, seconds=0.4))
        time.sleep(1.5)
        assert ask_all(processes, server.url, 20, threads=4) == {"SourceDown": 100}
        assert len(server.seen) == 4

        # Back: one call finds out while all others fail fast, then everybody asks.
        server.script(Reply(200, seconds=0.4), Reply(200))
        time.sleep(1.5)
        ended = ask_all(processes, server.url, 5)
        assert ended["200"] >= 1
        assert server.most_in_flight <= 5
        first_after = [request.moment for request in server.seen[4:]]
        assert all(moment - first_after[0] >= 0.4 for moment in first_after[1:])
        assert ask_all(processes, server.url, 3) == {"200": 15}
    assert breaker_states(conn)[server.host]["state"] == "closed"


def test_requests_in_flight_are_capped_over_threads_and_processes(
    database_url: str, server: ScriptedServer
) -> None:
    server.script(Reply(200, seconds=0.05))
    with callers(4, database_url, max_in_flight=3) as processes:
        assert ask_all(processes, server.url, 8, threads=4) == {"200": 32}
    assert server.most_in_flight == 3


def test_a_killed_process_frees_its_place_at_once(
    database_url: str, server: ScriptedServer
) -> None:
    server.script(Reply(200, seconds=20), Reply(200))
    with callers(2, database_url, max_in_flight=1) as (doomed, other):
        doomed.tell(server.url)
        assert wait_until(lambda: len(server.seen) == 1, 10, pause=0.01)
        other.tell(server.url)
        time.sleep(0.3)
        assert len(server.seen) == 1
        doomed.process.kill()
        (call,) = other.heard()
    assert call["ended"] == "200"
    assert call["seconds"] < 10


def test_the_rate_holds_over_processes(
    database_url: str, server: ScriptedServer
) -> None:
    with callers(3, database_url, calls_per_minute=1200) as processes:
        assert ask_all(processes, server.url, 8, threads=2) == {"200": 24}
    moments = sorted(request.moment for request in server.seen)
    assert 23 * 0.05 * 0.8 <= moments[-1] - moments[0] < 23 * 0.05 * 4


def test_a_used_up_day_parks_every_process(
    database_url: str, server: ScriptedServer
) -> None:
    server.script(Reply(429, headers={"X-Quota-Exceeded": "Day", "Retry-After": "900"}))
    with callers(2, database_url) as (first, second):
        assert ask_all([first], server.url, 3) == {"Parked": 3}
        assert ask_all([second], server.url, 3) == {"Parked": 3}
    assert len(server.seen) == 1


def test_our_own_day_limit_parks_until_midnight(
    server: ScriptedServer, state: SharedState
) -> None:
    policy = SourcePolicy("test", calls_per_day=3)
    with SourceClient(policy, state) as client:
        for _ in range(3):
            client.get(server.url)
        with pytest.raises(Parked, match="today's 3 calls of our own limit") as caught:
            client.get(server.url)
    assert (caught.value.until.hour, caught.value.until.minute) == (0, 0)
    assert len(server.seen) == 3


def test_a_breaker_opens_lets_one_probe_through_and_closes(state: SharedState) -> None:
    policy = SourcePolicy(
        "test", retry="none", breaker_failures=2, breaker_open_seconds=0.6
    )

    def call(outcome: Any) -> None:
        state.finish(policy, HOST, state.admit(policy, HOST), outcome, "no luck")

    call("failed")
    call("answered")
    call("failed")
    assert state.standing(policy, HOST).verdict == "go"
    late = state.admit(policy, HOST)
    call("failed")
    refused = state.admit(policy, HOST)
    assert (refused.verdict, refused.reason) == ("open", "no luck")
    assert 0 < refused.wait_seconds <= 0.6
    # Sent before the outage was known: says nothing about the host now.
    state.finish(policy, HOST, late, "answered")
    assert state.admit(policy, HOST).verdict == "open"
    assert state.admit(policy, "another.test").verdict == "go"
    time.sleep(0.65)
    probe = state.admit(policy, HOST)
    assert probe.is_probe
    assert state.admit(policy, HOST).verdict == "open"
    state.finish(policy, HOST, probe, "failed", "still away")
    assert state.admit(policy, HOST).reason == "still away"
    time.sleep(0.65)
    interrupted = state.admit(policy, HOST)
    state.finish(policy, HOST, interrupted, "unknown")
    probe = state.admit(policy, HOST)
    assert probe.is_probe
    state.finish(policy, HOST, probe, "answered")
    assert not state.admit(policy, HOST).is_probe


def test_a_probe_that_dies_leaves_its_place_to_the_next(state: SharedState) -> None:
    policy = SourcePolicy(
        "test",
        retry="none",
        breaker_failures=1,
        breaker_open_seconds=0.05,
        total_seconds=0.6,
        read_seconds=0.1,
    )
    state.finish(policy, HOST, state.admit(policy, HOST), "failed")
    time.sleep(0.1)
    assert state.admit(policy, HOST).is_probe
    assert state.admit(policy, HOST).verdict == "open"
    time.sleep(0.65)
    assert state.admit(policy, HOST).is_probe


def test_turns_pauses_and_quota_headers_pace_calls(state: SharedState) -> None:
    policy = SourcePolicy("test", calls_per_minute=60, max_in_flight=8)
    waits = [state.admit(policy, HOST).wait_seconds for _ in range(3)]
    assert waits == pytest.approx([0, 1, 2], abs=0.1)
    state.limit("test", 30)
    state.admit(policy, HOST)
    # 95 % of 30 a minute.
    assert state.admit(policy, HOST).wait_seconds == pytest.approx(
        3 + 60 / 28.5, abs=0.2
    )
    state.pause("other", 7)
    paused = state.admit(SourcePolicy("other"), HOST)
    assert paused.wait_seconds == pytest.approx(7, abs=0.1)


def test_state_goes_on_in_memory_while_the_database_is_away(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    state = PostgresState("postgresql://someone:plantedpassword@127.0.0.1:9/none")
    server.script(Reply(503))
    policy = SourcePolicy("test", retry="none", breaker_failures=2, max_in_flight=1)
    with SourceClient(policy, state) as client:
        for _ in range(4):
            with pytest.raises(Exception, match="is away"):
                client.get(server.url)
    state.close()
    assert len(server.seen) == 2
    assert caplog.text.count("goes on with its own") == 1
    assert "plantedpassword" not in caplog.text + repr(state)


def test_state_is_shared_again_when_the_database_is_back(
    database_url: str, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.source_state.AWAY_SECONDS", 0.1)
    state = PostgresState(database_url)
    policy = SourcePolicy("test", max_in_flight=2)
    held = state.admit(policy, HOST)
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'ausproperty sources'"
        " and datname = current_database()"
    )
    conn.commit()
    alone = state.admit(policy, HOST)
    assert alone.verdict == "go"
    state.finish(policy, HOST, held, "answered")
    time.sleep(0.15)
    again = state.admit(policy, HOST)
    assert again.verdict == "go"
    assert again.slot == 1
    state.finish(policy, HOST, alone, "answered")
    state.finish(policy, HOST, again, "answered")
    assert state.admit(policy, HOST).verdict == "go"
    state.close()


def test_an_idle_process_holds_no_connection(
    database_url: str, conn: psycopg.Connection
) -> None:
    state = PostgresState(database_url, idle_seconds=0.2)
    policy = SourcePolicy("test")

    def connections() -> int:
        conn.commit()
        row = conn.execute(
            "select count(*) from pg_stat_activity "
            "where application_name = 'ausproperty sources'"
            " and datname = current_database()"
        ).fetchone()
        assert row is not None
        return int(row[0])

    held = state.admit(policy, HOST)
    time.sleep(0.5)
    assert connections() == 1
    state.finish(policy, HOST, held, "answered")
    state.count("test", {"calls": 1})
    assert wait_until(lambda: connections() == 0, 5, pause=0.05)
    assert state.admit(policy, HOST).verdict == "go"
    state.close()


def test_calls_are_counted_a_source_and_day(
    database_url: str, server: ScriptedServer, conn: psycopg.Connection
) -> None:
    state = PostgresState(database_url)
    server.script(Reply(503), Reply(200), Reply(404))
    with SourceClient(
        SourcePolicy("test"), state, sleep=lambda seconds: None
    ) as client:
        client.get(server.url)
        with pytest.raises(Exception, match="answered 404"):
            client.get(server.url)
    state.close()
    row = conn.execute("select min(day), max(day) from ops.source_calls").fetchone()
    assert row is not None
    counts = call_counts(conn, *row)["test"]
    assert counts.pop("wait_seconds") > 0
    assert counts == {
        "calls": 3,
        "retries": 1,
        "bytes": 2,
        "failures": 2,
        "failure:http_503": 1,
        "failure:http_404": 1,
    }


def test_sharing_costs_less_than_two_milliseconds_a_call(database_url: str) -> None:
    state = PostgresState(database_url)
    policy = SourcePolicy("test", calls_per_minute=1e9, calls_per_day=10**9)

    def once() -> float:
        started = time.perf_counter()
        state.finish(policy, HOST, state.admit(policy, HOST), "answered")
        return time.perf_counter() - started

    once()
    costs = sorted(once() for _ in range(200))
    state.close()
    # The best of many: what it costs where nobody else wants the machine.
    assert costs[0] < 0.002


def test_a_killed_download_goes_on_in_the_next_process(
    database_url: str, server: ScriptedServer, tmp_path: Path
) -> None:
    body = os.urandom(4_000_000)

    def slowly(request: Request) -> Reply:
        reply = file_reply(body, request, '"one"')
        if reply.status != 200:
            return reply

        def half(write: Callable[[bytes], None]) -> None:
            write(
                b'HTTP/1.1 200 OK\r\nETag: "one"\r\nContent-Length: 4000000\r\n\r\n'
                + body[:2_000_000]
            )
            time.sleep(20)

        return Reply(raw=half)

    server.answer = slowly
    part = tmp_path / ".a.zip.part"
    with callers(2, database_url, max_in_flight=1) as (doomed, next_one):
        doomed.say(f"download {server.url}/a.zip {tmp_path}")
        assert wait_until(
            lambda: part.exists() and part.stat().st_size >= 1_000_000, 10, pause=0.01
        )
        doomed.process.kill()
        assert not (tmp_path / "a.zip").exists()
        next_one.say(f"download {server.url}/a.zip {tmp_path}")
        assert next_one.heard() == {"done": True}
    assert (tmp_path / "a.zip").read_bytes() == body
    start = int(server.seen[1].headers["Range"].removeprefix("bytes=").rstrip("-"))
    assert 1_000_000 <= start <= 2_000_000
    assert not part.exists()
