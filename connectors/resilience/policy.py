"""The default numbers of each source, as data; `docs/resilience.md` shows them.

The shapes are `domain.source_policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.source_policy import RETRIES, RetryPolicy, SourcePolicy

__all__ = ["POLICIES", "RETRIES", "RetryPolicy", "SourcePolicy"]

#: Defaults of each source. Where a publisher states a quota, ours lies below it.
POLICIES: Final[Mapping[str, SourcePolicy]] = {
    policy.source: policy
    for policy in (
        # Weekly files from a web server without quotas: two at a time is polite. One
        # bad file (5 attempts) must not close the door on the others.
        SourcePolicy(
            "nsw_valuer", max_in_flight=2, breaker_failures=12, stale_hours=15 * 24
        ),
        SourcePolicy("csv", max_in_flight=2, breaker_failures=12, stale_hours=None),
        # 1,000 to 3,000 calls a minute by plan; the quota headers lower it where the
        # plan is smaller. Service level: 95 % of answers within 900 ms.
        SourcePolicy(
            "domain",
            read_seconds=30,
            total_seconds=60,
            max_in_flight=8,
            calls_per_minute=950,
        ),
        # Releases are monthly to yearly; some servers send gigabytes slowly.
        SourcePolicy(
            "reference",
            total_seconds=1800,
            max_in_flight=2,
            breaker_failures=12,
            stale_hours=45 * 24,
        ),
    )
}
