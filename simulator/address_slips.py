"""Slips in written addresses: how often each happens, and what it makes of the parts.

Here: rates and the changes themselves. Elsewhere: who writes which home, and in which
style (`labelled_addresses`).

Rates named `MEASURED` were counted in the NSW sales files of 2001 to 2017 and 2024: of
445,995 pairs of valuer's property id and strata lot, 24,161 are written in more than
one canonical way; the shares say how the ways differ. The three Melbourne files spell
a home in two ways in 6 of 27,000 cases (letters' case). What portals and agents type
was not to be had: their rates are assumed, several times those of the official file.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from simulator.geography import Locality
from simulator.names import STREET_TYPES

#: Chance of each variant in one address, by source.
RATES: Final[dict[str, dict[str, float]]] = {
    # MEASURED in the NSW files, as shares of all addresses; but range_or_single and
    # number_missing are estimates.
    "nsw_valuer": {
        "unit_missing": 0.085,
        "neighbour_suburb": 0.009,
        "other_postcode": 0.0008,
        "range_or_single": 0.010,
        "other_street_type": 0.0012,
        "street_type_missing": 0.0006,
        "typo": 0.0016,
        "number_missing": 0.006,
        "other_parcel": 0.012,
    },
    # MEASURED in the Melbourne files where they show it, else as the official file.
    "csv": {
        "neighbour_suburb": 0.003,
        "other_street_type": 0.0012,
        "typo": 0.002,
        "range_or_single": 0.008,
    },
    # Assumed: one editor, one form, few slips.
    "domain": {
        "building_in_front": 0.05,
        "neighbour_suburb": 0.012,
        "old_suburb": 0.01,
        "other_postcode": 0.003,
        "range_or_single": 0.012,
        "other_street_type": 0.003,
        "street_type_missing": 0.006,
        "typo": 0.006,
        "unit_missing": 0.002,
        "lot_number": 0.004,
    },
    # Assumed: typed by many hands.
    "reaxml": {
        "building_in_front": 0.04,
        "neighbour_suburb": 0.025,
        "old_suburb": 0.015,
        "other_postcode": 0.006,
        "postcode_missing": 0.012,
        "range_or_single": 0.02,
        "other_street_type": 0.007,
        "street_type_missing": 0.02,
        "typo": 0.022,
        "unit_missing": 0.005,
        "lot_number": 0.006,
        "transposed_number": 0.001,
    },
}

_LETTERS: Final = "abcdefghijklmnoprstuvwy"


@dataclass(frozen=True, slots=True)
class Place:
    """What a locality is called and who lies beside it."""

    postcode: str
    neighbour: Locality
    neighbour_postcode: str
    old_name: str


@dataclass(slots=True)
class Written:
    """The parts one source is about to write down."""

    unit: str
    lot: str
    number: str
    name: str
    kind: int
    locality: str
    postcode: str
    parcel: str
    building: str = ""
    lot_number: str = ""


def vary(
    luck: random.Random,
    source: str,
    written: Written,
    place: Place,
) -> tuple[str, ...]:
    """Change `written` as `source` may; returns the names of what was changed."""
    rates = RATES[source]
    if luck.random() > min(1.0, sum(rates.values())):
        return ()
    # At most two slips in one address; the first is certain by now.
    names, shares = list(rates), list(rates.values())
    chosen = luck.choices(names, shares)
    if luck.random() < sum(shares):
        chosen += luck.choices(names, shares)
    return tuple(
        name for name in dict.fromkeys(chosen) if _apply(luck, name, written, place)
    )


def _apply(luck: random.Random, name: str, written: Written, place: Place) -> bool:
    """Change one thing; False where the address has no such thing to change."""
    if name == "unit_missing":
        had, written.unit = written.unit, ""
        return bool(had)
    if name == "neighbour_suburb":
        written.locality = place.neighbour.name
        # MEASURED: a third of the wrong suburbs come with their own postcode.
        if luck.random() < 0.31:
            written.postcode = place.neighbour_postcode
    elif name == "old_suburb":
        written.locality = place.old_name
    elif name == "other_postcode":
        slip = luck.choice((1, -1, 10, 5))
        written.postcode = str(int(written.postcode or place.postcode) + slip)
    elif name == "postcode_missing":
        written.postcode = ""
    elif name == "range_or_single":
        return _range_or_single(luck, written)
    elif name == "other_street_type":
        written.kind = (written.kind + luck.choice((1, 2, 3))) % len(STREET_TYPES)
    elif name == "street_type_missing":
        written.kind = -1
    elif name == "typo":
        written.name = _mistyped(luck, written.name)
    elif name == "building_in_front":
        written.building = written.building or "Wattle House"
        return True
    elif name == "lot_number":
        if written.unit:
            return False
        written.lot_number = str(luck.randint(1, 400))
    elif name == "transposed_number":
        return _transpose(written)
    elif name == "other_parcel":
        written.parcel = str(int(written.parcel) + 5_000_000)
    elif name == "number_missing":
        written.number = ""
    return True


def _range_or_single(luck: random.Random, written: Written) -> bool:
    if "-" not in written.number:
        return False
    written.number = luck.choice(written.number.split("-"))
    return True


def _transpose(written: Written) -> bool:
    digits = written.number
    if len(digits) < 2 or not digits.isdigit() or digits[0] == digits[1]:
        return False
    swapped = digits[1] + digits[0] + digits[2:]
    if swapped.startswith("0"):
        return False
    written.number = swapped
    return True


def _mistyped(luck: random.Random, name: str) -> str:
    """One slip: a letter doubled, dropped, swapped or hit beside."""
    at = luck.randrange(1, len(name) - 1)
    slip = luck.randrange(4)
    if slip == 0:
        return name[:at] + name[at] + name[at:]
    if slip == 1:
        return name[:at] + name[at + 1 :]
    if slip == 2:
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return name[:at] + luck.choice(_LETTERS) + name[at + 1 :]
