"""Which loads a suite has yet to judge, and remembering those that passed.

Belongs here: the bookkeeping alone; rules are `expectations`, verdicts the checks'.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg


@dataclass(frozen=True, slots=True)
class Pending:
    """Loads to judge; `is_all` if no load of the table was judged by these rules."""

    batches: tuple[UUID, ...]
    is_all: bool


def pending_batches(
    conn: psycopg.Connection, suite: str, source: str, table: str, code: str
) -> Pending:
    """Loads of a table that the suite has not passed with these rules and rows."""
    rows = conn.execute(_LOADS, {"suite": suite, "source": source, "table": table})
    found = rows.fetchall()
    waiting = tuple(
        batch
        for batch, loaded, judged_code, judged_rows in found
        if (judged_code, judged_rows) != (code, loaded)
    )
    return Pending(waiting, len(waiting) == len(found))


def remember_judged(
    conn: psycopg.Connection, suite: str, source: str, table: str, code: str
) -> None:
    """All loads of the table there are passed the suite; the caller commits."""
    conn.execute(
        f"""
        insert into ops.judged_batches (suite, batch_id, code, rows_loaded)
        select %(suite)s, batch_id, %(code)s, rows_loaded from ({_LOADS}) as loads
        where (judged_code, judged_rows) is distinct from (%(code)s, rows_loaded)
        on conflict (suite, batch_id) do update set
            code = excluded.code, rows_loaded = excluded.rows_loaded, judged_at = now()
        """,  # noqa: S608 - a constant of this module
        {"suite": suite, "source": source, "table": table, "code": code},
    )


_LOADS = """
select
    loads.batch_id,
    loads.rows_loaded,
    judged.code as judged_code,
    judged.rows_loaded as judged_rows
from (
    select batch_id, sum(rows_loaded)::bigint as rows_loaded
    from ops.source_files
    where source = %(source)s and table_name = %(table)s and status = 'loaded'
        and discarded_at is null and pruned_at is null
    group by batch_id
    having sum(rows_loaded) > 0
) as loads
left join ops.judged_batches as judged
    on judged.suite = %(suite)s and judged.batch_id = loads.batch_id
"""
