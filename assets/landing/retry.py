"""Working rejects off: reading the files that hold them again with the rules of now.

Belongs here: finding a container of the ledger where it was read from, for every source
that joined. What a retry does to the tables is `database.raw_reloading`.

A source joins with one line in `READERS`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from assets.landing.common import Progress
from database.quarantine import StoredContainer, open_containers
from database.raw_reloading import reload_container, supersede_rejects
from domain.errors import UserError
from domain.records import Container, TargetTable

#: Gives the containers at a path again: (path, what they were read with). Each is valid
#: until the next one is asked for, and is a dataclass with a field `name`.
Reader = Callable[[Path, str | None], Iterable[Container]]


@dataclass(frozen=True, slots=True)
class RetryProblem:
    """A container that could not be read again, and why; its rejects stay open."""

    source: str
    container: str
    problem: str


@dataclass(slots=True)
class RetrySummary:
    """What a retry did: `containers` read again, `loaded` records, the others rejects.

    `open` is what is left in the containers that were looked at.
    """

    containers: int = 0
    loaded: int = 0
    resolved: int = 0
    superseded: int = 0
    open: int = 0
    problems: list[RetryProblem] = field(default_factory=list)
    seconds: float = 0.0


def _psi(path: Path, _: str | None) -> Iterable[Container]:
    from connectors.nsw_valuer.containers import find_containers

    return (container for _, container in find_containers(path))


def _csv(path: Path, mapping: str | None) -> Iterable[Container]:
    from connectors.csv_mapping import find_csv_containers
    from connectors.csv_mapping.mapping import load_mapping

    rules = load_mapping(mapping or "melbourne")
    today = date.today()  # noqa: DTZ011 - a sale's date has no zone either
    return find_csv_containers(path, rules, today)


def _tables() -> dict[str, TargetTable]:
    from assets.landing.csv_files import CSV_TABLE
    from assets.landing.nsw_valuer import PSI_TABLE

    return {table.table: table for table in (PSI_TABLE, CSV_TABLE)}


#: Sources whose files a retry can read again.
READERS: dict[str, Reader] = {"nsw_valuer": _psi, "csv": _csv}
#: Tables that retries load into, by name; asked for when a retry needs them.
TABLES: list[Callable[[], dict[str, TargetTable]]] = [_tables]


def retry_rejects(
    conn: psycopg.Connection,
    *,
    source: str | None = None,
    rule: str | None = None,
    file: str | None = None,
    batch_id: UUID | None = None,
    on_progress: Progress | None = None,
) -> RetrySummary:
    """Read the containers that hold open rejects again, and load what is fine now.

    Rejects whose file has come again, corrected, are resolved first and not loaded.
    `rule` and `file` (part of a name) choose containers; a chosen container is read
    whole. `batch_id` chooses one container, also one that was discarded. Each container
    commits by itself: stopped in the middle and run again, the outcome is the same.

    Raises:
        UserError: no batch of this id.
        psycopg.Error: the database failed; finished containers stay done.
    """
    started = time.perf_counter()
    summary = RetrySummary(superseded=supersede_rejects(conn, source))
    wanted = open_containers(conn, source, rule, file, batch_id=batch_id)
    if batch_id is not None and not wanted:
        raise UserError(f"There is no batch {batch_id}.")
    conn.commit()
    tables = {name: table for known in TABLES for name, table in known().items()}
    for done, group in enumerate(groups := _by_place(wanted), start=1):
        _retry_place(conn, group, tables, summary)
        if on_progress is not None:
            on_progress(done, len(groups))
    summary.seconds = time.perf_counter() - started
    return summary


def _by_place(wanted: list[StoredContainer]) -> list[list[StoredContainer]]:
    """Containers of one outer file together: a yearly ZIP is gone through once."""
    places: dict[tuple[str, str | None, str | None], list[StoredContainer]] = {}
    for stored in wanted:
        key = (stored.source, stored.location, stored.read_with)
        places.setdefault(key, []).append(stored)
    return list(places.values())


def _retry_place(
    conn: psycopg.Connection,
    group: list[StoredContainer],
    tables: dict[str, TargetTable],
    summary: RetrySummary,
) -> None:
    waiting = {stored.sha256: stored for stored in group}
    problem = "its bytes are no longer what they were; land it anew"
    try:
        for container in _read_again(group[0]):
            stored = waiting.pop(container.sha256, None)
            if stored is None:
                continue
            report = reload_container(
                conn,
                _renamed(container, stored.name),
                tables[stored.table_name],
                is_simulated=stored.is_simulated,
            )
            summary.containers += 1
            summary.loaded += report.loaded
            summary.resolved += report.resolved
            summary.open += report.open
            if not waiting:
                break
    except UserError as error:
        problem = str(error)
    for stored in waiting.values():
        summary.open += stored.open_rejects
        summary.problems.append(RetryProblem(stored.source, stored.name, problem))


def _read_again(stored: StoredContainer) -> Iterator[Container]:
    reader = READERS.get(stored.source)
    if reader is None:
        raise UserError(f"Files of {stored.source} cannot be read again.")
    if stored.location is None:
        raise UserError("The ledger does not say where it was read from; land it anew.")
    path = Path(stored.location)
    if not path.exists():
        raise UserError(f"There is no file {path} any more; land it anew.")
    yield from reader(path, stored.read_with)


def _renamed(container: Container, name: str) -> Container:
    """The container as the ledger calls it: by itself it may not know its folder."""
    if container.name == name:
        return container
    same: Any = container
    return dataclasses.replace(same, name=name)
