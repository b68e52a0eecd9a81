"""Invented names of localities, streets, buildings and agents.

Only word lists and how they combine; where things lie is in `geography`. The
locality names are checked in the tests against the public postcode list, so that
no made-up sale can be mistaken for one in a real suburb.
"""

from __future__ import annotations

import random
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_STEMS: Final = _words(
    "Aldren Ambrow Barlen Bexen Brindle Cassow Cobbin Corven Dalwen Dunmar "
    "Eastrel Elvin Farrin Fenlow Gallen Garrow Halven Harrin Hexen Inver Jasmer "
    "Kelbrin Kestrow Larken Linmar Lorren Marwen Merrin Nethen Norrel Orlen Osmer "
    "Penrel Pellow Quarren Redmar Rowen Sallow Selwen Stanrel Tarwen Thornel "
    "Ulver Verren Wenlow Wickrel Wyndel Yarrel"
)
_ENDINGS: Final = _words(
    "bury combe croft dale field gate holm hurst lea mead mere shaw stead wick"
)
_SECOND_WORDS: Final = ("", " Heights", " Park", " North", " South", " Vale")

STREET_NAMES: Final = _words(
    "Acacia Albert Alder Argyle Banksia Bellbird Bishop Boronia Bridge Cedar "
    "Chapel Charles Church Clarence Coral Cypress Darley Edward Elgin Fern "
    "Fletcher Garden George Grevillea Hakea Harbour Heath High Jarrah Jubilee "
    "Kestrel King Lagoon Laurel Lilac Magpie Maple Marine Mill Myrtle Nelson Oak "
    "Orchard Palm Park Perth Pine Quarry Queen Railway Reserve River Rose School "
    "Station Victoria View Waratah Wattle William"
)

STREET_TYPES: Final = (
    ("ST", "St"),
    ("RD", "Rd"),
    ("AVE", "Av"),
    ("DR", "Dr"),
    ("CRES", "Cr"),
    ("PL", "Pl"),
    ("PDE", "Pde"),
    ("CL", "Cl"),
    ("CT", "Ct"),
    ("GR", "Gr"),
    ("TCE", "Tce"),
)
"""Street types in the spelling of the NSW files and of the Melbourne files."""

BUILDING_NAMES: Final = (
    "THE TERRACES",
    "BLOCK A",
    "BLOCK B",
    "HARBOUR VIEW",
    "PARKSIDE",
    "THE FOUNDRY",
    "BANKSIA COURT",
    "TOWER 1",
    "TOWER 2",
)

AGENTS: Final = _words(
    "Ashgrove Bellweather Carrick Dunmore Estuary Fairlight Gumleaf Hallam&Co "
    "Ironbark Jetty Kingfisher Landmark"
)


_COMMON_TYPES: Final = (0, 1, 0, 2, 0, 3, 1, 4, 0, 5, 2, 6, 0, 1, 7, 8)


def locality_names(seed: int, count: int) -> list[str]:
    """`count` different locality names in a seeded order, `Brindlemead North` style.

    Raises ValueError past about 4,000, the number of combinations.
    """
    single = [stem + ending for stem in _STEMS for ending in _ENDINGS]
    chooser = random.Random(f"{seed}:localities")
    names: list[str] = []
    for second in _SECOND_WORDS:
        chooser.shuffle(single)
        names.extend(name + second for name in single)
        if len(names) >= count:
            return names[:count]
    raise ValueError(f"only {len(names)} locality names exist, {count} asked for")


def street(number: int, offset: int) -> tuple[str, str, str]:
    """Name and the two spellings of the type of a locality's street `number`.

    Different numbers give different streets up to 600 of them.
    """
    lap, position = divmod(number, len(STREET_NAMES))
    name = STREET_NAMES[(position * 7 + offset) % len(STREET_NAMES)]
    # On the first lap ST and RD are common, as everywhere; on later laps the name is
    # used again with each of the other types once.
    first = _COMMON_TYPES[(position + offset) % len(_COMMON_TYPES)]
    kind = (first + lap) % len(STREET_TYPES)
    psi, melbourne = STREET_TYPES[kind]
    return name, psi, melbourne
