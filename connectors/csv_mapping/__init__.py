"""Sales from any CSV file, through a YAML mapping of its columns.

`mapping` loads a mapping, `containers` finds and judges files, `rows` splits records,
`cells` reads values, `parse` makes rows of `raw.csv__sales` and rejects.
"""

from __future__ import annotations

from connectors.csv_mapping.containers import CsvContainer, find_csv_containers
from connectors.csv_mapping.parse import CSV_COLUMNS, SOURCE

__all__ = ["CSV_COLUMNS", "SOURCE", "CsvContainer", "find_csv_containers"]
