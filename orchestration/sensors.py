"""Sensors: each a pure plan (cursor and facts in, requests and next cursor out).

A tick reads one small, bounded set of facts and never does the work itself. Cursors are
versioned JSON holding what was handled last.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.champion import reverted, settled_champion
from assets.domain_client import plan_poll, poll_facts
from assets.landing.calendar import dated_files
from assets.landing.reaxml_plan import DropFact, plan_drop_folder
from assets.partitions import range_tags, week_of
from assets.resources import Warehouse
from connectors.reaxml.drop import DropFolder
from delivery.backlog import count_due
from orchestration.jobs import (
    deliver_webhooks,
    load_feeds,
    poll_listings,
    refresh,
    score,
)

_CURSOR_VERSION = 1


@dataclass(frozen=True)
class FileFact:
    """A file as a listing shows it: enough to see that it is new or changed."""

    name: str
    size: int
    modified_ns: int
    day: date

    @property
    def mark(self) -> str:
        """What changes when the file does."""
        return f"{self.size}:{self.modified_ns}"


def read_cursor(cursor: str | None) -> dict[str, Any]:
    """Content of a cursor; empty for a first tick or a cursor of another version."""
    content = json.loads(cursor) if cursor else {}
    return content if content.get("version") == _CURSOR_VERSION else {}


def write_cursor(**content: Any) -> str:
    """A cursor of the present version."""
    return json.dumps({"version": _CURSOR_VERSION, **content}, sort_keys=True)


def plan_new_files(
    cursor: str | None, files: list[FileFact]
) -> tuple[dg.RunRequest | None, str]:
    """One run over the weeks of all files that are new or changed since the cursor."""
    seen: dict[str, str] = read_cursor(cursor).get("files", {})
    fresh = [file for file in files if seen.get(file.name) != file.mark]
    following = write_cursor(files={file.name: file.mark for file in files})
    if not fresh:
        return None, following
    weeks = [week_of(file.day) for file in fresh]
    newest = max(fresh, key=lambda file: (file.modified_ns, file.name))
    return (
        dg.RunRequest(
            run_key=f"files-{newest.name}-{newest.mark}-{len(fresh)}",
            tags=range_tags(min(weeks), max(weeks)),
        ),
        following,
    )


def plan_champion(
    cursor: str | None, version: str | None
) -> tuple[dg.RunRequest | None, str]:
    """One scoring run when the champion alias points elsewhere than last time."""
    before = read_cursor(cursor).get("champion")
    following = write_cursor(champion=version)
    if version is None or version == before:
        return None, following
    return dg.RunRequest(run_key=f"champion-{version}-after-{before}"), following


def plan_deliveries(due: int, is_draining: bool, now: datetime) -> dg.RunRequest | None:
    """One drain run when something is due and none is under way."""
    if due == 0 or is_draining:
        return None
    return dg.RunRequest(
        run_key=f"drain-{now.astimezone(UTC):%Y%m%dT%H%M%S}", tags={"due": str(due)}
    )


@dg.sensor(
    job=refresh,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A new or changed weekly file in the watched folder starts a refresh.",
)
def new_file_sensor(
    context: dg.SensorEvaluationContext, warehouse: Warehouse
) -> dg.SensorResult:
    """Watches `nsw_valuer.location` when it is a folder."""
    location = warehouse.settings.nsw_valuer.location
    if location is None or not Path(location).is_dir():
        reason = "AUSPROPERTY_NSW_VALUER__LOCATION is not a folder: nothing to watch"
        return dg.SensorResult(skip_reason=reason)
    files = [
        FileFact(path.name, path.stat().st_size, path.stat().st_mtime_ns, day)
        for path, day in dated_files(Path(location))
    ]
    request, cursor = plan_new_files(context.cursor, files)
    return _result(request, cursor, "no file is new or changed")


@dg.sensor(
    job=score,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A moved champion alias (a reviewer's approval) starts a scoring run; "
    "a move to a version that failed its gates is undone, and a check fails.",
)
def champion_moved_sensor(
    context: dg.SensorEvaluationContext, warehouse: Warehouse
) -> dg.SensorResult:
    """Watches the registry's champion alias."""
    with warehouse.connect() as conn:
        version, move = settled_champion(conn, warehouse.settings, warehouse.url)
    request, cursor = plan_champion(context.cursor, version)
    if move is not None and move.is_undoing:
        context.log.error(move.reason)
        return dg.SensorResult(
            run_requests=[request] if request else None,
            skip_reason=None if request else f"undone: {move.reason}",
            cursor=cursor,
            asset_events=[reverted(move)],
        )
    return _result(request, cursor, f"champion is still {version or 'none'}")


