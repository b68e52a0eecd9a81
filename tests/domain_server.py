"""The simulated Domain API on a real socket, and the connector's API object for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from connectors.domain_api.api import DomainApi, client_maker, open_api
from connectors.domain_api.auth import Credentials
from connectors.resilience import MemoryState, Secret, SharedState, SourcePolicy
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.service import DomainApi as SimulatedDomain
from simulator.market import Market, MarketSize
from simulator.server import SiteServer
from simulator.website import Site

SALE: dict[str, Any] = {"listingType": "Sale"}
POLICY = SourcePolicy(
    "domain", retry="aggressive", max_in_flight=6, breaker_failures=99, read_seconds=5
)


@contextmanager
def domain_server(homes: int = 6500, **options: Any) -> Iterator[SiteServer]:
    """A simulated site; `options` are those of its Domain API."""
    market = Market(MarketSize(homes=homes))
    domain = SimulatedDomain(market, DomainOptions(**options))
    server = SiteServer(Site(market), domain=domain)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def api_of(
    server: SiteServer,
    *,
    policy: SourcePolicy = POLICY,
    state: SharedState | None = None,
    credentials: Credentials | None = None,
) -> DomainApi:
    """The API of a simulated site, without waits between tries."""
    options = server.domain.options
    given = credentials or Credentials(options.client_id, Secret(options.client_secret))
    return open_api(
        given,
        base_url=f"{server.url}/domain",
        token_url=f"{server.url}/domain/auth/v1/connect/token",
        client=client_maker(
            policy, state or MemoryState(), given.secrets, sleep=lambda seconds: None
        ),
    )


def advance(server: SiteServer, **span: float) -> None:
    """Move the simulated clock."""
    server.domain.clock.advance(timedelta(**span))


def truth(server: SiteServer, query: dict[str, Any] = SALE) -> set[int]:
    """Ids of all listings a search would find if nothing cut it off."""
    return set(server.domain.truth(query)["ids"])
