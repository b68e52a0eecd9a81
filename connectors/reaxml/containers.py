"""REAXML files as containers: plain, gzip, or a ZIP with images; judged as a whole.

Belongs here: what refuses a whole file, before one of its records is handed on, and the
records of such a file as rejects. Which files lie in a drop folder is `drop`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from connectors.archives import (
    MIB,
    Limits,
    UnsafeArchiveError,
    checked_members,
    limited,
    open_gzip,
    open_member,
    sha256_of,
)
from connectors.nsw_valuer.scan import READ_ERRORS
from connectors.reaxml.decoding import Utf8Feed
from connectors.reaxml.expat import DEPTH_LIMIT, MEND, SafeParser, XmlFault
from connectors.reaxml.listings import ListingReader
from connectors.reaxml.parse import FileTimes, ListingParser, Tally
from connectors.reaxml.salvage import refuse_listings
from connectors.reaxml.values import read_time
from connectors.reaxml.vocabulary import KIND_OF, SOURCE, canonical
from domain.market_time import MARKET_ZONE
from domain.records import FieldsSeen, RecordBatch, Reject, SourceFile, storable_text

#: A feed is a day's changes of an agency; the largest seen are tens of megabytes.
REAXML_LIMITS = Limits(
    member_bytes=1024 * MIB, total_bytes=4096 * MIB, members=20_000, ratio=200
)
#: A file up to this size is kept between judging and reading it.
_KEPT = 8 * MIB

Opener = Callable[[], BinaryIO]
_STAMP = re.compile(
    r"(?<!\d)((?:19|20)\d{6}[-_T]?\d{4}(?:\d\d)?|"
    r"(?:19|20)\d\d-\d\d-\d\d(?:[-_T]\d\d[-_]?\d\d(?:[-_]?\d\d)?)?|(?:19|20)\d{6})(?!\d)"
)


@dataclass(frozen=True, slots=True)
class ReaxmlFile:
    """One judged file, ready to be read once more for its records."""

    file: SourceFile
    refusal: Reject | None
    open: Opener
    times: FileTimes
    tally: Tally = field(default_factory=Tally)
    #: False for what is no XML at all: then there are no records to quarantine.
    is_text: bool = True

    @property
    def record_counts(self) -> dict[str, int]:
        """Records by kind, and by kind and status (`residential.sold`)."""
        return self.tally.counts

    def batches(self) -> Iterator[RecordBatch]:
        """Stream the records; those of a refused file come as rejects."""
        name = self.file.source_file
        if self.refusal is not None:
            if self.is_text:
                yield from self._refused(name, self.refusal)
            return
        with self.open() as stream:
            feed = Utf8Feed(stream)
            parser = ListingParser(name, self.times, self.tally)
            yield from parser.read(ListingReader().read(feed))
        self._tell(feed)

    def _tell(self, feed: Utf8Feed) -> None:
        """Count what had to be put right before the file could be read."""
        if feed.replaced:
            self.tally.counts["characters.replaced"] = feed.replaced
        if feed.encoding.endswith("with windows-1252"):
            self.tally.counts["encoding.mended"] = 1

    def _refused(self, name: str, refusal: Reject) -> Iterator[RecordBatch]:
        with self.open() as stream:
            yield from refuse_listings(name, _up_to_damage(stream), refusal)

    def fields_seen(self) -> FieldsSeen | None:
        """Element paths of its records, by kind."""
        return self.tally.fields_seen() if self.tally.paths else None


def _up_to_damage(stream: BinaryIO) -> Iterator[str]:
    """The text of a stream, ending where it cannot be read: the verdict says so."""
    try:
        yield from Utf8Feed(stream).texts()
    except READ_ERRORS:
        return


@dataclass(frozen=True, slots=True)
class ReaxmlContainer:
    """One outer file: XML, gzip of it, or a ZIP of XML and images."""

    name: str
    path: Path
    sha256: str
    limits: Limits = REAXML_LIMITS
    source: str = SOURCE
    #: Where the file will stand after it was read.
    location: str | None = None

    @classmethod
    def of(
        cls, path: Path, name: str | None = None, location: str | None = None
    ) -> ReaxmlContainer:
        """The container of a file; `name` is what the ledger calls it."""
        shown = storable_text(name or path.name)
        return cls(shown, path, sha256_of(path), location=location or str(path))

    def files(self) -> Iterator[ReaxmlFile]:
        """Judge and yield the XML files inside, in name order."""
        with self.path.open("rb") as stream:
            magic = stream.read(4)
        if magic.startswith(b"PK"):
            yield from self._members()
        elif magic.startswith(b"\x1f\x8b"):
            yield self._judged(self.name, lambda: open_gzip(self.path, self.limits))
        else:
            yield self._judged(self.name, self._open_plain)

    def _open_plain(self) -> BinaryIO:
        inner = cast("BinaryIO", self.path.open("rb"))
        return limited(inner, self.limits.member_bytes, self.name)

    def _members(self) -> Iterator[ReaxmlFile]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                found = False
                for name, info in checked_members(archive, self.limits):
                    if _is_feed(info.filename):
                        found = True
                        yield self._member(archive, name, info)
                if not found:
                    yield self._unreadable(
                        "zip_without_data", "The ZIP holds no XML file."
                    )
        except (zipfile.BadZipFile, UnsafeArchiveError, NotImplementedError) as error:
            unsafe = isinstance(error, UnsafeArchiveError)
            rule = "zip_unsafe" if unsafe else "zip_damaged"
            yield self._unreadable(rule, f"The ZIP cannot be opened: {error}.")

    def _member(
        self, archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo
    ) -> ReaxmlFile:
        try:
            made = datetime(*info.date_time)  # noqa: DTZ001 - ZIPs hold local times
        except ValueError:
            made = None
        return self._judged(
            f"{self.name}/{storable_text(name)}",
            lambda: open_member(archive, info, self.limits),
            made,
        )

    def _unreadable(self, rule: str, reason: str) -> ReaxmlFile:
        size = self.path.stat().st_size
        reject = Reject(SOURCE, self.name, None, None, rule, reason, MEND)
        file = self._file(self.name, self.sha256, size)
        return ReaxmlFile(
            file, reject, self._open_plain, self._times(self.name), is_text=False
        )

    def _file(self, name: str, sha256: str, size: int) -> SourceFile:
        return SourceFile(SOURCE, name, self.name, self.sha256, sha256, size, None)

    def _times(self, name: str, made: datetime | None = None) -> FileTimes:
        if made is None:
            seconds = int(self.path.stat().st_mtime)
            made = datetime.fromtimestamp(seconds, MARKET_ZONE).replace(tzinfo=None)
        named = time_in_name(name) or time_in_name(self.name)
        return FileTimes(named, made)

    def _judged(
        self, name: str, open_it: Opener, made: datetime | None = None
    ) -> ReaxmlFile:
        verdict = judge(open_it)
        reject = None
        if verdict.fault is not None:
            rule, reason, fix = verdict.fault
            reject = Reject(SOURCE, name, None, None, rule, reason, fix)
        kept = verdict.content
        return ReaxmlFile(
            self._file(name, verdict.sha256, verdict.size),
            reject,
            open_it if kept is None else lambda: io.BytesIO(kept),
            self._times(name, made),
            is_text=verdict.is_text,
        )


@dataclass(slots=True)
class Verdict:
    """What reading a file once found; `fault` is (rule, reason, fix)."""

    sha256: str = ""
    size: int = 0
    fault: tuple[str, str, str] | None = None
    is_text: bool = True
    content: bytes | None = None


class _Watched(io.RawIOBase):
    """A stream that fingerprints what is read from it."""

    def __init__(self) -> None:
        self.inner: BinaryIO = io.BytesIO()
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""
        self.kept: list[bytes] | None = []

    def read(self, size: int = -1, /) -> bytes:
        data = self.inner.read(size)
        self.digest.update(data)
        self.size += len(data)
        self.head = self.head or data[:1024]
        if self.kept is not None:
            self.kept.append(data)
            if self.size > _KEPT:
                self.kept = None
        return data


def judge(open_it: Opener) -> Verdict:
    """Read a file once: is it XML, safe, a listing feed? No content raises."""
    verdict = Verdict()
    shape = _Shape()
    watched = _Watched()
    try:
        with open_it() as stream:
            watched.inner = stream
            try:
                shape.parser.read(Utf8Feed(cast("BinaryIO", watched)))
            except XmlFault as fault:
                verdict.fault = (fault.rule_id, fault.reason, fault.fix)
            while watched.read(1 << 20):
                pass
    except READ_ERRORS as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            raise  # the disk's fault, not the file's: it is tried again
        reason = f"The file cannot be read to its end: {error or type(error).__name__}."
        verdict.fault = ("file_damaged", reason, MEND)
    verdict.sha256 = watched.digest.hexdigest()
    verdict.size = watched.size
    if watched.kept is not None:
        verdict.content = b"".join(watched.kept)
    if verdict.fault is None or verdict.fault[0] != "file_damaged":
        verdict.fault = _misshape(watched.head, shape) or verdict.fault
    verdict.is_text = b"<" in watched.head
    return verdict


def _misshape(head: bytes, shape: _Shape) -> tuple[str, str, str] | None:
    """What is told better than by the XML parser's own complaint."""
    if not head.strip():
        return "file_empty", "The file is empty.", MEND
    if b"<" not in head:
        reason = "The file is not XML: no tag is in its first kilobyte."
        return "file_not_xml", reason, MEND
    if shape.is_whole and not shape.is_feed:
        reason = (
            f"The file is XML, but no listing feed: its root is {shape.root[:40]}, and "
            "it holds no listing element."
        )
        return "file_not_reaxml", reason, MEND
    return None


class _Shape:
    """Counts depth and looks for listings while a document is checked."""

    def __init__(self) -> None:
        self.parser = SafeParser(self._start, self._end)
        self.root = ""
        self.is_feed = False
        self.is_whole = False
        self._depth = 0

    def _start(self, name: str, _: list[str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self.parser.too_deep()
        if self._depth == 1:
            self.root = canonical(name)
        if not self.is_feed:
            local = name.rpartition(":")[2].lower()
            self.is_feed = local == "propertylist" or local in KIND_OF

    def _end(self, _: str) -> None:
        self._depth -= 1
        self.is_whole = self._depth == 0


def _is_feed(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return path.suffix.lower() == ".xml" and not hidden


def time_in_name(name: str) -> datetime | None:
    """The last date (and time) in a file's name: `ABCDEF_20240615103000.xml`."""
    for found in reversed(_STAMP.findall(name)):
        digits = re.sub(r"\D", "", found)
        if len(digits) > 8:
            digits = f"{digits[:8]}-{digits[8:]}"
        if (time := read_time(digits)) is not None:
            return time
    return None
