"""Moving the first day that the indexes of recent rows hold.

An index predicate may not ask the clock, so the day is a row of `ops.index_boundaries`:
builds read it (dbt macro `index_boundary`), this moves it once a month. Readers are
never without an index: the new one is made beside the old, which then goes. What a
killed move leaves, or a build that read the old day meanwhile, the next move mends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

_LOCK = 7_240_003
_DAY = "'{}'::date"


@dataclass(frozen=True)
class Move:
    """One index of recent rows: from which day on it held rows, and holds them now."""

    table: str
    column: str
    from_day: date
    to_day: date


def move_boundaries(conn: psycopg.Connection[Any], today: date) -> list[Move]:
    """Bring every index of recent rows to this month's day; the moves made.

    The connection is in autocommit: indexes are made and dropped concurrently.
    """
    conn.execute("select pg_advisory_lock(%s)", [_LOCK])
    try:
        return [
            move
            for table, column, boundary, months in conn.execute(
                "select table_name, column_name, boundary, months_kept "
                "from ops.index_boundaries order by 1, 2"
            ).fetchall()
            for move in _move(
                conn, table, column, max(boundary, months_before(today, months))
            )
        ]
    finally:
        conn.execute("select pg_advisory_unlock(%s)", [_LOCK])


def months_before(today: date, months: int) -> date:
    """First day of the month that lies `months` before today's."""
    index = today.year * 12 + today.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def _move(
    conn: psycopg.Connection[Any], table: str, column: str, to_day: date
) -> list[Move]:
    wanted = f"{column} >= {_DAY.format(to_day.isoformat())}"
    moves = []
    for name, definition, comment, day in _found(conn, table, column, to_day):
        ours = f"{re.sub('_[0-9a-f]{8}$', '', name)[:50]}_{to_day:%Y%m%d}"
        start = definition.index(" ON ")
        made = re.sub(rf"{column} >= '[0-9-]+'::date", wanted, definition[start:])
        index = sql.Identifier(ours)
        conn.execute(
            sql.SQL("create index concurrently {}{}").format(index, sql.SQL(made))
        )
        conn.execute(
            sql.SQL("comment on index marts.{} is {}").format(index, comment or "")
        )
        _keep(conn, table, column, to_day)
        conn.execute(
            sql.SQL("drop index concurrently marts.{}").format(sql.Identifier(name))
        )
        moves.append(Move(table, column, day, to_day))
    _keep(conn, table, column, to_day)
    return moves


def _found(
    conn: psycopg.Connection[Any], table: str, column: str, to_day: date
) -> list[tuple[str, str, str | None, date]]:
    """Name, definition, comment and day of the indexes that hold another day's rows.

    Drops those that a killed move left unfinished, and old ones whose new one stands.
    """
    rows = conn.execute(
        """
        select relname, pg_get_indexdef(indexrelid),
            obj_description(indexrelid, 'pg_class'), indisvalid
        from pg_index
        inner join pg_class on pg_class.oid = indexrelid
        where indrelid = to_regclass(%s) and indpred is not null
        """,
        [f"marts.{table}"],
    ).fetchall()
    days = {}
    for name, definition, comment, is_valid in rows:
        day = re.search(rf"{column} >= '([0-9-]+)'::date", definition)
        if day is None:
            continue
        if not is_valid:
            drop = sql.SQL("drop index concurrently marts.{}")
            conn.execute(drop.format(sql.Identifier(name)))
            continue
        days[name] = (definition, comment, date.fromisoformat(day[1]))
    standing = {
        _but_the_day(definition)
        for definition, _, since in days.values()
        if since == to_day
    }
    moved = []
    for name, (definition, comment, since) in days.items():
        if since == to_day:
            continue
        if _but_the_day(definition) in standing:
            drop = sql.SQL("drop index concurrently marts.{}")
            conn.execute(drop.format(sql.Identifier(name)))
            continue
        moved.append((name, definition, comment, since))
    return moved


def _but_the_day(definition: str) -> str:
    """A definition without its name and day, to tell the same index of another day."""
    return re.sub(r"'[0-9-]+'::date", "", definition[definition.index(" ON ") :])


def _keep(conn: psycopg.Connection[Any], table: str, column: str, to_day: date) -> None:
    conn.execute(
        "update ops.index_boundaries set boundary = %s, moved_at = now() "
        "where table_name = %s and column_name = %s and boundary <> %s",
        [to_day, table, column, to_day],
    )
