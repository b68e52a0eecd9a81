"""dbt inside this process: loaded and parsed once, for however many builds follow.

A dbt of its own takes seconds to start and to parse, for every step again. Belongs
here: starting a command, streaming its events, stopping it. Which command, and what its
events mean to Dagster, is `dbt.py`; the manifest is built by `manifest.py`.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from assets.manifest import DBT_PROJECT, manifest_path, project_fingerprint
from assets.warehouse import dbt_environment
from domain.errors import UserError
from settings import Settings

#: Database that the manifest's stand-in connection names (profiles.yml).
_STAND_IN = "ausproperty"
#: What a build tells that others act on.
_RESULTS = ("LogModelResult", "LogSeedResult", "LogSnapshotResult", "LogTestResult")
_PATIENCE_SECONDS = 25.0
#: One thread loads dbt, whoever else wants it waits for that.
_LOADING = threading.Lock()


class DbtFailed(UserError):
    """dbt could not build everything; its own words say what."""


def run_dbt(
    words: list[str],
    *,
    settings: Settings,
    url: str,
    target: Path,
) -> Iterator[dict[str, Any]]:
    """Run one dbt command; yield the results of models and tests as they come.

    The connection is `url`, put into the environment for dbt. `target` takes what dbt
    writes. A caller that goes away stops the command.

    Raises:
        DbtFailed: with dbt's messages, after the last result.
    """
    command = _Command(_loaded(settings, url), [*words, *_places(target)])
    command.start()
    try:
        yield from command.results()
    finally:
        command.stop(url)
    if not command.succeeded:
        raise DbtFailed(": ".join(command.errors) or "dbt failed without a word")


def load_early(settings: Settings, url: str) -> None:
    """Load dbt beside what the caller does next, for a build that surely follows.

    Loading takes two seconds of processor time; steps that mostly wait for PostgreSQL
    have them to spare.
    """
    threading.Thread(
        target=_loaded, args=(settings, url), name="dbt loading", daemon=True
    ).start()


def _loaded(settings: Settings, url: str) -> Any:
    """The manifest for this database; what dbt reads from the environment is set."""
    environment = dbt_environment(settings, url)
    os.environ.update(
        {**environment, "AUSPROPERTY_DBT_APPLICATION": application_name()}
    )
    with _LOADING:
        # Loads most of dbt: seconds.
        import dbt.cli.main  # noqa: F401

        return _manifest(
            manifest_path(settings).with_name("partial_parse.msgpack"),
            project_fingerprint(),
            environment["AUSPROPERTY_DBT_DBNAME"],
        )


class _Command(threading.Thread):
    """One dbt command and its events, in a thread: the caller stays free to act."""

    def __init__(self, manifest: Any, words: list[str]) -> None:
        super().__init__(name="dbt", daemon=True)
        self._manifest = manifest
        self._words = words
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.errors: list[str] = []
        self.succeeded = False

    def run(self) -> None:
        """Thread's body."""
        from dbt.cli.main import dbtRunner

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                runner = dbtRunner(manifest=self._manifest, callbacks=[self._heard])
                result = runner.invoke(self._words)
            self.succeeded = bool(result.success)
            if result.exception is not None:
                self.errors.append(str(result.exception))
        except BaseException as error:
            self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self._events.put(None)

    def _heard(self, event: Any) -> None:
        from dbt_common.events.functions import msg_to_dict

        level, name = event.info.level, event.info.name
        if level in ("info", "warn", "error"):
            sys.stdout.write(f"{event.info.msg}\n")
        if level == "error" and name not in _RESULTS:
            # One line each: the first is what a summary shows.
            self.errors.append(" ".join(str(event.info.msg).split()))
        if name in _RESULTS:
            told = msg_to_dict(event)
            if "node_info" in told.get("data", {}):
                self._events.put(told)

    def results(self) -> Iterator[dict[str, Any]]:
        """Results until the command is over."""
        while (event := self._events.get()) is not None:
            yield event

    def stop(self, url: str) -> None:
        """Wait for the thread; if it is not over, end its statements until it is."""
        self.join(timeout=0.5)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.is_alive() and time.monotonic() < deadline:
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where application_name = %s",
                    [application_name()],
                )
            self.join(timeout=0.2)


def application_name() -> str:
    """What dbt's connections of this process are called in `pg_stat_activity`."""
    return f"dbt {os.getpid()}"


def _places(target: Path) -> list[str]:
    project = str(DBT_PROJECT)
    return [
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(target), "--log-path", str(target)),
        *("--log-level", "none", "--log-level-file", "none", "--no-write-json"),
        "--no-use-colors",
    ]


@cache
def _manifest(parsed: Path, fingerprint: str, database: str) -> Any:
    """The project as `ausproperty manifest` parsed it, for this database.

    None where that parse is not of this project: dbt then parses for itself.
    """
    from dbt.contracts.graph.manifest import Manifest

    key = parsed.with_name("manifest.key")
    if not parsed.exists() or not key.exists() or key.read_text() != fingerprint:
        return None
    manifest = Manifest.from_msgpack(parsed.read_bytes())
    stand_in, real = (f'"{name}".' for name in (_STAND_IN, database))
    for node in [*manifest.nodes.values(), *manifest.sources.values()]:
        if node.database == _STAND_IN:
            node.database = database
            if node.relation_name:
                node.relation_name = node.relation_name.replace(stand_in, real, 1)
    manifest.build_flat_graph()
    return manifest
