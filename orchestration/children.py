"""The demo's remote parties as child processes: the simulator and a webhook consumer.

They are programs of their own, reached over HTTP like the parties they stand for. Each
holds our end of a pipe as its standard input and exits when it closes, so none outlives
this process, not even after kill -9.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import UserError
from settings import ROOT


class ChildFailed(UserError):
    """A child process did not come up; the message has its last words."""


@dataclass(frozen=True)
class Child:
    """A running child that serves HTTP."""

    url: str
    pid: int

    def get_json(self, path: str) -> dict[str, Any]:
        """GET a JSON document from the child."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as response:  # noqa: S310 - our own child on the loopback address
            content: dict[str, Any] = json.load(response)
        return content


@contextmanager
def child(module: str, arguments: Sequence[str], log: Path) -> Iterator[Child]:
    """Run `python -m module`, wait for its first line of JSON, stop it at the end.

    Raises:
        ChildFailed: it ended before it was ready.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--exit-with-stdin", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            # A Ctrl-C in the terminal is ours to handle; the pipe tells the child.
            start_new_session=True,
        )
    if process.stdin is None or process.stdout is None:
        raise ChildFailed(f"{module} has no pipes")
    try:
        line = process.stdout.readline()
        try:
            facts = json.loads(line)
        except json.JSONDecodeError:
            process.wait(timeout=10)
            raise ChildFailed(
                f"{module} did not start: {log.read_text()[-500:].strip()} (see {log})"
            ) from None
        yield Child(url=facts["url"].rstrip("/"), pid=process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
