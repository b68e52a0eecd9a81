"""Reading the parts of an Australian address: street, house number, unit, locality.

Belongs here: one reader per part, each memoised, because a market has few distinct
streets and many homes. Putting parts together into an identity is `domain.addresses`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.street_types import (
    DIRECTIONS,
    LOCALITY_WORDS,
    NAME_WORDS,
    POSTCODE_STATES,
    STREET_TYPES,
    UNIT_WORDS,
)

_CACHE = 1 << 16

_SPACE_LIKE = re.compile(r"[\s,\-\u2013\u2014]+")
_DROPPED = str.maketrans("", "", "'\u2019`\".*")
#: `... BUILDING A`; `TOWER ST` is a street.
_BUILDING = re.compile(
    r"(?<=\s)(BUILDING|BLDG|BLOCK|TOWER|STAGE)\s+([A-Z]|\d{1,2})\s*$"
)
_WORDS = "|".join(sorted(UNIT_WORDS, key=len, reverse=True))
#: `UNIT 3`, `U3`, `SHOP 12A`; a bare word such as `HOUSE` is not one.
UNIT_PREFIX = re.compile(rf"^(?:{_WORDS})\s*\.?\s*(?=\d|[A-Z]\d)")
_NUMBER = re.compile(r"^0*([1-9]\d{0,5})\s*([A-Z]?)$")
_RANGE = re.compile(
    r"^0*([1-9]\d{0,5})\s*([A-Z]?)\s*(-|&|AND|TO)\s*0*([1-9]\d{0,5})\s*([A-Z]?)$"
)
_OPEN_RANGE = re.compile(r"^(.*\d\s*[A-Z]?)\s*(?:[-&/`]|\s0)+$")
_PREFIXED = re.compile(r"^([A-Z])\s*0*([1-9]\d{0,5})\s*([A-Z]?)$")
_LOT = re.compile(r"^LOTS?\s*\.?\s*([0-9A-Z]+(?:\s*[-&,]\s*[0-9A-Z]+)*)\s*$")
_LOT_WORD = re.compile(r"^L\s+(\d+[A-Z]?)$")
_SLASH = re.compile(r"^(.+?)\s*[/,]\s*([^/]+)$")
_TWO_NUMBERS = re.compile(r"^0*([1-9]\d{0,4})\s+0*([1-9]\d{0,5}\s?[A-Z]?)$")
_LETTER_THEN_MORE = re.compile(r"^(\d+[A-Z]?)\s*([-&])\s*([A-Z])$")


@dataclass(frozen=True, slots=True)
class Street:
    """A street name without its type: `OCEAN`, `STREET`, `SOUTH`."""

    name: str
    type: str | None = None
    suffix: str | None = None
    building: str | None = None
    display: str = ""

    @property
    def key(self) -> str:
        """The street's part of a canonical key."""
        return f"{self.name} {self.type or ''} {self.suffix or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class HouseNumber:
    """A street number, with the unit or lot that some sources write into it."""

    number: str | None = None
    unit: str | None = None
    lot: str | None = None
    assumptions: tuple[str, ...] = ()


def clean(text: str) -> str:
    """Upper case, single spaces, no quotes or dots."""
    return " ".join(text.upper().translate(_DROPPED).split())


def title(text: str) -> str:
    """Capitals for display: `GEORGE STREET` -> `George Street`."""
    return " ".join(word.capitalize() for word in text.split())


def _words(text: str) -> list[str]:
    upper = text.upper().translate(_DROPPED)
    return [NAME_WORDS.get(word, word) for word in _SPACE_LIKE.split(upper) if word]


@lru_cache(_CACHE)
def parse_street(text: str) -> Street | None:
    """Split `OCEAN ST S` into name, type and direction; None if there is no street.

    `ST GEORGES RD` keeps its saint, `THE CRES` keeps its type as name, and a building
    named behind the type (`PARK AVE BLOCK A`) is taken off.
    """
    building = None
    upper = clean(text)
    if found := _BUILDING.search(upper):
        building = f"{found[1]} {found[2]}"
        upper = upper[: found.start()]
    words = _words(upper)
    if not words:
        return None
    suffix = kind = None
    if len(words) > 2 and words[-1] in DIRECTIONS and words[-2] in STREET_TYPES:
        suffix = DIRECTIONS[words.pop()]
    last = STREET_TYPES.get(words[-1])
    if last is not None and len(words) > 1:
        if len(words) == 2 and words[0] == "THE":
            words[-1] = last
        else:
            kind = last
            words.pop()
    name = " ".join(words)
    display = title(" ".join(filter(None, (name, kind, suffix))))
    return Street(name, kind, suffix, building, display)


