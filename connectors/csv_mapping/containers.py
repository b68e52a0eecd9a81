"""Finding files of sales, plain or packed, and judging each as a whole.

Belongs here: which paths are read, what kind of file each is, and what refuses a whole
file. Kinds are `text_grid`, `parquet_grid` and `sheet_grid`; rows are `parse`.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, Literal, cast

from connectors.archives import (
    DEFAULT_LIMITS,
    Limits,
    UnsafeArchiveError,
    checked_members,
    limited,
    open_gzip,
    open_member,
    sha256_of,
)
from connectors.csv_mapping.headers import Grid, Head, find_head
from connectors.csv_mapping.layout import Layout, bind
from connectors.csv_mapping.mapping import Mapping
from connectors.csv_mapping.parquet_grid import open_parquet
from connectors.csv_mapping.parse import SOURCE, RowReader, refuse_rows
from connectors.csv_mapping.sheet_grid import open_sheets
from connectors.csv_mapping.text_grid import Opener, TextGrid, TextScan, scan_text
from connectors.nsw_valuer.scan import READ_ERRORS
from domain.errors import PermanentError
from domain.records import FieldsSeen, RecordBatch, Reject, SourceFile, storable_text

_TEXT_ENDINGS = (".csv", ".txt", ".tsv", ".psv")
_PARQUET_ENDINGS = (".parquet", ".pq")
_SHEET_ENDINGS = (".xlsx", ".xlsm", ".xls", ".ods")
MEMBER_ENDINGS = (*_TEXT_ENDINGS, *_PARQUET_ENDINGS, *_SHEET_ENDINGS)
_ENDINGS = (*MEMBER_ENDINGS, ".zip", *(f"{end}.gz" for end in _TEXT_ENDINGS))
#: What `find_csv_containers` takes of a folder, as patterns.
PATTERNS = tuple(f"*{ending}" for ending in _ENDINGS)
FETCH_AGAIN = "Fetch the file again, or remove it from the folder."
Kind = Literal["text", "gzip", "zip", "parquet", "sheets"]
#: Rule, field, reason and fix of a refused file.
Verdict = tuple[str, str | None, str, str]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One scanned file, ready to be read once more for its rows."""

    file: SourceFile
    refusal: Reject | None
    grid: Grid | None
    head: Head | None
    layout: Layout | None
    mapping: Mapping
    record_counts: dict[str, int] = field(default_factory=dict)

    def batches(self) -> Iterator[RecordBatch]:
        """Stream the rows; those of a refused file come as rejects."""
        if self.layout is None or self.grid is None or self.head is None:
            return
        name = self.file.source_file
        try:
            rows = self.grid.rows(self.head.variant, self.head.after)
            if self.refusal is not None:
                yield from refuse_rows(name, rows, self.refusal)
            else:
                reader = RowReader(name, self.layout, self.mapping, self.record_counts)
                yield from reader.read(rows)
        except READ_ERRORS:
            # The scan has refused a damaged file; its reject says that it ends early.
            if self.refusal is None:
                raise

    def fields_seen(self) -> FieldsSeen | None:
        """Columns of its header, in the mapping's spelling where it knows them."""
        if self.layout is None or not self.mapping.has_header:
            return None
        return self.layout.fields_seen(self.mapping)


