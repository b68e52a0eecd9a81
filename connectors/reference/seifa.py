"""ABS SEIFA indexes by area: the ABS workbooks (sheet "Table 1") and CSV files.

Belongs here: finding geography, edition and the score and decile of each index by the
words of a header that may take several rows. Releases are dated by the ABS's
"Released at" line, else by the edition's day of publication.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from connectors.csv_mapping.rows import CsvRecord
from connectors.reference.cells import CellFault, code, is_null, number, text, whole
from connectors.reference.headers import folded, words
from connectors.reference.model import Bound, Dataset, FileRefused, Good, Records
from connectors.reference.periods import find_day, find_years
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, bad_cell, data_rows, unreadable
from domain.records import FieldsSeen

NAME: Final = "seifa"
COLUMNS: Final = (
    "edition",
    "geography",
    "is_derived",
    "area_code",
    "area_name",
    "state",
    "index_code",
    "score",
    "decile",
    "usual_resident_population",
    "caution",
    "crosses_states",
    "other_codes",
)
#: Days the ABS published each edition.
PUBLISHED: Final = {
    2006: date(2008, 3, 26),
    2011: date(2013, 3, 28),
    2016: date(2018, 3, 27),
    2021: date(2023, 4, 27),
}
#: Index: its full name without "index of", longest first so that none hides another.
_INDEXES: Final = (
    ("irsad", "relative socio economic advantage and disadvantage"),
    ("irsd", "relative socio economic disadvantage"),
    ("ier", "economic resources"),
    ("ieo", "education and occupation"),
)
#: Geography: words that name it, digits of its code (None: not fixed).
_GEOGRAPHIES: Final[tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...]] = (
    ("sa1", ("sa1", "statistical area level 1"), (7, 11)),
    ("sa2", ("sa2", "statistical area level 2"), (9,)),
    ("sa3", ("sa3", "statistical area level 3"), (5,)),
    ("sa4", ("sa4", "statistical area level 4"), (3,)),
    ("poa", ("poa", "postal area"), (4,)),
    ("sal", ("sal", "suburbs and localities"), (5,)),
    ("ssc", ("ssc", "state suburb"), (5,)),
    ("lga", ("lga", "local government area"), (5,)),
    ("ced", ("ced", "commonwealth electoral division"), (3,)),
    ("sed", ("sed", "state electoral division"), (5,)),
)
_DEEPEST_HEADER = 4


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand: index -> (score, decile) columns; codes by geography."""

    sheet: str
    header_row: int
    texts: list[str]
    geography: str
    code_at: int
    indexes: dict[str, tuple[int, int | None]]
    codes: dict[str, int]
    named: dict[str, int]
    is_derived: bool


def bind(piece: Piece) -> Bound:
    """Recognise a SEIFA table, in the first sheet that is one. Raises FileRefused."""
    for sheet in piece.sheets():
        head = piece.head(sheet, 30)
        layout = _layout(sheet, head)
        if layout is None:
            continue
        titles = " ".join(r.text for r in head if r.row_number <= layout.header_row)
        edition = _edition(titles, piece.name)
        released = re.search(r"released\s+at.{0,60}", titles, re.IGNORECASE)
        stated = find_day(released[0]) if released else None
        by = (
            '"Released at" line' if stated else f"day the ABS published SEIFA {edition}"
        )
        counts: dict[str, int] = {}
        part = f"{edition}_{layout.geography}" + ("_derived" * layout.is_derived)
        return Bound(
            part=part,
            records=partial(_records, piece, layout, edition, counts),
            stated=stated or PUBLISHED.get(edition),
            stated_by=by,
            fields=_fields(layout),
            counts=counts,
        )
    raise FileRefused(
        "not_seifa",
        "No sheet of the file has a column of area codes and a score of SEIFA.",
        "Give the ABS workbook of one geography, or a CSV with columns such as "
        "SA1 code, IRSD score, IRSD decile.",
    )


def _layout(sheet: str, head: list[CsvRecord]) -> _Layout | None:
    """The header of one to four rows above the first row of data."""
    data = next((at for at, row in enumerate(head) if _is_data(row)), None)
    if not data:
        return None
    best: _Layout | None = None
    for depth in range(1, min(_DEEPEST_HEADER, data) + 1):
        rows = head[data - depth : data]
        found = _columns(sheet, rows)
        if found and (best is None or len(found.indexes) > len(best.indexes)):
            best = found
    return best


def _is_data(row: CsvRecord) -> bool:
    """Begins with a code and has scores: figures of three or four digits."""
    cells = [cell.strip() for cell in row.cells or ()]
    figures = [c for c in cells[1:] if re.fullmatch(r"\d{1,5}(\.\d+)?", c)]
    return (
        bool(cells)
        and cells[0][:1].isalnum()
        and any(char.isdigit() for char in cells[0])
        and len(figures) >= 2
    )


