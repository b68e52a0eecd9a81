"""Victorian median prices by suburb: the Valuer-General's yearly and quarterly tables.

Belongs here: telling from header words which column is which year or quarter, which
counts sales, and which is a change to pass over. One row a locality and period. A table
is dated by the last period it covers (its publisher states no day).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from connectors.csv_mapping.rows import CsvRecord
from connectors.reference.cells import (
    SUPPRESSED,
    CellFault,
    dollars,
    is_null,
    whole,
)
from connectors.reference.headers import SEARCHED, words
from connectors.reference.model import Bound, Dataset, FileRefused, Good, Records
from connectors.reference.periods import Period, find_quarter, find_years
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, bad_cell, data_rows, unreadable
from domain.records import FieldsSeen

NAME: Final = "vic_suburb_medians"
COLUMNS: Final = (
    "dwelling_type",
    "locality",
    "council",
    "is_total",
    "period_kind",
    "period_start",
    "period_end",
    "is_preliminary",
    "median_aud",
    "sales_count",
    "is_suppressed",
)
_PLACE = re.compile(r"\b(locality|suburb|municipality|suburb/locality)\b")
_NOT_A_MEDIAN = re.compile(r"change|growth|%|ytd|year to date|p a\b|per annum")
_COUNT = re.compile(r"\b(no|number|count|sales)\b")
_BRACKETS = re.compile(r"(.+?)\s*\(([^()]+)\)\s*")
_TOTALS = re.compile(
    r"\b(total|metropolitan melbourne|country victoria|regional victoria)\b|^(metro|"
    r"metropolitan|country|victoria|state)$",
    re.IGNORECASE,
)
_DEEPEST_HEADER = 4


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns of one sheet: medians and, where given, sale counts by period."""

    sheet: str
    header_row: int
    place_at: int
    medians: dict[Period, int]
    counts: dict[Period, int]
    preliminary: frozenset[Period]
    texts: tuple[str, ...]
    dwelling_type: str


def bind(piece: Piece) -> Bound:
    """Recognise a table of medians, in the first sheet that is one."""
    layout = next(
        (found for sheet in piece.sheets() if (found := _layout(piece, sheet))), None
    )
    if layout is None:
        raise FileRefused(
            "not_suburb_medians",
            "No sheet of the file has a column of localities and columns of years or "
            "quarters.",
            "Give the Valuer-General's table of medians by suburb (CSV, XLS or XLSX).",
        )
    final = [period for period in layout.medians if period not in layout.preliminary]
    if any(period.kind == "quarter" for period in layout.medians):
        final = list(layout.medians)
    last = max(final or layout.medians, key=lambda period: period.end)
    part = f"{layout.dwelling_type}_{last.kind}"
    if last.kind == "quarter":
        # It shows a window of quarters, so the next one does not replace it.
        part += f"_{last.end.year}_q{(last.end.month + 2) // 3}"
    counts: dict[str, int] = {"periods": len(layout.medians)}
    shown = frozenset(filter(None, layout.texts))
    used = {layout.place_at, *layout.medians.values(), *layout.counts.values()}
    known = frozenset(layout.texts[at] for at in used)
    passed = frozenset(text for text in shown if _NOT_A_MEDIAN.search(text))
    return Bound(
        part=part,
        records=partial(_records, piece, layout, counts),
        covers=last.end,
        fields=FieldsSeen(f"{NAME} {part}", shown, known | passed),
        counts=counts,
    )


def _layout(piece: Piece, sheet: str) -> _Layout | None:
    head = piece.head(sheet, SEARCHED)
    for at, record in enumerate(head):
        place = _place_column(record)
        if place is None:
            continue
        # The header goes on while the place column is empty or words follow it alone.
        end = at + 1
        while end < len(head) and end - at < _DEEPEST_HEADER:
            cells = head[end].cells or []
            if place < len(cells) and cells[place].strip():
                break
            end += 1
        start = at
        while start > 0 and at - start < 2 and _is_heading(head[start - 1], place):
            start -= 1
        titles = " ".join(r.text for r in head[:at]) + f" {sheet} {piece.name}"
        found = _periods(head[start:end])
        if found is not None:
            medians, counts, preliminary, texts = found
            header_row = head[end - 1].row_number
            kind = _dwelling_type(titles + " " + " ".join(texts))
            return _Layout(
                sheet, header_row, place, medians, counts, preliminary, texts, kind
            )
    return None


def _place_column(record: CsvRecord) -> int | None:
    for at, cell in enumerate(record.cells or ()):
        if len(cell) < 40 and _PLACE.search(words(cell)):
            return at
    return None


