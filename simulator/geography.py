"""Where the made-up market lies: localities, their level of prices and their mix.

Here: the table of localities, one small frozen record each, sized by the number of
homes. Elsewhere: single homes and their sales (`market`).
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, replace
from typing import Final, Literal

from simulator.names import locality_names

State = Literal["NSW", "VIC"]
Kind = Literal["house", "townhouse", "unit", "land", "business"]

NSW_SHARE: Final = 0.58
"""Share of homes in the NSW part, which only PSI files tell of; the rest is VIC."""

HOMES_PER_LOCALITY: Final = 150

_LOCALITIES_PER_COUNCIL: Final = 4

_DISTRICT_CODES: Final = tuple(f"{code:03d}" for code in range(1, 1000) if code % 7)


@dataclass(frozen=True, slots=True)
class Locality:
    """One suburb or town. Homes are numbered through: `start` is its first home.

    `level` is the log of the price in AUD of a middling house in January 2015;
    `counts` the number of homes of each kind, in the order they are numbered.
    """

    number: int
    name: str
    state: State
    postcode: str
    district: str
    council: str
    region: str
    distance_km: float
    latitude: float
    longitude: float
    level: float
    start: int
    counts: tuple[tuple[Kind, int], ...]
    block_size: int
    street_offset: int

    @property
    def size(self) -> int:
        """Number of homes."""
        return sum(count for _, count in self.counts)


@dataclass(frozen=True, slots=True)
class _Part:
    """What differs between the two states' parts of the market."""

    state: State
    first_postcode: int
    postcodes: int
    latitude: float
    longitude: float
    level: float
    kinds: tuple[tuple[Kind, float, float], ...]  # kind, share far out, share central


_PARTS: Final = (
    _Part(
        "NSW",
        2005,
        590,
        -32.62,
        150.58,
        math.log(820_000),
        (
            ("unit", 0.21, 0.68),
            ("townhouse", 0.06, 0.10),
            ("land", 0.10, 0.01),
            ("business", 0.06, 0.04),
        ),
    ),
    _Part(
        "VIC",
        3005,
        980,
        -36.94,
        144.52,
        math.log(760_000),
        (("unit", 0.12, 0.42), ("townhouse", 0.07, 0.14)),
    ),
)


def unit_interval(*key: object) -> float:
    """A repeatable number in [0, 1) for a key; independent of process and platform."""
    text = "\x1f".join(map(str, key)).encode()
    digest = hashlib.blake2b(text, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def build_localities(seed: int, homes: int) -> list[Locality]:
    """The localities of a market of `homes` homes, NSW first, numbered through.

    Raises ValueError for fewer than 100 homes, which make no market.
    """
    if homes < 100:
        raise ValueError(f"a market needs at least 100 homes, {homes} asked for")
    in_nsw = round(homes * NSW_SHARE)
    numbers = {"NSW": in_nsw, "VIC": homes - in_nsw}
    counts = {
        state: max(4, min(1900, count // HOMES_PER_LOCALITY))
        for state, count in numbers.items()
    }
    names = locality_names(seed, sum(counts.values()))
    localities: list[Locality] = []
    start = 0
    for part in _PARTS:
        sizes = _sizes(seed, part.state, numbers[part.state], counts[part.state])
        councils = names[len(localities) :: _LOCALITIES_PER_COUNCIL]
        for position, size in enumerate(sizes):
            name = names[len(localities)]
            council = councils[position // _LOCALITIES_PER_COUNCIL]
            number = len(localities)
            localities.append(
                replace(
                    _locality(seed, part, number, start, size, position, len(sizes)),
                    name=name,
                    council=f"{council} City Council",
                )
            )
            start += size
    return localities


def _sizes(seed: int, state: str, homes: int, count: int) -> list[int]:
    """Homes per locality: uneven, at least 5 each, adding up exactly."""
    chooser = random.Random(f"{seed}:sizes:{state}")
    weights = [math.exp(chooser.gauss(0.0, 0.45)) for _ in range(count)]
    spare = homes - 5 * count
    total = sum(weights)
    sizes = [5 + int(spare * weight / total) for weight in weights]
    sizes[0] += homes - sum(sizes)
    return sizes


def _locality(
    seed: int,
    part: _Part,
    number: int,
    start: int,
    size: int,
    position: int,
    of: int,
) -> Locality:
    chooser = random.Random(f"{seed}:locality:{part.state}:{position}")
    # Rank decides distance, so that every size of market has inner and outer places.
    distance = 1.5 + 46.0 * ((position + chooser.random()) / of) ** 1.4
    bearing = chooser.uniform(0.0, 2 * math.pi)
    north, east = distance * math.cos(bearing), distance * math.sin(bearing)
    centrality = math.exp(-distance / 14.0)
    shares = [
        (kind, (far + (near - far) * centrality) * chooser.uniform(0.75, 1.25))
        for kind, far, near in part.kinds
    ]
    counts: list[tuple[Kind, int]] = [(kind, int(size * s)) for kind, s in shares]
    houses = size - sum(count for _, count in counts)
    counts.insert(0, ("house", houses))
    quarter = int(bearing / (math.pi / 2)) % 4
    inner = "Metropolitan" if distance < 30 else "Country"
    region = f"{('Northern', 'Eastern', 'Southern', 'Western')[quarter]} {inner}"
    district_number = position * _district_count(of) // of
    return Locality(
        number=number,
        name="",
        state=part.state,
        postcode=str(part.first_postcode + (position * 3) % part.postcodes),
        district=_DISTRICT_CODES[district_number * 6 % len(_DISTRICT_CODES)],
        council="",
        region=region,
        distance_km=round(distance, 1),
        latitude=part.latitude + north / 111.2,
        longitude=part.longitude
        + east / (111.2 * math.cos(math.radians(part.latitude))),
        level=part.level + 0.75 * centrality - 0.25 + chooser.gauss(0.0, 0.48),
        start=start,
        counts=tuple(counts),
        block_size=chooser.randint(8, 30),
        street_offset=chooser.randrange(60),
    )


def _district_count(localities: int) -> int:
    """Districts of the NSW part: a few localities each, about 125 at full size."""
    return max(2, min(125, round(localities / 3)))
