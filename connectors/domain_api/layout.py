"""The shapes a Domain endpoint is described with: columns, datasets, their source.

Belongs here: the vocabulary. Which columns each table has is `datasets`, how a value is
read `values`, how a body becomes rows `parse`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.records import TargetTable

SOURCE = "domain"

Kind = Literal[
    "text",
    "postcode",
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "boolean",
    "instant",
    "date",
    "json",
]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column and the JSON it comes from.

    `path` are keys below the record; one that starts with `@` is a fact of the request
    or of the item around the record (a city, a project). Columns of `instant` kind
    without an offset are Sydney time.
    """

    name: str
    kind: Kind
    path: tuple[str, ...]
    required: bool = False

    @property
    def pointer(self) -> str:
        """JSON pointer below the record."""
        return "".join(f"/{key}" for key in self.path)


def column(name: str, kind: Kind, path: str, *, required: bool = False) -> Column:
    """A column by its dotted path."""
    return Column(name, kind, tuple(path.split(".")), required=required)


@dataclass(frozen=True, slots=True)
class Part:
    """One record inside a line of a body: where it is, and what is known around it."""

    pointer: str
    record: object
    around: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a record; `pointer` is below the record."""

    pointer: str
    rule_id: str
    reason: str
    fix: str


#: Values read so far, by column name.
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One endpoint's answers and the table they become.

    `parts` finds the records in one line of a landed body. `identity` are the facts
    around a record that belong to its content. `known` are the field names of the
    endpoint, `required` those we cannot do without, both below `root`.
    """

    name: str
    table: str
    columns: tuple[Column, ...]
    parts: Callable[[object, Json], Iterator[Part]]
    known: frozenset[str]
    required: frozenset[str]
    identity: tuple[str, ...] = ()
    key: str | None = None
    checks: tuple[Callable[[Values], Iterator[Problem]], ...] = ()

    @property
    def target(self) -> TargetTable:
        """Where its rows go."""
        own = ("observed_at", "payload", "_row_hash", "_row_number")
        names = (*(item.name for item in self.columns), *own)
        return TargetTable(SOURCE, self.table, names)


def columns(kind: Kind, **paths: str) -> tuple[Column, ...]:
    """Columns of one kind: name and dotted path."""
    return tuple(column(name, kind, path) for name, path in paths.items())


def whole(item: object, request: Json) -> Iterator[Part]:
    """The line is the record; the request's own facts lie around it."""
    yield Part("", item, request)
