"""CSV rows through a mapping: to rows of raw.csv__sales, or rejects that say why not.

Belongs here: joining header, mapping and cells; what a faulty cell does to its row.
Single cells are `cells`, records and quoting `rows`, whole files `containers`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import md5

from connectors.csv_mapping.cells import CellError, Convert, converter
from connectors.csv_mapping.mapping import CANONICAL_COLUMNS, Column, Mapping
from connectors.csv_mapping.rows import CsvRecord
from domain.records import FieldsSeen, Original, RecordBatch, Reject, escape_value

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


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a file's header has what the mapping wants.

    `bound` pairs each column that is there with its position and its reader.
    """

    header: tuple[str, ...]
    bound: tuple[tuple[Column, int, Convert], ...]
    unmapped: tuple[tuple[str, int], ...]
    missing: tuple[Column, ...]

    def fields_seen(self, mapping: Mapping) -> FieldsSeen:
        """Its columns beside those of the mapping.

        Names the mapping reads come in the mapping's first spelling: another one is no
        drift.
        """
        spelt = {
            source.casefold(): column.sources[0]
            for column in mapping.columns
            for source in column.sources
        }
        names = (name for name in self.header if name)
        return FieldsSeen(
            dataset=mapping.name,
            present=frozenset(spelt.get(name.casefold(), name) for name in names),
            known=frozenset(spelt.values()),
            required=frozenset(column.sources[0] for column in self.missing),
            lists_all=True,
        )


def bind(header: list[str], mapping: Mapping, last_day: date) -> Layout:
    """Match a header with a mapping. Names match in any case; repeats are numbered."""
    names: list[str] = []
    for raw in header:
        name = raw.strip().strip("\ufeff")
        count = sum(known.casefold() == name.casefold() for known in names)
        names.append(f"{name}_{count + 1}" if count and name else name)
    positions = {name.casefold(): at for at, name in enumerate(names) if name}
    bound: list[tuple[Column, int, Convert]] = []
    missing: list[Column] = []
    for column in mapping.columns:
        at = next(
            (
                positions[source.casefold()]
                for source in column.sources
                if source.casefold() in positions
            ),
            None,
        )
        if at is not None:
            bound.append((column, at, converter(column, last_day)))
        elif column.required:
            missing.append(column)
    used = {at for _, at, _ in bound}
    unmapped = tuple(
        (name, at) for at, name in enumerate(names) if name and at not in used
    )
    return Layout(tuple(names), tuple(bound), unmapped, tuple(missing))


@dataclass(frozen=True, slots=True)
class _Fault:
    field: str | None
    rule_id: str
    reason: str
    fix: str = MEND


class RowReader:
    """Reads the rows of one file."""

    def __init__(self, source_file: str, layout: Layout, mapping: Mapping) -> None:
        self.source_file = source_file
        self.layout = layout
        self.mapping = mapping
        self._nulls = mapping.null_tokens
        #: Positions by name, in the order of names: the hash ignores column order.
        self._content = sorted(
            (name, at) for at, name in enumerate(layout.header) if name
        )

    def read(self, records: Iterable[CsvRecord]) -> Iterator[RecordBatch]:
        """Yield batches; the header record must have been consumed before."""
        rows: list[str] = []
        hashes: list[str] = []
        rejects: list[Reject] = []
        for record in records:
            outcome = self._row(record)
            if isinstance(outcome, _Fault):
                rejects.append(self._reject(record, outcome))
            else:
                digest, row = outcome
                hashes.append(digest)
                rows.append(row)
            if len(rows) + len(rejects) >= _BATCH:
                yield RecordBatch(rows, hashes, rejects, len(rejects))
                rows, hashes, rejects = [], [], []
        yield RecordBatch(rows, hashes, rejects, len(rejects))

    def _reject(self, record: CsvRecord, fault: _Fault) -> Reject:
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

    def _row(self, record: CsvRecord) -> tuple[str, str] | _Fault:
        cells = record.cells
        if cells is None:
            return _Fault(
                None,
                "row_unreadable",
                f"The row cannot be read: {record.problem}.",
                "Mend the line in the file and load it again.",
            )
        if "\x00" in record.text:
            fix = "Remove the NUL bytes from the file and load it again."
            return _Fault(None, "nul_byte", "The row holds a NUL byte.", fix)
        width = len(self.layout.header)
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            return _Fault(
                None,
                "field_count_wrong",
                f"The row has {len(cells)} fields, the header {width}.",
                "Look for a missing or stray delimiter in the line.",
            )
        cells = [self._clean(cell) for cell in cells[:width]]
        values, notes, fault = self._values(cells)
        if fault is None:
            fault = self._sale(values)
        if fault is not None:
            return fault
        return self._text(record, cells, values, notes)

    def _clean(self, cell: str) -> str:
        text = cell.strip()
        return "" if text.casefold() in self._nulls else text

    def _values(
        self, cells: list[str]
    ) -> tuple[dict[str, str], dict[str, dict[str, str]], _Fault | None]:
        """Canonical values, notes on dropped ones, and the first fault that refuses."""
        values = dict(self.mapping.constants)
        notes: dict[str, dict[str, str]] = {}
        for column, at, convert in self.layout.bound:
            text = cells[at]
            source = self.layout.header[at]
            if not text:
                if column.not_null:
                    rule = f"{column.name}_missing"
                    return values, notes, _Fault(source, rule, f"{source} is blank.")
                continue
            try:
                value = convert(text)
            except CellError as error:
                if column.is_rejecting:
                    reason = f"{source}: {error.reason[:300]}."
                    return values, notes, _Fault(source, error.rule_id, reason)
                notes[column.name] = {"value": text, "rule": error.rule_id}
                continue
            if value:
                values[column.name] = value
        return values, notes, None

    def _sale(self, values: dict[str, str]) -> _Fault | None:
        """Decide whether the row states a sale; unknown methods are not guessed."""
        codes = self.mapping.sale_codes
        has_price = "price_aud" in values
        if codes is None:
            values["is_sale"] = "t" if has_price else "f"
            return None
        method = values.get("sale_method", "")
        if method and method not in codes and method not in self.mapping.other_codes:
            return _Fault(
                "sale_method",
                "sale_method_unknown",
                f"The sale method {method[:40]!r} is not in the mapping "
                f"{self.mapping.name}.",
                "Add the code to sales, bids or without_price in the mapping.",
            )
        values["is_sale"] = "t" if has_price and method in codes else "f"
        return None

    def _text(
        self,
        record: CsvRecord,
        cells: list[str],
        values: dict[str, str],
        notes: dict[str, dict[str, str]],
    ) -> tuple[str, str]:
        extra: dict[str, object] = {
            name: cells[at] for name, at in self.layout.unmapped if cells[at]
        }
        if notes:
            extra["_notes"] = notes
        content = "\x1f".join(
            f"{name}={cells[at]}" for name, at in self._content if cells[at]
        )
        digest = md5(
            f"{self.mapping.name}\x1e{content}".encode("utf-8", "surrogatepass"),
            usedforsecurity=False,
        ).hexdigest()
        fields = [values.get(name, "") for name in CANONICAL_COLUMNS]
        parts = [
            self.mapping.name,
            *fields,
            values["is_sale"],
            json.dumps(extra, ensure_ascii=False),
            record.text,
        ]
        text = ";".join(escape_value(part) for part in parts)
        return digest, f"{text};{digest};{record.row_number}"


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
