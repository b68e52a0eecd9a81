"""Reading one scanned PSI file: which reader, in how many passes.

Belongs here: the order of passes over a file. Whether it may be read is `scan`, what
its lines mean is `parse`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import BinaryIO

from connectors.lines import Block, LongLine, read_blocks
from connectors.nsw_valuer.archive import ArchiveReader
from connectors.nsw_valuer.layout import SOURCE, Fault
from connectors.nsw_valuer.parse import (
    MOST_AT_ONCE,
    CurrentReader,
    reject_of,
    without_sale,
)
from connectors.nsw_valuer.scan import Scan
from connectors.nsw_valuer.strays import Strays
from domain.records import Original, RecordBatch, Reject


class EarlyRead:
    """A small file in the usual order, read for its records while it is scanned.

    Reading it counts its records by letter, which is half of a scan's work.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.batches: list[RecordBatch] | None = None

    def count(self, content: bytes) -> dict[str, int] | None:
        """Records by letter of the whole file; None if reading it does not tell."""
        reader = CurrentReader(self._name)
        batches = list(reader.read(read_blocks(io.BytesIO(content))))
        if reader.counts is not None and not reader.is_disordered:
            self.batches = batches
        return reader.counts


def read_records(
    name: str, found: Scan, open_file: Callable[[], BinaryIO]
) -> Iterator[RecordBatch]:
    """The records of a file that may be loaded, streamed.

    C and D records directly behind their B record, as published, are joined on the
    way. A file that keeps another order is read twice: first for its strays.
    """
    if found.record_format == "archive":
        with open_file() as stream:
            archive = ArchiveReader(name, found.downloaded_at)
            yield from archive.read(read_blocks(stream))
        return
    is_small = found.content is not None and found.counts["B"] <= MOST_AT_ONCE
    if is_small or not (found.counts["C"] or found.counts["D"]):
        reader = CurrentReader(name)
        with open_file() as stream:
            batches = reader.read(read_blocks(stream))
            if not is_small:
                yield from batches  # no C or D record: nothing can be out of order
                return
            kept = list(batches)
        if not reader.is_disordered:
            yield from kept
            return
    strays = Strays()
    try:
        with open_file() as stream:
            strays.fill(read_blocks(stream))
        yield from read_with_strays(name, strays, open_file)
        yield from report_left_over(name, strays)
    finally:
        strays.close()


def read_with_strays(
    name: str, strays: Strays, open_file: Callable[[], BinaryIO]
) -> Iterator[RecordBatch]:
    """The records of a file, each with the strays that name it."""
    with open_file() as stream:
        yield from CurrentReader(name, None, strays).read(read_blocks(stream))


def report_left_over(source_file: str, strays: Strays) -> Iterator[RecordBatch]:
    """Rejects of the C and D records that no B record of the file claimed."""
    left = strays.left_over()
    while some := list(islice(left, 1000)):
        rejects = [
            reject_of(
                source_file,
                stray.number,
                without_sale(stray.line),
                Original.of(stray.line, "latin-1"),
            )
            for stray in some
        ]
        yield RecordBatch([], [], rejects, 0)


def refuse_records(
    source_file: str, blocks: Iterable[Block | LongLine], fault: Fault
) -> Iterator[RecordBatch]:
    """Turn every B record of a refused file into a reject, so that none is lost."""
    number = 0
    reason = f"The whole file is refused. {fault.reason}"
    for block in blocks:
        rejects: list[Reject] = []
        lines = [block.original] if isinstance(block, LongLine) else block.lines
        for line in lines:
            number += 1
            text = line.text if isinstance(line, Original) else line
            if not text.startswith("B;"):
                continue
            kept = line if isinstance(line, Original) else Original.of(line, "latin-1")
            rule = f"file_{fault.rule_id.removeprefix('file_')}"
            rejects.append(
                Reject(SOURCE, source_file, number, None, rule, reason, fault.fix, kept)
            )
            if len(rejects) >= MOST_AT_ONCE:
                yield RecordBatch([], [], rejects, len(rejects))
                rejects = []
        yield RecordBatch([], [], rejects, len(rejects))
