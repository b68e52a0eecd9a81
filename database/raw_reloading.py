"""Reading containers again whose records were refused.

Belongs here: adding to a batch that is in `raw` already, in one transaction with its
ledger and quarantine; resolving rejects. First loads are `raw_loading`, taking batches
out `discarding`, looking things up `quarantine`.

A retry adds what the present rules take and never removes what is loaded. Counts of the
ledger are taken from the tables afterwards, so they hold however the rules changed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql

from database.raw_loading import (
    LEDGER_COLUMNS,
    ContainerLoad,
    end_transaction,
    lock_source,
)
from database.source_fields import know_fields
from domain.records import Container, ParsedFile, TargetTable, storable_text

LOADED = "loaded on retry"
FINE = "no longer refused"
REPLACED = "replaced by a newer reason"
SUPERSEDED = "superseded by a corrected file"


@dataclass(frozen=True, slots=True)
class ReloadReport:
    """What reading a container again did. Counts are records; `open` are rejects."""

    container: str
    loaded: int
    resolved: int
    open: int


def reload_container(
    conn: psycopg.Connection,
    container: Container,
    target: TargetTable,
    *,
    is_simulated: bool,
) -> ReloadReport:
    """Read a container that is in the ledger once more, with the rules of now.

    Records that are fine now are loaded, once; their rejects are resolved. Those still
    refused keep an open reject with the newest reason. A file that would be refused
    whole, but was loaded, is left alone. Doing it again changes nothing.

    Raises:
        ValueError: the container is not in the ledger, so there is nothing to retry.
        psycopg.Error: the database failed; nothing of this container was changed.
    """
    end_transaction(conn)
    with conn.transaction():
        lock_source(conn, container.source)
        return _ContainerReload(conn, container, target, is_simulated).reload()


class _ContainerReload(ContainerLoad):
    """The steps of a load, into tables beside the real ones, and then the merger."""

    rejects_table = "fresh_rejects"
    ledger_table = "fresh_files"

    def reload(self) -> ReloadReport:
        rows = self.conn.execute(
            "select file_id, status, rows_loaded from ops.source_files "
            "where source = %s and container_sha256 = %s",
            [self.container.source, self.container.sha256],
        ).fetchall()
        if not rows:
            raise ValueError(f"{self.container.name} was never loaded")
        self._loaded_files = {row[0] for row in rows if row[1] == "loaded"}
        self._kept_files: list[UUID] = []
        self._resolved = 0
        for statement in _SCRATCH:
            self.conn.execute(statement)
        self.run()
        before = sum(row[2] for row in rows)
        loaded = self._count(sql.SQL("select count(*) from {} where _batch_id = %s"))
        still = self._count(
            sql.SQL(
                "select count(*) from raw.rejects "
                "where _batch_id = %s and resolved_at is null"
            )
        )
        return ReloadReport(self.container.name, loaded - before, self._resolved, still)

    def _count(self, query: sql.SQL) -> int:
        row = self.conn.execute(query.format(self._table), [self.batch_id]).fetchone()
        return int(row[0]) if row else 0

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self.target.table.split("."))

    def _read(self, parsed: ParsedFile) -> None:
        if parsed.refusal is not None and parsed.file.file_id in self._loaded_files:
            self._kept_files.append(parsed.file.file_id)
            return
        super()._read(parsed)

    def _write_rows(self) -> None:
        super()._write_rows()
        with (
            self.conn.cursor() as cursor,
            cursor.copy("copy seen_again (source_file, row_hash) from stdin") as copy,
        ):
            for state, batch in self.pending.rows:
                name = storable_text(state.file.source_file)
                for row_hash in batch.hashes:
                    copy.write_row((name, row_hash))

    def _finish(self) -> None:
        self._write_ledger()
        # What follows joins whole tables, and nobody has told their sizes yet.
        self.conn.execute("set local enable_seqscan = on")
        self.conn.execute("analyze seen_again, fresh_rejects, fresh_files")
        for state in self.files:
            if state.fields is not None:
                know_fields(self.conn, self.container.source, state.fields)
        self._count_anew()
        self._merge_rejects()
        self._merge_ledger()

    def _count_anew(self) -> None:
        """Put the counts of the fresh ledger right, by the rows that are there."""
        self.conn.execute(
            sql.SQL(_FIND_VANISHED).format(self._table), {"batch": self.batch_id}
        )
        self.conn.execute(
            sql.SQL(_COUNT_ANEW).format(self._table), {"batch": self.batch_id}
        )

    def _merge_rejects(self) -> None:
        self.conn.execute(
            "delete from fresh_rejects f using vanished v "
            "where (f.source_file, f.row_number) = (v.source_file, v.row_number)"
        )
        self.conn.execute(_KEEP_REFUSED)
        found = self.conn.execute(
            sql.SQL(_RESOLVE).format(self._table),
            {
                "batch": self.batch_id,
                "kept": self._kept_files,
                "loaded": LOADED,
                "fine": FINE,
                "replaced": REPLACED,
            },
        )
        self._resolved = found.rowcount

    def _merge_ledger(self) -> None:
        self.conn.execute(_MERGE_LEDGER)
        # A container that was refused before its files were known has them now.
        self.conn.execute(
            "delete from ops.source_files f where source = %s "
            "and container_sha256 = %s and rows_loaded = 0 and file_id <> all(%s) "
            "and not exists (select from fresh_files n where n.file_id = f.file_id) "
            "and exists (select from fresh_files)",
            [self.container.source, self.container.sha256, self._kept_files],
        )


_SCRATCH = tuple(
    f"create temporary table {table} on commit drop"
    for table in (
        "fresh_rejects (like raw.rejects including defaults)",
        "fresh_files (like ops.source_files including defaults)",
        "seen_again (source_file text, row_hash uuid)",
        "vanished (source_file text, row_number integer)",
    )
)

#: Rows loaded once that the present rules would refuse: they stay, and count as loaded.
_FIND_VANISHED = """
insert into vanished
select r._source_file, r._row_number
from {} r
where r._batch_id = %(batch)s
    and r._source_file in (select source_file from fresh_files)
    and not exists (
        select from seen_again s
        where s.source_file = r._source_file and s.row_hash = r._row_hash
    )
