"""The made-up market's reference sets, in their publishers' formats.

Localities, G-NAF Core, NSW land values and the small tables of `reference_tables`:
streamed home by home, the same bytes for the same market. Names and places are those of
the market, so that every set joins with its sales; where a format has free text it says
SIMULATED. What a home is, is `homes`; what it is worth, `market`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import IO, Final

from simulator.geography import Locality, unit_interval
from simulator.homes import Home
from simulator.market import Market
from simulator.reference_tables import (
    cash_rate,
    homes_of,
    nsw_medians,
    price_index,
    seifa,
    vic_medians,
    write_rows,
)

#: One stamp for all members, so that a ZIP's bytes depend on the market alone.
_STAMP: Final = (2025, 1, 1, 0, 0, 0)
_LOCALITY_HEADER: Final = (
    "ID,Postcode,Locality,State,Long,Lat,DC,Type,Status,SA1 CODE 2021,SA1 NAME 2021,"
    "SA2 CODE 2021,SA2 NAME 2021,SA3 CODE 2021,SA3 NAME 2021,SA4 CODE 2021,"
    "SA4 NAME 2021,RA 2021 Name,MMM 2019,LGA Region,LGA Code"
)
_GNAF_HEADER: Final = (
    "ADDRESS_DETAIL_PID|DATE_CREATED|ADDRESS_LABEL|ADDRESS_SITE_NAME|BUILDING_NAME|"
    "FLAT_TYPE|FLAT_NUMBER|LEVEL_TYPE|LEVEL_NUMBER|NUMBER_FIRST|NUMBER_LAST|LOT_NUMBER|"
    "STREET_NAME|STREET_TYPE|STREET_SUFFIX|LOCALITY_NAME|STATE|POSTCODE|"
    "LEGAL_PARCEL_ID|MB_CODE|ALIAS_PRINCIPAL|PRINCIPAL_PID|PRIMARY_SECONDARY|"
    "PRIMARY_PID|GEOCODE_TYPE|LONGITUDE|LATITUDE"
)
_LAND_HEADER: Final = (
    "DISTRICT CODE,DISTRICT NAME,PROPERTY ID,PROPERTY TYPE,PROPERTY NAME,UNIT NUMBER,"
    "HOUSE NUMBER,STREET NAME,SUBURB NAME,POSTCODE,PROPERTY DESCRIPTION,ZONE CODE,AREA,"
    "AREA TYPE,"
)
_BASE_DATES: Final = 5
_ALIAS_SHARE: Final = 0.02


def write_reference(market: Market, folder: Path) -> dict[str, Path]:
    """Write every set below `folder`; returns the path of each by dataset name."""
    last = market.monday(market.size.weeks - 1)
    writers: dict[str, tuple[str, Callable[[IO[bytes]], None]]] = {
        "localities": ("australian_postcodes.csv", partial(_localities, market, last)),
        "gnaf": (_gnaf_name(last), partial(_gnaf_zip, market, last)),
        "nsw_land_values": (
            f"LV_{last:%Y%m}01.zip",
            partial(_land_values, market, last),
        ),
        "seifa": ("seifa_2021_poa.csv", partial(seifa, market)),
        "cash_rate": ("f1-data.csv", partial(cash_rate, market, last)),
        "price_index": ("rppi.csv", partial(price_index, market, last)),
        "vic_suburb_medians": (
            f"houses_by_suburb_{last.year - 3}_{last.year - 1}.csv",
            partial(vic_medians, market, last),
        ),
        "nsw_suburb_medians": (
            "nsw_residential_suburb.csv.gz",
            partial(nsw_medians, market, last),
        ),
    }
    paths: dict[str, Path] = {}
    for dataset, (name, write) in writers.items():
        path = paths[dataset] = folder / dataset / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            write(target)
    return paths


# Localities ---------------------------------------------------------------------------


def _localities(market: Market, last: date, target: IO[bytes]) -> None:
    write_rows(target, _locality_rows(market, last))


def _locality_rows(market: Market, last: date) -> Iterator[list[object]]:
    yield [*_LOCALITY_HEADER.split(",")]
    stamp = f"Updated {last.day}-{last:%b-%Y} SIMULATED"
    for place in market.localities:
        sa2 = _sa2(place)
        codes = (f"{sa2}01", place.name, sa2, place.name, sa2[:5], place.region)
        yield [
            place.number + 1,
            place.postcode,
            place.name.upper(),
            place.state,
            f"{place.longitude:.6f}",
            f"{place.latitude:.6f}",
            "",
            "Delivery Area",
            stamp,
            *codes,
            sa2[:3],
            place.region,
            "Major Cities of Australia",
            "1" if place.distance_km < 30 else "2",
            place.council,
            _lga(place),
        ]
        if place.number % 11 == 0:
            # A post office box of the same name: no place, and without coordinates.
            box: list[object] = [100_000 + place.number, place.postcode]
            box += [place.name.upper(), place.state, 0, 0, "", "Post Office Boxes"]
            yield [*box, stamp, *[""] * 12]


def _sa2(place: Locality) -> str:
    """A code of nine digits that begins with the state's."""
    return f"{'1' if place.state == 'NSW' else '2'}99{place.number:06d}"


