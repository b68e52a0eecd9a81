"""Landing REAXML files out of a drop folder: each loaded once, then moved, never lost.

Belongs here: the order of load, report and move that survives being killed anywhere.
The folder is `connectors.reaxml.drop`, its files are `connectors.reaxml.containers`.

A file is loaded in one transaction with its ledger row, then its report is written,
then it moves. Killed in between, the next run finds its bytes in the ledger and only
moves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path

import psycopg

from assets.landing.common import FetchFailure, IngestSummary, Progress, summarise
from assets.landing.read_ahead import ReadAhead
from connectors.archives import sha256_of
from connectors.reaxml import ROW_COLUMNS, SOURCE, ReaxmlContainer
from connectors.reaxml.drop import DropFolder, Dropped, Ending
from database.raw_loading import end_transaction, load_container
from database.source_health import record_source_run
from domain.records import (
    FileCounts,
    FileReport,
    TargetTable,
    batch_id_of,
    storable_text,
)

REAXML_TABLE = TargetTable(SOURCE, "raw.reaxml__listings", ROW_COLUMNS)

#: Rejects listed in a file's report; all of them are in raw.rejects.
_LISTED = 100
#: From this size on (bytes) a file is parsed in a thread of its own.
_BIG = 4 << 20


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that was read, and where it stands now. `status` is as in its report."""

    name: str
    place: Path
    status: str


@dataclass(frozen=True, slots=True)
class DropSummary(IngestSummary):
    """What became of a drop folder. `waiting` are files that may still be written."""

    moved: tuple[Moved, ...] = ()
    waiting: tuple[str, ...] = ()


def ingest_reaxml(
    conn: psycopg.Connection,
    folder: str | Path,
    *,
    is_simulated: bool,
    settle_seconds: float = 5.0,
    on_progress: Progress | None = None,
    clock: Callable[[], float] = time.time,
) -> DropSummary:
    """Load every settled file of a drop folder, then move it to `done/` or `failed/`.

    Args:
        conn: an open transaction on it is committed first; each file then commits by
            itself. Processes on one database take turns.
        folder: where files (XML, gzip of it, ZIP with images) are dropped, also in
            sub-folders.
        is_simulated: label of every row.
        settle_seconds: a file changed more recently waits for the next run.
        on_progress: called with (files done, files in all).
        clock: seconds since 1970.

    Raises:
        PermanentError: the folder is missing, or cannot be written to.
        psycopg.Error: the database failed; the file at hand and those after it stay.
    """
    started = time.perf_counter()
    drop = DropFolder(Path(folder).expanduser().absolute(), settle_seconds, clock)
    drop.check()
    started_at = drop.now
    taken = _Taken()
    with _turn(conn):
        found = drop.files()
        ready = [file for file in found if drop.is_settled(file)]
        taken.waiting += [file.name for file in found if not drop.is_settled(file)]
        for number, file in enumerate(ready, start=1):
            _take(_Taking(conn, drop, file, is_simulated), taken)
            if on_progress is not None:
                on_progress(number, len(ready))
        total = summarise(SOURCE, taken.reports, taken.failures, started)
        record_source_run(
            conn,
            SOURCE,
            "failed" if taken.failures and not taken.moved else "ok",
            started_at=started_at,
            rows=total.loaded,
            rejects=total.rejected,
            detail=taken.detail,
        )
        conn.commit()
    plain = {part.name: getattr(total, part.name) for part in fields(IngestSummary)}
    waiting = tuple(storable_text(name) for name in taken.waiting)
    return DropSummary(**plain, moved=tuple(taken.moved), waiting=waiting)


@dataclass(slots=True)
class _Taken:
    """What became of the files so far."""

    reports: list[FileReport] = field(default_factory=list)
    failures: list[FetchFailure] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def detail(self) -> dict[str, object]:
        """For the source's health."""
        counts: dict[str, object] = {
            "files": len(self.moved),
            "waiting": len(self.waiting),
        }
        if self.failures:
            counts["not_read"] = [failure.url for failure in self.failures[:20]]
        return counts


def _take(taking: _Taking, taken: _Taken) -> None:
    """Take one file; one that cannot be read now stays and holds up no other."""
    try:
        outcome = taking.run()
    except FileNotFoundError:
        return  # somebody took it away
    except (OSError, psycopg.DataError) as error:
        name = storable_text(taking.file.name)
        taken.failures.append(FetchFailure(name, str(error)))
        return
    if outcome is None:
        taken.waiting.append(taking.file.name)
        return
    taken.reports += outcome[0]
    taken.moved.append(outcome[1])


@contextmanager
def _turn(conn: psycopg.Connection) -> Iterator[None]:
    """Hold the folder: a second process waits, then finds it empty."""
    key = "select {}(hashtextextended('ausproperty.reaxml.drop', 0))"
    end_transaction(conn)
    conn.execute(key.format("pg_advisory_lock"))
    conn.commit()
    try:
        yield
    finally:
        # A connection that broke has let go already.
        with suppress(psycopg.Error):
            conn.rollback()
            conn.execute(key.format("pg_advisory_unlock"))
            conn.commit()


