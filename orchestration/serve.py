"""What `ausproperty up` serves, and how each server is started."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from assets.manifest import build_manifest
from assets.warehouse import tracking_url
from database.connections import connect
from orchestration.docs_site import prepare_docs
from orchestration.instance import prepare_instance
from orchestration.supervisor import Server, Supervisor
from settings import ROOT, Settings


def serve(settings: Settings, *, demo_if_empty: bool) -> int:
    """Serve until Ctrl-C; return the exit code."""
    console = Console(soft_wrap=True)
    if demo_if_empty and not settings.market_file.exists():
        # A first look at an empty UI tells no story: fill it with the made-up market.
        os.environ["AUSPROPERTY_MARKET"] = "simulated"
        settings = Settings()
    console.print("preparing the database and the dbt manifest ...", style="dim")
    url = prepare_instance(settings)
    build_manifest(settings)
    _prepare_registry(settings, url)
    # MLflow's server would start seven workers for jobs that nobody here gives it.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    servers = server_list(settings, url)
    supervisor = Supervisor(settings.market_folder / "up", servers, dict(os.environ))
    beside: list[subprocess.Popen[bytes]] = []
    stopping = threading.Event()

    def ready() -> None:
        for server in servers:
            if server.address:
                console.print(f"{server.name:<10} {server.address}", markup=False)
        console.print(
            f"database   market {settings.active_market}; `ausproperty db psql`"
        )
        if demo_if_empty and _is_empty(url):
            console.print("no run yet: running the main job on the made-up market ...")
            beside.append(_start(settings, "run"))
        threading.Thread(
            target=_build_pages, args=(settings, beside, stopping), daemon=True
        ).start()
        console.print("Ctrl-C stops all of them.")

    try:
        return supervisor.run(ready)
    finally:
        stopping.set()
        for process in beside:
            # With what it started itself, dbt for one.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        console.print("stopped; the database goes on (`ausproperty db stop`)")


def server_list(settings: Settings, url: str) -> list[Server]:
    """Code server, web server, daemon, MLflow and docs; one code location process."""
    folder = settings.market_folder / "up"
    folder.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).parent
    socket_path = _socket_path(folder)
    workspace = folder / "workspace.yaml"
    workspace.write_text(
        "load_from:\n  - grpc_server:\n"
        f"      socket: {socket_path}\n      location_name: ausproperty\n"
    )
    dagster_port, mlflow_port = settings.ports.dagster, settings.ports.mlflow
    return [
        Server(
            "code",
            [
                *(str(program / "dagster"), "code-server", "start"),
                *("--socket", str(socket_path)),
                *("-m", "orchestration.definitions", "-d", str(ROOT)),
                *("--location-name", "ausproperty"),
            ],
        ),
        Server(
            "dagster",
            [
                *(str(program / "dagster-webserver"), "-w", str(workspace)),
                *("-h", "127.0.0.1", "-p", str(dagster_port)),
            ],
            dagster_port,
            "AUSPROPERTY_PORTS__DAGSTER",
        ),
        Server(
            "daemon", [str(program / "dagster-daemon"), "run", "-w", str(workspace)]
        ),
        Server(
            "mlflow",
            [
                *(str(program / "mlflow"), "server"),
                *("--backend-store-uri", tracking_url(url)),
                *("--default-artifact-root", settings.artifacts_folder.as_uri()),
                *("--host", "127.0.0.1", "--port", str(mlflow_port), "--workers", "1"),
            ],
            mlflow_port,
            "AUSPROPERTY_PORTS__MLFLOW",
        ),
        Server(
            "docs",
            [
                *(sys.executable, "-m", "http.server", str(settings.ports.docs)),
                *("--bind", "127.0.0.1", "--directory", str(prepare_docs(settings))),
            ],
            settings.ports.docs,
            "AUSPROPERTY_PORTS__DOCS",
        ),
    ]


def _prepare_registry(settings: Settings, url: str) -> None:
    """Create MLflow's tables before its server starts: the two would race."""
    with connect(url) as conn:
        row = conn.execute(
            "select to_regclass('mlflow.registered_models') is not null"
        ).fetchone()
    if row is None or not row[0]:
        from ml.tracking import Registry

        Registry(tracking_url(url), settings.artifacts_folder).prepare()


def _socket_path(folder: Path) -> Path:
    """A Unix socket in `folder`; in the temporary folder where its path is too long.

    The kernel takes 107 bytes at most, and homes may lie deep.
    """
    path = folder / "code.sock"
    if len(os.fsencode(path)) <= 107:
        return path
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ausproperty-{name}.sock"


def _is_empty(url: str) -> bool:
    with connect(url) as conn:
        row = conn.execute("select exists (select from ops.builds)").fetchone()
    return row is not None and not row[0]


def _build_pages(
    settings: Settings,
    beside: list[subprocess.Popen[bytes]],
    stopping: threading.Event,
) -> None:
    """Build the pages that the docs server shows, of what a run has built before."""
    for process in list(beside):
        process.wait()
    if not stopping.is_set():
        beside.append(_start(settings, "docs"))


def _start(settings: Settings, command: str) -> subprocess.Popen[bytes]:
    """Start another command of ours beside the servers; its words go to a log."""
    log = settings.market_folder / "up" / f"{command}.log"
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "ausproperty"), command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
