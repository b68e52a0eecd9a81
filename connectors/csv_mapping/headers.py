"""Which row of a file is its header, for a mapping.

Belongs here: the view of any file as rows of cells, and choosing delimiter or sheet and
header row by the names a mapping wants. Unknown files are judged in `suggest`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from connectors.csv_mapping.layout import column_names, positional_names
from connectors.csv_mapping.mapping import Mapping
from connectors.csv_mapping.rows import CsvRecord

#: The header is looked for in so many rows.
HEAD_ROWS = 20


class Grid(Protocol):
    """A file as rows of cells, before anyone knows which row is the header."""

    @property
    def variants(self) -> tuple[str, ...]:
        """Ways to read it: delimiters of a text file, sheets of a workbook."""
        ...

    @property
    def has_sheets(self) -> bool:
        """True for a workbook."""
        ...

    @property
    def header(self) -> tuple[str, ...] | None:
        """The names, where the format itself keeps them; then no row is a header."""
        ...

    @property
    def date_formats(self) -> tuple[str, ...]:
        """Forms in which the format's own dates come."""
        ...

    def rows(self, variant: str, after: int = 0) -> Iterator[CsvRecord]:
        """The rows after the given row number."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """A file's header: its names, how to read the file, and the row before the data."""

    names: tuple[str, ...]
    variant: str
    after: int


def find_head(grid: Grid, mapping: Mapping) -> Head | None:
    """The header for a mapping, in the variant that finds most of its names.

    None if the file has no row at all.
    """
    if grid.header is not None:
        return Head(grid.header, grid.variants[0], 0)
    wanted = {name.casefold() for name in mapping.source_names}
    best: tuple[tuple[int, int, int], Head] | None = None
    for variant in _variants(grid, mapping):
        skipped = mapping.skip_lines or 0
        rows = list(islice(_readable(grid.rows(variant, skipped)), HEAD_ROWS))
        if not rows:
            continue
        head, score = _head(rows, variant, mapping, wanted)
        rank = (score, len(head.names), 0)
        if best is None or rank > best[0]:
            best = rank, head
    return best[1] if best else None


def _variants(grid: Grid, mapping: Mapping) -> tuple[str, ...]:
    if mapping.sheet is None or not grid.has_sheets:
        return grid.variants
    if isinstance(mapping.sheet, int):
        return grid.variants[mapping.sheet - 1 : mapping.sheet]
    wanted = mapping.sheet.strip().casefold()
    return tuple(name for name in grid.variants if name.strip().casefold() == wanted)


def _head(
    rows: list[CsvRecord], variant: str, mapping: Mapping, wanted: set[str]
) -> tuple[Head, int]:
    if not mapping.has_header:
        width = common_width(rows)
        names = tuple(positional_names(width))
        return Head(names, variant, mapping.skip_lines or 0), width
    scores = [_score(row, wanted) for row in rows]
    at = 0
    if mapping.skip_lines is None:
        # The first of the rows that have most of the names.
        at = scores.index(max(scores))
    row = rows[at]
    names = tuple(row.cells or ())
    return Head(names, variant, row.last_number), scores[at]


def _score(row: CsvRecord, wanted: set[str]) -> int:
    names = {name.casefold() for name in column_names(row.cells or ())}
    return len(names & wanted)


def common_width(rows: Iterable[CsvRecord]) -> int:
    """Cells most of the rows have, blanks at their end not counted."""
    widths: Counter[int] = Counter()
    for row in rows:
        cells = row.cells or []
        last = max((at for at, cell in enumerate(cells) if cell.strip()), default=-1)
        widths[max(last + 1, 1)] += 1
    most = max(widths.values(), default=0)
    return max((width for width, count in widths.items() if count == most), default=0)


def _readable(rows: Iterator[CsvRecord]) -> Iterator[CsvRecord]:
    return (row for row in rows if row.cells is not None)
