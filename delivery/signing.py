"""Standard Webhooks 1.0 signatures over exact bytes: v1 (HMAC-SHA256), v1a (ed25519).

Only the arithmetic of secrets and signatures. Which keys an endpoint has is
`keys.py`; putting the headers on the wire is `posting.py`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from domain.errors import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SECRET_PREFIX = "whsec_"  # noqa: S105 the mark of a secret, not one
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64
GENERATED_SECRET_BYTES = 32
_SEED_BYTES = 32


class InvalidSecret(UserError):
    """A signing secret that the standard does not allow. Never quotes the secret."""


def generate_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A new secret in its written form, `whsec_` and base64.

    Args:
        random_bytes: source of randomness, `secrets.token_bytes` outside tests.
    """
    return SECRET_PREFIX + base64.b64encode(
        random_bytes(GENERATED_SECRET_BYTES)
    ).decode("ascii")


def decode_secret(secret: str) -> bytes:
    """The key bytes of a written secret; the prefix may be missing.

    Raises:
        InvalidSecret: not base64, or not 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecret("A signing secret is whsec_ followed by base64.") from None
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise InvalidSecret(
            f"A signing secret holds {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes; "
            f"this one holds {len(key)}."
        )
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The `v1,<base64>` signature of one attempt.

    Args:
        key: decoded secret, see `decode_secret`.
        message_id: the webhook-id; the same for all attempts. Must not contain a dot,
            which separates the signed parts.
        timestamp: Unix seconds of this attempt, the webhook-timestamp.
        body: exactly the bytes that are sent.
    """
    digest = hmac.digest(key, _signed(message_id, timestamp, body), "sha256")
    return "v1," + binascii.b2a_base64(digest, newline=False).decode("ascii")


def _signed(message_id: str, timestamp: int, body: bytes) -> bytes:
    return b"%b.%d.%b" % (message_id.encode("ascii"), timestamp, body)


class Signer(Protocol):
    """Makes one kind of signature with one key."""

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The signature as it stands in the `webhook-signature` header."""
        ...


class SymmetricSigner:
    """v1: HMAC-SHA256 with a secret that both sides hold."""

    def __init__(self, secret: str) -> None:
        self._key = decode_secret(secret)

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """See `sign`."""
        return sign(self._key, message_id, timestamp, body)

    def compat(self, body: bytes) -> str:
        """The `sha256=<hex>` of the body alone; see `compat_signature`."""
        return compat_signature(self._key, body)


class AsymmetricSigner:
    """v1a: ed25519; the consumer holds the public key alone."""

    def __init__(self, secret: str) -> None:
        self._key = decode_private_key(secret)

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The `v1a,<base64>` signature of one attempt; arguments as `sign`."""
        signature = self._key.sign(_signed(message_id, timestamp, body))
        return "v1a," + binascii.b2a_base64(signature, newline=False).decode("ascii")


def generate_private_key(random_bytes: Callable[[int], bytes]) -> str:
    """A new ed25519 key in its written form: `whsk_`, base64 of seed and public key.

    Args:
        random_bytes: source of randomness, `secrets.token_bytes` outside tests.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = random_bytes(_SEED_BYTES)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PRIVATE_PREFIX + base64.b64encode(seed + public).decode("ascii")


def decode_private_key(written: str) -> Ed25519PrivateKey:
    """The key of a written `whsk_`: 32 bytes of seed, or these and the public key.

    Raises:
        InvalidSecret: not base64, of another length, or halves that do not match.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        raw = base64.b64decode(written.removeprefix(PRIVATE_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecret("A private key is whsk_ followed by base64.") from None
    if len(raw) not in (_SEED_BYTES, 2 * _SEED_BYTES):
        raise InvalidSecret(
            f"A private key holds 32 or 64 bytes; this one holds {len(raw)}."
        )
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if raw[_SEED_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise InvalidSecret("A private key's public half does not belong to it.")
    return key


def public_key(written: str) -> str:
    """The `whpk_` that verifies what a written `whsk_` signs.

    Raises:
        InvalidSecret: see `decode_private_key`.
    """
    raw = decode_private_key(written).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(raw).decode("ascii")


def compat_signature(key: bytes, body: bytes) -> str:
    """The older scheme's `sha256=<hex>`: HMAC-SHA256 of the body alone.

    It covers neither id nor time: whoever has seen a message can send it again.
    """
    return "sha256=" + hmac.digest(key, body, "sha256").hex()
