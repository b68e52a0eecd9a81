"""Rows of a file through a mapping: to rows of raw.csv__sales, or rejects saying why.

Belongs here: what a faulty cell does to its row, which rows are passed over, which are
sales. Single cells are `cells`, columns are found by `layout`, records come from the
grids, whole files are `containers`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import md5

from connectors.csv_mapping.cells import CellError, Noted
from connectors.csv_mapping.layout import Bound, Layout
from connectors.csv_mapping.mapping import CANONICAL_COLUMNS, Mapping
from connectors.csv_mapping.places import Notes, PlaceRules
from connectors.csv_mapping.rows import CsvRecord
from domain.records import Original, RecordBatch, Reject, escape_value

SOURCE = "csv"

CSV_COLUMNS = (
    "mapping",
    *CANONICAL_COLUMNS,
    "is_sale",
    "extra",
    "original",
    "_row_hash",
    "_row_number",
)

_BATCH = 5_000
MEND = "Correct the value in the file, or the mapping if the file is right."
_TOTAL = re.compile(
    r"(grand |sub-?)?totals?( rows?)?:?|sum:?|average:?|mean:?|median:?|count:?",
    re.IGNORECASE,
)
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What refuses a row: its source column, the rule, the reason and the fix."""

    field: str | None
    rule_id: str
    reason: str
    fix: str = MEND


@dataclass(frozen=True, slots=True)
class Values:
    """What a row says: canonical texts, unmapped cells and notes; or its fault."""

    values: dict[str, str]
    notes: Notes
    fault: Fault | None = None


class RowReader:
    """Reads the rows of one file.

    `counts` gains what is passed over: rows filtered by the mapping, repeated headers,
    rows of totals at the end.
    """

    def __init__(
        self,
        source_file: str,
        layout: Layout,
        mapping: Mapping,
        counts: dict[str, int] | None = None,
    ) -> None:
        self.source_file = source_file
        self.layout = layout
        self.mapping = mapping
        self.counts = {} if counts is None else counts
        self._nulls = mapping.null_tokens
        self._place = PlaceRules.of(layout)
        self._width = layout.width
        self._header = [name.casefold() for name in layout.header[: self._width]]

    def read(self, records: Iterable[CsvRecord]) -> Iterator[RecordBatch]:
        """Yield batches; the header record must have been consumed before."""
        rows: list[str] = []
        hashes: list[str] = []
        rejects: list[Reject] = []
        for record, cells in self.business_rows(records):
            outcome = cells if isinstance(cells, Fault) else self._row(record, cells)
            if isinstance(outcome, Fault):
                rejects.append(self._reject(record, outcome))
            else:
                digest, row = outcome
                hashes.append(digest)
                rows.append(row)
            if len(rows) + len(rejects) >= _BATCH:
                yield RecordBatch(rows, hashes, rejects, len(rejects))
                rows, hashes, rejects = [], [], []
        yield RecordBatch(rows, hashes, rejects, len(rejects))

    def business_rows(
        self, records: Iterable[CsvRecord]
    ) -> Iterator[tuple[CsvRecord, list[str] | Fault]]:
        """Rows with their cleaned cells, or what is wrong with them as a whole.

        Passed over, and counted: repeated headers, rows the mapping filters out, and
        totals after the last row.
        """
        waiting: list[tuple[CsvRecord, list[str] | Fault]] = []
        for record in records:
            if record.cells is not None and self._is_total(record.cells):
                waiting.append((record, self._cells(record)))
                continue
            # Rows like totals with others after them are rows.
            yield from waiting
            waiting = []
            cells = self._cells(record)
            if isinstance(cells, Fault):
                yield record, cells
            elif self._is_header(cells):
                self._count("repeated_headers")
            elif not self._is_wanted(cells):
                self._count("filtered")
            else:
                yield record, cells
        if waiting:
            self._count("totals", len(waiting))

    def values_of(self, cells: list[str]) -> Values:
        """What a row's cleaned cells say in canonical terms."""
        values, notes, fault = self._values(cells)
        if fault is None:
            for name, value in self.mapping.defaults.items():
                values.setdefault(name, value)
            misplaced = self._place.apply(cells, values, notes)
            if misplaced is not None:
                fault = self._fault(*misplaced)
        if fault is None:
            fault = self._sale(cells, values)
        return Values(values, notes, fault)

    def _count(self, kind: str, number: int = 1) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + number

    def _reject(self, record: CsvRecord, fault: Fault) -> Reject:
        return Reject(
            SOURCE,
            self.source_file,
            record.row_number,
            fault.field,
            fault.rule_id,
            fault.reason,
            fault.fix,
            record.original or Original.of(record.text),
        )

    def _cells(self, record: CsvRecord) -> list[str] | Fault:
        cells = record.cells
        if cells is None:
            return Fault(
                None,
                "row_unreadable",
                f"The row cannot be read: {record.problem}.",
                "Mend the line in the file and load it again.",
            )
        if "\x00" in record.text or (record.is_typed and "\x00" in "".join(cells)):
            fix = "Remove the NUL bytes from the file and load it again."
            return Fault(None, "nul_byte", "The row holds a NUL byte.", fix)
        width = self._width
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            return Fault(
                None,
                "field_count_wrong",
                f"The row has {len(cells)} fields, the header {width}.",
                "Look for a missing or stray delimiter in the line.",
            )
        nulls = self._nulls
        clean = [cell.strip() for cell in cells[:width]]
        return ["" if cell.casefold() in nulls else cell for cell in clean]

    def _is_header(self, cells: list[str]) -> bool:
        return (
            cells[0].casefold() == self._header[0]
            and self.mapping.has_header
            and [cell.casefold() for cell in cells] == self._header
        )

    def _is_wanted(self, cells: list[str]) -> bool:
        return all(test(cells) for test in self.layout.keep) and not any(
            test(cells) for test in self.layout.drop
        )

    def _is_total(self, cells: list[str]) -> bool:
        """A row that begins with the word, and has little else."""
        first = next((cell for cell in cells if cell and not cell.isspace()), "")
        if len(first) > 20 or not _TOTAL.fullmatch(first.strip()):
            return False
        return sum(bool(cell.strip()) for cell in cells) * 2 <= max(self._width, 4)

    def _values(self, cells: list[str]) -> tuple[dict[str, str], Notes, Fault | None]:
        """Canonical values, notes on dropped ones, and the first fault that refuses."""
        values = dict(self.mapping.constants)
        notes: Notes = {}
        for item in self.layout.bound:
            column = item.column
            text = cells[item.at]
            if item.joined:
                text = "".join(
                    cells[at] + after for at, after in item.joined if cells[at]
                ).strip()
            elif item.parts is not None:
                text = _dated(item, cells, notes)
            if not text:
                if column.default is not None:
                    values[column.name] = column.default
                elif column.not_null:
                    source = self.layout.header[item.at]
                    rule = f"{column.name}_missing"
                    return values, notes, Fault(source, rule, f"{source} is blank.")
                continue
            try:
                value = item.convert(text)
            except CellError as error:
                if column.is_rejecting:
                    return values, notes, self._fault(item, error)
                notes[column.name] = {"value": text, "rule": error.rule_id}
                continue
            if isinstance(value, Noted):
                notes[column.name] = {"value": text, "rule": value.rule_id}
                value = value.value
            if value:
                values[column.name] = value
        return values, notes, None

    def _fault(self, item: Bound, error: CellError) -> Fault:
        source = self.layout.header[item.at]
        return Fault(source, error.rule_id, f"{source}: {error.reason[:300]}.")

    def _sale(self, cells: list[str], values: dict[str, str]) -> Fault | None:
        """Decide whether the row states a sale; unknown methods are not guessed."""
        codes = self.mapping.sale_codes
        is_sale = "price_aud" in values
        if codes is not None:
            method = values.get("sale_method", "")
            if method and method not in codes | self.mapping.other_codes:
                return Fault(
                    "sale_method",
                    "sale_method_unknown",
                    f"The sale method {method[:40]!r} is not in the mapping "
                    f"{self.mapping.name}.",
                    "Add the code to sales, bids or without_price in the mapping.",
                )
            is_sale = is_sale and method in codes
        is_sale = is_sale and all(test(cells) for test in self.layout.sales)
        values["is_sale"] = "t" if is_sale else "f"
        return None

    def _row(self, record: CsvRecord, cells: list[str]) -> tuple[str, str] | Fault:
        found = self.values_of(cells)
        if found.fault is not None:
            return found.fault
        extra: dict[str, object] = {
            name: cells[at] for name, at in self.layout.unmapped if cells[at]
        }
        if found.notes:
            extra["_notes"] = found.notes
        if not self.mapping.identifying:
            # So that nobody takes the missing address for a fault of the file.
            extra["_identifying"] = False
        content = "\x1f".join(
            f"{name}={cells[at]}" for name, at in self.layout.content if cells[at]
        )
        digest = md5(
            f"{self.mapping.name}\x1e{content}".encode("utf-8", "surrogatepass"),
            usedforsecurity=False,
        ).hexdigest()
        values = found.values
        parts = [
            self.mapping.name,
            *(values.get(name, "") for name in CANONICAL_COLUMNS),
            values["is_sale"],
            json.dumps(extra, ensure_ascii=False),
            record.text,
        ]
        return digest, f"{_escaped(parts)};{digest};{record.row_number}"


