"""First pass over a PSI file: fingerprint, count, and decide whether to trust it.

Belongs here: everything that refuses a file as a whole. It runs before a single row is
handed on, so a refused file leaves no rows. Single records are judged by `parse`.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal
from zipfile import BadZipFile

from connectors.lines import CHUNK
from connectors.nsw_valuer.layout import Fault

RecordFormat = Literal["current", "archive"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LETTERS = (b"A", b"B", b"C", b"D", b"Z")
_TAIL = 4096
_SECOND_FIELD = re.compile(rb"\nB;[^;\n]*;([^;\n]+);")
_CURRENT_HEADER = re.compile(rb"^A;RTSALEDATA;", re.MULTILINE)
_STAMP = re.compile(rb"^A;[^;\n]*;[^;\n]*;(\d{8} \d\d:\d\d)", re.MULTILINE)
_TRAILER = re.compile(rb"Z;(\d{1,12});(\d{0,12});?(\d{0,12});?(\d{0,12});*")
#: What reading a damaged ZIP member or file raises.
READ_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)

FETCH_AGAIN = "Fetch the file again; its other records wait in raw.rejects until then."


@dataclass(frozen=True, slots=True)
class Scan:
    """What the first pass found. `fault` is None for a file that may be loaded.

    `note` says what could not be checked of a file that is loaded all the same.
    """

    sha256: str
    size_bytes: int
    record_format: RecordFormat
    downloaded_at: str | None
    fault: Fault | None
    note: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    #: The whole of a file small enough to keep, so that it need not be unpacked twice.
    content: bytes | None = field(default=None, repr=False)

    def refused(self, fault: Fault) -> Scan:
        """The same, with a fault that lies elsewhere."""
        return replace(self, fault=fault, note=None)


#: Counts the records of a whole small file by letter; None if it cannot.
CountWhole = Callable[[bytes], dict[str, int] | None]


class _Counter:
    """Counts records by letter in a stream of chunks."""

    def __init__(self, count: CountWhole | None) -> None:
        self._count = count
        self.digest = hashlib.sha256()
        self.size = 0
        self.counts = {letter.decode(): 0 for letter in _LETTERS}
        self.head = b""
        self.tail = b"\n"
        self.second_field: bytes | None = None
        self.is_marked = False

    @property
    def is_archive(self) -> bool:
        """Letters in the second field tell the archive; its header is another one."""
        if self.second_field is None or _CURRENT_HEADER.search(self.head):
            return False
        return re.search(rb"[A-Za-z]", self.second_field) is not None

    @property
    def trailer(self) -> list[int] | None:
        """The counts that the last line states: records, B, C, D."""
        found = _TRAILER.fullmatch(self.last_line)
        return [int(part or 0) for part in found.groups()] if found else None

    @property
    def last_line(self) -> bytes:
        """The last line that is not blank."""
        return self.tail.rstrip(b" \t\r\n\x1a").rsplit(b"\n", 1)[-1]

    def _is_whole(self, data: bytes) -> bool:
        """Whether a chunk is the whole of a file in the current format."""
        first = self.size in (len(data), len(data) + 3)
        return first and len(data) < CHUNK and data.startswith(b"A;RTSALEDATA;")

    def add(self, data: bytes) -> None:
        self.digest.update(data)
        if self.size == 0:
            self.is_marked = data.startswith(BYTE_ORDER_MARK)
            data = data[3:] if self.is_marked else data
            self.size = 3 if self.is_marked else 0
        self.size += len(data)
        # The two bytes before the chunk complete a record start cut by its edge.
        seam = self.tail[-2:] + data
        known = self._count(data) if self._count and self._is_whole(data) else None
        if known is not None:
            self.counts = known
        else:
            for letter in _LETTERS:
                self.counts[letter.decode()] += seam.count(b"\n" + letter + b";")
        if self.second_field is None and (found := _SECOND_FIELD.search(seam)):
            self.second_field = found[1]
        if len(self.head) < _TAIL:
            self.head += data[:_TAIL]
        self.tail = (self.tail + data[-_TAIL:])[-_TAIL:]


def scan(
    open_file: Callable[[], BinaryIO],
    *,
    needs_trailer: bool = True,
    count: CountWhole | None = None,
) -> Scan:
    """Read a file once and judge it as a whole. Never raises for its content.

    Without `needs_trailer` a file of B, C and D records alone (an extract of PSI files)
    may be loaded, with a note that no trailer confirms it is whole. `count` is asked
    for the records of a file that came in one piece.
    """
    counter = _Counter(count)
    damage: Fault | None = None
    first = b""
    try:
        with open_file() as stream:
            while data := stream.read(CHUNK):
                counter.add(data)
                first = first or data
    except READ_ERRORS as error:
        damage = Fault(
            None,
            "file_damaged",
            f"The file cannot be read to its end: {error or type(error).__name__}.",
            FETCH_AGAIN,
        )
    stamp = _STAMP.search(counter.head)
    fault, note = _judge(counter, stamp is not None, needs_trailer)
    is_whole = counter.size == len(first)
    return Scan(
        sha256=counter.digest.hexdigest(),
        size_bytes=counter.size,
        record_format="archive" if counter.is_archive else "current",
        downloaded_at=stamp[1].decode() if stamp else None,
        fault=damage or fault,
        note=None if damage or fault else note,
        counts=counter.counts,
        content=first[3 if counter.is_marked else 0 :] if is_whole else None,
    )


def _judge(
    counter: _Counter, has_stamp: bool, needs_trailer: bool
) -> tuple[Fault | None, str | None]:
    """What refuses the file, and what is to be said of it if nothing does."""
    counts = counter.counts
    if counter.size == 0:
        return Fault(None, "file_empty", "The file is empty.", FETCH_AGAIN), None
    if not any(counts.values()):
        return _not_psi(counter.head), None
    is_extract = not counts["A"] and not counts["Z"] and not needs_trailer
    if counter.is_archive and not has_stamp:
        return _no_header(), None
    if is_extract and not counts["B"]:
        return _no_sales(), None
    if is_extract:
        return None, (
            "The file has no header and no trailer: nothing confirms that its "
            f"{counts['B']} B records are all there were."
        )
    stated = counter.trailer
    if stated is None:
        return _no_trailer(counter), None
    wrong = _reconcile(counts, stated)
    if wrong and counter.is_archive:
        # The publisher's own archive files are off by one: not enough to refuse them.
        stated_b = f"{stated[0]} records and {stated[1]} B stated"
        found = f"{sum(counts.values())} and {counts['B']} found"
        exact = stated[1] == counts["B"]
        return None, None if exact else f"The Z trailer disagrees: {stated_b}, {found}."
    return wrong, None


def _not_psi(head: bytes) -> Fault:
    binary = b"\x00" in head or _mostly_unprintable(head)
    return Fault(
        None,
        "file_binary" if binary else "file_not_psi",
        "The file is binary data, not PSI text."
        if binary
        else "The file holds no PSI record (lines beginning A; B; C; D; or Z;).",
        "Remove the file from the folder, or fetch the right one in its place.",
    )


def _no_trailer(counter: _Counter) -> Fault:
    return Fault(
        "trailer",
        "trailer_missing",
        f"The last line is {_shown(counter.last_line)}, not a Z trailer: the file is "
        f"cut short after {counter.counts['B']} B records.",
        FETCH_AGAIN,
    )


def _no_sales() -> Fault:
    return Fault(
        None,
        "sales_missing",
        "The file holds C or D records but no sale (B record) that they belong to.",
        "Put the file of their B records beside it: its name with _B for _C.",
    )


def _reconcile(counts: dict[str, int], stated: list[int]) -> Fault | None:
    found = [sum(counts.values()), counts["B"], counts["C"], counts["D"]]
    if found == stated:
        return None
    names = ("records", "B", "C", "D")
    wrong = [
        f"{said} {name} stated, {seen} found"
        for name, said, seen in zip(names, stated, found, strict=True)
        if said != seen
    ]
    return Fault(
        "trailer",
        "trailer_mismatch",
        f"The Z trailer disagrees with the file: {', '.join(wrong)}.",
        FETCH_AGAIN,
    )


def _no_header() -> Fault:
    return Fault(
        "header",
        "header_missing",
        "The archive file has no A record with the time it was made.",
        FETCH_AGAIN,
    )


def _mostly_unprintable(head: bytes) -> bool:
    odd = sum(1 for byte in head if byte < 32 and byte not in b"\t\n\r")
    return odd * 20 > len(head)


def _shown(line: bytes) -> str:
    text = line[:60].decode("latin-1").replace("\x00", "\\x00")
    return repr(text + ("..." if len(line) > 60 else ""))
