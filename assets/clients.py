"""From settings to the client that asks a source: policy, shared state, credentials.

No Dagster here: landings, the command line and sensors use these too. What a client
does is `connectors.resilience`; `docs/resilience.md` says how to change its numbers.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from assets.warehouse import warehouse_url
from connectors.resilience import (
    POLICIES,
    Secret,
    SharedState,
    SourceClient,
    SourcePolicy,
)
from database.source_state import PostgresState
from settings import Http, Settings

#: Sets that are pulled under the policy and the settings `reference`, each by its name.
REFERENCE = "reference"

_lock = threading.Lock()
_states: dict[str, PostgresState] = {}


def policy_for(settings: Settings, source: str) -> SourcePolicy:
    """A source's own policy with what the settings say otherwise.

    `source` is one of `POLICIES`, or the name of a reference set.
    """
    group, policy = source, POLICIES.get(source)
    if policy is None:
        group, policy = REFERENCE, _reference_policy(source)
    part: Any = getattr(settings, group)
    http: Http = part.http
    policy = policy.overridden(http.model_dump())
    return policy.overridden({"calls_per_day": getattr(part, "calls_per_day", None)})


def _reference_policy(dataset: str) -> SourcePolicy:
    from connectors.reference.info import INFOS

    policy = replace(POLICIES[REFERENCE], source=dataset)
    info = INFOS.get(dataset)
    return policy if info is None else replace(policy, stale_hours=info.stale_hours)


def shared_state(settings: Settings) -> PostgresState:
    """What all processes of the active market share; one a process and database."""
    url = warehouse_url(settings)
    with _lock:
        if not _states:
            atexit.register(_close_states)
        return _states.setdefault(url, PostgresState(url))


def client_for(
    settings: Settings,
    source: str,
    *,
    state: SharedState | None = None,
    auth: Any = None,
    secrets: Iterable[str | Secret] = (),
    **seams: Any,
) -> SourceClient:
    """A client of a source, under its policy and the state all processes share.

    `seams` are the client's clock, sleep, randomness and session. Close it, or use it
    in a `with` block.
    """
    return SourceClient(
        policy_for(settings, source),
        state or shared_state(settings),
        auth=auth,
        secrets=secrets,
        **seams,
    )


def is_pulled(settings: Settings, source: str, dataset: str | None = None) -> bool:
    """Whether the settings name something to pull for a source, or a part of it."""
    match source:
        case "nsw_valuer" | "csv":
            return getattr(settings, source).location is not None
        case "domain":
            domain = settings.domain
            if dataset == "listings":
                return bool(domain.searches)
            return bool(domain.searches or domain.cities or domain.suburbs)
        case "reaxml":
            return settings.reaxml.drop_folder is not None
        case _:
            return getattr(settings.reference, source, None) is not None


def _close_states() -> None:
    for state in _states.values():
        state.close()
