"""One signed POST over real HTTP, with every protection against hostile receivers.

Total time, read size and dialled addresses are bounded here; nothing is followed,
decompressed, remembered or taken from the environment. What becomes of an outcome is
`sender.py`. aiohttp is imported with this module: import it where sending happens only.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from delivery.claims import SealedKey
from delivery.guard import (
    AddressRefused,
    AddressRule,
    Networks,
    UnsafeUrl,
    check_url,
)
from delivery.signing import (
    AsymmetricSigner,
    InvalidSecret,
    Signer,
    SymmetricSigner,
)
from delivery.vault import Unreadable, Vault

MAX_READ_BYTES = 4096
EXCERPT_CHARACTERS = 1000
ERROR_CHARACTERS = 500
# Receivers close idle connections after 5 s (Node's default) or more; reusing one as it
# closes would cost a retry.
KEEPALIVE_SECONDS = 4.0

_HEADERS = {
    "content-type": "application/json",
    "user-agent": "ausproperty-webhooks/1",
    "accept-encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one POST.

    `error_class` is None for a 2xx answer only, read whole or up to the limit.
    """

    duration_ms: int
    status_code: int | None = None
    error_class: str | None = None
    error: str | None = None
    excerpt: str | None = None
    retry_after: str | None = None


class KeysUnusable(Exception):
    """Nothing can be signed for an endpoint; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver made ready for many POSTs; `fault` says why it is never dialled.

    `signers` are in the order of the header, each with the monotonic time from which it
    is left out; `compat` makes `X-Signature-256`.
    """

    url: URL
    signers: tuple[tuple[Signer, float | None], ...] = field(repr=False)
    compat: SymmetricSigner | None = field(repr=False)
    secure: bool
    fault: str | None

    def __repr__(self) -> str:
        return f"Target({self.url.host})"

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """What signs one attempt, by the keys that have not ended by now."""
        now = monotonic()
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(
                [
                    signer.sign(message_id, timestamp, body)
                    for signer, expires in self.signers
                    if expires is None or now < expires
                ]
            ),
        }
        if self.compat is not None:
            headers["x-signature-256"] = self.compat.compat(body)
        return headers


def prepare_target(
    url: str,
    keys: Sequence[SealedKey],
    allow_networks: Networks,
    vault: Vault,
    *,
    compat: bool = False,
) -> Target:
    """Check the URL and open the keys once, for many POSTs.

    Raises:
        KeysUnusable: there is no current key, or one that no master key opens.
    """
    if all(key.expires is not None for key in keys):
        raise KeysUnusable(
            "It has no current signing key; `ausproperty endpoints rotate` makes one."
        )
    try:
        opened = [(key, vault.open(key.secret_sealed)) for key in keys]
    except Unreadable:
        raise KeysUnusable(
            "A signing key cannot be decrypted with the configured master keys. Add "
            "the one it was sealed with to AUSPROPERTY_DELIVERY__MASTER_KEYS, or "
            "rotate with --overlap 0; then `ausproperty endpoints resume`."
        ) from None
    try:
        check_url(url, allow_networks)
        # encoded=True sends the path as registered, byte for byte.
        parsed = URL(url, encoded=True)
        signers: list[tuple[Signer, float | None]] = []
        old_scheme: SymmetricSigner | None = None
        for key, written in opened:
            if key.kind == "v1a":
                signers.append((AsymmetricSigner(written), key.expires))
                continue
            signer = SymmetricSigner(written)
            signers.append((signer, key.expires))
            if compat and key.expires is None:
                old_scheme = signer
    except (UnsafeUrl, InvalidSecret, ValueError) as error:
        return Target(URL(), (), None, False, str(error))
    return Target(parsed, tuple(signers), old_scheme, parsed.scheme == "https", None)


