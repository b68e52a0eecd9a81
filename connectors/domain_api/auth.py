"""Signing calls: OAuth2 client credentials, one cached token a scope; or an API key.

Belongs here: where a token comes from and when it is worth another. Asking the token
host is the resilience client's part; secrets never leave `Secret`.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests
from requests.auth import AuthBase

from connectors.domain_api.layout import SOURCE
from connectors.domain_api.replies import Reply, json_reader
from connectors.resilience import MalformedBody, Refused, SourceClient
from connectors.resilience.call import Call
from connectors.resilience.secrets import Secret
from domain.errors import PermanentError

#: A token is renewed so long before it expires: a call may wait for its turn.
_MARGIN_SECONDS = 60.0
_SCOPES = (
    (re.compile(r"/v\d+/(listings|listingSearch)/"), "api_listings_read"),
    (re.compile(r"/v\d+/properties/"), "api_properties_read"),
    (re.compile(r"/v\d+/salesResults/"), "api_salesresults_read"),
    (re.compile(r"/v\d+/suburbPerformanceStatistics/"), "api_suburbperformance_read"),
)


def scope_of(url: str) -> str:
    """The OAuth2 scope an address needs."""
    for pattern, scope in _SCOPES:
        if pattern.search(url):
            return scope
    return "api_listings_read"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a project was given: a client id with its secret, or an API key."""

    client_id: str | None = None
    client_secret: Secret | None = field(default=None, repr=False)
    api_key: Secret | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that must show nowhere."""
        return tuple(s for s in (self.client_secret, self.api_key) if s is not None)

    def check(self) -> None:
        """Raise PermanentError unless they are enough to call with."""
        if self.api_key is None and (not self.client_id or self.client_secret is None):
            raise PermanentError(
                "The Domain API needs credentials: set domain.client_id and "
                "domain.client_secret (or its file), or domain.api_key."
            )


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    expires_at: float


class Tokens:
    """Access tokens by scope, shared by threads; each is asked for once.

    A token a scope, so that a project without one package can still use the others.
    `clock` is monotonic seconds.
    """

    def __init__(
        self,
        client: SourceClient,
        token_url: str,
        credentials: Credentials,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._url = token_url
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}

    def token(self, scope: str) -> str:
        """A token that is good for a while yet.

        Raises:
            PermanentError: the credentials or the scope are refused.
            SourceDown, Parked: the token host is away.
        """
        with self._lock:
            known = self._tokens.get(scope)
            if known is None or known.expires_at <= self._clock():
                known = self._tokens[scope] = self._ask(scope)
            return known.value

    def renounce(self, scope: str, value: str) -> None:
        """Forget a token the API no longer takes, unless another has replaced it."""
        with self._lock:
            known = self._tokens.get(scope)
            if known is not None and known.value == value:
                del self._tokens[scope]

    def _ask(self, scope: str) -> _Token:
        secret = self._credentials.client_secret
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_id": self._credentials.client_id or "",
            "client_secret": secret.reveal() if secret else "",
        }
        # Asking twice costs one more of 3,000 tokens an hour and nothing else.
        call: Call[Reply] = Call(
            "POST",
            self._url,
            json_reader(self._client, dict),
            data=form,
            use_auth=False,
        )
        asked_at = self._clock()
        try:
            body = self._client.run(call).value or {}
        except Refused as error:
            raise PermanentError(_refusal(error, scope)) from error
        value = body.get("access_token")
        if not isinstance(value, str) or not value:
            raise MalformedBody(SOURCE, self._url, "it holds no access_token")
        seconds = body.get("expires_in")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            seconds = 300.0
        Secret(value)
        margin = min(_MARGIN_SECONDS, seconds * 0.1)
        return _Token(value, asked_at + seconds - margin)


def _refusal(error: Refused, scope: str) -> str:
    if "invalid_scope" in error.reason:
        return (
            f"Domain's token host refuses the scope {scope}: add its API package to "
            "the project at developer.domain.com.au."
        )
    if "invalid_client" in error.reason:
        return (
            "Domain's token host does not know the client: check domain.client_id and "
            "domain.client_secret."
        )
    told = error.reason or f"status {error.status}"
    return f"Domain's token host gives no token ({told}): check the credentials."


class BearerAuth(AuthBase):
    """Signs with the token of the scope an address needs.

    The token last used by a thread is kept, so that a 401 renounces that one.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._used = threading.local()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one attempt."""
        scope = scope_of(request.url or "")
        value = self._tokens.token(scope)
        self._used.last = (scope, value)
        request.headers["Authorization"] = f"Bearer {value}"
        return request

    def renounce(self) -> bool:
        """Forget the token this thread used last; whether there was one."""
        scope, value = getattr(self._used, "last", ("", ""))
        if value:
            self._tokens.renounce(scope, value)
        return bool(value)


class KeyAuth(AuthBase):
    """Signs with an API key."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign one attempt."""
        request.headers["X-Api-Key"] = self._key.reveal()
        return request

    def renounce(self) -> bool:
        """A key cannot be renewed."""
        return False
