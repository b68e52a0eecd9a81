"""Faults on request: what the simulated site can do wrong, and how files get damaged.

A fault is a word, `name=value`, given with `--fault` for the life of the server or as
`?fault=name=value` (file faults: `?fault=truncate`) on one request. Here: their
grammar, their counters and the damage to bytes. Elsewhere: who serves them (`server`).

| fault | effect |
| --- | --- |
| `truncate=FILE` | FILE is published cut to 60 %, with a matching length |
| `cut=FILE[:N]` | the connection ends in the middle of FILE, the first N times (1) |
| `wrong_z=FILE` | the first .DAT of FILE states one B record too many |
| `binary=FILE` | the first .DAT of FILE is not text |
| `late=FILE[:N]` | FILE is missing from the listing, and 404, for N listings (1) |
| `empty_listing[=N]` | the listing holds no links, the first N times (1) |
| `status=CODE[:N]` | the first N requests (1) are answered with CODE |
| `slow=SECONDS` | every answer waits that long |
| `rate_NAME=SHARE` and its settings | see `fault_rates`; for the whole server only |
"""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from simulator.fault_rates import Rates

_FILE_FAULTS: Final = frozenset({"truncate", "cut", "wrong_z", "binary", "late"})
_COUNTED_FILE_FAULTS: Final = frozenset({"cut", "late"})


@dataclass(slots=True)
class Faults:
    """The faults in force. Counted ones wear off; safe to share between threads."""

    files: dict[tuple[str, str], int | None] = field(default_factory=dict)
    empty_listings: int = 0
    status: int = 0
    status_left: int = 0
    slow_seconds: float = 0.0
    rates: Rates = field(default_factory=Rates)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def parse(cls, words: Iterable[str], file: str = "") -> Faults:
        """Faults from words of the grammar above; `file` is meant by `truncate` alone.

        Raises ValueError, naming the word, for what is not in the grammar.
        """
        faults = cls()
        for word in words:
            faults.put(word, file)
        return faults

    def put(self, word: str, file: str = "") -> None:
        """Put one more word in force; raises ValueError, naming it, for a wrong one."""
        name, _, value = word.partition("=")
        try:
            with self._lock:
                self._add(name, value, file)
        except ValueError as error:
            raise ValueError(f"fault {word!r}: {error}") from None

    def _add(self, name: str, value: str, file: str) -> None:
        first, _, count = value.partition(":")
        if name in _FILE_FAULTS:
            if not (first or file):
                raise ValueError(f"needs a file name, {name}=20240617.zip")
            times = int(count or 1) if name in _COUNTED_FILE_FAULTS else None
            self.files[name, first or file] = times
        elif name == "empty_listing":
            self.empty_listings = int(first or 1)
        elif name == "status":
            self.status, self.status_left = int(first), int(count or 1)
            if not 400 <= self.status <= 599:
                raise ValueError("the status must be 400 to 599")
        elif name == "slow":
            self.slow_seconds = float(value)
        elif Rates.knows(name):
            if file:
                raise ValueError("a rate is for the whole server, not for one request")
            self.rates.set(name, value)
        else:
            raise ValueError("there is no such fault")

    def file_names(self) -> set[str]:
        """Names of the files that any fault is about."""
        return {file for _, file in self.files}

    def hits(self, name: str, file: str) -> bool:
        """Whether a fault of that name holds for the file now; wears off if counted."""
        with self._lock:
            if (name, file) not in self.files:
                return False
            left = self.files[name, file]
            if left is None:
                return True
            if name != "late":  # that one is counted in listings
                self.files[name, file] = max(0, left - 1)
            return left > 0

    def takes_status(self) -> int:
        """The status this request must fail with, 0 for none."""
        with self._lock:
            if self.status_left <= 0:
                return 0
            self.status_left -= 1
            return self.status

    def takes_listing(self) -> bool:
        """Count one listing for the late files; whether this one must be empty."""
        with self._lock:
            for (name, file), left in self.files.items():
                if name == "late" and left:
                    self.files[name, file] = left - 1
            self.empty_listings -= 1
            return self.empty_listings >= 0

    def damage(self, file: str, content: bytes) -> bytes:
        """`content` of `file` with the faults that are about stored bytes."""
        if self.hits("wrong_z", file):
            content = with_wrong_trailer(content)
        if self.hits("binary", file):
            content = with_binary_member(content)
        if self.hits("truncate", file):
            content = content[: len(content) * 6 // 10]
        return content


def with_wrong_trailer(archive: bytes) -> bytes:
    """A weekly ZIP whose first .DAT counts one B record more than it holds."""

    def break_counts(text: bytes) -> bytes:
        head, _, trailer = text.rstrip(b"\n").rpartition(b"\n")
        fields = trailer.split(b";")
        fields[2] = str(int(fields[2]) + 1).encode()
        return head + b"\n" + b";".join(fields) + b"\n"

    return _with_first_member(archive, break_counts)


def with_binary_member(archive: bytes) -> bytes:
    """A weekly ZIP whose first .DAT holds bytes of no text at all."""
    return _with_first_member(archive, lambda text: bytes(range(256)) * 16)


def _with_first_member(archive: bytes, change: Callable[[bytes], bytes]) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as original,
        zipfile.ZipFile(buffer, "w") as damaged,
    ):
        waiting = True
        for info in original.infolist():
            content = original.read(info)
            if waiting and info.filename.upper().endswith(".DAT"):
                content, waiting = change(content), False
            damaged.writestr(info, content)
    return buffer.getvalue()