@dataclass(frozen=True, slots=True)
class _LedgerFile:
    """What the ledger says of one file among some bytes."""

    container_file: str
    location: str | None
    source_file: str
    reason: str | None
    counts: FileCounts
    records: dict[str, int]


class _Taking:
    """One file's way from the folder to its place."""

    file: Dropped

    def __init__(
        self,
        conn: psycopg.Connection,
        drop: DropFolder,
        file: Dropped,
        is_simulated: bool,
    ) -> None:
        self._conn = conn
        self._drop = drop
        self.file = file
        self._is_simulated = is_simulated
        self._sha256 = ""

    def run(self) -> tuple[list[FileReport], Moved] | None:
        """Load, report, move; None for a file that changed meanwhile."""
        file = self.file
        self._sha256 = sha256_of(file.path)
        if not self._drop.is_unchanged(file):
            return None
        before = self._ledger()
        done = self._drop.place_for(file, "done", self._sha256)
        # Agencies use names again: the ledger has the one a file is kept under.
        name = storable_text(done.relative_to(self._drop.root / "done").as_posix())
        reports = self._load(name, done)
        if not self._drop.is_unchanged(file):
            # It grew while it was read: its new bytes are another file's.
            return None
        now = self._ledger()
        is_first = not before or _is_interrupted(before[0], name)
        refused = sum(entry.reason is not None for entry in now)
        ending: Ending = "failed" if refused else "done"
        status = "loaded"
        if refused:
            status = "refused" if refused == len(now) else "partly refused"
        if not is_first:
            status = f"already {status}"
        place = self._drop.place_for(file, ending, self._sha256)
        report = self._report(status, now, is_first)
        if is_first:
            self._remember(place)
        if not self._drop.finish(file, place, report):
            return None
        return reports, Moved(storable_text(file.name), place, status)

    def _load(self, name: str, place: Path) -> list[FileReport]:
        container = ReaxmlContainer.of(self.file.path, name, str(place))
        load = load_container
        if self.file.size < _BIG:
            return load(
                self._conn, container, REAXML_TABLE, is_simulated=self._is_simulated
            )
        with ReadAhead([(1, container)], set()) as ahead:
            return [
                report
                for _, parsed in ahead
                for report in load(
                    self._conn, parsed, REAXML_TABLE, is_simulated=self._is_simulated
                )
            ]

    def _ledger(self) -> list[_LedgerFile]:
        with self._conn.transaction():
            rows = self._conn.execute(
                "select container_file, location, source_file, "
                "case when status = 'refused' then reason end, "
                "rows_read, rows_loaded, rows_repeated, rows_rejected, record_counts "
                "from ops.source_files where source = %s and container_sha256 = %s "
                "order by source_file",
                [SOURCE, self._sha256],
            ).fetchall()
        return [
            _LedgerFile(container, location, name, reason, FileCounts(*counts), records)
            for container, location, name, reason, *counts, records in rows
        ]

    def _remember(self, place: Path) -> None:
        """Let the ledger say where the bytes are kept, for a retry of its rejects."""
        with self._conn.transaction():
            self._conn.execute(
                "update ops.source_files set location = %s "
                "where source = %s and container_sha256 = %s",
                [_storable_path(place), SOURCE, self._sha256],
            )

    def _report(
        self, status: str, entries: list[_LedgerFile], is_first: bool
    ) -> dict[str, object]:
        with self._conn.transaction():
            rejects = self._conn.execute(
                "select source_file, row_number, field, rule_id, reason, fix "
                "from raw.rejects where _batch_id = %s and resolved_at is null "
                "order by source_file, row_number nulls first, field limit %s",
                [batch_id_of(SOURCE, self._sha256), _LISTED],
            ).fetchall()
        names = ("file", "line", "field", "rule", "reason", "fix")
        return {
            "file": storable_text(self.file.name),
            "status": status,
            "loaded_as": entries[0].container_file if entries else None,
            "sha256": self._sha256,
            "size_bytes": self.file.size,
            "finished_at": self._drop.now.isoformat(timespec="seconds"),
            "files": [
                {
                    "file": entry.source_file,
                    "refused": entry.reason,
                    "counts": _counts(entry.counts, is_first),
                    "records": entry.records,
                }
                for entry in entries
            ],
            "rejects": [dict(zip(names, row, strict=True)) for row in rejects],
        }


def _storable_path(path: Path) -> str | None:
    """A path as text; None for one that is none: nobody could find it by it."""
    text = str(path)
    return text if storable_text(text) == text else None


def _is_interrupted(known: _LedgerFile, name: str) -> bool:
    """Whether a known file is one that was loaded under this name and never moved."""
    if known.container_file != name:
        return False
    return known.location is None or not Path(known.location).exists()


def _counts(counts: FileCounts, is_first: bool) -> dict[str, int]:
    """The ledger's counts; of bytes seen before, all that was loaded is a repeat."""
    loaded = counts.loaded if is_first else 0
    return {
        "read": counts.read,
        "loaded": loaded,
        "repeated": counts.read - counts.rejected - loaded,
        "rejected": counts.rejected,
    }
