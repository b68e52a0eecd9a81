"""Reading a house number: `12 A`, `19-21`, `LOT 4A`, `5/14-16`.

Belongs here: numbers along a street and the lots and units that sources write into the
same field. Words for units are in `domain.unit_numbers`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from domain.address_words import CACHE, clean
from domain.unit_numbers import UNIT_FRONT, parse_unit

_PLAIN = re.compile(r"0*([1-9]\d{0,5})\s*([A-Z]?)")
_RANGE = re.compile(
    r"0*([1-9]\d{0,5})\s*([A-Z]?)\s*(-|&|AND|TO|\+)\s*0*([1-9]\d{0,5})\s*([A-Z]?)"
)
_MANY = re.compile(r"0*([1-9]\d{0,5})\s*([A-Z]?)(?:\s*[-&+,]\s*\d{1,6}\s*[A-Z]?){2,}")
_OPEN_RANGE = re.compile(r"(.*\d\s*[A-Z]?)\s*(?:[-&/`+,]|\s0)+")
_PREFIXED = re.compile(r"([A-Z])\s*0*([1-9]\d{0,5})\s*([A-Z]?)")
#: Roadside mail boxes and the like: rural numbers of their own.
_RURAL = re.compile(r"(RMB|RSD|RMS|RRN|CMB|MB)\s*0*([1-9]\d{0,5})\s*([A-Z]?)")
_CALLED = re.compile(r"(?:NOS?|NUMBER|#|HOUSE|HSE|ST NO)\s*(?=\d)")
_LOT = re.compile(
    r"(?:LOTS?|LTS?)\s*([0-9A-Z]+(?:\s*(?:-|&|,|AND)\s*[0-9A-Z]+)*|\d+(?:/\d+){2,})"
    r"\s*(?:(?:DP|SP|LP|PS)\s*\d*|SEC\b.*)?"
)
_LOT_WORD = re.compile(r"L\s*(\d+[A-Z]?)")
_SLASH = re.compile(r"(.+?)\s*[/,]\s*([^/]+)")
_TWO_NUMBERS = re.compile(r"0*([1-9]\d{0,4})\s+0*([1-9]\d{0,5}\s?[A-Z]?)")
_LETTERS = re.compile(r"(\d+[A-Z]?)\s*(?:[-&+]|AND)\s*([A-Z])")
_SHOWN = re.compile(r"([A-Z]*)(\d+)([A-Z]?)(?:-(\d*)([A-Z]?))?")
# A range of more numbers than this is no building but two texts run together.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class HouseNumber:
    """A street number, with the unit or lot that some sources write into it.

    `number` is canonical: `12A`, `19-21`. `first` and `last` are its bounds for
    comparing; `last` is None where it is no range.
    """

    number: str | None = None
    unit: str | None = None
    lot: str | None = None
    assumptions: tuple[str, ...] = ()
    first: int | None = None
    first_suffix: str | None = None
    last: int | None = None
    last_suffix: str | None = None
    prefix: str | None = None


@lru_cache(CACHE)
def parse_number(text: str) -> HouseNumber:
    """Read a house number: `12 A`, `19-21`, `7 & 9`, `5/14-16`, `LOTS2-3`, `D 1071`.

    Text that is no number (a farm's name cut at ten characters) gives an empty result.
    """
    plain = clean(text)
    if found := _PLAIN.fullmatch(plain):
        first, letter = found.groups()
        return HouseNumber(
            first + letter, first=int(first), first_suffix=letter or None
        )
    if not plain:
        return HouseNumber()
    found_number = _odd_number(_CALLED.sub("", plain))
    if found_number.number is None:
        return found_number
    return _with_bounds(found_number)


def _odd_number(plain: str) -> HouseNumber:
    """Forms rarer than `12` and `12 A`."""
    if found := _PLAIN.fullmatch(plain):
        return HouseNumber(found[1] + found[2])
    if found := _RANGE.fullmatch(plain):
        return _range(found)
    if found := _LETTERS.fullmatch(plain):
        return HouseNumber(f"{found[1]}-{found[2]}")
    if found := _MANY.fullmatch(plain):
        last = re.findall(r"\d+\s*[A-Z]?", plain)[-1].replace(" ", "")
        number = f"{found[1]}{found[2]}-{last.lstrip('0')}"
        return HouseNumber(number, assumptions=("number_list_as_range",))
    if found := _LOT.fullmatch(plain) or _LOT_WORD.fullmatch(plain):
        lot = re.sub(r"[^0-9A-Z]+|(?<![A-Z])AND(?![A-Z])", "-", found[1])
        return HouseNumber(lot=re.sub("-+", "-", lot), assumptions=("lot_as_number",))
    if found := _RURAL.fullmatch(plain):
        return HouseNumber(found[1] + found[2] + found[3])
    if found := _PREFIXED.fullmatch(plain):
        return HouseNumber(found[1] + found[2] + found[3])
    return _joined_texts(plain)


def _joined_texts(plain: str) -> HouseNumber:
    """A number cut short, or with a unit in front."""
    if found := UNIT_FRONT.fullmatch(plain):
        return HouseNumber(unit=parse_unit(plain))
    if found := _OPEN_RANGE.fullmatch(plain):
        inner = parse_number(found[1])
        notes = (*inner.assumptions, "number_cut_short")
        return HouseNumber(inner.number, inner.unit, inner.lot, notes)
    if found := _SLASH.fullmatch(plain):
        return _unit_and_number(found[1], found[2])
    if found := _TWO_NUMBERS.fullmatch(plain):
        inner = parse_number(found[2])
        notes = (*inner.assumptions, "two_numbers_unit_first")
        return HouseNumber(inner.number, found[1], inner.lot, notes)
    return HouseNumber(assumptions=("number_unreadable",))


def _range(found: re.Match[str]) -> HouseNumber:
    first, letter, sign, last, last_letter = found.groups()
    notes: tuple[str, ...] = () if sign in "-TO" else ("number_pair_as_range",)
    if int(last) < int(first) and len(last) < len(first):
        # `113-5` is short for 113-115.
        last = first[: len(first) - len(last)] + last
        notes = (*notes, "range_shortened")
    if (int(last), last_letter) == (int(first), letter):
        return HouseNumber(first + letter, assumptions=notes)
    if int(last) < int(first):
        first, letter, last, last_letter = last, last_letter, first, letter
        notes = (*notes, "range_turned")
    if int(last) - int(first) > _LONGEST:
        notes = (*notes, "range_long")
    return HouseNumber(f"{first}{letter}-{last}{last_letter}", assumptions=notes)


def _unit_and_number(unit_text: str, number_text: str) -> HouseNumber:
    inner = parse_number(number_text)
    if inner.number is None:
        return HouseNumber(assumptions=("number_unreadable",))
    lot = parse_number(unit_text).lot if unit_text.startswith(("LOT", "LT")) else None
    unit = None if lot else parse_unit(unit_text)
    return HouseNumber(inner.number, unit, lot, inner.assumptions)


def _with_bounds(found: HouseNumber) -> HouseNumber:
    shown = _SHOWN.fullmatch(found.number or "")
    if shown is None:
        return found
    prefix, first, letter, last, last_letter = shown.groups()
    return replace(
        found,
        prefix=prefix or None,
        first=int(first),
        first_suffix=letter or None,
        last=int(last) if last else int(first) if last_letter else None,
        last_suffix=last_letter or None,
    )
