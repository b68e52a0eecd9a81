"""The Dagster instance of a home, and runs left by dead processes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import dagster as dg

from assets.warehouse import (
    DAGSTER_URL_VARIABLE,
    dagster_storage_url,
    prepare_warehouse,
    quiet_telemetry,
)
from settings import Settings

PROCESS_TAG = "ausproperty/process"
# The UI finds the runs of a job by this label of its code location.
LOCATION_TAGS = {".dagster/repository": "__repository__@ausproperty"}

_INSTANCE_YAML = f"""\
# Written by ausproperty at every start; change settings instead (docs/settings.md).
storage:
  postgres:
    postgres_url:
      env: {DAGSTER_URL_VARIABLE}
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster._core.run_coordinator.queued_run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 2
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  max_runtime_seconds: 14400
run_retries:
  enabled: true
  max_retries: 0
schedules:
  use_threads: true
  num_workers: 2
sensors:
  use_threads: true
  num_workers: 4
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {{skipped: 7, failure: 30, success: -1}}
"""


def prepare_instance(settings: Settings) -> str:
    """Warehouse, Dagster folder and environment, ready for this process and children.

    Returns the warehouse URL. Safe to call from many processes at once.
    """
    url = prepare_warehouse(settings)
    quiet_telemetry()
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    _write_if_changed(home / "dagster.yaml", _INSTANCE_YAML)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[DAGSTER_URL_VARIABLE] = dagster_storage_url(url)
    # Children agree with this process on where and which, whatever their folder.
    os.environ["AUSPROPERTY_HOME"] = str(settings.home.absolute())
    os.environ["AUSPROPERTY_MARKET"] = settings.active_market
    return url


def _write_if_changed(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(text)
    temporary.rename(path)


def process_tag() -> dict[str, str]:
    """Tag that names this very process: host, pid, and its start time against reuse."""
    return {
        PROCESS_TAG: f"{socket.gethostname()}:{os.getpid()}:{_start_time(os.getpid())}"
    }


def close_orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process was killed as failed; return their ids.

    A killed process cannot report its own end, and a run that looks alive for ever
    hides the truth in the UI and blocks the sensors that avoid overlap.
    """
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    closed = []
    for run in instance.get_runs(unfinished):
        tag = run.tags.get(PROCESS_TAG)
        if tag is not None and _is_dead(tag):
            instance.report_run_failed(
                run, message="The process of this run was killed; run it again."
            )
            closed.append(run.run_id)
    return closed


def _is_dead(tag: str) -> bool:
    host, pid, started = tag.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    return _start_time(int(pid)) != started


def _start_time(pid: int) -> str:
    """Start of a process in clock ticks since boot; empty if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]
