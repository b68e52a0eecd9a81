"""Sending one request: time limits that hold, redirects that leak nothing.

`requests` limits the silence between two bytes, not the whole: a server that sends one
byte a second holds a caller for ever. Here every read of a connection, headers and
bodies alike, has the time that is left until the request's deadline. Belongs here: the
session and the exchange. When to try again is `client`.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connectors.resilience.secrets import PRIVATE_HEADERS, quiet_logs, redact

USER_AGENT: Final = "ausproperty/0.1 (property sales research)"
MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})

Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]

#: Monotonic time at which the request of this context ends; None: no deadline.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class BadRedirect(Exception):
    """A redirect that is not followed; the message says why."""


class _DeadlineReader(io.RawIOBase):
    """Reads of one response, each with the time that is left."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._inner = sock.makefile("rb", buffering=0)
        self._silence = sock.gettimeout()
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        silence = self._silence
        self._sock.settimeout(left if silence is None else min(left, silence))
        return self._inner.readinto(buffer)

    def close(self) -> None:
        self._inner.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = _deadline.get()
        if deadline is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_DeadlineReader(sock, deadline), 64 * 1024)


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse
    # http.client prints headers, credentials and all, if anybody sets its switch.
    debuglevel = 0


class _SecureConnection(HTTPSConnection):
    response_class = _DeadlineResponse
    debuglevel = 0


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS: Final = {"http": _Pool, "https": _SecurePool}


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def new_session(connections: int) -> requests.Session:
    """A session whose reads end at the deadline; it repeats and follows nothing."""
    quiet_logs()
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    for scheme in ("http://", "https://"):
        session.mount(scheme, _DeadlineAdapter(pool_maxsize=connections))
    return session


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Requests sent inside end at `deadline` (monotonic), bodies read later too."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Adds nothing; given so that requests does not look into ~/.netrc."""
    return request


def send(
    session: requests.Session,
    request: requests.PreparedRequest,
    *,
    auth: Auth,
    timeout: tuple[float, float],
) -> requests.Response:
    """Send a prepared request, follow its redirects, return the unread response.

    A redirect to another origin goes without credentials; to anything but http and
    https, from https to http with credentials, or more than five times: not at all.

    Raises:
        BadRedirect: one that is not followed.
        requests.RequestException: no response.
    """
    origin = _origin(request.url or "")
    environment = session.merge_environment_settings(
        request.url, {}, stream=True, verify=None, cert=None
    )
    for _ in range(MAX_REDIRECTS + 1):
        response = session.send(
            request, timeout=timeout, allow_redirects=False, **environment
        )
        target = response.headers.get("Location")
        if response.status_code not in _REDIRECTS or not target:
            return response
        response.close()
        request = _redirected(session, request, response, target, origin, auth)
    raise BadRedirect(f"more than {MAX_REDIRECTS} redirects")


def _redirected(
    session: requests.Session,
    request: requests.PreparedRequest,
    response: requests.Response,
    target: str,
    origin: tuple[str, str, int | None],
    auth: Auth,
) -> requests.PreparedRequest:
    url = urljoin(request.url or "", target)
    if urlsplit(url).scheme not in ("http", "https"):
        raise BadRedirect(f"it redirects to {redact(url)[:200]}")
    if request.method != "GET" and response.status_code not in _KEEPS_METHOD:
        raise BadRedirect("it redirects a request that is not a GET")
    same = _origin(url) == origin
    if not same and request.body:
        raise BadRedirect(f"it redirects a body to {urlsplit(url).hostname}")
    headers = request.headers if same else _without_secrets(request.headers)
    headers = {k: v for k, v in headers.items() if k.lower() != "cookie"}
    fresh = requests.Request(
        request.method,
        url,
        headers=headers,
        data=request.body,
        auth=auth if same else no_auth,
    )
    return session.prepare_request(fresh)


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in PRIVATE_HEADERS and redact(str(value)) == str(value)
    }


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def read_body(
    response: requests.Response, limit: int, on_bytes: Callable[[int], None]
) -> bytes | None:
    """The whole body, unpacked; None as soon as it is longer than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    for data in response.iter_content(64 * 1024):
        size += len(data)
        on_bytes(len(data))
        if size > limit:
            return None
        parts.append(data)
    return b"".join(parts)
