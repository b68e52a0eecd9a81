"""The embedded PostgreSQL server: one per home folder, started on demand.

Safe for any number of processes at once (a lock file serialises start and stop), across
`kill -9` and reboot (stale pid files are told from live servers), and for root (the
server then runs as an unprivileged user). Programs are found by `binaries.py`, settings
by `server_settings.py`.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from database import binaries
from database.errors import DatabaseError, ServerStartError
from database.server_settings import Machine, server_settings

ROLE = "ausproperty"
START_TIMEOUT_SECONDS = 120  # crash recovery of a large write-ahead log takes a while

# Servers outlive their starter on purpose; kept so that a dead one can be reaped.
_STARTED_HERE: list[subprocess.Popen[bytes]] = []


@atexit.register
def _let_go() -> None:
    """Leave running servers alone without Python warning about lost children."""
    for process in _STARTED_HERE:
        process.returncode = process.returncode or 0


@dataclass(frozen=True)
class ServerAddress:
    """How to reach the server of one home folder."""

    port: int
    password: str
    cluster_name: str

    def url(self, database: str) -> str:
        """Connection URL of one database of the server."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"


class EmbeddedServer:
    """The server whose data lies in `folder` (`AUSPROPERTY_HOME/postgres`)."""

    def __init__(self, folder: Path, binaries_override: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._state = self.folder / "server.json"
        self._override = binaries_override

    def ensure(self) -> ServerAddress:
        """Start the server unless it runs; return once it takes connections.

        Raises:
            DatabaseError: no programs, a folder that cannot be written, or no start.
        """
        address = self._read_state()
        if address is not None and self._answers(address):
            return address
        with self._locked():
            address = self._read_state()
            if address is not None and self._answers(address):
                return address
            if not (self.data / "PG_VERSION").exists():
                address = self._initialise()
            if address is None:
                raise DatabaseError(
                    f"{self._state} is missing although {self.data} holds a database. "
                    f"Restore that file, or move {self.folder} away to start afresh."
                )
            return self._start(address)

    def stop(self) -> bool:
        """Stop the server (fast shutdown); False if it did not run."""
        if not self.folder.exists():
            return False
        with self._locked():
            pid = self._postmaster_pid()
            if pid is None:
                return False
            os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + 60
            while self._postmaster_pid() is not None:
                if time.monotonic() > deadline:
                    raise DatabaseError(
                        f"PostgreSQL (process {pid}) did not stop within 60 s; "
                        f"see {self.log}"
                    )
                time.sleep(0.05)
            return True

    def status(self) -> dict[str, Any]:
        """Facts for people: running, pid, port, version, folder, log."""
        address = self._read_state()
        pid = self._postmaster_pid() if self.folder.exists() else None
        version = self.data / "PG_VERSION"
        return {
            "running": bool(address and pid and self._answers(address)),
            "pid": pid,
            "port": address.port if address else None,
            "version": version.read_text().strip() if version.exists() else None,
            "folder": str(self.folder),
            "log": str(self.log),
        }

    def ensure_database(self, address: ServerAddress, name: str) -> str:
        """Create database `name` unless it exists; return its URL."""
        with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
            row = conn.execute(
                "select 1 from pg_database where datname = %s", [name]
            ).fetchone()
            if row is None:
                with contextlib.suppress(
                    psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation
                ):
                    conn.execute(
                        sql.SQL("create database {}").format(sql.Identifier(name))
                    )
        return address.url(name)

    # -- starting ---------------------------------------------------------------

    def _initialise(self) -> ServerAddress:
        programs = self._programs(None)
        staging = self.folder / "data.new"
        shutil.rmtree(staging, ignore_errors=True)  # left by a killed initialisation
        address = ServerAddress(
            port=_free_port(),
            password=secrets.token_urlsafe(24),
            cluster_name=f"ausproperty-{secrets.token_hex(4)}",
        )
        staging.mkdir(mode=0o700)
        self._give_to_server_user(staging)
        result = self._run_as_server(
            [
                *(programs / "initdb", "-D", "/proc/self/cwd", "-U", ROLE),
                *("--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"),
                *("--pwfile=/dev/stdin", "--no-instructions"),
            ],
            folder=staging,
            password=address.password,
        )
        if result.returncode != 0:
            raise ServerStartError(
                f"initdb failed in {staging}: {result.stderr.strip()[-500:]}. "
                "Check that the disk is writable and not full."
            )
        self._write_state(address)
        staging.rename(self.data)
        return address

    def _start(self, address: ServerAddress) -> ServerAddress:
        process: subprocess.Popen[bytes] | None = None
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._answers(address):
            if self._postmaster_pid() is None and (process is None or _ended(process)):
                # PostgreSQL refuses while its killed predecessor is still being reaped.
                if process is not None and "already exists" not in self._log_tail():
                    raise ServerStartError(
                        f"PostgreSQL stopped while starting; end of {self.log}:\n"
                        f"{self._log_tail()}"
                    )
                self._remove_stale_pid_file()
                address = self._on_a_free_port(address)
                process = self._launch(address)
            if time.monotonic() > deadline:
                raise ServerStartError(
                    f"PostgreSQL did not answer on port {address.port} within "
                    f"{START_TIMEOUT_SECONDS} s; see {self.log}"
                )
            time.sleep(0.05)
        return address

    def _on_a_free_port(self, address: ServerAddress) -> ServerAddress:
        if _port_is_free(address.port):
            return address
        moved = ServerAddress(_free_port(), address.password, address.cluster_name)
        self._write_state(moved)
        return moved

    def _launch(self, address: ServerAddress) -> subprocess.Popen[bytes]:
        major = (self.data / "PG_VERSION").read_text().strip()
        programs = self._programs(major)
        options = {
            **server_settings(Machine.here()),
            "port": str(address.port),
            "cluster_name": address.cluster_name,
        }
        # Wheels and systems differ in where the libraries are; without it `db advise`
        # says that it knows no statements.
        if any((programs.parent / "lib").rglob("pg_stat_statements.so")):
            options["shared_preload_libraries"] = "pg_stat_statements"
        command = [str(programs / "postgres"), "-D", "/proc/self/cwd"]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal must not stop the server
                **self._server_process_options(self.data),
            )
        _STARTED_HERE.append(process)
        return process

    def _programs(self, major: str | None) -> Path:
        found = binaries.find_binaries(major, self._override)
        return binaries.readable_copy(found) if os.getuid() == 0 else found

    def _run_as_server(
        self, command: list[Any], *, folder: Path, password: str
    ) -> subprocess.CompletedProcess[str]:
        # A file without a name, given to the server's user, who opens it as /dev/stdin.
        with tempfile.TemporaryFile("w+") as secret:
            secret.write(password + "\n")
            secret.seek(0)
            user = _server_user()
            if user is not None:
                os.fchown(secret.fileno(), user.pw_uid, user.pw_gid)
            return subprocess.run(
                [str(part) for part in command],
                stdin=secret,
                capture_output=True,
                text=True,
                check=False,
                **self._server_process_options(folder),
            )

    def _server_process_options(self, folder: Path) -> dict[str, Any]:
        """Working folder, user and environment of a server program.

        The data directory is always given as `/proc/self/cwd`: the folder is entered
        before root's rights are dropped, so it works below folders the server's user
        may not pass (root's home), without opening them up.
        """
        options: dict[str, Any] = {
            "cwd": folder,
            "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        }
        user = _server_user()
        if user is not None:
            options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        return options

    def _give_to_server_user(self, folder: Path) -> None:
        user = _server_user()
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)

    # -- state ------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / "lock").open("a")
        except OSError as error:
            raise DatabaseError(
                f"{self.folder} cannot be written ({error.strerror}). Set "
                "AUSPROPERTY_HOME to a folder on a writable disk."
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _read_state(self) -> ServerAddress | None:
        try:
            return ServerAddress(**json.loads(self._state.read_text()))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _write_state(self, address: ServerAddress) -> None:
        temporary = self._state.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            json.dump(asdict(address), handle)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.rename(self._state)

    def _answers(self, address: ServerAddress) -> bool:
        """True if *our* server answers: another may have taken the port since."""
        try:
            with psycopg.connect(address.url("postgres"), connect_timeout=5) as conn:
                row = conn.execute("show cluster_name").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and row[0] == address.cluster_name

    def _postmaster_pid(self) -> int | None:
        """Process id of our live server, None if the pid file is stale or absent."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def _is_ours(self, pid: int) -> bool:
        for process in _STARTED_HERE:
            process.poll()
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            return state != "Z" and Path(f"/proc/{pid}/cwd").samefile(self.data)
        except (FileNotFoundError, ProcessLookupError):
            return False
        except PermissionError:
            return True  # somebody else's process: leave the decision to PostgreSQL

    def _remove_stale_pid_file(self) -> None:
        """Drop the pid file of a server that is gone.

        PostgreSQL itself takes an unreaped zombie, or a stranger with the same process
        id after a reboot, for a live server. Any process still working in the data
        folder (an orphaned backend) keeps the file in place.
        """
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._is_ours(int(entry.name)):
                return
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _log_tail(self) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
        except FileNotFoundError:
            return ""


def _server_user() -> pwd.struct_passwd | None:
    """The unprivileged user the server runs as when we are root, else None."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise DatabaseError(
        "PostgreSQL refuses to run as root and there is no user `postgres` or `nobody` "
        "to run it as. Create one, or set AUSPROPERTY_DATABASE_URL."
    )


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL itself does: connections in TIME_WAIT do not hold a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
