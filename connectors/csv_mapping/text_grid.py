"""Text files as rows of cells: encodings, delimiters, damage.

Belongs here: one pass over the bytes to judge them, and opening them again as UTF-8
lines. Quoting is `rows`; which row is the header is `headers`.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from connectors.csv_mapping.rows import CsvRecord, RecordReader
from connectors.lines import CHUNK, read_blocks
from connectors.nsw_valuer.scan import READ_ERRORS

Opener = Callable[[], BinaryIO]

_HEAD = 8192
#: Bytes that Windows-1252 leaves undefined; a file with one of them is latin-1.
_UNDEFINED_1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")
_TEXT = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))
_CONTROLS_LATIN1 = frozenset(range(0x80, 0xA0))


@dataclass(frozen=True, slots=True)
class TextScan:
    """What one pass over a text file's bytes tells."""

    sha256: str
    size: int
    encoding: str
    head: bytes
    rule_id: str | None
    reason: str
    has_old_line_ends: bool = False


@dataclass(frozen=True, slots=True)
class TextGrid:
    """A text file; its variants are the delimiters it may have."""

    open: Opener
    encoding: str
    variants: tuple[str, ...]
    has_old_line_ends: bool = False

    @property
    def has_sheets(self) -> bool:
        """False: it is one table."""
        return False

    @property
    def header(self) -> None:
        """None: a text file's header is one of its rows, or missing."""
        return None

    @property
    def date_formats(self) -> tuple[str, ...]:
        """Text brings no form of dates of its own."""
        return ()

    def rows(self, variant: str, after: int = 0) -> Iterator[CsvRecord]:
        """Records of the lines after the given one."""
        stream = self.open()
        encoding = self.encoding
        if encoding.startswith("utf-16") or self.has_old_line_ends:
            stream = transcoded(stream, encoding)
            encoding = "utf-8"
        with stream:
            blocks = read_blocks(stream, encoding=encoding)
            yield from RecordReader(blocks, variant, after)


def scan_text(open_it: Opener, encoding: str | None = None) -> TextScan:
    """Read a file once: fingerprint, size, encoding, damage."""
    digest = hashlib.sha256()
    size = 0
    head = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    seen: set[int] = set()
    has_line_feed = False
    rule, reason = None, ""
    try:
        with open_it() as stream:
            while data := stream.read(CHUNK):
                digest.update(data)
                size += len(data)
                head = head or data[:_HEAD]
                has_line_feed = has_line_feed or b"\n" in data
                if is_utf8:
                    try:
                        decoder.decode(data)
                    except UnicodeDecodeError:
                        is_utf8 = False
                if not is_utf8:
                    seen.update(set(data) - seen)
            if is_utf8 and decoder.getstate()[0]:
                is_utf8 = False
    except READ_ERRORS as error:
        rule = "file_damaged"
        reason = f"The file cannot be read to its end: {error or type(error).__name__}."
    found = encoding or _encoding(head, is_utf8, seen)
    if rule is None and not found.startswith("utf-16") and _is_binary(head):
        rule, reason = "file_binary", "The file is binary data, not text."
    if encoding == "utf-8" and not is_utf8 and rule is None:
        rule, reason = "file_not_utf8", "The file is not UTF-8, as the mapping says."
    old = b"\r" in head and not has_line_feed
    return TextScan(digest.hexdigest(), size, found, head, rule, reason, old)


def _encoding(head: bytes, is_utf8: bool, seen: set[int]) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    # Without marks: every second byte of ordinary text is NUL, the others are text.
    if len(head) >= 8:
        if _is_half_text(head[1::2], head[::2]):
            return "utf-16-le"
        if _is_half_text(head[::2], head[1::2]):
            return "utf-16-be"
    if is_utf8:
        return "utf-8"
    if seen & _CONTROLS_LATIN1 and not seen & _UNDEFINED_1252:
        return "cp1252"
    return "latin-1"


def _is_half_text(high: bytes, low: bytes) -> bool:
    text = sum(byte in _TEXT for byte in low)
    return high.count(0) * 10 > len(high) * 9 and text * 10 > len(low) * 9


def _is_binary(head: bytes) -> bool:
    return b"\x00" in head.split(b"\n", 1)[0]


class _Transcoded(io.RawIOBase):
    """A text stream as UTF-8 with line feeds. Broken characters become U+FFFD."""

    def __init__(self, inner: BinaryIO, encoding: str) -> None:
        self._inner = inner
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._ready = b""
        self._is_done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        while not self._ready and not self._is_done:
            data = self._inner.read(len(view))
            self._is_done = not data
            text = self._decoder.decode(data, final=self._is_done)
            self._ready = text.encode("utf-8", "replace")
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()


def transcoded(stream: BinaryIO, encoding: str) -> BinaryIO:
    """The stream as UTF-8, its lines ended by line feeds."""
    return io.BufferedReader(_Transcoded(stream, encoding), CHUNK)
