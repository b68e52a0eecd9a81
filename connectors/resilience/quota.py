"""What an answer's headers ask of us: Retry-After and the quota headers.

Belongs here: reading headers, pure functions of (status, headers, now). Doing as told
is `client`. Known: `Retry-After` (seconds or a date), `X-Quota-PerMinute-*`,
`X-Quota-PerDay-*`, `X-Quota-Exceeded`, and the older gateway's `X-RateLimit-*`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from domain.source_state import DAY_SECONDS

_MINUTE: Final = 60
_HOUR: Final = 3600
#: "5 calls PerMinute" of the older gateway; "Day" of the newer one.
_PERIOD: Final = re.compile(r"(?:per)?[\s_-]*(second|minute|hour|day)", re.IGNORECASE)
_RATE: Final = re.compile(r"(\d+)\s*calls?\s*per\s*minute", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do before the next call to the source; None: nothing asked.

    wait_seconds: wait, then go on; park_seconds: give up for so long, for `reason`;
    per_minute: calls a minute the source allows.
    """

    wait_seconds: float | None = None
    park_seconds: float | None = None
    reason: str = ""
    per_minute: float | None = None


def read_advice(
    status: int, headers: Mapping[str, str], now: float, cap_seconds: float
) -> Advice:
    """What the headers of an answer ask for.

    `now` (seconds since the epoch) stands in where the answer has no `Date`: the
    server's own clock decides about its dates, minutes and days. A wait beyond
    `cap_seconds` is a parking.
    """
    clock = _http_date(headers.get("Date")) or now
    per_minute = _limit(headers)
    if _day_is_used_up(status, headers):
        seconds = retry_after(headers, clock) or _until_next(DAY_SECONDS, clock)
        reason = "today's quota is used up"
        return Advice(None, seconds, reason, per_minute)
    wait = None
    if status >= 400:
        wait = retry_after(headers, clock)
        if wait is None and status == 429:
            wait = _period(headers, clock)
    elif _number(headers.get("X-Quota-PerMinute-Remaining")) == 0:
        wait = _until_next(_MINUTE, clock)
    if wait is not None and wait > cap_seconds:
        reason = f"it asked for a pause of {math.ceil(wait)} seconds"
        return Advice(None, wait, reason, per_minute)
    return Advice(wait, None, "", per_minute)


def retry_after(headers: Mapping[str, str], clock: float) -> float | None:
    """Seconds of `Retry-After`, in either form; None without a readable one."""
    text = (headers.get("Retry-After") or "").strip()
    seconds = _number(text)
    if seconds is not None:
        return seconds
    moment = _http_date(text)
    return None if moment is None else max(0.0, moment - clock)


def _day_is_used_up(status: int, headers: Mapping[str, str]) -> bool:
    if _number(headers.get("X-Quota-PerDay-Remaining")) == 0:
        return True
    return status == 429 and _period_name(headers) == "day"


def _period_name(headers: Mapping[str, str]) -> str | None:
    for name in ("X-Quota-Exceeded", "X-RateLimit-VCallRate"):
        if found := _PERIOD.search(headers.get(name) or ""):
            return found[1].lower()
    return None


def _period(headers: Mapping[str, str], clock: float) -> float | None:
    """Wait of a 429 that names the exceeded period but no time."""
    match _period_name(headers):
        case "second":
            return 1.0
        case "minute":
            return _until_next(_MINUTE, clock)
        case "hour":
            return _until_next(_HOUR, clock)
    return None


def _limit(headers: Mapping[str, str]) -> float | None:
    limit = _number(headers.get("X-Quota-PerMinute-Limit"))
    if limit is None and (
        found := _RATE.search(headers.get("X-RateLimit-VCallRate") or "")
    ):
        limit = float(found[1])
    return limit or None


def _until_next(period: int, clock: float) -> float:
    """Seconds to the end of the period; UTC days end when the quota does."""
    return period - clock % period


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _http_date(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
