"""Series in columns under metadata lines: the layout of RBA tables and ABS time series.

Belongs here: reading `Series ID` and the lines above it, then a date and one figure a
series in each row, from CSV and from workbooks. What a set keeps of it is its module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from connectors.csv_mapping.rows import CsvRecord
from connectors.reference.cells import CellFault, is_null, number
from connectors.reference.headers import words
from connectors.reference.model import Good, Records
from connectors.reference.periods import read_day, read_month
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, bad_cell, unreadable

#: Labels of the metadata lines, and what a line of each is called here.
_LABELS = {
    "title": "title",
    "description": "description",
    "frequency": "frequency",
    "type": "series_type",
    "series type": "series_type",
    "units": "unit",
    "unit": "unit",
    "data type": "data_type",
    "collection month": "collection_month",
    "source": "source",
    "publication date": "published",
    "series start": "series_start",
    "series end": "series_end",
    "no obs": "observations",
    "series id": "series_id",
}
_SEARCHED = 60


@dataclass(frozen=True, slots=True)
class Series:
    """One column: its position and its metadata by canonical label."""

    at: int
    facts: Mapping[str, str]

    def __getitem__(self, label: str) -> str:
        return self.facts.get(label, "")


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """One sheet of series. `heading` is the text of the lines above the metadata."""

    sheet: str
    header_row: int
    heading: str
    labels: frozenset[str]
    series: tuple[Series, ...]


def find_tables(piece: Piece) -> list[SeriesTable]:
    """Every sheet that has a `Series ID` line (the ABS fills Data1, Data2, ...)."""
    tables = (_table(piece, sheet) for sheet in piece.sheets())
    return [table for table in tables if table is not None]


def _table(piece: Piece, sheet: str) -> SeriesTable | None:
    facts: dict[str, list[str]] = {}
    heading: list[str] = []
    names: list[str] = []
    for record in islice(piece.rows(sheet), _SEARCHED):
        cells = [cell.strip() for cell in record.cells or ()]
        label = _LABELS.get(words(cells[0])) if cells else None
        if label:
            facts[label] = cells
        elif not facts and len([cell for cell in cells if cell]) > 1 and not cells[0]:
            names = cells
        elif not facts:
            heading.append(" ".join(filter(None, cells)))
        if label == "series_id":
            facts.setdefault("title", names)
            return SeriesTable(
                sheet,
                record.row_number,
                " ".join(heading),
                frozenset(facts),
                tuple(_series(cells, facts)),
            )
    return None


def _series(ids: list[str], facts: Mapping[str, list[str]]) -> Iterator[Series]:
    for at, series_id in enumerate(ids):
        if at and series_id:
            of_it = {k: v[at] for k, v in facts.items() if at < len(v)}
            yield Series(at, of_it)


def read_period(text: str, frequency: str) -> date | None:
    """Last day of the period a row's first cell names; days stay as they are."""
    if frequency.casefold().startswith(("month", "quarter", "half", "annual", "year")):
        return read_month(text)
    return read_day(text) or read_month(text)


def read_observations(
    piece: Piece,
    tables: Sequence[SeriesTable],
    make: Callable[[Series, date, str], Sequence[str | None]],
    counts: dict[str, int],
) -> Records:
    """One record a figure; empty cells are counted as `blank`, notes as `notes`."""
    counts["series"] = sum(len(table.series) for table in tables)
    for table in tables:
        for record in piece.rows(table.sheet):
            if record.row_number > table.header_row:
                yield from _row(record, table, make, counts)


def _row(
    record: CsvRecord,
    table: SeriesTable,
    make: Callable[[Series, date, str], Sequence[str | None]],
    counts: dict[str, int],
) -> Records:
    def count(name: str) -> None:
        counts[name] = counts.get(name, 0) + 1

    if record.cells is None:
        count("lines")
        yield unreadable(record, len(table.series))
        return
    cells = Cells({}, record.cells)
    filled = [series for series in table.series if not is_null(cells.at(series.at))]
    stamp = cells.at(0)
    frequency = table.series[0]["frequency"] if table.series else ""
    day = read_period(stamp, frequency)
    if day is None and not filled:
        count("notes")
        return
    count("lines")
    if day is None or not 1900 <= day.year <= 2100:
        reason = (
            f"{stamp!r} is no date of the form 31/03/2026, 04-Jan-2011 or Sep-2003."
        )
        fault = CellFault("date", "unreadable", reason)
        yield bad_cell(record, fault, len(filled))
        return
    counts["blank"] = counts.get("blank", 0) + len(table.series) - len(filled)
    for series in filled:
        try:
            value = number(cells.at(series.at), series["series_id"])
        except CellFault as fault:
            yield bad_cell(record, fault)
            continue
        if value is not None:
            yield Good(record.row_number, make(series, day, value))
