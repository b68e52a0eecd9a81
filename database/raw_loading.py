"""Loading containers of source files into `raw`, exactly once.

Belongs here: the transaction around a container, COPY, recognising repeats, the ledger
and the quarantine. Reading files is the connectors' part, choosing them the assets'.

A container is loaded in one transaction that also writes its ledger rows: after a crash
it is either there whole or not at all. An advisory lock makes loaders of one source
take turns, so that "already there" is true until the commit. Rows are then copied
straight into the table; a temporary table in between would cost as much again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from database.source_fields import record_fields
from domain.records import (
    DELIMITER,
    NAMESPACE,
    Container,
    FieldsSeen,
    FileCounts,
    FileReport,
    ParsedFile,
    RecordBatch,
    Reject,
    SourceFile,
    TargetTable,
    batch_id_of,
    escape_value,
    storable_text,
)

#: Weight (about rows) held in memory before it is written.
ROWS_PER_COPY = 20_000

_FILE_COLUMNS = ("_source_file", "_batch_id", "_is_simulated")
_REJECT_COLUMNS = (
    "reject_id, source, source_file, row_number, field, rule_id, reason, fix, "
    "original, original_bytes, original_sha256, _batch_id, _is_simulated"
)
LEDGER_COLUMNS = (
    "file_id, source, source_file, container_file, container_sha256, sha256, "
    "size_bytes, partition_key, batch_id, status, reason, rows_read, rows_loaded, "
    "rows_repeated, rows_rejected, record_counts, is_simulated, table_name, location, "
    "read_with"
)
_COPY_OPTIONS = f"with (format text, delimiter '{DELIMITER}', null '')"


@dataclass(slots=True)
class FileState:
    """Counts of one file while it is read."""

    file: SourceFile
    refusal: Reject | None
    record_counts: dict[str, int]
    rejected: int = 0
    loaded: int = 0
    repeated: int = 0
    fields: FieldsSeen | None = None

    @property
    def counts(self) -> FileCounts:
        """What became of the records so far."""
        read = self.loaded + self.repeated + self.rejected
        return FileCounts(read, self.loaded, self.repeated, self.rejected)

    @property
    def report(self) -> FileReport:
        """What became of the file."""
        return FileReport(
            self.file.source_file,
            self.file.partition_key,
            "refused" if self.refusal else "loaded",
            self.refusal.reason if self.refusal else self.file.note,
            self.counts,
        )


@dataclass(slots=True)
class _Pending:
    """Rows and rejects waiting for the next write."""

    rows: list[tuple[FileState, RecordBatch]] = field(default_factory=list)
    rejects: list[tuple[FileState, Reject]] = field(default_factory=list)
    size: int = 0

    def clear(self) -> None:
        self.rows.clear()
        self.rejects.clear()
        self.size = 0


def load_container(
    conn: psycopg.Connection,
    container: Container,
    target: TargetTable,
    *,
    is_simulated: bool,
) -> list[FileReport]:
    """Load one container, or recognise it; return what became of each of its files.

    A container whose bytes are in the ledger is not parsed: its files are reported as
    `known`, with nothing loaded. `conn` must not be inside a transaction.

    Raises:
        psycopg.Error: the database failed; nothing of this container was written.
    """
    if conn.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("load_container needs a connection outside any transaction")
    with conn.transaction():
        # Cheap look before the lock: a rerun must not wait for another loader.
        known = known_files(conn, container.source, container.sha256)
        if known:
            return known
        lock_source(conn, container.source)
        known = known_files(conn, container.source, container.sha256)
        if known:
            return known
        return ContainerLoad(conn, container, target, is_simulated).run()


def lock_source(conn: psycopg.Connection, source: str) -> None:
    """Take turns with other writers of a source's rows until the transaction ends."""
    conn.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
        [f"ausproperty.raw.{source}"],
    )


