"""One call: what is asked, what comes of it, and the count of its attempts.

Belongs here: the shapes a call is made of. Asking is `client`.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import requests
from requests.structures import CaseInsensitiveDict

from connectors.resilience.errors import MalformedBody
from connectors.resilience.outcome import Failure
from domain.source_state import Outcome

T = TypeVar("T")

#: Statuses that are answers beside 2xx: several matches, not modified.
_ANSWERS: Final = frozenset({300, 304})


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A whole answer. `url` is redacted; the repr shows neither headers nor body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    source: str = ""

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            MalformedBody: it is not JSON.
        """
        problem = ""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError) as error:
            position = getattr(error, "pos", None)
            where = "" if position is None else f" at byte {position}"
            problem = f"it is not JSON{where} of {len(self.body)}"
        raise MalformedBody(self.source, self.url, problem)

    @property
    def text(self) -> str:
        """The body as text, in the encoding its header names, else UTF-8."""
        encoding = requests.utils.get_encoding_from_headers(
            CaseInsensitiveDict(self.headers)
        )
        named = "charset" in (self.headers.get("Content-Type") or "").lower()
        try:
            return self.body.decode((named and encoding) or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"Answer({self.status}, {self.url!r}, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file on disk, whole. `is_new` is False where the server says: not changed."""

    path: Path
    sha256: str
    size_bytes: int
    is_new: bool
    etag: str | None = None
    last_modified: str | None = None
    resumed_bytes: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Call(Generic[T]):
    """One thing to ask, however many attempts it takes.

    `headers` is asked before each attempt; `progress` counts bytes that a next attempt
    need not fetch; `gives` turns an accepted response into the result.
    """

    method: str
    url: str
    gives: Callable[[requests.Response], T | Failure]
    headers: Callable[[], Mapping[str, str]] = dict
    params: Mapping[str, Any] | None = None
    json: Any = None
    data: Mapping[str, str] | None = None
    accepted: frozenset[int] = _ANSWERS
    is_idempotent: bool = True
    use_auth: bool = True
    progress: Callable[[], int] = field(default=lambda: 0)


class Tries:
    """Counts attempts; one that got further does not count against the call."""

    _PROGRESS_BYTES: Final = 1 << 20

    def __init__(self, call: Call[Any], attempts: int) -> None:
        self._call = call
        self._attempts = attempts
        self._begun = 0
        self._most_kept = call.progress()
        self.fruitless = 0
        self.host = ""

    @property
    def told(self) -> str:
        """How many attempts there were, in words."""
        return "1 attempt" if self._begun == 1 else f"{self._begun} attempts"

    def begin(self) -> bool:
        """Note an attempt that is about to be sent; whether it is a repeat."""
        self._begun += 1
        return self._begun > 1

    def end(self) -> None:
        """Note that an attempt failed."""
        kept = self._call.progress()
        if kept - self._most_kept >= self._PROGRESS_BYTES:
            self.fruitless = 0
        self._most_kept = max(self._most_kept, kept)
        self.fruitless += 1

    @property
    def are_used_up(self) -> bool:
        """Whether the attempt that failed was the last one."""
        return self.fruitless >= self._attempts


def is_worth_retrying(call: Call[Any], result: object) -> bool:
    """Whether the call may be tried again after this result."""
    if not isinstance(result, Failure) or not result.is_transient:
        return False
    if call.is_idempotent:
        return True
    return result.kind in ("unsent", "throttled") or result.status == 503


def outcome_for_host(failure: Failure, call: Call[Any]) -> Outcome:
    """What a failure says about its host's health.

    A file that breaks off says nothing: the server did answer.
    """
    if failure.kind == "cut" and failure.status is not None:
        return "unknown"
    return "failed" if failure.is_outage else "answered"
