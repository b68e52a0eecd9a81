"""Addresses of the made-up market as several sources write them, with the true home.

Here: who writes down which home, and in which spelling. Elsewhere: the homes
themselves (`homes`, `geography`). The truth of every address is known, which no real
file tells, so that entity resolution can be judged; nothing else reads this.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.address_slips import Place, Written, vary
from simulator.geography import Kind, Locality, build_localities, unit_interval
from simulator.homes import Home, build_home
from simulator.names import STREET_TYPES, street

#: MEASURED: of strata rows with a unit, the share whose unit is the lot's number.
_UNIT_IS_LOT: Final = 0.69
#: Chance that a source knows a home, and that it has written it down twice.
_KNOWN: Final = {"nsw_valuer": 0.8, "csv": 0.8, "domain": 0.6, "reaxml": 0.45}
_AGAIN: Final = {"nsw_valuer": 0.35, "csv": 0.15, "domain": 0.2, "reaxml": 0.3}
#: Chance that a source gives coordinates.
_PLACED: Final = {"nsw_valuer": 0.0, "csv": 0.75, "domain": 0.9, "reaxml": 0.15}
_RANGED: Final[dict[Kind, float]] = {
    "house": 0.003,
    "townhouse": 0.03,
    "unit": 0.05,
    "land": 0.005,
    "business": 0.08,
}
_LONG: Final = {
    "ST": "Street",
    "RD": "Road",
    "AVE": "Avenue",
    "DR": "Drive",
    "CRES": "Crescent",
    "PL": "Place",
    "PDE": "Parade",
    "CL": "Close",
    "CT": "Court",
    "GR": "Grove",
    "TCE": "Terrace",
}
#: Names with a saint or a mount in them, which sources write out or shorten.
_RENAMED: Final = {
    "Victoria": ("St Albans", "Saint Albans"),
    "High": ("Mt Vernon", "Mount Vernon"),
    "Palm": ("St Georges", "Saint Georges"),
}
#: MEASURED: streets that have a namesake of another type in the same suburb.
_NAMESAKES: Final = 0.018
_DEGREE_M: Final = 111_200.0


@dataclass(frozen=True, slots=True)
class LabelledAddress:
    """One address as a source writes it; `home` is the truth, `variants` what is off.

    The official file gives parts (`unit`, `house_number`, `street`, `strata_lot`,
    `parcel`), everybody else one line of text (`address`). Coordinates in degrees.
    """

    home: int
    source: str
    address: str
    unit: str
    house_number: str
    street: str
    locality: str
    state: str
    postcode: str
    strata_lot: str
    parcel: str
    latitude: float | None
    longitude: float | None
    dwelling_type: str
    variants: tuple[str, ...]


def labelled_addresses(seed: int, homes: int) -> Iterator[LabelledAddress]:
    """Addresses of a market of `homes` homes by all its sources, home by home.

    The same seed gives the same addresses; about 1.9 of them a home.
    """
    localities = build_localities(seed, homes)
    places = _places(localities)
    number = 0
    for locality in localities:
        for kind, count in locality.counts:
            for local in range(count):
                home = build_home(seed, locality, kind, number, local)
                yield from _of_home(seed, home, local, places[locality.number])
                number += 1


def _of_home(
    seed: int, home: Home, local: int, place: Place
) -> Iterator[LabelledAddress]:
    luck = random.Random(f"{seed}:labelled:{home.number}")
    unit, number = _true_unit(seed, home), _true_number(luck, home, local)
    first = int(number.split("-")[0].rstrip("A"))
    latitude, longitude = _true_coordinates(seed, home, first)
    name, kind = _true_street(seed, home)
    official = "nsw_valuer" if home.locality.state == "NSW" else "csv"
    for source in (official, "domain", "reaxml"):
        if luck.random() >= _KNOWN[source]:
            continue
        for _ in range(1 + (luck.random() < _AGAIN[source])):
            written = Written(
                unit=unit,
                lot=str(home.lot) if home.lot else "",
                number=number,
                name=_spelled(luck, name),
                kind=kind,
                locality=home.locality.name,
                postcode=place.postcode,
                parcel=str(home.parcel),
                building=home.building,
            )
            variants = vary(luck, source, written, place)
            position = _position(luck, source, latitude, longitude, home.locality)
            yield _write(luck, source, written, home, position, variants)


def _true_street(seed: int, home: Home) -> tuple[str, int]:
    """Name and number of the type; some streets have a namesake of another type."""
    own = _type_index(home.street[1])
    first = street(0, home.locality.street_offset)
    luck = unit_interval(seed, "namesake", home.locality.number, home.street[0])
    if luck < _NAMESAKES and own != _type_index(first[1]):
        return first[0], own
    return home.street[0], own


def _spelled(luck: random.Random, name: str) -> str:
    return luck.choice(_RENAMED[name]) if name in _RENAMED else name


def _true_unit(seed: int, home: Home) -> str:
    """A scheme numbers its units as its lots, or by floors: lot 5 is unit 102."""
    if not home.lot:
        return ""
    if unit_interval(seed, "numbering", home.parcel) < _UNIT_IS_LOT:
        return str(home.lot)
    floor, door = divmod(home.lot - 1, 4)
    return f"{floor + 1}{door + 1:02d}"


def _true_number(luck: random.Random, home: Home, local: int) -> str:
    """Numbers three apart, so that a range takes no neighbour's; 12A stands by 12."""
    digits = int(home.house_number.rstrip("A"))
    if home.house_number.endswith("A") and local % 40:
        return f"{3 * (digits - 1)}A"
    first = 3 * digits
    # All lots of a parcel stand behind one number.
    chance = unit_interval("range", home.locality.number, home.parcel)
    if home.lot == 0:
        chance = luck.random()
    return f"{first}-{first + 2}" if chance < _RANGED[home.kind] else str(first)