def _columns(sheet: str, rows: list[CsvRecord]) -> _Layout | None:
    texts = [words(text) for text in folded(rows)]
    geographies: dict[str, list[int]] = {}
    named: dict[str, int] = {}
    scores: dict[str, dict[str, int]] = {}
    for at, text_ in enumerate(texts):
        index = _index_of(text_)
        if index is not None:
            kind = next((k for k in ("score", "decile") if k in text_.split()), None)
            if kind is None and re.fullmatch(rf"{index}( \d{{4}})?", text_):
                kind = "score"
            if kind and not re.search(r"\b(min|max|minimum|maximum|rank)\b", text_):
                scores.setdefault(index, {}).setdefault(kind, at)
            continue
        geography = _geography_of(text_)
        if geography and "name" in text_.split():
            named.setdefault(f"{geography}_name", at)
        elif geography and _names_code(text_, geography):
            geographies.setdefault(geography, []).append(at)
        for word in ("population", "state", "caution", "cross"):
            if word in text_ and (not geography or word.startswith("c")):
                named.setdefault(word, at)
    indexes = {
        index: (found["score"], found.get("decile"))
        for index, found in scores.items()
        if "score" in found
    }
    if not indexes or not geographies:
        return None
    geography = min(geographies, key=lambda name: min(geographies[name]))
    # SA1 files carry the 7 and the 11 digit code: the longer one is the national one.
    code_at = max(geographies[geography], key=lambda at: "11" in texts[at])
    codes = {
        name: places[0] for name, places in geographies.items() if name != geography
    }
    every = " ".join(texts)
    return _Layout(
        sheet,
        rows[-1].row_number,
        texts,
        geography,
        code_at,
        indexes,
        codes,
        named,
        "derived" in every or "popw" in every,
    )


def _index_of(text_: str) -> str | None:
    """The index that a header names in full or by its code."""
    for code_, name in _INDEXES:
        if name in text_ or code_ in text_.split():
            return code_
    return None


def _geography_of(text_: str) -> str | None:
    glued = f" {text_} "
    for name, known, _ in _GEOGRAPHIES:
        if any(f" {word} " in glued for word in known):
            return name
    return None


def _names_code(text_: str, geography: str) -> bool:
    """True for `poa code` and the bare `sa1 2021`; not for a count (`n sa1`)."""
    if "code" in text_:
        return True
    known = next(known for name, known, _ in _GEOGRAPHIES if name == geography)
    left = re.sub("|".join(sorted(known, key=len, reverse=True)), "", text_)
    return not re.sub(r"\d+|digit|id|number", "", left).strip()


def _edition(titles: str, name: str) -> int:
    for place in (titles, name):
        for year in find_years(place.replace("_", " ")):
            if year in PUBLISHED or (year > 2021 and (year - 2021) % 5 == 0):
                return year
    raise FileRefused(
        "edition_unknown",
        "Neither header nor file name says which Census the indexes are of.",
        "Put the year of the Census (2016, 2021) into the file's name.",
    )


def _fields(layout: _Layout) -> FieldsSeen:
    used = {layout.code_at, *layout.codes.values(), *layout.named.values()}
    used.update(
        at for at, told in enumerate(layout.texts) if layout.geography in told.split()
    )
    for score, decile in layout.indexes.values():
        used.update((score, decile if decile is not None else score))
    known = frozenset(layout.texts[at] for at in used)
    needed = frozenset((layout.texts[layout.code_at],))
    present = frozenset(filter(None, layout.texts))
    return FieldsSeen(f"{NAME} {layout.geography}", present, known, needed)


def _records(
    piece: Piece, layout: _Layout, edition: int, counts: dict[str, int]
) -> Records:
    indexes = len(layout.indexes)
    for record in data_rows(piece, layout.sheet, layout.header_row):
        if record.cells is None:
            counts["lines"] = counts.get("lines", 0) + 1
            yield unreadable(record, indexes)
            continue
        cells = Cells(layout.named, record.cells)
        if all(is_null(cells.at(at)) for at, _ in layout.indexes.values()) and not any(
            char.isdigit() for char in cells.at(layout.code_at)[:4]
        ):
            counts["notes"] = counts.get("notes", 0) + 1
            continue
        counts["lines"] = counts.get("lines", 0) + 1
        try:
            area = _area(layout, cells)
        except CellFault as fault:
            yield bad_cell(record, fault, indexes)
            continue
        yield from _scores(layout, edition, record, cells, area, counts)


def _area(layout: _Layout, cells: Cells) -> list[str | None]:
    digits = next(d for name, _, d in _GEOGRAPHIES if name == layout.geography)
    raw = cells.at(layout.code_at).upper().removeprefix(layout.geography.upper())
    area_code = code(raw, "area_code", digits[0] if len(digits) == 1 else None)
    if area_code is None or (len(digits) > 1 and len(area_code) not in digits):
        raise CellFault(
            "area_code", "unreadable", f"{raw!r} is no code of {layout.geography}."
        )
    name = cells[f"{layout.geography}_name"]
    others = {key: value for key, at in layout.codes.items() if (value := cells.at(at))}
    return [area_code, text(name), json.dumps(others) if others else None]


def _scores(
    layout: _Layout,
    edition: int,
    record: CsvRecord,
    cells: Cells,
    area: list[str | None],
    counts: dict[str, int],
) -> Records:
    area_code, area_name, others = area
    for index, (score_at, decile_at) in layout.indexes.items():
        try:
            score = number(cells.at(score_at), f"{index}_score", 0, 2000)
            if score is None:
                counts["no_score"] = counts.get("no_score", 0) + 1
                continue
            decile_text = cells.at(decile_at) if decile_at is not None else ""
            decile = whole(decile_text, f"{index}_decile", 1, 10)
            population = whole(cells["population"], "population")
        except CellFault as fault:
            yield bad_cell(record, fault)
            continue
        yield Good(
            record.row_number,
            (
                str(edition),
                layout.geography,
                "t" if layout.is_derived else "f",
                area_code,
                area_name,
                text(cells["state"]),
                index,
                score,
                decile,
                population,
                text(cells["caution"]),
                text(cells["cross"]),
                others,
            ),
        )


DATASET: Final = Dataset(
    name=NAME,
    table="raw.abs__seifa",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv", ".xlsx", ".xls"),
    max_shrink=0.05,
)
