"""Run jobs in this process, with progress, and tell afterwards what happened.

Used by `ausproperty run` and `ingest`. The same jobs run under the daemon unchanged;
the demo's remote parties (simulator, consumer) are started by the command line.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteRepositoryOrigin,
)

from assets import keys
from assets.checks import TOLERATED
from assets.clients import is_pulled
from assets.raw_reference import ASSETS as REFERENCE_SETS
from assets.raw_reference import key_of
from orchestration.instance import LOCATION_TAGS, process_tag
from settings import Settings

# Step keys as people call the work; what is not named here is a check.
_STAGES = {
    "raw__nsw_valuer__sales": "load nsw_valuer",
    "raw__csv__sales": "load csv",
    "raw__domain__listings": "load domain listings",
    "raw__domain__listing_details": "load domain details",
    "raw__domain__properties": "load domain properties",
    "domain_sales_results": "load domain results",
    "raw__domain__suburb_performance": "load domain suburbs",
    "raw__reaxml__listings": "load reaxml",
    **{"__".join(key_of(name).path): f"load {name}" for name in REFERENCE_SETS},
    "raw__rejects": "count rejects",
    "intermediate__int_address__identity": "identify addresses",
    "intermediate__int_price_text__parsed": "read price texts",
    "dbt_models": "dbt build",
    "dbt_listings": "dbt build listings",
    "dbt_reference": "dbt build reference",
    "dbt_listing_marts": "dbt build listing marts",
    "intermediate__int_market__index_paths": "price index",
    "dbt_market": "dbt build market",
    "dbt_features": "dbt build features",
    "ml__prediction_feedback": "feedback",
    "ml__model_accuracy": "accuracy",
    "ml__property_valuation": "train",
    "ml__model_promotions": "review",
    "score_properties": "score",
    "drain_due_deliveries": "deliver",
}
CHECKS = "checks"
#: Source that each landing step reads.
_SOURCES = {
    "raw__nsw_valuer__sales": "nsw_valuer",
    "raw__csv__sales": "csv",
    "raw__reaxml__listings": "reaxml",
    "raw__domain__listings": "domain",
    "raw__domain__listing_details": "domain",
    "raw__domain__properties": "domain",
    "domain_sales_results": "domain",
    "raw__domain__suburb_performance": "domain",
    **{"__".join(key_of(name).path): name for name in REFERENCE_SETS},
}
_CHECKED = [
    *(key for key in vars(keys).values() if isinstance(key, dg.AssetKey)),
    *map(key_of, REFERENCE_SETS),
]

StageListener = Callable[[str, str, float], None]


@dataclass
class JobOutcome:
    """How a run ended: seconds by stage, checks by outcome, and the failures' words."""

    run_id: str
    success: bool
    seconds: dict[str, float] = field(default_factory=dict)
    checks: dict[str, int] = field(
        default_factory=lambda: {"passed": 0, "warned": 0, "failed": 0}
    )
    failures: list[str] = field(default_factory=list)
    #: Failed checks that do not make the run a failure.
    tolerated: list[str] = field(default_factory=list)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)


class _StageLogger(logging.Handler):
    """Turns a run's events into stage starts and ends while it runs."""

    def __init__(self, listener: StageListener) -> None:
        super().__init__()
        self._listener = listener
        self._started: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None or event.step_key is None:
            return
        kind = event.event_type_value
        stage = _STAGES.get(event.step_key, f"check {_readable(event.step_key)}")
        if kind == "STEP_START":
            self._started[event.step_key] = time.monotonic()
            self._listener(stage, "started", 0.0)
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
            now = time.monotonic()
            took = now - self._started.get(event.step_key, now)
            total = _STAGES.get(event.step_key, CHECKS)
            self.seconds[total] = self.seconds.get(total, 0.0) + took
            self._listener(stage, kind.removeprefix("STEP_").lower(), took)


