"""The simulated parties' clock: it runs like ours, from another day, and can be pushed.

Quotas, tokens and the market's life all follow it, so a test moves a day in no time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.market_time import MARKET_ZONE

SYDNEY: Final = MARKET_ZONE


class Clock:
    """Time in seconds since 1970 (UTC). `running` is the seconds that really pass."""

    def __init__(
        self, start: datetime, running: Callable[[], float] = time.monotonic
    ) -> None:
        self._running = running
        self._offset = start.timestamp() - running()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self._running() + self._offset

    def moment(self) -> datetime:
        """The same as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, by: timedelta) -> datetime:
        """Push the clock forward; returns the new time. ValueError for backward."""
        if by < timedelta(0):
            raise ValueError("the clock only goes forward")
        with self._lock:
            self._offset += by.total_seconds()
        return self.moment()


def local_text(second: float) -> str:
    """A moment as the API writes it: Sydney time, without an offset."""
    local = datetime.fromtimestamp(int(second), SYDNEY)
    return local.replace(tzinfo=None).isoformat()


def local_second(day: datetime) -> int:
    """Seconds since 1970 of a naive datetime that is meant in Sydney time."""
    return int(day.replace(tzinfo=SYDNEY).timestamp())
