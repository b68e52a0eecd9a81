"""Identifying an address given as text, as people and portals write it.

Belongs here: a street line beside its suburb, and one line that holds everything. How a
street line is cut is `domain.address_lines`; what makes an identity is
`domain.addresses`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from domain.address_keys import text_key
from domain.address_lines import AddressLine, read_line
from domain.address_parts import clean, parse_locality, parse_state, title
from domain.address_places import Place, make_place
from domain.address_words import upper
from domain.addresses import CanonicalAddress, build_address, without_identity
from domain.australia import STATE_NAMES
from domain.street_names import is_strong_type
from domain.street_types import DIRECTIONS, ORDINALS, TYPELESS_NAMES

_STATE_WORDS = "|".join(
    [*STATE_NAMES, *(name.upper() for name in STATE_NAMES.values()), "N S W", "VICT"]
)
_STATE_LAST = re.compile(rf"[\s,]({_STATE_WORDS})[\s,]*$")
_POSTCODE_LAST = re.compile(r"[\s,](\d{4})[\s,]*$")
_COUNTRY_LAST = re.compile(r"[\s,]+(?:AUSTRALIA|AUS)[\s,]*$")
#: What no suburb's name holds, but for two that begin with it.
_ROADS = frozenset(
    {"RD", "ROAD", "STREET", "AVE", "AVENUE", "AV", "HWY", "HIGHWAY", "DR", "DRIVE"}
    | {"CT", "COURT", "CRES", "CRESCENT", "PDE", "PARADE", "TCE", "LN", "LANE", "PL"}
)
_BEGINNINGS = frozenset({"LANE COVE", "CRESCENT HEAD"})
_SHORT_SUFFIXES = frozenset({"NTH", "STH", "EXTN"})

#: Whether a text (canonical suburb, state or None) names a place; see `canonical_line`.
KnowsPlace = Callable[[str, str | None], bool]


def canonical_text(
    address: str | None,
    *,
    locality: str | None,
    state: str | None,
    postcode: str | None,
) -> CanonicalAddress:
    """Identify an address given as street line plus suburb, state and postcode.

    What follows the street line behind a comma is left out: the suburb has a field of
    its own. A lot number stands in for a missing street number. Without number, street
    or suburb the result is `non_identifying`: it may be shown, never joined to a
    dwelling.
    """
    line = read_line(address) if address else AddressLine()
    return _identity(line, make_place(locality, state, postcode), address or "")


def canonical_line(
    text: str, *, knows_place: KnowsPlace | None = None
) -> CanonicalAddress:
    """Identify a whole address in one line: `3/12 Smith St, Richmond VIC 3121`.

    Commas are helpful, not needed. State and postcode stand last in either order, or
    are missing: without a state nothing is identified, because most names of suburbs
    are taken in several. `knows_place` (say, `Gazetteer.knows`) helps to find where a
    street ends and its suburb begins when no comma says so; it never changes the key of
    what was cut.
    """
    plain = _COUNTRY_LAST.sub("", f" {upper(text)}")
    plain, state, postcode = _without_state(plain)
    front, locality, notes = _without_locality(plain.strip(" ,"), state, knows_place)
    line = read_line(front)
    if line.street is None and locality and line.number.number is None:
        # `GLENVIEW, 12 SMITH ST`: what was taken for a suburb is the street.
        other = read_line(plain)
        if other.street is not None and other.number.number is not None:
            line, locality, notes = other, None, ()
    if notes:
        line = _noted(line, notes)
    return _identity(line, make_place(locality, state, postcode), plain)


def _without_state(plain: str) -> tuple[str, str | None, str | None]:
    """Text without state and postcode, in either order."""
    state = postcode = None
    for _ in range(2):
        if postcode is None and (found := _POSTCODE_LAST.search(plain)):
            postcode, plain = found[1], plain[: found.start()]
        if state is None and (found := _STATE_LAST.search(plain.replace(".", ""))):
            state = parse_state(found[1])
            plain = plain.replace(".", "")[: found.start()]
    return plain, state, postcode


def _without_locality(
    plain: str, state: str | None, knows_place: KnowsPlace | None
) -> tuple[str, str | None, tuple[str, ...]]:
    """The street line, the suburb behind it, and what was assumed."""
    front, comma, last = plain.rpartition(",")
    if comma and front.strip() and not any(map(str.isdigit, last)):
        words = last.split()
        is_street = len(words) > 1 and is_strong_type(words[-1].strip("."))
        if not is_street or _is_whole(read_line(front)):
            return front, last.strip(), ()
    words = last.split()
    best = _cut(words, state, knows_place)
    if best is None:
        return plain, None, ()
    street = " ".join(words[:best])
    locality = " ".join(words[best:])
    return f"{front}{comma}{street}", locality, ("locality_cut_from_line",)


def _is_whole(line: AddressLine) -> bool:
    """Whether a line names a dwelling, so that what follows it is a suburb."""
    has_number = line.number.number is not None or line.number.lot is not None
    return has_number and line.street is not None


def _cut(words: list[str], state: str | None, knows: KnowsPlace | None) -> int | None:
    """Where in a line without commas the suburb begins; None if there is none."""
    plain = [clean(word) for word in words]
    digits = [
        at
        for at, word in enumerate(plain)
        if any(map(str.isdigit, word)) and word not in ORDINALS
    ]
    start = digits[-1] + 1 if digits else 0
    cuts: list[int] = []
    for at in range(start, len(plain) - 1):
        alone = plain[at] in TYPELESS_NAMES and at == start
        if not alone and not (at > start and is_strong_type(plain[at])):
            continue
        cut = at + 1
        is_suffix = len(plain[cut]) <= 2 or plain[cut] in _SHORT_SUFFIXES
        if is_suffix and plain[cut] in DIRECTIONS and cut + 1 < len(plain):
            cut += 1
        if _may_be_suburb(plain[cut:]):
            cuts.append(cut)
    if not cuts and start < len(plain) - 2 and plain[start] == "THE":
        # `THE RIGHI EAGLEMONT`
        cuts = [start + 2]
    if knows is not None:
        for tried in cuts + list(range(start + 1, len(plain))):
            if knows(parse_locality(" ".join(plain[tried:])), state):
                return tried
    if len(cuts) > 1 and cuts[0] == start + 2 and len(plain[start]) == 1:
        # `1 A ST GEORGES ST RICHMOND`: the letter is the number's.
        return cuts[1]
    return cuts[0] if cuts else None


def _may_be_suburb(words: list[str]) -> bool:
    if " ".join(words[:2]) in _BEGINNINGS:
        words = words[1:]
    return not any(word in _ROADS for word in words)


def _noted(line: AddressLine, notes: tuple[str, ...]) -> AddressLine:
    return AddressLine(
        line.flat,
        line.number,
        line.street,
        line.building,
        line.site,
        line.rest,
        (*line.assumptions, *notes),
    )


def _identity(line: AddressLine, place: Place, text: str) -> CanonicalAddress:
    number, street = line.number, line.street
    written = number.number or (f"LOT {number.lot}" if number.lot else None)
    notes = (*number.assumptions, *line.assumptions)
    if street is not None:
        notes = (*street.assumptions, *notes)
    if street is not None and place.is_known and written is not None:
        if number.number is not None:
            notes = tuple(note for note in notes if note != "lot_as_number")
        return build_address(
            street,
            number,
            written,
            line.flat,
            None,
            place,
            notes,
            building=line.building,
            site=line.site,
        )
    shown = clean(text)
    return without_identity(
        "non_identifying",
        text_key(place.key, shown),
        title(shown) if street is None else "",
        street,
        place,
        (*notes, "address_identifies_nothing"),
        flat=line.flat,
        lot=number.lot,
        site=line.site,
    )
