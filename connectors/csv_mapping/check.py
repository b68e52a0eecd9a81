"""Trying a mapping on a file: the first rows mapped, and every problem of all of them.

Belongs here: reading a file as a load would, and counting what happens. Showing it is
`render`; nothing is written anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path

from connectors.csv_mapping.containers import CsvFile, find_csv_containers
from connectors.csv_mapping.layout import Bound, Layout
from connectors.csv_mapping.mapping import Mapping, load_mapping
from connectors.csv_mapping.parse import Fault, RowReader, Values
from connectors.csv_mapping.rows import CsvRecord
from connectors.nsw_valuer.scan import READ_ERRORS

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One row: what the file says and what it becomes, by canonical column.

    `problem` says why the row is refused, None if it is kept.
    """

    row_number: int
    source: dict[str, str]
    values: dict[str, str]
    notes: dict[str, str]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule that rows broke. `kind`: file, reject (row refused), note (kept)."""

    kind: str
    rule_id: str
    field: str | None
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MappingCheck:
    """What a mapping makes of a file. read = kept + rejected; others are passed over.

    `filled` is the number of kept rows with a value, by canonical column.
    """

    path: Path
    mapping: str
    rows: tuple[CheckedRow, ...]
    read: int
    kept: int
    rejected: int
    sales: int
    passed_over: dict[str, int]
    filled: dict[str, int]
    problems: tuple[Problem, ...]
    unknown_columns: tuple[str, ...]
    absent_columns: tuple[str, ...]
    refusals: tuple[str, ...] = ()
    is_complete: bool = True

    @property
    def exit_code(self) -> int:
        """0: every row fits; 1: a file or row is refused, or no row is a sale."""
        return int(bool(self.refusals) or self.rejected > 0 or self.sales == 0)


def check_mapping(
    path: str | Path,
    mapping: str | Path | Mapping,
    rows: int = 20,
    *,
    limit: int | None = None,
    today: date | None = None,
) -> MappingCheck:
    """Map a file (or a folder of them) without loading it.

    The first `rows` rows are kept to be shown; all are counted, or the first `limit`
    of each file. Sale dates after `today` (default: the clock's) are refused, as in a
    load.

    Raises:
        PermanentError: there is no such file, or no such mapping, or it is wrong.
    """
    rules = mapping if isinstance(mapping, Mapping) else load_mapping(mapping)
    location = Path(path).expanduser()
    last_day = today or date.today()  # noqa: DTZ011 - a sale's date has no zone either
    tally = _Tally(rows)
    for container in find_csv_containers(location, rules, last_day):
        for file in container.files():
            tally.add(file, rules, limit)
    return tally.result(location, rules)


@dataclass(slots=True)
class _Tally:
    """Counts over the files of one check."""

    wanted: int
    rows: list[CheckedRow] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    broken: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    examples: dict[tuple[str, str, str | None], list[str]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)
    absent: dict[str, None] = field(default_factory=dict)
    is_complete: bool = True

    def add(self, file: CsvFile, mapping: Mapping, limit: int | None) -> None:
        """Read one file."""
        name = file.file.source_file
        if file.refusal is not None:
            self.refusals.append(f"{name}: {file.refusal.reason} {file.refusal.fix}")
            self._break("file", file.refusal.rule_id, file.refusal.field, name)
        layout, grid, head = file.layout, file.grid, file.head
        if layout is None or grid is None or head is None:
            return
        self._columns(layout, mapping)
        if file.refusal is not None:
            return
        passed: dict[str, int] = {}
        reader = RowReader(name, layout, mapping, passed)
        records = reader.business_rows(grid.rows(head.variant, head.after))
        try:
            for record, cells in islice(records, limit):
                self._row(reader, layout, record, cells)
            self.is_complete = self.is_complete and next(records, None) is None
        except READ_ERRORS as error:
            self.refusals.append(f"{name} ends early: {error or type(error).__name__}.")
        self.passed.update(passed)

    def result(self, path: Path, mapping: Mapping) -> MappingCheck:
        """The counts as they stand."""
        problems = [
            Problem(kind, rule, source, count, tuple(self.examples[kind, rule, source]))
            for (kind, rule, source), count in self.broken.most_common()
        ]
        order = ("file", "reject", "note")
        problems.sort(key=lambda problem: order.index(problem.kind))
        return MappingCheck(
            path=path,
            mapping=mapping.name,
            rows=tuple(self.rows),
            read=self.counts["kept"] + self.counts["rejected"],
            kept=self.counts["kept"],
            rejected=self.counts["rejected"],
            sales=self.counts["sales"],
            passed_over=dict(self.passed),
            filled=dict(self.filled),
            problems=tuple(problems),
            unknown_columns=tuple(self.unknown),
            absent_columns=tuple(self.absent),
            refusals=tuple(self.refusals),
            is_complete=self.is_complete,
        )

    def _columns(self, layout: Layout, mapping: Mapping) -> None:
        if mapping.has_header:
            seen = layout.fields_seen(mapping)
            self.unknown.update(dict.fromkeys(sorted(seen.unknown)))
        bound = {item.column.name for item in layout.bound}
        for column in mapping.columns:
            if column.name not in bound:
                names = " or ".join(column.sources or column.names)
                self.absent[f"{column.name} ({names})"] = None

    def _row(
        self,
        reader: RowReader,
        layout: Layout,
        record: CsvRecord,
        cells: list[str] | Fault,
    ) -> None:
        if isinstance(cells, Fault):
            found = Values({}, {}, cells)
        else:
            found = reader.values_of(cells)
        if found.fault is None:
            self.counts["kept"] += 1
            self.counts["sales"] += found.values["is_sale"] == "t"
            self.filled.update(found.values.keys() - {"is_sale"})
        else:
            self.counts["rejected"] += 1
            shown = f"row {record.row_number}: {found.fault.reason}"
            self._break("reject", found.fault.rule_id, found.fault.field, shown)
        for name, note in found.notes.items():
            shown = f"row {record.row_number}: {note['value'][:60]}"
            self._break("note", note["rule"], name, shown)
        if len(self.rows) < self.wanted:
            self.rows.append(_checked(layout, record, cells, found))

    def _break(self, kind: str, rule: str, source: str | None, example: str) -> None:
        self.broken[kind, rule, source] += 1
        examples = self.examples.setdefault((kind, rule, source), [])
        if len(examples) < _EXAMPLES:
            examples.append(example)


def _checked(
    layout: Layout, record: CsvRecord, cells: list[str] | Fault, found: Values
) -> CheckedRow:
    source: dict[str, str] = {}
    if not isinstance(cells, Fault):
        for item in layout.bound:
            texts = [cells[at] for at in _places(item) if cells[at]]
            source[item.column.name] = " ".join(texts)
    return CheckedRow(
        record.row_number,
        source,
        found.values,
        {name: note["rule"] for name, note in found.notes.items()},
        found.fault.reason if found.fault else None,
    )


def _places(item: Bound) -> Iterator[int]:
    if item.joined:
        yield from (at for at, _ in item.joined)
    elif item.parts is not None:
        yield from (at for at in reversed(item.parts) if at is not None)
    else:
        yield item.at
