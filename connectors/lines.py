"""Reading lines of unknown files in bounded memory.

Belongs here: blocks of text lines from a byte stream, whatever the stream holds. What a
line means is each source's own business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from domain.records import ORIGINAL_LIMIT, Original, storable_text

#: Bytes read at once. A line that does not end within it is cut.
CHUNK = 1 << 20


@dataclass(frozen=True)
class Block:
    """Some consecutive lines, as one text without the end of the last.

    `has_specials`: some line may hold a backslash, carriage return or NUL.
    """

    text: str
    has_specials: bool

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line too long to hold: its first characters, full length and SHA-256."""

    original: Original


def read_blocks(
    stream: BinaryIO, chunk: int = CHUNK, encoding: str = "latin-1"
) -> Iterator[Block | LongLine]:
    """Yield the lines of a stream. Latin-1, the default, is broken by no byte.

    Other encodings must be proved first, and keep line ends single bytes (UTF-8 does).
    Memory stays below a few chunks for any input, a line of gigabytes included.
    """
    carry = b""
    while data := stream.read(chunk):
        cut = data.rfind(b"\n")
        if cut < 0:
            carry += data
            if len(carry) >= chunk:
                yield _drain_long_line(stream, carry, chunk, encoding)
                carry = b""
            continue
        yield _block(carry + data[:cut], encoding)
        carry = data[cut + 1 :]
    if carry:
        yield _block(carry, encoding)


def _block(data: bytes, encoding: str) -> Block:
    specials = b"\\" in data or b"\r" in data or b"\x00" in data
    return Block(data.decode(encoding), specials)


def _drain_long_line(
    stream: BinaryIO, head: bytes, chunk: int, encoding: str
) -> LongLine:
    """Read to the end of the line, keeping only its head, length and hash."""
    digest = hashlib.sha256(head)
    size = len(head)
    while data := stream.readline(chunk):
        ended = data.endswith(b"\n")
        piece = data[:-1] if ended else data
        digest.update(piece)
        size += len(piece)
        if ended:
            break
    text = storable_text(head[:ORIGINAL_LIMIT].decode(encoding, "replace"))
    return LongLine(Original(text, size, digest.hexdigest()))
