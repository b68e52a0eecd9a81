"""What a Domain API simulator is started with, and its made-up credentials.

Numbers that the public material does not settle are options. Defaults are lenient
(no quota bites in a demo); tests and benchmarks tighten them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

ALL_SCOPES: Final = frozenset(
    {
        "api_listings_read",
        "api_properties_read",
        "api_agencies_read",
        "api_addresslocators_read",
        "api_salesresults_read",
        "api_suburbperformance_read",
        "api_demographics_read",
        "api_avm_read",
        "api_locations_read",
    }
)


@dataclass(frozen=True, slots=True)
class DomainOptions:
    """Credentials, limits and habits of the simulated API.

    `scopes` are what the made-up project was granted. A quota of 0 is no quota.
    `token_seconds` is how long a token lives; `gateway` is which quota headers are
    sent, `new` (X-Quota-...), `old` (X-RateLimit-...) or `both`. `sold_days` is how
    long a sold listing stays in searches. `now` is the clock's start (None: 02:00 UTC
    on the day of the newest weekly file). `minutes_per_search` moves the clock at each
    search, so that results shift between pages.
    """

    client_id: str = "client_simulated_0000"
    client_secret: str = "secret_simulated_0000"  # noqa: S105 - made up, opens nothing
    api_key: str = "key_simulated_0000"
    scopes: frozenset[str] = ALL_SCOPES
    token_seconds: int = 43_200
    tokens_per_hour: int = 3_000
    per_minute: int = 0
    per_day: int = 0
    gateway: str = "new"
    page_limit: int = 200
    ceiling: int = 1_000
    with_total_count: bool = True
    sold_days: int = 56
    now: datetime | None = None
    minutes_per_search: float = 0.0

    def __post_init__(self) -> None:
        if self.gateway not in ("new", "old", "both"):
            raise ValueError(f"gateway {self.gateway!r} is none of new, old, both")
        unknown = self.scopes - ALL_SCOPES
        if unknown:
            raise ValueError(f"no such scope: {', '.join(sorted(unknown))}")
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone, 2024-06-17T02:00:00+00:00")
