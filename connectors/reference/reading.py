"""Walking through the data rows of a file below its header.

Belongs here: what every line-by-line set does alike (counts, unreadable lines, faults
of cells turned into rejects). What a line means is each dataset's module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from connectors.csv_mapping.rows import CsvRecord
from connectors.reference.cells import CellFault
from connectors.reference.headers import Header
from connectors.reference.model import Bad, Good, Records
from connectors.reference.pieces import Piece

MEND_LINE = "Correct the line in the file, or fetch the file again."


class Cells:
    """The cells of one line by canonical name; "" where the file has no such column."""

    __slots__ = ("cells", "columns")

    def __init__(self, columns: Mapping[str, int], cells: Sequence[str]) -> None:
        self.columns = columns
        self.cells = cells

    def __getitem__(self, name: str) -> str:
        at = self.columns.get(name)
        return self.at(at) if at is not None else ""

    def at(self, position: int) -> str:
        """The stripped cell at a position; "" beyond the line's end."""
        cells = self.cells
        return cells[position].strip() if position < len(cells) else ""


Convert = Callable[[Cells], Sequence[str | None]]


def data_rows(piece: Piece, sheet: str, header_row: int) -> Iterator[CsvRecord]:
    """The non-empty rows below the header."""
    for record in piece.rows(sheet):
        if record.row_number > header_row:
            yield record


def read_lines(
    piece: Piece, sheet: str, header: Header, convert: Convert, counts: dict[str, int]
) -> Records:
    """One record a line. `counts["lines"]` counts them."""
    width = len(header.cells)
    needed = max(header.columns.values(), default=0) + 1
    for record in data_rows(piece, sheet, header.row_number):
        counts["lines"] = counts.get("lines", 0) + 1
        cells = record.cells
        if cells is None:
            yield unreadable(record)
        elif len(cells) < needed or any(cell.strip() for cell in cells[width:]):
            yield Bad(
                record.row_number,
                None,
                "column_count",
                f"The line has {len(cells)} fields where the header has {width}.",
                MEND_LINE,
                record.text,
            )
        else:
            try:
                yield Good(record.row_number, convert(Cells(header.columns, cells)))
            except CellFault as fault:
                yield bad_cell(record, fault)


def unreadable(record: CsvRecord, records: int = 1) -> Bad:
    """A line that cannot be split into cells."""
    text = record.original.text if record.original else record.text
    reason = record.problem or "the line cannot be read"
    reason = f"{reason[0].upper()}{reason[1:]}."
    return Bad(
        record.row_number, None, "line_unreadable", reason, MEND_LINE, text, records
    )


def bad_cell(record: CsvRecord, fault: CellFault, records: int = 1) -> Bad:
    """A line, or `records` records of it, refused for one cell."""
    return Bad(
        record.row_number,
        fault.field,
        fault.rule_id,
        fault.reason,
        fault.fix,
        record.text,
        records,
    )
