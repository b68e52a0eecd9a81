"""Domain's endpoints as functions; every call goes through the resilience client.

Belongs here: addresses, paging words, what an answer's headers say, and errors in
words that name the missing scope. Which calls are made is the landing's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from connectors.domain_api.auth import (
    BearerAuth,
    Credentials,
    KeyAuth,
    Tokens,
    scope_of,
)
from connectors.domain_api.layout import Json
from connectors.domain_api.replies import Reply, json_reader
from connectors.resilience import (
    Refused,
    SharedState,
    SourceClient,
    SourcePolicy,
)
from connectors.resilience.call import Call
from domain.errors import PermanentError

SEARCH = "/v1/listings/residential/_search"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `total` is None where the server keeps no count."""

    items: list[Any]
    total: int | None
    server_time: datetime | None


class DomainApi:
    """The API with its credentials. Safe to share between threads."""

    def __init__(
        self, client: SourceClient, base_url: str, auth: BearerAuth | KeyAuth
    ) -> None:
        self.client = client
        self._base = base_url.rstrip("/")
        self._auth = auth
        #: What the quota headers last said is left of the day; None: nothing said.
        self.day_quota_left: int | None = None

    def __repr__(self) -> str:
        return f"DomainApi({self._base!r})"

    def close(self) -> None:
        """Let go of connections."""
        self.client.close()

    def search(self, query: Json, page: int, size: int) -> Page:
        """One page of residential listings; an empty list past the end."""
        body = {**query, "pageNumber": page, "pageSize": size}
        reply = self._call(SEARCH, list, words=body)
        total = reply.headers.get("X-Total-Count") or ""
        return Page(
            reply.value or [], int(total) if total.isdecimal() else None, _time(reply)
        )

    def listing(self, listing_id: int) -> Json | None:
        """Details of a listing; None where there is no such listing (any more)."""
        return self._record(f"/v1/listings/{listing_id}")

    def property(self, property_id: str) -> Json | None:
        """Details of a property; None where there is none of this id."""
        return self._record(f"/v1/properties/{quote(property_id, safe='')}")

    def sales_head(self) -> Json:
        """Day and last change of the auction results."""
        return self._object("/v1/salesResults/_head")

    def sales_summary(self, city: str) -> Json:
        """A city's auction counts."""
        return self._object(f"/v1/salesResults/{quote(city, safe='')}")

    def sales_results(self, city: str) -> list[Any]:
        """A city's auction results, one by one."""
        path = f"/v1/salesResults/{quote(city, safe='')}/listings"
        return list(self._call(path, list).value or [])

    def suburb_performance(
        self, state: str, suburb: str, postcode: str, words: Json
    ) -> Json | None:
        """A suburb's series; `words` are the query's. None: no such suburb."""
        path = "/".join(quote(part, safe="") for part in (state, suburb, postcode))
        return self._record(f"/v2/suburbPerformanceStatistics/{path}", words)

    def _record(self, path: str, params: Json | None = None) -> Json | None:
        try:
            return self._object(path, params)
        except Refused as error:
            if error.status in (404, 410):
                return None
            raise

    def _object(self, path: str, params: Json | None = None) -> Json:
        return dict(self._call(path, dict, params=params).value or {})

    def _call(
        self,
        path: str,
        kind: type,
        *,
        params: Json | None = None,
        words: Json | None = None,
    ) -> Reply:
        """Ask; where the token has died in the meantime, once more with another."""
        url = self._base + path
        call: Call[Reply] = Call(
            "GET" if words is None else "POST",  # a search only reads
            url,
            json_reader(self.client, kind),
            params=params,
            json=words,
        )
        try:
            reply = self.client.run(call)
        except Refused as error:
            if error.status != 401 or not self._auth.renounce():
                raise _explained(error, url) from error
            try:
                reply = self.client.run(call)
            except Refused as again:
                raise _explained(again, url) from again
        left = reply.headers.get("X-Quota-PerDay-Remaining") or ""
        if left.isdecimal():
            self.day_quota_left = int(left)
        return reply


def open_api(
    credentials: Credentials,
    *,
    base_url: str,
    token_url: str,
    client: Callable[..., SourceClient],
) -> DomainApi:
    """The API for these credentials.

    `client` makes a `SourceClient` for (auth=...); it is called once for the API and,
    with OAuth2, once for the token host, whose calls do not count as the API's.

    Raises:
        PermanentError: the credentials are not enough.
    """
    credentials.check()
    auth: BearerAuth | KeyAuth
    if credentials.api_key is not None:
        auth = KeyAuth(credentials.api_key)
    else:
        auth = BearerAuth(Tokens(client(auth=None), token_url, credentials))
    return DomainApi(client(auth=auth), base_url, auth)


def client_maker(
    policy: SourcePolicy,
    state: SharedState | None,
    secrets: tuple[Any, ...] = (),
    **seams: Any,
) -> Callable[..., SourceClient]:
    """A maker of clients for `open_api`; `seams` are a client's clock, sleep, ..."""

    def make(*, auth: Any) -> SourceClient:
        own = policy
        if auth is None:
            # The token host has its own quota (3,000 an hour).
            own = replace(
                policy,
                source=f"{policy.source}_token",
                calls_per_minute=None,
                calls_per_day=None,
            )
        return SourceClient(own, state, auth=auth, secrets=secrets, **seams)

    return make


def _explained(error: Refused, url: str) -> PermanentError:
    """A refusal in words that say what to mend; 404 and others stay as they are."""
    if error.status not in (401, 403):
        return error
    scope = scope_of(url)
    told = f" ({error.reason})" if error.reason else ""
    if error.status == 403:
        return PermanentError(
            f"Domain refuses {error.url}{told}: the project lacks the scope {scope} or "
            "its API package; add it at developer.domain.com.au."
        )
    return PermanentError(
        f"Domain does not accept the credentials for {error.url}{told}: check "
        "domain.client_id and domain.client_secret, or domain.api_key."
    )


def _time(reply: Reply) -> datetime | None:
    try:
        return parsedate_to_datetime(reply.headers.get("Date") or "")
    except (TypeError, ValueError):
        return None
