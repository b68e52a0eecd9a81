"""Health of the sources: freshness, breakers, parked quotas, rows and open rejects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from assets.landing.overview import SourceLine, sources_overview
from database.source_health import SourceHealth, record_source_run, source_health
from domain.sources import SourceInfo

Conn = psycopg.Connection[tuple[object, ...]]


def info(name: str, stale_hours: float | None) -> SourceInfo:
    return SourceInfo(
        name, name, "us", None, "ours", "daily", "all", "none", "waits", stale_hours, ()
    )


def run(conn: Conn, source: str, status: str, hours_ago: float) -> None:
    moment = datetime.now(UTC) - timedelta(hours=hours_ago)
    record_source_run(
        conn,
        source,
        status,  # type: ignore[arg-type]
        started_at=moment,
        finished_at=moment,
        detail={"why": status},
    )


def health(conn: Conn, source: str, limit: float | None = 24) -> SourceHealth:
    (found,) = source_health(conn, {source: limit})
    return found


def test_a_source_nobody_pulled_is_not_stale(conn: Conn) -> None:
    found = health(conn, "domain")
    assert (found.last_success, found.age_hours, found.last_status) == (None,) * 3
    assert (found.breaker, found.rows, found.open_rejects) == ("closed", 0, 0)
    assert not found.is_stale


def test_age_counts_from_the_last_pull_that_went_well(conn: Conn) -> None:
    run(conn, "domain", "ok", 30)
    run(conn, "domain", "stale", 1)
    found = health(conn, "domain")
    assert found.last_status == "stale"
    assert found.age_hours == pytest.approx(30, abs=0.1)
    assert found.is_stale
    assert found.detail == {"why": "stale"}
    assert not health(conn, "domain", limit=48).is_stale
    assert not health(conn, "domain", limit=None).is_stale
    run(conn, "domain", "ok", 0)
    assert not health(conn, "domain").is_stale


def test_rows_rejects_breakers_and_quotas_are_joined(conn: Conn) -> None:
    conn.execute(
        "insert into ops.source_files (file_id, source, source_file, container_file, "
        "container_sha256, sha256, size_bytes, batch_id, status, rows_read, "
        "rows_loaded, rows_repeated, rows_rejected, is_simulated, table_name) values "
        "(gen_random_uuid(), 'csv', 'a', 'a', 'x', 'x', 1, gen_random_uuid(), "
        "'loaded', 9, 7, 0, 2, false, 'raw.csv__sales')"
    )
    conn.execute(
        "insert into raw.rejects (reject_id, source, source_file, rule_id, reason, fix,"
        " _batch_id, _is_simulated, resolved_at, resolution) select gen_random_uuid(), "
        "'csv', 'a', 'r', 'r', 'f', gen_random_uuid(), false, at, word from "
        "(values (null::timestamptz, null), (now(), 'loaded on retry')) v (at, word)"
    )
    conn.execute(
        "insert into ops.breakers (host, sources, state, until, reason) values "
        "('a.example', '{csv,psi}', 'open', now() + interval '1 h', 'no answer'), "
        "('b.example', '{csv}', 'half_open', now(), 'one call is finding out'), "
        "('c.example', '{old}', 'open', now() - interval '1 h', 'no answer')"
    )
    conn.execute(
        "insert into ops.source_quota (source, parked_until) values "
        "('csv', now() + interval '2 h'), ('psi', now() - interval '2 h')"
    )
    found = health(conn, "csv")
    assert (found.rows, found.open_rejects) == (7, 1)
    assert (found.breaker, found.breaker_reason) == ("open", "no answer")
    assert found.parked_until is not None
    assert found.last_success is not None, "the ledger tells when nobody else does"
    every = {item.source: item for item in source_health(conn, {"psi": 1, "old": 1})}
    assert list(every) == ["psi", "old", "csv"]
    assert every["psi"].parked_until is None
    assert every["old"].breaker == "half_open"


def test_the_overview_says_it_in_words(conn: Conn) -> None:
    run(conn, "nsw_valuer", "ok", 2)
    run(conn, "domain", "ok", 30)
    run(conn, "domain", "parked", 0)
    run(conn, "reaxml", "ok", 24 * 12)
    conn.execute(
        "insert into ops.breakers (host, sources, state, until, reason) values "
        "('a.example', '{domain}', 'open', now() + interval '1 h', 'no answer')"
    )
    infos = [
        info("nsw_valuer", 336),
        info("domain", 24),
        info("reaxml", None),
        info("csv", None),
    ]
    lines = sources_overview(
        conn, infos, stale_hours={"nsw_valuer": 48, "domain": None}, configured=["csv"]
    )
    found: dict[str, SourceLine] = {line.name: line for line in lines}
    assert list(found) == ["nsw_valuer", "domain", "reaxml", "csv"]
    assert found["nsw_valuer"].freshness == "fresh, 2.0 h of 48 h"
    assert found["nsw_valuer"].is_well
    assert found["domain"].freshness == "STALE, 30.0 h of 24 h (last pull: parked)"
    assert found["domain"].breaker.startswith("open until 20")
    assert found["domain"].breaker.endswith(": no answer")
    assert not found["domain"].is_well
    assert found["reaxml"].freshness == "12 days old"
    assert (found["csv"].freshness, found["csv"].last_success) == (
        "no data yet",
        "never",
    )
