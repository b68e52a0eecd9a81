"""Standard Webhooks 1.0 signatures, version v1 (HMAC-SHA256), over exact bytes.

Only the arithmetic of secrets and signatures. Which secret an endpoint has is
`endpoints.py`; putting the headers on the wire is `posting.py`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable

from domain.errors import UserError

SECRET_PREFIX = "whsec_"  # noqa: S105 the mark of a secret, not one
MIN_SECRET_BYTES = 24
MAX_SECRET_BYTES = 64
GENERATED_SECRET_BYTES = 32


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
    signed = b"%b.%d.%b" % (message_id.encode("ascii"), timestamp, body)
    digest = hmac.digest(key, signed, "sha256")
    return "v1," + binascii.b2a_base64(digest, newline=False).decode("ascii")
