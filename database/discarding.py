"""Taking a bad batch out of `raw`, into quarantine.

Belongs here: the one way rows leave a raw table. Working rejects off, a discarded batch
included, is `raw_reloading`.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql

from database.raw_loading import end_transaction, lock_source
from domain.errors import UserError

RULE = "batch_discarded"


@dataclass(frozen=True, slots=True)
class DiscardReport:
    """A batch taken out: rows moved to quarantine, files that may repeat its rows.

    Those files are read again by the next retry of rejects.
    """

    batch_id: UUID
    files: tuple[str, ...]
    rows: int
    to_read_again: int


def discard_batch(
    conn: psycopg.Connection, batch_id: UUID, reason: str
) -> DiscardReport:
    """Take what one container loaded out of `raw`, into quarantine, for this reason.

    Rows become rejects with the original text where the table keeps it, else with their
    columns as JSON. The ledger then says refused, and the bytes are not loaded again;
    only a retry of this very batch brings it back. Files that counted repeats in the
    same table are marked to be read again, for their rows may have gone with it.

    Raises:
        UserError: no such batch, or it is discarded already.
        psycopg.Error: the database failed; nothing was changed.
    """
    end_transaction(conn)
    with conn.transaction():
        files = conn.execute(
            "select source, source_file, table_name, discarded_at "
            "from ops.source_files where batch_id = %s order by source_file",
            [batch_id],
        ).fetchall()
        if not files:
            raise UserError(
                f"There is no batch {batch_id}. Batches are named by _batch_id in raw "
                "tables and batch_id in ops.source_files."
            )
        if any(row[3] is not None for row in files):
            raise UserError(f"The batch {batch_id} has been discarded before.")
        release = conn.execute(
            "select dataset from ops.reference_releases "
            "where batch_id = %s and status = 'current'",
            [batch_id],
        ).fetchone()
        if release is not None:
            raise UserError(
                f"The batch {batch_id} is the current release of {release[0]}: readers "
                "would find nothing. Land another release instead."
            )
        lock_source(conn, files[0][0])
        tables = sorted({row[2] for row in files})
        rows = sum(_quarantine_rows(conn, table, batch_id, reason) for table in tables)
        conn.execute(
            "update ops.source_files set status = 'refused', reason = %s, "
            "rows_rejected = rows_rejected + rows_loaded, rows_loaded = 0, "
            "discarded_at = now(), reread_wanted = false where batch_id = %s",
            [reason, batch_id],
        )
        again = conn.execute(
            "update ops.source_files set reread_wanted = true where "
            "table_name = any(%s) and batch_id <> %s and rows_repeated > 0 "
            "and discarded_at is null",
            [tables, batch_id],
        ).rowcount
    return DiscardReport(batch_id, tuple(row[1] for row in files), rows, again)


def _quarantine_rows(
    conn: psycopg.Connection, table: str, batch_id: UUID, reason: str
) -> int:
    name = sql.Identifier(*table.split("."))
    row = conn.execute(
        "select exists(select from information_schema.columns where "
        "table_schema || '.' || table_name = %s and column_name = 'original')",
        [table],
    ).fetchone()
    original = (
        sql.SQL("t.original")
        if row and row[0]
        else sql.SQL(
            "(select jsonb_object_agg(key, value)::text from jsonb_each(to_jsonb(t)) "
            "where left(key, 1) <> '_' and value <> 'null')"
        )
    )
    conn.execute(
        sql.SQL(_QUARANTINE_ROWS).format(table=name, original=original),
        {
            "batch": batch_id,
            "rule": RULE,
            "reason": f"The whole batch is discarded. {reason}",
            "fix": "Land a corrected file, or retry this batch to bring it back.",
        },
    )
    return conn.execute(
        sql.SQL("delete from {} where _batch_id = %s").format(name), [batch_id]
    ).rowcount


_QUARANTINE_ROWS = """
insert into raw.rejects (
    reject_id, source, source_file, row_number, field, rule_id, reason, fix, original,
    original_bytes, _batch_id, _is_simulated
)
select md5(f.file_id::text || t._row_hash::text || %(rule)s)::uuid, f.source,
    t._source_file, t._row_number, null, %(rule)s, %(reason)s, %(fix)s, kept.original,
    octet_length(kept.original), t._batch_id, t._is_simulated
from {table} t
join ops.source_files f on f.batch_id = t._batch_id and f.source_file = t._source_file
cross join lateral (select {original} as original) kept
where t._batch_id = %(batch)s
on conflict (reject_id) do update set
    reason = excluded.reason, resolved_at = null, resolution = null
"""
