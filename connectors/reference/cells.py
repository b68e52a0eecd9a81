"""Single cells of reference files: numbers, codes, coordinates, flags.

Belongs here: text to the text PostgreSQL takes, or a fault that names the rule. Rules
about Australia are `domain.australia`; dates are `periods`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.australia import Finding

#: What publishers write for "no figure".
NULLS = frozenset(
    ("", "-", "--", "\u2013", "\u2014", "na", "n/a", "np", "n.p.", "n.p", "..", "...",
     "nan", "null", "none", "nil", "#n/a", "^", "*", "#value!", "#div/0!", "x")
)  # fmt: skip
#: Figures withheld because they rest on too few sales.
SUPPRESSED = frozenset(("-", "--", "\u2013", "\u2014", "np", "n.p.", "n.p", "..", "x"))
_NUMBER = re.compile(r"[-+]?(?:\d{1,15}(?:\.\d{0,30})?|\.\d{1,30})(?:e[-+]?\d{1,2})?")
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?")


@dataclass(frozen=True, slots=True)
class CellFault(Exception):
    """A cell that cannot be right."""

    field: str
    problem: str
    reason: str
    fix: str = "Correct the cell in the file, or ask the publisher."

    @property
    def rule_id(self) -> str:
        """`<column>_<problem>`."""
        return f"{self.field}_{self.problem}"


def is_null(text: str) -> bool:
    """True for an empty cell and the publishers' words for no figure."""
    return text.strip().casefold() in NULLS


@lru_cache(65_536)
def number(text: str, name: str, low: float = -1e15, high: float = 1e15) -> str | None:
    """A number as plain text; None for no figure. `$` and grouping commas come off.

    Raises:
        CellFault: no number, or outside `low` to `high`.
    """
    plain = text.strip()
    if plain.casefold() in NULLS:
        return None
    sign = "-" if plain.startswith("-") else ""
    plain = plain.removeprefix("-").lstrip("$ ").removesuffix("%").replace(" ", "")
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    plain = sign + plain
    if not _NUMBER.fullmatch(plain.lower()):
        raise CellFault(name, "not_numeric", f"{text!r} is no number.")
    if not low <= float(plain) <= high:
        raise CellFault(
            name, "out_of_range", f"{text} lies outside {low:g} to {high:g}."
        )
    return plain


@lru_cache(65_536)
def whole(text: str, name: str, low: int = 0, high: int = 10**12) -> str | None:
    """A whole number (`4.0` too); None for no figure. Raises CellFault."""
    plain = number(text, name, low, high)
    if plain is None:
        return None
    value = float(plain)
    if not value.is_integer():
        raise CellFault(name, "not_whole", f"{text} is no whole number.")
    return str(int(value))


@lru_cache(65_536)
def dollars(text: str, name: str, factor: int = 1) -> str | None:
    """An amount in AUD, half dollars kept; None for no figure. Raises CellFault."""
    plain = number(text, name, 0, 1e12)
    if plain is None:
        return None
    return f"{float(plain) * factor:.2f}".removesuffix(".00")


@lru_cache(65_536)
def code(text: str, name: str, digits: int | None = None) -> str | None:
    """A code kept as text: floats lose `.0`, lost leading zeros come back.

    Raises:
        CellFault: not a code of `digits` digits.
    """
    plain = text.strip().removesuffix(".0")
    if plain.casefold() in NULLS:
        return None
    if digits is not None:
        if not plain.isdigit() or len(plain) > digits:
            raise CellFault(
                name, "unreadable", f"{text!r} is no code of {digits} digits."
            )
        plain = plain.zfill(digits)
    return plain


def text(value: str) -> str | None:
    """Text as it stands, blanks around it off; None for nothing."""
    return value.strip() or None


def judge(name: str, finding: Finding | None) -> None:
    """Refuse what a rule about Australia is certain of. Raises CellFault."""
    if finding is not None and finding.is_certain:
        problem = finding.rule_id.removeprefix(f"{name}_")
        reason = f"{finding.reason[0].upper()}{finding.reason[1:]}."
        raise CellFault(name, problem, reason)
