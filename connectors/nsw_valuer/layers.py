"""Layers that PSI files come wrapped in: ZIP, gzip, and ZIPs inside those.

Belongs here: bytes that can be opened again and again, wherever they lie. Which of them
are PSI files is `containers`.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import BadZipFile

from connectors.archives import MIB, Limits, UnsafeArchiveError, limited
from connectors.lines import CHUNK
from connectors.nsw_valuer.layout import Fault
from connectors.nsw_valuer.scan import FETCH_AGAIN, READ_ERRORS

Opener = Callable[[], BinaryIO]

#: Unpacked bytes held in memory; beyond it they go to disk.
SPOOLED = 32 * MIB
_DAMAGED = (BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)
#: What opening an archive from a stranger can raise.
ZIP_ERRORS = (
    *READ_ERRORS,
    UnsafeArchiveError,
    NotImplementedError,
    lzma.LZMAError,
    struct.error,
    IndexError,
    KeyError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that can be opened again: an outer file, or one unpacked from it."""

    name: str
    open: Opener
    size: int

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, hex."""
        with self.open() as stream:
            digest = hashlib.sha256()
            while data := stream.read(CHUNK):
                digest.update(data)
            return digest.hexdigest()


def zip_fault(error: BaseException) -> Fault:
    """Why a ZIP is refused as a whole."""
    rule = "zip_unsafe" if isinstance(error, UnsafeArchiveError) else "zip_damaged"
    reason = f"The ZIP cannot be opened: {error or type(error).__name__}."
    return Fault(None, rule, reason, FETCH_AGAIN)


def limited_opener(open_it: Opener, limits: Limits, name: str) -> Opener:
    """Opens a file that refuses to give more than a member may hold."""

    def opener() -> BinaryIO:
        return limited(open_it(), limits.member_bytes, name)

    return opener


def opener_of(path: Path) -> Opener:
    """Opens a file of this machine."""

    def opener() -> BinaryIO:
        return path.open("rb")

    return opener


def first_bytes(open_it: Opener, count: int) -> bytes:
    """The beginning of a file; nothing if what it is wrapped in is damaged."""
    try:
        with open_it() as stream:
            return stream.read(count)
    except (*_DAMAGED, gzip.BadGzipFile):
        return b""


class _Gunzip(gzip.GzipFile):
    """A gzip stream that closes the file below it."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


def gunzipped(open_it: Opener, packed: int, limits: Limits) -> Opener:
    """Opens what a gzip file of `packed` bytes holds, within the limits."""
    cap = min(limits.member_bytes, max(64 * MIB, packed * limits.ratio))

    def opener() -> BinaryIO:
        return limited(cast("BinaryIO", _Gunzip(open_it())), cap, "The gzip file")

    return opener


def spooled(
    name: str, open_it: Opener, spool: tempfile.SpooledTemporaryFile[bytes]
) -> Source:
    """Bytes unpacked into `spool`, to be opened any number of times."""
    try:
        with open_it() as stream:
            while data := stream.read(CHUNK):
                spool.write(data)
    except ZIP_ERRORS:
        # What could be unpacked is a ZIP cut short: refused when it is opened.
        spool.truncate()

    def opener() -> BinaryIO:
        spool.seek(0)
        return cast("BinaryIO", _KeptOpen(spool))

    return Source(name, opener, spool.tell())


class _KeptOpen:
    """A view of an open file whose `close` leaves the file open."""

    def __init__(self, inner: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._inner = inner

    def __enter__(self) -> _KeptOpen:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)
