"""Call quotas: per minute and per day, told in the headers of either gateway.

The day ends at 00:00 UTC all year (10:00 AEST), the minute at the clock's full minute.
A call that is refused does not count.
"""

from __future__ import annotations

import math
import threading
from typing import Final

from simulator.domain_api.clock import Clock
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Reply, problem

_WINDOWS: Final = (("Day", 86_400), ("Minute", 60))

Headers = tuple[tuple[str, str], ...]


class Quotas:
    """Counts calls. Safe to share between threads."""

    def __init__(self, options: DomainOptions, clock: Clock) -> None:
        self._limits = {"Minute": options.per_minute, "Day": options.per_day}
        self._gateway = options.gateway
        self._clock = clock
        self._used = {"Minute": 0, "Day": 0}
        self._window = {"Minute": -1, "Day": -1}
        self._tokens_per_hour = options.tokens_per_hour
        self._tokens, self._hour = 0, -1
        self._lock = threading.Lock()

    def take(self) -> tuple[Reply | None, Headers]:
        """Count one call: the 429 if it is one too many, and the quota headers."""
        with self._lock:
            now = self._clock.now()
            self._turn(now)
            for name, seconds in _WINDOWS:
                limit = self._limits[name]
                if limit and self._used[name] >= limit:
                    wait = math.ceil(seconds - now % seconds)
                    return self._refusal(name, wait), self._headers()
            for name, _ in _WINDOWS:
                self._used[name] += 1
            return None, self._headers()

    def take_token(self) -> Reply | None:
        """Count one token request: the 429 if it is one too many this hour."""
        with self._lock:
            now = self._clock.now()
            hour = int(now // 3_600)
            if hour != self._hour:
                self._hour, self._tokens = hour, 0
            if self._tokens >= self._tokens_per_hour:
                wait = math.ceil(3_600 - now % 3_600)
                return Reply(429, headers=(("Retry-After", str(wait)),))
            self._tokens += 1
            return None

    def set_limits(self, *, per_minute: int | None, per_day: int | None) -> None:
        """Change the limits from the next call on; None leaves one as it is."""
        with self._lock:
            if per_minute is not None:
                self._limits["Minute"] = per_minute
            if per_day is not None:
                self._limits["Day"] = per_day

    def used(self) -> dict[str, int]:
        """Calls counted in the minute and the day that run now."""
        with self._lock:
            self._turn(self._clock.now())
            return dict(self._used)

    def _turn(self, now: float) -> None:
        for name, seconds in _WINDOWS:
            window = int(now // seconds)
            if window != self._window[name]:
                self._window[name], self._used[name] = window, 0

    def _refusal(self, name: str, wait: int) -> Reply:
        limit = self._limits[name]
        headers: list[tuple[str, str]] = []
        if self._gateway in ("new", "both"):
            headers += [("Retry-After", str(wait)), ("X-Quota-Exceeded", name)]
        if self._gateway in ("old", "both"):
            headers += [
                ("X-RateLimit-VPolicyName", f"{name.lower()}-quota"),
                ("X-RateLimit-VCallRate", f"{limit} calls Per{name}"),
            ]
        detail = f"Quota of {limit} calls per {name.lower()} exceeded"
        return problem(429, "Too Many Requests", detail, *headers)

    def _headers(self) -> Headers:
        headers: list[tuple[str, str]] = []
        for name, _ in reversed(_WINDOWS):
            limit = self._limits[name]
            if not limit:
                continue
            left = str(max(0, limit - self._used[name]))
            if self._gateway in ("new", "both"):
                headers.append((f"X-Quota-Per{name}-Limit", str(limit)))
                headers.append((f"X-Quota-Per{name}-Remaining", left))
            if self._gateway in ("old", "both") and name == self._nearest():
                headers.append(("X-RateLimit-Limit", str(limit)))
                headers.append(("X-RateLimit-Remaining", left))
        return tuple(headers)

    def _nearest(self) -> str:
        """The window that the old gateway's one pair of headers is about."""
        return "Minute" if self._limits["Minute"] else "Day"
