"""A source goes away: the graph goes on with its last good snapshot, to a limit."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assets import clients, keys
from assets.clients import client_for, policy_for
from assets.freshness import CHECK_NAME, freshness_check
from assets.landing.common import IngestSummary
from assets.landing.degradation import degrade
from assets.resources import Warehouse
from connectors.resilience import Parked, SourceDown
from database.source_health import record_source_run, source_health
from orchestration.demo import weeks_to_read
from settings import Settings
from simulator.faults import Faults
from simulator.market import Market, MarketSize
from simulator.server import SiteServer
from simulator.website import Site


@dg.asset(deps=[keys.RAW_NSW_SALES])
def downstream() -> None:
    """Stands for everything that needs the sales."""


@pytest.fixture
def home(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    words = {
        "HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "MARKET": "simulated",
        "NSW_VALUER__HTTP__RETRY": "none",
    }
    for name, value in words.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    yield
    clients._states.pop(database_url).close()


@contextmanager
def serving(market: Market, port: int = 0) -> Iterator[SiteServer]:
    server = SiteServer(Site(market, Faults.parse([])), port=port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def landing() -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        # Dagster's own word about a parameter that is in beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        from assets.raw import nsw_valuer_sales
    return nsw_valuer_sales


def run(market: Market) -> dg.ExecuteInProcessResult:
    """The landing, its check, and what is downstream; without Dagster's own retries."""
    return dg.materialize(
        [
            landing(),
            freshness_check(keys.RAW_NSW_SALES, "nsw_valuer"),
            downstream,
        ],
        resources={"warehouse": Warehouse()},
        tags={
            "dagster/asset_partition_range_start": market.monday(0).isoformat(),
            "dagster/asset_partition_range_end": market.monday(2).isoformat(),
        },
        run_config={
            "ops": {"raw__nsw_valuer__sales": {"config": {"every_file": True}}}
        },
        raise_on_error=False,
    )


def told(result: dg.ExecuteInProcessResult) -> tuple[bool, str, dict[str, Any], bool]:
    """Check passed, its words, the asset's metadata, downstream ran."""
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.check_name == CHECK_NAME
    made = {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    return (
        evaluation.passed,
        evaluation.description or "",
        {name: value.value for name, value in made[keys.RAW_NSW_SALES].items()},
        downstream.key in made,
    )


def test_an_outage_is_ridden_out_to_the_limit_and_recovered_from(
    home: None, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = Market(MarketSize(homes=200, weeks=3))
    with serving(market) as server:
        port = server.server_port
        monkeypatch.setenv("AUSPROPERTY_NSW_VALUER__LOCATION", f"{server.url}/psi/")
        result = run(market)
        assert result.success
        passed, _, metadata, ran = told(result)
        assert (passed, ran) == (True, True)
        assert metadata["http/calls"] >= 4
        rows = metadata["dagster/row_count"]

    result = run(market)
    assert result.success, "away, but within the limit"
    passed, words, metadata, ran = told(result)
    assert (passed, ran) == (True, True)
    assert metadata["status"] == "stale: the last good snapshot stands"
    assert metadata["dagster/row_count"] == rows
    assert 0 <= metadata["snapshot_age_hours"] < 1
    assert f"127.0.0.1:{port} is away" in words
    (health,) = source_health(conn, {"nsw_valuer": 24})
    assert health.last_status == "stale"

    conn.execute(
        "update ops.source_runs set finished_at = finished_at - interval '16 days' "
        "where status = 'ok'"
    )
    conn.commit()
    result = run(market)
    assert not result.success, "away for too long"
    passed, words, _, ran = told(result)
    assert (passed, ran) == (False, False)
    assert "16 days old; the limit is 15 days." in words

    conn.execute("update ops.breakers set until = now()")  # its minute is over
    conn.commit()
    with serving(market, port):
        result = run(market)
    assert result.success, "back again"
    passed, _, metadata, ran = told(result)
    assert (passed, ran) == (True, True)
    assert "status" not in metadata
    assert metadata["dagster/row_count"] == rows


def test_a_command_on_a_site_that_is_away_goes_on_with_what_was_landed(
    home: None, conn: psycopg.Connection, database_url: str
) -> None:
    address = "http://127.0.0.1:9/psi/"
    with pytest.raises(SourceDown):
        weeks_to_read(Settings(), database_url, address)
    started = datetime.now(UTC)
    record_source_run(conn, "nsw_valuer", "ok", started_at=started, rows=1)
    conn.commit()
    assert weeks_to_read(Settings(), database_url, address) is None


def test_a_source_that_never_answered_has_nothing_to_go_on_with(
    home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUSPROPERTY_NSW_VALUER__LOCATION", "http://127.0.0.1:9/psi/")
    settings = Settings()
    with (
        Warehouse().connect() as conn,
        client_for(settings, "nsw_valuer") as client,
        pytest.raises(SourceDown),
    ):
        degrade(
            conn,
            "nsw_valuer",
            lambda: client.get("http://127.0.0.1:9/"),
            limit_hours=24,
        )


def test_a_source_that_is_not_pulled_passes_whatever_its_age(
    home: None, conn: psycopg.Connection
) -> None:
    check = freshness_check(keys.RAW_NSW_SALES, "nsw_valuer")
    result = check(Warehouse())
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed
    assert "pull nothing" in (result.description or "")
    clients.shared_state(Settings())


def test_listings_are_pulled_where_there_are_searches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUSPROPERTY_DOMAIN__CITIES", '["Sydney"]')
    assert clients.is_pulled(Settings(), "domain")
    assert not clients.is_pulled(Settings(), "domain", "listings")
    monkeypatch.setenv("AUSPROPERTY_DOMAIN__SEARCHES", '[{"listingType": "Sale"}]')
    assert clients.is_pulled(Settings(), "domain", "listings")


def test_a_parked_source_keeps_its_snapshot_until_its_quota_is_back(
    conn: psycopg.Connection,
) -> None:
    from datetime import timedelta

    now = datetime.now(UTC)
    record_source_run(
        conn, "domain", "ok", started_at=now, finished_at=now - timedelta(hours=3)
    )
    until = now + timedelta(hours=5)

    def work() -> IngestSummary:
        raise Parked("domain", until, "today's quota is used up")

    summary = degrade(conn, "domain", work, limit_hours=24)
    assert summary.staleness is not None
    assert summary.staleness.status == "parked"
    assert summary.staleness.until == until
    assert summary.staleness.age_hours == pytest.approx(3, abs=0.1)
    (health,) = source_health(conn, {"domain": 24})
    assert health.last_status == "parked"
    assert health.detail["until"] == until.isoformat()
    assert not health.is_stale


def test_settings_change_the_numbers_of_a_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "RETRY": "aggressive",
        "TOTAL_SECONDS": "7",
        "MAX_IN_FLIGHT": "1",
        "STALE_HOURS": "3",
    }.items():
        monkeypatch.setenv(f"AUSPROPERTY_DOMAIN__HTTP__{name}", value)
    monkeypatch.setenv("AUSPROPERTY_DOMAIN__CALLS_PER_DAY", "400")
    monkeypatch.setenv("AUSPROPERTY_REFERENCE__HTTP__READ_SECONDS", "11")
    policy = policy_for(Settings(), "domain")
    assert policy.retries.attempts == policy.opens_after == 8
    assert (policy.total_seconds, policy.max_in_flight) == (7, 1)
    assert (policy.stale_hours, policy.calls_per_day) == (3, 400)
    assert policy.connect_seconds == 10
    one_set = policy_for(Settings(), "seifa")
    assert (one_set.source, one_set.read_seconds) == ("seifa", 11)
