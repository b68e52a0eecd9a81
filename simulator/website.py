"""What the simulated remote site has to show: its listing and its files.

Files are made on request from the seed; at most a few small ones are kept. Here:
which files there are and their bytes as published. Elsewhere: HTTP (`server`), the
formats (`psi`, `csv_sales`) and the kinds of damage (`faults`).
"""

from __future__ import annotations

import functools
import hashlib
import io
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import IO, Final

from simulator.csv_sales import write_csv
from simulator.fault_rates import Plan
from simulator.faults import Faults, with_wrong_trailer
from simulator.market import Market
from simulator.psi import weekly_name, weekly_zip, weeks_of_year, yearly_zip

_KEPT_FILES: Final = 8
_SPOOL_BYTES: Final = 8_000_000
_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """One file as published: where its bytes are, how many, version and time."""

    name: str
    body: IO[bytes]
    size: int
    etag: str
    published: datetime
    media_type: str


class Site:
    """What is public: the market so far, its files made on request, the faults.

    `archive` serves finished years as yearly ZIPs only, as the real site does; without
    it every week stays listed on its own. Either way both kinds of path answer.
    """

    def __init__(
        self, market: Market, faults: Faults | None = None, *, archive: bool = False
    ) -> None:
        self.market = market
        self.faults = faults or Faults()
        self.faults.rates.seed = market.size.seed
        self.archive = archive
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        unknown = self.faults.file_names() - set(self.file_names())
        if unknown:
            last = weekly_name(market.monday(market.size.weeks - 1))
            raise ValueError(
                f"no such file to put a fault on: {', '.join(sorted(unknown))} "
                f"(weekly files run from {weekly_name(market.monday(0))} to {last})"
            )

    def file_names(self) -> list[str]:
        """Names of all files there are, listed or not."""
        mondays = [self.market.monday(week) for week in range(self.market.size.weeks)]
        years = sorted({monday.year for monday in mondays})
        names = [weekly_name(monday) for monday in mondays]
        return [*names, *(f"{year}.zip" for year in years), "sales.csv.gz", "sales.csv"]

    def publish(self, weeks: int) -> str:
        """Make `weeks` more weeks public; returns the name of the newest file."""
        with self._lock:
            size = replace(self.market.size, weeks=self.market.size.weeks + weeks)
            self.market = Market(size)
        return weekly_name(self.market.monday(size.weeks - 1))

    def listing(self, *, empty: bool = False) -> str:
        """The HTML page that links the files."""
        links = [link for link in self._links() if not self._is_late(link)]
        if self.faults.takes_listing() or empty:
            links = []
        items = "\n".join(
            f'<li><a href="{link}">{link.rpartition("/")[2]}</a></li>' for link in links
        )
        return (
            "<!doctype html>\n<html><head><title>Bulk property sales (made up)</title>"
            f"</head>\n<body><h1>Bulk property sales</h1>\n<ul>\n{items}\n</ul>\n"
            "</body></html>\n"
        )

    def document(
        self, path: str, asked: Faults | None = None, plan: Plan | None = None
    ) -> Document | None:
        """The file at a path with its faults, None if there is none (yet).

        `asked` are the faults this request asks for, `plan` those that chance has for
        it. The caller closes the body.
        """
        folder, _, name = path.rpartition("/")
        if self.faults.hits("late", name):
            return None
        made = self._made(folder, name)
        if made is None:
            return None
        write, day, media_type = made
        # Outlives this method: the handler closes it when it is sent.
        body = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115
        write(body)
        for faults in (self.faults, asked):
            if faults is not None and name in faults.file_names():
                _rewrite(body, functools.partial(faults.damage, name))
        if plan is not None and name.endswith(".zip"):
            if folder.endswith("/weekly") and plan.takes("wrong_z"):
                _rewrite(body, with_wrong_trailer)
            if plan.takes("truncated_zip"):
                body.truncate(body.seek(0, io.SEEK_END) * 6 // 10)
        return _document(name, body, day, media_type)

    def _made(
        self, folder: str, name: str
    ) -> tuple[Callable[[IO[bytes]], object], date, str] | None:
        """How to write a file, the day it was published, and its media type."""
        market = self.market
        stem, _, suffix = name.partition(".")
        newest = market.monday(market.size.weeks - 1)
        if folder == "/__psi/weekly" and suffix == "zip":
            monday = _date_of(stem)
            week = None if monday is None else market.week_of(monday)
            if monday is None or week is None:
                return None
            content = self._keep(name, lambda: weekly_zip(market, week))
            return (lambda body: body.write(content)), monday, "application/zip"
        if folder == "/__psi/yearly" and suffix == "zip" and stem.isdecimal():
            weeks = weeks_of_year(market, int(stem))
            if not weeks:
                return None
            day = market.monday(weeks[-1])
            year = int(stem)
            return (lambda body: yearly_zip(market, year, body)), day, "application/zip"
        if folder == "/csv" and name == "sales.csv":
            return (lambda body: write_csv(market, body)), newest, "text/csv"
        if folder == "/csv" and name == "sales.csv.gz":
            return (
                (lambda body: write_csv(market, body, compress=True)),
                newest,
                "application/gzip",
            )
        return None

    def _keep(self, name: str, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            content = self._kept.get(name)
        if content is None:
            content = make()
            with self._lock:
                self._kept[name] = content
                while len(self._kept) > _KEPT_FILES:
                    self._kept.popitem(last=False)
        return content

    def _links(self) -> list[str]:
        market = self.market
        mondays = [market.monday(week) for week in range(market.size.weeks)]
        current = mondays[-1].year
        years: list[int] = []
        if self.archive:
            years = sorted({day.year for day in mondays if day.year < current})
            mondays = [day for day in mondays if day.year == current]
        return [
            *(f"/__psi/weekly/{weekly_name(day)}" for day in reversed(mondays)),
            *(f"/__psi/yearly/{year}.zip" for year in reversed(years)),
        ]

    def _is_late(self, link: str) -> bool:
        return self.faults.hits("late", link.rpartition("/")[2])


def _rewrite(body: IO[bytes], change: Callable[[bytes], bytes]) -> None:
    body.seek(0)
    damaged = change(body.read())
    body.seek(0)
    body.truncate()
    body.write(damaged)


def _document(name: str, body: IO[bytes], day: date, media_type: str) -> Document:
    """A document of what was written to `body`; the version is the bytes' own hash."""
    body.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := body.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    published = datetime.combine(day, time_of_day(2, 0), UTC)
    etag = f'"{digest.hexdigest()[:32]}"'
    return Document(name, body, size, etag, published, media_type)


def _date_of(stem: str) -> date | None:
    if len(stem) != 8 or not stem.isdecimal():
        return None
    try:
        return date(int(stem[:4]), int(stem[4:6]), int(stem[6:]))
    except ValueError:
        return None