def _lga(place: Locality) -> str:
    return f"{'1' if place.state == 'NSW' else '2'}{9000 + place.number // 4 % 1000}"


# Addresses ----------------------------------------------------------------------------


def _gnaf_name(last: date) -> str:
    month = (last.month - 2) // 3 * 3 + 2 if last.month >= 2 else 2
    return f"g-naf_core_{date(last.year, month, 1):%b%y}_gda2020_psv.zip".lower()


def _gnaf_zip(market: Market, last: date, target: IO[bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        info = zipfile.ZipInfo("G-NAF Core/GNAF_CORE.psv", _STAMP)
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as member:
            for line in gnaf_lines(market, last):
                member.write(line.encode())


def gnaf_lines(market: Market, last: date) -> Iterator[str]:
    """Lines of `GNAF_CORE.psv`: one a home, some with an alias beside the principal."""
    yield f"\ufeff{_GNAF_HEADER}\r\n"
    created = f"{last.replace(day=1):%Y-%m-%d}"
    for place in market.localities:
        for home in homes_of(market, place):
            principal = _pid(home)
            yield _gnaf_line(home, created, principal, "")
            if unit_interval(market.size.seed, "alias", home.number) < _ALIAS_SHARE:
                yield _gnaf_line(home, created, f"{principal}A", principal)


def _pid(home: Home) -> str:
    return f"GA{home.locality.state}{800_000_000 + home.number}"


def _gnaf_line(home: Home, created: str, pid: str, principal: str) -> str:
    place = home.locality
    name, _, kind = home.street
    number = home.house_number
    first = number if not principal else f"{number}A"
    flat = f"UNIT {home.unit}, " if home.unit else ""
    suburb = f"{place.name.upper()} {place.state} {place.postcode}"
    label = f"{flat}{first} {name} {kind}, {suburb}".upper()
    plan = f"SP{home.parcel}" if home.lot else f"DP{home.parcel}"
    parcel = f"{home.lot}//{plan}" if home.lot else f"1//{plan}"
    cells = (
        pid,
        created,
        label,
        "",
        home.building.upper(),
        "UNIT" if home.unit else "",
        home.unit,
        "",
        "",
        first,
        "",
        "",
        name.upper(),
        kind.upper(),
        "",
        place.name.upper(),
        place.state,
        place.postcode,
        parcel,
        f"{_sa2(place)}{home.number % 90 + 10:02d}",
        "A" if principal else "P",
        principal,
        "S" if home.lot else "",
        "",
        "PROPERTY CENTROID",
        f"{home.longitude:.5f}",
        f"{home.latitude:.5f}",
    )
    return "|".join(cells) + "\r\n"


# Land values --------------------------------------------------------------------------


def _land_values(market: Market, last: date, target: IO[bytes]) -> None:
    stamp = f"{last:%Y%m}01"
    nsw = [place for place in market.localities if place.state == "NSW"]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for district, places in groupby(nsw, key=lambda place: place.district):
            name = f"{district}_LAND_VALUE_DATA_{stamp}.csv"
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as member:
                member.write(_land_header().encode())
                for place in places:
                    for home in homes_of(market, place):
                        if home.lot <= 1:
                            member.write(_land_line(market, home, last).encode())


def _land_header() -> str:
    groups = (
        f"BASE DATE {n},LAND VALUE {n},AUTHORITY {n},BASIS {n},"
        for n in range(1, _BASE_DATES + 1)
    )
    return _LAND_HEADER + "".join(groups) + "\r\n"


def _land_line(market: Market, home: Home, last: date) -> str:
    place = home.locality
    name, kind, _ = home.street
    lots = "1, 2, CP" if home.lot else "1"
    plan = f"{'SP' if home.lot else ''}{home.parcel}"
    area = home.land_m2 or 850.0
    first = (
        f"{place.district},{place.council.upper()},{home.parcel},"
        f'{"UNDERSP" if home.lot else "NORMAL"},"{home.building.upper()}",,'
        f'{home.house_number},"{name.upper()} {kind}","{place.name.upper()}",'
        f'{place.postcode},"{lots}/{plan}",'
        f"{'R3' if home.lot else 'R2'},{area:g},M,"
    )
    cells = [first]
    for back in range(_BASE_DATES):
        day = date(last.year - 1 - back, 7, 1)
        value = round(market.price(home, day) * 0.55, -3)
        cells.append(f"{day:%d/%m/%Y},{value:.0f},14A(1),6A(1),")
    return "".join(cells) + "\r\n"
