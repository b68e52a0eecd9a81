"""A database that goes away in mid-run: go on where that is possible, else say so.

Here: the run's own bookkeeping (Dagster's pooled connections). Elsewhere: the work
itself, which is repeated safely whatever was cut off.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from domain.errors import UserError


class DatabaseLost(UserError):
    """The database went away while a job ran."""


def replace_dead_connections() -> None:
    """Have SQLAlchemy's pools of this process notice connections that have died.

    A restart of PostgreSQL leaves every idle pooled connection broken, and the first
    use of each would fail. A socket that has something to say while nobody asked was
    closed by the server; looking costs no round trip, unlike a ping.
    """
    from sqlalchemy import event
    from sqlalchemy.pool import Pool

    if not event.contains(Pool, "checkout", _refuse_dead):
        event.listen(Pool, "checkout", _refuse_dead)


def _refuse_dead(connection: Any, record: Any, fairy: Any) -> None:
    from sqlalchemy.exc import DisconnectionError

    if not hasattr(connection, "fileno"):
        return
    if connection.closed or select.select([connection], [], [], 0)[0]:
        raise DisconnectionError("the server closed this connection")


@contextmanager
def outage_in_a_sentence() -> Iterator[None]:
    """Turn the database's going away into a sentence that says what to do.

    Raises:
        DatabaseLost: from whatever driver noticed first.
    """
    try:
        yield
    except Exception as error:
        reason = _outage(error)
        if reason is None:
            raise
        raise DatabaseLost(
            f"The database went away in mid-run ({reason}). Nothing is half-done: run "
            "the same command again once it is back."
        ) from error


def _outage(error: BaseException | None) -> str | None:
    """First line of the driver's complaint, None if it is about something else."""
    import psycopg
    import psycopg2

    lost = (
        psycopg.OperationalError,
        psycopg2.OperationalError,
        psycopg2.InterfaceError,
    )
    while error is not None:
        if isinstance(error, lost):
            lines = str(error).strip().splitlines()
            return lines[0] if lines else type(error).__name__
        error = error.__cause__ or error.__context__
    return None
