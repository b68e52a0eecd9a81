"""`ausproperty up` and what stands in its way; each obstacle is one sentence."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.homes import ROOT, Ended, Home, base_environment, interrupt, wait_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_one_sentence(ended: Ended) -> bool:
    """Exit code set, no traceback, and one line that starts with our name."""
    lines = ended.err.strip().splitlines()
    return (
        ended.code != 0
        and "Traceback" not in ended.screen
        and len(lines) == 1
        and lines[0].startswith("ausproperty: ")
    )


def answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}{path}", timeout=5
        ) as page:
            return bool(page.status == 200)
    except OSError:
        return False


def test_up_serves_refuses_a_second_and_a_taken_port_and_stops_cleanly(
    new_home: Callable[..., Home],
) -> None:
    dagster, mlflow, docs = free_port(), free_port(), free_port()
    home = new_home(
        ports__dagster=str(dagster), ports__mlflow=str(mlflow), ports__docs=str(docs)
    )
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", mlflow))
        squatter.listen()
        taken = home.run("up")
    assert is_one_sentence(taken), taken.screen
    assert str(mlflow) in taken.err
    assert "AUSPROPERTY_PORTS__MLFLOW" in taken.err
    assert home.wait_empty(5) == []

    process = home.start("up", one_screen=True)
    try:
        wait_for(lambda: answers(dagster, "/server_info"), 120)
        wait_for(lambda: answers(mlflow, "/health"), 120)
        wait_for(lambda: answers(docs, "/data_docs/index.html"), 120)
        assert answers(docs, "/dbt_docs/index.html")
        second = home.run("up", ports__dagster=str(free_port()))
        assert is_one_sentence(second), second.screen
        assert "Already up" in second.err
        assert answers(dagster, "/server_info")
        began = time.monotonic()
        interrupt(process)
        shown, _ = process.communicate(timeout=30)
        took = time.monotonic() - began
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    assert process.returncode == 0, shown
    assert took < 15
    assert "Traceback" not in shown
    assert f"http://127.0.0.1:{dagster}" in shown
    assert f"http://127.0.0.1:{mlflow}" in shown
    assert "stopped" in shown
    assert home.wait_empty(2) == []
    assert not answers(dagster, "/server_info")


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    home = Home(tmp_path / "file" / "home")
    for command in (["up"], ["run"], ["db", "start"], ["manifest"]):
        ended = home.run(*command)
        assert is_one_sentence(ended), (command, ended.screen)
        assert "AUSPROPERTY_HOME" in ended.err, (command, ended.err)


def test_no_package_index_is_one_sentence(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    # One locked package will do: none can be had.
    (tmp_path / "requirements.lock").write_text(
        "six==1.17.0 --hash=sha256:" + "0" * 64 + "\n"
    )
    refused = free_port()
    environment = {
        name: value
        for name, value in base_environment().items()
        if not name.startswith("PIP_")
    }
    environment |= {
        "PIP_INDEX_URL": f"http://127.0.0.1:{refused}/simple",
        "PIP_RETRIES": "0",
        "PIP_DEFAULT_TIMEOUT": "1",
        "PIP_CONFIG_FILE": "/dev/null",
    }
    ended = subprocess.run(
        ["make", "setup"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode != 0
    assert "Is the package index reachable? Set PIP_INDEX_URL" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not (tmp_path / ".venv" / ".installed").exists()
