"""CSV records with the lines they came from, out of files that may be broken.

Belongs here: the shape of a row of any file, and for text files quoting, records over
several lines, and recovery from a quote that never closes. What cells mean is `parse`.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.lines import Block, LongLine
from domain.records import ORIGINAL_LIMIT, Original

#: A quoted field may hold line ends, but not a whole file.
_LINES_PER_RECORD = 50


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """One record: its line or row number, its cells (None: unreadable), its text.

    `is_typed`: the cells were values and the text is their JSON.
    """

    row_number: int
    cells: list[str] | None
    original: Original | None
    text: str
    problem: str | None = None
    is_typed: bool = False
    lines: int = 1

    @property
    def last_number(self) -> int:
        """Number of its last line."""
        return self.row_number + self.lines - 1


class _BrokenRecordError(Exception):
    """A record that goes on too long: a quote is missing."""


class RecordReader:
    """Iterates over the records of a file.

    When a record cannot be read, only its first line is given up: the lines it
    swallowed are read again, so that one stray quote costs one row.
    """

    def __init__(
        self,
        blocks: Iterable[Block | LongLine],
        delimiter: str,
        skip_lines: int = 0,
    ) -> None:
        self._lines = self._numbered(blocks, skip_lines)
        self._again: deque[tuple[int, str | LongLine]] = deque()
        self._taken: list[tuple[int, str | LongLine]] = []
        self._delimiter = delimiter

    @staticmethod
    def _numbered(
        blocks: Iterable[Block | LongLine], skip_lines: int
    ) -> Iterator[tuple[int, str | LongLine]]:
        number = 0
        for block in blocks:
            if isinstance(block, LongLine):
                number += 1
                if number > skip_lines:
                    yield number, block
                continue
            for line in block.lines:
                number += 1
                if number == 1:
                    line = line.removeprefix("\ufeff")
                if number > skip_lines:
                    yield number, line.removesuffix("\r")

    def __iter__(self) -> Iterator[CsvRecord]:
        while (first := self._next()) is not None:
            number, line = first
            if isinstance(line, LongLine):
                yield _too_long(number, line.original)
            elif len(line) > ORIGINAL_LIMIT:
                yield _too_long(number, Original.of(line))
            elif not line.strip(self._delimiter + ' \t"\ufeff\x1a'):
                continue
            elif '"' not in line:
                yield CsvRecord(number, line.split(self._delimiter), None, line)
            else:
                yield self._quoted(number, line)

    def _next(self) -> tuple[int, str | LongLine] | None:
        if self._again:
            return self._again.popleft()
        return next(self._lines, None)

    def _feed(self, first: str) -> Iterator[str]:
        """The record's lines, for the csv module to ask for as it needs them."""
        yield first
        while len(self._taken) < _LINES_PER_RECORD:
            following = self._next()
            if following is None:
                return
            self._taken.append(following)
            line = following[1]
            if isinstance(line, LongLine) or len(line) > ORIGINAL_LIMIT:
                break
            yield f"\n{line}"
        raise _BrokenRecordError

    def _quoted(self, number: int, line: str) -> CsvRecord:
        self._taken = []
        try:
            cells = next(
                csv.reader(self._feed(line), delimiter=self._delimiter, strict=True)
            )
        except (csv.Error, _BrokenRecordError, StopIteration):
            self._again.extendleft(reversed(self._taken))
            problem = "a quote in the line is never closed or stands inside a field"
            return CsvRecord(number, None, None, line, problem)
        more = [str(text) for _, text in self._taken]
        text = "\n".join([line, *more])
        return CsvRecord(number, cells, None, text, lines=len(more) + 1)


def _too_long(number: int, original: Original) -> CsvRecord:
    problem = (
        f"the line is {original.size_bytes} bytes long; its first {ORIGINAL_LIMIT} "
        "characters are kept"
    )
    return CsvRecord(number, None, original, "", problem)
