"""One process of the soak: lands its sources again and again, until it is killed.

    python -m benchmarks.soak_worker PLAN.json GROUP

Each landing's outcome is a line of JSON on standard output. What a source being away
means for a run is what the assets make of it; anything that is no sentence for people
ends the process with a traceback, which the soak counts as a crash.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from assets.landing.common import IngestSummary
from assets.landing.csv_files import ingest_csv
from assets.landing.degradation import degrade
from assets.landing.domain_api import DomainSummary, Mode, ingest_domain_listings
from assets.landing.domain_records import (
    confirm_gone_listings,
    ingest_domain_details,
    ingest_domain_properties,
    ingest_domain_sales_results,
    ingest_domain_suburb_performance,
)
from assets.landing.nsw_valuer import ingest_psi
from assets.landing.reaxml import ingest_reaxml
from assets.landing.reference import ingest_reference
from connectors.domain_api.api import DomainApi, client_maker, open_api
from connectors.domain_api.auth import Credentials
from connectors.resilience import POLICIES, Secret, SourceClient, SourceError
from database.source_health import record_source_run
from database.source_state import PostgresState
from domain.errors import UserError
from simulator.domain_api.options import DomainOptions
from simulator.lifetime import exit_with_stdin

SEARCHES = ({"listingType": "Sale"}, {"listingType": "Sold"})
CITIES = ("Sydney", "Melbourne")
GROUPS = {
    "files": ("nsw_valuer", "csv", "reaxml", "reference"),
    "domain": ("listings", "details", "properties", "gone", "results", "performance"),
}
SETTLE_SECONDS = 0.5
#: Quick enough to see many outages in a minute; the retries are those in force.
_PATIENCE: dict[str, object] = {
    "read_seconds": 2.0,
    "total_seconds": 10.0,
    "breaker_open_seconds": 1.0,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker is told: addresses, folders, sizes. Read from JSON."""

    database_url: str
    landing: str
    psi_url: str
    csv_url: str
    domain_url: str
    domain_token_url: str
    drop: str
    reference: str
    suburbs: list[str]
    page_size: int
    ceiling: int
    mode: Mode = "auto"
    retry: str = "standard"

    def write(self, path: Path) -> Path:
        """Write it where a worker can read it."""
        path.write_text(json.dumps(asdict(self)))
        return path


