"""Whole platform homes for tests: the real command line, a folder and a server each.

Here: making, running, cloning, reading and clearing away a home. Elsewhere: what is
promised about it (`integration/test_promises_*.py`).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from database.embedded import EmbeddedServer

ROOT = Path(__file__).parents[1]
COMMAND = str(Path(sys.executable).parent / "ausproperty")
#: The smallest made-up market whose model passes every gate.
HOMES, WEEKS = 1200, 26
SMALL_MARKET = (f"--properties={HOMES}", f"--weeks={WEEKS}")
FIRST_WEEK = date(2023, 1, 2)
PATIENCE = 300.0


#: Seals the secrets of these homes' endpoints.
MASTER_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


def base_environment() -> dict[str, str]:
    """This process's environment without the platform's settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("AUSPROPERTY_", "DAGSTER_", "MLFLOW_", "DBT_", "PYTEST_")
        )
    }
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@dataclass(frozen=True)
class Ended:
    """A command that ended: exit code, what it printed, and its JSON summary."""

    code: int
    out: str
    err: str
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def screen(self) -> str:
        """Everything a person saw, for assertions that should show it."""
        return f"exit {self.code}\n{self.out}\n{self.err}"


class Home:
    """One AUSPROPERTY_HOME."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.environment = {
            **base_environment(),
            "AUSPROPERTY_HOME": str(folder),
            # Production delivers nothing without.
            "AUSPROPERTY_DELIVERY__MASTER_KEYS": MASTER_KEY,
            **{f"AUSPROPERTY_{k.upper()}": v for k, v in settings.items()},
        }

    def start(
        self,
        *arguments: str,
        one_screen: bool = False,
        **settings: str,
    ) -> subprocess.Popen[str]:
        """Start `ausproperty ...` in a session of its own."""
        extra = {f"AUSPROPERTY_{k.upper()}": v for k, v in settings.items()}
        return subprocess.Popen(
            [COMMAND, *arguments],
            env={**self.environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if one_screen else subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=ROOT,
        )

    def run(
        self, *arguments: str, patience: float = PATIENCE, **settings: str
    ) -> Ended:
        """Run `ausproperty ...` to its end."""
        process = self.start(*arguments, **settings)
        try:
            out, err = process.communicate(timeout=patience)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        return Ended(process.returncode, out, err)

    def run_job(self, command: str, *arguments: str, **settings: str) -> Ended:
        """Run `ausproperty run` or `ingest` with `--json` and read its summary."""
        file = self.folder.parent / f"{self.folder.name}.summary.json"
        file.unlink(missing_ok=True)
        ended = self.run(command, "--json", str(file), *arguments, **settings)
        summary = json.loads(file.read_text()) if file.exists() else {}
        return Ended(ended.code, ended.out, ended.err, summary)

    def drive(self, *arguments: str, **settings: str) -> dict[str, Any]:
        """Run `tests/location_driver.py`: the real code location in a fresh process."""
        extra = {f"AUSPROPERTY_{k.upper()}": v for k, v in settings.items()}
        answer = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "location_driver.py"), *arguments],
            env={**self.environment, **extra},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
        return found

    @property
    def server(self) -> EmbeddedServer:
        """The home's embedded server."""
        return EmbeddedServer(self.folder / "postgres")

    def url(self, market: str = "simulated") -> str:
        """Database URL of one market; starts the server."""
        name = "ausproperty" if market == "real" else "ausproperty_simulated"
        return self.server.ensure().url(name)

    @contextmanager
    def connect(self, market: str = "simulated") -> Iterator[psycopg.Connection[Any]]:
        """An autocommit connection to one market's database."""
        with psycopg.connect(self.url(market), autocommit=True) as conn:
            yield conn

    def processes(self) -> list[str]:
        """Live processes with this home in their environment, as pid and command."""
        marker = f"AUSPROPERTY_HOME={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                is_ours = marker in (entry / "environ").read_bytes().split(b"\0")
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_ours and any(words):
                command = b" ".join(words).decode(errors="replace")
                found.append(f"{entry.name} {command[:150]}")
        return found

    def wait_empty(self, seconds: float) -> list[str]:
        """Processes of this home still alive after `seconds`; none is waited for."""
        deadline = time.monotonic() + seconds
        while (alive := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return alive

    def clear(self) -> None:
        """Stop the server and remove the folder."""
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Screen:
    """Reads a run's screen in a thread, and knows which stages are over."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    def shows(self, stage: str) -> bool:
        """Whether a stage of this name has ended well."""
        return any(line.startswith(f"ok   {stage} ") for line in self.lines)

    def close(self) -> str:
        """All that was shown, once the process has ended."""
        self._thread.join(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return "\n".join(self.lines)


def clone(source: Path, target: Path) -> None:
    """Copy a home whose server is stopped; the copy is a server of its own.

    MLflow keeps absolute paths, so the copy reads its models from `source`.
    """
    # cp keeps owners, modes and holes; the data folder belongs to another user.
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    state = target / "postgres" / "server.json"
    facts = json.loads(state.read_text())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        facts["port"] = probe.getsockname()[1]
    facts["cluster_name"] = f"ausproperty-{target.name}"[:60]
    state.write_text(json.dumps(facts))


def sources_of(market_files: Path) -> tuple[str, ...]:
    """Arguments that name the market's files."""
    csv = next(market_files.rglob("*.csv*"))
    psi = next(market_files.rglob("*.zip")).parent
    return ("--nsw-psi", str(psi), "--csv", str(csv))


def wait_for(
    what: Callable[[], Any], seconds: float = 60.0, pause: float = 0.05
) -> Any:
    """Poll until `what()` is true; its value, or an assertion error after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain"
        time.sleep(pause)


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C does to the command itself."""
    process.send_signal(signal.SIGINT)


# What a database holds ------------------------------------------------------------

#: Table, and what depends on the clock or the run and not on the data.
BUSINESS_TABLES: Mapping[str, tuple[str, ...]] = {
    # A fetched file lies in the home, and each home in a folder of its own.
    "ops.source_files": ("loaded_at", "location"),
    "raw.nsw_valuer__sales": ("_loaded_at",),
    "raw.csv__sales": ("_loaded_at",),
    "raw.rejects": ("_rejected_at",),
    "intermediate.int_address__identity": ("changed_at", "revision"),
    "marts.properties": ("created_at", "updated_at"),
    "marts.sales": ("created_at", "updated_at"),
    "marts.price_history": ("created_at", "updated_at"),
    "intermediate.int_market__suburb_months": (),
    "intermediate.int_market__index_paths": (),
    "ml.training_features": (),
    "ml.property_features": (),
    "ml.model_promotions": ("promotion_id", "decided_at"),
    "ml.price_predictions": ("run_id", "created_at"),
    "ml.current_predictions": (),
    "ml.valued_inputs": ("scorer_id", "previous_scorer_id"),
    "ml.refusals": ("run_id", "since", "ended_at"),
    "ml.prediction_feedback": ("created_at",),
}

_EVENTS = """
select jsonb_build_object(
    'id', event_id, 'key', event_key, 'type', event_type, 'subject', subject_id,
    'body', body::jsonb - 'timestamp', 'simulated', is_simulated)::text
from delivery.events order by 1
"""
_DELIVERIES = """
select jsonb_build_object(
    'event', event_id, 'endpoint', e.name, 'status', d.status)::text
from delivery.deliveries d join delivery.endpoints e using (endpoint_id) order by 1
"""


def contents(conn: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Every business table as sorted rows of JSON, without clocks and run ids."""
    found = {}
    for table, dropped in BUSINESS_TABLES.items():
        rows = conn.execute(
            f"select (to_jsonb(t) - %s::text[])::text from {table} t order by 1",
            [list(dropped)],
        )
        found[table] = [row[0] for row in rows]
    found["delivery.events"] = [row[0] for row in conn.execute(_EVENTS)]
    found["delivery.deliveries"] = [row[0] for row in conn.execute(_DELIVERIES)]
    return found


def everything(conn: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Every business table whole, clocks included: equal means nothing was written.

    Rows carry their physical place and transaction, which a rewrite would change.
    """
    return _whole(
        conn,
        *BUSINESS_TABLES,
        "delivery.events",
        "delivery.deliveries",
        "delivery.attempts",
    )


def everything_landed(conn: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """As `everything`, of the tables that a landing writes."""
    return _whole(conn, *(t for t in BUSINESS_TABLES if t[:4] in ("raw.", "ops.")))


def _whole(conn: psycopg.Connection[Any], *tables: str) -> dict[str, list[str]]:
    return {
        table: [
            row[0]
            for row in conn.execute(
                f"select concat(ctid, ' ', xmin, ' ', to_jsonb(t)) from {table} t "
                "order by 1"
            )
        ]
        for table in tables
    }


def differences(
    got: Mapping[str, list[str]], wanted: Mapping[str, list[str]]
) -> list[str]:
    """Where two contents differ: a line a table, with its first strangers."""
    found = []
    for table, rows in wanted.items():
        mine = got.get(table, [])
        if mine == rows:
            continue
        more = sorted(set(mine) - set(rows))[:2]
        less = sorted(set(rows) - set(mine))[:2]
        found.append(
            f"{table}: {len(mine)} rows for {len(rows)}; only here {more}; "
            f"only there {less}"
        )
    return found
