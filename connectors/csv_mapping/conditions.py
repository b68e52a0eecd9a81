"""Conditions on a file's own columns: which rows are read, which are sales.

Belongs here: the comparisons a mapping may state, bound to a header. What follows from
them is `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

#: Says whether the condition holds for a row's cleaned cells ("" is blank).
Test = Callable[[list[str]], bool]
_Compare = Callable[[Any, Any], bool]

_ORDER: dict[str, _Compare] = {
    "less_than": lambda left, right: bool(left < right),
    "at_most": lambda left, right: bool(left <= right),
    "more_than": lambda left, right: bool(left > right),
    "at_least": lambda left, right: bool(left >= right),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One column of the file, and the (comparison, operand) pairs that must hold."""

    column: str
    tests: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, spec: dict[str, Any]) -> Condition:
        """From a mapping's `{column: ..., equals: ...}`."""
        tests = tuple((key, value) for key, value in spec.items() if key != "column")
        return cls(str(spec["column"]), tests)

    def bind(self, at: int) -> Test:
        """The condition for rows that have its column at position `at`."""
        checks = [_check(name, operand) for name, operand in self.tests]

        def holds(cells: list[str]) -> bool:
            cell = cells[at]
            return all(check(cell) for check in checks)

        return holds


def _check(name: str, operand: Any) -> Callable[[str], bool]:
    if name == "is_blank":
        return lambda cell: (cell == "") is operand
    if name == "matches":
        pattern = re.compile(str(operand), re.IGNORECASE)
        return lambda cell: pattern.search(cell) is not None
    if name in ("equals", "not_equals", "in", "not_in"):
        items = operand if isinstance(operand, list) else [operand]
        wanted = {_plain(str(item)) for item in items}
        positive = name in ("equals", "in")
        return lambda cell: (_plain(cell) in wanted) is positive
    return _ordered(_ORDER[name], str(operand))


def _plain(text: str) -> str:
    """Case and the `.0` of whole numbers kept as floats make no difference."""
    return text.strip().removesuffix(".0").casefold()


def _ordered(compare: _Compare, operand: str) -> Callable[[str], bool]:
    """Compare as numbers if the operand is one, else as text (ISO dates). Blank: no."""
    bound = _number(operand)

    def check(cell: str) -> bool:
        if not cell:
            return False
        if bound is None:
            return compare(cell, operand)
        value = _number(cell)
        return value is not None and compare(value, bound)

    return check


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.replace(",", "").replace("$", "").strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
