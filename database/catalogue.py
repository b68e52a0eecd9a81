"""The query catalogue: the questions the product asks its database, as SQL files.

Belongs here: reading `queries/*.sql` and running one by its name. Each file's header
says what it answers, what it is given, which index answers it and how sample parameters
are found. Which index serves what is told a second time by the models' `indexes`
config; a test holds the two together and the plans to both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from database.errors import DatabaseError

FOLDER = Path(__file__).parent / "queries"
#: Rows that a sample of parameters is drawn from.
SAMPLE_ROWS = 4_000

_HEADER = re.compile(r"^-- (question|param|index|sample|needs): ?(.*)$")
_SAMPLED = re.compile(r"\{sample ([a-z_.]+)\}")
_PLACE = re.compile(r"%\((\w+)\)s")


class UnknownQuery(DatabaseError):
    """The catalogue holds no query of that name."""


@dataclass(frozen=True)
class Query:
    """One question: its SQL takes named parameters (`%(name)s`).

    `parameters` are (name, SQL type) in order; `indexes` are `table (columns)` as the
    models declare them; `sample_sql` selects rows of parameters by their names; `needs`
    names an optional extension.
    """

    name: str
    question: str
    parameters: tuple[tuple[str, str], ...]
    indexes: tuple[str, ...]
    sample_sql: str
    sql: str
    needs: str | None = None


@cache
def load_queries(folder: Path = FOLDER) -> Mapping[str, Query]:
    """Every query by name, in the order of names.

    Raises:
        DatabaseError: a header that does not fit its SQL.
    """
    return {path.stem: _read(path) for path in sorted(folder.glob("*.sql"))}


def query(name: str) -> Query:
    """The query of that name.

    Raises:
        UnknownQuery: there is none.
    """
    try:
        return load_queries()[name]
    except KeyError:
        known = ", ".join(load_queries())
        raise UnknownQuery(f"No query {name!r} in the catalogue: {known}") from None


def ask(
    conn: psycopg.Connection[Any], name: str, **parameters: Any
) -> list[dict[str, Any]]:
    """Run one query of the catalogue: its rows as dicts.

    Raises:
        UnknownQuery: there is none of that name.
    """
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(query(name).sql, parameters).fetchall()


def sample_parameters(
    conn: psycopg.Connection[Any], asked: Query, limit: int = 200, seed: int = 1
) -> list[dict[str, Any]]:
    """Rows of parameters that occur in this database, the same ones for a seed.

    Big tables are sampled by pages, so that this costs no scan.
    """
    statement = _SAMPLED.sub(
        lambda found: _sampled_table(conn, found[1], seed), asked.sample_sql
    )
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(
            f"select * from ({statement}) as s "  # noqa: S608
            f"order by md5(s::text || '{seed:d}') limit {limit:d}"
        ).fetchall()


def _sampled_table(conn: psycopg.Connection[Any], table: str, seed: int) -> str:
    row = conn.execute(
        "select greatest(reltuples, 1) from pg_class where oid = %s::regclass", [table]
    ).fetchone()
    assert row is not None
    share = min(100.0, 100 * SAMPLE_ROWS / float(row[0]))
    if share == 100:
        return table
    return f"{table} tablesample system ({share:.6f}) repeatable ({seed:d})"


def _read(path: Path) -> Query:
    found: dict[str, list[str]] = {}
    key = ""
    body: list[str] = []
    for line in path.read_text().splitlines():
        header = _HEADER.match(line)
        if header:
            key = header[1]
            found.setdefault(key, []).append(header[2].strip())
        elif line.startswith("--   ") and not body:
            found[key][-1] += " " + line[2:].strip()
        else:
            body.append(line)
    sql = "\n".join(body).strip()
    parameters = tuple(
        (name, kind) for name, kind in (text.split(" ", 1) for text in found["param"])
    )
    if {name for name, _ in parameters} != set(_PLACE.findall(sql)):
        raise DatabaseError(f"{path.name}: its parameters are not those of its SQL")
    return Query(
        name=path.stem,
        question=found["question"][0],
        parameters=parameters,
        indexes=tuple(found["index"]),
        sample_sql=found["sample"][0],
        sql=sql,
        needs=found["needs"][0] if "needs" in found else None,
    )


def catalogue_table() -> str:
    """Every query as a Markdown table, for the manual."""
    lines = ["| query | answers | by |", "| --- | --- | --- |"]
    for found in load_queries().values():
        indexes = ", ".join(f"`{index}`" for index in found.indexes)
        lines.append(f"| `{found.name}` | {found.question} | {indexes} |")
    return "\n".join(lines)
