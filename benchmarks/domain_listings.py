"""10,000 simulated listings through the Domain connector, in good weather and in bad.

The simulator is a process of its own, asked over HTTP; the state all processes share is
PostgreSQL's, as in production. Ours is the time of `ingest_domain_listings` from an
empty database, its one OAuth2 token included. It is held against what the quota allows:
the calls that any reader needs (full pages of 100, nothing for splitting searches past
the ceiling, nothing for faults) at the quota's rate. Every listing must be there, once.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psycopg

from assets.landing.domain_api import DomainSummary, ingest_domain_listings
from benchmarks.processes import peak_mib
from benchmarks.report import Figure
from benchmarks.simulation import Simulation, simulation
from connectors.domain_api.api import client_maker, open_api
from connectors.domain_api.auth import Credentials
from connectors.resilience import POLICIES, Secret
from database.embedded import EmbeddedServer
from database.migrate import migrate
from database.source_state import PostgresState
from simulator.domain_api.options import DomainOptions

HOMES, SOLD_DAYS = 200_000, 150
PAGE = 100
PER_MINUTE = int(os.environ.get("BENCH_DOMAIN_PER_MINUTE", "300"))
SEARCHES: tuple[dict[str, object], ...] = (
    {"listingType": "Sale"},
    {"listingType": "Sold"},
)
#: One request in ten goes wrong, in every way a search can.
FAULTS = {
    "429": 0.01,
    "500": 0.015,
    "503": 0.01,
    "timeout": 0.01,
    "reset": 0.015,
    "slow": 0.01,
    "malformed_json": 0.01,
    "duplicate_page": 0.01,
    "reordered_page": 0.01,
}


def measure() -> list[Figure]:
    """Seconds of a first full read, without faults and with 10 % of them."""
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        base.chmod(0o755)  # the server may run as another user
        server = EmbeddedServer(base / "postgres")
        words = ("--properties", HOMES, "--domain-sold-days", SOLD_DAYS)
        quota = ("--domain-per-minute", PER_MINUTE, "--domain-gateway", "both")
        try:
            address = server.ensure()
            with simulation(*map(str, (*words, *quota))) as site:
                fair = _read(server.ensure_database(address, "fair"), site, base, {})
                foul = _read(
                    server.ensure_database(address, "foul"), site, base, FAULTS
                )
        finally:
            server.stop()
    return [fair, foul]


def _read(url: str, site: Simulation, base: Path, faults: dict[str, float]) -> Figure:
    migrate(url)
    truth = [site.truth(search) for search in SEARCHES]  # the market is built by now
    needed = sum(math.ceil(len(ids) / PAGE) for ids in truth)
    expected = set().union(*truth)
    assert len(expected) >= 10_000, f"the market has only {len(expected)} listings"
    state = PostgresState(url)
    options = DomainOptions()
    secret = Secret(options.client_secret)
    api = open_api(
        Credentials(options.client_id, secret),
        base_url=site.addresses["domain_url"],
        token_url=site.addresses["domain_token_url"],
        client=client_maker(
            replace(POLICIES["domain"], read_seconds=10), state, (secret,)
        ),
    )
    # The quota is a clock minute's: neither run may spend the other's.
    time.sleep(60 - time.time() % 60)
    site.set_faults(faults, timeout_seconds=2, slow_seconds=2, retry_after=1)
    before = sum(site.injected().values())
    with psycopg.connect(url) as conn:
        wall, own = time.perf_counter(), time.process_time()
        summary = ingest_domain_listings(
            conn, api, SEARCHES, landing=base / url[-4:], is_simulated=True
        )
        seconds = time.perf_counter() - wall
        cpu = time.process_time() - own
        injected = sum(site.injected().values()) - before
        site.set_faults({})
        after = set().union(*(site.truth(search) for search in SEARCHES))
        _check(conn, summary, expected, after)
    api.close()
    state.close()
    return Figure(
        "every listing, 10 % faults" if faults else "every listing",
        seconds,
        "s",
        needed * 60 / PER_MINUTE,
        f"{needed} full pages at {PER_MINUTE} calls a minute",
        {
            "listings": f"{len(expected):,}",
            "calls": f"{summary.http.get('http/calls', 0):,.0f}",
            "retries": f"{summary.http.get('http/retries', 0):,.0f}",
            "faults": f"{injected:,}",
            "slices": f"{summary.slices}",
            "rows read": f"{summary.read:,}",
            "our CPU": f"{cpu:.1f} s",
            "peak memory": peak_mib(),
        },
    )


def _check(
    conn: psycopg.Connection,
    summary: DomainSummary,
    before: set[int],
    after: set[int],
) -> None:
    """Every listing arrived, once, and the counts add up.

    The market goes on while it is read: a listing that changed between two pages has a
    row for each of its contents, one that came or went may be there or not.
    """
    assert summary.status == "ok", summary.problem
    assert summary.missing == 0, f"{summary.missing} results were counted and not given"
    assert summary.rejected == 0, f"{summary.rejected} rejects"
    assert summary.read == summary.loaded + summary.repeated
    rows = conn.execute(
        "select listing_id, count(*), count(distinct payload), "
        "array_agg(payload) from raw.domain__listings group by 1"
    ).fetchall()
    found = {row[0] for row in rows}
    lost, invented = (before & after) - found, found - (before | after)
    assert not lost, f"{len(lost)} of {len(before)} listings never arrived"
    assert not invented, f"{len(invented)} listings are none of the market's"
    twice = [row for row in rows if row[1] != row[2]]
    assert not twice, f"the same content in several rows: {twice[:1]}"
    assert sum(row[1] for row in rows) == summary.loaded
    changed = [row for row in rows if row[1] > 1]
    assert len(changed) <= 5, f"too many to have changed in a minute: {changed[:1]}"
