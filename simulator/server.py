"""The simulated remote site: PSI files, sales CSV and Domain API over real HTTP.

| path | answer |
| --- | --- |
| `/psi/` | HTML listing with links to the weekly and yearly ZIPs |
| `/__psi/weekly/YYYYMMDD.zip` | one week; 403 without a Referer, as on the real site |
| `/__psi/yearly/YYYY.zip` | ZIP of the year's weekly ZIPs |
| `/csv/sales.csv.gz`, `/csv/sales.csv` | the VIC part in the Melbourne layout |
| `/domain/...` | the Domain API; see simulator/domain_api/service.py |
| `/control/...` | what tests may change and ask; see simulator/control.py |
| `/healthz` | 204 |

Files carry ETag and Last-Modified; conditions (304), Range and If-Range are obeyed.
Here: who is answered what. Elsewhere: how it is sent (`wire`), the files and their
bytes (`website`), the faults (`faults`, `fault_rates`).
"""

from __future__ import annotations

import sys
import time
from http.server import ThreadingHTTPServer
from urllib.parse import SplitResult, parse_qs, urlsplit

from simulator.control import Control
from simulator.domain_api.replies import Request
from simulator.domain_api.service import DomainApi
from simulator.faults import Faults
from simulator.website import Document, Site
from simulator.wire import WireHandler


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
        self.control = Control(site, self.domain)
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Base address without a trailing slash."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that hang up, which is everyday here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(WireHandler):
    server: SiteServer

    def answer(self, body: bytes) -> None:
        """Answer one request."""
        target = urlsplit(self.path)
        rates = self.server.site.faults.rates
        self.moment, self.skew = None, 0.0
        self.plan = type(self).plan
        if target.path == "/healthz":
            self.send_text(204, "")
            return
        if target.path.startswith("/control/"):
            status, text, kind = self.server.control.answer(
                self.command, target.path, target.query, body
            )
            self.send_text(status, text, media_type=kind)
            return
        self.plan = rates.begin(target.path)
        is_domain = target.path.startswith("/domain/")
        if is_domain:
            self.moment = self.server.domain.clock.now()
        self.skew = self.plan.skew()
        if self.plan.takes("timeout"):
            self.stay_silent()
        elif self._fails():
            pass
        elif is_domain:
            self._answer_domain(target, body)
        elif self.command == "POST":
            self.send_text(404, "not found\n")
        else:
            self._answer_site(target)

    def _fails(self) -> bool:
        """Whether this request was answered with an error by chance or by count."""
        faults = self.server.site.faults
        time.sleep(faults.slow_seconds)
        by_rate = self.plan.status()
        status = by_rate or faults.takes_status()
        if not status:
            return False
        headers = [("Retry-After", self.retry_after())] if status in (429, 503) else []
        self.send_text(status, "made to fail\n", *headers)
        return True

    def _answer_domain(self, target: SplitResult, body: bytes) -> None:
        reply = self.server.domain.answer(
            Request(
                method="GET" if self.command == "HEAD" else self.command,
                path=target.path.removeprefix("/domain"),
                query={
                    name: words[0] for name, words in parse_qs(target.query).items()
                },
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
                plan=self.plan,
            )
        )
        self.send_bytes(reply.status, reply.body, reply.headers, reply.media_type)

    def _answer_site(self, target: SplitResult) -> None:
        site = self.server.site
        name = target.path.rpartition("/")[2]
        try:
            asked = Faults.parse(parse_qs(target.query).get("fault", []), name)
        except ValueError as error:
            self.send_text(400, f"{error}\n")
            return
        time.sleep(asked.slow_seconds)
        status = asked.takes_status()
        if status:
            self.send_text(status, "made to fail\n", ("Retry-After", "1"))
        elif target.path in ("/psi", "/psi/", "/"):
            page = site.listing(empty=asked.empty_listings > 0)
            self.send_text(200, page, media_type="text/html")
        elif "/weekly/" in target.path and not self.headers.get("Referer"):
            self.send_text(403, "forbidden: come from the listing page /psi/\n")
        else:
            document = site.document(target.path, asked, self.plan)
            self._send_file(document, asked)

    def _send_file(self, document: Document | None, asked: Faults) -> None:
        if document is None:
            self.send_text(404, "not found\n")
            return
        faults = self.server.site.faults
        with document.body:
            is_cut = faults.hits("cut", document.name) or asked.hits(
                "cut", document.name
            )
            self.send_document(document, is_cut=is_cut)
