"""Finding CSV files: plain, gzip, ZIP or a folder of them; and judging them as a whole.

Belongs here: compression, encoding, delimiter, header, and what refuses a whole file.
Rows are `parse`.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast

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
from connectors.csv_mapping.mapping import Mapping
from connectors.csv_mapping.parse import SOURCE, Layout, RowReader, bind, refuse_rows
from connectors.csv_mapping.rows import CsvRecord, RecordReader
from connectors.lines import CHUNK, read_blocks
from connectors.nsw_valuer.scan import READ_ERRORS
from domain.errors import PermanentError
from domain.records import FieldsSeen, RecordBatch, Reject, SourceFile, storable_text

_ENDINGS = (".csv", ".csv.gz", ".zip", ".txt", ".txt.gz", ".tsv", ".tsv.gz")
_MEMBER_ENDINGS = (".csv", ".txt", ".tsv")
FETCH_AGAIN = "Fetch the file again, or remove it from the folder."
Opener = Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """One scanned CSV file, ready to be read once more for its rows."""

    file: SourceFile
    refusal: Reject | None
    open: Opener
    encoding: str
    delimiter: str
    layout: Layout | None
    mapping: Mapping
    record_counts: dict[str, int] = field(default_factory=dict)

    def batches(self) -> Iterator[RecordBatch]:
        """Stream the rows; those of a refused file come as rejects."""
        if self.layout is None:
            return
        name = self.file.source_file
        try:
            with self.open() as stream:
                blocks = read_blocks(stream, encoding=self.encoding)
                records = iter(RecordReader(blocks, self.delimiter))
                _skip_to_rows(records, self.mapping.skip_lines)
                if self.refusal is not None:
                    yield from refuse_rows(name, records, self.refusal)
                else:
                    yield from RowReader(name, self.layout, self.mapping).read(records)
        except READ_ERRORS:
            # The scan has refused a damaged file; its reject says that it ends early.
            if self.refusal is None:
                raise

    def fields_seen(self) -> FieldsSeen | None:
        """Columns of its header, in the mapping's spelling where it knows them."""
        if self.layout is None:
            return None
        return self.layout.fields_seen(self.mapping)


