"""Finding columns by the words of their header, never by their position.

Belongs here: normal forms of header text, single header rows by alias, and headers of
several rows (merged cells) folded into one text a column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.csv_mapping.rows import CsvRecord
from connectors.reference.model import FileRefused
from domain.records import FieldsSeen

_OTHER = re.compile(r"[^a-z0-9%$]+")
#: Rows searched for a header; publishers put at most 15 lines above it.
SEARCHED = 60


def words(text: str) -> str:
    """Lower-case words with single blanks: `SA1_7DIGITCODE_2016` and the like too."""
    return _OTHER.sub(" ", text.casefold()).strip()


def compact(text: str) -> str:
    """Those words without blanks, for comparing names however they are written."""
    return words(text).replace(" ", "")


@dataclass(frozen=True, slots=True)
class Header:
    """A header row: its line, its cells, and the position of each canonical column.

    `others` maps the header's own names that no column wants to their positions.
    """

    row_number: int
    cells: list[str]
    columns: Mapping[str, int]
    others: Mapping[str, int]

    def fields(self, dataset: str, required: Sequence[str]) -> FieldsSeen:
        """The file's own names, for drift: what is here, known and needed."""
        own = {name: self.cells[at].strip() for name, at in self.columns.items()}
        needed = frozenset(own.get(name, name) for name in required)
        present = frozenset((*own.values(), *self.others))
        return FieldsSeen(dataset, present, frozenset(own.values()) | needed, needed)


def find_header(
    rows: Sequence[CsvRecord],
    aliases: Mapping[str, Sequence[str]],
    required: Sequence[str],
) -> Header:
    """The first row that names all required columns.

    `aliases` gives each canonical column the compact names it goes by, best first.

    Raises:
        FileRefused: no row does; the message names what the best one lacks.
    """
    best: tuple[int, Header] | None = None
    for record in rows[:SEARCHED]:
        if record.cells is None:
            continue
        header = _match(record.row_number, record.cells, aliases)
        hits = sum(name in header.columns for name in required)
        if hits == len(required):
            return header
        if best is None or hits > best[0]:
            best = (hits, header)
    if best is None or best[0] == 0:
        raise FileRefused(
            "header_missing",
            "No row of the file names the columns this set needs: "
            f"{', '.join(required)}.",
            "Give the file of this set, with its header row.",
        )
    lacking = [name for name in required if name not in best[1].columns]
    plural = "s" if len(lacking) > 1 else ""
    has = ", ".join(cell.strip() for cell in best[1].cells if cell.strip())[:300]
    raise FileRefused(
        "column_missing",
        f"The file lacks the column{plural} {', '.join(lacking)}; its header has: "
        f"{has}.",
        "Give the publisher's whole file; if it renamed a column, add its new name to "
        "the set's module.",
        lacking[0],
    )


def _match(
    number: int, cells: list[str], aliases: Mapping[str, Sequence[str]]
) -> Header:
    places: dict[str, int] = {}
    for position, cell in enumerate(cells):
        places.setdefault(compact(cell), position)
    columns: dict[str, int] = {}
    for name, known in aliases.items():
        at = next((places[alias] for alias in known if alias in places), None)
        if at is not None and at not in columns.values():
            columns[name] = at
    taken = set(columns.values())
    others = {
        cell.strip(): position
        for position, cell in enumerate(cells)
        if cell.strip() and position not in taken
    }
    return Header(number, cells, columns, others)


def folded(
    rows: Sequence[CsvRecord], is_filled: Callable[[str], bool] | None = None
) -> list[str]:
    """Header rows folded into one text a column, top to bottom.

    A merged cell arrives as its first cell and blanks: in every row but the last, and
    for texts that `is_filled` chooses in the last one too, blanks take the text to
    their left.
    """
    width = max((len(row.cells or ()) for row in rows), default=0)
    texts = [""] * width
    for position, row in enumerate(rows):
        is_last = position == len(rows) - 1
        left = ""
        for at in range(width):
            cells = row.cells or []
            cell = cells[at].strip() if at < len(cells) else ""
            if cell:
                left = cell
            elif at and left and (not is_last or (is_filled and is_filled(left))):
                cell = left
            texts[at] = f"{texts[at]} {cell}".strip()
    return texts
