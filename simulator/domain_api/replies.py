"""Requests and replies between the HTTP server and the simulated API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One call: path without the mount point, query words, headers in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. An empty body has no media type."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = "application/json"

    def with_headers(self, *headers: tuple[str, str]) -> Reply:
        """The same with more headers."""
        return Reply(self.status, self.body, (*self.headers, *headers), self.media_type)


def json_reply(value: Any, *headers: tuple[str, str], status: int = 200) -> Reply:
    """`value` as compact JSON."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Reply(status, body, headers)


def problem(status: int, title: str, detail: str, *headers: tuple[str, str]) -> Reply:
    """An error as ProblemDetails."""
    body = {
        "type": f"https://httpstatuses.simulated.invalid/{status}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    return Reply(status, json.dumps(body).encode(), headers, "application/problem+json")
