"""Faults by rate: which requests go wrong, decided by the seed and a request counter.

Every rate is drawn on its own, so all of them at 0.1 leave a third of the requests
whole. Here: the draw, the settings and the count of what was done. Elsewhere: what each
fault does (`server`, `website`, `domain_api`).

| word | effect on that share of the requests |
| --- | --- |
| `rate_429`, `rate_503` | that status, Retry-After in seconds or as a date by turns |
| `rate_500`, `rate_502`, `rate_504` | that status |
| `rate_timeout` | nothing is answered for `timeout_seconds`, then the end |
| `rate_reset` | the connection is reset in the middle of the body |
| `rate_slow` | the body takes `slow_seconds`, a little at a time |
| `rate_clock_skew` | Date and Last-Modified are off by up to `skew_seconds` |
| `rate_truncated_zip` | the ZIP is served cut to 60 %, with a matching length |
| `rate_wrong_z` | the first .DAT of a weekly ZIP states one B record too many |
| `rate_malformed_json` | the JSON ends in its middle, or is an HTML page |
| `rate_duplicate_page` | a search page after the first is the page before it again |
| `rate_reordered_page` | a search page is cut from the results in another order |

Settings: `timeout_seconds=10`, `slow_seconds=3`, `skew_seconds=300`, `retry_after=1`,
`only=/domain/` (paths that begin so; all by default). Damaged files carry an ETag of
their own, so the next conditional request gets the good one.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from simulator.geography import unit_interval

STATUSES: Final = ("429", "500", "502", "503", "504")
NAMES: Final = (
    *STATUSES,
    "timeout",
    "reset",
    "slow",
    "clock_skew",
    "truncated_zip",
    "wrong_z",
    "malformed_json",
    "duplicate_page",
    "reordered_page",
)
_SETTINGS: Final = {
    "timeout_seconds": (10.0, 120.0),
    "slow_seconds": (3.0, 120.0),
    "skew_seconds": (300.0, 400_000_000.0),
    "retry_after": (1.0, 86_400.0),
}
"""Default and largest value of each."""


@dataclass(slots=True)
class Rates:
    """The rates in force. Safe to share between threads; `seed` decides who is hit."""

    seed: int = 0
    rates: dict[str, float] = field(default_factory=dict)
    settings: dict[str, float] = field(
        default_factory=lambda: {name: first for name, (first, _) in _SETTINGS.items()}
    )
    only: str = "/"
    requests: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @staticmethod
    def knows(name: str) -> bool:
        """Whether a word of that name is one of these."""
        return name.startswith("rate_") or name in _SETTINGS or name == "only"

    def set(self, name: str, value: str) -> None:
        """Put one word in force; a rate of 0 ends it. ValueError for a wrong one."""
        if name == "only":
            if not value.startswith("/"):
                raise ValueError("only= needs the beginning of a path, only=/domain/")
            self.only = value
        elif name in _SETTINGS:
            number, largest = float(value), _SETTINGS[name][1]
            if not 0 <= number <= largest:
                raise ValueError(f"must be 0 to {largest:g}")
            self.settings[name] = number
        else:
            fault = name.removeprefix("rate_")
            if fault not in NAMES:
                raise ValueError(f"there is no such rate; there are {', '.join(NAMES)}")
            rate = float(value)
            if not 0 <= rate <= 1:
                raise ValueError("a rate must be 0 to 1")
            with self._lock:
                self.rates[fault] = rate

    def begin(self, path: str) -> Plan:
        """What may go wrong with the next request, which is for `path`."""
        with self._lock:
            self.requests += 1
            number = self.requests
            rates = dict(self.rates) if path.startswith(self.only) else {}
        hit = frozenset(
            name
            for name, rate in rates.items()
            if rate and unit_interval(self.seed, "fault", name, number) < rate
        )
        return Plan(self, number, hit)

    def count(self, name: str) -> None:
        """Note that a fault was done to somebody."""
        with self._lock:
            self.injected[name] += 1

    def clear(self) -> None:
        """End all rates; settings and counts stay."""
        with self._lock:
            self.rates.clear()
            self.only = "/"

    def report(self) -> dict[str, object]:
        """Rates, settings and counts, for the control endpoint."""
        with self._lock:
            return {
                "rates": {name: rate for name, rate in self.rates.items() if rate},
                "settings": dict(self.settings),
                "only": self.only,
                "requests": self.requests,
                "injected": dict(sorted(self.injected.items())),
            }


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults of one request, number `number` of the server's life."""

    rates: Rates
    number: int
    hit: frozenset[str]

    def takes(self, name: str) -> bool:
        """Whether to do that fault now; counts it. Ask only where it can be done."""
        if name not in self.hit:
            return False
        self.rates.count(name)
        return True

    def status(self) -> int:
        """The status this request must fail with, 0 for none."""
        return next((int(name) for name in STATUSES if self.takes(name)), 0)

    def skew(self) -> float:
        """Seconds by which this answer's clock is wrong."""
        if not self.takes("clock_skew"):
            return 0.0
        luck = unit_interval(self.rates.seed, "skew", self.number)
        return (2 * luck - 1) * self.rates.settings["skew_seconds"]
