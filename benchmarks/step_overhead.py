"""An empty step in process, in a process of its own, and from a fork server.

The evidence for the executor of our jobs (`orchestration/jobs.py`). All three run a
chain of steps that do nothing on the real instance (its storage in PostgreSQL, runs
recorded), and a step process loads our code location first, as it would. The time of
a step is that of the longer chain less the shorter, by step; what remains is the cost
of a run.
"""

from __future__ import annotations

import os
import time

import dagster as dg

from assets.manifest import build_manifest
from benchmarks.processes import scratch_home
from benchmarks.report import Figure
from orchestration.instance import prepare_instance
from orchestration.location import build_definitions
from settings import Settings

SHORT, LONG = 1, 5
_PRELOADED = ["dagster_dbt", "dagster_postgres", "orchestration.location"]
_EXECUTORS: dict[str, dg.ExecutorDefinition] = {
    "in process": dg.in_process_executor,
    "a process a step": dg.multiprocess_executor,
    "fork server, preloaded": dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": _PRELOADED}}}
    ),
}


def _chain(steps: int, executor: str) -> dg.JobDefinition:
    work = dg.op(ins={"before": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))

    @work
    def empty() -> None:
        """Nothing at all."""

    @dg.job(executor_def=_EXECUTORS[executor])
    def chain() -> None:
        done = empty()
        for _ in range(steps - 1):
            done = empty(done)

    return chain


def step_process_job(steps: int, executor: str) -> dg.JobDefinition:
    """The chain, in a process that has loaded the code location like any other."""
    build_definitions().get_repository_def()
    return _chain(steps, executor)


def measure() -> list[Figure]:
    """Seconds of a step and of a run, by executor."""
    found: dict[str, tuple[float, float]] = {}
    with scratch_home():
        os.environ["AUSPROPERTY_MARKET"] = "simulated"
        settings = Settings()
        build_manifest(settings)
        prepare_instance(settings)
        with dg.DagsterInstance.get() as instance:
            instance.optimize_for_webserver(60_000, pool_recycle=3600, max_overflow=20)
            _seconds(instance, SHORT, "in process")  # opens pools, creates tables
            for executor in _EXECUTORS:
                short = _seconds(instance, SHORT, executor)
                long = _seconds(instance, LONG, executor)
                step = max(long - short, 0.0) / (LONG - SHORT)
                found[executor] = (step, max(short - SHORT * step, 0.0))
    step, run = found["in process"]
    return [
        Figure(
            "empty step in process",
            step,
            "s",
            other_step,
            executor,
            {"and once a run": f"{run:.2f} s against {other_run:.2f} s"},
        )
        for executor, (other_step, other_run) in found.items()
        if executor != "in process"
    ]


def _seconds(instance: dg.DagsterInstance, steps: int, executor: str) -> float:
    job = dg.build_reconstructable_job(
        "benchmarks.step_overhead",
        "step_process_job",
        reconstructable_kwargs={"steps": steps, "executor": executor},
    )
    began = time.perf_counter()
    with dg.execute_job(job, instance=instance) as result:
        if not result.success:
            raise RuntimeError(f"{executor}: {steps} empty steps failed")
    return time.perf_counter() - began