"""

_COUNT_ANEW = """
with there as (
    select _source_file as source_file, count(*) as rows
    from {} where _batch_id = %(batch)s group by 1
),
gone as (
    select source_file, count(*) as rows from vanished group by 1
),
excused as (
    select f.source_file, count(distinct f.row_number) as rows
    from fresh_rejects f join vanished v using (source_file, row_number)
    group by 1
),
counts as (
    select
        n.file_id,
        coalesce(there.rows, 0) as loaded,
        n.rows_loaded + n.rows_repeated - coalesce(there.rows, 0)
            + coalesce(gone.rows, 0) as repeated,
        greatest(n.rows_rejected - coalesce(excused.rows, 0), 0) as rejected
    from fresh_files n
    left join there using (source_file)
    left join gone using (source_file)
    left join excused using (source_file)
)
update fresh_files n set
    rows_loaded = c.loaded,
    rows_repeated = c.repeated,
    rows_rejected = c.rejected,
    rows_read = c.loaded + c.repeated + c.rejected
from counts c
where c.file_id = n.file_id
"""

#: One that is superseded or dismissed stays resolved, though the record is still bad.
_KEEP_REFUSED = f"""
insert into raw.rejects as r
select distinct on (reject_id) * from fresh_rejects
on conflict (reject_id) do update set
    reason = excluded.reason,
    fix = excluded.fix,
    original = excluded.original,
    original_bytes = excluded.original_bytes,
    original_sha256 = excluded.original_sha256,
    resolved_at = null,
    resolution = null
