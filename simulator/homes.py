"""Single homes: address, size and age, and what those add to a price.

Every home is a pure function of its number. Here: what a home is. Elsewhere: the
level of its locality (`geography`), the market's movement and its sales (`market`).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

from simulator.geography import Kind, Locality, unit_interval
from simulator.names import BUILDING_NAMES, street

_HOUSES_PER_STREET: Final = 40
_KIND_LEVEL: Final[dict[Kind, float]] = {
    "house": 0.0,
    "townhouse": -0.20,
    "unit": -0.42,
    "land": -0.48,
    "business": 0.12,
}


@dataclass(frozen=True, slots=True)
class Home:
    """One saleable property as it really is; sources tell only parts of it.

    `parcel` is shared by the lots of one strata block; `lot` is 0 without strata.
    Areas in m2 (0 = none), `quality` is the part of the log price no source shows.
    """

    number: int
    locality: Locality
    kind: Kind
    parcel: int
    lot: int
    unit: str
    house_number: str
    street: tuple[str, str, str]
    building: str
    bedrooms: int
    bathrooms: int
    car_spaces: int
    land_m2: float
    floor_m2: float
    year_built: int
    latitude: float
    longitude: float
    quality: float


def relative_worth(home: Home) -> float:
    """Log price of a home relative to a middling house of its locality."""
    worth = _KIND_LEVEL[home.kind] + home.quality
    if home.kind in ("land", "business"):
        return worth + _land_worth(home, 0.45)
    worth += 0.10 * (home.bedrooms - 3) + 0.07 * (home.bathrooms - 1.6)
    worth += 0.03 * (home.car_spaces - 1.5)
    worth += 0.22 * math.log(home.floor_m2 / 140.0)
    if home.kind == "house":
        worth += _land_worth(home, 0.26)
    age = max(0, 2023 - home.year_built)
    worth -= 0.0022 * min(age, 60)
    return worth + (0.10 if age > 100 else 0.0)


def _land_worth(home: Home, slope: float) -> float:
    """What the land adds; beyond 2,000 m2 a further hectare adds little."""
    land = max(home.land_m2, 60.0)
    return slope * math.log(min(land, 2_000.0) / 560.0) + 0.07 * math.log(
        max(land / 2_000.0, 1.0)
    )


def build_home(
    seed: int, locality: Locality, kind: Kind, number: int, local: int
) -> Home:
    """Home `number`, the `local`-th of its kind in the locality."""
    luck = random.Random(f"{seed}:home:{number}")
    parcel, lot, street_number, house_number = _place(locality, kind, number, local)
    bedrooms = luck.choice(_BEDROOMS[kind])
    bathrooms = max(1, min(bedrooms, round(bedrooms / 2 + luck.gauss(0.1, 0.5))))
    cars = luck.choice((1, 1, 1, 0, 2) if kind == "unit" else (2, 2, 1, 1, 3, 4, 0))
    floor = (38 + 30 * bedrooms) * math.exp(luck.gauss(0.0, 0.16))
    if kind == "house" and luck.random() < 0.04:
        house_number += "A"
    rural = locality.distance_km > 30 and kind in ("house", "land")
    if kind in ("unit", "townhouse"):
        land = 0.0 if kind == "unit" else math.exp(luck.gauss(math.log(190), 0.25))
    elif rural and luck.random() < 0.12:
        land = math.exp(luck.gauss(math.log(25_000), 0.9))
    else:
        land = math.exp(luck.gauss(math.log(560), 0.33))
    return Home(
        number=number,
        locality=locality,
        kind=kind,
        parcel=parcel,
        lot=lot,
        unit=str(lot) if lot else "",
        house_number=house_number,
        street=street(street_number, locality.street_offset),
        building=_building(seed, parcel) if kind == "unit" else "",
        bedrooms=0 if kind in ("land", "business") else bedrooms,
        bathrooms=0 if kind in ("land", "business") else bathrooms,
        car_spaces=cars,
        land_m2=round(land, 1),
        floor_m2=round(floor, 0),
        year_built=_year_built(luck, locality),
        latitude=round(locality.latitude + luck.uniform(-0.009, 0.009), 5),
        longitude=round(locality.longitude + luck.uniform(-0.009, 0.009), 5),
        quality=luck.gauss(0.0, 0.075),
    )


_BEDROOMS: Final[dict[Kind, tuple[int, ...]]] = {
    "house": (2, 3, 3, 3, 3, 4, 4, 4, 5),
    "townhouse": (2, 3, 3, 3, 4),
    "unit": (1, 1, 2, 2, 2, 2, 3),
    "land": (0,),
    "business": (0,),
}


def _place(
    locality: Locality, kind: Kind, number: int, local: int
) -> tuple[int, int, int, str]:
    """Parcel, strata lot, number of the street, house number: never the same twice.

    Houses fill streets of 40; blocks, vacant land and shops share the same streets
    with numbers above those, each kind in its own residue class of the number.
    """
    houses = dict(locality.counts)["house"]
    streets = max(1, -(-houses // _HOUSES_PER_STREET))
    if kind == "house":
        street_number, house = divmod(local, _HOUSES_PER_STREET)
        return 1_000_000 + number, 0, street_number, str(house + 1)
    per_block = {"unit": locality.block_size, "townhouse": 4}.get(kind, 1)
    block, within = divmod(local, per_block)
    lap, street_number = divmod(block, streets)
    offset = {"unit": 0, "townhouse": 1, "land": 2, "business": 3}[kind]
    house_number = str(_HOUSES_PER_STREET + 2 + 4 * lap + offset)
    lot = within + 1 if per_block > 1 else 0
    return 1_000_000 + number - within, lot, street_number, house_number


def _building(seed: int, parcel: int) -> str:
    luck = unit_interval(seed, "building", parcel)
    named = luck < 0.17
    return BUILDING_NAMES[int(luck / 0.17 * len(BUILDING_NAMES))] if named else ""


def _year_built(luck: random.Random, locality: Locality) -> int:
    """Older near the centre; no home is younger than 2019, so none is a sale early."""
    oldest = 1885 + min(80, int(locality.distance_km * 2.2))
    return int(luck.triangular(oldest, 2019, 1970 if oldest < 1960 else 1995))
