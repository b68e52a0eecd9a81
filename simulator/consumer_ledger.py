"""What the demo consumer counts, and what it is told to do wrong.

Here: counts and the draw of faults. Elsewhere: HTTP (`consumer`) and the check of
signatures (`signatures`).

| fault | effect |
| --- | --- |
| `500=0.05` | that share of requests gets this status (400 to 599), uncounted |
| `drop=0.01` | that share is taken in, then the connection closes without an answer |
| `slow=0.2` | every answer waits that many seconds |
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Faults:
    """What the consumer does wrong: shares by status, share dropped, seconds slow."""

    statuses: dict[int, float] = field(default_factory=dict)
    drop: float = 0.0
    slow_seconds: float = 0.0

    @classmethod
    def parse(cls, words: Sequence[str]) -> Faults:
        """Faults from `name=value` words; raises ValueError naming a bad one."""
        faults = cls()
        for word in words:
            name, _, value = word.partition("=")
            try:
                number = float(value)
            except ValueError:
                raise ValueError(f"fault {word!r} needs a number") from None
            if name == "slow":
                faults.slow_seconds = number
            elif name == "drop":
                faults.drop = number
            elif name.isdecimal() and 400 <= int(name) <= 599:
                faults.statuses[int(name)] = number
            else:
                raise ValueError(f"fault {word!r}: there is no such fault")
        return faults

    def draw(self, luck: random.Random) -> int:
        """The status to fail this request with, 0 for none."""
        if not self.statuses:
            return 0
        chance = luck.random()
        for status, share in self.statuses.items():
            if chance < share:
                return status
            chance -= share
        return 0


class Ledger:
    """Counts of what came in, and every verified id.

    A request made to fail is `received` and nothing else, as if it had never got
    past the consumer's front door.
    """

    def __init__(self, seen_file: Path | None = None) -> None:
        self.received = 0
        self.verified = 0
        self.rejected = 0
        self.duplicates = 0
        self.failed = 0
        self.first_at: float | None = None
        self.last_at: float | None = None
        self._ids: set[bytes] = set()
        self._unwritten: list[bytes] = []
        self._file: int | None = None
        if seen_file is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            self._file = os.open(seen_file, flags, 0o644)

    def accept(self, identity: bytes, now: float) -> None:
        """Count one verified request."""
        self.verified += 1
        if identity in self._ids:
            self.duplicates += 1
        else:
            self._ids.add(identity)
        if self._file is not None:
            self._unwritten.append(identity + b"\n")
        if self.first_at is None:
            self.first_at = now
        self.last_at = now

    def flush(self) -> None:
        """Write the ids accepted since, before anybody is told they were."""
        if self._unwritten and self._file is not None:
            os.write(self._file, b"".join(self._unwritten))
            self._unwritten.clear()

    def close(self) -> None:
        """Flush and close the file of ids."""
        if self._file is not None:
            self.flush()
            os.close(self._file)
            self._file = None

    def stats(self) -> dict[str, int | float | None]:
        """The counts, times in epoch seconds."""
        return {
            "received": self.received,
            "verified": self.verified,
            "rejected": self.rejected,
            "duplicates": self.duplicates,
            "distinct": len(self._ids),
            "failed": self.failed,
            "first_at": self.first_at,
            "last_at": self.last_at,
        }
