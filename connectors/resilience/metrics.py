"""Counting calls: what a client did, for asset metadata and `ops.source_calls`."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

#: What is counted, in the order it is shown. Failures are counted by kind beside it.
COUNTERS: Final = (
    "calls",
    "retries",
    "not_modified",
    "bytes",
    "wait_seconds",
    "failures",
    "fast_failures",
)


class CallMetrics:
    """Counts of one client. Safe to share between threads.

    calls: requests sent; retries: those that were not a call's first; not_modified: 304
    answers; bytes: body bytes received; wait_seconds: waits for backoff, Retry-After,
    rate and slots; failures: attempts that failed; fast_failures: calls not sent
    because the breaker was open or the source parked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._taken: dict[str, float] = {}

    def add(self, name: str, amount: float = 1) -> None:
        """Add to one of `COUNTERS`."""
        with self._lock:
            self._counts[name] += amount  # type: ignore[assignment]

    def failed(self, kind: str) -> None:
        """Count one failed attempt of a kind (`timeout`, `http_503`)."""
        with self._lock:
            self._counts["failures"] += 1
            self._kinds[kind] += 1

    def count(self, name: str) -> float:
        """Present value of one of `COUNTERS`."""
        with self._lock:
            return self._counts[name]

    @property
    def failures_by_kind(self) -> dict[str, int]:
        """Failed attempts by kind."""
        with self._lock:
            return dict(self._kinds)

    def totals(self) -> dict[str, float]:
        """Every counter, and every kind of failure as `failure:<kind>`."""
        with self._lock:
            totals: dict[str, float] = {name: self._counts[name] for name in COUNTERS}
            totals.update({f"failure:{k}": n for k, n in self._kinds.items()})
        return totals

    def take_new(self) -> dict[str, float]:
        """What was counted since the last time this was asked, zeros left out."""
        totals = self.totals()
        with self._lock:
            new = {k: v - self._taken.get(k, 0) for k, v in totals.items()}
            self._taken = {**self._taken, **totals}
        return {name: value for name, value in new.items() if value}

    def as_metadata(self) -> dict[str, float]:
        """Counters under names for asset metadata (`http/calls`); zeros left out."""
        return {
            f"http/{name}": round(value, 3)
            for name, value in self.totals().items()
            if value or name == "calls"
        }

    def __repr__(self) -> str:
        return f"CallMetrics({self.as_metadata()})"
