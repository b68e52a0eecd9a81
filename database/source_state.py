"""What all processes know of the sources they ask, kept in PostgreSQL.

Belongs here: `PostgresState`, the shared version of `domain.source_state.SharedState`,
and reading breakers and counts for people. The rules are SQL functions of migration
0002 (`ops.admit_call`, `ops.finish_call`). Slots are advisory locks of this process's
session, so that a killed process frees its own at once.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any, Final, LiteralString, TypeVar

import psycopg

from database.connections import redacted
from domain.source_policy import SourcePolicy
from domain.source_state import (
    PROBE_REASON,
    QUOTA_SHARE,
    Admission,
    MemoryState,
    Outcome,
    day_reason,
    pace,
)

T = TypeVar("T")

#: A connection without a call for so long is closed.
IDLE_SECONDS: Final = 5.0
#: After the database was away, memory decides for so long before it is tried again.
AWAY_SECONDS: Final = 5.0
#: Counts are written at most so often; a killed process loses the last ones.
COUNT_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)

_ADMIT: Final = """
select verdict, wait_seconds, slot, is_probe, reason
from ops.admit_call(
    %s, %s, hashtext(%s), %s::int[], %s::float8, %s::float8, %s::bigint, %s::float8, %s
)
"""
_FINISH: Final = """
select ops.finish_call(
    %s, %s, hashtext(%s), %s::int, %s, %s, %s::int, %s::float8, %s
)
"""
_STANDING: Final = """
select 'parked', extract(epoch from parked_until - clock_timestamp())::float8,
    parked_reason
from ops.source_quota where source = %s and parked_until > clock_timestamp()
union all
select 'open', extract(epoch from until - clock_timestamp())::float8, reason
from ops.breakers
where host = %s and state <> 'closed' and until > clock_timestamp()
"""
_PAUSE: Final = """
insert into ops.source_quota as q (source, next_turn)
values (%s, clock_timestamp() + make_interval(secs => %s))
on conflict (source) do update
set next_turn = greatest(q.next_turn, excluded.next_turn)
"""
_PARK: Final = """
insert into ops.source_quota as q (source, parked_until, parked_reason)
values (%s, clock_timestamp() + make_interval(secs => %s), %s)
on conflict (source) do update
set parked_until = greatest(q.parked_until, excluded.parked_until),
    parked_reason = excluded.parked_reason
