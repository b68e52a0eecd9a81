from __future__ import annotations

import contextlib
import email.utils
import http.client
import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator

import pytest

from simulator.domain_api.options import DomainOptions
from simulator.fault_rates import NAMES, Rates
from simulator.faults import Faults
from simulator.market import Market, MarketSize
from simulator.server import SiteServer
from simulator.website import Site

REFERER = {"Referer": "http://site/psi/"}
WEEK = "/__psi/weekly/20230313.zip"
SEARCH = "/domain/v1/listings/residential/_search"
KEY = {"X-Api-Key": DomainOptions().api_key}

Ask = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=600, weeks=12))


@pytest.fixture
def serve(market: Market) -> Iterator[Callable[..., Ask]]:
    """Starts a site with fault words; gives a way to ask it, a connection a call."""
    started: list[SiteServer] = []

    def start(*faults: str) -> Ask:
        server = SiteServer(Site(market, Faults.parse(faults)))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(server)

        def ask(
            path: str,
            headers: dict[str, str] | None = None,
            *,
            method: str = "GET",
            body: str | None = None,
            seconds: float = 10.0,
        ) -> tuple[http.client.HTTPResponse, bytes]:
            host = server.url.removeprefix("http://")
            connection = http.client.HTTPConnection(host, timeout=seconds)
            with contextlib.closing(connection):
                connection.request(method, path, body, headers or {})
                response = connection.getresponse()
                return response, response.read()

        return ask

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def test_rates_hit_their_share_of_requests_the_same_ones_every_time() -> None:
    def hits(seed: int) -> list[frozenset[str]]:
        rates = Rates(seed=seed)
        for name in NAMES:
            rates.set(f"rate_{name}", "0.1")
        return [rates.begin("/psi/").hit for _ in range(2_000)]

    first = hits(7)
    assert first == hits(7)
    assert first != hits(8)
    for name in NAMES:
        assert 140 < sum(name in hit for hit in first) < 260
    assert 400 < sum(not hit for hit in first) < 560  # 0.9 ** 14 of them are whole


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("rate_418=0.1", "there is no such rate"),
        ("rate_429=1.5", "a rate must be 0 to 1"),
        ("rate_429=often", "could not convert"),
        ("timeout_seconds=9999", "must be 0 to 120"),
        ("only=domain", "beginning of a path"),
    ],
)
def test_a_wrong_rate_is_named(word: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Faults.parse([word])


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_status_by_rate_comes_from_every_part(
    serve: Callable[..., Ask], status: int
) -> None:
    ask = serve(f"rate_{status}=1")
    for path, method in (("/psi/", "GET"), ("/csv/sales.csv", "GET"), (SEARCH, "POST")):
        response, _ = ask(path, KEY, method=method)
        assert response.status == status
        assert ("Retry-After" in response.headers) is (status in (429, 503))
    _, report = ask("/control/faults")
    assert json.loads(report)["injected"] == {str(status): 3}


def test_retry_after_takes_both_forms_and_fits_the_date(
    serve: Callable[..., Ask],
) -> None:
    ask = serve("rate_503=1", "retry_after=7", "rate_clock_skew=1")
    for path in ("/psi/", SEARCH):
        forms = set()
        for _ in range(2):
            response, _ = ask(path)
            after = response.headers["Retry-After"]
            forms.add(after.isdecimal())
            if after.isdecimal():
                assert after == "7"
            else:
                date = email.utils.parsedate_to_datetime(response.headers["Date"])
                wait = email.utils.parsedate_to_datetime(after) - date
                assert 6 <= wait.total_seconds() <= 8
        assert forms == {True, False}


def test_a_timeout_says_nothing_and_ends_when_the_caller_goes(
    serve: Callable[..., Ask],
) -> None:
    ask = serve("rate_timeout=1", "timeout_seconds=0.2")
    begin = time.monotonic()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask("/psi/")
    assert time.monotonic() - begin >= 0.2


def test_a_reset_comes_in_the_middle_of_the_body(serve: Callable[..., Ask]) -> None:
    ask = serve("rate_reset=1")
    for path in (WEEK, "/csv/sales.csv"):
        with pytest.raises(ConnectionResetError):
            ask(path, REFERER)
    with pytest.raises(ConnectionResetError):
        ask(SEARCH, KEY, method="POST", body="{}")


def test_a_reset_download_resumes_where_it_ended(serve: Callable[..., Ask]) -> None:
    ask = serve("slow_seconds=0")
    response, whole = ask(WEEK, REFERER)
    etag = response.headers["ETag"]
    assert response.headers["Accept-Ranges"] == "bytes"
    half = len(whole) // 2
    for asked, expected in (
        (f"bytes={half}-", whole[half:]),
        (f"bytes=0-{half - 1}", whole[:half]),
        (f"bytes={half}-{len(whole) + 9}", whole[half:]),
        ("bytes=-100", whole[-100:]),
    ):
        response, part = ask(WEEK, {**REFERER, "Range": asked, "If-Range": etag})
        assert response.status == 206
        assert part == expected
        begin = (
            len(whole) - 100 if asked == "bytes=-100" else int(asked[6:].split("-")[0])
        )
        assert response.headers["Content-Range"] == (
            f"bytes {begin}-{begin + len(part) - 1}/{len(whole)}"
        )


def test_a_range_of_another_version_gets_the_whole(serve: Callable[..., Ask]) -> None:
    ask = serve()
    response, whole = ask(WEEK, REFERER)
    modified = response.headers["Last-Modified"]
    asked = {**REFERER, "Range": "bytes=10-"}
    for condition, status in (
        ('"other"', 200),
        ("Mon, 06 Mar 2023 02:00:00 GMT", 200),
        ("not a date", 200),
        (modified, 206),
    ):
        response, body = ask(WEEK, {**asked, "If-Range": condition})
        assert response.status == status
        assert body == (whole if status == 200 else whole[10:])
    assert ask(WEEK, {**REFERER, "Range": "bytes=0-1,5-6"})[0].status == 200


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0", "bytes=9-3"])
def test_a_range_that_is_not_there_is_refused(
    serve: Callable[..., Ask], asked: str
) -> None:
    response, _ = serve()(WEEK, {**REFERER, "Range": asked})
    assert response.status == 416
    assert response.headers["Content-Range"].startswith("bytes */")


def test_a_slow_body_takes_its_time_and_ends(serve: Callable[..., Ask]) -> None:
    ask = serve("rate_slow=1", "slow_seconds=0.3")
    begin = time.monotonic()
    response, body = ask(WEEK, REFERER)
    assert time.monotonic() - begin >= 0.25
    assert len(body) == int(response.headers["Content-Length"])


def test_damaged_zips_have_an_etag_of_their_own(serve: Callable[..., Ask]) -> None:
    ask = serve()
    good, whole = ask(WEEK, REFERER)
    ask("/control/faults?fault=rate_truncated_zip=1", method="POST")
    cut, short = ask(WEEK, {**REFERER, "If-None-Match": good.headers["ETag"]})
    assert cut.status == 200
    assert len(short) == int(cut.headers["Content-Length"]) == len(whole) * 6 // 10
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(short))
    ask("/control/faults?clear=1&fault=rate_wrong_z=1", method="POST")
    _, wrong = ask(WEEK, REFERER)
    with zipfile.ZipFile(io.BytesIO(wrong)) as archive:
        assert archive.testzip() is None
    assert wrong != whole
    ask("/control/faults?clear=1", method="POST")
    again, body = ask(WEEK, {**REFERER, "If-None-Match": cut.headers["ETag"]})
    assert again.status == 200
    assert body == whole


