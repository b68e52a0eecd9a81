"""The made-up market's small tables: SEIFA, cash rate, price index and medians.

What `reference` is for the large sets: the publishers' layouts, the same bytes for the
same market, SIMULATED where the format has free text.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from statistics import quantiles
from typing import IO, Final

from simulator.geography import Locality, unit_interval
from simulator.homes import Home
from simulator.market import Market

_HOMES_PER_MEDIAN: Final = 60


def homes_of(market: Market, locality: Locality) -> Iterator[Home]:
    """The homes of a locality, one by one."""
    numbers = range(locality.start, locality.start + locality.size)
    return map(market.home, numbers)


def write_rows(target: IO[bytes], rows: Iterator[list[object]]) -> None:
    """Write rows as CSV; `target` stays open."""
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    text.detach()


# Areas, rates and indexes -------------------------------------------------------------


def seifa(market: Market, target: IO[bytes]) -> None:
    """Scores by postal area, ABS names of columns."""
    write_rows(target, _seifa_rows(market))


def _seifa_rows(market: Market) -> Iterator[list[object]]:
    header: list[object] = ["POA_CODE_2021"]
    for index in ("IRSD", "IRSAD", "IER", "IEO"):
        header += [f"{index}_score", f"{index}_decile"]
    yield [*header, "usual_resident_population"]
    by_postcode: dict[str, Locality] = {}
    for place in market.localities:
        by_postcode.setdefault(place.postcode, place)
    levels = sorted(place.level for place in by_postcode.values())
    for postcode, place in sorted(by_postcode.items()):
        rank = levels.index(place.level) / len(levels)
        row: list[object] = [postcode]
        for column in range(4):
            noise = unit_interval(market.size.seed, "seifa", postcode, column) - 0.5
            share = min(0.999, max(0.0, rank + 0.15 * noise))
            row += [round(850 + 280 * share), int(share * 10) + 1]
        yield [*row, place.size * 3]


def _target_rate(day: date) -> float:
    """A made-up target: slow waves between 1 and 6 per cent in quarter points."""
    months = (day.year - 2000) * 12 + day.month
    return round((3.5 + 2.4 * math.sin(months / 19)) * 4) / 4


def cash_rate(market: Market, last: date, target: IO[bytes]) -> None:
    """Table F1 from two years before the market begins."""
    write_rows(target, _cash_rows(market, last))


def _cash_rows(market: Market, last: date) -> Iterator[list[object]]:
    published = f"{last:%d-%b-%Y}"
    series = ("Cash Rate Target", "Change in the Cash Rate Target")
    yield ["\ufeffF1 INTEREST RATES AND YIELDS - MONEY MARKET (SIMULATED)", "", ""]
    yield ["Title", *series]
    yield ["Description", *(f"{name} on date" for name in series)]
    yield ["Frequency", "Daily", "as announced"]
    yield ["Type", "Original", "Original"]
    yield ["Units", "Per cent", "Per cent"]
    yield ["", "", ""]
    yield ["Source", "RBA", "RBA"]
    yield ["Publication date", published, published]
    yield ["Series ID", "FIRMMCRTD", "FIRMMCCRT"]
    day = market.size.first_week - timedelta(days=730)
    before = _target_rate(day)
    while day <= last:
        if day.weekday() < 5:
            rate = _target_rate(day)
            change = f"{rate - before:.2f}" if rate != before else ""
            yield [f"{day:%d-%b-%Y}", f"{rate:.2f}", change]
            before = rate
        day += timedelta(days=1)


def price_index(market: Market, last: date, target: IO[bytes]) -> None:
    """An index of two cities, a sample home each, in the ABS layout."""
    write_rows(target, _index_rows(market, last))


def _index_rows(market: Market, last: date) -> Iterator[list[object]]:
    homes = {
        state: market.home(
            next(place.start for place in market.localities if place.state == state)
        )
        for state in ("NSW", "VIC")
    }
    cities = {"NSW": "Sydney", "VIC": "Melbourne"}
    end = date(last.year - 1, 12, 1)
    quarters = [
        date(year, month, 1)
        for year in range(last.year - 6, last.year)
        for month in (3, 6, 9, 12)
    ]
    measure = "Residential Property Price Index (SIMULATED)"
    yield ["\ufeff", *(f"{measure} ;  {city} ;" for city in cities.values())]
    for label, value in (
        ("Unit", "Index Numbers"),
        ("Series Type", "Original"),
        ("Data Type", "INDEX"),
        ("Frequency", "Quarter"),
        ("Collection Month", "3"),
        ("Series Start", f"{quarters[0]:%b-%Y}"),
        ("Series End", f"{end:%b-%Y}"),
        ("No. Obs", str(len(quarters))),
    ):
        yield [label, value, value]
    yield ["Series ID", "A90000001X", "A90000002X"]
    base = {state: market.price(home, quarters[0]) for state, home in homes.items()}
    for day in quarters:
        levels = (market.price(home, day) / base[s] * 100 for s, home in homes.items())
        yield [f"{day:%b-%Y}", *(f"{level:.1f}" for level in levels)]


# Medians ------------------------------------------------------------------------------


def _worths(market: Market, place: Locality, year: int) -> list[float]:
    """What a sample of a locality's homes is worth in the middle of a year."""
    homes = islice(homes_of(market, place), _HOMES_PER_MEDIAN)
    day = date(year, 7, 1)
    return [round(market.price(home, day), -3) for home in homes]


def vic_medians(market: Market, last: date, target: IO[bytes]) -> None:
    """Medians by suburb and year, the last year preliminary."""
    write_rows(target, _vic_rows(market, last))


def _vic_rows(market: Market, last: date) -> Iterator[list[object]]:
    years = range(last.year - 3, last.year)
    header: list[object] = ["locality", *(f"median_{year}" for year in years)]
    yield [*header, f"median_{last.year}_prelim"]
    for place in market.localities:
        if place.state != "VIC":
            continue
        row: list[object] = [place.name.upper()]
        for year in (*years, last.year):
            luck = unit_interval(market.size.seed, "median", place.number, year)
            worths = _worths(market, place, year)
            row.append(
                "-" if luck < 0.03 else f"{sorted(worths)[len(worths) // 2]:.0f}"
            )
        yield row


def nsw_medians(market: Market, last: date, target: IO[bytes]) -> None:
    """Quantiles by suburb and year, gzipped."""
    with gzip.GzipFile("", "wb", 6, target, mtime=0) as packed:
        buffered = io.BufferedWriter(packed)  # type: ignore[arg-type]
        write_rows(buffered, _nsw_rows(market, last))
        buffered.flush()
        buffered.detach()


def _nsw_rows(market: Market, last: date) -> Iterator[list[object]]:
    yield ["year", "suburb", "0p", "25p", "50p", "75p", "100p", "count"]
    for year in range(last.year - 3, last.year):
        for place in market.localities:
            if place.state == "NSW":
                worths = _worths(market, place, year)
                middle = quantiles(worths, n=4, method="inclusive")
                shown = [min(worths), *middle, max(worths)]
                yield [year, place.name.upper(), *map(float, shown), len(worths)]
