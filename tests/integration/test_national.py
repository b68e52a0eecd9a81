"""A small country through the nightly's stages: a day onto it, and all at once."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from benchmarks.national_build import Database, build, parse_project
from benchmarks.national_plan import Size
from benchmarks.national_rows import load_country, load_week
from database.embedded import EmbeddedServer
from tests.conftest import TEMPLATE
from tests.dbt_samples import DbtProject

SALES, DAY = 20_000, 500
TABLES = (
    "intermediate.int_sale__validated",
    "intermediate.int_market__repeat_pairs",
    "intermediate.int_market__index_paths",
    "marts.sale_versions",
    "marts.sales",
    "marts.properties",
    "marts.property_sources",
    "marts.property_attributes_history",
    "marts.price_history",
    "intermediate.int_market__suburb_months",
    "marts.suburb_market",
    "marts.suburb_market_vintages",
    "ml.property_features",
    "ml.training_features",
)
SALES_MODELS = (
    "int_sale__validated",
    "int_market__repeat_pairs",
    "sale_versions",
    "sales",
    "properties",
    "property_sources",
    "property_attributes_history",
    "price_history",
)
#: Our own clock, which two loads read at different times.
CLOCKS = (
    "array['created_at', 'recorded_from', 'recorded_to', 'first_loaded_at', "
    "'first_recorded_at', 'deleted_at', 'changed_at', 'code_fingerprint']"
)


@pytest.fixture
def other_url(postgres: EmbeddedServer) -> Iterator[str]:
    """A second database, to build the same rows in at once."""
    address = postgres.ensure()
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute("select pg_advisory_lock(1)")
        conn.execute(f"create database {name} template {TEMPLATE}")
    yield address.url(name)
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")


def contents(url: str, table: str) -> list[str]:
    """Every row of a table but what our clock said."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            f"select (to_jsonb(t) - {CLOCKS})::text from {table} as t order by 1"
        )
        return [row[0] for row in rows]


def rebuilds(url: str) -> dict[str, datetime]:
    """When each incremental model was last made as a whole."""
    with psycopg.connect(url) as conn:
        found = conn.execute("select model, built_at from ops.model_builds").fetchall()
    return dict(found)


def count(url: str, query: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.usefixtures("environment")
def test_a_day_onto_a_country_ends_where_building_all_of_it_does(
    database_url: str, other_url: str, tmp_path: Path
) -> None:
    size = Size.of(SALES)
    (tmp_path / "home").mkdir()
    nightly = Database(database_url, tmp_path)
    at_once = Database(other_url, tmp_path)
    parse_project(nightly)
    with psycopg.connect(database_url, autocommit=True) as conn:
        loaded = load_country(conn, size)
    build(nightly)
    before = count(database_url, "select count(*) from marts.sales")
    with psycopg.connect(database_url, autocommit=True) as conn:
        loaded += load_week(conn, size, rows=DAY)
    made = rebuilds(database_url)
    day = build(nightly)
    # Nothing is made anew for a day's rows, whether or not there are any listings.
    again = rebuilds(database_url)
    assert [model for model in SALES_MODELS if again[model] != made[model]] == []
    with psycopg.connect(other_url, autocommit=True) as conn:
        load_country(conn, size)
        load_week(conn, size, rows=DAY)

    build(at_once)

    # Every raw row is a version, every sale a mart's row: none lost, none twice.
    assert loaded == count(database_url, "select count(*) from raw.nsw_valuer__sales")
    assert loaded == count(database_url, "select count(*) from marts.sale_versions")
    assert count(database_url, "select count(*) from marts.sales") == count(
        database_url, "select count(distinct sale_id) from marts.sale_versions"
    )
    assert before < count(database_url, "select count(*) from marts.sales")
    assert all(stage.peak_mib > 0 for stage in day.stages)
    for table in TABLES:
        found, expected = contents(database_url, table), contents(other_url, table)
        only = sorted(set(found) ^ set(expected))
        assert found == expected, f"{table}: {only[:4]}"


@pytest.fixture
def environment() -> Iterator[None]:
    """What dbt in this process puts into the environment goes again."""
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.mark.usefixtures("environment")
def test_rules_of_big_tables_are_looked_up_not_walked_through(
    database_url: str, tmp_path: Path
) -> None:
    dbt = DbtProject(database_url, tmp_path)
    dbt.run("run", "--exclude", "tag:features")
    rules = {
        node.attached_node: node.test_metadata.kwargs["condition"]
        for node in dbt.manifest.nodes.values()
        if getattr(node, "test_metadata", None) is not None
        and node.test_metadata.name == "holds_for_every_row"
    }
    plans = {}
    with psycopg.connect(database_url) as conn:
        conn.execute("set enable_seqscan = off")
        for model, condition in rules.items():
            found = dbt.manifest.nodes[model]
            if found.config.materialized != "incremental":
                continue
            plan = conn.execute(
                f"explain select * from {found.schema}.{found.name} "
                f"where ({condition}) is not true"
            ).fetchall()
            plans[found.name] = "\n".join(line for (line,) in plan)

    assert {"int_sale__validated", "sales", "properties", "price_history"} <= set(plans)
    assert all(" rule_" in plan for plan in plans.values()), plans


def test_the_same_seed_makes_the_same_country(conn: psycopg.Connection) -> None:
    digest = (
        "select md5(string_agg(_row_hash || _source_file || _row_number, ',' "
        "order by _row_hash)) from raw.nsw_valuer__sales"
    )
    conn.autocommit = True
    seen = []
    for seed in (1, 1, 2):
        load_country(conn, Size.of(2_000, seed))
        seen.append(conn.execute(digest).fetchone())

    assert seen[0] == seen[1] != seen[2]
