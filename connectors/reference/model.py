"""The shapes every reference set shares: what a file turned out to be, and its rows.

Belongs here: frozen records between a dataset's module (which knows one publisher's
layout) and the machinery of releases. How files are opened is `pieces`, how releases
are formed `releases`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from domain.records import FieldsSeen

if TYPE_CHECKING:
    from connectors.reference.pieces import Piece

#: What every raw table of a reference set ends with, after its business columns.
ROW_TAIL = ("_row_hash", "_row_number")


@dataclass(frozen=True, slots=True)
class Good:
    """One business record: its line and its values in the dataset's column order.

    Values are PostgreSQL input text; None and the empty string are null.
    """

    row_number: int
    values: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Bad:
    """One refused record, or several of one line (`records`)."""

    row_number: int
    field: str | None
    rule_id: str
    reason: str
    fix: str
    text: str
    records: int = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """Many good records at once, already in the row dialect (fast path of big sets).

    `lines` lack the release id in front and hash and line number behind.
    """

    row_numbers: list[int]
    lines: list[str]


Records = Iterator[Good | Bad | Packed]


class FileRefused(Exception):
    """A file that is not what the dataset expects, as a whole."""

    def __init__(
        self, rule_id: str, reason: str, fix: str, field: str | None = None
    ) -> None:
        super().__init__(reason)
        self.rule_id = rule_id
        self.reason = reason
        self.fix = fix
        self.field = field


@dataclass(frozen=True, slots=True)
class Bound:
    """A file recognised as one of a dataset's layouts, ready to be read.

    `part` names the publisher's table (edition, geography, quarter): releases replace
    each other within a part. `stated` is the release date the file itself states and
    `stated_by` what it was read from. `covers` is the last day its figures cover.
    `counts` is filled while the records are read.
    """

    part: str
    records: Callable[[], Records]
    stated: date | None = None
    stated_by: str = "file"
    covers: date | None = None
    fields: FieldsSeen | None = None
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One reference set: its table, how its files are read, how its releases behave.

    Args:
        name: ledger source and setting.
        table: raw table, schema included.
        columns: business columns, in the order of `Good.values`.
        bind: recognises a file; raises FileRefused.
        endings: lower-case file endings worth opening (`.gz` is understood).
        joins_files: files of one date are one release (a set split by district).
        max_shrink: share of the current release's rows a newer one may lack.
        keep: releases kept per part, the current one included; None keeps all.
        is_partitioned: each release lies in a partition of its own, dropped whole.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    bind: Callable[[Piece], Bound]
    endings: tuple[str, ...]
    joins_files: bool = False
    max_shrink: float = 0.1
    keep: int | None = None
    is_partitioned: bool = False

    @property
    def row_columns(self) -> tuple[str, ...]:
        """Columns of the row text handed to the loader."""
        return ("release_id", *self.columns, *ROW_TAIL)
