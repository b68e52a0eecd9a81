"""A country from raw to marts: whole build, growth, memory, and one more day's rows.

Made-up sales (`national_rows`) go through the nightly's own stages (`national_build`)
on a server of their own. Every day 100,000 sales, held against a share of the limit;
`national-full` takes 1 and 10 million (`BENCH_NATIONAL_SALES`, numbers separated by
commas) and answers for the limits: 20 minutes and 6 GB at 10 million, growth of at most
1.15 times linear, a day of 5,000 rows in 3 % of the whole build (the middle of three in
a row, vacuumed between). Memory is that of PostgreSQL, dbt and Python together, shared
pages once. Making the rows is not counted.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import psycopg

from benchmarks.national_build import Build, build, own_server, parse_project
from benchmarks.national_plan import Size
from benchmarks.national_rows import load_country, load_week
from benchmarks.report import Figure

EVERYDAY = (100_000,)
FULL = (1_000_000, 10_000_000)
DELTA_ROWS = 5_000
#: Days built after the whole, each on those before; the middle one is told.
DAYS = 3
LIMIT_SALES = 10_000_000
LIMIT_SECONDS = 1_200.0
LIMIT_MIB = 6_144.0
LIMIT_GROWTH = 1.15
LIMIT_DELTA_PCT = 3.0
_SLOWEST = 12

T = TypeVar("T")


@dataclass(frozen=True)
class Country:
    """What one size took: the whole build, and those of days after it."""

    sales: int
    rows: int
    whole: Build
    days: tuple[Build, ...]

    @property
    def day(self) -> Build:
        """The day in the middle of them by wall."""
        return sorted(self.days, key=lambda day: day.wall)[len(self.days) // 2]

    @property
    def day_pct(self) -> float:
        """Wall of the day's build, percent of the whole build's."""
        return 100 * self.day.wall / self.whole.wall


def measure() -> list[Figure]:
    """The everyday size."""
    return figures([measured(sales) for sales in EVERYDAY])


def measure_full() -> list[Figure]:
    """The sizes the limits are about, or those the environment names."""
    asked = os.environ.get("BENCH_NATIONAL_SALES", "")
    sizes = [int(words) for words in asked.split(",") if words] or FULL
    return figures([measured(sales) for sales in sizes])


def measured(sales: int) -> Country:
    """Build a country of `sales` sales from nothing, then a day's rows onto it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        own_server(Path(folder)) as database,
    ):
        size = Size.of(sales)
        rows = _elsewhere(_load_country, database.url, size)
        parse_project(database)
        whole = _elsewhere(build, database)
        days: list[Build] = []
        for number in range(1, DAYS + 1):
            _let_a_day_pass(database.url)
            _elsewhere(_load_day, database.url, size, number)
            # What no share of a day is made of, once.
            days.append(_elsewhere(build, database, number == 1))
        return Country(sales, rows, whole, tuple(days))


def _elsewhere(work: Callable[..., T], *arguments: object) -> T:
    """Work in a fresh process: none profits from, or pays memory for, another's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _load_country(url: str, size: Size) -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        return load_country(conn, size)


def _load_day(url: str, size: Size, number: int) -> int:
    with psycopg.connect(url, autocommit=True) as conn:
        return load_week(conn, size, rows=DELTA_ROWS, number=number)


def _let_a_day_pass(url: str) -> None:
    """What autovacuum does within hours after a whole build; it would do so beside."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("vacuum")
        conn.execute("checkpoint")


def figures(found: Sequence[Country]) -> list[Figure]:
    """Of each size its totals and stages; between sizes, growth; models of the last."""
    told: list[Figure] = []
    for country in found:
        told += _totals(country)
        told += _stages(country)
    for smaller, larger in pairwise(found):
        times = larger.rows / smaller.rows
        for name, grown in (
            ("wall", larger.whole.wall / smaller.whole.wall),
            ("CPU", larger.whole.cpu / smaller.whole.cpu),
        ):
            what = (
                f"growth of {name}, {_short(smaller.sales)} to {_short(larger.sales)}"
            )
            told.append(Figure(what, grown / times, "x linear", LIMIT_GROWTH, "limit"))
    return told + _slowest(found[-1])


def _totals(country: Country) -> list[Figure]:
    name = _short(country.sales)
    whole, day = country.whole, country.day
    limit = LIMIT_SECONDS * country.sales / LIMIT_SALES
    is_full = country.sales >= LIMIT_SALES
    beside = {
        "rows": f"{country.rows:,}",
        "CPU": f"{whole.cpu:.0f} s",
        "rate": f"{country.rows / whole.wall:,.0f} rows/s",
        "load before": f"{whole.load:.1f}",
    }
    of_day = {
        "CPU": f"{day.cpu:.1f} s",
        "in order": ", ".join(f"{each.wall:.1f}" for each in country.days) + " s",
    }
    which = "limit" if is_full else "share of the limit for 10 M"
    return [
        Figure(f"whole build, {name}", whole.wall, "s", limit, which, beside),
        Figure(f"memory, {name}", whole.peak_mib, "MiB", LIMIT_MIB, "limit"),
        Figure(f"a day onto {name}", day.wall, "s", whole.wall, "whole build", of_day),
        Figure(
            f"share of a day, {name}",
            country.day_pct,
            "%",
            LIMIT_DELTA_PCT,
            "limit at 10 M",
            {"of CPU": f"{100 * day.cpu / whole.cpu:.1f} %"},
        ),
    ]


def _stages(country: Country) -> list[Figure]:
    seen = (*country.days[0].stages, *country.day.stages)
    days = {stage.name: stage for stage in seen}
    return [
        Figure(
            f"{stage.name}, {_short(country.sales)}",
            stage.wall,
            "s",
            country.whole.wall,
            "whole build",
            {
                "CPU": f"{stage.cpu:.1f} s",
                "memory": f"{stage.peak_mib:,.0f} MiB",
                "a day": f"{days[stage.name].wall:.1f} s",
            },
        )
        for stage in country.whole.stages
    ]


def _slowest(country: Country) -> list[Figure]:
    """The longest nodes of dbt, whole and in the day's build."""
    days = dict(country.day.slowest)
    return [
        Figure(
            f"`{name}`",
            seconds,
            "s",
            country.whole.wall,
            "whole build",
            {"a day": f"{days.get(name, 0.0):.1f} s"},
        )
        for name, seconds in country.whole.slowest[:_SLOWEST]
    ]


def _short(sales: int) -> str:
    return f"{sales / 1e6:g} M"
