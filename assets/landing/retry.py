"""Working rejects off: reading the files that hold them again with the rules of now.

Belongs here: finding a container of the ledger where it was read from, for every source
that joined (`READERS`). What a retry does to the tables is `database.raw_reloading`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from assets.landing.common import Progress
from assets.landing.reference import settle_again
from connectors.reference import INFOS
from database.quarantine import StoredContainer, open_containers
from database.raw_reloading import reload_container, supersede_rejects
from domain.errors import UserError
from domain.records import Container, TargetTable


@dataclass(frozen=True, slots=True)
class Reader:
    """How one source's files are read again.

    `open` gives the containers at a path, each valid until the next one is asked for;
    its second argument is what the files were read with the first time. Containers are
    dataclasses with a field `name`. `moves_files`: files stand elsewhere after they
    were read, so that a corrected one is known by its name alone.
    """

    open: Callable[[Path, str | None], Iterable[Container]]
    tables: Iterable[TargetTable]
    moves_files: bool = False


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


def _psi() -> Reader:
    from assets.landing.nsw_valuer import PSI_TABLE
    from connectors.nsw_valuer.containers import find_containers

    return Reader(
        lambda path, _: (one for _, one in find_containers(path)), [PSI_TABLE]
    )


def _csv() -> Reader:
    from assets.landing.csv_files import CSV_TABLE
    from connectors.csv_mapping import find_csv_containers
    from connectors.csv_mapping.mapping import load_mapping

    today = date.today()  # noqa: DTZ011 - a sale's date has no zone either

    def read(path: Path, mapping: str | None) -> Iterable[Container]:
        if not mapping:
            raise UserError("The ledger does not say which mapping it was read with.")
        return find_csv_containers(path, load_mapping(mapping), today)

    return Reader(read, [CSV_TABLE])


def _domain() -> Reader:
    from connectors.domain_api.bodies import BodyContainer
    from connectors.domain_api.datasets import DATASETS

    tables = [dataset.target for dataset in DATASETS.values()]
    return Reader(lambda path, _: [BodyContainer(path.name, path)], tables)


def _reaxml() -> Reader:
    from assets.landing.reaxml import REAXML_TABLE
    from connectors.reaxml import ReaxmlContainer

    return Reader(
        lambda path, _: [ReaxmlContainer.of(path)], [REAXML_TABLE], moves_files=True
    )


def _reference(dataset: str) -> Reader:
    from assets.landing.reference import read_again, reference_table
    from connectors.reference.catalogue import DATASETS

    table = reference_table(DATASETS[dataset])
    return Reader(lambda path, _: read_again(dataset, path), [table])


#: Sources whose files a retry can read again.
READERS: dict[str, Callable[[], Reader]] = {
    "nsw_valuer": _psi,
    "csv": _csv,
    "domain": _domain,
    "reaxml": _reaxml,
    **{name: partial(_reference, name) for name in INFOS},
}


def retry_rejects(
    conn: psycopg.Connection,
    *,
    source: str | None = None,
    rule: str | None = None,
    file: str | None = None,
    batch_id: UUID | None = None,
    max_reject_share: float = 0.02,
    on_progress: Progress | None = None,
) -> RetrySummary:
    """Read the containers that hold open rejects again, and load what is fine now.

    Rejects whose file has come again, corrected, are resolved first and not loaded.
    `rule` and `file` (part of a name) choose containers; a chosen container is read
    whole. `batch_id` chooses one container, also one that was discarded. Each container
    commits by itself: stopped in the middle and run again, the outcome is the same. A
    release of a reference set whose share of rejects is now below `max_reject_share`
    becomes current.

    Raises:
        UserError: no batch of this id.
        psycopg.Error: the database failed; finished containers stay done.
    """
    started = time.perf_counter()
    readers = {name: make() for name, make in READERS.items()}
    moving = [name for name, reader in readers.items() if reader.moves_files]
    summary = RetrySummary(superseded=supersede_rejects(conn, source, moving))
    wanted = open_containers(conn, source, rule, file, batch_id=batch_id)
    if batch_id is not None and not wanted:
        raise UserError(f"There is no batch {batch_id}.")
    conn.commit()
    for done, group in enumerate(groups := _by_place(wanted), start=1):
        _retry_place(conn, group, readers.get(group[0].source), summary)
        if on_progress is not None:
            on_progress(done, len(groups))
    settle_again(conn, max_reject_share)
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
    reader: Reader | None,
    summary: RetrySummary,
) -> None:
    waiting = {stored.sha256: stored for stored in group}
    problem = "Its bytes are no longer what they were; land it anew."
    try:
        if reader is None:
            raise UserError(f"Files of {group[0].source} cannot be read again.")
        tables = {table.table: table for table in reader.tables}
        for container in reader.open(_place(group[0]), group[0].read_with):
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


def _place(stored: StoredContainer) -> Path:
    if stored.location is None:
        raise UserError("The ledger does not say where it was read from; land it anew.")
    path = Path(stored.location)
    if not path.is_file():
        raise UserError(f"There is no file {path} any more; land it anew.")
    return path


def _renamed(container: Container, name: str) -> Container:
    """The container as the ledger calls it: by itself it may not know its folder."""
    if container.name == name:
        return container
    same: Any = container
    return dataclasses.replace(same, name=name)
