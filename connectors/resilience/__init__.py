"""One way to ask any HTTP server, shared by all sources: see `docs/resilience.md`.

`SourceClient` asks, under a `SourcePolicy` (numbers) and a `SharedState` (what all
processes know). `errors` are what may come of it; `Secret` and `redact` keep secrets
out of everything written.
"""

from __future__ import annotations

from connectors.resilience.call import Answer, Downloaded
from connectors.resilience.client import SourceClient
from connectors.resilience.errors import (
    MalformedBody,
    Parked,
    Refused,
    SourceDown,
    SourceError,
    TooLarge,
)
from connectors.resilience.metrics import CallMetrics
from connectors.resilience.policy import POLICIES, RETRIES, RetryPolicy, SourcePolicy
from connectors.resilience.secrets import Secret, redact
from domain.source_state import MemoryState, SharedState

__all__ = [
    "POLICIES",
    "RETRIES",
    "Answer",
    "CallMetrics",
    "Downloaded",
    "MalformedBody",
    "MemoryState",
    "Parked",
    "Refused",
    "RetryPolicy",
    "Secret",
    "SharedState",
    "SourceClient",
    "SourceDown",
    "SourceError",
    "SourcePolicy",
    "TooLarge",
    "redact",
]
