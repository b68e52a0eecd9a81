"""What a rule is, as data: building one costs no Great Expectations import.

Here: the rule type and its short-hands. Elsewhere: the rules themselves (``landing``,
``features``) and evaluating them (``runner``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warn"]

#: Batches of fewer rows say nothing about shares.
MIN_BATCH_ROWS = 20


@dataclass(frozen=True)
class Rule:
    """One expectation about a table.

    ``expectation`` names a class of ``great_expectations.expectations`` and
    ``arguments`` its arguments. A failed ``error`` stops what depends on the table, a
    failed ``warn`` is shown and stops nothing.
    """

    name: str
    description: str
    severity: Severity
    expectation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def column(self) -> str | None:
        """The column it is about, if it is about one."""
        value = self.arguments.get("column")
        return None if value is None else str(value)

    @property
    def is_query(self) -> bool:
        """Whether it is written as a query that must find nothing."""
        return self.expectation == "UnexpectedRowsExpectation"


@dataclass(frozen=True)
class Suite:
    """Rules about one table.

    ``lineage`` are the columns that lead to file and line, ``batch_column`` the one
    that names the load, if the table has one. Where ``shows_values`` is False, failing
    rows are shown by file and line alone: raw listings hold prices that agencies
    withhold, and what checks show is read by many.
    """

    name: str
    table: str
    lineage: tuple[str, str]
    batch_column: str | None
    rules: tuple[Rule, ...]
    shows_values: bool = True


def between(
    column: str,
    low: float | str | None,
    high: float | str | None,
    severity: Severity,
    description: str,
    mostly: float = 1.0,
    name: str | None = None,
) -> Rule:
    """Values lie within the bounds, both inclusive; missing ones are not judged."""
    return Rule(
        name or f"{column}_within_bounds",
        description,
        severity,
        "ExpectColumnValuesToBeBetween",
        {"column": column, "min_value": low, "max_value": high, "mostly": mostly},
    )


def one_of(
    column: str,
    values: tuple[str, ...],
    severity: Severity,
    description: str,
    mostly: float = 1.0,
) -> Rule:
    """Values come from a set; missing ones are not judged."""
    return Rule(
        f"{column}_is_known",
        description,
        severity,
        "ExpectColumnValuesToBeInSet",
        {"column": column, "value_set": list(values), "mostly": mostly},
    )


def present(
    column: str, severity: Severity, description: str, mostly: float = 1.0
) -> Rule:
    """Values are there."""
    return Rule(
        f"{column}_is_present",
        description,
        severity,
        "ExpectColumnValuesToNotBeNull",
        {"column": column, "mostly": mostly},
    )


def like(
    column: str,
    pattern: str,
    severity: Severity,
    description: str,
    mostly: float = 1.0,
) -> Rule:
    """Values match a regular expression; missing ones are not judged."""
    return Rule(
        f"{column}_is_well_formed",
        description,
        severity,
        "ExpectColumnValuesToMatchRegex",
        {"column": column, "regex": pattern, "mostly": mostly},
    )


def unique(column: str, description: str) -> Rule:
    """No value comes twice."""
    return Rule(
        f"{column}_is_unique",
        description,
        "error",
        "ExpectColumnValuesToBeUnique",
        {"column": column},
    )


def above(high: str, low: str, description: str) -> Rule:
    """One column is never less than another; missing values are not judged."""
    return Rule(
        f"{high}_is_not_below_{low}",
        description,
        "error",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {
            "column_A": high,
            "column_B": low,
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        },
    )


def no_rows(name: str, description: str, severity: Severity, query: str) -> Rule:
    """The query, in which {batch} stands for the table, finds nothing."""
    return Rule(
        name,
        description,
        severity,
        "UnexpectedRowsExpectation",
        {"unexpected_rows_query": query},
    )


def few_rows(
    name: str,
    description: str,
    bad: str,
    share: float,
    lineage: tuple[str, str],
    where: str = "true",
    severity: Severity = "error",
) -> Rule:
    """Of the rows judged, no more than ``share`` fulfil the condition ``bad``.

    For loads of a few rows each, and tables without loads; fewer than MIN_BATCH_ROWS
    in all say nothing. The first bad row stands for the others.
    """
    file, row = lineage
    query = f"""
        select split_part(first_bad, '|', 1) as {file},
               split_part(first_bad, '|', 2)::integer as {row},
               rows_judged, rows_bad
        from (
            select count(*) as rows_judged,
                   count(*) filter (where {bad}) as rows_bad,
                   min({file} || '|' || lpad({row}::text, 9, '0'))
                       filter (where {bad}) as first_bad
            from {{batch}}
            where {where}
        ) as judged
        where rows_judged >= {MIN_BATCH_ROWS} and rows_bad > {share} * rows_judged
    """  # noqa: S608 - made of the constants of this room only
    return no_rows(name, description, severity, query)


def few_in_each_batch(
    name: str,
    description: str,
    bad: str,
    share: float,
    where: str = "true",
    severity: Severity = "error",
) -> Rule:
    """In no batch do more than ``share`` of the rows fulfil the condition ``bad``.

    A share over the whole table hides one broken file among forty good ones; this
    finds it in one pass over all. ``where`` says which rows are judged.
    """
    query = f"""
        select _batch_id, split_part(first_bad, '|', 1) as _source_file,
               split_part(first_bad, '|', 2)::integer as _row_number,
               rows_judged, rows_bad
        from (
            select _batch_id::text as _batch_id, count(*) as rows_judged,
                   count(*) filter (where {bad}) as rows_bad,
                   min(_source_file || '|' || lpad(_row_number::text, 9, '0'))
                       filter (where {bad}) as first_bad
            from {{batch}}
            where {where}
            group by 1
        ) as batches
        where rows_judged >= {MIN_BATCH_ROWS} and rows_bad > {share} * rows_judged
    """  # noqa: S608 - made of the constants of this room only
    return no_rows(name, description, severity, query)
