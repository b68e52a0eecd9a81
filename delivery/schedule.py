"""When a failed delivery is tried again. Pure functions over a schedule that is data.

The delays come from `delivery.retry_schedule` (read by `claims.py`); randomness and the
clock are arguments.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Delay:
    """The wait before one retry: seconds, give or take `jitter_pct` percent."""

    seconds: float
    jitter_pct: float


Schedule = Mapping[int, Delay]
"""The delays of a policy by number of the retry, from 1 without gaps."""


def next_delay(
    schedule: Schedule,
    attempt: int,
    retry_after: float | None,
    random: Callable[[], float],
) -> float | None:
    """Seconds to wait after a failed attempt, or None when the retries are used up.

    Args:
        schedule: the endpoint's policy.
        attempt: number of the attempt that failed; the first is 1 and no retry.
        retry_after: the receiver's wish in seconds, see `parse_retry_after`. It
            replaces the scheduled delay exactly, shorter or longer.
        random: uniform in [0, 1).
    """
    delay = schedule.get(attempt)
    if delay is None:
        return None
    if retry_after is not None:
        return retry_after
    spread = delay.jitter_pct / 100
    return delay.seconds * (1 - spread + 2 * spread * random())


_SECONDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


def parse_retry_after(value: str | None, now: float) -> float | None:
    """The wait a `Retry-After` header asks for, in seconds, at most 24 hours.

    Takes seconds (a fraction too) and HTTP dates. Anything else, and a wait that is
    zero or over already, is no wish: the schedule then stands, so that a careless
    receiver cannot burn all its retries in a moment.

    Args:
        value: the header, None if absent.
        now: Unix seconds.
    """
    if value is None:
        return None
    text = value.strip()
    seconds = float(text) if _SECONDS.fullmatch(text) else _until(text, now)
    if not math.isfinite(seconds) or seconds <= 0:
        return None
    return min(seconds, MAX_RETRY_AFTER_SECONDS)


def _until(text: str, now: float) -> float:
    # Numbers are the other form; the date parser reads some ("-5") as odd dates.
    if not text[:1].isalpha():
        return 0.0
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
