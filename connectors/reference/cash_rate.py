"""RBA cash rate: statistical tables (F1, F1.1) and the list of target changes.

Belongs here: which layout a file has and what its rows become: one row a series and
date. A table is dated by its `Publication date` line, a list of changes by its newest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Final

from connectors.reference.cells import CellFault, number
from connectors.reference.headers import find_header
from connectors.reference.model import Bound, Dataset, FileRefused
from connectors.reference.periods import read_day
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, read_lines
from connectors.reference.time_series import (
    Series,
    SeriesTable,
    find_tables,
    read_observations,
)
from domain.records import FieldsSeen

NAME: Final = "cash_rate"
#: The RBA's series id of the cash rate target; what a list of changes holds too.
TARGET: Final = "FIRMMCRTD"
COLUMNS: Final = (
    "table_code",
    "series_id",
    "series_title",
    "unit",
    "frequency",
    "observed_on",
    "value",
)
_CHANGES: Final[dict[str, tuple[str, ...]]] = {
    "date": ("date", "effectivedate", "effective", "observedon"),
    "value": (
        "value",
        "cashratetarget%",
        "cashratetarget",
        "cashrate",
        "target",
        "rate",
    ),
    "source": ("source",),
}
_NEEDED: Final = ("date", "value")


def bind(piece: Piece) -> Bound:
    """Recognise an RBA table or a list of target changes. Raises FileRefused."""
    tables = find_tables(piece)
    if not tables:
        return _bind_changes(piece)
    series = [one for table in tables for one in table.series]
    published = [day for one in series if (day := read_day(one["published"]))]
    code = _table_code(tables, piece.name)
    counts: dict[str, int] = {}
    return Bound(
        part=code,
        records=partial(
            read_observations, piece, tables, partial(_observation, code), counts
        ),
        stated=max(published, default=None),
        stated_by="Publication date line",
        fields=FieldsSeen(
            f"{NAME} {code}",
            frozenset(one["series_id"] for one in series),
            frozenset(one["series_id"] for one in series),
            frozenset((TARGET,)) if code == "f1" else frozenset(),
            lists_all=True,
        ),
        counts=counts,
    )


def _table_code(tables: Sequence[SeriesTable], name: str) -> str:
    """`f1` or `f1.1`, from the table's title, else from the file's name."""
    for text in (tables[0].heading, name):
        match = re.search(r"\b([a-h])0?(\d{1,2}(?:\.\d)?)(?=\b|_)", text, re.IGNORECASE)
        if match:
            return f"{match[1]}{match[2]}".lower()
    return "table"


def _observation(
    code: str, series: Series, day: date, value: str
) -> Sequence[str | None]:
    return (
        code,
        series["series_id"],
        series["title"].strip() or None,
        series["unit"].strip() or None,
        series["frequency"].strip().casefold() or None,
        day.isoformat(),
        value,
    )


def _bind_changes(piece: Piece) -> Bound:
    for sheet in piece.sheets():
        try:
            header = find_header(piece.head(sheet), _CHANGES, _NEEDED)
            break
        except FileRefused:
            continue
    else:
        raise FileRefused(
            "not_cash_rate",
            "The file has neither a Series ID line nor columns of dates and rates.",
            "Give RBA table F1 or F1.1 (CSV or XLSX), or a CSV with date and value.",
        )
    counts: dict[str, int] = {}
    at = header.columns["date"]
    newest = None
    for record in piece.rows(sheet):
        cells = record.cells or []
        day = read_day(cells[at]) if at < len(cells) else None
        newest = max(filter(None, (newest, day)), default=None)
    return Bound(
        part="target_changes",
        records=partial(read_lines, piece, sheet, header, _change, counts),
        stated=newest,
        stated_by="newest change in the list",
        fields=header.fields(f"{NAME} target_changes", _NEEDED),
        counts=counts,
    )


def _change(cells: Cells) -> Sequence[str | None]:
    day = read_day(cells["date"])
    if day is None:
        raise CellFault("date", "unreadable", f"{cells['date']!r} is no date.")
    value = number(cells["value"], "value", -5, 100)
    if value is None:
        raise CellFault("value", "missing", "The row has no rate.")
    return (
        "target_changes",
        TARGET,
        "Cash Rate Target",
        "Per cent",
        "as announced",
        day.isoformat(),
        value,
    )


DATASET: Final = Dataset(
    name=NAME,
    table="raw.rba__cash_rate",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv", ".xlsx", ".xls"),
    max_shrink=0.05,
    keep=5,
)