def _is_heading(record: CsvRecord, place: int) -> bool:
    """A row above with years or quarters over the columns, not a title."""
    cells = [cell.strip() for cell in record.cells or ()]
    if place < len(cells) and cells[place]:
        return False
    return any(find_years(cell) or find_quarter(cell) for cell in cells)


def _periods(
    rows: Sequence[CsvRecord],
) -> (
    tuple[dict[Period, int], dict[Period, int], frozenset[Period], tuple[str, ...]]
    | None
):
    """Medians, counts and preliminary periods by the words over each column."""
    texts = _column_texts(rows)
    medians: dict[Period, int] = {}
    counts: dict[Period, int] = {}
    preliminary: set[Period] = set()
    for at, text in enumerate(texts):
        period = _period(text)
        if period is None or _NOT_A_MEDIAN.search(words(text)):
            continue
        if _COUNT.search(words(text)) and "median" not in text.casefold():
            counts.setdefault(period, at)
        else:
            medians.setdefault(period, at)
            if "prelim" in text.casefold() or "^" in text:
                preliminary.add(period)
    if not medians:
        return None
    return medians, counts, frozenset(preliminary), tuple(map(words, texts))


def _column_texts(rows: Sequence[CsvRecord]) -> list[str]:
    """Header cells of each column joined; a merged year holds to the right."""
    width = max(len(row.cells or ()) for row in rows)
    texts = [""] * width
    for row in rows:
        cells = [cell.strip() for cell in row.cells or ()]
        cells += [""] * (width - len(cells))
        texts = [
            f"{text} {cell}".strip() for text, cell in zip(texts, cells, strict=True)
        ]
    year = ""
    for at, text in enumerate(texts):
        years = find_years(text.replace("_", " "))
        if years:
            year = str(years[-1])
        elif year and find_quarter(text):
            texts[at] = f"{text} {year}"
    return texts


def _period(text: str) -> Period | None:
    plain = text.replace("_", " ")
    years = find_years(plain)
    quarter = find_quarter(plain)
    if quarter is not None:
        year = quarter[0] or (years[-1] if years else None)
        return Period.quarter(year, quarter[1]) if year else None
    return Period.year(years[0]) if len(years) == 1 else None


def _dwelling_type(text: str) -> str:
    plain = words(text)
    for kind, known in (
        ("unit", r"\b(units?|apartments?|flats?)\b"),
        ("land", r"\b(land|vacant)\b"),
        ("house", r"\bhouses?\b"),
    ):
        if re.search(known, plain):
            return kind
    return "unknown"


def _records(piece: Piece, layout: _Layout, counts: dict[str, int]) -> Records:
    for record in data_rows(piece, layout.sheet, layout.header_row):
        if record.cells is None:
            counts["lines"] = counts.get("lines", 0) + 1
            yield unreadable(record, len(layout.medians))
            continue
        cells = Cells({}, record.cells)
        place = cells.at(layout.place_at)
        filled = [p for p, at in layout.medians.items() if cells.at(at)]
        if not filled:
            counts["notes"] = counts.get("notes", 0) + 1
            continue
        counts["lines"] = counts.get("lines", 0) + 1
        if not any(char.isalpha() for char in place):
            fault = CellFault("locality", "missing", f"{place!r} is no locality.")
            yield bad_cell(record, fault, len(filled))
            continue
        counts["blank"] = counts.get("blank", 0) + len(layout.medians) - len(filled)
        for period in filled:
            yield from _record(record, layout, cells, place, period)


def _record(
    record: CsvRecord, layout: _Layout, cells: Cells, place: str, period: Period
) -> Records:
    cell = cells.at(layout.medians[period])
    try:
        median = dollars(cell, "median_aud")
        count_at = layout.counts.get(period)
        sales = (
            whole(cells.at(count_at), "sales_count") if count_at is not None else None
        )
    except CellFault as fault:
        yield bad_cell(record, fault)
        return
    if median is not None and float(median) == 0:
        median = None
    split = _BRACKETS.fullmatch(place)
    yield Good(
        record.row_number,
        (
            layout.dwelling_type,
            split[1] if split else place,
            split[2] if split else None,
            "t" if _TOTALS.search(place) else "f",
            period.kind,
            period.start.isoformat(),
            period.end.isoformat(),
            "t" if period in layout.preliminary else "f",
            median,
            sales,
            "t" if is_null(cell) or cell.casefold() in SUPPRESSED else "f",
        ),
    )


DATASET: Final = Dataset(
    name=NAME,
    table="raw.vic_valuer__suburb_medians",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv", ".xlsx", ".xls"),
    max_shrink=0.2,
)
