"""Numbers as files write them: separators, currency, units, multipliers.

Belongs here: text to an exact decimal, and the unit it names. What range is right is
`cells`.
"""

from __future__ import annotations

import re
from decimal import Decimal

#: To the unit of the canonical column: square metres, kilometres.
UNIT_FACTORS: dict[str | None, Decimal] = {
    None: Decimal(1),
    "m2": Decimal(1),
    "sqft": Decimal("0.09290304"),
    "square": Decimal("9.290304"),
    "ha": Decimal(10_000),
    "acre": Decimal("4046.8564224"),
    "km": Decimal(1),
    "mile": Decimal("1.609344"),
}
_NUMBER = re.compile(
    r"[-+]?(\d{1,15}(\.\d{0,30})?|\.\d{1,30})(e[-+]?\d{1,3})?", re.IGNORECASE
)
#: Beyond these powers of ten nothing here is measured.
_LARGEST = 30
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f'\u2019]")
_CURRENCY = re.compile(r"^([-+]?)(?:a\$|au\$|aud\$?|\$)|aud$", re.IGNORECASE)
_MULTIPLIED = re.compile(
    r"(?P<number>[-+\d.,]+)(?P<word>k|m|mil|mill|million)", re.IGNORECASE
)
_UNIT_WORDS: tuple[tuple[str, str], ...] = (
    ("m2", r"m2|m\u00b2|m\^2|sqm|sq\.?m\.?|sqmt?r?s?|sq\.?met(?:er|re)s?"),
    ("m2", r"squaremet(?:er|re)s?"),
    ("sqft", r"sq\.?ft\.?|sqf|sf|ft2|ft\u00b2|sq\.?feet|squarefeet|squarefoot"),
    ("ha", r"ha|hectares?"),
    ("acre", r"ac|acres?"),
    ("square", r"sqs?|squares?"),
    ("km", r"kms?|kilomet(?:er|re)s?"),
    ("mile", r"mi|miles?"),
)
_UNITS = tuple(
    (unit, re.compile(rf"(?P<number>[-+\d.,]+)(?:{words})\.?", re.IGNORECASE))
    for unit, words in _UNIT_WORDS
)


def read_number(text: str, decimal: str = ".") -> Decimal | None:
    """The number a cell holds, or None. `1,234.5`, `$1 234`, `1.234,5` with `,`."""
    plain = _CURRENCY.sub(r"\1", _SPACES.sub("", text))
    return _plain_number(plain, decimal)


def read_money(text: str, decimal: str = ".") -> Decimal | None:
    """As `read_number`; `1.2M` and `850k` too."""
    plain = _CURRENCY.sub(r"\1", _SPACES.sub("", text))
    match = _MULTIPLIED.fullmatch(plain)
    if match is None:
        return _plain_number(plain, decimal)
    number = _plain_number(match["number"], decimal)
    if number is None:
        return None
    return number * (1_000 if match["word"].lower() == "k" else 1_000_000)


def read_measure(text: str, decimal: str = ".") -> tuple[Decimal | None, str | None]:
    """The number of an area or distance, and the unit written beside it, if any."""
    plain = _SPACES.sub("", text)
    number = _plain_number(plain, decimal)
    if number is not None:
        return number, None
    for unit, form in _UNITS:
        match = form.fullmatch(plain)
        if match is not None:
            return _plain_number(match["number"], decimal), unit
    return None, None


def _plain_number(text: str, decimal: str) -> Decimal | None:
    if decimal == ",":
        text = text.replace(".", "\0").replace(",", ".").replace("\0", ",")
    if "," in text:
        # 3,5 is no thirty-five: only groups of three are thousands.
        if not _GROUPED.fullmatch(text):
            return None
        text = text.replace(",", "")
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    return value if not value or abs(value.adjusted()) <= _LARGEST else None
