from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import time as clock_time
from datetime import timedelta
from typing import Any

import pytest
import requests

from connectors.resilience import (
    MalformedBody,
    MemoryState,
    Parked,
    Refused,
    SourceClient,
    SourceDown,
    SourcePolicy,
    TooLarge,
)
from domain.errors import PermanentError
from tests.scripted_server import Reply, ScriptedServer, scripted_server


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as made:
        yield made


@pytest.fixture
def when() -> Time:
    return Time()


def asking(when: Time, *, jitter: float = 1.0, **words: Any) -> SourceClient:
    auth = words.pop("auth", None)
    return SourceClient(
        SourcePolicy("test", **words),
        MemoryState(when.clock),
        clock=when.clock,
        sleep=when.sleep,
        randomness=lambda: jitter,
        auth=auth,
    )


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        ("none", []),
        ("fast", [0.2, 0.4]),
        ("standard", [1, 2, 4, 8]),
        ("aggressive", [2, 4, 8, 16, 32, 64, 120]),
    ],
)
def test_policies_wait_ever_longer_and_then_say_what_was_wrong(
    server: ScriptedServer, when: Time, retry: str, waits: list[float]
) -> None:
    server.script(Reply(503))
    with (
        asking(when, retry=retry) as client,
        pytest.raises(SourceDown, match=f"HTTP 503 .{len(waits) + 1} attempt"),
    ):
        client.get(f"{server.url}/page")
    assert when.slept == pytest.approx(waits)
    assert len(server.seen) == len(waits) + 1


def test_jitter_is_full(server: ScriptedServer, when: Time) -> None:
    server.script(Reply(500), Reply(502), Reply(200))
    with asking(when, jitter=0.25) as client:
        assert client.get(server.url).json() == {}
    assert when.slept == pytest.approx([0.25, 0.5])
    assert client.metrics.as_metadata() == {
        "http/calls": 3,
        "http/retries": 2,
        "http/bytes": 2,
        "http/wait_seconds": 0.75,
        "http/failures": 2,
        "http/failure:http_500": 1,
        "http/failure:http_502": 1,
    }


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422, 501])
def test_a_refusal_is_permanent_and_asked_once(
    server: ScriptedServer, when: Time, status: int
) -> None:
    problem = b'{"title":"Forbidden","detail":"Operation not permitted on project"}'
    server.script(Reply(status, problem, {"X-Domain-Security-Reason": "scope"}))
    with asking(when) as client, pytest.raises(Refused) as caught:
        client.get(server.url)
    assert isinstance(caught.value, PermanentError)
    assert caught.value.status == status
    assert "scope; Forbidden, Operation not permitted" in str(caught.value)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_obeyed_to_the_second(
    server: ScriptedServer, when: Time, status: int
) -> None:
    server.script(Reply(status, headers={"Retry-After": "17"}), Reply(200))
    with asking(when) as client:
        client.get(server.url)
    assert when.slept == [17]


def test_retry_after_as_a_date_goes_by_the_servers_clock(
    server: ScriptedServer, when: Time
) -> None:
    headers = {
        "Date": "Mon, 17 Jun 2024 00:00:00 GMT",
        "Retry-After": "Mon, 17 Jun 2024 00:00:42 GMT",
        "Content-Length": "0",
        "Connection": "close",
    }

    def raw(write: Any) -> None:
        lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        write(f"HTTP/1.1 503 X\r\n{lines}\r\n".encode())

    server.script(Reply(raw=raw), Reply(200))
    with asking(when) as client:
        client.get(server.url)
    assert when.slept == [42]


def test_a_pause_is_for_every_client_of_the_source(
    server: ScriptedServer, when: Time
) -> None:
    state = MemoryState(when.clock)
    server.script(Reply(429, headers={"Retry-After": "30"}), Reply(200))
    policy = SourcePolicy("test", retry="none")
    with SourceClient(policy, state, clock=when.clock, sleep=when.sleep) as one:
        with pytest.raises(SourceDown, match="429"):
            one.get(server.url)
        one.get(server.url)
    assert when.slept == pytest.approx([30])


def test_a_wait_beyond_the_cap_parks_the_source(
    server: ScriptedServer, when: Time
) -> None:
    server.script(Reply(503, headers={"Retry-After": "301"}))
    with asking(when) as client:
        for _ in range(2):
            with pytest.raises(Parked, match="pause of 301 seconds") as caught:
                client.get(server.url)
    assert caught.value.until.timestamp() == pytest.approx(when.now + 301, abs=1)
    assert len(server.seen) == 1
    assert when.slept == []


