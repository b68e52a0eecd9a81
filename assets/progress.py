"""Progress inside long steps, for whoever watches: the command line sets the listener.

The Dagster UI shows the same facts as metadata, so the default listener is mute.
"""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[str, int, int], None]


def _mute(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


class _Current:
    listener: Listener = staticmethod(_mute)


def listen(listener: Listener) -> None:
    """Send progress of this process to `listener(stage, done, total)`."""
    _Current.listener = staticmethod(listener)


def step(stage: str) -> Callable[[int, int], None]:
    """A reporter `(done, total)` for one stage."""

    def report(done: int, total: int) -> None:
        _Current.listener(stage, done, total)

    return report