def _true_coordinates(seed: int, home: Home, number: int) -> tuple[float, float]:
    """Along parallel streets, 45 m apart, four metres a number.

    The same number in the next street is near, as it is in real suburbs. The lots of a
    parcel share a place.
    """
    where = home.locality
    row = int(16 * unit_interval(seed, "row", where.number, *home.street[:2]))
    north, east = 45.0 * row - 360.0, 4.0 * number - 300.0
    return where.latitude + north / _DEGREE_M, where.longitude + east / 90_000.0


def _position(
    luck: random.Random,
    source: str,
    latitude: float,
    longitude: float,
    locality: Locality,
) -> tuple[float | None, float | None]:
    """Noise of some 15 m; one in 30 is the middle of the suburb."""
    if luck.random() >= _PLACED[source]:
        return None, None
    if luck.random() < 0.033:
        return round(locality.latitude, 4), round(locality.longitude, 4)
    north, east = luck.gauss(0, 15), luck.gauss(0, 15)
    return (
        round(latitude + north / _DEGREE_M, 5),
        round(longitude + east / 90_000.0, 5),
    )


def _write(
    luck: random.Random,
    source: str,
    written: Written,
    home: Home,
    position: tuple[float | None, float | None],
    variants: tuple[str, ...],
) -> LabelledAddress:
    psi = source == "nsw_valuer"
    kind = _type_text(luck, source, written.kind)
    way = f"{written.name} {kind}".strip()
    return LabelledAddress(
        home=home.number,
        source=source,
        address="" if psi else _line(luck, source, written, way, variants),
        unit=written.unit if psi else "",
        house_number=written.number.replace("-", " - ") if psi else "",
        street=way.upper() if psi else "",
        locality=written.locality.upper() if psi else written.locality,
        state=home.locality.state,
        postcode=written.postcode,
        strata_lot=written.lot if psi else "",
        parcel=written.parcel if psi else "",
        latitude=position[0],
        longitude=position[1],
        dwelling_type="" if psi else _dwelling(luck, home),
        variants=variants,
    )


def _type_text(luck: random.Random, source: str, kind: int) -> str:
    if kind < 0:
        return ""
    official, short = STREET_TYPES[kind]
    if source == "nsw_valuer":
        return official
    return short if source == "csv" else luck.choice((short, _LONG[official]))


def _line(
    luck: random.Random,
    source: str,
    written: Written,
    street: str,
    variants: Sequence[str],
) -> str:
    number = f"Lot {written.lot_number}" if written.lot_number else written.number
    if not written.unit:
        text = f"{number} {street}"
    elif source == "csv":
        text = f"{written.unit}/{number} {street}"
    else:
        styles = [
            f"{written.unit}/{number} {street}",
            f"{written.unit}/{number} {street}",
            f"Unit {written.unit}, {number} {street}",
            f"U{written.unit}/{number} {street.upper()}",
            f"{number} {street} Unit {written.unit}",
        ]
        text = luck.choice(styles)
    if "building_in_front" in variants:
        text = f"{written.building.title()}, {text}"
    return text


def _dwelling(luck: random.Random, home: Home) -> str:
    kind = {"business": "other"}.get(home.kind, home.kind)
    if home.kind in ("unit", "townhouse") and luck.random() < 0.08:
        return "townhouse" if kind == "unit" else "unit"
    return kind


def _type_index(official: str) -> int:
    return next(i for i, pair in enumerate(STREET_TYPES) if pair[0] == official)


def _places(localities: Sequence[Locality]) -> dict[int, Place]:
    """Postcodes for two or three neighbours each, as they lie side by side."""
    places: dict[int, Place] = {}
    for state in ("NSW", "VIC"):
        own = [locality for locality in localities if locality.state == state]
        own.sort(key=lambda place: (round(place.latitude * 12), place.longitude))
        first = 2005 if state == "NSW" else 3005
        codes = [str(first + at * 2 // 5 % 990) for at in range(len(own))]
        for at, locality in enumerate(own):
            beside = at + 1 if at + 1 < len(own) else at - 1
            places[locality.number] = Place(
                codes[at], own[beside], codes[beside], locality.name[::-1].title()
            )
    return places
