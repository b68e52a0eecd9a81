"""Sales from any CSV, Parquet or spreadsheet file, through a mapping of its columns.

`mapping` loads a mapping, `containers` finds and judges files, the grids read them as
rows of cells, `cells` reads values, `parse` makes rows of `raw.csv__sales` and rejects.
"""

from __future__ import annotations

from connectors.csv_mapping.containers import (
    PATTERNS,
    CsvContainer,
    containers_of,
    find_csv_containers,
)
from connectors.csv_mapping.parse import CSV_COLUMNS, SOURCE
from domain.sources import SourceInfo

INFO = SourceInfo(
    name="csv",
    title="Files of sales through a mapping",
    publisher="anyone",
    url=None,
    licence="that of the file",
    cadence="whenever a file is new",
    fields="what a mapping names: address, price, date, rooms, areas, point",
    limits="2 GiB a file unpacked, 40 million cells a sheet; no sale in the future",
    failure="a file that cannot be fetched is tried again by the next run; what is "
    "loaded stays in force",
    stale_hours=None,
    tables=("raw.csv__sales",),
)

__all__ = [
    "CSV_COLUMNS",
    "INFO",
    "PATTERNS",
    "SOURCE",
    "CsvContainer",
    "containers_of",
    "find_csv_containers",
]
