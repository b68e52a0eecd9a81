"""Composing canonical keys and property ids out of parts that are already canonical.

Belongs here: the form of every key and the id that follows from it, nothing else. The
bulk path has a twin of these functions in SQL; it must give the same text byte for
byte, so nothing here looks at how an address was written. Reading is
`domain.address_parts` and `domain.address_places`.

A key is text in capitals, parts joined by `|`:

- dwelling   `VIC|RICHMOND|SMITH STREET|12|3` : place, street, number, flat
- parcel     `NSW|PARCEL|2021000|LOT 5`       : state, valuer's property id, dwelling
- text       `VIC|RICHMOND|TEXT|SMITH STREET` : place, what was left of the text

The place is `state|locality`; the postcode is in it only where the state has two
places of that name (`NSW|MAYFIELD 2304`, see `domain.place_names`). So a key depends on
the address and on `RULE_VERSION` alone, never on a reference set that is loaded or not.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Literal
from uuid import UUID

#: Raise when a change of rules gives any address another key.
RULE_VERSION = 2

#: Root of all property ids. Never change: every stored id hangs from it.
PROPERTY_NAMESPACE = UUID("4d5f6c0e-0a51-5a53-8a2f-3f1d6f3b9f10")

KeyKind = Literal["address", "parcel", "non_identifying"]

_ROOT = sha1(PROPERTY_NAMESPACE.bytes, usedforsecurity=False)
# Version 5 and RFC 4122's variant, as `uuid.uuid5` sets them.
_CLEARED = ~((0xF000 << 64) | (0xC000 << 48))
_SET = (5 << 76) | (0x8000 << 48)


def flat_key(building: str | None, unit: str | None, lot: str | None) -> str:
    """What tells dwellings of one street number apart; empty for a house.

    `3`, `BLOCK A 3`, `LOT 5` (a strata lot, where no unit number is known).
    """
    flat = unit or (f"LOT {lot}" if lot else "")
    return f"{building} {flat}".rstrip() if building else flat


def address_key(place: str, street: str, number: str, flat: str) -> str:
    """Key of a dwelling: `Place.key`, `Street.key`, `19-21` or `LOT 4A`, `flat_key`."""
    return f"{place}|{street}|{number}|{flat}"


def parcel_key(state: str | None, property_number: str, flat: str) -> str:
    """Key of a dwelling that only its parcel's number in the valuer's roll names."""
    return f"{state or ''}|PARCEL|{property_number}|{flat}"


def text_key(place: str, text: str) -> str:
    """Key of what identifies no dwelling: equal texts are equal, no more is known."""
    return f"{place}|TEXT|{text}"


def property_id_of(key: str) -> UUID:
    """UUIDv5 of a key in `PROPERTY_NAMESPACE`; what `uuid.uuid5` gives, only faster."""
    digest = _ROOT.copy()
    digest.update(key.encode())
    number = int.from_bytes(digest.digest()[:16], "big")
    return UUID(int=number & _CLEARED | _SET)