def test_the_last_call_of_the_day_is_answered_and_the_next_is_parked(
    server: ScriptedServer, when: Time
) -> None:
    headers = {"X-Quota-PerDay-Limit": "500", "X-Quota-PerDay-Remaining": "0"}
    server.script(Reply(200, headers=headers))
    when.now = time.time()
    with asking(when) as client:
        assert client.get(server.url).status == 200
        with pytest.raises(Parked, match="today's quota is used up") as caught:
            client.get(server.url)
    until = caught.value.until
    assert (until + timedelta(seconds=2)).time() < clock_time(0, 0, 4)
    assert len(server.seen) == 1
    assert when.slept == []


def test_a_search_is_retried_and_a_form_only_where_nothing_was_done(
    server: ScriptedServer, when: Time
) -> None:
    server.script(Reply(500), Reply(200, b"[1]"))
    with asking(when) as client:
        assert client.query(server.url, json={"page": 1}).json() == [1]
        assert server.seen[1].body == b'{"page": 1}'
        server.script(Reply(500))
        with pytest.raises(SourceDown, match="1 attempt"):
            client.post_form(server.url, {"grant_type": "client_credentials"})
        server.script(Reply(503), Reply(429), Reply(200))
        assert client.post_form(server.url, {"a": "b"}).status == 200
        assert server.seen[-1].body == b"a=b"


def test_a_refused_connection_and_an_unknown_name_are_sentences(when: Time) -> None:
    with asking(when, retry="fast") as client:
        with pytest.raises(SourceDown, match=r"refused \(3 attempts\)"):
            client.post_form("http://127.0.0.1:9/token", {})
        with pytest.raises(SourceDown, match="its name is not known"):
            client.get("http://no-such-host.invalid/")
        for address in ("ftp://x/y", "http://", "nothing", "http://[::1"):
            with pytest.raises(Refused, match=r"not one|no web address"):
                client.get(address)


def test_an_open_breaker_fails_fast_and_names_the_time(
    server: ScriptedServer, when: Time
) -> None:
    server.script(Reply(500))
    with asking(when) as client:
        with pytest.raises(SourceDown) as first:
            client.get(server.url)
        assert first.value.until is not None
        for _ in range(3):
            with pytest.raises(SourceDown, match=r"HTTP 500\. It is asked again after"):
                client.get(server.url)
        assert len(server.seen) == 5
        when.now += 61
        server.script(Reply(200))
        assert client.get(server.url).status == 200
    assert client.metrics.count("fast_failures") == 3


def dribble(head: bytes, seconds: float = 30) -> Any:
    def raw(write: Any) -> None:
        write(head)
        for _ in range(int(seconds * 50)):
            write(b"x")
            time.sleep(0.02)

    return raw


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 503 No\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["status line", "headers", "body", "body without length", "body of an error"],
)
def test_a_slow_drip_ends_at_the_total(
    server: ScriptedServer, when: Time, head: bytes
) -> None:
    server.script(Reply(raw=dribble(head)))
    started = time.monotonic()
    with (
        asking(when, retry="none", read_seconds=0.1, total_seconds=0.15) as client,
        pytest.raises(SourceDown),
    ):
        client.get(server.url)
    assert 0.14 < time.monotonic() - started < 3
    assert set(client.metrics.failures_by_kind) <= {"timeout", "http_503"}


def test_silence_ends_at_the_read_time(server: ScriptedServer, when: Time) -> None:
    server.script(Reply(seconds=1))
    with (
        asking(when, retry="none", read_seconds=0.2) as client,
        pytest.raises(SourceDown, match=r"silent for more than 0\.2 seconds"),
    ):
        client.get(server.url)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_broken_answers_are_outages_and_tried_again(
    server: ScriptedServer, when: Time, raw: bytes
) -> None:
    server.script(Reply(raw=lambda write: write(raw)), Reply(200, b"[]"))
    with asking(when) as client:
        assert client.get(server.url).json() == []
    assert len(server.seen) == 2


