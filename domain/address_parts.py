"""Reading the parts of an Australian address: one function per part, of one text each.

Belongs here: suburb, state and postcode, and the one place to import all readers from.
They are memoised, because a market has few distinct streets and many homes. Putting
parts together into an identity is `domain.addresses`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from domain.address_words import CACHE, clean, joined_particles, title, upper, words_of
from domain.australia import postcode_state, postcode_text, state_code
from domain.house_numbers import HouseNumber, parse_number
from domain.street_names import Street, parse_street
from domain.street_types import LOCALITY_WORDS, PORT_NAMES
from domain.unit_numbers import Flat, parse_flat, parse_unit

__all__ = [
    "Flat",
    "HouseNumber",
    "Street",
    "clean",
    "parse_flat",
    "parse_locality",
    "parse_number",
    "parse_postcode",
    "parse_state",
    "parse_street",
    "parse_unit",
    "state_of_postcode",
    "title",
]

_BRACKETS = re.compile(r"\([^)]*\)?")
_STATES = frozenset({"NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT"})


@lru_cache(CACHE)
def parse_locality(text: str) -> str:
    """Canonical suburb: `Mt. Druitt` as `MOUNT DRUITT`, `Saint Kilda` as `ST KILDA`.

    A remark in brackets and a state or postcode behind the name are left out.
    """
    plain = upper(text)
    if "(" in plain:
        plain = _BRACKETS.sub(" ", plain) if plain[0] != "(" else plain
    words = joined_particles(words_of(plain))
    while len(words) > 1 and (
        words[-1] in _STATES or (len(words[-1]) == 4 and words[-1].isdigit())
    ):
        words.pop()
    words = [LOCALITY_WORDS.get(word, word) for word in words]
    if words and words[0] == "PT":
        is_port = len(words) > 1 and words[1] in PORT_NAMES
        words[0] = "PORT" if is_port else "POINT"
    return " ".join(re.sub(r"[^A-Z0-9]", "", word) for word in words).strip()


@lru_cache(CACHE)
def parse_postcode(text: str) -> str | None:
    """Four digits as text: `3067.0` -> `3067`, `800` -> `0800`; None if it is none."""
    return postcode_text(text)


def state_of_postcode(postcode: str) -> str | None:
    """State a postcode mostly lies in; border localities break the rule."""
    return postcode_state(postcode)


@lru_cache(256)
def parse_state(text: str) -> str | None:
    """State abbreviation in capitals; None if the text is no state."""
    return state_code(text)
