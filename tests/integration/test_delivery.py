"""Drains against real PostgreSQL and real sockets, tame receivers and hostile ones."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook

from delivery.backlog import count_by_status, count_due, has_claimable
from delivery.endpoints import list_endpoints
from delivery.outbox import publish_predictions
from delivery.sender import DrainResult, run_drain
from tests import webhook_receivers as receivers
from tests.delivery_seed import (
    LOOPBACK,
    QUICK,
    VAULT,
    add_endpoint,
    add_predictions,
    one,
    publish,
    secret_of,
)
from tests.webhook_receivers import Answer, Receiver

Conn = psycopg.Connection[Any]

ATTEMPT = (
    "select status_code, error_class, error, response_excerpt from delivery.attempts"
)
DELIVERY = "select status, attempts, leased_until, lease_owner from delivery.deliveries"


def _drain(url: str, **options: Any) -> DrainResult:
    return run_drain(
        url, **{"vault": VAULT, "allow_networks": LOOPBACK, "limits": QUICK, **options}
    )


def test_everything_due_is_delivered_once_and_signed(
    conn: Conn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Were they heeded, nothing would arrive.
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    answer = receivers.status("204 No Content", "Set-Cookie: id=1; Path=/")
    with Receiver(answer) as receiver:
        publish(conn, 450, receiver.url)
        assert (count_due(conn), has_claimable(conn)) == (450, True)
        seen: list[DrainResult] = []
        result = _drain(database_url, on_progress=seen.append)
        assert (result.delivered, result.attempts, result.remaining) == (450, 450, 0)
        assert (result.failed, result.dead, result.stopped) == (0, 0, False)
        assert seen[-1] == result
        # A second drain has nothing to do.
        assert _drain(database_url).attempts == 0
    conn.commit()
    assert (count_due(conn), has_claimable(conn)) == (0, False)
    assert count_by_status(conn) == {
        "delivered": 450,
        "pending": 0,
        "failed": 0,
        "dead": 0,
    }
    assert one(conn, "select count(*) from delivery.attempts") == (450,)
    bodies = dict(conn.execute("select event_id, body from delivery.events").fetchall())
    assert receiver.ids() == dict.fromkeys(bodies, 1)
    verifier = Webhook(secret_of(conn))
    for request in receiver.requests:
        verifier.verify(request.body, request.headers)
        assert request.body == bodies[request.webhook_id].encode()
        assert request.headers["content-type"] == "application/json"
        assert "cookie" not in request.headers
    assert receiver.connections <= QUICK.per_endpoint


def test_drains_at_once_never_send_twice(conn: Conn, database_url: str) -> None:
    with Receiver(receivers.accept_after(0.002)) as receiver:
        publish(conn, 1500, receiver.url)
        results: list[DrainResult] = []
        threads = [
            threading.Thread(target=lambda: results.append(_drain(database_url)))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    faults = conn.execute("select error from delivery.attempts where error is not null")
    assert faults.fetchall() == []
    assert sum(result.delivered for result in results) == 1500
    assert set(receiver.ids().values()) == {1}
    assert len(receiver.ids()) == 1500
    assert one(conn, "select max(attempts) from delivery.deliveries") == (1,)


HOSTILE = [
    pytest.param(receivers.hang, None, "timeout", id="never answers"),
    pytest.param(receivers.drip_head, None, "timeout", id="drips its headers"),
    pytest.param(receivers.drip_body, 200, "timeout", id="drips its body"),
    pytest.param(receivers.flood_head, None, "protocol", id="headers without end"),
    pytest.param(receivers.break_chunking, None, "protocol", id="broken chunking"),
    pytest.param(receivers.disconnect, None, "connection", id="hangs up"),
    pytest.param(receivers.babble, None, "protocol", id="does not speak HTTP"),
    pytest.param(receivers.status("500 Oops", body=b"a\0b"), 500, "status", id="500"),
    pytest.param(receivers.status("404 Not Found"), 404, "status", id="404"),
    pytest.param(
        receivers.status("302 Found", "Location: /internal"), 302, "redirect", id="302"
    ),
    pytest.param(
        receivers.status("307 Again", "Location: /internal"), 307, "redirect", id="307"
    ),
]


@pytest.mark.parametrize(("answer", "code", "error_class"), HOSTILE)
def test_bad_answers_fail_in_time_and_are_tried_again(
    conn: Conn,
    database_url: str,
    answer: Answer,
    code: int | None,
    error_class: str,
) -> None:
    with Receiver(answer) as receiver:
        publish(conn, 1, receiver.url)
        began = time.monotonic()
        result = _drain(database_url, rng=lambda: 0.5)
        assert time.monotonic() - began < 2.5
        assert (result.failed, result.attempts) == (1, 1)
        assert [request.path for request in receiver.requests] == ["/hook"]
    assert one(conn, DELIVERY) == ("failed", 1, None, None)
    assert one(conn, ATTEMPT)[:2] == (code, error_class)
    wait = one(
        conn,
        "select extract(epoch from next_attempt_at - now())::float"
        " from delivery.deliveries",
    )
    assert 25 < wait[0] <= 30
    if code == 500:
        assert one(conn, ATTEMPT)[3] == "ab"


def test_a_huge_body_is_not_read(conn: Conn, database_url: str) -> None:
    sent: list[int] = []
    with Receiver(receivers.flood_body(sent)) as receiver:
        publish(conn, 3, receiver.url)
        result = _drain(database_url)
    assert result.delivered == 3
    assert sum(sent) < 30_000_000
    assert one(conn, "select max(length(response_excerpt)) from delivery.attempts") == (
        1000,
    )


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("120", 118, 120.5), ("999999999", 86_390, 86_400), ("soon", 23, 36.5)],
)
def test_retry_after_is_honoured_up_to_a_day(
    conn: Conn, database_url: str, header: str, low: float, high: float
) -> None:
    answer = receivers.status("429 Too Many Requests", f"Retry-After: {header}")
    with Receiver(answer) as receiver:
        publish(conn, 1, receiver.url)
        _drain(database_url)
    (wait,) = one(
        conn,
        "select extract(epoch from next_attempt_at - now())::float"
        " from delivery.deliveries",
    )
    assert low <= wait <= high


def test_gone_disables_the_endpoint_and_parks_the_rest(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.status("410 Gone")) as receiver:
        publish(conn, 300, receiver.url)
        result = _drain(database_url)
        assert len(receiver.requests) <= QUICK.per_endpoint
    assert result.remaining == 0
    endpoint = list_endpoints(conn)[0]
    assert (endpoint.status, endpoint.disabled_reason) == (
        "disabled",
        "The receiver answered 410 Gone.",
    )
    counts = count_by_status(conn)
    assert (counts["dead"], counts["delivered"]) == (0, 0)
    assert one(
        conn,
        "select count(*) from delivery.deliveries"
        " where leased_until is not null or (status = 'pending' and attempts > 0)",
    ) == (0,)


def test_a_retry_sends_the_same_body_and_id_with_a_fresh_timestamp(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.status("500 Oops")) as receiver:
        publish(conn, 1, receiver.url)
        _drain(database_url, clock=lambda: 1_700_000_000.9)
        receiver.answer = receivers.accept
        conn.execute("update delivery.deliveries set next_attempt_at = now()")
        conn.commit()
        assert _drain(database_url, clock=lambda: 1_700_040_000.0).delivered == 1
    first, second = receiver.requests
    assert (first.webhook_id, first.body) == (second.webhook_id, second.body)
    assert first.headers["webhook-timestamp"] == "1700000000"
    assert second.headers["webhook-timestamp"] == "1700040000"
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_retries_used_up_mean_dead(conn: Conn, database_url: str) -> None:
    results = []
    with Receiver(receivers.status("500 Oops")) as receiver:
        publish(conn, 2, receiver.url)
        for _ in range(7):
            conn.execute("update delivery.deliveries set next_attempt_at = now()")
            conn.commit()
            results.append(_drain(database_url))
    assert [(r.failed, r.dead) for r in results] == [(2, 0)] * 5 + [(0, 2), (0, 0)]
    assert len(receiver.requests) == 12
    assert one(conn, DELIVERY) == ("dead", 6, None, None)
    assert one(
        conn, "select last_status_code, last_error from delivery.deliveries"
    ) == (
        500,
        "Answered 500; only 2xx is success.",
    )


def test_a_hanging_endpoint_does_not_delay_others(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.hang) as hanging, Receiver() as healthy:
        add_endpoint(conn, hanging.url, "hanging")
        publish(conn, 60, healthy.url, "healthy")
        began = time.time()
        _drain(database_url)
        late = max(request.at for request in healthy.requests) - began
    assert len(healthy.ids()) == 60
    assert late < 1.0


def test_private_addresses_behind_names_are_never_dialled(
    conn: Conn, database_url: str
) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        # As if the name had pointed elsewhere when it was registered.
        conn.execute(
            "update delivery.endpoints set url = %s",
            [f"https://localhost:{receiver.port}/hook"],
        )
        conn.commit()
        _drain(database_url, allow_networks=())
        assert receiver.connections == 0
    code, error_class, error, _ = one(conn, ATTEMPT)
    assert (code, error_class) == (None, "refused_address")
    assert "not a permitted address" in error


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/hook",
        "https://user:pw@localhost:{port}/hook",
        "nonsense",
    ],
)
def test_bad_urls_are_refused_at_send_too(
    conn: Conn, database_url: str, url: str
) -> None:
    with Receiver() as receiver:
        publish(conn, 1, receiver.url)
        conn.execute(
            "update delivery.endpoints set url = %s", [url.format(port=receiver.port)]
        )
        conn.commit()
        _drain(database_url, allow_networks=())
        assert receiver.connections == 0
    assert one(conn, ATTEMPT)[:2] == (None, "unsafe_url")


def test_plain_text_where_tls_is_expected_is_a_tls_failure(
    conn: Conn, database_url: str
) -> None:
    with Receiver(receivers.babble) as receiver:
        publish(conn, 1, receiver.url)
        conn.execute(
            "update delivery.endpoints set url = %s",
            [f"https://127.0.0.1:{receiver.port}/hook"],
        )
        conn.commit()
        _drain(database_url)
        assert not receiver.requests
    assert one(conn, ATTEMPT)[1] in ("tls", "timeout")


def test_new_deliveries_reach_a_later_drain(conn: Conn, database_url: str) -> None:
    with Receiver() as receiver:
        publish(conn, 2, receiver.url)
        _drain(database_url)
        add_predictions(conn, 3, first=2, previous=1)
        publish_predictions(conn)
        conn.commit()
        assert _drain(database_url).delivered == 3
    assert len(receiver.ids()) == 5