"""
_LIMIT: Final = """
insert into ops.source_quota as q (source, calls_per_minute) values (%s, %s)
on conflict (source) do update set calls_per_minute = excluded.calls_per_minute
"""
# In one order, so that two processes never wait for each other's rows.
_COUNT: Final = """
insert into ops.source_calls as c (source, day, counter, amount)
select source, (clock_timestamp() at time zone 'UTC')::date, counter, amount
from unnest(%s::text[], %s::text[], %s::float8[]) as new (source, counter, amount)
order by source, counter
on conflict (source, day, counter) do update set amount = c.amount + excluded.amount
"""


class PostgresState:
    """State shared by every process that uses the same database.

    One connection a process, made when needed, shared by its threads and closed when
    idle. While the database is away, each process goes on with what it knows itself.
    """

    def __init__(self, url: str, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._url = url
        self._idle_seconds = idle_seconds
        self._lock = threading.RLock()
        self._memory = MemoryState()
        self._pid = os.getpid()
        self._conn: psycopg.Connection | None = None
        self._held: dict[str, set[int]] = {}
        self._limits: dict[str, float] = {}
        self._counts: dict[tuple[str, str], float] = {}
        self._counted_at = self._used_at = time.monotonic()
        self._away_until = 0.0
        self._is_away = False

    def __repr__(self) -> str:
        return f"PostgresState({redacted(self._url)!r})"

    def admit(self, policy: SourcePolicy, host: str) -> Admission:
        """See `SharedState.admit`."""
        return self._either(
            lambda: self._admit(policy, host),
            lambda: _in_memory(self._memory.admit(policy, host)),
        )

    def standing(self, policy: SourcePolicy, host: str) -> Admission:
        """See `SharedState.standing`."""
        return self._either(
            lambda: self._standing(policy, host),
            lambda: self._memory.standing(policy, host),
        )

    def finish(
        self,
        policy: SourcePolicy,
        host: str,
        admission: Admission,
        outcome: Outcome,
        reason: str = "",
    ) -> None:
        """See `SharedState.finish`."""
        if admission.slot < 0:
            granted = replace(admission, slot=-admission.slot)
            self._memory.finish(policy, host, granted, outcome, reason)
            return
        self._either(
            lambda: self._finish(policy, host, admission, outcome, reason),
            lambda: self._memory.finish(policy, host, admission, outcome, reason),
        )

    def pause(self, source: str, seconds: float) -> None:
        """See `SharedState.pause`."""
        self._either(
            lambda: self._write(_PAUSE, [source, seconds]),
            lambda: self._memory.pause(source, seconds),
        )

    def park(self, source: str, seconds: float, reason: str) -> None:
        """See `SharedState.park`."""
        self._either(
            lambda: self._write(_PARK, [source, seconds, reason]),
            lambda: self._memory.park(source, seconds, reason),
        )

    def limit(self, source: str, calls_per_minute: float) -> None:
        """See `SharedState.limit`. Written when it changes."""
        with self._lock:
            if self._limits.get(source) == calls_per_minute:
                return
            self._limits[source] = calls_per_minute
            self._memory.limit(source, calls_per_minute)
        self._either(
            lambda: self._write(_LIMIT, [source, calls_per_minute]), lambda: None
        )

    def count(self, source: str, counts: Mapping[str, float]) -> None:
        """See `SharedState.count`. Written about once a second and on `close`."""
        with self._lock:
            for name, amount in counts.items():
                key = (source, name)
                self._counts[key] = self._counts.get(key, 0.0) + amount
            if time.monotonic() - self._counted_at < COUNT_SECONDS:
                return
        self._either(self._write_counts, lambda: None)

    def close(self) -> None:
        """See `SharedState.close`; the next call connects again."""
        with self._lock:
            if self._counts:
                self._either(self._write_counts, lambda: None)
            self._disconnect()

    # In the database ------------------------------------------------------------------

    def _admit(self, policy: SourcePolicy, host: str) -> Admission:
        with self._connected() as conn:
            held = self._held.setdefault(policy.source, set())
            # The session holds its own locks any number of times: they are left out.
            free = [n for n in range(1, policy.max_in_flight + 1) if n not in held]
            if not free:
                return Admission("busy")
            row = conn.execute(
                _ADMIT,
                [
                    policy.source,
                    host,
                    _lock_class(policy.source),
                    free,
                    pace(policy, None),
                    QUOTA_SHARE,
                    policy.calls_per_day,
                    policy.total_seconds,
                    PROBE_REASON,
                ],
            ).fetchone()
            assert row is not None, "the function gives one row"
            verdict, wait, slot, is_probe, reason = row
            if slot:
                held.add(slot)
        if verdict == "parked" and not reason:
            reason = day_reason(policy)
        return Admission(verdict, wait, slot, is_probe, reason)

    def _standing(self, policy: SourcePolicy, host: str) -> Admission:
        with self._connected() as conn:
            row = conn.execute(_STANDING, [policy.source, host]).fetchone()
        return (
            Admission("go") if row is None else Admission(row[0], row[1], reason=row[2])
        )

    def _finish(
        self,
        policy: SourcePolicy,
        host: str,
        admission: Admission,
        outcome: Outcome,
        reason: str,
    ) -> None:
        with self._lock:
            # A connection that was lost in between has freed the slot already.
            held = self._held.get(policy.source, set())
            slot = admission.slot if admission.slot in held else 0
            held.discard(admission.slot)
            with self._connected() as conn:
                conn.execute(
                    _FINISH,
                    [
                        policy.source,
                        host,
                        _lock_class(policy.source),
                        slot,
                        admission.is_probe,
                        outcome,
                        policy.opens_after,
                        policy.breaker_open_seconds,
                        reason[:500],
                    ],
                )

    def _write(self, statement: LiteralString, values: list[Any]) -> None:
        with self._connected() as conn:
            conn.execute(statement, values)

    def _write_counts(self) -> None:
        with self._lock, self._connected() as conn:
            rows = sorted(self._counts.items())
            columns = [[s for (s, _), _ in rows], [c for (_, c), _ in rows]]
            conn.execute(_COUNT, [*columns, [amount for _, amount in rows]])
            self._counts.clear()
            self._counted_at = time.monotonic()

    # The connection -------------------------------------------------------------------

    def _either(self, shared: Callable[[], T], alone: Callable[[], T]) -> T:
        """The database's answer, or this process's own while the database is away."""
        with self._lock:
            if time.monotonic() < self._away_until:
                return alone()
            try:
                answer = shared()
            except psycopg.Error as error:
                self._disconnect()
                self._away_until = time.monotonic() + AWAY_SECONDS
                if not self._is_away:
                    _log.warning(
                        "The shared state of sources is away (%s: %s); this process "
                        "goes on with its own.",
                        redacted(self._url),
                        type(error).__name__,
                    )
                self._is_away = True
                return alone()
            self._is_away = False
            return answer

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        with self._lock:
            if self._pid != os.getpid():
                # A forked child must not speak on its parent's connection.
                self._parents, self._conn = self._conn, None
                self._pid = os.getpid()
            conn = self._conn
            if conn is None:
                conn = self._conn = self._connect()
                self._held.clear()
                threading.Thread(
                    target=self._close_when_idle, args=[conn], daemon=True
                ).start()
            self._used_at = time.monotonic()
            yield conn

    def _connect(self) -> psycopg.Connection:
        conn = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=3,
            application_name="ausproperty sources",
            tcp_user_timeout=5000,
        )
        # Losing the last instants of a breaker in a crash is no loss; waiting for the
        # disk on every call would be.
        conn.execute(
            "select set_config('synchronous_commit', 'off', false), "
            "set_config('lock_timeout', '2s', false), "
            "set_config('statement_timeout', '4s', false)"
        )
        return conn

    def _close_when_idle(self, conn: psycopg.Connection) -> None:
        while True:
            time.sleep(self._idle_seconds / 2)
            with self._lock:
                if self._conn is not conn:
                    return
                idle = time.monotonic() - self._used_at
                if idle >= self._idle_seconds and not any(self._held.values()):
                    self.close()
                    return

    def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        self._held.clear()
        if conn is not None:
            conn.close()


def _in_memory(admission: Admission) -> Admission:
    """Marked, so that its slot is given back to memory whoever is there by then."""
    return replace(admission, slot=-admission.slot)


def _lock_class(source: str) -> str:
    return f"ausproperty source {source}"


def breaker_states(conn: psycopg.Connection) -> dict[str, dict[str, Any]]:
    """Hosts that failed at least once: state, sources, failures, until, reason."""
    names = ("state", "sources", "failures", "until", "reason", "times_opened")
    rows = conn.execute(
        "select host, state, sources, failures, until, reason, times_opened "
        "from ops.breakers order by host"
    )
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}


def call_counts(
    conn: psycopg.Connection, first: date, last: date
) -> dict[str, dict[str, float]]:
    """Counters of each source over the UTC days from `first` to `last`."""
    rows = conn.execute(
        "select source, counter, sum(amount) from ops.source_calls "
        "where day between %s and %s group by 1, 2 order by 1, 2",
        [first, last],
    )
    counts: dict[str, dict[str, float]] = {}
    for source, counter, amount in rows:
        counts.setdefault(source, {})[counter] = amount
    return counts
