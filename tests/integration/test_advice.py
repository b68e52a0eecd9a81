"""`ausproperty db advise` names what is wrong with a database, and what to do."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

import cli
from database.advice import Finding, Thresholds, advise, statements_are_known
from database.connections import connect

LOW = Thresholds(
    statement_ms=0.01,
    statement_calls=3,
    scanned_rows=1_000,
    index_mib=0.1,
    waste_mib=0.1,
    waste_share=0.3,
    dead_rows=500,
    dead_share=0.05,
    transaction_seconds=0.2,
)


@pytest.fixture
def admin(database_url: str):
    with connect(database_url, autocommit=True) as conn:
        conn.execute(
            "create table marts.homes as select i as home_id, i %% 50 as suburb, "
            "i * 10 as price, repeat('x', 100) as note "
            "from generate_series(1, 20000) i",
            [],
        )
        conn.execute("alter table marts.homes set (autovacuum_enabled = false)")
        conn.execute("analyze marts.homes")
        yield conn


def _found(conn: psycopg.Connection, kind: str) -> list[Finding]:
    conn.execute("select pg_stat_force_next_flush()")
    return [finding for finding in advise(conn, LOW) if finding.kind == kind]


def test_a_slow_statement_and_the_index_it_wants_are_named(admin: psycopg.Connection):
    if not statements_are_known(admin):
        pytest.skip("this server has no pg_stat_statements")
    for number in range(6):
        admin.execute("select sum(price) from marts.homes where suburb = %s", [number])
    slow = [f for f in _found(admin, "slow statement") if "marts.homes" in f.subject]
    assert len(slow) == 1
    assert "6 calls" in slow[0].detail
    missing = [f for f in _found(admin, "missing index") if f.subject == "marts.homes"]
    assert "(suburb)" in missing[0].advice
    admin.execute("create index on marts.homes (suburb)")
    again = [f for f in _found(admin, "missing index") if f.subject == "marts.homes"]
    assert "(suburb)" not in again[0].advice


def test_an_unused_index_says_what_it_should_serve(admin: psycopg.Connection):
    admin.execute("create index homes_price on marts.homes (price)")
    admin.execute("comment on index marts.homes_price is 'Serves: dear_homes'")
    admin.execute("create unique index homes_key on marts.homes (home_id)")
    names = {f.subject: f for f in _found(admin, "unused index")}
    assert "dear_homes" in names["marts.homes_price"].detail
    assert "marts.homes_key" not in names, "a unique index keeps a rule as well"
    admin.execute("set enable_seqscan = off")
    admin.execute("select * from marts.homes where price = 10")
    assert "marts.homes_price" not in {f.subject for f in _found(admin, "unused index")}


def test_an_index_that_begins_another_is_named(admin: psycopg.Connection):
    admin.execute("create index narrow on marts.homes (suburb, price)")
    admin.execute("create index wide on marts.homes (suburb, price, home_id)")
    admin.execute("create index other_way on marts.homes (suburb desc, price)")
    admin.execute("create index part on marts.homes (suburb) where price > 5")
    told = {f.subject: f.detail for f in _found(admin, "overlapping index")}
    assert list(told) == ["marts.narrow"]
    assert "marts.wide" in told["marts.narrow"]


def test_an_invalid_index_is_named(admin: psycopg.Connection):
    with pytest.raises(psycopg.errors.UniqueViolation):
        admin.execute("create unique index concurrently broken on marts.homes (suburb)")
    (told,) = _found(admin, "invalid index")
    assert told.subject == "marts.broken"
    assert "drop index concurrently marts.broken" in told.advice


def test_dead_rows_and_what_they_leave_are_named(admin: psycopg.Connection):
    assert not _found(admin, "bloat")
    admin.execute("delete from marts.homes where home_id > 4000")
    (dead,) = _found(admin, "dead rows")
    assert (dead.subject, dead.detail[:6]) == ("marts.homes", "16,000")
    # Newest rows keep the pages before them in the file.
    admin.execute("insert into marts.homes select 0, 0, 0, 'last'")
    admin.execute("vacuum analyze marts.homes")
    assert not _found(admin, "dead rows")
    (bloat,) = _found(admin, "bloat")
    assert bloat.subject == "marts.homes"


def test_a_forgotten_transaction_is_named(admin: psycopg.Connection, database_url: str):
    assert not _found(admin, "long transaction")
    with psycopg.connect(database_url, application_name="sleeper") as forgotten:
        forgotten.execute("select 1")
        time.sleep(0.3)
        (told,) = _found(admin, "long transaction")
    assert "sleeper" in told.subject
    assert "idle in transaction" in told.detail


def test_a_covering_index_wants_a_vacuumed_table(admin: psycopg.Connection):
    admin.execute(
        "insert into marts.homes select home_id, suburb, price, note "
        "from marts.homes, generate_series(1, 4)"
    )
    admin.execute("create index on marts.homes (suburb) include (price)")
    admin.execute("analyze marts.homes")
    kind = "index-only scans read the table"
    assert [f.subject for f in _found(admin, kind)] == ["marts.homes"]
    admin.execute("vacuum marts.homes")
    assert not _found(admin, kind)


def test_a_server_without_statements_says_so(
    admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("database.advice.statements_are_known", lambda _: False)
    (told,) = _found(admin, "statements")
    assert "shared_preload_libraries" in told.advice


def test_a_role_of_ones_own_may_ask(admin: psycopg.Connection, database_url: str):
    role = f"advised_{uuid.uuid4().hex[:8]}"  # roles are the whole server's
    admin.execute(f"create role {role} login password 'advised'")
    try:
        parts = psycopg.conninfo.conninfo_to_dict(database_url)
        url = psycopg.conninfo.make_conninfo(
            **{**parts, "user": role, "password": "advised"}
        )
        with psycopg.connect(url, autocommit=True) as conn:
            assert all(finding.advice for finding in advise(conn, LOW))
    finally:
        admin.execute(f"drop role {role}")


def test_the_command_prints_and_writes_the_findings(
    admin: psycopg.Connection,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    admin.execute("create index narrow on marts.homes (suburb, price)")
    admin.execute("create index wide on marts.homes (suburb, price, home_id)")
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    written = tmp_path / "advice.json"
    ended = CliRunner().invoke(cli.app, ["db", "advise", "--json", str(written)])
    assert ended.exit_code == 0, ended.output
    assert "overlapping index (1)" in ended.output
    assert "  marts.narrow: " in ended.output
    assert "    -> take it out" in ended.output
    kinds = [finding["kind"] for finding in json.loads(written.read_text())]
    assert "overlapping index" in kinds
    assert f"findings: {len(kinds)}" in ended.output
