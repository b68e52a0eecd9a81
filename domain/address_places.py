"""Suburb, state and postcode of an address as the rules of the key see them.

Belongs here: one canonical place out of the three texts a source gives, by shipped
rules alone. Resolving a place against the full reference set is `domain.localities`:
it adds an id and a spelling, never a different key.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from domain.address_parts import (
    parse_locality,
    parse_postcode,
    parse_state,
    state_of_postcode,
    title,
)
from domain.place_names import BORDER_PLACES, PLACE_ALIASES, TWIN_PLACES

#: Words that stand before or behind a suburb's name in equal meaning.
_DIRECTIONS = frozenset(
    {"NORTH", "SOUTH", "EAST", "WEST", "UPPER", "LOWER", "CENTRAL", "INNER", "OUTER"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """Suburb, state and postcode, with what was assumed about them.

    `key` is the place's part of a canonical key. `is_known` says that it names one
    place: without suburb or state, or with a twin's name and no postcode, it does not.
    """

    locality: str
    state: str | None
    postcode: str | None
    assumptions: tuple[str, ...]
    key: str = ""
    is_known: bool = True
    display: str = ""


@lru_cache(1 << 16)
def make_place(locality: str | None, state: str | None, postcode: str | None) -> Place:
    """Canonical place; the state may follow from the postcode.

    A source's state is believed over the postcode's range, because border suburbs carry
    the neighbour's postcode, but not over a border place's own entry.
    """
    notes: list[str] = []
    name = parse_locality(locality) if locality else ""
    code = parse_postcode(postcode) if postcode else None
    if code is None:
        notes.append("postcode_missing")
    known = parse_state(state) if state else None
    owner = BORDER_PLACES.get((code, name)) if code else None
    if owner is not None and known != owner:
        notes.append("state_of_border_place")
        known = owner
    elif known is None and code is not None:
        known = state_of_postcode(code)
        notes.append("state_from_postcode")
    if known is None:
        notes.append("state_missing")
    official = PLACE_ALIASES.get((known or "", name))
    if official is not None:
        notes.append("locality_alias")
        name = official
    mark = ""
    twins = TWIN_PLACES.get((known or "", name))
    if twins is not None:
        mark = twins.get(code, code) if code else "?"
        if mark == "?":
            notes.append("locality_ambiguous")
    shown = " ".join(part for part in (title(name), known, code) if part)
    return Place(
        locality=name,
        state=known,
        postcode=code,
        assumptions=tuple(notes),
        key=f"{known or ''}|{_turned(name)} {mark}".rstrip(),
        is_known=bool(name) and known is not None and mark != "?",
        display=shown,
    )


def _turned(name: str) -> str:
    """`NORTH RYDE` as `RYDE NORTH`: both orders are in use for one place."""
    first, _, rest = name.partition(" ")
    return f"{rest} {first}" if rest and first in _DIRECTIONS else name
