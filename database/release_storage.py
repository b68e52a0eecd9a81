"""Room for releases of reference sets: partitions of big ones, and pruning.

Belongs here: where a release's rows lie, and how old ones go. Which release readers see
is `releases`.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.errors import LockNotAvailable

from database.raw_loading import end_transaction


def add_partition(conn: psycopg.Connection, table: str, release_id: UUID) -> None:
    """Make room for one release of a partitioned table; commits; may be done twice.

    The partition is made beside the table and then attached, which readers do not wait
    for.
    """
    end_transaction(conn)
    names = _names(table, release_id)
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [table])
        found = conn.execute(
            "select to_regclass(%s)", [f"{table}_{release_id.hex}"]
        ).fetchone()
        if found and found[0]:
            return
        conn.execute(
            sql.SQL("create table {part} (like {whole} including defaults)").format(
                **names
            )
        )
        conn.execute(
            sql.SQL(
                "alter table {whole} attach partition {part} for values in ({release})"
            ).format(**names)
        )


def _names(table: str, release_id: UUID) -> dict[str, sql.Composable]:
    schema, name = table.split(".")
    return {
        "whole": sql.Identifier(schema, name),
        "part": sql.Identifier(schema, f"{name}_{release_id.hex}"),
        "release": sql.Literal(str(release_id)),
    }


def prune(
    conn: psycopg.Connection,
    dataset: str,
    table: str,
    *,
    keep: int | None,
    is_partitioned: bool,
) -> list[UUID]:
    """Remove the rows of releases older than the `keep` newest of their part; commits.

    The current release never goes, and nothing newer than it. Ledger and rejects stay.
    Where a reader holds a partition it is left for the next time.
    """
    if keep is None:
        return []
    end_transaction(conn)
    pruned: list[UUID] = []
    for release_id, batch_id in _surplus(conn, dataset, keep):
        conn.commit()
        try:
            with conn.transaction():
                conn.execute("set local lock_timeout = '5s'")
                _remove_rows(conn, table, release_id, is_partitioned)
                conn.execute(
                    "update ops.reference_releases set pruned_at = now() "
                    "where release_id = %s and status <> 'current'",
                    [release_id],
                )
                conn.execute(
                    "update ops.source_files set pruned_at = now() where batch_id = %s",
                    [batch_id],
                )
        except LockNotAvailable:
            continue
        pruned.append(release_id)
    return pruned


def _surplus(
    conn: psycopg.Connection, dataset: str, keep: int
) -> Sequence[tuple[UUID, UUID]]:
    return conn.execute(
        """
        with placed as (
            select r.release_id, r.batch_id, r.status,
                row_number() over (
                    partition by r.part
                    order by r.release_date desc, r.loaded_at desc
                ) as place,
                (r.release_date, r.loaded_at)
                    < (c.release_date, c.loaded_at) as is_older
            from ops.reference_releases r
            join ops.reference_releases c
                on c.dataset = r.dataset and c.part = r.part and c.status = 'current'
            where r.dataset = %s and r.pruned_at is null
        )
        select release_id, batch_id from placed
        where status <> 'current' and is_older and place > %s
        """,
        [dataset, keep],
    ).fetchall()


def _remove_rows(
    conn: psycopg.Connection, table: str, release_id: UUID, is_partitioned: bool
) -> None:
    names = _names(table, release_id)
    if is_partitioned:
        conn.execute(sql.SQL("drop table if exists {part}").format(**names))
        return
    conn.execute(
        sql.SQL("delete from {whole} where release_id = {release}").format(**names)
    )
