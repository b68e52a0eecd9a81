"""Reference files out of whatever they come in: plain, gzip, ZIP, or a workbook.

Belongs here: unwrapping, fingerprints, encoding, and rows of cells from text and from
workbooks alike. What the cells mean is each dataset's module.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from connectors.archives import (
    DEFAULT_LIMITS,
    Limits,
    UnsafeArchiveError,
    checked_members,
    limited,
    open_gzip,
    open_member,
)
from connectors.csv_mapping.rows import CsvRecord, RecordReader
from connectors.lines import CHUNK, read_blocks
from connectors.nsw_valuer.scan import READ_ERRORS
from connectors.workbooks import damage_told
from domain.records import storable_text

#: Workbooks are read into memory; the publishers' largest is about 12 MB.
WORKBOOK_BYTES = 128 << 20
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
_OLE = b"\xd0\xcf\x11\xe0"
_DELIMITERS = (",", "|", ";", "\t")
Opener = Callable[[], BinaryIO]
Kind = Literal["text", "workbook"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One unwrapped file. `damage` says why it cannot be read, None if it can.

    `name` is what the ledger calls it (`outer.zip/inner.csv`); `sha256` and `size` are
    of the unwrapped bytes, so that one content is one file however it is packed.
    """

    name: str
    outer: str
    open: Opener
    kind: Kind
    modified: date
    sha256: str
    size: int
    encoding: str = "utf-8"
    damage: str | None = None

    def sheets(self) -> list[str]:
        """Names of the workbook's sheets; one nameless sheet for text."""
        return list(self._workbook().sheet_names) if self.kind == "workbook" else [""]

    def rows(
        self, sheet: str = "", delimiter: str | None = None
    ) -> Iterator[CsvRecord]:
        """Every non-empty row with its line number, cells as stripped text."""
        if self.kind == "workbook":
            yield from self._sheet_rows(sheet)
            return
        delimiter = delimiter or self.delimiter()
        with self.open() as stream:
            blocks = read_blocks(stream, encoding=self.encoding)
            for record in RecordReader(blocks, delimiter):
                if record.row_number == 1 and record.cells:
                    record.cells[0] = record.cells[0].lstrip("\ufeff")
                yield record

    def head(self, sheet: str = "", count: int = 60) -> list[CsvRecord]:
        """The first rows."""
        return list(islice(self.rows(sheet), count))

    def delimiter(self) -> str:
        """The delimiter that splits the first lines most, all taken together."""
        with self.open() as stream:
            text = stream.read(65_536).decode(self.encoding, "replace")
        lines = text.splitlines()[:30]
        return max(
            _DELIMITERS,
            key=lambda mark: sum(line.count(mark) for line in lines),
        )

    def _workbook(self) -> Any:
        from python_calamine import CalamineWorkbook

        with self.open() as stream, damage_told():
            return CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))

    def _sheet_rows(self, sheet: str) -> Iterator[CsvRecord]:
        workbook = self._workbook()
        with damage_told():
            found = workbook.get_sheet_by_name(sheet)
            if found.start is None:
                return
            top, left = found.start
            rows = found.to_python()
        for number, row in enumerate(rows, start=top + 1):
            cells = [""] * left + [cell_text(value) for value in row]
            if any(cells):
                yield CsvRecord(number, cells, None, "\t".join(cells))


