"""Bytes of a feed to UTF-8 that an XML parser takes, whatever the file calls itself.

Belongs here: byte order marks, declared and undeclared encodings, characters XML does
not allow. Lines and columns stay what they are in the file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

#: Bytes read at once; what is held of a file at any time is a few of these.
CHUNK = 1 << 16

_HEAD = 1024
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})")
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]{0,400}\?>")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: Names taken at their word; latin-1 means windows-1252, as it does on the web.
_TRUSTED = re.compile(
    r"(windows-?125\d|cp125\d|cp850|cp437|iso-?8859-?\d{1,2}|latin-?\d|mac-?roman)",
    re.IGNORECASE,
)
_LATIN = re.compile(r"(iso-?8859-?1|latin-?1|windows-?1252|cp1252)", re.IGNORECASE)

_FALLBACK = "reaxml.windows-1252"


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Read undecodable bytes as windows-1252, which has a character for nearly all."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    text = "".join(
        bytes([byte]).decode("latin-1" if byte in _UNDEFINED else "cp1252")
        for byte in bad
    )
    return text, error.end


_UNDEFINED = frozenset((0x81, 0x8D, 0x8F, 0x90, 0x9D))
codecs.register_error(_FALLBACK, _as_windows_1252)


class Utf8Feed:
    """Iterates over a stream as UTF-8 chunks, the XML declaration blanked out.

    Without a mark or a trusted declaration the bytes are UTF-8; those that cannot be
    are windows-1252, so that a file that mixes both comes out right. `encoding` says
    what was found, `replaced` counts characters that XML forbids (now blanks).
    """

    def __init__(self, stream: BinaryIO, chunk: int = CHUNK) -> None:
        self._stream = stream
        self._chunk = chunk
        self.encoding = "utf-8"
        self.replaced = 0

    def __iter__(self) -> Iterator[bytes]:
        for text in self.texts():
            yield text.encode("utf-8", "replace")

    def texts(self) -> Iterator[str]:
        """The same as text."""
        pieces = self._decoded()
        head = ""
        for piece in pieces:
            head += piece
            if len(head) >= _HEAD:
                break
        head = head.removeprefix("\ufeff")
        yield self._clean(_undeclared(head))
        for piece in pieces:
            yield self._clean(piece)

    def _clean(self, text: str) -> str:
        if _FORBIDDEN.search(text) is None:
            return text
        cleaned, count = _FORBIDDEN.subn(" ", text)
        self.replaced += count
        return cleaned

    def _decoded(self) -> Iterator[str]:
        head = self._stream.read(self._chunk)
        while len(head) < _HEAD and (more := self._stream.read(self._chunk)):
            head += more
        self.encoding = _encoding_of(head[:_HEAD])
        errors = _FALLBACK if _LATIN.fullmatch(self.encoding) else "replace"
        if self.encoding.startswith("utf-8"):
            errors = "strict"
        decoder = codecs.getincrementaldecoder(self.encoding)(errors)
        data = head
        while True:
            is_last = not data
            state = decoder.getstate()
            try:
                yield decoder.decode(data, is_last)
            except UnicodeDecodeError:
                # Not UTF-8 after all: the rest is read byte by byte where it must be.
                self.encoding += " with windows-1252"
                decoder = codecs.getincrementaldecoder("utf-8")(_FALLBACK)
                yield decoder.decode(state[0] + data, is_last)
            if is_last:
                return
            data = self._stream.read(self._chunk)


def _undeclared(head: str) -> str:
    """The text with its XML declaration, also a misplaced one, as blanks."""
    match = _DECLARATION.match(head)
    return _blank(match) + head[match.end() :] if match else head


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\r\n]", " ", match[0])


def _encoding_of(head: bytes) -> str:
    """Name of the codec that a file's first bytes ask for."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[:1] == b"<" and head[1:2] == b"\x00":
        return "utf-16-le"
    if head[:2] == b"\x00<":
        return "utf-16-be"
    match = _DECLARED.search(head)
    declared = match[1].decode("ascii") if match else "utf-8"
    if _LATIN.fullmatch(declared):
        return "windows-1252"
    if _TRUSTED.fullmatch(declared):
        try:
            return codecs.lookup(declared).name
        except LookupError:
            return "utf-8"
    # UTF-8, or a name that cannot be true of these bytes (UTF-16 without its zeros).
    return "utf-8"