def run_job(
    definitions: dg.Definitions,
    job_name: str,
    instance: dg.DagsterInstance,
    *,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    asset_keys: Sequence[dg.AssetKey] | None = None,
    on_stage: StageListener,
) -> JobOutcome:
    """Execute one job of the code location in this process and collect its outcome."""
    handler = _StageLogger(on_stage)

    @dg.logger
    def stages(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("ausproperty.stages", level=logging.DEBUG)
        logger.addHandler(handler)
        return logger

    job = dg.Definitions.merge(
        definitions, dg.Definitions(loggers={"stages": stages})
    ).resolve_job_def(job_name)
    _show_on_timeline(instance, job_name)
    result = job.execute_in_process(
        run_config={**(run_config or {}), "loggers": {"stages": {}}},
        instance=instance,
        asset_selection=asset_keys,
        tags={**LOCATION_TAGS, **process_tag(), **(tags or {})},
        raise_on_error=False,
    )
    return _collect(result, handler.seconds)


def idle_stages(settings: Settings, named: Sequence[dg.AssetKey]) -> frozenset[str]:
    """Landing stages of sources that are neither named nor pulled by the settings."""
    steps = {"__".join(key.path) for key in named}
    return frozenset(
        _STAGES[step]
        for step, source in _SOURCES.items()
        if step not in steps and not is_pulled(settings, source)
    )


def _show_on_timeline(instance: dg.DagsterInstance, job_name: str) -> None:
    """Have runs made here say where their job comes from, as the daemon's do.

    The UI's timeline leaves out runs that do not, and Dagster has no public way to say
    it of a run executed in process.
    """
    location = RegisteredCodeLocationOrigin("ausproperty")
    repository = RemoteRepositoryOrigin(location, "__repository__")
    instance.create_run_for_job = functools.partial(  # type: ignore[method-assign]
        type(instance).create_run_for_job,
        instance,
        remote_job_origin=repository.get_job_origin(job_name),
    )


def _collect(
    result: dg.ExecuteInProcessResult, seconds: dict[str, float]
) -> JobOutcome:
    outcome = JobOutcome(result.run_id, result.success, seconds)
    judged: set[dg.AssetCheckKey] = set()
    for event in result.all_events:
        kind = event.event_type_value
        if kind == "STEP_FAILURE":
            # A blocking check that failed has been told with what it found.
            if "AssetCheckFailed" not in _reason(event):
                outcome.failures.append(f"{event.step_key}: {_reason(event)}")
        elif kind == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            # The evaluations of a dbt step come twice in the events of a run.
            if evaluation.asset_check_key in judged:
                continue
            judged.add(evaluation.asset_check_key)
            outcome.checks[_check_outcome(evaluation)] += 1
            if not evaluation.passed and evaluation.severity.value == "ERROR":
                tolerated = evaluation.check_name in TOLERATED
                told = outcome.tolerated if tolerated else outcome.failures
                told.append(_failed_check(evaluation))
        elif kind == "ASSET_MATERIALIZATION" and event.asset_key:
            values = {
                name: value.value
                for name, value in event.materialization.metadata.items()
            }
            key = event.asset_key.to_user_string()
            outcome.metadata.setdefault(key, {}).update(values)
    return outcome


def _failed_check(evaluation: dg.AssetCheckEvaluation) -> str:
    asset, name = evaluation.asset_key.to_user_string(), evaluation.check_name
    found = f": {evaluation.description}" if evaluation.description else ""
    return f"check {name} of {asset}{found}"


def _readable(step_key: str) -> str:
    """Step key of an asset check as the table and the question it asks."""
    for key in _CHECKED:
        prefix = "__".join(key.path)
        if step_key.startswith(f"{prefix}_"):
            question = step_key.removeprefix(f"{prefix}_").replace("_", " ")
            return f"{'.'.join(key.path)}: {question}"
    return step_key


def _check_outcome(evaluation: dg.AssetCheckEvaluation) -> str:
    if evaluation.passed:
        return "passed"
    return "warned" if evaluation.severity.value == "WARN" else "failed"


def _reason(event: dg.DagsterEvent) -> str:
    """The innermost cause in one line: what a person must act on."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    message = str(error.message if error else event.message).strip()
    if event.step_failure_data.user_failure_data is not None:
        message = event.step_failure_data.user_failure_data.description or message
    return message.splitlines()[0] if message else "failed"