class Poster:
    """The HTTP client of one drain. An async context manager."""

    def __init__(
        self,
        *,
        allow_networks: Networks,
        max_connections: int,
        connect_seconds: float,
        total_seconds: float,
    ) -> None:
        self._networks = tuple(allow_networks)
        self._max_connections = max_connections
        self._timeout = aiohttp.ClientTimeout(
            total=total_seconds, sock_connect=connect_seconds
        )
        self._https: aiohttp.ClientSession
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Open both clients; nothing is dialled yet."""
        # Which addresses may be dialled depends on the scheme, and the socket factory
        # is not told the scheme: one connector for each.
        self._https = self._session(AddressRule(self._networks, public=True))
        self._http = self._session(AddressRule(self._networks, public=False))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all connections."""
        await self._https.close()
        await self._http.close()

    def _session(self, rule: AddressRule) -> aiohttp.ClientSession:
        def open_socket(info: tuple[Any, ...]) -> socket.socket:
            family, kind, proto, _, address = info
            return rule.open_socket(address[0], family, kind, proto)

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections,
                keepalive_timeout=KEEPALIVE_SECONDS,
                socket_factory=open_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            timeout=self._timeout,
            trust_env=False,
            auto_decompress=False,
        )

    async def post(
        self, target: Target, message_id: str, timestamp: int, body: bytes
    ) -> Outcome:
        """Send exactly `body`, signed, and say how it went. Raises nothing of its own.

        Args:
            target: see `prepare_target`.
            message_id: the webhook-id.
            timestamp: the webhook-timestamp, Unix seconds.
            body: the stored bytes.
        """
        started = perf_counter()
        status: int | None = None
        try:
            if target.fault is not None:
                raise UnsafeUrl(target.fault)
            session = self._https if target.secure else self._http
            response = await session.post(
                target.url,
                data=body,
                headers=target.headers(message_id, timestamp, body),
                allow_redirects=False,
            )
            status = response.status
            excerpt = await _read_some(response)
        except Exception as error:
            kind, text = _classify(error)
            return Outcome(_ms(started), status, kind, text)
        if 200 <= status < 300:
            return Outcome(_ms(started), status, excerpt=excerpt)
        kind, text = _describe_status(status, response.headers)
        return Outcome(
            _ms(started),
            status,
            kind,
            text,
            excerpt,
            response.headers.get("Retry-After"),
        )


def _ms(started: float) -> int:
    return round((perf_counter() - started) * 1000)


async def _read_some(response: aiohttp.ClientResponse) -> str | None:
    """The beginning of the body; a connection with more to come is closed."""
    content = response.content
    if content.at_eof():  # no body: the connection is back in the pool already
        return None
    data = b""
    try:
        while len(data) < MAX_READ_BYTES and not content.at_eof():
            data += await content.read(MAX_READ_BYTES - len(data))
    finally:
        if not content.at_eof():
            response.close()
    text = data.decode("utf-8", "replace").replace("\0", "")
    return text[:EXCERPT_CHARACTERS] or None


def _describe_status(status: int, headers: Mapping[str, str]) -> tuple[str, str]:
    if 300 <= status < 400:
        where = headers.get("Location", "nowhere")[:200]
        return "redirect", (
            f"Answered {status} to {where}; redirects are not followed: register the "
            "new URL."
        )
    return "status", f"Answered {status}; only 2xx is success."


def _classify(error: Exception) -> tuple[str, str]:
    """A stable class and a readable text for a failed POST."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        text += f" ({error.os_error})"  # its own text leaves the cause out
    text = text[:ERROR_CHARACTERS]
    # Surrogates and NUL can come from a receiver's bytes; the log takes neither.
    text = text.encode("utf-8", "replace").decode().replace("\0", "")
    if isinstance(error, UnsafeUrl):
        return "unsafe_url", text
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "timeout", text
    if isinstance(error, aiohttp.ClientSSLError):
        return "tls", text
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "dns", text
    if AddressRefused.MARK in text:
        return "refused_address", text
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connect", text
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return "connection", text
    if isinstance(error, aiohttp.ClientError | ValueError):
        return "protocol", text
    return "internal", text