@dataclass(frozen=True, slots=True)
class CsvContainer:
    """One outer file: a CSV, or a ZIP of them."""

    name: str
    path: Path
    sha256: str
    mapping: Mapping
    last_day: date
    limits: Limits = DEFAULT_LIMITS
    source: str = SOURCE

    @property
    def location(self) -> str | None:
        """Path of the file."""
        return str(self.path)

    def files(self) -> Iterator[CsvFile]:
        """Scan and yield the CSV files inside, in name order."""
        with self.path.open("rb") as stream:
            magic = stream.read(4)
        if magic.startswith(b"PK") or self.path.suffix.lower() == ".zip":
            yield from self._members()
        elif magic.startswith(b"\x1f\x8b") or self.path.suffix.lower() == ".gz":
            yield self._scanned(self.name, lambda: open_gzip(self.path, self.limits))
        else:
            yield self._scanned(self.name, self._open_plain)

    def _open_plain(self) -> BinaryIO:
        inner = cast("BinaryIO", self.path.open("rb"))
        return limited(inner, self.limits.member_bytes, self.name)

    def _members(self) -> Iterator[CsvFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                found = False
                for name, info in checked_members(archive, self.limits):
                    if info.filename.lower().endswith(_MEMBER_ENDINGS):
                        found = True
                        yield self._member(archive, name, info)
                if not found:
                    yield self._refused(
                        "zip_without_data", "The ZIP holds no CSV file."
                    )
        except (zipfile.BadZipFile, UnsafeArchiveError, NotImplementedError) as error:
            unsafe = isinstance(error, UnsafeArchiveError)
            rule = "zip_unsafe" if unsafe else "zip_damaged"
            yield self._refused(rule, f"The ZIP cannot be opened: {error}.")

    def _member(
        self, archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo
    ) -> CsvFile:
        return self._scanned(
            f"{self.name}/{storable_text(name)}",
            lambda: open_member(archive, info, self.limits),
        )

    def _refused(self, rule: str, reason: str) -> CsvFile:
        size = self.path.stat().st_size
        reject = Reject(SOURCE, self.name, None, None, rule, reason, FETCH_AGAIN)
        file = self._file(self.name, self.sha256, size)
        return CsvFile(file, reject, self._open_plain, "", ",", None, self.mapping)

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

    def _scanned(self, name: str, open_it: Opener) -> CsvFile:
        found = _scan(open_it)
        reject = layout = None
        delimiter = ","
        header: list[str] | None = None
        if found.head and found.rule_id not in ("file_binary", "file_utf16"):
            header, delimiter = _header(open_it, found.encoding, self.mapping)
        if header is not None:
            layout = bind(header, self.mapping, self.last_day)
        verdict = _judge(found, layout, self.mapping)
        if verdict is not None:
            rule, column, reason, fix = verdict
            reject = Reject(SOURCE, name, None, column, rule, reason, fix)
        return CsvFile(
            self._file(name, found.sha256, found.size),
            reject,
            open_it,
            found.encoding,
            delimiter,
            layout,
            self.mapping,
            {"columns": len(header or [])},
        )


@dataclass(frozen=True, slots=True)
class _Scan:
    sha256: str
    size: int
    encoding: str
    head: bytes
    rule_id: str | None
    reason: str


def _scan(open_it: Opener) -> _Scan:
    """Read a file once: fingerprint, size, encoding, damage."""
    digest = hashlib.sha256()
    size = 0
    head = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8"
    rule, reason = None, ""
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
        rule = "file_damaged"
        reason = f"The file cannot be read to its end: {error or type(error).__name__}."
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        rule, reason = "file_utf16", "The file is UTF-16 text, not UTF-8."
    elif b"\x00" in head.split(b"\n", 1)[0]:
        rule, reason = "file_binary", "The file is binary data, not CSV text."
    return _Scan(digest.hexdigest(), size, encoding, head, rule, reason)


def _judge(
    found: _Scan, layout: Layout | None, mapping: Mapping
) -> tuple[str, str | None, str, str] | None:
    """(rule, field, reason, fix) of a file that is refused as a whole."""
    if found.rule_id is not None:
        return found.rule_id, None, found.reason, FETCH_AGAIN
    if layout is None:
        return "file_empty", None, "The file is empty.", FETCH_AGAIN
    if not layout.missing:
        return None
    named = [" or ".join(column.sources) for column in layout.missing]
    has = ", ".join(name for name in layout.header if name)[:300]
    plural = "s" if len(named) > 1 else ""
    reason = (
        f"The file lacks the column{plural} {', '.join(named)} that the mapping "
        f"{mapping.name} needs; its header has: {has}."
    )
    return (
        "column_missing",
        layout.missing[0].sources[0],
        reason,
        "Add the column to the file, or give a mapping that fits it (--mapping).",
    )


def _skip_to_rows(records: Iterator[CsvRecord], skip_lines: int) -> CsvRecord | None:
    """Consume leading lines and the header; return the header record."""
    for _ in range(skip_lines):
        next(records, None)
    return next(records, None)


def _header(
    open_it: Opener, encoding: str, mapping: Mapping
) -> tuple[list[str] | None, str]:
    """The header's names, and the delimiter that finds most of the mapping's in it."""
    try:
        with open_it() as stream:
            records = iter(RecordReader(read_blocks(stream, encoding=encoding), "\x00"))
            record = _skip_to_rows(records, mapping.skip_lines)
    except READ_ERRORS:
        return None, ","
    if record is None:
        return None, ","
    line = record.text.lstrip("\ufeff")
    wanted = {
        source.casefold() for column in mapping.columns for source in column.sources
    }

    def names(delimiter: str) -> list[str]:
        return next(csv.reader([line], delimiter=delimiter), [])

    def known(delimiter: str) -> tuple[int, int]:
        found = names(delimiter)
        return sum(name.strip().casefold() in wanted for name in found), len(found)

    delimiter = max(mapping.delimiters, key=known)
    return names(delimiter), delimiter


def find_csv_containers(
    location: Path, mapping: Mapping, last_day: date, limits: Limits = DEFAULT_LIMITS
) -> list[CsvContainer]:
    """The CSV files of a folder, or the one file, in name order.

    Raises:
        PermanentError: nothing is there, or no file that could be CSV.
    """
    if location.is_file():
        paths = [location]
    elif location.is_dir():
        paths = sorted(
            path
            for path in location.iterdir()
            if path.name.lower().endswith(_ENDINGS)
            and not path.name.startswith(".")
            and path.is_file()
        )
    else:
        raise PermanentError(
            f"There is no file or folder {location}. Give the path of a CSV file "
            "(.csv, .csv.gz or .zip)."
        )
    if not paths:
        raise PermanentError(
            f"The folder {location} holds no CSV file (.csv, .csv.gz or .zip). Put one "
            "there, or name another folder."
        )
    return [
        CsvContainer(
            storable_text(path.name), path, sha256_of(path), mapping, last_day, limits
        )
        for path in paths
    ]
