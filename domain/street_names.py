"""Reading the name of a street: `OCEAN ST S` as name, type and suffix.

Belongs here: everything a street field holds, what does not belong to the street's name
included (a building, a quoted estate, a remark). Words are in `domain.street_types`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from domain.address_words import CACHE, joined_particles, title, upper, words_of
from domain.street_types import (
    DIRECTIONS,
    NAME_WORDS,
    ORDINALS,
    STREET_SUFFIX_CODES,
    STREET_TYPE_CODES,
    STREET_TYPES,
    TYPELESS_NAMES,
    WEAK_TYPES,
)

# `RUSSELL ST HOUSE NO: LOT 5`: what the valuer's old system appended.
_HOUSE_NO = re.compile(r"\s*HOUSE NO:.*$")
_BRACKETS = re.compile(r"\([^)]*\)?")
# `BOYCE RD 'NORTHERLY'`; the apostrophe of `O'DONNELL ST` stands inside a word.
_QUOTED = re.compile(r"(?:^|(?<=[\s,\-]))(['\"`])(.{3,}?)(?:\1|$)")
_KINDS = {
    "BUILDING": "BUILDING",
    "BLDG": "BUILDING",
    "BLD": "BUILDING",
    "BLOCK": "BLOCK",
    "BLK": "BLOCK",
    "TOWER": "TOWER",
    "TWR": "TOWER",
    "STAGE": "STAGE",
}
#: `BUILDING A`, `BLOCK 3`; `TOWER ST` is a street.
BUILDING = re.compile(rf"({'|'.join(_KINDS)})\s+([A-Z]|\d{{1,2}}[A-Z]?)(?![A-Z0-9])")
_BUILDING_LAST = re.compile(rf"(?<=\s){BUILDING.pattern}\s*$")
# What is no home of its own stands behind the street in the valuer's records.
_ANNEX_LAST = re.compile(
    r"(?<=\s)(CAR ?SPACES?|CAR ?PARK|GARAGE|STORAGE|STORE ?ROOM|MARINE BERTH|BERTH"
    r"|SHOP)(?:\s+(\d+[A-Z]?))?\s*$"
)
_ANNEXES = {"CAR SPACE": "CARSPACE", "CAR SPACES": "CARSPACE", "CARSPACES": "CARSPACE"}
_INNER_WORDS = "AV AVE BLVD BVD CRES CT DR HWY LN PDE PL RD SQ ST TCE BOULEVARDE"
_INNER = {word: STREET_TYPES[word] for word in _INNER_WORDS.split()}


@dataclass(frozen=True, slots=True)
class Street:
    """A street name without its type: `OCEAN`, `STREET`, `SOUTH`.

    `building` is a part of the key (`BLOCK A`, `CARSPACE 4`), `site` a name beside it.
    `key` is the street's part of a canonical key: long words joined by spaces, so it
    does not matter where a name ends and its type begins.
    """

    name: str
    type: str | None = None
    suffix: str | None = None
    building: str | None = None
    display: str = ""
    type_code: str | None = None
    suffix_code: str | None = None
    site: str | None = None
    key: str = ""
    assumptions: tuple[str, ...] = ()


@lru_cache(CACHE)
def parse_street(text: str) -> Street | None:
    """Split `OCEAN ST S` into name, type and direction; None if there is no street.

    `ST GEORGES RD` keeps its saint, `THE CRES` keeps its type as name, `PARK ST LANE`
    is Park Street's lane, and a building named behind the type is taken off.
    """
    plain, site, notes = _without_remarks(upper(text))
    building = None
    if found := _BUILDING_LAST.search(plain):
        building = building_key(found[0])
        plain = plain[: found.start()]
    elif found := _ANNEX_LAST.search(plain):
        annex = _ANNEXES.get(found[1], found[1].replace(" ", ""))
        building = f"{annex} {found[2] or ''}".rstrip()
        plain = plain[: found.start()]
    words = _canonical_words(plain)
    if not words:
        return None
    name, kind, suffix = _split(words)
    if kind is None and not _stands_alone(name):
        notes = (*notes, "street_type_missing")
    display = title(" ".join(filter(None, (name, kind, suffix))))
    return Street(
        name,
        kind,
        suffix,
        building,
        display,
        STREET_TYPE_CODES[kind] if kind else None,
        STREET_SUFFIX_CODES[suffix] if suffix else None,
        site,
        f"{name} {kind or ''} {suffix or ''}".rstrip().replace("  ", " "),
        notes,
    )


def building_key(text: str) -> str:
    """`BLDG A` -> `BUILDING A`."""
    kind, _, mark = text.strip().partition(" ")
    return f"{_KINDS.get(kind, kind)} {mark.strip()}"


def _without_remarks(plain: str) -> tuple[str, str | None, tuple[str, ...]]:
    """The street alone, the name of a site beside it, and what was left out."""
    notes: tuple[str, ...] = ()
    if "HOUSE NO:" in plain:
        plain = _HOUSE_NO.sub("", plain)
        notes = ("number_in_street",)
    if "(" in plain:
        plain = _BRACKETS.sub(" ", plain)
        notes = (*notes, "remark_dropped")
    sites = []
    if found := _QUOTED.search(plain):
        rest = f"{plain[: found.start()]} {plain[found.end() :]}".strip(" -,")
        if any(c.isalpha() for c in rest):
            sites.append(found[2])
            plain = rest
    if "," in plain:
        segments = [part.strip(" -") for part in plain.split(",") if part.strip(" -")]
        street = next((part for part in segments if _ends_in_type(part)), None)
        if street is not None and len(segments) > 1:
            sites.extend(part for part in segments if part != street)
            plain = street
    site = " ".join(" ".join(words_of(name)) for name in sites) or None
    return plain, site, (*notes, "site_in_street") if site else notes


def _ends_in_type(text: str) -> bool:
    words = words_of(text)
    if len(words) > 2 and words[-1] in DIRECTIONS:
        words.pop()
    return len(words) > 1 and is_strong_type(words[-1])


def is_strong_type(word: str) -> bool:
    """Whether a word can hardly be anything but a street's type."""
    return word in STREET_TYPES and word not in WEAK_TYPES


