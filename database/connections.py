"""Connections to the warehouse and the URL forms its users need.

Starting a server is `embedded.py`; schema changes are `migrate.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from database.errors import DatabaseError, MarketMismatch

APPLICATION_NAME = "ausproperty"


@dataclass(frozen=True)
class Limits:
    """How long (seconds) the server lets a connection hold things up; 0 is for ever.

    For connections that answer questions. Builds and loads run long on purpose and have
    none of these.
    """

    statement_seconds: float = 0
    idle_in_transaction_seconds: float = 0
    lock_seconds: float = 0

    def options_for(self, url: str) -> str:
        """The connection parameter `options`: the URL's own, and these."""
        named = {
            "statement_timeout": self.statement_seconds,
            "idle_in_transaction_session_timeout": self.idle_in_transaction_seconds,
            "lock_timeout": self.lock_seconds,
        }
        own = conninfo_to_dict(url).get("options")
        ours = [f"-c {key}={value * 1000:.0f}" for key, value in named.items()]
        return " ".join([str(own), *ours] if own else ours)


def connect(
    url: str, *, autocommit: bool = False, limits: Limits | None = None
) -> psycopg.Connection:
    """Open a connection, or say in one sentence why not.

    Raises:
        DatabaseError: the server does not answer or refuses the login.
    """
    try:
        return psycopg.connect(
            url,
            autocommit=autocommit,
            connect_timeout=10,
            application_name=APPLICATION_NAME,
            options=None if limits is None else limits.options_for(url),
        )
    except psycopg.OperationalError as error:
        problem = str(error).strip().splitlines()[-1]
        raise DatabaseError(
            f"Cannot connect to {redacted(url)}: {problem}. "
            "Check AUSPROPERTY_DATABASE_URL, or unset it to use the embedded server "
            "(`ausproperty db status`)."
        ) from error


def redacted(url: str) -> str:
    """The URL without its password, for messages."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@", 1)


def sqlalchemy_url(url: str, schema: str | None = None) -> str:
    """URL for SQLAlchemy with psycopg2 named, its tables in `schema` if given.

    Bare `postgresql://` means another driver from SQLAlchemy 2.1 on.
    """
    full = "postgresql+psycopg2://" + url.split("://", 1)[1]
    if schema is not None:
        joiner = "&" if "?" in full else "?"
        full += f"{joiner}options=-csearch_path%3D{quote(schema)}"
    return full


def connection_parts(url: str) -> dict[str, str]:
    """Host, port, user, password and dbname of a URL, for tools that want parts."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": str(parts.port or 5432),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": parts.path.lstrip("/"),
    }


def claim_market(conn: psycopg.Connection, kind: str) -> None:
    """Bind this database to `kind` (`real` or `simulated`), once and for all.

    Raises:
        MarketMismatch: it is bound to the other kind.
    """
    conn.execute(
        "insert into ops.market (kind) values (%s) on conflict do nothing", [kind]
    )
    row = conn.execute("select kind from ops.market").fetchone()
    conn.commit()
    if row is not None and row[0] != kind:
        raise MarketMismatch(
            f"This database holds {row[0]} data and the run would add {kind} data; the "
            "two never share a database. Use another database "
            "(AUSPROPERTY_DATABASE_URL) or another AUSPROPERTY_HOME."
        )


def wait_until(
    ready: Callable[[], bool], seconds: float, *, pause: float = 0.1
) -> bool:
    """Poll `ready` until it is true (True) or `seconds` have passed (False)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(pause)
    return ready()
