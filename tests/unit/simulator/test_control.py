from __future__ import annotations

import email.utils
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from simulator.domain_api.options import DomainOptions
from simulator.domain_api.service import DomainApi
from simulator.market import Market, MarketSize
from simulator.server import SiteServer
from simulator.website import Site

SEARCH = "/domain/v1/listings/residential/_search"
KEY = {"X-Api-Key": DomainOptions().api_key}

Ask = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@pytest.fixture
def server() -> Iterator[SiteServer]:
    market = Market(MarketSize(homes=800, weeks=12))
    server = SiteServer(Site(market), domain=DomainApi(market))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def ask(server: SiteServer) -> Iterator[Ask]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))

    def ask(
        method: str, path: str, body: str | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request(method, path, body, KEY)
        response = connection.getresponse()
        return response, response.read()

    yield ask
    connection.close()


def test_the_api_is_served_under_its_mount_point_by_its_own_clock(ask: Ask) -> None:
    response, body = ask("POST", SEARCH, '{"pageSize": 5}')
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Simulated"] == "true"
    assert len(json.loads(body)) == 5
    date = email.utils.parsedate_to_datetime(response.headers["Date"])
    assert abs(date - datetime(2023, 3, 20, 2, tzinfo=UTC)) < timedelta(minutes=5)
    response, body = ask("POST", "/control/advance?days=2&minutes=30")
    assert body.startswith(b"2023-03-22T02:3")
    response, _ = ask("HEAD", "/domain/v1/salesResults/_head")
    date = email.utils.parsedate_to_datetime(response.headers["Date"])
    assert date.day == 22
    assert response.status == 200


def test_a_token_over_http(ask: Ask) -> None:
    options = DomainOptions()
    form = (
        f"grant_type=client_credentials&client_id={options.client_id}"
        f"&client_secret={options.client_secret}"
    )
    response, body = ask("POST", "/domain/auth/v1/connect/token", form)
    assert response.status == 200
    assert json.loads(body)["access_token"]
    response, _ = ask("POST", "/control/domain/revoke")
    assert response.status == 200


def test_the_truth_is_what_the_pages_add_up_to(ask: Ask) -> None:
    for kind in ("Sale", "Sold"):
        body = json.dumps({"listingType": kind})
        truth = json.loads(ask("POST", "/control/domain/truth", body)[1])
        response, _ = ask("POST", SEARCH, body)
        assert response.headers["X-Total-Count"] == str(truth["items"])
        assert truth["listings"] == len(truth["ids"]) >= truth["items"]
    assert json.loads(ask("GET", "/control/domain/truth")[1])["items"] > 0


def test_quotas_change_while_it_runs(ask: Ask) -> None:
    ask("POST", "/control/domain/quota?per_day=1")
    assert ask("POST", SEARCH)[0].status == 200
    assert ask("POST", SEARCH)[0].status == 429
    _, body = ask("GET", "/control/domain")
    assert json.loads(body)["calls"]["Day"] == 1
    ask("POST", "/control/domain/quota?per_day=0")
    assert ask("POST", SEARCH)[0].status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/control/advance?minutes=soon", 400),
        ("POST", "/control/advance?minutes=-5", 400),
        ("POST", "/control/advance?days=1e300", 400),
        ("POST", "/control/domain/quota?per_day=x", 400),
        ("POST", "/control/domain/truth?", 200),
        ("GET", "/control/advance", 404),
        ("POST", "/control/nothing", 404),
    ],
)
def test_wrong_controls_are_refused(
    ask: Ask, method: str, path: str, status: int
) -> None:
    assert ask(method, path)[0].status == status


def test_a_body_too_large_is_refused_before_it_is_sent(server: SiteServer) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.putrequest("POST", SEARCH)
    connection.putheader("Content-Length", "1000001")
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