def _canonical_words(plain: str) -> list[str]:
    words = joined_particles(words_of(plain))
    if len(words) > 3 and "-".join(words[-3:]) in STREET_TYPES:
        # Types of three words: cul-de-sac, right-of-way.
        words = [*words[:-3], "-".join(words[-3:])]
    words = [NAME_WORDS.get(word, word) for word in words[:-1]] + words[-1:]
    if not any(word[0].isdigit() or word in ORDINALS for word in words):
        return words
    return " ".join(ORDINALS.get(word, word) for word in words).split()


def _split(words: list[str]) -> tuple[str, str | None, str | None]:
    """Name, type, suffix."""
    suffix = kind = None
    if len(words) > 3 and f"{words[-2]} {words[-1]}" in STREET_SUFFIX_CODES:
        if words[-3] in STREET_TYPES:
            suffix = f"{words[-2]} {words[-1]}"
            words = words[:-2]
    elif (
        words[-1] in DIRECTIONS
        and len(words) > 1
        and words[-2] in STREET_TYPES
        and (len(words) > 2 or STREET_TYPES[words[-2]] in TYPELESS_NAMES)
    ):
        suffix = DIRECTIONS[words[-1]]
        words = words[:-1]
    if len(words) > 1 and words[0] in ("AV", "AVE"):
        words = ["AVENUE", *words[1:]]
    last = STREET_TYPES.get(words[-1])
    if last is None:
        words = [*words[:-1], NAME_WORDS.get(words[-1], words[-1])]
    elif len(words) == 1 or (len(words) == 2 and words[0] == "THE"):
        words = [*words[:-1], last]
    else:
        kind = last
        words = words[:-1]
        # `GEORGE S TCE` lost an apostrophe to a space.
        if len(words) > 1 and words[-1] == "S" and len(words[-2]) > 2:
            words = [*words[:-2], f"{words[-2]}S"]
        elif len(words) > 1:
            words = [*words[:-1], _INNER.get(words[-1], words[-1])]
    return " ".join(words), kind, suffix


def _stands_alone(name: str) -> bool:
    first, _, rest = name.partition(" ")
    return first == "THE" or name in TYPELESS_NAMES or rest.startswith("OF ")
