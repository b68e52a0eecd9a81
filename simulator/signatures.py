"""A consumer's own check of Standard Webhooks signatures.

Written from the Standard Webhooks 1.0.0 specification alone and sharing no code with
the sender, which would else agree with itself. Here: the check. Elsewhere: the server
that makes it (`consumer`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

_TOLERANCE_SECONDS: Final = 300


class Verifier:
    """Checks Standard Webhooks signatures against one or more secrets.

    Secrets are `whsec_` and base64 (several are accepted while keys rotate); raises
    ValueError if one is not, or is shorter than the 24 bytes the specification asks.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [_key(secret) for secret in secrets]
        if not self._keys:
            raise ValueError("no secret given")

    def problem(
        self, headers: dict[bytes, bytes], body: bytes, now: float
    ) -> str | None:
        """What is wrong with a request, None if it is signed well and recent.

        `headers` have lower-case names; `now` is in epoch seconds.
        """
        identity = headers.get(b"webhook-id", b"")
        stamp = headers.get(b"webhook-timestamp", b"")
        signatures = headers.get(b"webhook-signature", b"")
        if not (identity and stamp and signatures):
            return "a webhook header is missing"
        if not stamp.isdigit() or len(stamp) > 12:
            return "the timestamp is not a whole number of seconds"
        if abs(now - int(stamp)) > _TOLERANCE_SECONDS:
            return "the timestamp is more than five minutes off"
        signed = b"%b.%b.%b" % (identity, stamp, body)
        offered = [
            signature[3:]
            for signature in signatures.split()
            if signature.startswith(b"v1,")
        ]
        for key in self._keys:
            digest = hmac.digest(key, signed, hashlib.sha256)
            expected = binascii.b2a_base64(digest, newline=False)
            for signature in offered:
                if hmac.compare_digest(signature, expected):
                    return None
        return "no signature matches"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("a secret is not whsec_ followed by base64") from None
    if len(key) < 24:
        raise ValueError(f"a secret has {len(key)} bytes, it needs at least 24")
    return key