@dg.sensor(
    job=deliver_webhooks,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Due deliveries start one drain run.",
)
def deliveries_due_sensor(
    context: dg.SensorEvaluationContext, warehouse: Warehouse
) -> dg.SensorResult:
    """Counts what is due; never sends anything itself."""
    with warehouse.connect() as conn:
        due = count_due(conn)
    is_draining = _is_running(context.instance, deliver_webhooks.name)
    request = plan_deliveries(due, is_draining, datetime.now(UTC))
    reason = "a drain is under way" if is_draining else "nothing is due"
    return _result(request, context.cursor, reason)


@dg.sensor(
    job=load_feeds,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Whole files in the REAXML drop folder start one run that loads them.",
)
def drop_folder_sensor(
    context: dg.SensorEvaluationContext, warehouse: Warehouse
) -> dg.SensorResult:
    """Watches `reaxml.drop_folder`; a file that is still being written waits."""
    settings = warehouse.settings.reaxml
    folder = settings.drop_folder
    if folder is None or not folder.is_dir():
        reason = "AUSPROPERTY_REAXML__DROP_FOLDER is not a folder: nothing to watch"
        return dg.SensorResult(skip_reason=reason)
    dropped = DropFolder(folder, settings.settle_seconds, time.time)
    facts = [
        DropFact(file.name, file.mark, dropped.is_settled(file))
        for file in dropped.files()
    ]
    wanted, cursor = plan_drop_folder(context.cursor, facts, datetime.now(UTC))
    request = None if wanted is None else dg.RunRequest(run_key=wanted.run_key)
    return _result(request, cursor, "no whole file is waiting")


@dg.sensor(
    job=poll_listings,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Domain is asked for updated listings every domain.poll_minutes, and "
    "parked work goes on when the day's quota is back.",
)
def domain_poll_sensor(
    context: dg.SensorEvaluationContext, warehouse: Warehouse
) -> dg.SensorResult:
    """Asks for a poll when one is due and none is under way."""
    settings, now = warehouse.settings, datetime.now(UTC)
    if not settings.domain.searches:
        return dg.SensorResult(skip_reason="AUSPROPERTY_DOMAIN__SEARCHES is empty")
    if _is_running(context.instance, poll_listings.name):
        return dg.SensorResult(skip_reason="a poll is under way")
    with warehouse.connect() as conn:
        plan = plan_poll(settings, poll_facts(conn), now)
    request = dg.RunRequest(run_key=f"poll-{now:%Y%m%dT%H%M}") if plan.is_due else None
    return _result(request, context.cursor, plan.reason)


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Every failed run becomes a row of ops.run_failures, for alerting.",
)
def run_failure_recorder(
    context: dg.RunFailureSensorContext, warehouse: Warehouse
) -> None:
    """Keeps failures where an alert can count them, once per run."""
    run = context.dagster_run
    message = context.failure_event.message or "failed"
    with warehouse.connect() as conn:
        conn.execute(
            "insert into ops.run_failures (run_id, job_name, message) "
            "values (%s, %s, %s) on conflict do nothing",
            [run.run_id, run.job_name, message[:2000]],
        )
        conn.commit()


def _is_running(instance: dg.DagsterInstance, job_name: str) -> bool:
    unfinished = dg.RunsFilter(
        job_name=job_name,
        statuses=[
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.NOT_STARTED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ],
    )
    return instance.get_runs_count(unfinished) > 0


def _result(
    request: dg.RunRequest | None, cursor: str | None, reason: str
) -> dg.SensorResult:
    if request is None:
        return dg.SensorResult(skip_reason=reason, cursor=cursor)
    return dg.SensorResult(run_requests=[request], cursor=cursor)


all_sensors = [
    new_file_sensor,
    champion_moved_sensor,
    deliveries_due_sensor,
    drop_folder_sensor,
    domain_poll_sensor,
    run_failure_recorder,
]
