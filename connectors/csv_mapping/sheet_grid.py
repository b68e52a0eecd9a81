"""Spreadsheets (XLSX, XLS, ODS) as rows of cells.

Belongs here: limits before a workbook is opened, sheets, merged cells. A workbook is
read whole into memory by its reader, so what it would unfold to is checked first. Text
of values is `typed_cells`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.archives import MIB, Limits, UnsafeArchiveError, checked_members
from connectors.csv_mapping.rows import CsvRecord
from connectors.csv_mapping.typed_cells import TYPED_DATES, cell_text, typed_row
from connectors.workbooks import damage_told

#: Unpacked XML of a workbook.
_XML_BYTES = 1024 * MIB
#: Cells of one sheet, from its first to its last used row and column.
_CELLS = 40_000_000
#: A cell with a value; blank ones with a mere format do not count.
_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,4})(\d{1,8})"(?:[^>]*[^/>])?>')
#: Rows and cells of an ODS sheet: its start, a row's start and end, a cell.
_ODS_TAG = re.compile(
    rb"<(/?)(?:\w+:)?(table|table-row|table-cell|covered-table-cell)\b([^>]*?)(/?)>"
)
_REPEAT = re.compile(rb'number-(?:columns|rows)-repeated="(\d{1,10})"')
_CHUNK = 1 << 20
_OVERLAP = 512
Range = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class SheetGrid:
    """A workbook; its variants are the sheets, its rows are numbered as shown."""

    path: Path
    variants: tuple[str, ...]
    header: None = None
    has_sheets: bool = True
    #: A day typed without a date format is the number Excel keeps it as.
    date_formats: tuple[str, ...] = field(default=(*TYPED_DATES, "excel_serial"))

    def rows(self, variant: str, after: int = 0) -> Iterator[CsvRecord]:
        """Rows of a sheet after the given one; those without a value are left out."""
        from python_calamine import CalamineWorkbook

        with damage_told(), CalamineWorkbook.from_path(str(self.path)) as book:
            sheet = book.get_sheet_by_name(variant)
            merged = _Merged(sheet)
            names: list[str] = []
            for number, values in enumerate(sheet.iter_rows(), start=1):
                own = [_value(value) for value in values]
                filled = merged.fill(number, own.copy())
                if number <= after:
                    names = [cell_text(value) for value in filled]
                elif any(cell_text(value).strip() for value in own):
                    # A merged cell alone makes no row of a blank one.
                    yield typed_row(number, _keys(names, len(filled)), filled)


class _Merged:
    """Merged cells: only the first has the value, all of them show it."""

    def __init__(self, sheet: Any) -> None:
        left = sheet.start[1] if sheet.start else 0
        self._starting: dict[int, list[tuple[int, int, int]]] = {}
        for (top, first), (bottom, last) in _ranges(sheet):
            item = (first - left, last - left, bottom + 1)
            self._starting.setdefault(top + 1, []).append(item)
        self._open: list[tuple[int, int, int, Any]] = []

    def fill(self, number: int, values: list[Any]) -> list[Any]:
        self._open = [item for item in self._open if item[2] >= number]
        for first, last, bottom in self._starting.get(number, ()):
            if 0 <= first < len(values):
                self._open.append((first, last, bottom, values[first]))
        for first, last, _, value in self._open:
            for at in range(max(first, 0), min(last + 1, len(values))):
                values[at] = value
        return values


def _ranges(sheet: Any) -> list[Range]:
    found: list[Range] | None = sheet.merged_cell_ranges
    return found or []


def _value(value: Any) -> Any:
    return None if value == "" else value


def _keys(names: list[str], width: int) -> list[str]:
    """Names of the header above, for the row's JSON; letters where it has none."""
    from connectors.csv_mapping.layout import column_names

    known = column_names(names[:width])
    known += [""] * (width - len(known))
    return [name or _letters(at) for at, name in enumerate(known)]


def _letters(at: int) -> str:
    text = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        text = chr(65 + rest) + text
    return text


def open_sheets(path: Path, limits: Limits) -> SheetGrid:
    """Read the names of a workbook's sheets.

    Raises:
        ValueError: it is damaged or locked, or would unfold beyond the limits.
    """
    from python_calamine import CalamineWorkbook

    try:
        with path.open("rb") as stream:
            is_zip = stream.read(2) == b"PK"
        if is_zip:
            _check_zip(path, limits)
        with damage_told(), CalamineWorkbook.from_path(str(path)) as book:
            names = tuple(book.sheet_names)
    except UnsafeArchiveError as error:
        raise ValueError(str(error)) from error
    if not names:
        raise ValueError("it has no sheet")
    return SheetGrid(path, names)


def _check_zip(path: Path, limits: Limits) -> None:
    """Refuse what would unfold to more than memory holds, before it is opened."""
    with zipfile.ZipFile(path) as archive:
        total = 0
        for _, info in checked_members(archive, limits):
            total += info.file_size
            if total > _XML_BYTES:
                raise UnsafeArchiveError(f"it unpacks to more than {_XML_BYTES} bytes")
            name = info.filename.lower()
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                _check_extent(archive, info)
            elif name == "content.xml":
                _check_repeats(archive, info)


def _check_extent(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """One value at A1 and one at XFD1048576 would make 17 billion cells."""
    rows, columns = 0, 0
    for data in _windows(archive, info):
        for letters, digits in _CELL.findall(data):
            rows = max(rows, int(digits))
            columns = max(columns, _column_number(letters))
    if rows * columns > _CELLS:
        raise UnsafeArchiveError(
            f"a sheet reaches to row {rows} and column {columns}, beyond {_CELLS} cells"
        )


def _check_repeats(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """ODS writes runs of equal cells and rows as one: what they unfold to."""
    height = width = cells = used = repeat = 0
    skipped = 0
    for closing, tag, attributes, empty in _ods_tags(archive, info):
        found = _REPEAT.search(attributes)
        count = int(found[1]) if found else 1
        if tag == b"table":
            height = width = skipped = 0
        elif tag == b"table-row" and not closing:
            cells, used, repeat = 0, 0, count
        elif tag == b"table-row":
            # Blank rows count once a row with a value follows.
            if used:
                height += skipped + repeat
                skipped = 0
            else:
                skipped += repeat
            width = max(width, used)
        elif not closing:
            cells += count
            if not empty or b"value" in attributes:
                used = cells
        if height * width > _CELLS:
            raise UnsafeArchiveError(f"a sheet unfolds to more than {_CELLS} cells")


def _ods_tags(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    rest = b""
    for data in _pieces(archive, info):
        text = rest + data
        cut = text.rfind(b">") + 1
        for match in _ODS_TAG.finditer(text, 0, cut):
            yield match[1], match[2], match[3], match[4]
        rest = text[cut:][-_CHUNK:]


def _windows(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes in pieces that overlap, so that no tag is cut in all of them."""
    tail = b""
    for data in _pieces(archive, info):
        yield tail + data
        tail = data[-_OVERLAP:]


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    read = 0
    with archive.open(info) as stream:
        while data := stream.read(_CHUNK):
            read += len(data)
            if read > _XML_BYTES:
                raise UnsafeArchiveError(f"it unpacks to more than {_XML_BYTES} bytes")
            yield data


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
