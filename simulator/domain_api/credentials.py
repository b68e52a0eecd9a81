"""Who may call what: the token endpoint, bearer tokens, the API key, scopes.

Tokens carry their own facts and a signature, so nothing is kept per token; the key of
the signature is the seed, so a run repeats exactly.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from simulator.domain_api.clock import Clock
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Reply, Request, json_reply, problem

_REASON = "X-Domain-Security-Reason"


@dataclass(slots=True)
class Credentials:
    """The one made-up project's credentials, and the tokens given out for them."""

    options: DomainOptions
    clock: Clock
    seed: int
    _revoked: int = 0

    def give_token(self, request: Request) -> Reply:
        """The answer of the token endpoint, OAuth2 client credentials only."""
        form = {
            name: values[0]
            for name, values in parse_qs(request.body.decode("latin-1")).items()
        }
        basic = _basic(request.headers.get("authorization", ""))
        client, secret = basic or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type")
        if not self._is_client(client, secret):
            # RFC 6749 5.2: 401 when the caller tried the Authorization header.
            return _oauth_error(401 if basic else 400, "invalid_client")
        asked = frozenset(form.get("scope", "").split()) or self.options.scopes
        if not asked <= self.options.scopes:
            return _oauth_error(400, "invalid_scope")
        return json_reply(
            {
                "access_token": self._token(asked),
                "expires_in": self.options.token_seconds,
                "token_type": "Bearer",
                "scope": " ".join(sorted(asked)),
            },
            ("Cache-Control", "no-store"),
        )

    def refusal(self, request: Request, scopes: frozenset[str]) -> Reply | None:
        """Why this call is not allowed; None if any of `scopes` is held."""
        key = request.headers.get("x-api-key")
        if key is not None:
            if not hmac.compare_digest(key.encode(), self.options.api_key.encode()):
                return _unauthorised("The API key is not valid")
            held = self.options.scopes
        else:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.casefold() != "bearer" or not token:
                return _unauthorised("No credentials were sent")
            facts = self._facts(token.strip())
            if facts is None or facts["revoked"] != self._revoked:
                return _unauthorised("The access token is not valid")
            if facts["until"] <= self.clock.now():
                return _unauthorised("The access token has expired")
            held = frozenset(facts["scopes"])
        if held & scopes:
            return None
        needed = ", ".join(sorted(scopes))
        reason = f"Insufficient scope: one of {needed} is needed"
        return problem(403, "Forbidden", reason, (_REASON, reason))

    def revoke(self) -> None:
        """Make every token given out so far invalid."""
        self._revoked += 1

    def _is_client(self, client: str, secret: str) -> bool:
        options = self.options
        return hmac.compare_digest(
            f"{client}\0{secret}".encode(),
            f"{options.client_id}\0{options.client_secret}".encode(),
        )

    def _token(self, scopes: frozenset[str]) -> str:
        facts = {
            "until": int(self.clock.now()) + self.options.token_seconds,
            "scopes": sorted(scopes),
            "revoked": self._revoked,
        }
        text = json.dumps(facts, separators=(",", ":")).encode()
        return f"{base64.urlsafe_b64encode(text).decode()}.{self._signature(text)}"

    def _facts(self, token: str) -> dict[str, Any] | None:
        encoded, _, signature = token.partition(".")
        try:
            text = base64.urlsafe_b64decode(encoded.encode())
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            return None
        facts: dict[str, Any] = json.loads(text)
        return facts

    def _signature(self, text: bytes) -> str:
        key = f"simulated:{self.seed}".encode()
        return hmac.new(key, text, hashlib.sha256).hexdigest()


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip()).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client, _, secret = text.partition(":")
    # RFC 6749 2.3.1: both are form-encoded before they are joined.
    decode: Callable[[str], str] = unquote_plus
    return decode(client), decode(secret)


def _oauth_error(status: int, error: str) -> Reply:
    return json_reply({"error": error}, ("Cache-Control", "no-store"), status=status)


def _unauthorised(reason: str) -> Reply:
    """401 without a body, as many of the API's errors are."""
    return Reply(401, b"", ((_REASON, reason), ("WWW-Authenticate", "Bearer")))
