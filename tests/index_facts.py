"""Indexes as models declare them and as PostgreSQL has them, in one form to compare."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from database.embedded import EmbeddedServer
from tests.conftest import TEMPLATE

_DEFINED = re.compile(
    r"CREATE (?P<unique>UNIQUE )?INDEX (?P<name>\S+) ON (?:ONLY )?(?P<table>\S+) "
    r"USING (?P<method>\w+) \((?P<columns>.*?)\)"
    r"(?: INCLUDE \((?P<include>[^)]*)\))?(?: NULLS NOT DISTINCT)?"
    r"(?: WITH \([^)]*\))?(?: WHERE (?P<where>.*))?$"
)
_SINCE = re.compile(r"(\w+) >= '\d{4}-\d\d-\d\d'::date")


@dataclass(frozen=True)
class IndexFacts:
    """One index; `name` is as the catalogue's headers write it."""

    name: str
    method: str
    is_unique: bool
    include: str
    is_partial: bool


def declared_indexes(manifest: Any, schema: str) -> dict[IndexFacts, list[str]]:
    """What each index of the models in a schema says it serves."""
    found: dict[IndexFacts, list[str]] = {}
    for node in manifest.nodes.values():
        if node.resource_type != "model" or node.schema != schema:
            continue
        for index in node.config.get("indexes") or []:
            columns = ", ".join(index["columns"])
            name = f"{node.schema}.{node.name} ({columns})"
            if index.get("since"):
                name += f" since {index['since']}"
            facts = IndexFacts(
                name,
                index.get("type", "btree"),
                index.get("unique", False),
                ", ".join(index.get("include", [])),
                bool(index.get("where") or index.get("since")),
            )
            assert facts not in found, f"{name} is declared twice"
            found[facts] = index.get("serves", [])
    return found


def read_definition(definition: str) -> IndexFacts:
    """Facts of a `pg_get_indexdef`."""
    read = _DEFINED.match(_whole_columns(definition))
    assert read is not None, definition
    columns = read["columns"].replace("\0", "(").replace("\1", ")")
    columns = re.sub(r"\b(gin|gist)_trgm_ops", r"public.\1_trgm_ops", columns)
    name = f"{read['table']} ({columns})"
    since = _SINCE.search(read["where"] or "")
    if since:
        name += f" since {since[1]}"
    return IndexFacts(
        name,
        read["method"],
        bool(read["unique"]),
        read["include"] or "",
        bool(read["where"]),
    )


def _whole_columns(definition: str) -> str:
    """Parentheses within the columns, as of functions, marked to be told apart."""
    return re.sub(r"(\w)\(([^()]*)\)", "\\1\0\\2\1", definition)


def indexes_of(
    conn: psycopg.Connection, schema: str | None = None
) -> dict[str, tuple[IndexFacts, str | None]]:
    """Facts and comment of each index by its own name, of a schema or of all.

    Those of broken rules are left out: they follow from the tests of the models.
    """
    rows = conn.execute(
        r"""
        select
            relname,
            pg_get_indexdef(indexrelid),
            obj_description(indexrelid, 'pg_class')
        from pg_index
        inner join pg_class on pg_class.oid = indexrelid
        inner join pg_namespace on pg_namespace.oid = relnamespace
        where coalesce(
                nspname = %s::text,
                nspname in ('intermediate', 'marts', 'ml', 'raw')
            )
            and relname not like 'rule\_%%'
        """,
        [schema],
    ).fetchall()
    return {name: (read_definition(text), comment) for name, text, comment in rows}


@contextmanager
def fresh_database(postgres: EmbeddedServer) -> Iterator[str]:
    """A migrated database for the tests of a module."""
    address = postgres.ensure()
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute("select pg_advisory_lock(1)")
        conn.execute(f"create database {name} template {TEMPLATE}")
    yield address.url(name)
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")