@lru_cache(_CACHE)
def parse_locality(text: str) -> str:
    """Canonical suburb: `Mt. Druitt` as `MOUNT DRUITT`, `Saint Kilda` as `ST KILDA`."""
    upper = text.upper().translate(_DROPPED)
    words = [word for word in _SPACE_LIKE.split(upper) if word]
    return " ".join(LOCALITY_WORDS.get(word, word) for word in words)


@lru_cache(_CACHE)
def parse_unit(text: str) -> str | None:
    """Canonical unit: `Unit 03 A` -> `3A`; None when nothing identifies a unit."""
    upper = UNIT_PREFIX.sub("", clean(text))
    joined = re.sub(r"[^0-9A-Z]", "", upper).lstrip("0")
    return joined or None


@lru_cache(_CACHE)
def parse_number(text: str) -> HouseNumber:
    """Read a house number: `12 A`, `19-21`, `7 & 9`, `5/14-16`, `LOTS2-3`, `D 1071`.

    Text that is no number (a farm's name cut at ten characters) gives an empty result.
    """
    upper = clean(text)
    if found := _NUMBER.match(upper):
        return HouseNumber(found[1] + found[2])
    if not upper:
        return HouseNumber()
    return _odd_number(upper)


def _odd_number(upper: str) -> HouseNumber:
    """Forms rarer than `12` and `12 A`."""
    if found := _RANGE.match(upper):
        first, last = found[1] + found[2], found[4] + found[5]
        notes: tuple[str, ...] = () if found[3] == "-" else ("number_pair_as_range",)
        return HouseNumber(f"{first}-{last}", assumptions=notes)
    if found := _LETTER_THEN_MORE.match(upper):
        return HouseNumber(f"{found[1]}-{found[3]}")
    if found := _LOT.match(upper) or _LOT_WORD.match(upper):
        lot = re.sub(r"[^0-9A-Z]+", "-", found[1])
        return HouseNumber(lot=lot, assumptions=("lot_as_number",))
    if found := _PREFIXED.match(upper):
        return HouseNumber(found[1] + found[2] + found[3])
    if found := _OPEN_RANGE.match(upper):
        inner = parse_number(found[1])
        notes = (*inner.assumptions, "number_cut_short")
        return HouseNumber(inner.number, inner.unit, inner.lot, notes)
    if found := _SLASH.match(upper):
        return _unit_and_number(found[1], found[2])
    if found := _TWO_NUMBERS.match(upper):
        inner = parse_number(found[2])
        notes = (*inner.assumptions, "two_numbers_unit_first")
        return HouseNumber(inner.number, found[1], inner.lot, notes)
    return HouseNumber(assumptions=("number_unreadable",))


def _unit_and_number(unit_text: str, number_text: str) -> HouseNumber:
    inner = parse_number(number_text)
    if inner.number is None:
        return HouseNumber(assumptions=("number_unreadable",))
    lot = parse_number(unit_text).lot if unit_text.startswith("LOT") else None
    unit = None if lot else parse_unit(unit_text)
    return HouseNumber(inner.number, unit, lot, inner.assumptions)


@lru_cache(_CACHE)
def parse_postcode(text: str) -> str | None:
    """Four digits as text: `3067.0` -> `3067`, `800` -> `0800`; None if it is none."""
    digits = text.strip().removesuffix(".0")
    if not digits.isascii() or not digits.isdigit() or not 3 <= len(digits) <= 4:
        return None
    return digits.zfill(4)


def state_of_postcode(postcode: str) -> str | None:
    """State a postcode mostly lies in; border localities break the rule."""
    number = int(postcode)
    for first, last, state in POSTCODE_STATES:
        if first <= number <= last:
            return state
    return None


_STATES = {
    "NEW SOUTH WALES": "NSW",
    "VICTORIA": "VIC",
    "QUEENSLAND": "QLD",
    "SOUTH AUSTRALIA": "SA",
    "WESTERN AUSTRALIA": "WA",
    "TASMANIA": "TAS",
    "NORTHERN TERRITORY": "NT",
    "AUSTRALIAN CAPITAL TERRITORY": "ACT",
}


@lru_cache(256)
def parse_state(text: str) -> str | None:
    """State abbreviation in capitals; None if the text is no state."""
    upper = clean(text)
    upper = _STATES.get(upper, upper)
    return upper if upper in _STATES.values() else None
