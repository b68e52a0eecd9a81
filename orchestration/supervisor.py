"""`ausproperty up`: run the servers side by side, and stop them all cleanly.

Each server is a process group of its own. On Ctrl-C all get SIGTERM, and after a grace
time SIGKILL: Dagster's servers have been seen to ignore the former.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.errors import UserError

GRACE_SECONDS = 12.0


class CannotServe(UserError):
    """A sentence that says what is in the way and what to do."""


@dataclass(frozen=True)
class Server:
    """One process to keep: how to start it, and where people find it."""

    name: str
    command: Sequence[str]
    port: int | None = None
    port_setting: str = ""
    url: str = ""
    path: str = "/"

    @property
    def address(self) -> str:
        """Address for people."""
        return self.url or (f"http://127.0.0.1:{self.port}" if self.port else "")


class Supervisor:
    """Starts servers, watches them, stops them; one per home at a time."""

    def __init__(
        self, folder: Path, servers: Sequence[Server], environment: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._servers = servers
        self._environment = dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = False

    def run(self, on_ready: Callable[[], None]) -> int:
        """Serve until a signal or until a server dies; return the exit code.

        Raises:
            CannotServe: already up in this home, or a port is taken.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "up.lock").open("a+") as lock:
            self._take(lock.fileno())
            self._check_ports()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._request_stop)
            try:
                for server in self._servers:
                    self._start(server)
                if self._wait_ready():
                    on_ready()
                return self._watch()
            finally:
                self._stop_all()

    def log_path(self, server: Server) -> Path:
        """File that a server's output goes to."""
        return self._folder / f"{server.name}.log"

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode().strip()
            raise CannotServe(
                f"Already up in this home ({holder}). Use it, stop it there with "
                "Ctrl-C, or set AUSPROPERTY_HOME to another folder."
            ) from None
        places = ", ".join(s.address for s in self._servers if s.address)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, {places}".encode(), 0)

    def _check_ports(self) -> None:
        for server in self._servers:
            if server.port is None:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", server.port))
                except OSError as error:
                    raise CannotServe(
                        f"Port {server.port} for {server.name} is taken by another "
                        f"program ({error.strerror}). Stop that program, or set "
                        f"{server.port_setting} to a free port."
                    ) from error

    def _start(self, server: Server) -> None:
        with self.log_path(server).open("ab") as log:
            self._processes[server.name] = subprocess.Popen(
                list(server.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def _wait_ready(self, seconds: float = 180) -> bool:
        deadline = time.monotonic() + seconds
        waiting = [server for server in self._servers if server.port is not None]
        while waiting and not self._stopping and time.monotonic() < deadline:
            waiting = [server for server in waiting if not _listens(server)]
            if self._dead() is not None:
                return False
            time.sleep(0.25)
        return not waiting and not self._stopping

    def _dead(self) -> Server | None:
        for server in self._servers:
            if self._processes[server.name].poll() is not None:
                return server
        return None

    def _watch(self) -> int:
        while not self._stopping:
            dead = self._dead()
            if dead is not None:
                print(  # noqa: T201 - the supervisor is the command's own foreground
                    f"{dead.name} stopped by itself; see {self.log_path(dead)}",
                    file=sys.stderr,
                )
                return 1
            time.sleep(0.25)
        return 0

    def _request_stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _stop_all(self) -> None:
        alive = list(self._processes.values())
        for process in alive:
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline and any(p.poll() is None for p in alive):
            time.sleep(0.1)
        for process in alive:
            # Also when the leader is gone: its children share the group.
            _signal_group(process, signal.SIGKILL)
            process.wait()


def _listens(server: Server) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port or 0), timeout=1):
            return True
    except OSError:
        return False


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