def known_files(
    conn: psycopg.Connection, source: str, container_sha256: str
) -> list[FileReport]:
    """Ledger rows of a container with these bytes; empty if it was never loaded.

    What was loaded then counts as repeated now.
    """
    rows = conn.execute(
        "select source_file, partition_key, status, reason, rows_read, rows_rejected "
        "from ops.source_files where source = %s and container_sha256 = %s "
        "order by source_file",
        [source, container_sha256],
    )
    return [
        FileReport(
            source_file,
            partition,
            "refused" if status == "refused" else "known",
            reason,
            FileCounts(read, 0, read - rejected, rejected),
        )
        for source_file, partition, status, reason, read, rejected in rows
    ]


def known_containers(conn: psycopg.Connection, source: str) -> set[str]:
    """SHA-256 of every container of a source in the ledger."""
    end_transaction(conn)
    with conn.transaction():
        rows = conn.execute(
            "select distinct container_sha256 from ops.source_files where source = %s",
            [source],
        )
        return {row[0] for row in rows}


class ContainerLoad:
    """One container's way into the tables, inside an open transaction.

    `raw_reloading` reads a container again with the same steps and other endings.
    """

    rejects_table = "raw.rejects"
    ledger_table = "ops.source_files"

    def __init__(
        self,
        conn: psycopg.Connection,
        container: Container,
        target: TargetTable,
        is_simulated: bool,
    ) -> None:
        self.conn = conn
        self.container = container
        self.target = target
        self.is_simulated = is_simulated
        self.batch_id = batch_id_of(container.source, container.sha256)
        self.files: list[FileState] = []
        self.pending = _Pending()

    def run(self) -> list[FileReport]:
        """Read the container and write what it holds."""
        # Looking up thousands of hashes must use the key however small the table is.
        self.conn.execute("set local enable_seqscan = off")
        for parsed in self.container.files():
            self._read(parsed)
        self._flush()
        self._finish()
        return [state.report for state in self.files]

    def _finish(self) -> None:
        """Write what is told of whole files."""
        self._write_ledger()
        self._supersede()
        record_fields(
            self.conn,
            self.container.source,
            [(state.file.source_file, state.fields) for state in self.files],
        )

    def _read(self, parsed: ParsedFile) -> None:
        state = FileState(parsed.file, parsed.refusal, parsed.record_counts)
        self.files.append(state)
        pending = self.pending
        if parsed.refusal is not None:
            pending.rejects.append((state, parsed.refusal))
        for batch in parsed.batches():
            state.rejected += batch.rejected
            if batch.rows:
                pending.rows.append((state, batch))
            pending.rejects.extend((state, reject) for reject in batch.rejects)
            pending.size += batch.weight
            if pending.size >= ROWS_PER_COPY:
                self._flush()
        state.fields = parsed.fields_seen()

    def _flush(self) -> None:
        if self.pending.rows:
            self._write_rows()
        if self.pending.rejects:
            self._write_rejects()
        self.pending.clear()

    def _write_rows(self) -> None:
        """Copy the rows whose content is not there yet; the first of equals wins."""
        hashes = [key for _, batch in self.pending.rows for key in batch.hashes]
        seen = self._present(hashes)
        statement = sql.SQL("copy {} ({}) from stdin " + _COPY_OPTIONS).format(
            sql.Identifier(*self.target.table.split(".")),
            sql.SQL(", ").join(
                map(sql.Identifier, (*self.target.columns, *_FILE_COLUMNS))
            ),
        )
        # Without repeats (most files) the rows are joined as they came.
        all_new = not seen and len(set(hashes)) == len(hashes)
        with self.conn.cursor() as cursor, cursor.copy(statement) as copy:
            for state, batch in self.pending.rows:
                rows = batch.rows
                if not all_new:
                    rows = _first_of_each(batch, seen)
                state.loaded += len(rows)
                state.repeated += len(batch.rows) - len(rows)
                if rows:
                    end = self._row_end(state)
                    copy.write(end.join(rows) + end)

    def _present(self, hashes: list[str]) -> set[str]:
        """Which of these hashes the table holds already (this transaction included)."""
        found = self.conn.execute(
            sql.SQL(
                "select replace(_row_hash::text, '-', '') from {} "
                "where _row_hash = any(%s::uuid[])"
            ).format(sql.Identifier(*self.target.table.split("."))),
            ["{" + ",".join(hashes) + "}"],
        )
        return {row[0] for row in found}

    def _row_end(self, state: FileState) -> str:
        name = escape_value(storable_text(state.file.source_file))
        simulated = "t" if self.is_simulated else "f"
        return f";{name};{self.batch_id};{simulated}\n"

    def _write_rejects(self) -> None:
        with (
            self.conn.cursor() as cursor,
            cursor.copy(
                f"copy {self.rejects_table} ({_REJECT_COLUMNS}) from stdin"
            ) as copy,
        ):
            for state, reject in self.pending.rejects:
                copy.write_row(self._reject_row(state.file, reject))

    def _reject_row(self, file: SourceFile, reject: Reject) -> tuple[object, ...]:
        kept = reject.original
        return (
            _reject_id(file, reject),
            reject.source,
            storable_text(reject.source_file),
            reject.row_number,
            reject.field,
            reject.rule_id,
            storable_text(reject.reason),
            storable_text(reject.fix),
            kept.text if kept else None,
            kept.size_bytes if kept else None,
            kept.sha256 if kept else None,
            self.batch_id,
            self.is_simulated,
        )

    def _write_ledger(self) -> None:
        with (
            self.conn.cursor() as cursor,
            cursor.copy(
                f"copy {self.ledger_table} ({LEDGER_COLUMNS}) from stdin"
            ) as copy,
        ):
            for state in self.files:
                file, report = state.file, state.report
                copy.write_row(
                    (
                        file.file_id,
                        file.source,
                        storable_text(file.source_file),
                        storable_text(file.container_file),
                        file.container_sha256,
                        file.sha256,
                        file.size_bytes,
                        file.partition_key,
                        self.batch_id,
                        report.status,
                        storable_text(report.reason) if report.reason else None,
                        report.counts.read,
                        report.counts.loaded,
                        report.counts.repeated,
                        report.counts.rejected,
                        json.dumps(state.record_counts),
                        self.is_simulated,
                        self.target.table,
                        _path_text(self.container.location),
                        _path_text(file.read_with),
                    )
                )

    def _supersede(self) -> None:
        """Mark what came from a file of the same name before its bytes changed."""
        names = {storable_text(state.file.container_file) for state in self.files}
        self.conn.execute(
            "update ops.source_files set superseded_by = %s where source = %s and "
            "container_file = any(%s) and batch_id <> %s and superseded_by is null",
            [self.batch_id, self.container.source, list(names), self.batch_id],
        )


def _path_text(path: str | None) -> str | None:
    return storable_text(path) if path is not None else None


def _first_of_each(batch: RecordBatch, seen: set[str]) -> list[str]:
    """Rows whose hash is not in `seen`, which learns them."""
    here = set(batch.hashes)
    if len(here) == len(batch.hashes) and seen.isdisjoint(here):
        seen |= here
        return batch.rows
    rows: list[str] = []
    for key, row in zip(batch.hashes, batch.rows, strict=True):
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return rows


def _reject_id(file: SourceFile, reject: Reject) -> UUID:
    return uuid5(
        NAMESPACE,
        f"{file.file_id}:{reject.row_number}:{reject.rule_id}:{reject.field}",
    )


def end_transaction(conn: psycopg.Connection) -> None:
    """Commit what the caller has open, so that each container commits by itself.

    Raises:
        ValueError: the caller's transaction has failed; it must roll back first.
    """
    if conn.info.transaction_status == TransactionStatus.INERROR:
        raise ValueError("the connection's transaction has failed: roll it back first")
    conn.commit()
