"""Reading a unit, a flat, a shop, a car space, a level: what lies within one number.

Belongs here: words for dwellings within a building and their numbers. Words that only
say what kind of home it is are no part of the key (`Unit 3`, `Apartment 3`, `Villa 3`
are one home); words for what is numbered beside the homes are (`Shop 3`, `Carspace 3`,
`Penthouse 3`). Codes are those of G-NAF's FLAT_TYPE_AUT.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.address_words import CACHE, clean

# Canonical word, code, other spellings. Kinds of home first: a number is enough there.
_HOMES = """
UNIT UNIT UNITS UNT U; APARTMENT APT APPT APMT APTS APARTMENTS; FLAT FLAT FLT FL FLATS;
SUITE SE STE SUITES; VILLA VLLA VILL; TOWNHOUSE TNHS TNHSE TWNHSE TH TOWNHOME;
STUDIO STU; DUPLEX DUPL; HOUSE HSE; COTTAGE CTGE; MAISONETTE MSNT; LOFT LOFT;
BUNGALOW BNGW; RESIDENCE UNIT; ROOM ROOM RM; OFFICE OFFC OFFICES; FACTORY FCTY FACT FY;
WAREHOUSE WHSE; SHOWROOM SHRM; WORKSHOP WKSH; TENANCY TNCY; SITE SITE; NUMBER NO
"""
_OTHERS = """
SHOP SHOP SH SHOPS; PENTHOUSE PTHS PH PENTH; CARSPACE CARS CARSPACES; CARPARK CARP;
GARAGE GRGE GGE; STORE STOR STORAGE STOREROOM; BERTH MBTH; KIOSK KSK; SHED SHED;
BOATSHED BTSD; STALL STLL; ATM ATM; SIGN SIGN; REAR REAR; SUBSTATION SUBS
"""


def _spellings(table: str) -> dict[str, tuple[str, str]]:
    entries = [entry.split() for entry in table.split(";") if entry.strip()]
    found: dict[str, tuple[str, str]] = {}
    for words in entries:
        for word in words:
            # RESIDENCE has the code UNIT, but is not what UNIT means.
            found.setdefault(word, (words[0], words[1]))
    return found


_HOME_WORDS = _spellings(_HOMES)
_OTHER_WORDS = _spellings(_OTHERS)
#: Any spelling of a unit's kind -> canonical word and code.
UNIT_WORDS: dict[str, tuple[str, str]] = {**_HOME_WORDS, **_OTHER_WORDS}
_ALTERNATIVES = "|".join(sorted(UNIT_WORDS, key=len, reverse=True))
_TWO_WORDS = re.compile(r"\b(CAR) (SPACES?|PARK)\b|\b(MARINE) (BERTH)\b")

_ONE = r"[A-Z]{0,3}\d{1,5}\s?[A-Z]?(?![A-Z0-9])|[A-Z](?:\s?\d{1,5})?(?![A-Z0-9])"
#: A unit's number: `3`, `3A`, `G01`, `1-3`, `A`, `B 12`.
UNIT_NUMBER = rf"(?:(?:{_ONE})(?:\s*[-&]\s*(?:{_ONE}))?)"
#: `UNIT 3`, `U3`, `SHOP 12A`; a bare word such as `HOUSE` is not one.
UNIT_FRONT = re.compile(
    rf"(?P<word>{_ALTERNATIVES})(?:\s*(?:NO|NUMBER|#)?\s*)"
    rf"(?P<number>(?=\d|(?<=\s)[A-Z]{{1,2}}\d){UNIT_NUMBER}|(?<=\s)[A-Z](?![A-Z0-9]))"
)
_STOREY = (
    r"[A-Z]?\d{1,3}[A-Z]?|[A-Z]|GROUND|LOWER GROUND|UPPER GROUND|MEZZANINE|BASEMENT"
)
#: `LEVEL 1`, `LVL 2`, `L3`, `FLOOR G`, `GROUND FLOOR`, `1ST FLOOR`.
LEVEL_FRONT = re.compile(
    rf"(?:(?:LEVEL|LVL|LEV|FLOOR|FLR)\s*(?P<behind>{_STOREY})|L(?P<short>\d{{1,2}})"
    rf"|(?P<before>\d{{1,2}}(?=ST|ND|RD|TH)|GROUND|FIRST|SECOND|THIRD|LOWER GROUND"
    rf"|UPPER GROUND|TOP)(?:ST|ND|RD|TH)?\s+(?:FLOOR|FLR|LEVEL))(?![A-Z0-9])"
)
_STOREYS = {
    "GROUND": "G",
    "LOWER GROUND": "LG",
    "UPPER GROUND": "UG",
    "MEZZANINE": "M",
    "BASEMENT": "B",
    "FIRST": "1",
    "SECOND": "2",
    "THIRD": "3",
}
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_SEVERAL = re.compile(r"\s*(?:&|AND|\+)\s*|\s*-\s*")


@dataclass(frozen=True, slots=True)
class Flat:
    """A dwelling within a building. `key` is its part of a canonical key.

    `kind` and `code` are None where the source gives only a number.
    """

    key: str
    number: str | None = None
    kind: str | None = None
    code: str | None = None
    level: str | None = None


def plain_unit_words(text: str) -> str:
    """`CAR SPACE 4` as `CARSPACE 4`; what this module's patterns expect."""
    if "CAR " not in text and "MARINE " not in text:
        return text
    return _TWO_WORDS.sub(
        lambda found: "BERTH" if found[3] else (found[1] + found[2]).rstrip("S"), text
    )


