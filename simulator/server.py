"""The simulated remote site: PSI files and the sales CSV over real HTTP, with faults.

| path | answer |
| --- | --- |
| `/psi/` | HTML listing with links to the weekly and yearly ZIPs |
| `/__psi/weekly/YYYYMMDD.zip` | one week; 403 without a Referer, as on the real site |
| `/__psi/yearly/YYYY.zip` | ZIP of the year's weekly ZIPs |
| `/csv/sales.csv.gz`, `/csv/sales.csv` | the VIC part in the Melbourne layout |
| `/domain/...` | the Domain API; see simulator/domain_api/service.py |
| `POST /control/publish?weeks=N` | N more weeks (1) become public |
| `POST /control/advance?minutes=N` | the Domain API's clock moves on |
| `GET` or `POST /control/domain/truth` | ids of all listings a search (body) matches |
| `/healthz` | 204 |

Files carry ETag and Last-Modified, and If-None-Match or If-Modified-Since get 304.
Here: HTTP. Elsewhere: the files and their bytes (`website`) and the faults (`faults`).
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlsplit

from simulator.domain_api.query import BadQuery
from simulator.domain_api.replies import Reply, Request
from simulator.domain_api.service import DomainApi
from simulator.faults import Faults
from simulator.website import Document, Site

_CHUNK: Final = 256 * 1024
_LONGEST_BODY: Final = 1_000_000


class SiteServer(ThreadingHTTPServer):
    """The site bound to an address; port 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        site: Site,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        domain: DomainApi | None = None,
    ) -> None:
        self.site = site
        self.domain = domain or DomainApi(site.market)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Base address without a trailing slash."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = 64 * 1024
    timeout: ClassVar[float] = 60.0

    server: SiteServer

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), _LONGEST_BODY)
        body = self.rfile.read(length)
        target = urlsplit(self.path)
        if target.path.startswith("/domain/"):
            self._answer_domain(target.path, target.query, body)
        else:
            self._control(target.path, target.query, body)

    def version_string(self) -> str:
        """Value of the Server header."""
        return "simulated-site"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the demo's own progress is the log."""

    def _answer(self) -> None:
        target = urlsplit(self.path)
        if target.path == "/healthz":
            self._send_text(204, "")
            return
        if target.path.startswith("/domain/"):
            self._answer_domain(target.path, target.query, b"")
            return
        if target.path.startswith("/control/"):
            self._control(target.path, target.query, b"")
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
            page = site.listing(empty=asked.empty_listings > 0)
            self._send_text(200, page, media_type="text/html")
        elif "/weekly/" in target.path and not self.headers.get("Referer"):
            self._send_text(403, "forbidden: come from the listing page /psi/\n")
        else:
            self._send_file(site.document(target.path, asked), asked)

    def _answer_domain(self, path: str, query: str, body: bytes) -> None:
        request = Request(
            method="GET" if self.command == "HEAD" else self.command,
            path=path.removeprefix("/domain"),
            query={name: words[0] for name, words in parse_qs(query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        self._send_reply(self.server.domain.answer(request))

    def _control(self, path: str, query: str, body: bytes) -> None:
        words = {name: values[0] for name, values in parse_qs(query).items()}
        try:
            if path == "/control/domain/truth":
                truth = self.server.domain.truth(json.loads(body or b"{}"))
                self._send_text(200, json.dumps(truth), media_type="application/json")
            elif self.command == "POST" and path == "/control/advance":
                pushed = timedelta(minutes=float(words.get("minutes", "1")))
                moment = self.server.domain.clock.advance(pushed)
                self._send_text(200, moment.isoformat() + "\n")
            elif self.command == "POST" and path == "/control/publish":
                self._publish(words.get("weeks", "1"))
            else:
                self._send_text(404, "not found\n")
        except (BadQuery, ValueError, OverflowError) as error:
            self._send_text(400, f"{error}\n")

    def _publish(self, weeks: str) -> None:
        if not weeks.isdecimal() or int(weeks) > 520:
            self._send_text(400, "weeks must be a whole number up to 520\n")
            return
        self._send_text(200, self.server.site.publish(int(weeks)) + "\n")

    def _send_reply(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for header, value in reply.headers:
            self.send_header(header, value)
        self.send_header("X-Simulated", "true")
        if reply.body:
            self.send_header("Content-Type", reply.media_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _send_file(self, document: Document | None, asked: Faults) -> None:
        if document is None:
            self._send_text(404, "not found\n")
            return
        with document.body:
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
