"""Signatures against the standard's vectors and its own library, never ours alone."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from delivery.signing import InvalidSecret, decode_secret, generate_secret, sign

VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"


def _headers(message_id: str, timestamp: int, signature: str) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def test_signature_equals_the_published_vector() -> None:
    signature = sign(
        decode_secret(VECTOR_SECRET), VECTOR_ID, 1614265330, b'{"test": 2432232314}'
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(
    key=st.binary(min_size=24, max_size=64),
    payload=st.dictionaries(st.text(), st.text() | st.integers(), max_size=5),
)
def test_standard_library_accepts_what_we_sign(
    key: bytes, payload: dict[str, object]
) -> None:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    body_bytes = body.encode("utf-8", "replace")
    now = int(time.time())
    secret = "whsec_" + base64.b64encode(key).decode()
    signature = sign(decode_secret(secret), "evt_1", now, body_bytes)
    verified = Webhook(secret).verify(body_bytes, _headers("evt_1", now, signature))
    assert verified == json.loads(body_bytes)


@pytest.mark.parametrize("changed", ["id", "timestamp", "body", "key"])
def test_any_change_breaks_the_signature(changed: str) -> None:
    now = int(time.time())
    secret = generate_secret(lambda n: bytes(range(n)))
    other = generate_secret(lambda n: bytes(range(1, n + 1)))
    signature = sign(decode_secret(secret), "evt_1", now, b'{"a":1}')
    headers = _headers(
        "evt_2" if changed == "id" else "evt_1",
        now + 1 if changed == "timestamp" else now,
        signature,
    )
    body = b'{"a":2}' if changed == "body" else b'{"a":1}'
    with pytest.raises(WebhookVerificationError):
        Webhook(other if changed == "key" else secret).verify(body, headers)


def test_generated_secret_has_the_written_form_and_decodes_to_its_bytes() -> None:
    secret = generate_secret(lambda n: b"k" * n)
    assert secret.startswith("whsec_")
    assert decode_secret(secret) == b"k" * 32
    assert decode_secret(secret.removeprefix("whsec_")) == b"k" * 32


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_not base64!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_ümlaut",
    ],
)
def test_bad_secrets_are_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        decode_secret(secret)
    text = secret.removeprefix("whsec_")
    assert not text or text not in str(caught.value)
