"""ed25519 signatures against published vectors and the cryptography package."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from delivery.signing import (
    AsymmetricSigner,
    InvalidSecret,
    SymmetricSigner,
    decode_private_key,
    generate_private_key,
    public_key,
)

PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9l"
    "MicMFs6Kvg=="
)
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
MESSAGE = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')


def test_the_signature_equals_the_published_vector() -> None:
    assert AsymmetricSigner(PRIVATE).sign(*MESSAGE) == (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mN"
        "l8EM+m7TBAg=="
    )
    assert public_key(PRIVATE) == PUBLIC


def test_a_new_key_has_the_written_form_and_its_public_half_verifies() -> None:
    written = generate_private_key(lambda n: bytes(range(n)))
    raw = base64.b64decode(written.removeprefix("whsk_"))
    assert (raw[:32], len(raw)) == (bytes(range(32)), 64)
    public = base64.b64decode(public_key(written).removeprefix("whpk_"))
    assert public == raw[32:]
    signature = AsymmetricSigner(written).sign("evt_1", 7, b"\xff\x00")
    Ed25519PublicKey.from_public_bytes(public).verify(
        base64.b64decode(signature.removeprefix("v1a,")), b"evt_1.7.\xff\x00"
    )
    seed_alone = "whsk_" + base64.b64encode(raw[:32]).decode()
    assert public_key(seed_alone) == public_key(written)


@pytest.mark.parametrize(
    "written",
    [
        "whsk_",
        "whsk_not base64!",
        "whsk_" + base64.b64encode(b"x" * 33).decode(),
        "whsk_" + base64.b64encode(b"x" * 64).decode(),
    ],
)
def test_bad_private_keys_are_refused_without_being_quoted(written: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        decode_private_key(written)
    text = written.removeprefix("whsk_")
    assert not text or text not in str(caught.value)


def test_the_older_scheme_signs_the_body_alone() -> None:
    # What openssl dgst -mac HMAC answers.
    signer = SymmetricSigner("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert signer.compat(b"{}") == (
        "sha256=0975dbf64619b2320969cf81869d63ef060a0a952cfe498ae7ad2c70a828d1e8"
    )
