"""How a source is asked: retry policies and the numbers of one source.

Belongs here: the shapes, and the retry policies. Each source's own numbers and what is
done with them are `connectors.resilience`; what processes share is `source_state`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often one call is tried, and how long is waited between two tries.

    Before retry n the wait is drawn evenly from 0 to min(cap_seconds, base_seconds x
    2^(n-1)) (full jitter), so that clients that failed together do not come back
    together.
    """

    attempts: int
    base_seconds: float
    cap_seconds: float

    def ceiling(self, retry: int) -> float:
        """Longest wait in seconds before retry number `retry` (1 is the first)."""
        # The exponent is bounded: 2.0 ** 2000 is an error, not a long time.
        return min(self.cap_seconds, self.base_seconds * 2.0 ** min(retry - 1, 60))


RETRIES: Final[Mapping[str, RetryPolicy]] = {
    "none": RetryPolicy(attempts=1, base_seconds=0, cap_seconds=0),
    "fast": RetryPolicy(attempts=3, base_seconds=0.2, cap_seconds=2),
    "standard": RetryPolicy(attempts=5, base_seconds=1, cap_seconds=30),
    "aggressive": RetryPolicy(attempts=8, base_seconds=2, cap_seconds=120),
}


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """Everything that is a number about asking one source; the defaults are documented.

    Attributes:
        source: name that quota, rate and slots are shared under.
        retry: key of `RETRIES`.
        connect_seconds: time to connect, each address of a host for itself.
        read_seconds: longest silence between two bytes.
        total_seconds: time for one request, headers and body included.
        max_in_flight: requests in flight at once, over all threads and processes.
        calls_per_minute: our own limit over all processes; None: the quota headers'.
        calls_per_day: our own limit a UTC day; None: the quota headers rule.
        breaker_failures: failures in a row that open a host's breaker; at least one
            call's attempts, so that a call may always use them up.
        breaker_open_seconds: how long an open breaker refuses before its one probe.
        retry_after_cap_seconds: longest wait a server may ask of a call; beyond it the
            source is parked instead.
        max_bytes: longest body held in memory, unpacked.
        max_download_bytes: longest file.
        stale_hours: how old the last good snapshot may be; None: for ever.
    """

    source: str
    retry: str = "standard"
    connect_seconds: float = 10
    read_seconds: float = 60
    total_seconds: float = 300
    max_in_flight: int = 4
    calls_per_minute: float | None = None
    calls_per_day: int | None = None
    breaker_failures: int = 5
    breaker_open_seconds: float = 60
    retry_after_cap_seconds: float = 300
    max_bytes: int = 64 * MIB
    max_download_bytes: int = 4096 * MIB
    stale_hours: float | None = 24

    def __post_init__(self) -> None:
        if self.retry not in RETRIES:
            raise ValueError(f"no retry policy {self.retry!r}: {', '.join(RETRIES)}")

    @property
    def retries(self) -> RetryPolicy:
        """The retry policy by its name."""
        return RETRIES[self.retry]

    @property
    def opens_after(self) -> int:
        """Failures in a row that open the breaker."""
        return max(self.breaker_failures, self.retries.attempts)

    def overridden(self, values: Mapping[str, object]) -> SourcePolicy:
        """This policy with the values that are set (not None) and that it knows."""
        known = {field.name for field in fields(self)} - {"source"}
        given = {
            name: value
            for name, value in values.items()
            if name in known and value is not None
        }
        return replace(self, **given)  # type: ignore[arg-type]
