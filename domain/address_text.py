"""Reading an address from one line of text, as people and portals write it.

Belongs here: cutting `Unit 3, 12 Smith St` into unit, number and street. The parts are
read by `domain.address_parts`, joined by `domain.addresses`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.address_keys import text_key
from domain.address_parts import (
    UNIT_PREFIX,
    HouseNumber,
    Street,
    clean,
    parse_number,
    parse_state,
    parse_street,
    parse_unit,
)
from domain.address_places import make_place
from domain.addresses import (
    CanonicalAddress,
    build_address,
    without_identity,
)
from domain.street_types import STREET_TYPES

_LOT = r"LOTS?\s*[0-9A-Z]+(?:\s*[-&]\s*[0-9A-Z]+)*"
_ONE = r"\d+(?:\s?[A-Z](?![A-Z0-9]))?"
_NUMBER = rf"(?:[A-Z]?{_ONE})(?:\s*(?:[-&\u2013]|AND|TO)\s*{_ONE})?"
#: unit / number street, each but the street optional.
_LINE = re.compile(
    rf"^(?:(?P<lot>{_LOT})\s*[/,]?\s+)?"
    rf"(?:(?P<unit>[0-9A-Z]+(?:\s?[A-Z])?)\s*/\s*)?"
    rf"(?P<number>{_NUMBER})?\s*(?P<street>(?<!\S)[A-Z].*|)$"
)
#: `12 Smith St Unit 3`: the unit behind the street.
_UNIT_LAST = re.compile(
    r"^(?P<rest>\d.*\s.*?),?\s+(?P<word>UNIT|APARTMENT|APT|FLAT|SUITE|SHOP)"
    r"\s+(?P<unit>\d+[A-Z]?|[A-Z]\d+)$"
)
_UNIT_FIRST = re.compile(
    rf"^(?P<unit>\d+\s?[A-Z]?|[A-Z]\d+)\s+(?P<rest>{_NUMBER}\s.*)$"
)


@dataclass(frozen=True, slots=True)
class _Line:
    unit: str | None
    number: HouseNumber
    street: Street | None
    assumptions: tuple[str, ...] = ()


def canonical_text(
    address: str | None,
    *,
    locality: str | None,
    state: str | None,
    postcode: str | None,
) -> CanonicalAddress:
    """Identify an address given as street line plus suburb, state and postcode.

    A lot number stands in for a missing street number. Without number, street or suburb
    the result is `non_identifying`: it may be shown, never joined to a dwelling.
    """
    place = make_place(locality, parse_state(state) if state else None, postcode)
    line = _parse_line(clean(address or "").replace("\u2013", "-"))
    number = line.number.number
    lot = line.number.lot
    notes = (*line.number.assumptions, *line.assumptions)
    if line.street is not None and place.is_known and (number or lot):
        if number is None:
            return build_address(
                line.street, f"LOT {lot}", line.unit, None, place, notes
            )
        kept = tuple(note for note in notes if note != "lot_as_number")
        return build_address(line.street, number, line.unit, None, place, kept)
    shown = clean(address or "")
    return without_identity(
        "non_identifying",
        text_key(place.key, shown),
        shown.title() if line.street is None else "",
        line.street,
        place,
        (*notes, "address_identifies_nothing"),
        unit=line.unit,
        lot=lot,
    )


def _parse_line(text: str) -> _Line:
    """Cut a cleaned line at commas, then read the segment that holds the street."""
    if found := _UNIT_LAST.match(text):
        text = f"{found['word']} {found['unit']}, {found['rest']}"
    segments = [part.strip() for part in text.split(",") if part.strip()]
    if not segments:
        return _Line(None, HouseNumber(), None)
    unit: str | None = None
    lot: str | None = None
    notes: tuple[str, ...] = ()
    while len(segments) > 1:
        front = segments.pop(0)
        if UNIT_PREFIX.match(front) or re.fullmatch(r"\d+[A-Z]?|[A-Z]\d+", front):
            unit = parse_unit(front)
        elif re.fullmatch(_LOT, front):
            lot = parse_number(front).lot
        elif _has_number(segments[0]):
            notes = (*notes, "building_in_front")
        else:
            # `12 Smith St, Carlton`: what follows the street line is not the street.
            segments = [front]
    return _read_segment(segments[0], unit, lot, notes)


def _has_number(segment: str) -> bool:
    return bool(re.match(rf"{_LOT}|[0-9]|[A-Z]\d", segment)) or bool(
        UNIT_PREFIX.match(segment)
    )


def _read_segment(
    segment: str, unit: str | None, lot: str | None, notes: tuple[str, ...]
) -> _Line:
    body = UNIT_PREFIX.sub("", segment)
    has_unit_word = body != segment
    if has_unit_word and (found := _UNIT_FIRST.match(body)):
        unit, body = parse_unit(found["unit"]), found["rest"]
    found = _LINE.match(body)
    if found is None:
        return _Line(unit, HouseNumber(lot=lot), parse_street(body), notes)
    number_text, street_text = found["number"] or "", found["street"].strip()
    number_text, street_text = _give_back_letter(number_text, street_text)
    number = parse_number(number_text)
    own_lot = parse_number(found["lot"]).lot if found["lot"] else lot
    if found["unit"]:
        unit = parse_unit(found["unit"])
    elif has_unit_word and unit is None and not street_text:
        unit, number = parse_unit(number_text), HouseNumber()
    if own_lot:
        assumed = (*number.assumptions, "lot_as_number")
        number = HouseNumber(number.number, number.unit, own_lot, assumed)
    return _Line(unit, number, parse_street(street_text), notes)


def _give_back_letter(number: str, street: str) -> tuple[str, str]:
    """`5 A ST` is number 5 of A Street, `5 A SMITH ST` is 5A of Smith Street."""
    if " " in number and street in STREET_TYPES and number[-1].isalpha():
        head, _, letter = number.rpartition(" ")
        if letter.isalpha() and len(letter) == 1:
            return head, f"{letter} {street}"
    return number, street
