"""Answers as JSON of the kind that was expected, or a failure the client tries again.

Belongs here: what makes a body unreadable. What the JSON means is `api` and `auth`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from connectors.resilience import SourceClient, redact
from connectors.resilience.outcome import Failure
from connectors.resilience.transport import read_body


@dataclass(frozen=True, slots=True)
class Reply:
    """JSON of the kind that was expected; None for 204."""

    value: Any
    headers: Mapping[str, str]


def json_reader(
    client: SourceClient, kind: type
) -> Callable[[requests.Response], Reply | Failure]:
    """Reads a response as JSON of a kind.

    What cannot be read is asked for again, by the client's policy, like a body that
    broke off.
    """

    def read(response: requests.Response) -> Reply | Failure:
        url, status = redact(response.url), response.status_code
        limit = client.policy.max_bytes
        body = read_body(response, limit, lambda n: client.metrics.add("bytes", n))
        if body is None:
            return Failure("too_large", str(limit), url)
        if status == 204:
            return Reply(None, response.headers)
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return Failure("cut", f"its {len(body)} bytes are not JSON", url, status)
        if not isinstance(value, kind):
            reason = f"it gave a {type(value).__name__}, not a {kind.__name__}"
            return Failure("cut", reason, url, status)
        return Reply(value, response.headers)

    return read
