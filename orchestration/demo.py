"""`ausproperty run`: the main job in the foreground, on a made-up market or real files.

The jobs are those the daemon runs. What is added here: the remote parties of a demo
(simulator, consumer), progress, and the summary. `main_job.py` executes a job.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import secrets
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from rich.console import Console

from assets import keys, progress
from assets.clients import client_for
from assets.landing.calendar import weeks_on_offer
from assets.manifest import build_manifest
from assets.partitions import range_tags
from assets.vault import open_vault
from connectors.resilience import Parked, SourceDown
from database.connections import connect
from database.snapshots import last_good
from delivery.endpoints import disable_endpoint, register_endpoint
from delivery.guard import parse_networks
from delivery.signing import generate_secret
from domain.errors import UserError
from orchestration.board import Board
from orchestration.children import Child, child
from orchestration.instance import close_orphaned_runs, prepare_instance
from orchestration.main_job import JobOutcome, idle_stages, run_job
from orchestration.named_sources import NamedSources, made_up_sources
from orchestration.outage import outage_in_a_sentence, replace_dead_connections
from orchestration.summary import (
    build_summary,
    refused_files,
    render,
    sources_away,
    training_put_off,
)
from settings import Settings

LOOPBACK = "127.0.0.0/8"
DEMO_ENDPOINT = "demo-consumer"


@dataclass(frozen=True)
class RunRequest:
    """What to run on; without a source, the made-up market."""

    sources: NamedSources = field(default_factory=NamedSources)
    properties: int | None = None
    seed: int | None = None
    weeks: int | None = None
    job: str = "daily"

    @property
    def is_simulated(self) -> bool:
        """True without a source."""
        return not self.sources


def run_main_job(request: RunRequest, json_file: Path | None) -> int:
    """Run the job and print its summary; 0 if all went well, else 1."""
    if request.is_simulated:
        os.environ["AUSPROPERTY_MARKET"] = "simulated"
    else:
        # Who points --domain or a URL at a simulator says so by the setting.
        os.environ.setdefault("AUSPROPERTY_MARKET", "real")
    # The demo consumer listens here; an operator's own endpoints need no such leave.
    os.environ.setdefault("AUSPROPERTY_DELIVERY__ALLOW_NETWORKS", f'["{LOOPBACK}"]')
    settings = Settings()
    console = Console(file=sys.stdout, soft_wrap=True)
    began = time.monotonic()
    seconds: dict[str, float] = {}
    with _only_run_of(settings), _quiet(settings.market_folder / "run.log"):
        board = Board(console)
        with board.timed("database", seconds):
            url = prepare_instance(settings)
            settings.market_file.write_text(settings.active_market)
        with board.timed("manifest", seconds):
            build_manifest(settings)
        with contextlib.ExitStack() as stack:
            with board.timed("remote parties", seconds):
                sources = _sources(request, settings, stack)
                demo = (
                    _consumer(settings, url, stack) if request.job == "daily" else None
                )
            with board.timed("code location", seconds):
                from orchestration.location import build_definitions

                definitions = build_definitions(settings)
                replace_dead_connections()
                instance = stack.enter_context(dg.DagsterInstance.get())
                # Dagster opens a connection an event otherwise: 50 ms each of a run's
                # hundreds. This is its own switch for processes that live a while.
                instance.optimize_for_webserver(
                    statement_timeout=60_000, pool_recycle=3600, max_overflow=20
                )
            for run_id in close_orphaned_runs(instance):
                console.print(f"  a killed run was closed: {run_id[:8]}", style="dim")
            with outage_in_a_sentence():
                outcomes = _run_jobs(
                    request, settings, url, definitions, instance, sources, board
                )
            received = demo.get_json("/stats") if demo else None
            seen = _consumer_note(received)
            if demo:
                with connect(url) as conn:
                    disable_endpoint(
                        conn, DEMO_ENDPOINT, "the demo consumer has stopped"
                    )
                    conn.commit()
        return _report(request, url, console, outcomes, seconds, began, seen, json_file)


def _run_jobs(
    request: RunRequest,
    settings: Settings,
    url: str,
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    sources: NamedSources,
    board: Board,
) -> list[JobOutcome]:
    progress.listen(board.progress)
    board.hidden = idle_stages(settings, sources.asset_keys())
    weeks = None
    if sources.nsw_psi is not None:
        weeks = weeks_to_read(settings, url, sources.nsw_psi)
    today = datetime.now(UTC).date()
    outcomes = [
        run_job(
            definitions,
            request.job,
            instance,
            run_config=sources.run_config(),
            # Landing alone lands what is named; the main job is the whole graph.
            asset_keys=sources.asset_keys() if request.job == "ingest" else None,
            tags=range_tags(*(weeks or (today, today))),
            on_stage=board.stage,
        )
    ]
    if request.job == "daily":
        # Also after a failure: what is already in the outbox is due all the same.
        outcomes.append(
            run_job(definitions, "deliver_webhooks", instance, on_stage=board.stage)
        )
    return outcomes


def weeks_to_read(
    settings: Settings, url: str, location: str
) -> tuple[date, date] | None:
    """First and last week there; None also while a site is away that was landed before.

    The landing then goes on with what it has, and says so. A site never landed is
    refused here, before the other sources are read.
    """
    landing = settings.landing_folder / "nsw_valuer"
    try:
        with client_for(settings, "nsw_valuer") as client:
            return weeks_on_offer(location, landing=landing, client=client)
    except (SourceDown, Parked):
        with connect(url) as conn:
            if last_good(conn, "nsw_valuer") is None:
                raise
        return None


def _sources(
    request: RunRequest, settings: Settings, stack: contextlib.ExitStack
) -> NamedSources:
    if not request.is_simulated:
        return request.sources
    sizes = {
        "properties": request.properties,
        "seed": request.seed,
        "weeks": request.weeks,
    }
    every_source = request.job == "ingest"
    return made_up_sources(settings, stack, sizes, every_source=every_source)


def _consumer(settings: Settings, url: str, stack: contextlib.ExitStack) -> Child:
    """Start the demo consumer and register it as an endpoint."""
    secret_file = settings.market_folder / "consumer.secret"
    if not secret_file.exists():
        descriptor = os.open(secret_file, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            handle.write(generate_secret(secrets.token_bytes))
    secret = secret_file.read_text()
    arguments = ["--port=0", f"--secret-file={secret_file}"]
    log = settings.market_folder / "consumer.log"
    consumer = stack.enter_context(child("simulator.consumer", arguments, log))
    with connect(url) as conn:
        _, stored = register_endpoint(
            conn,
            DEMO_ENDPOINT,
            f"{consumer.url}/webhooks",
            vault=open_vault(settings),
            allow_networks=parse_networks(settings.delivery.allow_networks),
            secret=secret,
        )
        if (
            stored["v1"].written != secret
        ):  # the file was lost: sign with what is registered
            raise UserError(
                f"{secret_file} does not hold the secret of the registered demo "
                "endpoint; restore it, or use a fresh AUSPROPERTY_HOME"
            )
        conn.commit()
    return consumer


def _consumer_note(stats: dict[str, Any] | None) -> str | None:
    if stats is None:
        return None
    return (
        f"the demo consumer verified {stats['verified']:,} signatures, refused "
        f"{stats['rejected']:,}, and saw {stats['duplicates']:,} ids twice"
    )


def _report(
    request: RunRequest,
    url: str,
    console: Console,
    outcomes: list[JobOutcome],
    seconds: dict[str, float],
    began: float,
    seen: str | None,
    json_file: Path | None,
) -> int:
    metadata: dict[str, dict[str, Any]] = {}
    checks = {"passed": 0, "warned": 0, "failed": 0}
    failures: list[str] = []
    for outcome in outcomes:
        seconds |= outcome.seconds
        metadata |= outcome.metadata
        failures += outcome.failures
        for name, count in outcome.checks.items():
            checks[name] += count
    seconds["total"] = time.monotonic() - began
    with connect(url) as conn:
        summary = build_summary(conn, metadata, checks, seconds)
        refused = (
            refused_files(conn, seconds["total"]) if summary["raw"]["rejected"] else []
        )
    succeeded = all(outcome.success for outcome in outcomes) and not failures
    if json_file is not None:
        json_file.write_text(json.dumps(summary, indent=2, default=str) + "\n")
    said = (_nothing_new(summary, metadata), training_put_off(metadata), seen)
    notes = [note for note in said if note]
    notes += sources_away(metadata)
    notes += refused
    notes += [note for outcome in outcomes for note in outcome.tolerated]
    is_simulated = Settings().active_market == "simulated"
    kind = "made-up market (simulated)" if is_simulated else "real sources"
    word = "done" if succeeded else "FAILED"
    render(
        console,
        summary,
        title=f"ausproperty {request.job}: {word} · {kind}",
        notes=notes,
        is_landing=request.job == "ingest",
        where_next=[
            "`make up` opens the Dagster and MLflow UIs",
            "`ausproperty db psql` opens the warehouse",
        ],
    )
    for failure in failures:
        console.print(f"failed: {failure}", style="red", markup=False)
    return 0 if succeeded else 1


def _nothing_new(summary: dict[str, Any], metadata: dict[str, Any]) -> str | None:
    predictions = metadata.get(keys.PREDICTIONS.to_user_string(), {})
    if summary["raw"]["loaded"] or predictions.get("status") != "unchanged":
        return None
    sent = summary["sent"]
    events = f"{sent:,} events sent that were still due" if sent else "no event sent"
    return f"nothing new: no row loaded, no table changed, {events}"


@contextlib.contextmanager
def _only_run_of(settings: Settings) -> Iterator[None]:
    """One foreground run a market at a time; the lock dies with the process."""
    folder = settings.market_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "run.lock").open("a+")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}). Set AUSPROPERTY_HOME to a "
            "folder on a writable disk."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read().strip()
            raise UserError(
                f"Another run is under way in {folder} (process {holder}). "
                "Wait for it, or set AUSPROPERTY_HOME to another folder."
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


@contextlib.contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """Send what libraries print and warn to a file: the screen is for progress.

    The board's console holds the real standard output from before.
    """
    with log.open("a", buffering=1) as handle:
        logging.basicConfig(stream=handle, level=logging.WARNING, force=True)
        warnings.filterwarnings("ignore")
        with contextlib.redirect_stdout(handle), contextlib.redirect_stderr(handle):
            yield
