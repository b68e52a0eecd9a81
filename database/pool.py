"""Pools of connections for processes that answer many short questions.

A pool holds `pool_min` connections and grows to `pool_max`; who comes then waits, and
gets a sentence after `wait_seconds`. Builds and loads take one connection each for as
long as they run (`connections.connect`): a pool would be of no use to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from database.connections import APPLICATION_NAME, Limits, redacted
from database.errors import DatabaseError


class PoolExhausted(DatabaseError):
    """No connection came free in time, or none could be made."""


class Pool:
    """Connections to one database, lent one at a time. Safe for threads."""

    def __init__(
        self,
        url: str,
        *,
        pool_min: int,
        pool_max: int,
        limits: Limits,
        wait_seconds: float = 5,
    ) -> None:
        self._url = url
        self._most = pool_max
        self._wait = wait_seconds
        self._pool = ConnectionPool(
            url,
            min_size=pool_min,
            max_size=pool_max,
            timeout=wait_seconds,
            # A server that was restarted leaves dead connections: each is asked first.
            check=ConnectionPool.check_connection,
            # Idle ones above the minimum go after this long (seconds).
            max_idle=120,
            open=False,
            name="ausproperty",
            kwargs={
                "connect_timeout": 10,
                "application_name": APPLICATION_NAME,
                "options": limits.options_for(url),
            },
        )

    def __enter__(self) -> Self:
        self._pool.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.close()

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """Lend a connection: committed at the end, rolled back by an exception.

        Raises:
            PoolExhausted: none came free within `wait_seconds`.
        """
        try:
            conn = self._pool.getconn()
        except PoolTimeout as error:
            raise PoolExhausted(
                f"None of {self._most} connections to {redacted(self._url)} came free "
                f"within {self._wait:g} s: the database is down, or statements hold "
                "them (`ausproperty db advise` names long ones)."
            ) from error
        try:
            # Commits or rolls back; being a pool's, it stays open.
            with conn:
                yield conn
        finally:
            self._pool.putconn(conn)

    def wait(self, seconds: float = 30) -> None:
        """Until the least number of connections stands.

        Raises:
            PoolExhausted: it does not in time.
        """
        try:
            self._pool.wait(seconds)
        except PoolTimeout as error:
            raise PoolExhausted(
                f"No connections to {redacted(self._url)} within {seconds:g} s: {error}"
            ) from error

    def sizes(self) -> dict[str, int]:
        """Connections now: `size`, `idle`, and questions `waiting`."""
        found = self._pool.get_stats()
        return {
            "size": found.get("pool_size", 0),
            "idle": found.get("pool_available", 0),
            "waiting": found.get("requests_waiting", 0),
        }
