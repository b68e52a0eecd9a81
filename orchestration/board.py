"""What a command shows while it works: a line a stage, a bar inside long ones.

Drawn on a terminal only; into a file or a pipe go the finished stages alone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console

_BAR_CELLS = 30
_REDRAW_SECONDS = 0.1
_AT_ONCE = 1.0


class Board:
    """Progress for people: a line a stage, and a bar inside long ones.

    Stages in `hidden` and checks that pass at once are left out: what is left is what
    took time or deserves a look. The summary counts all checks.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._drawn = 0.0
        self.hidden: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def timed(self, name: str, seconds: dict[str, float]) -> Iterator[None]:
        """Time a stage that is no step of a job."""
        began = time.monotonic()
        yield
        seconds[name] = time.monotonic() - began
        self._line(name, "success", seconds[name])

    def stage(self, name: str, state: str, took: float) -> None:
        """Tell that a stage has started, or how it ended after how many seconds."""
        if state == "started":
            self._overwrite(f"  ... {name}")
        elif state != "success" or not self._is_dull(name, took):
            self._line(name, state, took)

    def _is_dull(self, name: str, took: float) -> bool:
        return name in self.hidden or (name.startswith("check ") and took < _AT_ONCE)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage has come; an unknown total is 0."""
        now = time.monotonic()
        # Drawing costs more than some units of work; the last one is always shown.
        if now - self._drawn < _REDRAW_SECONDS and done != total:
            return
        self._drawn = now
        self._overwrite(f"  ... {stage} {bar(done, total)}")

    def clear(self) -> None:
        """Take an unfinished line away."""
        self._overwrite("")

    def _line(self, name: str, state: str, took: float) -> None:
        self._overwrite("")
        mark = {"success": "ok  ", "failure": "FAIL", "skipped": "skip"}[state]
        self._console.print(f"{mark} {name:<66} {took:6.1f} s", markup=False)

    def _overwrite(self, text: str) -> None:
        if self._live:
            self._console.file.write(f"\r\x1b[K{text[:100]}")
            self._console.file.flush()


def bar(done: int, total: int) -> str:
    """`[######------] 12 of 24`; without a total, the count alone."""
    if total <= 0:
        return f"{done:,}"
    filled = _BAR_CELLS * min(done, total) // total
    return f"[{'#' * filled}{'-' * (_BAR_CELLS - filled)}] {done:,} of {total:,}"
