"""How one attempt ended: judged from the response or the error, in words for people.

Belongs here: which statuses and errors are worth another try and what they say about
the host. Pure; doing something about it is `client`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from connectors.resilience.secrets import redact
from connectors.resilience.transport import BadRedirect
from domain.source_policy import SourcePolicy

#: Not now, but maybe later. 429 is apart: the server is well, we are too fast.
TRANSIENT: Final = frozenset({408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_EXCERPT: Final = 200

#: unsent: no byte of the request left us; cut: the server hung up or its body broke
#: off; parked: not before the quota is back; redirect, refused, too_large: trying again
#: cannot help.
Kind = Literal[
    "unsent",
    "timeout",
    "cut",
    "throttled",
    "parked",
    "server",
    "refused",
    "redirect",
    "too_large",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that gave no answer. `reason` holds no secret."""

    kind: Kind
    reason: str
    url: str
    status: int | None = None
    wait_seconds: float | None = None

    @property
    def label(self) -> str:
        """Name to count it under."""
        if self.status is not None and self.kind != "cut":
            return f"http_{self.status}"
        return self.kind

    @property
    def is_transient(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.kind in ("unsent", "timeout", "cut", "throttled", "server")

    @property
    def is_outage(self) -> bool:
        """Whether it speaks against the host's health, for its breaker."""
        return self.kind in ("unsent", "timeout", "cut", "server")


def judge_status(
    response: requests.Response, accepted: frozenset[int], excerpt: bytes
) -> Failure | None:
    """What a status means; None where the answer is one."""
    status = response.status_code
    if 200 <= status < 300 or status in accepted:
        return None
    url = redact(response.url)
    told = _told(response.headers, excerpt)
    reason = f"HTTP {status}" + (f", {told}" if told else "")
    if status == 429:
        return Failure("throttled", reason, url, status)
    if status in TRANSIENT:
        return Failure("server", reason, url, status)
    return Failure("refused", told, url, status)


def judge_error(
    error: Exception, url: str, policy: SourcePolicy, *, is_late: bool
) -> Failure:
    """What an exception of the exchange means. `is_late`: the total time was over."""
    shown = redact(url)
    if isinstance(error, BadRedirect):
        return Failure("redirect", str(error), shown)
    causes = list(_chain(error))
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return Failure("unsent", "its name is not known", shown)
    if any(isinstance(c, NewConnectionError | ConnectionRefusedError) for c in causes):
        return Failure("unsent", "the connection was refused", shown)
    if any(isinstance(cause, ConnectTimeoutError) for cause in causes):
        reason = f"no connection within {policy.connect_seconds:g} seconds"
        return Failure("unsent", reason, shown)
    if is_late:
        reason = f"not finished within {policy.total_seconds:g} seconds in all"
        return Failure("timeout", reason, shown)
    if any(isinstance(cause, ReadTimeoutError | TimeoutError) for cause in causes):
        reason = f"silent for more than {policy.read_seconds:g} seconds"
        return Failure("timeout", reason, shown)
    if isinstance(
        error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema
    ):
        return Failure("redirect", "the address is not one", shown)
    for cause in causes:
        if isinstance(cause, IncompleteRead):
            return Failure("cut", "the body ended early", shown)
        if isinstance(cause, DecodeError):
            return Failure("cut", "the body cannot be unpacked", shown)
    return Failure("cut", _short(causes[-1]), shown)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it wraps, outermost first."""
    found: list[BaseException] = []
    queue: list[BaseException] = [error]
    while queue and len(found) < 20:
        current = queue.pop(0)
        if current in found:
            continue
        found.append(current)
        inner = [getattr(current, "reason", None), *current.args]
        inner += [current.__cause__, current.__context__]
        queue += [each for each in inner if isinstance(each, BaseException)]
    return found


def _short(error: BaseException) -> str:
    text = redact(re.sub(r"\s+", " ", str(error)))[:_EXCERPT]
    if isinstance(error, ConnectionError | HTTPError) and not text:
        text = "the connection was lost"
    return text or type(error).__name__


def _told(headers: Mapping[str, str], excerpt: bytes) -> str:
    """What the server says about a failure: its own words, cut and redacted."""
    parts = [headers.get("X-Domain-Security-Reason") or "", _problem(excerpt)]
    text = "; ".join(dict.fromkeys(part for part in parts if part))
    return redact(re.sub(r"[\s\x00-\x1f]+", " ", text).strip())[:_EXCERPT]


def _problem(excerpt: bytes) -> str:
    """Title and detail of a problem document, or the error of an OAuth answer."""
    try:
        body: Any = json.loads(excerpt)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    names = ("error", "error_description", "title", "detail", "message")
    found = [body[name] for name in names if isinstance(body.get(name), str)]
    return ", ".join(dict.fromkeys(found))
