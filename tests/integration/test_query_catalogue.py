"""Every query of the catalogue runs by its indexes on tables of some size."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks.market_fill import fill
from database.catalogue import (
    Query,
    ask,
    catalogue_table,
    load_queries,
    sample_parameters,
)
from database.embedded import EmbeddedServer
from database.property_page import similar_addresses
from settings import ROOT
from tests.dbt_samples import DbtProject
from tests.index_facts import fresh_database, indexes_of

#: Tables above this many rows are read by an index or not at all.
BIG = 2_000
HOMES = 50_000
SAMPLES = 60
QUERIES = load_queries()


@pytest.fixture(scope="module")
def market(
    postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[psycopg.Connection]:
    """Marts as dbt builds them, filled with a made-up country."""
    with fresh_database(postgres) as url:
        project = DbtProject(url, Path(tmp_path_factory.mktemp("dbt")))
        project.run("run", "--exclude", "tag:features")
        with psycopg.connect(url, autocommit=True) as conn:
            fill(conn, HOMES)
            yield conn


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _explain(
    conn: psycopg.Connection, query: Query, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    with conn.cursor() as cursor:
        cursor.execute(
            f"explain (analyze, buffers, format json) {query.sql}", parameters
        )
        (answer,) = cursor.fetchone() or (None,)
    plan = answer if isinstance(answer, list) else json.loads(answer)
    return list(_nodes(plan[0]["Plan"]))


def problems(conn: psycopg.Connection, query: Query) -> list[str]:
    """What is wrong with the plans of a query for parameters sampled from the data."""
    big = {
        name
        for (name,) in conn.execute(
            "select relname from pg_class where relkind = 'r' and reltuples > %s", [BIG]
        )
    }
    facts = {name: found.name for name, (found, _) in indexes_of(conn).items()}
    told: list[str] = []
    used: set[str] = set()
    for parameters in sample_parameters(conn, query, SAMPLES):
        for node in _explain(conn, query, parameters):
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in big:
                told.append(f"sequential scan of {node['Relation Name']}")
            if "Index Name" in node:
                used.add(facts.get(node["Index Name"], node["Index Name"]))
    told += [f"{index} is not used" for index in query.indexes if index not in used]
    return told


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_runs_by_its_indexes(market: psycopg.Connection, name: str):
    assert problems(market, QUERIES[name]) == []


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_answers_what_is_there(market: psycopg.Connection, name: str):
    sampled = sample_parameters(market, QUERIES[name], 20)
    assert sampled, "nothing to ask by"
    assert set(sampled[0]) == {parameter for parameter, _ in QUERIES[name].parameters}
    assert any(ask(market, name, **parameters) for parameters in sampled)


@pytest.mark.parametrize(
    "name",
    [
        "property_by_gnaf_pid",
        "suburb_sales",
        "map_box",
        "recent_prices",
        "market_movers",
    ],
)
def test_a_dropped_index_is_noticed(market: psycopg.Connection, name: str):
    query = QUERIES[name]
    serving = [
        f'{facts.name.split(".")[0]}."{index}"'
        for index, (facts, _) in indexes_of(market).items()
        if facts.name in query.indexes
    ]
    assert serving
    with market.transaction(force_rollback=True):
        for index in serving:
            market.execute(f"drop index {index}")
        told = problems(market, query)
    assert any("is not used" in line for line in told)
    assert problems(market, query) == []


def test_hot_queries_read_the_index_alone(market: psycopg.Connection):
    for name in (
        "suburb_property_count",
        "suburb_sales",
        "market_movers",
        "map_box",
        "comparable_sales",
    ):
        parameters = sample_parameters(market, QUERIES[name], 1)[0]
        nodes = _explain(market, QUERIES[name], parameters)
        kinds = {node["Node Type"] for node in nodes if "Relation Name" in node}
        assert kinds == {"Index Only Scan"}, name


def test_pages_of_a_suburb_join_to_the_whole(market: psycopg.Connection):
    key, whole = market.execute(
        "select suburb_key, array_agg(property_id order by last_sale_price_aud desc, "
        "property_id desc) from marts.properties where deleted_at is null "
        "group by 1 order by count(*) desc limit 1"
    ).fetchone() or ("", [])
    assert len(whole) > 200
    seen: list[Any] = []
    below: dict[str, Any] = {
        "below_aud": 2**62,
        "below_id": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    }
    while True:
        rows = ask(market, "suburb_properties_by_price", suburb_key=key, **below)
        if not rows:
            break
        seen += [row["property_id"] for row in rows]
        last = rows[-1]
        below = {
            "below_aud": last["last_sale_price_aud"],
            "below_id": last["property_id"],
        }
    assert seen == whole


def test_a_misspelt_address_finds_its_home(market: psycopg.Connection):
    rows = market.execute(
        "select suburb, street_name, street_number, property_id from marts.properties "
        "where deleted_at is null and length(suburb) > 7 and length(street_name) > 6 "
        "order by property_id limit 40"
    ).fetchall()
    found = 0
    for suburb, street, number, home in rows:
        answer = similar_addresses(
            market,
            suburb=suburb[:3] + suburb[4:],
            street_name=street[:4] + street[3:],
            street_number=number,
            limit=20,
        )
        found += home in [row["property_id"] for row in answer]
    assert found >= 36


def test_the_manual_lists_the_catalogue():
    assert catalogue_table() in (ROOT / "docs" / "queries.md").read_text()
