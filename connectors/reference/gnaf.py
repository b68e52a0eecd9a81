"""G-NAF Core: every address of Australia, 15 million lines separated by `|`.

Belongs here: its columns and the pattern a good line matches; only a line that fails is
looked at field by field. Releases are dated by the month in the name of the file, its
folder or its ZIP (`g-naf_core_may25...`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from connectors.lines import Block, LongLine, read_blocks
from connectors.reference.headers import find_header
from connectors.reference.model import Bad, Bound, Dataset, FileRefused, Packed, Records
from connectors.reference.periods import read_day
from connectors.reference.pieces import Piece
from connectors.reference.reading import MEND_LINE
from domain.records import escape_value

NAME: Final = "gnaf"
_TEXT = r"[^|\x00]*"
#: Canonical column: header name in the file, pattern of a good value.
_PATTERNS: Final[dict[str, str]] = {
    "address_detail_pid": r"[A-Za-z0-9_]{1,20}",
    "date_created": r"(?:\d{4}-\d\d-\d\d)?",
    "address_label": _TEXT,
    "address_site_name": _TEXT,
    "building_name": _TEXT,
    "flat_type": _TEXT,
    "flat_number": _TEXT,
    "level_type": _TEXT,
    "level_number": _TEXT,
    "number_first": _TEXT,
    "number_last": _TEXT,
    "lot_number": _TEXT,
    "street_name": _TEXT,
    "street_type": _TEXT,
    "street_suffix": _TEXT,
    "locality_name": r"[^|\x00]+",
    "state": r"(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT|OT)",
    "postcode": r"(?:\d{4})?",
    "legal_parcel_id": _TEXT,
    "mb_code": r"(?:\d{11})?",
    "alias_principal": r"[AP]?",
    "principal_pid": r"[A-Za-z0-9_]{0,20}",
    "primary_secondary": r"[PS]?",
    "primary_pid": r"[A-Za-z0-9_]{0,20}",
    "geocode_type": _TEXT,
    # 72 to 169 east and 55 to 8 south: the mainland with its external territories.
    "longitude": r"(?:(?:7[2-9]|[89]\d|1[0-6]\d)(?:\.\d{0,12})?)?",
    "latitude": r"(?:-(?:[89]|[1-4]\d|5[0-4])(?:\.\d{0,12})?)?",
}
REQUIRED: Final = (
    "address_detail_pid",
    "locality_name",
    "state",
    "postcode",
    "longitude",
    "latitude",
)
_REASONS: Final = {
    "address_detail_pid": "is no G-NAF address id",
    "date_created": "is no date",
    "state": "is no state or territory",
    "postcode": "is no postcode of four digits",
    "mb_code": "is no mesh block code of 11 digits",
    "alias_principal": "is neither A nor P",
    "primary_secondary": "is neither P nor S",
    "longitude": "is no longitude of Australia",
    "latitude": "is no latitude of Australia",
    "locality_name": "is no locality",
}
COLUMNS: Final = (*_PATTERNS, "extra")


def bind(piece: Piece) -> Bound:
    """Recognise G-NAF Core by its header. Raises FileRefused."""
    if piece.kind != "text":
        raise FileRefused(
            "not_gnaf_core", "G-NAF Core is a text file.", "Give GNAF_CORE.psv."
        )
    head = piece.head(count=1)
    names = {cell.strip().casefold() for record in head for cell in record.cells or ()}
    if "address_detail_pid" in names and "locality_pid" in names:
        raise FileRefused(
            "full_gnaf",
            "This is a table of the full G-NAF, whose address is spread over several.",
            "Give G-NAF Core (GNAF_CORE.psv), which holds the same addresses whole.",
        )
    aliases = {name: (name.replace("_", ""),) for name in _PATTERNS}
    header = find_header(head, aliases, REQUIRED)
    counts: dict[str, int] = {}
    reader = _Reader([cell.strip() for cell in header.cells], header.columns, counts)
    return Bound(
        part="core",
        records=partial(reader.read, piece),
        # The layout is published: a column that is not there is news in the first file.
        fields=header.fields(NAME, tuple(_PATTERNS)),
        counts=counts,
    )


class _Reader:
    """Reads lines with the columns of one header, whatever their order."""

    def __init__(
        self, names: list[str], columns: Mapping[str, int], counts: dict[str, int]
    ) -> None:
        places = dict(columns)
        self.names = names
        self.counts = counts
        by_place = {at: name for name, at in places.items()}
        patterns = [
            _PATTERNS[by_place[at]] if at in by_place else _TEXT
            for at in range(len(names))
        ]
        self.canonical = [by_place.get(at) for at in range(len(names))]
        self.good = re.compile(r"\|".join(patterns)).fullmatch
        #: The file's columns are ours in our order: a line needs no rearranging.
        self.is_plain = self.canonical == list(_PATTERNS)
        self.order = [places.get(name) for name in _PATTERNS]
        self.others = [at for at in range(len(names)) if at not in by_place]

    def read(self, piece: Piece) -> Records:
        number = 0
        with piece.open() as stream:
            for block in read_blocks(stream, encoding=piece.encoding):
                if isinstance(block, LongLine):
                    number += 1
                    yield self._too_long(number, block)
                    continue
                yield from self._block(block, number)
                number += len(block.lines)

    def _block(self, block: Block, before: int) -> Records:
        good = self.good
        numbers: list[int] = []
        lines: list[str] = []
        bad: list[Bad] = []
        for number, text in enumerate(block.lines, start=before + 1):
            line = text.removesuffix("\r")
            if number == 1 or not line.strip("| \t\x1a"):
                continue
            if good(line):
                if self.is_plain and ";" not in line and "\\" not in line:
                    lines.append(f"{line.replace('|', ';')};")
                else:
                    lines.append(self._row(line.split("|")))
                numbers.append(number)
                continue
            cells = line.split("|")
            mended = self._mended(cells)
            if mended is not None:
                lines.append(self._row(mended))
                numbers.append(number)
            else:
                bad.append(self._diagnose(number, line, cells))
        counts = self.counts
        counts["lines"] = counts.get("lines", 0) + len(lines) + len(bad)
        if lines:
            yield Packed(numbers, lines)
        yield from bad

    def _mended(self, cells: list[str]) -> list[str] | None:
        """The cells with blanks off and dates as ISO, if that is all they need."""
        plain = [cell.strip() for cell in cells]
        for at, name in enumerate(self.canonical):
            if name == "date_created" and at < len(plain) and plain[at]:
                day = read_day(plain[at])
                plain[at] = day.isoformat() if day else plain[at]
            elif name == "postcode" and at < len(plain) and plain[at].isdigit():
                plain[at] = plain[at].zfill(4)
        return plain if self.good("|".join(plain)) else None

    def _row(self, cells: Sequence[str]) -> str:
        values = ["" if at is None else escape_value(cells[at]) for at in self.order]
        extra = {self.names[at]: cells[at] for at in self.others if cells[at]}
        text = escape_value(json.dumps(extra, ensure_ascii=False)) if extra else ""
        return ";".join((*values, text))

    def _diagnose(self, number: int, line: str, cells: list[str]) -> Bad:
        """Which field of a refused line is wrong."""
        if len(cells) != len(self.names):
            reason = (
                f"The line has {len(cells)} fields where the header has "
                f"{len(self.names)}."
            )
            return Bad(number, None, "column_count", reason, MEND_LINE, line)
        for cell, name in zip(cells, self.canonical, strict=True):
            if name and not re.fullmatch(_PATTERNS[name], cell.strip()):
                told = _REASONS.get(name, "cannot be stored")
                reason = f"{cell.strip()!r} {told}."
                return Bad(number, name, f"{name}_unreadable", reason, MEND_LINE, line)
        reason = "The line holds a character that cannot be stored."
        return Bad(number, None, "line_unreadable", reason, MEND_LINE, line)

    def _too_long(self, number: int, line: LongLine) -> Bad:
        self.counts["lines"] = self.counts.get("lines", 0) + 1
        reason = f"The line is {line.original.size_bytes} bytes long."
        return Bad(
            number, None, "line_unreadable", reason, MEND_LINE, line.original.text
        )


DATASET: Final = Dataset(
    name=NAME,
    table="raw.gnaf__addresses",
    columns=COLUMNS,
    bind=bind,
    endings=(".psv",),
    joins_files=True,
    max_shrink=0.05,
    keep=2,
    is_partitioned=True,
)
