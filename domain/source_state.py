"""What all callers of a source know together, and the version of it in memory.

Belongs here: the protocol between a client and the shared state, and `MemoryState`,
which serves one process (tests, commands without a database, and PostgreSQL away). The
version all processes share is `database.source_state`; the client is
`connectors.resilience`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from domain.source_policy import SourcePolicy

#: How a call that was let in ended, as far as the host's health goes. `unknown` says
#: nothing about it (interrupted, or a body cut short by a server that did answer).
Outcome = Literal["answered", "failed", "unknown"]

DAY_SECONDS: Final = 86_400
#: Share of a stated quota that is used: clocks and windows never agree to the call.
QUOTA_SHARE: Final = 0.95

PROBE_REASON: Final = "one call is finding out whether it is back"


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may be sent.

    go: yes, after `wait_seconds`, holding `slot`; `is_probe` if it is the one call that
    finds out whether the host is back. busy: every slot is taken. open: the breaker is
    open; parked: the quota is used up, both for `wait_seconds` and with the `reason`.
    """

    verdict: Literal["go", "busy", "open", "parked"]
    wait_seconds: float = 0.0
    slot: int = 0
    is_probe: bool = False
    reason: str = ""


class SharedState(Protocol):
    """What a client asks before and tells after each call. Safe between threads.

    No method raises because the state is away: it then answers from memory.
    """

    def admit(self, policy: SourcePolicy, host: str) -> Admission:
        """May a call be sent? `go` takes a slot and a turn; `finish` gives it back."""
        ...

    def standing(self, policy: SourcePolicy, host: str) -> Admission:
        """`go`, `open` or `parked`, without taking anything."""
        ...

    def finish(
        self,
        policy: SourcePolicy,
        host: str,
        admission: Admission,
        outcome: Outcome,
        reason: str = "",
    ) -> None:
        """Give back the slot and tell how the call ended."""
        ...

    def pause(self, source: str, seconds: float) -> None:
        """No call to the source for so long; callers wait for it."""
        ...

    def park(self, source: str, seconds: float, reason: str) -> None:
        """No call to the source for so long; callers give up until then."""
        ...

    def limit(self, source: str, calls_per_minute: float) -> None:
        """The source's quota as its headers state it."""
        ...

    def count(self, source: str, counts: Mapping[str, float]) -> None:
        """Add to the source's counts of today."""
        ...

    def close(self) -> None:
        """Write what is still to be written and let go of connections."""
        ...


@dataclass(slots=True)
class _Breaker:
    failures: int = 0
    is_open: bool = False
    until: float = 0.0
    reason: str = ""


@dataclass(slots=True)
class _Quota:
    slots: set[int] = field(default_factory=set)
    next_turn: float = 0.0
    parked_until: float = 0.0
    parked_reason: str = ""
    limit: float | None = None
    day: int = -1
    day_calls: int = 0


def pace(policy: SourcePolicy, limit: float | None) -> float:
    """Seconds between two calls: our own limit, or the source's if that is lower."""
    rates = [policy.calls_per_minute, limit and limit * QUOTA_SHARE]
    known = [rate for rate in rates if rate]
    return 60.0 / min(known) if known else 0.0


class MemoryState:
    """The state of one process. `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._breakers: dict[str, _Breaker] = {}
        self._quotas: dict[str, _Quota] = {}
        self.counts: dict[str, Counter[str]] = {}

    def admit(self, policy: SourcePolicy, host: str) -> Admission:
        """See `SharedState.admit`."""
        now = self._clock()
        with self._lock:
            quota, breaker = self._quota(policy.source), self._breaker(host)
            refusal = self._refusal(quota, breaker, now)
            if refusal is not None:
                return refusal
            free = set(range(1, policy.max_in_flight + 1)) - quota.slots
            if not free:
                return Admission("busy")
            if not self._within_day(policy, quota, now):
                left = DAY_SECONDS - now % DAY_SECONDS
                return Admission("parked", left, reason=day_reason(policy))
            slot = min(free)
            quota.slots.add(slot)
            if breaker.is_open:
                # The probe's lease: whoever dies with it leaves it to the next one.
                breaker.until = now + policy.total_seconds
                breaker.reason = PROBE_REASON
            turn = max(now, quota.next_turn)
            quota.next_turn = turn + pace(policy, quota.limit)
            return Admission("go", turn - now, slot, is_probe=breaker.is_open)

    def standing(self, policy: SourcePolicy, host: str) -> Admission:
        """See `SharedState.standing`."""
        with self._lock:
            quota, breaker = self._quota(policy.source), self._breaker(host)
            refusal = self._refusal(quota, breaker, self._clock())
            return refusal or Admission("go")

    def finish(
        self,
        policy: SourcePolicy,
        host: str,
        admission: Admission,
        outcome: Outcome,
        reason: str = "",
    ) -> None:
        """See `SharedState.finish`."""
        now = self._clock()
        with self._lock:
            self._quota(policy.source).slots.discard(admission.slot)
            breaker = self._breaker(host)
            if breaker.is_open and not admission.is_probe:
                return  # it was sent before the outage was known; the probe decides
            if outcome == "answered":
                self._breakers[host] = _Breaker()
            elif outcome == "unknown":
                breaker.until = now
            else:
                breaker.failures += 1
                breaker.reason = reason
                if breaker.is_open or breaker.failures >= policy.opens_after:
                    breaker.is_open = True
                    breaker.until = now + policy.breaker_open_seconds

    def pause(self, source: str, seconds: float) -> None:
        """See `SharedState.pause`."""
        with self._lock:
            quota = self._quota(source)
            quota.next_turn = max(quota.next_turn, self._clock() + seconds)

    def park(self, source: str, seconds: float, reason: str) -> None:
        """See `SharedState.park`."""
        with self._lock:
            quota = self._quota(source)
            quota.parked_until = max(quota.parked_until, self._clock() + seconds)
            quota.parked_reason = reason

    def limit(self, source: str, calls_per_minute: float) -> None:
        """See `SharedState.limit`."""
        with self._lock:
            self._quota(source).limit = calls_per_minute

    def count(self, source: str, counts: Mapping[str, float]) -> None:
        """See `SharedState.count`."""
        with self._lock:
            self.counts.setdefault(source, Counter()).update(counts)

    def close(self) -> None:
        """Nothing to let go of."""

    def _quota(self, source: str) -> _Quota:
        return self._quotas.setdefault(source, _Quota())

    def _breaker(self, host: str) -> _Breaker:
        return self._breakers.setdefault(host, _Breaker())

    @staticmethod
    def _refusal(quota: _Quota, breaker: _Breaker, now: float) -> Admission | None:
        if quota.parked_until > now:
            left = quota.parked_until - now
            return Admission("parked", left, reason=quota.parked_reason)
        if breaker.is_open and breaker.until > now:
            return Admission("open", breaker.until - now, reason=breaker.reason)
        return None

    @staticmethod
    def _within_day(policy: SourcePolicy, quota: _Quota, now: float) -> bool:
        day = int(now // DAY_SECONDS)
        if quota.day != day:
            quota.day, quota.day_calls = day, 0
        if policy.calls_per_day and quota.day_calls >= policy.calls_per_day:
            return False
        quota.day_calls += 1
        return True


def day_reason(policy: SourcePolicy) -> str:
    """Why a source rests when our own limit a day is used up."""
    return f"today's {policy.calls_per_day:,} calls of our own limit are used up"