class Worker:
    """The landings of one process, by name."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.conn = psycopg.connect(plan.database_url)
        self.state = PostgresState(plan.database_url)
        self.landing = Path(plan.landing)

    def close(self) -> None:
        """Let go of connections."""
        self.conn.close()
        self.state.close()

    def land(self, name: str) -> Iterator[dict[str, Any]]:
        """Run one landing; yield its outcomes, one for each set or dataset."""
        if name in GROUPS["domain"]:
            yield self._told(name, partial(self._domain, name))
        elif name == "reference":
            for folder in sorted(Path(self.plan.reference).iterdir()):
                yield self._told(folder.name, partial(self._reference, folder))
        else:
            yield self._told(name, partial(getattr(self, f"_{name}")))

    def _told(
        self, name: str, work: Callable[[], tuple[Any, dict[str, float]]]
    ) -> dict[str, Any]:
        started = time.perf_counter()
        problem: str | None
        try:
            summary, http = work()
        except SourceError as error:
            summary, http, status, problem = None, {}, "away", str(error)
        except UserError as error:
            summary, http, status, problem = None, {}, "failed", str(error)
        else:
            status, problem = _status(summary)
        self.conn.rollback()
        counts = ("read", "loaded", "repeated", "rejected", "missing")
        return {
            "landing": name,
            "status": status,
            "problem": problem,
            "seconds": round(time.perf_counter() - started, 3),
            **{part: getattr(summary, part, 0) for part in counts},
            "http": http,
        }

    def _client(self, source: str) -> SourceClient:
        policy = replace(POLICIES[source], retry=self.plan.retry)
        return SourceClient(policy.overridden(_PATIENCE), self.state)

    def _web(self, source: str, work: Callable[..., IngestSummary]) -> Any:
        """A file source by URL, as its asset runs it."""
        with self._client(source) as client:
            begun = datetime.now(UTC)
            summary = degrade(
                self.conn,
                source,
                lambda: work(
                    landing=self.landing / source, is_simulated=True, client=client
                ),
                limit_hours=client.policy.stale_hours,
            )
            if summary.staleness is None:
                is_away = any(failure.is_outage for failure in summary.not_fetched)
                record_source_run(
                    self.conn,
                    source,
                    "stale" if is_away else "ok",
                    started_at=begun,
                    rows=summary.loaded,
                    rejects=summary.rejected,
                )
                self.conn.commit()
            return summary, client.metrics.as_metadata()

    def _nsw_valuer(self) -> Any:
        return self._web(
            "nsw_valuer", partial(ingest_psi, self.conn, self.plan.psi_url)
        )

    def _csv(self) -> Any:
        work = partial(ingest_csv, self.conn, self.plan.csv_url, "melbourne")
        return self._web("csv", work)

    def _reaxml(self) -> Any:
        summary = ingest_reaxml(
            self.conn,
            self.plan.drop,
            is_simulated=True,
            settle_seconds=SETTLE_SECONDS,
        )
        return summary, {}

    def _reference(self, folder: Path) -> Any:
        summary = ingest_reference(
            self.conn,
            folder.name,
            folder,
            landing=self.landing / folder.name,
            is_simulated=True,
        )
        return summary, {}

    def _domain(self, name: str) -> Any:
        plan, api = self.plan, self._api()
        common: Any = {"landing": self.landing / "domain", "is_simulated": True}
        conn = self.conn
        try:
            match name:
                case "listings":
                    common |= {"page_size": plan.page_size, "ceiling": plan.ceiling}
                    summary = ingest_domain_listings(
                        conn, api, SEARCHES, mode=plan.mode, **common
                    )
                case "details":
                    summary = ingest_domain_details(conn, api, limit=60, **common)
                case "properties":
                    summary = ingest_domain_properties(conn, api, limit=20, **common)
                case "gone":
                    summary = confirm_gone_listings(conn, api, limit=40, **common)
                case "results":
                    summary = ingest_domain_sales_results(conn, api, CITIES, **common)
                case _:
                    # Weeks pass in seconds here; in the end, what there is now counts.
                    days = 0 if plan.mode == "full" else 7
                    summary = ingest_domain_suburb_performance(
                        conn, api, plan.suburbs, every=timedelta(days=days), **common
                    )
        finally:
            api.close()
        return summary, summary.http

    def _api(self) -> DomainApi:
        options = DomainOptions()
        secret = Secret(options.client_secret)
        policy = replace(POLICIES["domain"], retry=self.plan.retry)
        return open_api(
            Credentials(options.client_id, secret),
            base_url=self.plan.domain_url,
            token_url=self.plan.domain_token_url,
            client=client_maker(policy.overridden(_PATIENCE), self.state, (secret,)),
        )


def _status(summary: Any) -> tuple[str, str | None]:
    """How a landing ended, in one word, and why."""
    if isinstance(summary, DomainSummary):
        return summary.status, summary.problem
    if summary.staleness is not None:
        return summary.staleness.status, summary.staleness.reason
    if summary.not_fetched:
        return "partly", summary.not_fetched[0].problem
    refused = [file for file in summary.files if file.status == "refused"]
    if refused:
        return "refused", refused[0].reason
    return "ok", None


def main() -> None:
    """Land until the parent ends or kills us."""
    exit_with_stdin()
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    worker = Worker(plan)
    while True:
        for name in GROUPS[sys.argv[2]]:
            for outcome in worker.land(name):
                sys.stdout.write(json.dumps(outcome) + "\n")
                sys.stdout.flush()
                if outcome["status"] in ("stale", "parked", "away"):
                    time.sleep(0.5)  # the next would only hear the same


if __name__ == "__main__":
    main()
