"""First pass over a PSI file: fingerprint, count, and decide whether to trust it.

Belongs here: everything that refuses a file as a whole. It runs before a single row is
handed on, so a refused file leaves no rows. Single records are judged by `parse`.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal
from zipfile import BadZipFile

from connectors.lines import CHUNK
from connectors.nsw_valuer.layout import Fault

RecordFormat = Literal["current", "archive"]

_LETTERS = (b"A", b"B", b"C", b"D", b"Z")
_TAIL = 4096
_SECOND_FIELD = re.compile(rb"\nB;[^;\n]*;([^;\n]*);")
_STAMP = re.compile(rb"^A;[^;\n]*;[^;\n]*;(\d{8} \d\d:\d\d)", re.MULTILINE)
_TRAILER = re.compile(rb"Z;(\d{1,12});(\d{0,12});?(\d{0,12});?(\d{0,12});*")
#: What reading a damaged ZIP member or file raises.
READ_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)

FETCH_AGAIN = "Fetch the file again; its other records wait in raw.rejects until then."


@dataclass(frozen=True, slots=True)
class Scan:
    """What the first pass found. `fault` is None for a file that may be loaded."""

    sha256: str
    size_bytes: int
    record_format: RecordFormat
    downloaded_at: str | None
    fault: Fault | None
    counts: dict[str, int] = field(default_factory=dict)
    #: The whole of a file small enough to keep, so that it need not be unpacked twice.
    content: bytes | None = field(default=None, repr=False)


class _Counter:
    """Counts records by letter in a stream of chunks."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.size = 0
        self.counts = {letter.decode(): 0 for letter in _LETTERS}
        self.head = b""
        self.tail = b"\n"
        self.second_field: bytes | None = None

    def add(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)
        # The two bytes before the chunk complete a record start cut by its edge.
        seam = self.tail[-2:] + data
        for letter in _LETTERS:
            self.counts[letter.decode()] += seam.count(b"\n" + letter + b";")
        if self.second_field is None and (found := _SECOND_FIELD.search(seam)):
            self.second_field = found[1]
        if len(self.head) < _TAIL:
            self.head += data[:_TAIL]
        self.tail = (self.tail + data[-_TAIL:])[-_TAIL:]


def scan(open_file: Callable[[], BinaryIO]) -> Scan:
    """Read a file once and judge it as a whole. Never raises for its content."""
    counter = _Counter()
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
    second = counter.second_field
    archive = second is not None and re.search(rb"[A-Za-z]", second) is not None
    stamp = _STAMP.search(counter.head)
    return Scan(
        sha256=counter.digest.hexdigest(),
        size_bytes=counter.size,
        record_format="archive" if archive else "current",
        downloaded_at=stamp[1].decode() if stamp else None,
        fault=damage or _judge(counter, archive, stamp is not None),
        counts=counter.counts,
        content=first if counter.size == len(first) else None,
    )


def _judge(counter: _Counter, archive: bool, has_stamp: bool) -> Fault | None:
    if counter.size == 0:
        return Fault(None, "file_empty", "The file is empty.", FETCH_AGAIN)
    if not any(counter.counts.values()):
        binary = b"\x00" in counter.head or _mostly_unprintable(counter.head)
        return Fault(
            None,
            "file_binary" if binary else "file_not_psi",
            "The file is binary data, not PSI text."
            if binary
            else "The file holds no PSI record (lines beginning A; B; C; D; or Z;).",
            "Remove the file from the folder, or fetch the right one in its place.",
        )
    if archive:
        # The archive's own trailers are off by one: they prove nothing.
        return None if has_stamp else _no_header()
    last_line = counter.tail.rstrip().rsplit(b"\n", 1)[-1]
    trailer = _TRAILER.fullmatch(last_line)
    if trailer is None:
        return Fault(
            "trailer",
            "trailer_missing",
            f"The last line is {_shown(last_line)}, not a Z trailer: the file is cut "
            f"short after {counter.counts['B']} B records.",
            FETCH_AGAIN,
        )
    return _reconcile(counter.counts, [int(part or 0) for part in trailer.groups()])


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
