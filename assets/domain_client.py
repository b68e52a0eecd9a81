"""From settings to the Domain API: its credentials, and whether it is time to poll.

No Dagster here: assets, sensors and the command line use these. What the API is asked
is `assets.landing.domain_api` and `domain_records`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from pydantic import SecretStr

from assets.clients import policy_for, shared_state
from connectors.domain_api.api import DomainApi, client_maker, open_api
from connectors.domain_api.auth import Credentials
from connectors.domain_api.layout import SOURCE
from connectors.resilience import Secret
from database.source_health import source_health
from settings import Settings


def open_domain(settings: Settings) -> DomainApi:
    """The API under the settings' credentials and the state all processes share.

    Raises:
        PermanentError: there are no credentials, or their file cannot be read.
    """
    domain = settings.domain
    credentials = Credentials(
        domain.client_id,
        Secret.read(
            _revealed(domain.client_secret),
            domain.client_secret_file,
            "domain.client_secret_file",
        ),
        Secret.read(
            _revealed(domain.api_key), domain.api_key_file, "domain.api_key_file"
        ),
    )
    return open_api(
        credentials,
        base_url=domain.base_url,
        token_url=domain.token_url,
        client=client_maker(
            policy_for(settings, SOURCE), shared_state(settings), credentials.secrets
        ),
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


@dataclass(frozen=True, slots=True)
class PollPlan:
    """Whether to ask for listings now. `reason` is a sentence for the tick's log."""

    is_due: bool
    reason: str


@dataclass(frozen=True, slots=True)
class PollFacts:
    """What a poll depends on: the newest pull of listings, and until when we rest."""

    last_run: datetime | None
    parked_until: datetime | None


def poll_facts(conn: psycopg.Connection) -> PollFacts:
    """The facts as the database has them."""
    row = conn.execute(
        "select max(finished_at) from ops.source_runs "
        "where source = %s and dataset = 'listings'",
        [SOURCE],
    ).fetchone()
    health = source_health(conn, {SOURCE: None})[0]
    return PollFacts(row[0] if row else None, health.parked_until)


def plan_poll(settings: Settings, facts: PollFacts, now: datetime) -> PollPlan:
    """Whether a poll is due. Pure; parked work goes on as soon as its time is up."""
    if not settings.domain.searches:
        return PollPlan(False, "The setting domain.searches is empty.")
    if facts.parked_until is not None and facts.parked_until > now:
        until = f"{facts.parked_until:%Y-%m-%d %H:%M} UTC"
        return PollPlan(False, f"The day's quota is used up until {until}.")
    if facts.last_run is None:
        return PollPlan(True, "Domain's listings were never pulled.")
    due = facts.last_run + timedelta(minutes=settings.domain.poll_minutes)
    if due > now:
        return PollPlan(False, f"The next poll is due at {due:%H:%M} UTC.")
    return PollPlan(True, f"The last poll ended at {facts.last_run:%H:%M} UTC.")
