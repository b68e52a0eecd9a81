from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from simulator.signatures import Verifier

# Published with the specification's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KNOWN = {
    b"webhook-id": b"msg_p5jXN8AQM9LWM0D4loKWxJek",
    b"webhook-timestamp": b"1614265330",
    b"webhook-signature": b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
BODY = b'{"test": 2432232314}'
NOW = 1_614_265_330.0
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def signed(secret: str, body: str = BODY.decode()) -> dict[bytes, bytes]:
    """Headers as the specification's own Python library makes them."""
    signature = Webhook(secret).sign("evt_1", datetime.fromtimestamp(NOW, UTC), body)
    return {
        b"webhook-id": b"evt_1",
        b"webhook-timestamp": str(int(NOW)).encode(),
        b"webhook-signature": signature.encode(),
    }


def test_the_published_example_verifies() -> None:
    assert Verifier([SECRET]).problem(KNOWN, BODY, NOW) is None


@pytest.mark.parametrize("body", ["{}", "", '{"suburb":"Wagga Wagga é"}', "x" * 5000])
def test_what_the_reference_library_signs_verifies(body: str) -> None:
    headers = signed(OTHER, body)
    assert Verifier([OTHER]).problem(headers, body.encode(), NOW) is None


def test_any_of_several_signatures_and_secrets_will_do() -> None:
    headers = signed(OTHER)
    signature = headers[b"webhook-signature"]
    headers[b"webhook-signature"] = b"v1a,abcd v1,AAAA " + signature
    assert Verifier([SECRET, OTHER]).problem(headers, BODY, NOW) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({b"webhook-id": b"msg_other"}, "no signature matches"),
        ({b"webhook-id": b""}, "missing"),
        ({b"webhook-signature": b""}, "missing"),
        ({b"webhook-signature": b"v1,AAAA"}, "no signature matches"),
        ({b"webhook-signature": b"v2,g0hM9SsE"}, "no signature matches"),
        ({b"webhook-signature": b"\xff\xfe"}, "no signature matches"),
        ({b"webhook-timestamp": b"1614265331"}, "no signature matches"),
        ({b"webhook-timestamp": b"1614265330.5"}, "whole number"),
        ({b"webhook-timestamp": b"9" * 40}, "whole number"),
    ],
)
def test_a_changed_header_is_told(change: dict[bytes, bytes], problem: str) -> None:
    told = Verifier([SECRET]).problem({**KNOWN, **change}, BODY, NOW)
    assert told is not None
    assert problem in told


def test_a_changed_body_or_secret_is_told() -> None:
    assert Verifier([SECRET]).problem(KNOWN, BODY + b" ", NOW) is not None
    assert Verifier([OTHER]).problem(KNOWN, BODY, NOW) is not None


@pytest.mark.parametrize(("seconds", "good"), [(299, True), (-299, True), (301, False)])
def test_old_and_future_messages_are_refused(seconds: int, good: bool) -> None:
    told = Verifier([SECRET]).problem(KNOWN, BODY, NOW + seconds)
    assert (told is None) is good


@pytest.mark.parametrize("secret", ["whsec_***", "whsec_YWJj", "plain"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        Verifier([secret])


def test_no_secret_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="no secret"):
        Verifier([])
