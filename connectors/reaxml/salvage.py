"""The records of a file that is refused whole, so that none is lost with it.

Belongs here: finding listings in text that is no XML any more, before and after the
place where it broke. They are quarantined as text, never loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.reaxml.parse import ListingBatch
from connectors.reaxml.vocabulary import KIND_OF, KINDS
from domain.records import Original, RecordBatch, Reject

_KINDS = "|".join(sorted(KINDS, key=len, reverse=True))
_TAGS = re.compile(
    rf"<(?:[\w.-]+:)?({_KINDS})(?=[\s/>])|</(?:[\w.-]+:)?({_KINDS})\s*>", re.IGNORECASE
)
#: Characters held of one record; a tag cut by a chunk's edge is completed from this.
_RECORD = 1 << 20
_SEAM = 64
_BATCH = 500


@dataclass(slots=True)
class _Piece:
    kind: str
    line: int
    parts: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, text: str) -> None:
        if self.size < _RECORD:
            self.parts.append(text[: _RECORD - self.size])
        self.size += len(text)


def refuse_listings(
    source_file: str, texts: Iterable[str], refusal: Reject
) -> Iterator[RecordBatch]:
    """Every listing of a refused file as a reject, in batches."""
    reason = f"The whole file is refused. {refusal.reason}"
    rule = f"file_{refusal.rule_id.removeprefix('file_')}"
    ordinals: dict[str, int] = {}
    rejects: list[Reject] = []
    for piece in _pieces(texts):
        ordinal = ordinals[piece.kind] = ordinals.get(piece.kind, 0) + 1
        rejects.append(
            Reject(
                refusal.source,
                source_file,
                piece.line,
                f"{piece.kind}[{ordinal}]",
                rule,
                reason,
                refusal.fix,
                Original.of("".join(piece.parts)),
            )
        )
        if len(rejects) >= _BATCH:
            yield ListingBatch([], [], rejects, len(rejects))
            rejects = []
    yield ListingBatch([], [], rejects, len(rejects))


def _pieces(texts: Iterable[str]) -> Iterator[_Piece]:
    """Text from each opening tag to its end tag, the next opening, or the end."""
    line = 1
    now: _Piece | None = None
    for window, is_last in _windows(texts):
        at = 0
        # A tag that begins in the seam is read with the next window.
        end = len(window) if is_last else len(window) - _SEAM
        for match in _TAGS.finditer(window):
            if match.start() >= end:
                break
            opened, closed = match.groups()
            if opened:
                if now is not None:
                    now.add(window[at : match.start()])
                    yield now
                line += window.count("\n", at, match.start())
                at = match.start()
                now = _Piece(KIND_OF[opened.lower()], line)
            elif now is not None and closed.lower() == now.kind.lower():
                stop = match.end()
                now.add(window[at:stop])
                yield now
                now = None
                line += window.count("\n", at, stop)
                at = stop
        if at < end:
            if now is not None:
                now.add(window[at:end])
            line += window.count("\n", at, end)
    if now is not None:
        yield now


def _windows(texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Windows that overlap by a seam, each beginning where the last one ended."""
    carry = ""
    for text in texts:
        window = carry + text
        if len(window) <= _SEAM:
            carry = window
            continue
        yield window, False
        carry = window[-_SEAM:]
    yield carry, True
