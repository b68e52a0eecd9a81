"""Requests and replies between the HTTP server and the simulated API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.fault_rates import Plan


@dataclass(frozen=True, slots=True)
class Request:
    """One call: path without the mount point, query words, headers in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    plan: Plan | None = None

    def takes(self, fault: str) -> int:
        """A number to be random by if that fault is to be done to this call, else 0."""
        hit = self.plan is not None and self.plan.takes(fault)
        return self.plan.number if self.plan and hit else 0


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
