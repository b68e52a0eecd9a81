"""Suggestions and checks of mappings as tables for people.

Belongs here: what a terminal shows. The facts are `suggest` and `check`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.csv_mapping.mapping import CANONICAL_COLUMNS

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from connectors.csv_mapping.check import CheckedRow, MappingCheck
    from connectors.csv_mapping.suggest import Suggestion

#: Canonical columns a table, so that it fits a terminal.
_ACROSS = 5
_SURE, _LIKELY = 0.8, 0.6


def render_suggestion(suggestion: Suggestion) -> Group:
    """How sure each column is and why, what was left out, what to look at."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"Proposed mapping of {suggestion.path.name}", title_justify="left"
    )
    for heading in ("column", "from", "sure", "why", "or"):
        table.add_column(heading, overflow="fold")
    for column in suggestion.columns:
        style = (
            "green"
            if column.confidence >= _SURE
            else "yellow"
            if column.confidence >= _LIKELY
            else "red"
        )
        others = ", ".join(f"{name} {score:.2f}" for name, score in column.alternatives)
        table.add_row(
            Text(column.canonical),
            Text(" + ".join(column.sources)),
            Text(f"{column.confidence:.2f}", style=style),
            Text(column.reason),
            Text(others),
        )
    lines = [f"! {note}" for note in suggestion.notes]
    for title, items in (
        ("Left out", suggestion.unmapped),
        ("Ignored", suggestion.ignored),
    ):
        if items:
            names = ", ".join(
                f"{item.name} ({item.note})" if item.note else item.name
                for item in items
            )
            lines.append(f"{title}: {names}")
    return Group(table, *(Text(line) for line in lines))


def render_check(check: MappingCheck) -> Group:
    """Rows as the file has them and as they are mapped; then counts and problems."""
    from rich.console import Group
    from rich.text import Text

    parts: list[Table | Text] = [
        Text(f"{check.mapping} on {check.path.name}: {_counts(check)}")
    ]
    parts += _row_tables(check)
    parts += [Text(refusal, style="red") for refusal in check.refusals]
    if check.problems:
        parts.append(_problem_table(check))
    elif not check.refusals:
        parts.append(Text("No problem found."))
    parts += [Text(line) for line in _columns(check)]
    if check.read and not check.sales:
        parts.append(Text("No row is a sale: look at price_aud and sale_methods."))
    return Group(*parts)


def _counts(check: MappingCheck) -> str:
    rows = "rows" if check.is_complete else "rows looked at"
    text = (
        f"{check.read:,} {rows}, {check.kept:,} kept ({check.sales:,} sales), "
        f"{check.rejected:,} refused"
    )
    names = {
        "filtered": "filtered out",
        "totals": "totals passed over",
        "repeated_headers": "repeated headers passed over",
    }
    for kind, count in check.passed_over.items():
        text += f", {count:,} {names.get(kind, kind)}"
    return text


def _row_tables(check: MappingCheck) -> Iterator[Table]:
    from rich.table import Table
    from rich.text import Text

    shown = [
        name
        for name in CANONICAL_COLUMNS
        if any(name in row.values or row.source.get(name) for row in check.rows)
    ]
    for start in range(0, len(shown), _ACROSS):
        table = Table(show_edge=False, pad_edge=False)
        table.add_column("row", justify="right")
        names = shown[start : start + _ACROSS]
        for name in names:
            table.add_column(name, overflow="fold")
        for row in check.rows:
            style = "red" if row.problem else ""
            cells = [Text(_cell(row, name), style=style) for name in names]
            table.add_row(str(row.row_number), *cells)
        yield table


def _cell(row: CheckedRow, name: str) -> str:
    """`source → value` where they differ; the value where the file has no cell."""
    source, value = row.source.get(name, "")[:60], row.values.get(name, "")
    if row.problem and not value:
        return f"{source} ✗" if source else ""
    if source == value or not source:
        return value
    rule = row.notes.get(name)
    return f"{source} → {value or 'unknown'}" + (f" ({rule})" if rule else "")


def _problem_table(check: MappingCheck) -> Table:
    from rich.table import Table
    from rich.text import Text

    words = {
        "file": "file refused",
        "reject": "row refused",
        "note": "row kept, with a note",
    }
    table = Table(title="Problems", title_justify="left")
    for heading in ("what", "rule", "column", "rows", "examples"):
        table.add_column(heading, overflow="fold")
    for problem in check.problems:
        table.add_row(
            words[problem.kind],
            Text(problem.rule_id),
            Text(problem.field or ""),
            f"{problem.count:,}",
            Text("\n".join(problem.examples)),
        )
    return table


def _columns(check: MappingCheck) -> Iterator[str]:
    if check.filled and check.kept:
        shares = ", ".join(
            f"{name} {check.filled[name] / check.kept:.0%}"
            for name in CANONICAL_COLUMNS
            if name in check.filled
        )
        yield f"Filled: {shares}"
    if check.absent_columns:
        yield f"Mapped, but not in the file: {', '.join(check.absent_columns)}"
    if check.unknown_columns:
        yield (
            f"In the file, but not in the mapping: {', '.join(check.unknown_columns)} "
            "(list them under `unmapped` to keep them in extra without remark)"
        )