@dataclass(frozen=True, slots=True)
class CsvContainer:
    """One outer file: a table, or a ZIP of them, read through one mapping."""

    name: str
    path: Path
    file_sha256: str
    mapping: Mapping
    last_day: date
    limits: Limits = DEFAULT_LIMITS
    source: str = SOURCE

    @property
    def sha256(self) -> str:
        """Fingerprint of the bytes and the mapping's name.

        The same file through another mapping is another reading of it: one that a wrong
        mapping refused is not known to the right one.
        """
        key = f"{self.file_sha256} read with {self.mapping.name}"
        return hashlib.sha256(key.encode()).hexdigest()

    @property
    def location(self) -> str | None:
        """Path of the file."""
        return str(self.path)

    def files(self) -> Iterator[CsvFile]:
        """Scan and yield the tables inside, in name order."""
        kind = kind_of(self.path)
        if kind == "zip":
            yield from self._members()
        elif kind in ("parquet", "sheets"):
            yield self._typed(self.name, self.path, kind, self.file_sha256)
        elif kind == "gzip":
            yield self._text(self.name, lambda: open_gzip(self.path, self.limits))
        else:
            yield self._text(self.name, lambda: open_plain(self.path, self.limits))

    def _members(self) -> Iterator[CsvFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                found = False
                for name, info in checked_members(archive, self.limits):
                    if info.filename.lower().endswith(MEMBER_ENDINGS):
                        found = True
                        yield from self._member(archive, name, info)
                if not found:
                    yield self._refused(
                        "zip_without_data",
                        "The ZIP holds no CSV, Parquet or spreadsheet file.",
                    )
        except (zipfile.BadZipFile, UnsafeArchiveError, NotImplementedError) as error:
            unsafe = isinstance(error, UnsafeArchiveError)
            rule = "zip_unsafe" if unsafe else "zip_damaged"
            yield self._refused(rule, f"The ZIP cannot be opened: {error}.")

    def _member(
        self, archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo
    ) -> Iterator[CsvFile]:
        label = f"{self.name}/{storable_text(name)}"
        ending = Path(info.filename).suffix.lower()
        if ending in _TEXT_ENDINGS:
            yield self._text(label, lambda: open_member(archive, info, self.limits))
            return
        # Their readers need a file to seek in.
        with tempfile.TemporaryDirectory(prefix="ausproperty-") as folder:
            path = Path(folder) / f"member{ending}"
            try:
                with (
                    open_member(archive, info, self.limits) as packed,
                    path.open("wb") as out,
                ):
                    shutil.copyfileobj(packed, out, 1 << 20)
            except READ_ERRORS as error:
                reason = (
                    f"The file cannot be unpacked: {error or type(error).__name__}."
                )
                yield self._refused("file_damaged", reason, label)
                return
            kind: Kind = "parquet" if ending in _PARQUET_ENDINGS else "sheets"
            yield self._typed(label, path, kind, sha256_of(path))

    def _refused(self, rule: str, reason: str, name: str | None = None) -> CsvFile:
        name = name or self.name
        size = self.path.stat().st_size
        reject = Reject(SOURCE, name, None, None, rule, reason, FETCH_AGAIN)
        file = self._file(name, self.file_sha256, size)
        return CsvFile(file, reject, None, None, None, self.mapping)

    def _file(self, name: str, sha256: str, size: int) -> SourceFile:
        return SourceFile(
            SOURCE,
            name,
            self.name,
            self.sha256,
            sha256,
            size,
            partition_key=None,
            read_with=self.mapping.origin,
        )

    def _text(self, name: str, open_it: Opener) -> CsvFile:
        found = scan_text(open_it, self.mapping.encoding)
        grid = text_grid(found, open_it, self.mapping.delimiters)
        verdict = None
        if found.rule_id is not None:
            verdict = (found.rule_id, None, found.reason, FETCH_AGAIN)
        file = self._file(name, found.sha256, found.size)
        return self._judged(file, grid, verdict)

    def _typed(self, name: str, path: Path, kind: Kind, sha256: str) -> CsvFile:
        grid: Grid | None = None
        verdict: Verdict | None = None
        try:
            grid = typed_grid(path, kind, self.limits)
        except READ_ERRORS as error:
            reason = f"The file cannot be opened: {error or type(error).__name__}."
            verdict = ("file_damaged", None, reason, FETCH_AGAIN)
        file = self._file(name, sha256, path.stat().st_size)
        return self._judged(file, grid, verdict)

    def _judged(
        self, file: SourceFile, grid: Grid | None, verdict: Verdict | None
    ) -> CsvFile:
        """Look for the header and judge the file by it."""
        head = layout = None
        try:
            head = find_head(grid, self.mapping) if grid is not None else None
            if head is not None and grid is not None:
                layout = bind(
                    head.names, self.mapping, self.last_day, grid.date_formats
                )
        except READ_ERRORS as error:
            reason = f"The file cannot be read: {error or type(error).__name__}."
            verdict = verdict or ("file_damaged", None, reason, FETCH_AGAIN)
        verdict = verdict or _judge(grid, layout, self.mapping)
        reject = None
        if verdict is not None:
            rule, column, reason, fix = verdict
            reject = Reject(SOURCE, file.source_file, None, column, rule, reason, fix)
        counts = {"columns": len(head.names) if head else 0}
        return CsvFile(file, reject, grid, head, layout, self.mapping, counts)


def text_grid(
    found: TextScan, open_it: Opener, delimiters: tuple[str, ...]
) -> TextGrid | None:
    """The rows of a scanned text file; None for one that has none."""
    if not found.head or found.rule_id in ("file_binary", "file_not_utf8"):
        return None
    return TextGrid(open_it, found.encoding, delimiters, found.has_old_line_ends)


def typed_grid(path: Path, kind: Kind, limits: Limits = DEFAULT_LIMITS) -> Grid:
    """The rows of a Parquet file or a workbook.

    Raises:
        One of READ_ERRORS: it cannot be opened.
    """
    if kind == "parquet":
        return open_parquet(path, limits)
    return open_sheets(path, limits)


def open_plain(path: Path, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """Open a plain file for reading, within the limits."""
    return limited(cast("BinaryIO", path.open("rb")), limits.member_bytes, path.name)


def kind_of(path: Path) -> Kind:
    """What a file is, by its first bytes; by its name where they say nothing."""
    with path.open("rb") as stream:
        magic = stream.read(8)
    ending = path.suffix.lower()
    if magic.startswith(b"PAR1") or ending in _PARQUET_ENDINGS:
        return "parquet"
    if magic.startswith(b"\xd0\xcf\x11\xe0") or ending in _SHEET_ENDINGS:
        return "sheets"
    if magic.startswith(b"PK") or ending == ".zip":
        return "sheets" if _is_workbook(path) else "zip"
    if magic.startswith(b"\x1f\x8b") or ending == ".gz":
        return "gzip"
    return "text"


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return "xl/workbook.xml" in names or {"mimetype", "content.xml"} <= names


def _judge(
    grid: Grid | None, layout: Layout | None, mapping: Mapping
) -> Verdict | None:
    """(rule, field, reason, fix) of a file that is refused as a whole."""
    if layout is None:
        if grid is not None and grid.has_sheets and mapping.sheet is not None:
            reason = (
                f"The workbook has no rows in a sheet {mapping.sheet}; its sheets are: "
                f"{', '.join(grid.variants)[:300]}."
            )
            return "sheet_missing", None, reason, "Name one of them in the mapping."
        return "file_empty", None, "The file is empty.", FETCH_AGAIN
    if not layout.missing:
        return None
    named = [" or ".join(names) for names in layout.missing]
    has = ", ".join(name for name in layout.header if name)[:300]
    plural = "s" if len(named) > 1 else ""
    reason = (
        f"The file lacks the column{plural} {', '.join(named)} that the mapping "
        f"{mapping.name} needs; its header has: {has}."
    )
    return (
        "column_missing",
        layout.missing[0][0],
        reason,
        "Add the column to the file, or give a mapping that fits it (--mapping).",
    )


def find_csv_containers(
    location: Path, mapping: Mapping, last_day: date, limits: Limits = DEFAULT_LIMITS
) -> list[CsvContainer]:
    """The files of a folder that can be read, or the one file, in name order.

    Raises:
        PermanentError: nothing is there, or no file of a kind that is read.
    """
    if location.is_file():
        paths = [location]
    elif location.is_dir():
        paths = sorted(
            path
            for path in location.iterdir()
            if path.name.lower().endswith(_ENDINGS)
            and not path.name.startswith((".", "~$"))
            and path.is_file()
        )
    else:
        raise PermanentError(
            f"There is no file or folder {location}. Give the path of a CSV file "
            "(.csv, .csv.gz or .zip), a Parquet file or a spreadsheet."
        )
    if not paths:
        raise PermanentError(
            f"The folder {location} holds no CSV file (.csv, .csv.gz or .zip), Parquet "
            "file or spreadsheet. Put one there, or name another folder."
        )
    return containers_of(paths, mapping, last_day, limits)


def containers_of(
    paths: Iterable[Path],
    mapping: Mapping,
    last_day: date,
    limits: Limits = DEFAULT_LIMITS,
) -> list[CsvContainer]:
    """These files, in this order."""
    return [
        CsvContainer(
            storable_text(path.name), path, sha256_of(path), mapping, last_day, limits
        )
        for path in paths
    ]
