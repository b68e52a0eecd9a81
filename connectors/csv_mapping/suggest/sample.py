"""A sample of an unknown file: its layout, names and columns of cells.

Belongs here: finding delimiter, sheet and header without a mapping, and taking rows
from the whole file. What the columns mean is `proposal`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from connectors.csv_mapping.dates import date_reader
from connectors.csv_mapping.headers import HEAD_ROWS, Grid, common_width
from connectors.csv_mapping.layout import column_names, positional_names
from connectors.csv_mapping.mapping import NULL_TOKENS
from connectors.csv_mapping.numbers import read_money
from connectors.csv_mapping.rows import CsvRecord
from connectors.csv_mapping.suggest.vocabulary import NAMES, PART_NAMES, name_score

#: Rows looked at, and rows kept of them (evenly over what was looked at).
MOST_ROWS = 200_000
KEPT_ROWS = 6_000
#: A column with more different values holds no codes.
MOST_CODES = 60
#: Words for no value that a mapping has to list itself.
MORE_NULLS = frozenset(
    {"none", "unknown", "not available", "nil", "?", "tba", "not known", "n.a.", "xx"}
)
_NULLS = frozenset(NULL_TOKENS) | {""} | MORE_NULLS
_read_day = date_reader(
    ("yyyy-MM-dd", "d/M/yyyy", "M/d/yyyy", "yyyyMMdd", "d-MMM-yyyy", "d MMM yyyy")
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns of cells (blank: "") taken from the whole file, and how it is laid out.

    `header_row` is the header's line or row number, 0 without one; `after` the number
    of the last row above the data.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    has_header: bool
    after: int
    header_row: int
    variant: str
    row_count: int
    is_complete: bool
    has_sheets: bool = False
    #: Words for no value seen in each column, beyond the usual ones.
    null_words: tuple[frozenset[str], ...] = ()
    #: Values of all rows looked at, for columns that have few; rare codes are here.
    codes: tuple[Counter[str] | None, ...] = ()

    @property
    def size(self) -> int:
        """Rows in the sample."""
        return len(self.columns[0]) if self.columns else 0


def take_sample(grid: Grid) -> Sample | None:
    """A sample of a file's rows; None if it has none."""
    variant = _best_variant(grid)
    if variant is None:
        return None
    head = list(islice(_readable(grid.rows(variant)), HEAD_ROWS * 3))
    if not head:
        return None
    if grid.header is not None:
        names, header_row, after, has_header = list(grid.header), 0, 0, True
    else:
        at = _header_at(head)
        width = common_width(head)
        if at is None:
            names, header_row, has_header = positional_names(width), 0, False
            after = _first_data_row(head, width)
        else:
            names = list(head[at].cells or ())
            header_row, after, has_header = (
                head[at].row_number,
                head[at].last_number,
                True,
            )
    names = column_names(names)
    width = len(names)
    codes = _Codes(width)
    rows, count, is_complete = _thinned(grid.rows(variant, after), codes)
    columns = tuple(
        tuple(_clean(row[at]) if at < len(row) else "" for row in rows)
        for at in range(width)
    )
    return Sample(
        tuple(names),
        columns,
        has_header,
        after,
        header_row,
        variant,
        count,
        is_complete,
        grid.has_sheets,
        tuple(_null_words(rows, at) for at in range(width)),
        tuple(codes.counts),
    )


def _null_words(rows: list[list[str]], at: int) -> frozenset[str]:
    cells = {row[at].strip() for row in rows if at < len(row)}
    return frozenset(cell for cell in cells if cell.casefold() in MORE_NULLS)


def _clean(cell: str) -> str:
    text = cell.strip()
    return "" if text.casefold() in _NULLS else text


class _Codes:
    """Counts the values of columns that have few different ones."""

    def __init__(self, width: int) -> None:
        self.counts: list[Counter[str] | None] = [Counter() for _ in range(width)]

    def add(self, cells: list[str]) -> None:
        for at, counts in enumerate(self.counts):
            if counts is not None and at < len(cells):
                counts[_clean(cells[at])] += 1
                if len(counts) > MOST_CODES:
                    self.counts[at] = None


def _thinned(
    rows: Iterator[CsvRecord], codes: _Codes
) -> tuple[list[list[str]], int, bool]:
    """Rows at even distances; rows read; whether these were all."""
    kept: list[list[str]] = []
    step, count = 1, 0
    for row in rows:
        if row.cells is None:
            continue
        count += 1
        codes.add(row.cells)
        if count % step == 0:
            kept.append(row.cells)
            if len(kept) >= KEPT_ROWS:
                kept = kept[1::2]
                step *= 2
        if count >= MOST_ROWS:
            return kept, count, False
    return kept, count, True


def _best_variant(grid: Grid) -> str | None:
    """The delimiter, or sheet, that gives the widest rows of one width."""
    best: tuple[float, str] | None = None
    for variant in grid.variants:
        rows = list(islice(_readable(grid.rows(variant)), HEAD_ROWS * 3))
        if not rows:
            continue
        widths = Counter(len(row.cells or ()) for row in rows)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        width = common_width(rows) if grid.has_sheets else width
        score = min(width, 30) * count / len(rows) if width > 1 else 0.0
        # Of sheets the longest, of delimiters the one that cuts most evenly.
        score = score * len(rows) if grid.has_sheets else score
        if best is None or score > best[0]:
            best = score, variant
    return best[1] if best else None


def _header_at(rows: list[CsvRecord]) -> int | None:
    """Index of the header among the first rows, None if there is none."""
    width = common_width(rows)
    for at, row in enumerate(rows[:HEAD_ROWS]):
        cells = [cell.strip() for cell in row.cells or ()]
        filled = [cell for cell in cells if cell]
        if len(filled) < max(2, 0.6 * width) or len(cells) < width * 0.8:
            continue
        if len(set(filled)) < len(filled) * 0.5:
            # One text in every cell: a merged title.
            continue
        if any(_is_data(cell) for cell in filled):
            return None
        return at if _heads(filled, rows[at + 1 :]) else None
    return None


def _heads(filled: list[str], below: list[CsvRecord]) -> bool:
    """Whether these texts are names: known ones, or texts above data."""
    known = sum(is_known_name(cell) for cell in filled)
    if known >= max(1, len(filled) // 4):
        return True
    data = sum(
        any(_is_data(cell.strip()) for cell in row.cells or ()) for row in below[:20]
    )
    return bool(below) and data * 2 >= len(below[:20])


def is_known_name(header: str) -> bool:
    """Whether a text is what people call some column."""
    return any(
        name_score(header, canonical, names) >= 0.8
        for table in (NAMES, PART_NAMES)
        for canonical, names in table.items()
    )


def _is_data(cell: str) -> bool:
    return read_money(cell) is not None or _read_day(cell) is not None


def _first_data_row(rows: list[CsvRecord], width: int) -> int:
    """Number of the row above the first that is as wide as most."""
    for row in rows:
        cells = row.cells or []
        if sum(bool(cell.strip()) for cell in cells) >= 0.6 * width:
            return row.row_number - 1
    return 0


def _readable(rows: Iterator[CsvRecord]) -> Iterator[CsvRecord]:
    return (row for row in rows if row.cells is not None)
