"""Connections of a drain that survive a restart of PostgreSQL, within a bound.

What is run on them is `claims.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import psycopg

from database.errors import DatabaseError

P = ParamSpec("P")
T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class DatabaseUnreachable(DatabaseError):
    """PostgreSQL stayed out of reach for longer than a drain waits for it."""


class Link:
    """One autocommit connection that is made again when it breaks."""

    def __init__(self, dsn: str, outage_seconds: float) -> None:
        self._dsn = dsn
        self._outage = outage_seconds
        self._conn: psycopg.AsyncConnection[Any] | None = None
        self.breaks = 0

    async def open(self) -> None:
        """Connect.

        Raises:
            psycopg.OperationalError: the server does not answer or refuses the login.
        """
        self._conn = await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=10,
            tcp_user_timeout=15_000,
            application_name="ausproperty delivery",
        )

    async def close(self) -> None:
        """Close, if open."""
        if self._conn is not None:
            await self._conn.close()

    async def run(
        self,
        work: Callable[Concatenate[psycopg.AsyncConnection[Any], P], Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `work` on the connection; again on a new one if it breaks on the way.

        `work` may so be done twice: `breaks` has then grown.

        Raises:
            DatabaseUnreachable: it kept failing for longer than the outage limit.
        """
        since: float | None = None
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                if self._conn is None or self._conn.closed:
                    await self.open()
                assert self._conn is not None
                return await work(self._conn, *args, **kwargs)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self.breaks += 1
                now = time.monotonic()
                since = since or now
                if now + pause - since > self._outage:
                    raise DatabaseUnreachable(
                        f"PostgreSQL was out of reach for {self._outage:.0f} s; what "
                        "was sent and not yet written down is sent again, under the "
                        f"same webhook-id, after its lease. Last error: {error}"
                    ) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class Store:
    """The two connections of a drain, so that claiming never waits for settling."""

    def __init__(self, dsn: str, outage_seconds: float) -> None:
        self.claiming = Link(dsn, outage_seconds)
        self.settling = Link(dsn, outage_seconds)

    async def __aenter__(self) -> Self:
        """Connect both.

        Raises:
            DatabaseUnreachable: at once, since a wrong address never mends.
        """
        try:
            await self.claiming.open()
            await self.settling.open()
        except psycopg.OperationalError as error:
            await self.claiming.close()
            raise DatabaseUnreachable(
                f"PostgreSQL cannot be reached: {error}"
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close both."""
        await self.claiming.close()
        await self.settling.close()
