"""Parquet files as rows of cells, a batch at a time.

Belongs here: opening them within limits and reading values that Python cannot hold as
they are. Text of values is `typed_cells`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.archives import Limits
from connectors.csv_mapping.layout import column_names
from connectors.csv_mapping.rows import CsvRecord
from connectors.csv_mapping.typed_cells import TYPED_DATES, typed_row

_BATCH = 2_000
#: Columns are read through a buffer of so many bytes, not whole.
_BUFFER = 1 << 20
#: Real rows take more than a fiftieth of a byte; a bomb of runs takes less.
_ROWS_PER_BYTE = 50
_LEAST_ROWS = 1_000_000
_UNREADABLE = "#unreadable"


@dataclass(frozen=True, slots=True)
class ParquetGrid:
    """A Parquet file; its schema is the header, its rows are numbered from 1."""

    path: Path
    header: tuple[str, ...]
    row_count: int
    variants: tuple[str, ...] = ("",)
    has_sheets: bool = False
    date_formats: tuple[str, ...] = field(default=TYPED_DATES)

    def rows(self, variant: str = "", after: int = 0) -> Iterator[CsvRecord]:
        """The rows after the given one, in bounded memory."""
        from pyarrow import ArrowException  # type: ignore[import-untyped]

        names = column_names(self.header)
        try:
            with _open(self.path) as file:
                number = 0
                for batch in file.iter_batches(_BATCH, use_threads=False):
                    columns = [_values(column) for column in batch.columns]
                    for values in zip(*columns, strict=True):
                        number += 1
                        if number > after:
                            yield typed_row(number, names, values)
        except ArrowException as error:
            raise ValueError(_first_line(error)) from error


def open_parquet(path: Path, limits: Limits) -> ParquetGrid:
    """Read the schema of a Parquet file, and decode it once to know that it is whole.

    Raises:
        ValueError: it is damaged, or holds more than the limits allow.
    """
    from pyarrow import ArrowException

    try:
        with _open(path) as file:
            metadata = file.metadata
            names = tuple(str(name) for name in file.schema_arrow.names)
            rows = int(metadata.num_rows)
            groups = range(metadata.num_row_groups)
            unpacked = max(
                (metadata.row_group(at).total_byte_size for at in groups), default=0
            )
    except ArrowException as error:
        raise ValueError(_first_line(error)) from error
    if unpacked > limits.member_bytes or rows > max(
        _LEAST_ROWS, path.stat().st_size * _ROWS_PER_BYTE
    ):
        raise ValueError(
            f"it would unpack to {rows} rows in groups of up to {unpacked} bytes, "
            "beyond the limits"
        )
    try:
        with _open(path) as file:
            read = sum(
                batch.num_rows for batch in file.iter_batches(_BATCH, use_threads=False)
            )
    except ArrowException as error:
        raise ValueError(_first_line(error)) from error
    if read != rows:
        raise ValueError(f"it holds {read} rows and says {rows}")
    return ParquetGrid(path, names, rows)


def _open(path: Path) -> Any:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    return pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)


def _values(column: Any) -> list[Any]:
    """A column's values as Python's; what Python cannot hold is marked unreadable."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        # Nanoseconds would need pandas, and mean nothing for a day.
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(item) for item in column]


def _value(item: Any) -> Any:
    try:
        return item.as_py()
    except UnicodeDecodeError:
        return item.as_buffer().to_pybytes().decode("utf-8", "replace")
    except Exception:  # a value of any kind that Python has no word for
        return _UNREADABLE


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300] or type(error).__name__
