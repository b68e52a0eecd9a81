"""Fixtures shared by all rooms: one real PostgreSQL a session, real data if there.

Every xdist worker shares one embedded server (started by the first, stopped by the
last) and every test that asks gets a database of its own, cloned from a migrated
template.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from database.embedded import EmbeddedServer
from database.migrate import migrate

TEMPLATE = "ausproperty_template"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


# The longest tests, which must not be what everybody waits for at the end.
LONGEST = (
    "test_fault_soak",
    "test_national",
    "test_promises_kill",
    "test_promises_postgres",
    "test_promises_weeks",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest tests first."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


@contextmanager
def _exclusive(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "users.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder / "users"


def _count_users(counter: Path, change: int) -> int:
    users = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(users + change))
    return users + change


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The session's PostgreSQL server, with a migrated template database."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker has a base of its own below the session's.
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = root / "postgres"
    server = EmbeddedServer(folder)
    with _exclusive(folder) as counter:
        address = server.ensure()
        if _count_users(counter, +1) == 1:
            migrate(server.ensure_database(address, TEMPLATE))
    yield server
    with _exclusive(folder) as counter:
        if _count_users(counter, -1) == 0:
            server.stop()
            shutil.rmtree(folder / "data", ignore_errors=True)


@pytest.fixture
def database_url(postgres: EmbeddedServer) -> Iterator[str]:
    """URL of a fresh, migrated database that is dropped after the test."""
    address = postgres.ensure()
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = address.url("postgres")
    with psycopg.connect(admin, autocommit=True) as conn:
        # Cloning fails while another worker clones the same template: one at a time.
        conn.execute("select pg_advisory_lock(1)")
        conn.execute(f"create database {name} template {TEMPLATE}")
    yield address.url(name)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"drop database {name} with (force)")


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the test's own database."""
    with psycopg.connect(database_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data is not on this machine ({SHARED_DATA})")
    return SHARED_DATA