def cell_text(value: object) -> str:
    """A workbook cell as text: whole numbers without `.0`, dates as YYYY-MM-DD."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value).strip()


def find_pieces(
    path: Path,
    endings: tuple[str, ...],
    limits: Limits = DEFAULT_LIMITS,
    *,
    name: str | None = None,
) -> Iterator[Piece]:
    """The data files in one outer file, in name order, each read once to its end.

    Members of a ZIP whose name has none of `endings` are passed over; a ZIP without
    any is one damaged piece.
    """
    name = name or storable_text(path.name)
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    with path.open("rb") as stream:
        magic = stream.read(4)
    lower = path.name.lower()
    if magic.startswith(b"PK") and not lower.endswith(_WORKBOOKS):
        yield from _members(path, name, modified, endings, limits)
    elif magic.startswith(b"\x1f\x8b"):
        inner = lower.removesuffix(".gz")
        yield _piece(name, name, lambda: open_gzip(path, limits), inner, modified)
    else:
        yield _piece(name, name, lambda: _open_plain(path, limits), lower, modified)


def _open_plain(path: Path, limits: Limits) -> BinaryIO:
    return limited(cast("BinaryIO", path.open("rb")), limits.member_bytes, path.name)


def _members(
    path: Path, name: str, modified: date, endings: tuple[str, ...], limits: Limits
) -> Iterator[Piece]:
    found = False
    try:
        with zipfile.ZipFile(path) as archive:
            members = list(checked_members(archive, limits))
        for inner, info in members:
            lower = info.filename.lower()
            hidden = any(
                part.startswith((".", "__MACOSX")) for part in inner.split("/")
            )
            if hidden or not lower.removesuffix(".gz").endswith(endings):
                continue
            found = True
            opener = _member_opener(path, info, limits, lower.endswith(".gz"))
            day = date(*info.date_time[:3]) if info.date_time[0] > 1980 else modified
            full = f"{name}/{storable_text(inner)}"
            yield _piece(full, name, opener, lower.removesuffix(".gz"), day)
    except (
        zipfile.BadZipFile,
        UnsafeArchiveError,
        NotImplementedError,
        ValueError,
    ) as error:
        yield _damaged(path, name, modified, f"The ZIP cannot be opened: {error}.")
        return
    if not found:
        wanted = ", ".join(endings)
        reason = f"The ZIP holds no file of the wanted kinds ({wanted})."
        yield _damaged(path, name, modified, reason)


def _member_opener(
    path: Path, info: zipfile.ZipInfo, limits: Limits, is_gzip: bool
) -> Opener:
    def open_it() -> BinaryIO:
        # A closed archive keeps its file open for the streams that came out of it.
        with zipfile.ZipFile(path) as archive:
            stream = open_member(archive, info, limits)
        if not is_gzip:
            return stream
        packed = gzip.GzipFile(fileobj=stream)
        return limited(cast("BinaryIO", packed), limits.member_bytes, info.filename)

    return open_it


def _damaged(path: Path, name: str, modified: date, reason: str) -> Piece:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    size = path.stat().st_size
    return Piece(
        name,
        name,
        lambda: path.open("rb"),
        "text",
        modified,
        sha256,
        size,
        "utf-8",
        reason,
    )


def _piece(name: str, outer: str, open_it: Opener, lower: str, modified: date) -> Piece:
    """Read the file once: fingerprint, size, encoding, damage."""
    digest = hashlib.sha256()
    size = 0
    head = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8"
    damage = None
    try:
        with open_it() as stream:
            while data := stream.read(CHUNK):
                digest.update(data)
                size += len(data)
                head = head or data[:8192]
                if encoding == "utf-8":
                    try:
                        decoder.decode(data)
                    except UnicodeDecodeError:
                        encoding = "latin-1"
    except READ_ERRORS as error:
        told = error or type(error).__name__
        damage = f"The file cannot be read to its end: {told}."
    is_workbook = head.startswith(_OLE) or (
        head.startswith(b"PK") and lower.endswith(_WORKBOOKS)
    )
    kind: Kind = "workbook" if is_workbook else "text"
    if damage is None:
        damage = _fault(open_it, head, size, is_workbook, encoding)
    return Piece(
        name, outer, open_it, kind, modified, digest.hexdigest(), size, encoding, damage
    )


def _fault(
    open_it: Opener, head: bytes, size: int, is_workbook: bool, encoding: str
) -> str | None:
    """Why a file that was read to its end is still no use."""
    if size == 0:
        return "The file is empty."
    if not is_workbook:
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "The file is UTF-16 text, not UTF-8."
        return "The file is binary data, not text." if b"\x00" in head else None
    if size > WORKBOOK_BYTES:
        return f"The workbook is larger than {WORKBOOK_BYTES >> 20} MiB."
    try:
        if head.startswith(b"PK"):
            with (
                open_it() as stream,
                zipfile.ZipFile(io.BytesIO(stream.read())) as book,
            ):
                list(checked_members(book, Limits(total_bytes=8 * WORKBOOK_BYTES)))
        Piece("", "", open_it, "workbook", date.min, "", size).sheets()
    except Exception as error:
        return f"The workbook cannot be opened: {error}."
    return None