def _escaped(parts: list[str]) -> str:
    """The parts in the row dialect; escaped in one go where that is the same."""
    joined = "\x1e".join(parts)
    if joined.count("\x1e") == len(parts) - 1:
        return escape_value(joined).replace("\x1e", ";")
    return ";".join(map(escape_value, parts))


def _dated(item: Bound, cells: list[str], notes: Notes) -> str:
    """ISO text of a date in parts; what is missing is the first, and noted."""
    assert item.parts is not None
    year, month, day = (
        "" if at is None else cells[at].removesuffix(".0") for at in item.parts
    )
    if not year:
        return ""
    if month and month[:3].casefold() in _MONTHS:
        month = str(_MONTHS.index(month[:3].casefold()) + 1)
    if not day or not month:
        rule = "day_missing" if month else "day_and_month_missing"
        stated = "/".join(part for part in (day, month, year) if part)
        notes[item.column.name] = {"value": stated, "rule": rule}
    return f"{year}-{(month or '1').zfill(2)}-{(day or '1').zfill(2)}"


def refuse_rows(
    source_file: str, records: Iterable[CsvRecord], refusal: Reject
) -> Iterator[RecordBatch]:
    """Turn every row of a refused file into a reject, so that none is lost."""
    reason = f"The whole file is refused. {refusal.reason}"
    rule = f"file_{refusal.rule_id.removeprefix('file_')}"
    rejects: list[Reject] = []
    for record in records:
        rejects.append(
            Reject(
                SOURCE,
                source_file,
                record.row_number,
                refusal.field,
                rule,
                reason,
                refusal.fix,
                record.original or Original.of(record.text),
            )
        )
        if len(rejects) >= _BATCH:
            yield RecordBatch([], [], rejects, len(rejects))
            rejects = []
    yield RecordBatch([], [], rejects, len(rejects))
