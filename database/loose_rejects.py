"""Rejects of files that are no landing: refused rows without a file of the ledger.

Belongs here: putting them into `raw.rejects` once, and closing those that a corrected
file of the same name replaces. Landings write theirs with their rows (`raw_loading`).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import psycopg

from domain.records import NAMESPACE, Reject, storable_text


def batch_of(source: str, file: str, sha256: str) -> UUID:
    """The batch of a file's rejects: the same bytes under the same name, the same."""
    return uuid5(NAMESPACE, f"{source}:{file}:{sha256}")


def reject_id(batch: UUID, reject: Reject) -> UUID:
    """Name of a reject: the same line refused for the same reason is the same."""
    return uuid5(
        NAMESPACE, f"{batch}:{reject.row_number}:{reject.rule_id}:{reject.field}"
    )


def known_rejects(conn: psycopg.Connection, batch: UUID) -> set[UUID]:
    """Ids of rejects of a batch that were written before."""
    rows = conn.execute(
        "select reject_id from raw.rejects where _batch_id = %s", [batch]
    )
    return {row[0] for row in rows}


def write_rejects(
    conn: psycopg.Connection,
    batch: UUID,
    rejects: Sequence[Reject],
    *,
    is_simulated: bool,
) -> None:
    """Add rejects that are not there yet. Runs in the caller's transaction."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            insert into raw.rejects (reject_id, source, source_file, row_number, field,
                rule_id, reason, fix, original, original_bytes, original_sha256,
                _batch_id, _is_simulated)
            values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            on conflict (reject_id) do nothing
            """,
            [
                (
                    reject_id(batch, reject),
                    reject.source,
                    storable_text(reject.source_file),
                    reject.row_number,
                    reject.field,
                    reject.rule_id,
                    storable_text(reject.reason),
                    storable_text(reject.fix),
                    reject.original.text if reject.original else None,
                    reject.original.size_bytes if reject.original else None,
                    reject.original.sha256 if reject.original else None,
                    batch,
                    is_simulated,
                )
                for reject in rejects
            ],
        )


def supersede_others(
    conn: psycopg.Connection, source: str, file: str, batch: UUID
) -> int:
    """Close open rejects of earlier files of this name; returns how many."""
    return conn.execute(
        "update raw.rejects set resolved_at = now(), "
        "resolution = 'superseded by a corrected file' "
        "where source = %s and source_file = %s and _batch_id <> %s "
        "and resolved_at is null",
        [source, file, batch],
    ).rowcount
