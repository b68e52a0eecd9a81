"""The embedded server under faults: races, kill -9, stale pids, closed folders."""

import multiprocessing
import os
import signal
import stat
import time
from pathlib import Path

import psycopg
import pytest

from database.embedded import EmbeddedServer
from database.errors import DatabaseError


@pytest.fixture
def server(tmp_path):
    server = EmbeddedServer(tmp_path / "postgres")
    yield server
    server.stop()


def _ensure(folder: str) -> int:
    return EmbeddedServer(Path(folder)).ensure().port


def _pid(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def test_many_processes_at_once_get_one_server(server):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ports = pool.map(_ensure, [str(server.folder)] * 4)
        # Not ended by a signal, which whoever runs the tests may have them ignore.
        pool.close()
        pool.join()
    assert len(set(ports)) == 1
    assert server.status()["running"]


def test_committed_rows_survive_kill_9_and_the_port_stays(server):
    address = server.ensure()
    with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
        conn.execute("create table kept as select generate_series(1, 1000) as n")
    os.kill(_pid(server), signal.SIGKILL)
    again = server.ensure()
    assert again.port == address.port
    with psycopg.connect(again.url("postgres")) as conn:
        assert conn.execute("select count(*) from kept").fetchone() == (1000,)


def test_pid_file_naming_a_stranger_after_reboot_does_not_block_start(server):
    server.ensure()
    server.stop()
    # After a reboot the recorded pid may belong to anybody: here, to this test.
    (server.data / "postmaster.pid").write_text(
        f"{os.getpid()}\n{server.data}\n1\n1\n\n"
    )
    assert server.ensure()
    assert server.status()["running"]


def test_taken_port_moves_the_server(server):
    import socket

    address = server.ensure()
    server.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", address.port))
        squatter.listen()
        moved = server.ensure()
    assert moved.port != address.port
    assert server.ensure() == moved


def test_two_homes_never_meet(tmp_path, server):
    other = EmbeddedServer(tmp_path / "other")
    try:
        first, second = server.ensure(), other.ensure()
        assert first.port != second.port
        assert first.password != second.password
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(
                second.url("postgres").replace(second.password, first.password)
            )
    finally:
        other.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: others cannot close a parent")
def test_root_may_keep_its_home_in_a_closed_folder(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "postgres")
    try:
        address = server.ensure()
        with psycopg.connect(address.url("postgres"), autocommit=True) as conn:
            conn.execute("create table t as select 1 as one")
            conn.execute("checkpoint")
        owner = Path(f"/proc/{_pid(server)}").stat().st_uid
        assert owner != 0, "PostgreSQL must not run as root"
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700, "the folder stays closed"
    finally:
        server.stop()


def test_folder_that_cannot_be_written_says_what_to_do(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(DatabaseError, match="AUSPROPERTY_HOME"):
        EmbeddedServer(blocker / "postgres").ensure()


def test_stop_waits_until_the_server_is_gone(server):
    server.ensure()
    pid = _pid(server)
    assert server.stop()
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and Path(f"/proc/{pid}/cwd").exists():
        time.sleep(0.05)
    assert not server.status()["running"]
    assert server.stop() is False
