"""The simulated remote site: PSI files and the sales CSV over real HTTP, with faults.

| path | answer |
| --- | --- |
| `/psi/` | HTML listing with links to the weekly and yearly ZIPs |
| `/__psi/weekly/YYYYMMDD.zip` | one week; 403 without a Referer, as on the real site |
| `/__psi/yearly/YYYY.zip` | ZIP of the year's weekly ZIPs |
| `/csv/sales.csv.gz`, `/csv/sales.csv` | the VIC part in the Melbourne layout |
| `POST /control/publish?weeks=N` | N more weeks (1) become public |
| `/healthz` | 204 |

Files carry ETag and Last-Modified, and If-None-Match or If-Modified-Since get 304.
Everything is made on request from the seed; at most a few small files are kept.
Here: HTTP. Elsewhere: the bytes (`psi`, `csv_sales`) and the faults (`faults`).
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from simulator.csv_sales import write_csv
from simulator.faults import Faults
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

    def listing(self) -> str:
        """The HTML page that links the files."""
        links = []
        if not self.faults.takes_listing():
            links = [link for link in self._links() if not self._is_late(link)]
        items = "\n".join(
            f'<li><a href="{link}">{link.rpartition("/")[2]}</a></li>' for link in links
        )
        return (
            "<!doctype html>\n<html><head><title>Bulk property sales (made up)</title>"
            f"</head>\n<body><h1>Bulk property sales</h1>\n<ul>\n{items}\n</ul>\n"
            "</body></html>\n"
        )

    def document(self, path: str) -> Document | None:
        """The file at a path, None if there is none (yet)."""
        folder, _, name = path.rpartition("/")
        market = self.market
        if self.faults.hits("late", name):
            return None
        last = market.monday(market.size.weeks - 1)
        if folder == "/__psi/weekly":
            monday = _date_of(name)
            week = market.week_of(monday) if monday else None
            if monday is None or week is None:
                return None
            content = self._keep(name, lambda: weekly_zip(market, week))
            return self._document(name, content, monday, "application/zip")
        if folder == "/__psi/yearly" and name[:-4].isdecimal() and len(name) == 8:
            year = int(name[:4])
            weeks = weeks_of_year(market, year)
            if not weeks or not name.endswith(".zip"):
                return None
            spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)
            yearly_zip(market, year, spool)
            return _spooled(name, spool, market.monday(weeks[-1]), "application/zip")
        if folder == "/csv" and name in ("sales.csv", "sales.csv.gz"):
            packed = name.endswith(".gz")
            spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)
            write_csv(market, spool, compress=packed)
            media_type = "application/gzip" if packed else "text/csv; charset=utf-8"
            return _spooled(name, spool, last, media_type)
        return None

    def _document(
        self, name: str, content: bytes, day: date, media_type: str
    ) -> Document:
        spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)
        spool.write(self.faults.damage(name, content))
        return _spooled(name, spool, day, media_type)

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


class SiteServer(ThreadingHTTPServer):
    """The site bound to an address; port 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, site: Site, host: str = "127.0.0.1", port: int = 0) -> None:
        self.site = site
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Base address without a trailing slash."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulated-site"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = 64 * 1024
    timeout: ClassVar[float] = 60.0

    server: SiteServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 65_536))
        target = urlsplit(self.path)
        if target.path != "/control/publish":
            self._send_text(404, "not found\n")
            return
        weeks = parse_qs(target.query).get("weeks", ["1"])[0]
        if not weeks.isdecimal() or int(weeks) > 520:
            self._send_text(400, "weeks must be a whole number up to 520\n")
            return
        self._send_text(200, self.server.site.publish(int(weeks)) + "\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the demo's own progress is the log."""

    def _answer(self) -> None:
        target = urlsplit(self.path)
        if target.path == "/healthz":
            self._send_text(204, "")
            return
        site = self.server.site
        name = target.path.rpartition("/")[2]
        try:
            asked = Faults.parse(parse_qs(target.query).get("fault", []), name)
        except ValueError as error:
            self._send_text(400, f"{error}\n")
            return
        time.sleep(site.faults.slow_seconds + asked.slow_seconds)
        status = site.faults.takes_status() or asked.takes_status()
        if status:
            self._send_text(status, "made to fail\n", ("Retry-After", "1"))
        elif target.path in ("/psi", "/psi/", "/"):
            page = Site(site.market, asked).listing() if asked.empty_listings else None
            self._send_text(200, page or site.listing(), media_type="text/html")
        elif "/weekly/" in target.path and not self.headers.get("Referer"):
            self._send_text(403, "forbidden: come from the listing page /psi/\n")
        else:
            self._send_file(site.document(target.path), asked)

    def _send_file(self, document: Document | None, asked: Faults) -> None:
        if document is None:
            self._send_text(404, "not found\n")
            return
        with document.body:
            if asked.files:
                document.body.seek(0)
                damaged = asked.damage(document.name, document.body.read())
                spool = tempfile.SpooledTemporaryFile(_SPOOL_BYTES)
                spool.write(damaged)
                day = document.published.date()
                document = _spooled(document.name, spool, day, document.media_type)
            self._send_document(document, asked)

    def _send_document(self, document: Document, asked: Faults) -> None:
        fresh = self._is_fresh(document)
        self.send_response(304 if fresh else 200)
        self.send_header("ETag", document.etag)
        self.send_header(
            "Last-Modified", format_datetime(document.published, usegmt=True)
        )
        self.send_header("X-Simulated", "true")
        if not fresh:
            self.send_header("Content-Type", document.media_type)
            self.send_header("Content-Length", str(document.size))
        self.end_headers()
        if fresh or self.command == "HEAD":
            return
        faults = self.server.site.faults
        left = document.size
        if faults.hits("cut", document.name) or asked.hits("cut", document.name):
            left //= 2
            self.close_connection = True
        document.body.seek(0)
        while left > 0:
            chunk = document.body.read(min(_CHUNK, left))
            self.wfile.write(chunk)
            left -= len(chunk)

    def _is_fresh(self, document: Document) -> bool:
        """Whether the caller's copy is the newest; If-None-Match decides if given."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return "*" in known or document.etag in known
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            return document.published <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            return False  # an unreadable date is to be ignored

    def _send_text(
        self,
        status: int,
        text: str,
        *headers: tuple[str, str],
        media_type: str = "text/plain",
    ) -> None:
        body = text.encode()
        self.send_response(status)
        for header, value in headers:
            self.send_header(header, value)
        self.send_header("X-Simulated", "true")
        if status != 204:
            self.send_header("Content-Type", f"{media_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _spooled(name: str, body: IO[bytes], day: date, media_type: str) -> Document:
    """A document of what was written to `body`; the version is the bytes' own hash."""
    body.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := body.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    published = datetime.combine(day, time_of_day(2, 0), UTC)
    etag = f'"{digest.hexdigest()[:32]}"'
    return Document(name, body, size, etag, published, media_type)


def _date_of(name: str) -> date | None:
    stem, _, suffix = name.partition(".")
    if suffix != "zip" or len(stem) != 8 or not stem.isdecimal():
        return None
    try:
        return date(int(stem[:4]), int(stem[4:6]), int(stem[6:]))
    except ValueError:
        return None
