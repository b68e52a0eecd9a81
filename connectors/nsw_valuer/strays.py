"""C and D records that do not directly follow their B record.

Belongs here: keeping them, however many, until their B record is met, and telling which
were never claimed. Nearly every file is in order and needs none of this: `parse` reads
such a file in one pass and comes here only when it met a stray.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connectors.lines import Block, LongLine
from connectors.nsw_valuer.layout import JOIN_KEY

#: A sale's records are written within a minute or two of each other. The same three
#: key fields come again in another week's file, so further apart is another sale.
_DRIFT_MINUTES: Final = 10


@dataclass(frozen=True, slots=True)
class Stray:
    """A C or D record: its line number and its text."""

    number: int
    line: str


class Strays:
    """A temporary table of strays: in memory while small, on disk beyond.

    Whoever asks for the strays of a sale first gets them; the rest are left over.
    """

    def __init__(self) -> None:
        # An unnamed SQLite database is private, and spills to disk by itself. It is
        # filled and read in different threads, never at once.
        self._table = sqlite3.connect("", check_same_thread=False)
        self._table.execute(
            "create table stray "
            "(number integer primary key, key text, stamp text, line text, quiet int)"
        )

    def fill(self, blocks: Iterable[Block | LongLine]) -> None:
        """Collect every C and D record that stands apart from its B record."""
        before, key, is_lost = 0, "", False
        for block in blocks:
            # Of a line too long to hold only the key counts, and only a B record's.
            is_long = isinstance(block, LongLine)
            lines = _lines_of(block)
            found: list[tuple[int, str, str, str, bool]] = []
            for number, line in enumerate(lines, start=before + 1):
                kind = line[:2]
                if kind not in ("B;", "C;", "D;"):
                    continue
                match = JOIN_KEY.match(line)
                if kind == "B;":
                    key, is_lost = (match[1] if match else ""), match is None
                elif match is not None and match[1] != key and not is_long:
                    stamp = line[match.end() :].partition(";")[0]
                    found.append((number, match[1], stamp, line, is_lost))
            before += len(lines)
            self._table.executemany("insert into stray values (?, ?, ?, ?, ?)", found)
        self._table.execute("create index if not exists by_key on stray (key)")

    def take(self, key: str, stamp: str) -> list[Stray]:
        """The strays of a sale in file order, which then are nobody else's.

        `key` is the record's first three fields as in the file, `stamp` its time.
        """
        rows = self._table.execute(
            "select number, stamp, line from stray where key = ? order by number",
            [key],
        ).fetchall()
        taken = [
            Stray(number, line)
            for number, other, line in rows
            if _is_near(stamp, other)
        ]
        self._table.executemany(
            "delete from stray where number = ?", [(stray.number,) for stray in taken]
        )
        return taken

    def left_over(self) -> Iterator[Stray]:
        """What no sale asked for, in file order.

        Not told are the records behind a B record whose key cannot be read: that
        record is refused and they go with it.
        """
        rows = self._table.execute(
            "select number, line from stray where not quiet order by number"
        )
        for number, line in rows:
            yield Stray(number, line)

    def close(self) -> None:
        """Give the space back."""
        self._table.close()


def _lines_of(block: Block | LongLine) -> list[str]:
    return [block.original.text] if isinstance(block, LongLine) else block.lines


def _is_near(one: str, other: str) -> bool:
    if one == other:
        return True
    first, second = _moment(one), _moment(other)
    if first is None or second is None:
        return False
    return abs((first - second).total_seconds()) <= _DRIFT_MINUTES * 60


def _moment(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp[:14], "%Y%m%d %H:%M")  # noqa: DTZ007
    except ValueError:
        return None