def test_bodies_too_long_are_not_held(server: ScriptedServer, when: Time) -> None:
    import gzip

    bomb = gzip.compress(b"0" * 5_000_000)
    server.script(Reply(200, bomb, {"Content-Encoding": "gzip"}))
    with (
        asking(when, max_bytes=1_000_000) as client,
        pytest.raises(TooLarge, match="1,000,000 bytes"),
    ):
        client.get(server.url)
    assert client.metrics.count("bytes") < 1_500_000
    assert len(server.seen) == 1


def test_json_that_is_none_is_malformed(server: ScriptedServer, when: Time) -> None:
    with asking(when) as client:
        for body in (b'{"a": ', b"", b"\xff\xfe\x00", b"[" * 100_000):
            server.script(Reply(200, body))
            answer = client.get(server.url)
            with pytest.raises(MalformedBody, match="cannot be read: it is not JSON"):
                answer.json()


def test_an_answer_keeps_its_status_headers_and_text(
    server: ScriptedServer, when: Time
) -> None:
    with asking(when) as client:
        server.script(Reply(204, b"", {"X-Total-Count": "0"}))
        assert client.get(server.url).headers["x-total-count"] == "0"
        server.script(Reply(300, b"[]"))
        assert client.get(server.url).status == 300
        server.script(
            Reply(200, "é".encode("latin-1"), {"Content-Type": "a/b;charset=latin-1"})
        )
        assert client.get(server.url, params={"a": "b c"}).text == "é"
        assert server.seen[-1].path == "/?a=b+c"


def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers["Authorization"] = "Bearer t0ken-for-one-host"
    return request


def test_redirects_carry_credentials_to_their_own_host_only(
    server: ScriptedServer, when: Time
) -> None:
    with scripted_server() as other, asking(when, auth=sign) as client:
        other.script(Reply(200, b"[2]"))
        server.script(
            Reply(302, headers={"Location": "/next"}),
            Reply(307, headers={"Location": f"{other.url}/there"}),
        )
        headers = {"X-Api-Key": "key-for-one-host", "X-Plain": "yes"}
        assert client.get(server.url, headers=headers).json() == [2]
        assert [r.path for r in server.seen] == ["/", "/next"]
        assert all("Authorization" in r.headers for r in server.seen)
        arrived = other.seen[0].headers
        assert "Authorization" not in arrived
        assert "X-Api-Key" not in arrived
        assert arrived["X-Plain"] == "yes"


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://host/x", "gopher://x/", "/again"]
)
def test_redirects_to_no_web_page_or_without_end_are_refused(
    server: ScriptedServer, when: Time, location: str
) -> None:
    server.script(Reply(302, headers={"Location": location}))
    with asking(when) as client, pytest.raises(Refused, match="redirects"):
        client.get(server.url)
    assert len(server.seen) <= 6


def test_a_body_is_never_redirected_to_another_host(
    server: ScriptedServer, when: Time
) -> None:
    with scripted_server() as other, asking(when) as client:
        server.script(Reply(307, headers={"Location": other.url}))
        with pytest.raises(Refused, match="redirects"):
            client.post_form(server.url, {"client_secret": "x"})
        assert other.seen == []


def test_threads_share_a_client_within_its_places(server: ScriptedServer) -> None:
    server.script(Reply(200, seconds=0.01))
    policy = SourcePolicy("test", max_in_flight=3)
    with SourceClient(policy) as client, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: client.get(server.url), range(36)))
    assert {answer.status for answer in answers} == {200}
    assert server.most_in_flight <= 3
    assert client.metrics.count("calls") == 36


def test_signing_may_itself_ask_through_the_client(server: ScriptedServer) -> None:
    """A token is fetched with one place only, and while all places are taken."""
    policy = SourcePolicy("test", max_in_flight=1)
    lock = threading.Lock()

    def with_token(request: requests.PreparedRequest) -> requests.PreparedRequest:
        with lock:
            token = client.post_form(f"{server.url}/token", {}).status
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    with (
        SourceClient(policy, auth=with_token) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(lambda _: client.get(server.url), range(8)))
    assert len(server.seen) == 16
    assert server.most_in_flight == 1


def test_an_interrupted_call_gives_its_place_back(server: ScriptedServer) -> None:
    state = MemoryState()
    policy = SourcePolicy("test", max_in_flight=1)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    state.pause("test", 0.2)
    with (
        SourceClient(policy, state, sleep=interrupt) as client,
        pytest.raises(KeyboardInterrupt),
    ):
        client.get(server.url)
    assert state.admit(policy, "host").verdict == "go"
