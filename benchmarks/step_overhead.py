"""An empty step in process, in a process of its own, and from a fork server.

The evidence for the executor of our jobs (`orchestration/jobs.py`). All three run a
chain of steps that do nothing on the real instance (its storage in PostgreSQL, runs
recorded), and a step process loads our code location first, as it would. A step costs
the median time from one step's success to the next one's; what remains of the run is
its own cost (the fork server's preloading among it).
"""

from __future__ import annotations

import os
import time
from itertools import pairwise
from statistics import median

import dagster as dg

from assets.manifest import build_manifest
from benchmarks.processes import scratch_home
from benchmarks.report import Figure
from orchestration.instance import prepare_instance
from orchestration.location import build_definitions
from settings import ROOT, Settings

STEPS = 6
_PRELOADED = ["dagster_dbt", "dagster_postgres", "orchestration.location"]
_EXECUTORS: dict[str, dg.ExecutorDefinition] = {
    "in process": dg.in_process_executor,
    "a process a step": dg.multiprocess_executor,
    "fork server, preloaded": dg.multiprocess_executor.configured(
        {"start_method": {"forkserver": {"preload_modules": _PRELOADED}}}
    ),
}


def _chain(executor: str) -> dg.JobDefinition:
    work = dg.op(ins={"before": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))

    @work
    def empty() -> None:
        """Nothing at all."""

    @dg.job(executor_def=_EXECUTORS[executor])
    def chain() -> None:
        done = empty()
        for _ in range(STEPS - 1):
            done = empty(done)

    return chain


def step_process_job(executor: str) -> dg.JobDefinition:
    """The chain, in a process that has loaded the code location like any other."""
    build_definitions().get_repository_def()
    return _chain(executor)


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
            _run_chain(instance, "in process")  # opens pools, creates tables
            for executor in _EXECUTORS:
                found[executor] = _run_chain(instance, executor)
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


def _run_chain(instance: dg.DagsterInstance, executor: str) -> tuple[float, float]:
    """Seconds of a step, and of the run without its steps."""
    job = dg.build_reconstructable_job(
        "benchmarks.step_overhead",
        "step_process_job",
        reconstructable_kwargs={"executor": executor},
        reconstructor_working_directory=str(ROOT),
    )
    began = time.perf_counter()
    with dg.execute_job(job, instance=instance) as result:
        wall = time.perf_counter() - began
        if not result.success:
            raise RuntimeError(f"{executor}: empty steps failed")
        run_id = result.run_id
    ends = [
        entry.timestamp
        for entry in instance.all_logs(run_id, dg.DagsterEventType.STEP_SUCCESS)
    ]
    step = median(later - earlier for earlier, later in pairwise(ends))
    return step, max(wall - STEPS * step, 0.0)