@lru_cache(CACHE)
def parse_flat(text: str) -> Flat | None:
    """Read a unit field: `Unit 03 A`, `SHOP 2 LEVEL 1`, `PH2`, `G01`, `1-3`.

    None when nothing in it identifies a unit.
    """
    plain = plain_unit_words(clean(text))
    level = None
    if found := re.search(rf"(?<![A-Z0-9]){LEVEL_FRONT.pattern}", plain):
        level = storey(found)
        plain = f"{plain[: found.start()]} {plain[found.end() :]}".strip(" ,-/")
    word = None
    if found := UNIT_FRONT.match(plain):
        word = found["word"]
        plain = plain[found.start("number") :]
    elif plain in UNIT_WORDS:
        word, plain = plain, ""
    return make_flat(word, plain, level)


def storey(found: re.Match[str]) -> str:
    """The level that LEVEL_FRONT found: `1`, `G`, `LG`."""
    name = found["behind"] or found["short"] or found["before"]
    return _STOREYS.get(name, _ZEROS.sub("", name))


def make_flat(word: str | None, number: str, level: str | None) -> Flat | None:
    """A flat out of a word for its kind, its number as written, and its level."""
    kind, code = UNIT_WORDS.get(word or "", (None, None))
    numbers = (re.sub(r"[^0-9A-Z]", "", part) for part in _SEVERAL.split(number))
    plain = [_ZEROS.sub("", part) for part in numbers if part.strip("0")]
    name = "-".join(plain) or None
    is_other = word in _OTHER_WORDS
    key = f"{kind} {name or ''}".rstrip() if is_other else name or ""
    if kind in ("SHOP", "OFFICE", "SUITE") and level and name and len(name) < 3:
        # Small numbers of offices and shops start anew on each floor.
        key = f"{key} LEVEL {level}"
    elif not key and level:
        key = f"LEVEL {level}"
    return Flat(key, name, kind, code, level) if key else None


@lru_cache(CACHE)
def parse_unit(text: str) -> str | None:
    """The key of `parse_flat`: `Unit 03 A` -> `3A`; None when there is no unit."""
    flat = parse_flat(text)
    return flat.key if flat else None
