"""ABS residential property price indexes, and other ABS time series of the same layout.

Belongs here: what a series' description becomes (measure, region) and the release's
date: the workbook's "Released at" line, else the end of its last quarter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from typing import Final

from connectors.reference.headers import words
from connectors.reference.model import Bound, Dataset, FileRefused
from connectors.reference.periods import find_day, read_month
from connectors.reference.pieces import Piece
from connectors.reference.time_series import Series, find_tables, read_observations
from domain.records import FieldsSeen

NAME: Final = "price_index"
COLUMNS: Final = (
    "series_id",
    "measure",
    "region",
    "unit",
    "series_type",
    "data_type",
    "frequency",
    "period_end",
    "value",
)


def bind(piece: Piece) -> Bound:
    """Recognise an ABS time series file. Raises FileRefused."""
    tables = find_tables(piece)
    if not tables:
        raise FileRefused(
            "not_time_series",
            "The file has no Series ID line, so it is no ABS time series.",
            "Give the ABS time series spreadsheet (XLSX), or its sheet Data1 as CSV.",
        )
    series = [one for table in tables for one in table.series]
    ends = [day for one in series if (day := read_month(one["series_end"]))]
    released = _released(piece)
    counts: dict[str, int] = {}
    measure = _described(series[0])[0] if series else "series"
    part = words(measure).replace(" ", "_") or "series"
    titles = frozenset(one["title"].strip() for one in series)
    return Bound(
        part=part,
        records=partial(read_observations, piece, tables, _observation, counts),
        stated=released,
        stated_by='"Released at" line',
        covers=max(ends, default=None),
        fields=FieldsSeen(f"{NAME} {part}", titles, titles, lists_all=True),
        counts=counts,
    )


def _released(piece: Piece) -> date | None:
    """The day of the workbook's "Released at ..." line, on whichever sheet it is."""
    for text in _heads(piece):
        if match := re.search(r"released\s+(?:at|on).{0,60}", text, re.IGNORECASE):
            return find_day(match[0])
    return None


def _heads(piece: Piece) -> Iterator[str]:
    for sheet in piece.sheets():
        for record in piece.head(sheet, 12):
            yield record.text


def _described(series: Series) -> tuple[str, str | None]:
    """(measure, region) of `Residential Property Price Index ;  Sydney ;`."""
    named = series["title"] or series["description"]
    parts = [part.strip() for part in named.split(";") if part.strip()]
    if len(parts) < 2:
        return (parts[0] if parts else ""), None
    return " ; ".join(parts[:-1]), parts[-1]


def _observation(series: Series, day: date, value: str) -> Sequence[str | None]:
    measure, region = _described(series)
    return (
        series["series_id"],
        measure or None,
        region,
        series["unit"].strip() or None,
        series["series_type"].strip() or None,
        series["data_type"].strip() or None,
        series["frequency"].strip().casefold() or None,
        day.isoformat(),
        value,
    )


DATASET: Final = Dataset(
    name=NAME,
    table="raw.abs__price_index",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv", ".xlsx", ".xls"),
    max_shrink=0.05,
)
