"""The simulator as a child process, for benchmarks: addresses, control calls, faults.

What it serves and which faults it knows is `simulator`; what is done with it here is
each benchmark's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Simulation:
    """A running simulator. Control calls are never hit by faults."""

    addresses: Mapping[str, str]

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return self.addresses["url"]

    def control(self, path: str, body: object = None, **words: object) -> str:
        """Ask a control endpoint; a call with words or a body is a POST."""
        query = urlencode(words, doseq=True)
        data = None if body is None else json.dumps(body).encode()
        method = "POST" if words or data is not None else "GET"
        request = Request(f"{self.url}/control/{path}?{query}", data, method=method)
        with urlopen(request, timeout=120) as answer:
            return str(answer.read().decode())

    def truth(self, search: Mapping[str, Any]) -> set[int]:
        """Ids of all listings a search finds now."""
        return set(json.loads(self.control("domain/truth", dict(search)))["ids"])

    def set_faults(self, rates: Mapping[str, float], **settings: float | str) -> None:
        """Replace the rates in force; without any, everything goes well."""
        words = [f"rate_{name}={rate}" for name, rate in rates.items()]
        words += [f"{name}={value}" for name, value in settings.items()]
        self.control("faults", clear=1, fault=words)

    def injected(self) -> dict[str, int]:
        """How often each fault was done so far."""
        return dict(json.loads(self.control("faults"))["injected"])


@contextmanager
def simulation(*words: str) -> Iterator[Simulation]:
    """`python -m simulator WORDS` while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--exit-with-stdin", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Simulation(json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()
