"""Cutting one line of text into unit, level, number, lot and street.

Belongs here: the order in which people write an address line, and what they write
around it. The parts are read by `domain.address_parts`; an identity is made of them in
`domain.address_text`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from domain.address_parts import (
    Flat,
    HouseNumber,
    Street,
    parse_number,
    parse_street,
)
from domain.address_words import title, upper
from domain.street_names import BUILDING, building_key, is_strong_type
from domain.street_types import STREET_TYPES
from domain.unit_numbers import (
    LEVEL_FRONT,
    UNIT_FRONT,
    UNIT_NUMBER,
    make_flat,
    parse_flat,
    plain_unit_words,
    storey,
)

_POSTAL = re.compile(
    r"\b(?:G ?P ?O|P ?O|POST(?:AL)? OFFICE|LOCKED|PRIVATE|MAIL) ?(?:BOX|BAG)\b"
    r"|\bCARE OF\b|\bC/[O-]"
)
_CORNER = re.compile(r"^(?:CNR|CORNER|COR|CRN|CRNR)\b(?: OF\b)?")
_CORNER_REMARK = re.compile(r"[,\s]+(?:CNR|CORNER|COR|CRN|CRNR)\b(?: OF\b)?.*$")
_BRACKETS = re.compile(r"\(\s*(?P<number>(?:NO|NUMBER|#)\s*\d[^)]*)\)|\([^)]*\)?")
_QUOTED = re.compile(r"(?:^|(?<=[\s,]))([\"'])([^\"']{2,}?)\1(?=[\s,]|$)")
_DROPPED = str.maketrans("", "", "'\u2018\u2019\u02bc`\u00b4\".*")

_LOT = r"(?:LOTS?|LTS?)\s*\d*[A-Z]?\d*[A-Z]?(?:\s*[-&]\s*\d+[A-Z]?)*(?![A-Z0-9])"
_ONE = r"\d{1,6}(?:\s?[A-Z](?![A-Z0-9]))?"
_NUMBER = (
    rf"(?:RMB|RSD|RMS|CMB|MB|[A-Z])?\s?{_ONE}"
    rf"(?:\s*(?:[-&+]|AND(?=\s*\d)|TO(?=\s*\d))\s*(?:{_ONE}|[A-Z](?![A-Z0-9])))*"
)
_LOT_FRONT = re.compile(rf"(?P<lot>{_LOT})")
_NUMBER_FRONT = re.compile(rf"(?P<number>{_NUMBER})(?![A-Z0-9])")
_UNIT_SLASH = re.compile(rf"(?P<unit>{UNIT_NUMBER})\s*/\s*")
_CALLED = re.compile(r"(?:NOS?|NUMBER|#|HOUSE|HSE|RURAL NO)\s*(?=\d)")
_UNIT_LAST = re.compile(
    r"^(?P<front>[^\d,]+,\s*)?"
    r"(?P<rest>\d.*?[A-Z]{2}.*?),?\s+(?P<unit>(?:UNIT|APARTMENT|APT|FLAT|SUITE|SHOP"
    r"|VILLA|TOWNHOUSE|PENTHOUSE)\s+(?:\d+[A-Z]?|[A-Z]\d+))$"
)
# A street's name has a word in it and no bare number before it; `1ST AVE` has none.
_STREET = re.compile(r"(?!\d+[A-Z]?(?![A-Z0-9])).*[A-Z]{2}")
_BARE = re.compile(rf"^{UNIT_NUMBER}$")
_NO_NUMBER = HouseNumber()


@dataclass(frozen=True, slots=True)
class AddressLine:
    """What a line says. `rest` is what stood behind the street, after a comma."""

    flat: Flat | None = None
    number: HouseNumber = _NO_NUMBER
    street: Street | None = None
    building: str | None = None
    site: str | None = None
    rest: str = ""
    assumptions: tuple[str, ...] = ()


def read_line(text: str) -> AddressLine:
    """Cut a line such as `The Grand, Shop 2, Level 1, 100 George St`.

    A postal box, a corner and a bare name come back without number or street.
    """
    plain = upper(text)
    if _POSTAL.search(plain):
        return AddressLine(assumptions=("postal_address",))
    plain, site, notes = _without_remarks(plain)
    if _CORNER.match(plain):
        return AddressLine(site=title(plain), assumptions=("corner",))
    if found := _UNIT_LAST.match(plain):
        plain = f"{found['front'] or ''}{found['unit']}, {found['rest']}"
    scan = _Scan(plain)
    scan.read()
    return AddressLine(
        flat=make_flat(scan.word, scan.unit, scan.level),
        number=scan.house_number(),
        street=scan.street,
        building=scan.building,
        site=site or scan.site,
        rest=scan.rest,
        assumptions=(*notes, *scan.notes),
    )


def _without_remarks(plain: str) -> tuple[str, str | None, tuple[str, ...]]:
    """Text without quotes and brackets; the name of a house or estate beside it."""
    notes: tuple[str, ...] = ()
    site = None
    if found := _QUOTED.search(plain):
        site = found[2].strip()
        plain = f"{plain[: found.start()]} {plain[found.end() :]}".strip(" ,-")
        notes = ("building_in_front",) if found.start() == 0 else ()
    if "(" in plain:
        plain = _BRACKETS.sub(lambda found: f", {found['number'] or ''}", plain)
    plain = plain_unit_words(plain.translate(_DROPPED).strip(" ,;-"))
    found = None if _CORNER.match(plain) else _CORNER_REMARK.search(plain)
    if found and _has_digit(plain[: found.start()]):
        plain = plain[: found.start()]
        notes = (*notes, "remark_dropped")
    return " ".join(plain.split()), site, notes


class _Scan:
    """One pass over a line from its front; every step takes off one part."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.word: str | None = None
        self.unit = ""
        self.level: str | None = None
        self.lot: str | None = None
        self.number = ""
        self.building: str | None = None
        self.site: str | None = None
        self.street: Street | None = None
        self.rest = ""
        self.notes: tuple[str, ...] = ()

    def read(self) -> None:
        while self._front():
            pass
        self._number()
        street, _, self.rest = self.text.partition(",")
        if not street.strip() and self.rest:
            street, _, self.rest = self.rest.partition(",")
        street = street.strip(" ,-/&+")
        if self.number and street:
            street = self._give_back_letter(street)
        self.street = parse_street(street) if _STREET.match(street) else None

    def house_number(self) -> HouseNumber:
        found = parse_number(self.number) if self.number else _NO_NUMBER
        if not self.lot:
            return found
        lot = parse_number(self.lot).lot
        notes = (*found.assumptions, "lot_as_number")
        return replace(found, lot=lot, assumptions=notes)

    def _take(self, found: re.Match[str]) -> bool:
        self.text = self.text[found.end() :].lstrip(" ,/-;")
        return True

    def _front(self) -> bool:
        """Take one part in front of the number; False when there is none left."""
        text = self.text
        if found := _CALLED.match(text):
            return self._take(found)
        if (
            self.level is None
            and (found := LEVEL_FRONT.match(text))
            # `L3 12 SMITH ST` may be a lot; `L3, 12 SMITH ST` is a level.
            and (found["short"] is None or text[found.end() :].lstrip()[:1] in ",/")
        ):
            self.level = storey(found)
            return self._take(found)
        if (found := BUILDING.match(text)) and _has_digit(text[found.end() :]):
            self.building = building_key(f"{found[1]} {found[2]}")
            return self._take(found)
        if (found := _LOT_FRONT.match(text)) and any(map(str.isdigit, found["lot"])):
            self.lot = found["lot"]
            return self._take(found)
        if not self.unit and (found := UNIT_FRONT.match(text)):
            return self._unit(found)
        if not self.unit and (found := _UNIT_SLASH.match(text)):
            self.unit = found["unit"]
            return self._take(found)
        return self._segment()

    def _unit(self, found: re.Match[str]) -> bool:
        """`UNIT 3, 12 SMITH ST`; `UNIT 12 SMITH ST` has no other number."""
        after = self.text[found.end() :].lstrip()
        first, dash, last = found["number"].partition("-")
        if dash and not _NUMBER_FRONT.match(after.lstrip(" ,/")):
            # `UNIT 3 - 12 SMITH ST`: the dash parts unit and number.
            self.word, self.unit = found["word"], first.strip()
            self.text = f"{last.strip()} {after}"
            return True
        if not after or _has_digit(after) or after[0] in ",/":
            self.word, self.unit = found["word"], found["number"]
            return self._take(found)
        self.notes = (*self.notes, "unit_as_number")
        self.text = self.text[found.start("number") :]
        return False

    def _segment(self) -> bool:
        """A whole segment before a comma: a bare unit, or the name of a building."""
        segment, comma, after = self.text.partition(",")
        segment, after = segment.strip(), after.strip()
        if not comma or not segment:
            return False
        if _BARE.match(segment) and not self.unit and _has_digit(after):
            self.unit = segment
        elif self.unit or _has_digit(segment) or not _starts_with_number(after):
            return False
        else:
            flat = parse_flat(segment)
            if flat is not None and flat.kind is not None and not self.unit:
                self.word, self.unit = flat.kind, ""
            else:
                self.site = segment
                self.notes = (*self.notes, "building_in_front")
        self.text = after
        return True

    def _number(self) -> None:
        found = _NUMBER_FRONT.match(self.text)
        if found is None:
            self._building_in_front()
            found = _NUMBER_FRONT.match(self.text)
        if found is None:
            return
        self.number = found["number"]
        self._take(found)
        second = _NUMBER_FRONT.match(self.text)
        if second is not None and not self.unit and self.text[second.end() :].strip():
            # `3 12 SMITH ST`
            self.unit, self.number = self.number, second["number"]
            self.notes = (*self.notes, "two_numbers_unit_first")
            self._take(second)

    def _building_in_front(self) -> None:
        """`THE GRAND 5/10 HIGH ST`: words before the first number, none a street."""
        found = re.search(r"\s(?=\d)", self.text)
        if found is None or self.unit or self.lot:
            return
        words = self.text[: found.start()].replace(",", " ").split()
        after = self.text[found.end() :]
        if not re.match(r"[\d\sA-Z/&-]*?\d[A-Z]?\s+[A-Z]{2}", after):
            return
        if any(is_strong_type(word) for word in words[1:]):
            return
        self.site = " ".join(words)
        self.notes = (*self.notes, "building_in_front")
        self.text = after
        while self._front():
            pass

    def _give_back_letter(self, street: str) -> str:
        """`5 A ST` is number 5 of A Street, `5 A SMITH ST` is 5A of Smith Street.

        `5 O CONNELL ST` has lost an apostrophe; no number bears an O.
        """
        head, _, letter = self.number.rpartition(" ")
        if not head or len(letter) != 1 or not letter.isalpha():
            return street
        if street in STREET_TYPES or (letter == "O" and head[-1].isdigit()):
            self.number = head
            return f"{letter} {street}"
        return street


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _starts_with_number(text: str) -> bool:
    """Whether a segment goes on to an address: a number, a unit or a level first."""
    first = text.partition(",")[0]
    if re.match(r"[A-Z]?\d", first) or _LOT_FRONT.match(first):
        return True
    if UNIT_FRONT.match(first) or LEVEL_FRONT.match(first) or BUILDING.match(first):
        return True
    return bool(_CALLED.match(first))
