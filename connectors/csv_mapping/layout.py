"""Where a file's header has what a mapping wants.

Belongs here: matching names, and binding columns and conditions to positions. What the
cells then say is `cells`, rows are `parse`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from connectors.csv_mapping.cells import Convert, converter
from connectors.csv_mapping.conditions import Condition, Test
from connectors.csv_mapping.mapping import Column, Mapping
from domain.records import FieldsSeen

#: Positions of a date's year, month and day; None where the file has none.
PartsAt = tuple[int, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Bound:
    """A canonical column that the file has: its position (or several) and reader."""

    column: Column
    at: int
    convert: Convert
    #: (position, what follows its value) of texts that are put together.
    joined: tuple[tuple[int, str], ...] = ()
    parts: PartsAt | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A header beside a mapping.

    `missing` holds, for each column that the mapping needs and the file lacks, the
    names it may have. `width` is the number of cells a row must have.
    """

    header: tuple[str, ...]
    bound: tuple[Bound, ...]
    unmapped: tuple[tuple[str, int], ...]
    content: tuple[tuple[str, int], ...]
    missing: tuple[tuple[str, ...], ...]
    keep: tuple[Test, ...] = ()
    drop: tuple[Test, ...] = ()
    sales: tuple[Test, ...] = ()

    @property
    def width(self) -> int:
        """Cells up to the last named column: a trailing delimiter adds nothing."""
        return max((at for at, name in enumerate(self.header) if name), default=-1) + 1

    def fields_seen(self, mapping: Mapping) -> FieldsSeen:
        """Its columns beside those of the mapping.

        Names the mapping reads come in the mapping's first spelling: another one is no
        drift.
        """
        spelt = {name.casefold(): name for name in mapping.source_names}
        for column in mapping.columns:
            for source in column.sources:
                spelt[source.casefold()] = column.sources[0]
        names = (name for name in self.header if name)
        return FieldsSeen(
            dataset=mapping.name,
            present=frozenset(spelt.get(name.casefold(), name) for name in names),
            known=frozenset(spelt.values()),
            required=frozenset(names[0] for names in self.missing),
            lists_all=True,
        )


def column_names(header: Iterable[str]) -> list[str]:
    """Names of a header's cells: trimmed, repeats numbered (`Area`, `Area_2`)."""
    names: list[str] = []
    used: dict[str, int] = {}
    for raw in header:
        name = " ".join(raw.replace("\x00", "").strip("\ufeff").split())
        count = used[name.casefold()] = used.get(name.casefold(), 0) + 1
        names.append(f"{name}_{count}" if count > 1 and name else name)
    return names


def positional_names(width: int) -> list[str]:
    """Names of the columns of a file without a header."""
    return [f"column_{number}" for number in range(1, width + 1)]


def bind(
    header: Iterable[str],
    mapping: Mapping,
    last_day: date,
    more_formats: tuple[str, ...] = (),
) -> Layout:
    """Match a header with a mapping. Names match in any case; repeats are numbered."""
    names = column_names(header)
    positions: dict[str, int] = {}
    for at, name in enumerate(names):
        if name:
            positions.setdefault(name.casefold(), at)
    bound: list[Bound] = []
    missing: list[tuple[str, ...]] = []
    for column in mapping.columns:
        found = _find(column, positions)
        if found is not None:
            at, joined, parts = found
            convert = converter(column, last_day, more_formats)
            bound.append(Bound(column, at, convert, joined, parts))
        elif column.required:
            missing.append(column.sources or column.names)
    tests: dict[str, list[Test]] = {"keep": [], "drop": [], "sales": []}
    for kind, condition in _conditions(mapping):
        at_or_none = positions.get(condition.column.casefold())
        if at_or_none is None:
            missing.append((condition.column,))
        else:
            tests[kind].append(condition.bind(at_or_none))
    used = {at for item in bound for at in _positions(item)}
    ignored = {name.casefold() for name in mapping.ignored}
    content = [
        (name, at)
        for at, name in enumerate(names)
        if name and (at in used or name.casefold() not in ignored)
    ]
    return Layout(
        header=tuple(names),
        bound=tuple(bound),
        unmapped=tuple((name, at) for name, at in content if at not in used),
        # In the order of names: a row's hash ignores the order of columns.
        content=tuple(sorted(content)),
        missing=tuple(missing),
        keep=tuple(tests["keep"]),
        drop=tuple(tests["drop"]),
        sales=tuple(tests["sales"]),
    )


def _conditions(mapping: Mapping) -> Iterator[tuple[str, Condition]]:
    for kind, conditions in (
        ("keep", mapping.keep),
        ("drop", mapping.drop),
        ("sales", mapping.sales),
    ):
        for condition in conditions:
            yield kind, condition


def _find(
    column: Column, positions: dict[str, int]
) -> tuple[int, tuple[tuple[int, str], ...], PartsAt | None] | None:
    """Where a column is: its position, those joined, those of a date's parts."""

    def first(names: Iterable[str]) -> int | None:
        found = (positions.get(name.casefold()) for name in names)
        return next((at for at in found if at is not None), None)

    if column.parts is not None:
        year = first(column.parts.year)
        if year is None:
            return None
        month, day = first(column.parts.month), first(column.parts.day)
        if column.parts.month and month is None:
            return None
        return year, (), (year, month, day)
    if column.join:
        there = tuple(
            (positions[name.casefold()], after)
            for name, after in column.join
            if name.casefold() in positions
        )
        # Without one of them (the street's name, the unit) it is another address.
        return (there[0][0], there, None) if len(there) == len(column.join) else None
    at = first(column.sources)
    return None if at is None else (at, (), None)


def _positions(item: Bound) -> Iterator[int]:
    yield item.at
    yield from (at for at, _ in item.joined)
    if item.parts is not None:
        yield from (at for at in item.parts if at is not None)
