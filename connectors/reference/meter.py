"""How far the reading of some files has come, in bytes.

Belongs here: counting what passes through a file's stream once loading has begun. Who
is told is the caller's affair.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, cast

from connectors.archives import MIB


class Meter:
    """Counts bytes and tells `report(done, total)`; silent until `start`."""

    def __init__(self, report: Callable[[int, int], None] | None = None) -> None:
        self._report = report
        self._done = 0
        self._total = 0
        self._is_on = False

    def start(self, total: int) -> None:
        """Begin to count towards `total` bytes."""
        self._done, self._total, self._is_on = 0, total, True
        self.add(0)

    def add(self, count: int) -> None:
        """Count bytes; a file that is looked at twice never shows more than all."""
        if self._is_on and self._report is not None:
            self._done = min(self._total, self._done + count)
            self._report(self._done, self._total)

    def watched(self, open_it: Callable[[], BinaryIO]) -> Callable[[], BinaryIO]:
        """The opener of a stream whose reading is counted."""
        if self._report is None:
            return open_it
        return lambda: cast(
            "BinaryIO", io.BufferedReader(_Counted(open_it(), self), MIB)
        )


class _Counted(io.RawIOBase):
    def __init__(self, inner: BinaryIO, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._inner.read(len(view))
        view[: len(data)] = data
        self._meter.add(len(data))
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()