def test_malformed_json_is_not_json(serve: Callable[..., Ask]) -> None:
    ask = serve("rate_malformed_json=1")
    for _ in range(2):
        response, body = ask(SEARCH, KEY, method="POST", body="{}")
        assert response.headers["Content-Type"] == "application/json"
        with pytest.raises(ValueError):
            json.loads(body)


def test_a_skewed_clock_is_off_by_no_more_than_its_setting(
    serve: Callable[..., Ask],
) -> None:
    ask = serve("rate_clock_skew=1", "skew_seconds=7200")
    now = time.time()
    errors = []
    for _ in range(8):
        response, _ = ask("/psi/")
        date = email.utils.parsedate_to_datetime(response.headers["Date"])
        errors.append(abs(date.timestamp() - now))
    assert 60 < max(errors) < 7_210
    response, _ = ask(WEEK, REFERER)
    assert response.headers["Last-Modified"] != "Mon, 13 Mar 2023 02:00:00 GMT"


def test_rates_can_be_kept_to_a_part_and_ended(serve: Callable[..., Ask]) -> None:
    ask = serve("rate_500=1", "only=/domain/")
    assert ask("/psi/")[0].status == 200
    assert ask(SEARCH, KEY, method="POST", body="{}")[0].status == 500
    response, body = ask("/control/faults?fault=rate_500=0", method="POST")
    assert response.status == 200
    assert json.loads(body)["rates"] == {}
    assert ask(SEARCH, KEY, method="POST", body="{}")[0].status == 200
    response, body = ask("/control/faults?fault=rate_9=1", method="POST")
    assert response.status == 400
    assert b"rate_9=1" in body


def test_a_rate_cannot_be_asked_for_by_one_request(serve: Callable[..., Ask]) -> None:
    response, body = serve()(f"{WEEK}?fault=rate_500=1", REFERER)
    assert response.status == 400
    assert b"whole server" in body


def test_a_connection_survives_a_fault_that_leaves_it_whole(
    serve: Callable[..., Ask], market: Market
) -> None:
    server = SiteServer(Site(market, Faults.parse(["rate_500=0.5"])))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    address = server.server_address[:2]
    with socket.create_connection((str(address[0]), int(address[1]))) as raw:
        raw.sendall(b"GET /psi/ HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        raw.shutdown(socket.SHUT_WR)
        with raw.makefile("rb") as answers:
            text = answers.read()
    server.shutdown()
    server.server_close()
    assert text.count(b"HTTP/1.1 ") == 20
    assert 0 < text.count(b"HTTP/1.1 500") < 20
