"""Indexes read back from PostgreSQL are those the models declare; each is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from database.catalogue import load_queries
from database.embedded import EmbeddedServer
from tests.dbt_samples import DbtProject
from tests.index_facts import (
    IndexFacts,
    declared_indexes,
    fresh_database,
    indexes_of,
    read_definition,
)

_RECENT = (
    "CREATE INDEX i ON marts.t USING gist (point(x, y)) "
    "WHERE ((a IS NULL) AND (sold_on >= '2025-11-01'::date))"
)


@pytest.fixture(scope="module")
def built(
    postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Any]]:
    """A database with every mart built, empty, and the manifest it was built from."""
    with fresh_database(postgres) as url:
        project = DbtProject(url, Path(tmp_path_factory.mktemp("dbt")))
        project.run("run", "--exclude", "tag:features")
        project.run("run", "--select", "int_listing__said_of_homes")
        # Again, because a rebuild must not trip over the names of what it replaces.
        project.run("run", "--select", "marts", "--full-refresh")
        yield url, project.manifest


@pytest.mark.parametrize(("schema", "least"), [("marts", 25), ("intermediate", 10)])
def test_tables_have_the_declared_indexes_and_no_other(
    built: tuple[str, Any], schema: str, least: int
):
    url, manifest = built
    declared = declared_indexes(manifest, schema)
    models = {facts.name.split(" (")[0] for facts in declared}
    with psycopg.connect(url) as conn:
        found = {
            facts
            for facts, _ in indexes_of(conn, schema).values()
            if facts.name.split(" (")[0] in models
        }
    assert len(found) > least
    assert set(declared) - found == set(), "declared, but not there"
    assert found - set(declared) == set(), "there, but not declared"


def test_each_index_tells_what_it_serves_where_people_look(built: tuple[str, Any]):
    url, manifest = built
    declared = declared_indexes(manifest, "marts")
    with psycopg.connect(url) as conn:
        comments = dict(indexes_of(conn, "marts").values())
    for facts, serves in declared.items():
        assert comments[facts] == f"Serves: {', '.join(serves)}"


def test_each_index_serves_a_query_a_build_or_a_rule(built: tuple[str, Any]):
    _, manifest = built
    queries = load_queries()
    models = {
        node.name for node in manifest.nodes.values() if node.resource_type == "model"
    }
    for facts, serves in declared_indexes(manifest, "marts").items():
        assert serves, f"{facts.name} names nothing that it serves"
        for served in serves:
            if served.startswith("model "):
                assert served.removeprefix("model ") in models, facts.name
            elif served == "grain":
                assert facts.is_unique, f"{facts.name} keeps no grain"
            else:
                assert served in queries, f"{facts.name} serves no query {served}"
                assert facts.name in queries[served].indexes, f"{served} knows nothing"


def test_each_query_names_indexes_that_are_there_and_serve_it(built: tuple[str, Any]):
    url, manifest = built
    declared = {
        facts.name: serves
        for facts, serves in declared_indexes(manifest, "marts").items()
    }
    with psycopg.connect(url) as conn:
        known = {facts.name for facts, _ in indexes_of(conn).values()}
    for query in load_queries().values():
        for index in query.indexes:
            assert index in known, f"{query.name} names {index}, which is not there"
            if index in declared:
                assert query.name in declared[index], f"{index} serves not {query.name}"


def test_recent_indexes_begin_at_the_day_that_is_written_down(built: tuple[str, Any]):
    url, _ = built
    with psycopg.connect(url) as conn:
        days = conn.execute(
            "select table_name, boundary::text from ops.index_boundaries"
        ).fetchall()
        for table, day in days:
            (definition,) = conn.execute(
                "select indexdef from pg_indexes where tablename = %s "
                "and indexdef like %s",
                [table, "%% >= ''%%::date%%".replace("''", "'")],
            ).fetchone() or ("",)
            assert f"'{day}'::date" in definition, table


@pytest.mark.parametrize(
    ("definition", "facts"),
    [
        (
            _RECENT,
            IndexFacts(
                "marts.t (point(x, y)) since sold_on",
                "gist",
                False,
                "",
                True,
            ),
        ),
        (
            "CREATE UNIQUE INDEX i ON marts.t USING btree (a, b DESC) INCLUDE (c, d)",
            IndexFacts("marts.t (a, b DESC)", "btree", True, "c, d", False),
        ),
        (
            "CREATE INDEX i ON marts.t USING gin (name gin_trgm_ops)",
            IndexFacts("marts.t (name public.gin_trgm_ops)", "gin", False, "", False),
        ),
    ],
)
def test_definitions_are_read_as_they_are(definition: str, facts: IndexFacts):
    assert read_definition(definition) == facts
