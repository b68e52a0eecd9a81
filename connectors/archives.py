"""Opening ZIP and gzip containers from strangers.

Belongs here: limits against bombs, fingerprints of outer files, and members that can be
opened again and again. Which members matter is each source's own business.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

MIB = 1 << 20
#: Flag of an encrypted member of a ZIP.
_LOCKED = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a container may hold before it counts as a bomb (bytes, unpacked)."""

    member_bytes: int = 2048 * MIB
    total_bytes: int = 16384 * MIB
    members: int = 20_000
    #: Unpacked to packed; PSI text is about 6, CSV at most 30.
    ratio: int = 200


DEFAULT_LIMITS = Limits()


class UnsafeArchiveError(Exception):
    """A container that breaks the limits; the message says which."""


class _Limited(io.RawIOBase):
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, inner: BinaryIO, limit: int, name: str) -> None:
        self._inner = inner
        self._left = limit
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._inner.read(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"{self._name} unpacks to more than the size limit")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def limited(inner: BinaryIO, limit: int, name: str) -> BinaryIO:
    """Buffered stream over `inner` that raises ValueError beyond `limit` bytes."""
    return io.BufferedReader(_Limited(inner, limit, name), MIB)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_gzip(path: Path, limits: Limits = DEFAULT_LIMITS) -> BinaryIO:
    """Open a gzip file for reading, within the limits."""
    packed = path.stat().st_size
    cap = min(limits.member_bytes, max(64 * MIB, packed * limits.ratio))
    return limited(cast("BinaryIO", gzip.open(path, "rb")), cap, path.name)


def checked_members(
    archive: zipfile.ZipFile, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Yield (unique name, member) of the files in a ZIP, in name order.

    Raises:
        UnsafeArchiveError: too many members, or more bytes than the limits allow.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > limits.members:
        raise UnsafeArchiveError(
            f"it lists {len(infos)} files, more than the limit of {limits.members}"
        )
    total = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if total > limits.total_bytes or total > max(64 * MIB, packed * limits.ratio):
        raise UnsafeArchiveError(
            f"it would unpack to {total} bytes from {packed}, beyond the limits"
        )
    seen: dict[str, int] = {}
    for info in sorted(infos, key=lambda info: info.filename):
        count = seen[info.filename] = seen.get(info.filename, 0) + 1
        name = info.filename if count == 1 else f"{info.filename}#{count}"
        yield name, info


def open_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits = DEFAULT_LIMITS
) -> BinaryIO:
    """Open one member; reading beyond the limit raises ValueError.

    Raises:
        BadZipFile: the member is not where the archive says, or locked.
    """
    if info.flag_bits & _LOCKED:
        raise zipfile.BadZipFile(f"{info.filename} is locked with a password")
    if info.header_offset < 0:
        # Seeking there would look like a fault of the disk.
        raise zipfile.BadZipFile(f"{info.filename} begins before the archive does")
    inner = cast("BinaryIO", archive.open(info))
    return limited(inner, limits.member_bytes, info.filename)
