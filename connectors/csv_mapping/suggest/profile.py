"""What the values of one column of an unknown file look like.

Belongs here: counting and measuring. What that says about the column's meaning is
`content`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from statistics import fmean, median

from connectors.csv_mapping.numbers import read_measure, read_money, read_number

_CURRENCY = re.compile(r"^\s*[-+]?\s*a?u?\$|\baud\b", re.IGNORECASE)
#: Texts of digits that begin with 0 are no numbers: codes, phones, NT postcodes.
_CODE = re.compile(r"0\d+")


@dataclass(frozen=True)
class Profile:
    """One column: its name, place, cells (blank "") and measures of them."""

    name: str
    at: int
    cells: tuple[str, ...]
    decimal: str = "."
    units: frozenset[str] = field(default=frozenset())

    @cached_property
    def values(self) -> list[str]:
        """Cells that are not blank."""
        return [cell for cell in self.cells if cell]

    @cached_property
    def filled_share(self) -> float:
        """Share of rows with a value."""
        return len(self.values) / len(self.cells) if self.cells else 0.0

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs."""
        return Counter(self.values)

    @cached_property
    def distinct_share(self) -> float:
        """Distinct values to values."""
        return len(self.counts) / len(self.values) if self.values else 0.0

    @cached_property
    def numbers(self) -> list[float]:
        """The values that are numbers (money and units aside), in order."""
        known: dict[str, float | None] = {}
        found = []
        for text in self.values:
            if text not in known:
                known[text] = self._number(text)
            number = known[text]
            if number is not None:
                found.append(number)
        return found

    def _number(self, text: str) -> float | None:
        value = read_number(text, self.decimal)
        if value is None:
            value = read_money(text, self.decimal)
        if value is None:
            value, _ = read_measure(text, self.decimal)
        return None if value is None else float(value)

    @cached_property
    def is_numeric(self) -> bool:
        """Nearly all values are numbers."""
        return bool(self.values) and len(self.numbers) >= 0.95 * len(self.values)

    @cached_property
    def positive(self) -> list[float]:
        """Numbers above 0, sorted: 0 often stands for unknown."""
        return sorted(number for number in self.numbers if number > 0)

    @cached_property
    def median(self) -> float:
        """Middle of the positive numbers; 0 without any."""
        return median(self.positive) if self.positive else 0.0

    @cached_property
    def mean(self) -> float:
        """Mean of the numbers; 0 without any."""
        return fmean(self.numbers) if self.numbers else 0.0

    @cached_property
    def whole_share(self) -> float:
        """Share of the numbers that are whole."""
        return _share(self.numbers, float.is_integer)

    @cached_property
    def has_currency(self) -> bool:
        """Most values carry a dollar sign."""
        found = sum(bool(_CURRENCY.search(text)) for text in self.values)
        return found * 2 > len(self.values)

    @cached_property
    def cell_unit(self) -> str | None:
        """The unit written in most cells, if any."""
        units = Counter(
            unit
            for text in self.counts
            if (unit := read_measure(text, self.decimal)[1]) is not None
        )
        if not units:
            return None
        unit, count = units.most_common(1)[0]
        return unit if count * 2 > len(self.counts) else None

    @cached_property
    def code_share(self) -> float:
        """Share of values that are digits with a leading zero."""
        return self.share(lambda text: _CODE.fullmatch(text) is not None)

    @cached_property
    def is_counter(self) -> bool:
        """Whole numbers that rise row by row like a row's own number."""
        numbers = self.numbers
        if not self.is_numeric or self.distinct_share < 0.999 or len(numbers) < 3:
            return False
        if self.whole_share < 1 or any(
            later <= earlier for earlier, later in pairwise(numbers)
        ):
            return False
        steps = [later - earlier for earlier, later in pairwise(numbers)]
        usual = median(steps)
        near = sum(step <= 2 * usual for step in steps)
        return near >= 0.9 * len(steps)

    def quantile(self, share: float) -> float:
        """Of the positive numbers."""
        if not self.positive:
            return 0.0
        return self.positive[
            min(int(share * len(self.positive)), len(self.positive) - 1)
        ]

    def share(self, test: Callable[[str], bool]) -> float:
        """Share of the values (by how often they occur) that pass a test."""
        if not self.values:
            return 0.0
        passed = sum(count for text, count in self.counts.items() if test(text))
        return passed / len(self.values)

    def within(self, low: float, high: float) -> float:
        """Share of the numbers within bounds."""
        return _share(self.numbers, lambda number: low <= number <= high)


def _share(numbers: list[float], test: Callable[[float], bool]) -> float:
    return sum(map(test, numbers)) / len(numbers) if numbers else 0.0


def depends(keys: Iterable[str], values: Iterable[str]) -> float:
    """How far one column decides another: share of rows with the key's usual value.

    1.0 where each suburb has one postcode; keys seen once say nothing and are left out.
    """
    usual: dict[str, Counter[str]] = {}
    for key, value in zip(keys, values, strict=True):
        if key and value:
            usual.setdefault(key, Counter())[value] += 1
    repeated = [counts for counts in usual.values() if counts.total() > 1]
    rows = sum(counts.total() for counts in repeated)
    if not rows:
        return 0.0
    return sum(max(counts.values()) for counts in repeated) / rows
