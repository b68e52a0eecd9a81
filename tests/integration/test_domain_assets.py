"""The Domain assets in Dagster, against the simulated API over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assets import keys
from assets.clients import shared_state
from assets.domain_client import PollFacts, plan_poll, poll_facts
from assets.raw_domain import domain_assets
from assets.resources import Warehouse
from settings import Settings
from tests.domain_server import domain_server, truth

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def settings(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "simulated")
    return monkeypatch


def materialize() -> dict[dg.AssetKey, dict[str, Any]]:
    result = dg.materialize(domain_assets, resources={"warehouse": Warehouse()})
    assert result.success
    found: dict[dg.AssetKey, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        shown = event.step_materialization_data.materialization
        found[shown.asset_key] = {
            name: value.value for name, value in shown.metadata.items()
        }
    return found


def test_without_settings_nothing_is_pulled_and_the_assets_say_so(
    settings: pytest.MonkeyPatch,
) -> None:
    found = materialize()
    assert len(found) == 6
    for metadata in found.values():
        assert "nothing pulled" in metadata["status"]


def test_the_assets_pull_and_show_no_withheld_price(
    settings: pytest.MonkeyPatch, conn: psycopg.Connection, tmp_path: Path
) -> None:
    with domain_server() as server:
        options = server.domain.options
        secret = tmp_path / "secret"
        secret.write_text(options.client_secret + "\n")
        settings.setenv("AUSPROPERTY_DOMAIN__BASE_URL", f"{server.url}/domain")
        settings.setenv(
            "AUSPROPERTY_DOMAIN__TOKEN_URL",
            f"{server.url}/domain/auth/v1/connect/token",
        )
        settings.setenv("AUSPROPERTY_DOMAIN__CLIENT_ID", options.client_id)
        settings.setenv("AUSPROPERTY_DOMAIN__CLIENT_SECRET_FILE", str(secret))
        settings.setenv("AUSPROPERTY_DOMAIN__SEARCHES", '[{"listingType": "Sale"}]')
        settings.setenv("AUSPROPERTY_DOMAIN__CITIES", '["Sydney"]')
        found = materialize()
        wanted = truth(server)
    rows = conn.execute("select count(*) from raw.domain__listings").fetchone()
    assert rows == (len(wanted),)
    listings = found[keys.RAW_DOMAIN_LISTINGS]
    assert listings["status"] == "ok"
    assert listings["run_totals"]["loaded"] == len(wanted)
    assert listings["searches_sliced_into"] == 1
    assert listings["http/calls"] >= len(wanted) // 100
    assert found[keys.RAW_DOMAIN_SALES_RESULTS]["run_totals"]["loaded"] > 0
    told = [shown.get("run_totals", {}).get("loaded", 0) for shown in found.values()]
    landed = conn.execute("select sum(rows_loaded) from ops.source_files").fetchone()
    assert landed == (sum(told),), "what a run says it loaded counts each row once"
    assert found[keys.RAW_DOMAIN_LISTING_DETAILS]["run_totals"]["read"] == 0
    assert options.client_secret not in str(found)
    facts = poll_facts(conn)
    assert facts.last_run is not None
    assert facts.parked_until is None
    # The shared state of this process belongs to a database that goes away.
    shared_state(Settings()).close()


@pytest.mark.parametrize(
    ("facts", "is_due", "reason"),
    [
        (PollFacts(None, None), True, "never pulled"),
        (PollFacts(NOW - timedelta(minutes=5), None), False, "10:10"),
        (PollFacts(NOW - timedelta(minutes=15), None), True, "09:45"),
        (PollFacts(None, NOW + timedelta(hours=1)), False, "2026-03-02 11:00"),
        (PollFacts(NOW - timedelta(hours=1), NOW - timedelta(1)), True, "09:00"),
    ],
)
def test_a_poll_is_due_by_the_clock_and_not_while_parked(
    settings: pytest.MonkeyPatch, facts: PollFacts, is_due: bool, reason: str
) -> None:
    settings.setenv("AUSPROPERTY_DOMAIN__SEARCHES", '[{"listingType": "Sale"}]')
    plan = plan_poll(Settings(), facts, NOW)
    assert plan.is_due is is_due
    assert reason in plan.reason
