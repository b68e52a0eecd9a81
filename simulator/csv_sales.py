"""The VIC part of the made-up market as a sales CSV in the Melbourne layout.

21 columns, CRLF, dates as d/MM/yyyy, the two coordinates misspelt as in the original;
rows in order of publication, so that a file of more weeks begins with the same rows.
Auction attempts that failed (PI, VB) stand before the sale that came of them.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Iterator
from datetime import date
from typing import IO, Final

from simulator.geography import unit_interval
from simulator.homes import Home
from simulator.market import Market, Sale
from simulator.names import AGENTS

_HEADER: Final = (
    "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Distance,Postcode,Bedroom2,"
    "Bathroom,Car,Landsize,BuildingArea,YearBuilt,CouncilArea,Lattitude,Longtitude,"
    "Regionname,Propertycount"
)
COLUMNS: Final = tuple(_HEADER.split(","))

_METHODS: Final = (
    ("S", 0.765, 0.87),
    ("SP", 0.140, 0.69),
    ("SA", 0.012, 0.85),
    ("SN", 0.040, 0.0),
    ("PN", 0.009, 0.0),
    ("SS", 0.002, 0.0),
    ("PI", 0.015, 0.72),
    ("VB", 0.012, 0.93),
    ("W", 0.005, 0.0),
)
"""How a week's attempts end: method, share, share of those with a price."""

_FAILED_FIRST: Final = 0.17
_TYPES: Final = {"house": "h", "townhouse": "t", "unit": "u"}


def rows(market: Market) -> Iterator[list[str]]:
    """Every row of the CSV, without the header, in order of publication."""
    for week in range(market.size.weeks):
        for sale in market.sales(week, "VIC"):
            yield _row(market, sale)
        yield from _failed_attempts(market, week)


def write_csv(market: Market, target: IO[bytes], *, compress: bool = False) -> int:
    """Write header and rows to `target`, gzip on request; returns the number of rows.

    The bytes depend on the market alone: the gzip header carries neither time nor name.
    """
    if compress:
        with gzip.GzipFile("", "wb", 6, target, mtime=0) as packed:
            return _write_plain(market, packed)
    return _write_plain(market, target)


def _write_plain(market: Market, target: IO[bytes] | gzip.GzipFile) -> int:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows(market):
        writer.writerow(row)
        count += 1
    text.detach()
    return count


def _failed_attempts(market: Market, week: int) -> Iterator[list[str]]:
    """Attempts of this week at homes that sell two to six weeks later."""
    for later in range(week + 2, week + 7):
        for slot in market.slots(later, "VIC"):
            luck = unit_interval(market.size.seed, "failed", slot.due_week, slot.home)
            if luck >= _FAILED_FIRST:
                continue
            if 2 + int(luck / _FAILED_FIRST * 5) == later - week:
                yield _row(market, market.sale(slot, later), failed_week=week)


def _row(market: Market, sale: Sale, failed_week: int | None = None) -> list[str]:
    home, day = sale.home, sale.contract_date
    key = f"{market.size.seed}:csv:{sale.slot.due_week}:{home.number}:{failed_week}"
    luck = random.Random(key)
    price = sale.price_aud
    if failed_week is None:
        method, has_price = _method(luck)
    else:
        method = luck.choice(("PI", "PI", "VB"))
        has_price = luck.random() < 0.82
        day = market.sale(sale.slot, failed_week).contract_date
    if method in ("PI", "VB"):
        # Bids stop short of what the seller wants, or the home would have sold.
        price = round(price * luck.uniform(0.82, 0.97) / 1_000) * 1_000
    locality = home.locality
    number = f"{home.unit}/{home.house_number}" if home.unit else home.house_number
    return [
        locality.name,
        f"{number.lower()} {home.street[0]} {home.street[2]}",
        str(home.bedrooms),
        _TYPES[home.kind],
        str(price) if has_price else "",
        method,
        luck.choice(AGENTS),
        _date(day),
        f"{locality.distance_km:g}",
        locality.postcode,
        *_attributes(home, luck),
        locality.council,
        *_coordinates(home, luck),
        locality.region,
        str(4_000 + locality.size * 9),
    ]


def _method(luck: random.Random) -> tuple[str, bool]:
    chance, priced = luck.random(), luck.random()
    for method, share, with_price in _METHODS:
        if chance < share:
            return method, priced < with_price
        chance -= share
    return "S", True


def _attributes(home: Home, luck: random.Random) -> list[str]:
    """Bedroom2, Bathroom, Car, Landsize, BuildingArea, YearBuilt, often unknown."""
    if luck.random() < 0.21:
        return [""] * 6
    bedrooms = home.bedrooms
    if luck.random() < 0.06:
        bedrooms = max(0, bedrooms + luck.choice((-1, 1)))
    land = "0" if luck.random() < 0.05 or not home.land_m2 else f"{home.land_m2:.0f}"
    floor = "" if luck.random() < 0.45 else f"{home.floor_m2:.0f}"
    year = "" if luck.random() < 0.38 else str(home.year_built)
    if year and luck.random() < 0.0002:
        year = luck.choice(("1196", "2106"))
    bathrooms = 0 if luck.random() < 0.003 else home.bathrooms
    return [str(bedrooms), str(bathrooms), str(home.car_spaces), land, floor, year]


def _coordinates(home: Home, luck: random.Random) -> list[str]:
    if luck.random() < 0.2:
        return ["", ""]
    return [f"{home.latitude:.5f}", f"{home.longitude:.5f}"]


def _date(day: date) -> str:
    """d/MM/yyyy, the day not padded: `3/09/2016`."""
    return f"{day.day}/{day:%m/%Y}"