where r.resolution is null or r.resolution in ('{LOADED}', '{FINE}', '{REPLACED}')
"""  # noqa: S608 - a constant of this module

#: Two joins instead of look-ups row by row: a discarded batch may be 100,000 rejects.
_RESOLVE = """
with standing as (
    select distinct _source_file as source_file, _row_number as row_number
    from {} where _batch_id = %(batch)s
),
refused as (
    select distinct source_file, coalesce(row_number, -1) as row_number
    from fresh_rejects
),
outcome as (
    select
        r.reject_id,
        case
            when refused.source_file is not null then %(replaced)s
            when r.row_number is null or standing.source_file is not null
                then %(loaded)s
            else %(fine)s
        end as resolution
    from raw.rejects r
    left join standing
        on standing.source_file = r.source_file and standing.row_number = r.row_number
    left join refused
        on refused.source_file = r.source_file
        and refused.row_number = coalesce(r.row_number, -1)
    where r._batch_id = %(batch)s
        and r.resolved_at is null
        and r.reject_id not in (select reject_id from fresh_rejects)
        and r.source_file not in (
            select source_file from ops.source_files where file_id = any(%(kept)s)
        )
)
update raw.rejects r set resolved_at = now(), resolution = outcome.resolution
from outcome where outcome.reject_id = r.reject_id
"""

_MERGE_LEDGER = f"""
insert into ops.source_files as f ({LEDGER_COLUMNS})
select {LEDGER_COLUMNS} from fresh_files
on conflict (file_id) do update set
    status = excluded.status,
    reason = excluded.reason,
    rows_read = excluded.rows_read,
    rows_loaded = excluded.rows_loaded,
    rows_repeated = excluded.rows_repeated,
    rows_rejected = excluded.rows_rejected,
    record_counts = excluded.record_counts,
    location = excluded.location,
    read_with = excluded.read_with,
    reread_wanted = false,
    retried_at = now(),
    discarded_at = null
"""  # noqa: S608 - a constant of raw_loading


def supersede_rejects(
    conn: psycopg.Connection,
    source: str | None = None,
    moving: Collection[str] = (),
) -> int:
    """Resolve rejects whose file came again, corrected; return how many.

    Corrected: a later file of the same name from the same place, with other bytes, that
    was loaded and has no open reject for that line or that text. Files of the sources
    `moving` stand elsewhere once they are read: there the name is enough.
    """
    end_transaction(conn)
    with conn.transaction():
        found = conn.execute(
            _SUPERSEDE,
            {"source": source, "moving": list(moving), "resolution": SUPERSEDED},
        )
        return found.rowcount


#: Files with open rejects first: they are few, however many rejects wait.
_SUPERSEDE = """
with waiting as (
    select distinct source, source_file, _batch_id as batch_id
    from raw.rejects
    where resolved_at is null and (%(source)s::text is null or source = %(source)s)
),
old as (
    select f.source, f.source_file, f.container_file, f.container_sha256, f.batch_id,
        f.location, f.loaded_at
    from waiting join ops.source_files f using (source, source_file, batch_id)
),
same_name as (
    select old.source_file as old_file, old.batch_id as old_batch, newer.source_file,
        newer.batch_id
    from old join ops.source_files newer
        on newer.source = old.source and newer.source_file = old.source_file
    where {is_correction}
    union
    -- A ZIP that could not be opened stands for all its files.
    select old.source_file, old.batch_id, newer.source_file, newer.batch_id
    from old join ops.source_files newer
        on newer.source = old.source and newer.container_file = old.container_file
    where old.source_file = old.container_file and {is_correction}
)
update raw.rejects r set resolved_at = now(), resolution = %(resolution)s
from same_name c
where r.resolved_at is null
    and r._batch_id = c.old_batch
    and r.source_file = c.old_file
    and not exists (
        select from raw.rejects n
        where n._batch_id = c.batch_id
            and n.source_file = c.source_file
            and n.resolved_at is null
            and (n.row_number is not distinct from r.row_number
                or n.original = r.original)
    )
""".replace(
    "{is_correction}",
    """newer.container_sha256 <> old.container_sha256
        and newer.loaded_at > old.loaded_at
        and newer.status = 'loaded'
        and (
            old.location is null
            or newer.location = old.location
            or old.source = any(%(moving)s)
        )""",
)
