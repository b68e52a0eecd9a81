"""Drives the real code location in a process of its own; prints one line of JSON.

`sensor NAME [CURSOR]` evaluates a sensor; `follow NAME [CURSOR]` also runs what it asks
for; `job NAME [--weeks FIRST LAST] [--config JSON]` runs a job as the daemon would.
Used through `tests.homes.Home.drive`.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from datetime import date
from typing import Any


def sensor(name: str, cursor: str | None) -> dict[str, Any]:
    """Evaluate a sensor once."""
    import dagster as dg

    from assets.resources import Warehouse

    definitions = _location()
    with dg.DagsterInstance.get() as instance:
        found = definitions.get_sensor_def(name)
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            resources={"warehouse": Warehouse()},
        )
        tick = found.evaluate_tick(context)
    return {
        "requests": [
            {"run_key": r.run_key, "tags": dict(r.tags)}
            for r in tick.run_requests or ()
        ],
        "job": found.job_name if found.has_jobs else None,
        "cursor": tick.cursor,
        "skipped": tick.skip_message,
    }


def follow(name: str, cursor: str | None) -> dict[str, Any]:
    """Evaluate a sensor, run the job it asks for, evaluate it once more."""
    first = sensor(name, cursor)
    done = job(first["job"], None, "{}") if first["requests"] else None
    return {"first": first, "run": done, "then": sensor(name, first["cursor"])}


def job(name: str, weeks: list[str] | None, config: str) -> dict[str, Any]:
    """Run a job in this process against the home's instance."""
    import dagster as dg

    from assets.partitions import psi_weeks, range_tags

    definitions = _location()
    tags = range_tags(*map(date.fromisoformat, weeks)) if weeks else {}
    with dg.DagsterInstance.get() as instance:
        result = definitions.resolve_job_def(name).execute_in_process(
            instance=instance,
            run_config=json.loads(config),
            tags=tags,
            raise_on_error=False,
        )
        key = dg.AssetKey(["raw", "nsw_valuer__sales"])
        done = instance.get_materialized_partitions(key)
    totals: dict[str, Any] = {}
    for event in result.all_events:
        if event.event_type_value != "ASSET_MATERIALIZATION":
            continue
        found = event.materialization.metadata.get("run_totals")
        if found is not None:
            totals[event.asset_key.to_user_string()] = found.value
    return {
        "success": result.success,
        "weeks_done": sorted(done),
        "weeks_known": len(psi_weeks.get_partition_keys()),
        "run_totals": totals,
    }


def _location() -> Any:
    warnings.simplefilter("ignore")
    from orchestration.definitions import defs
    from orchestration.instance import prepare_instance
    from settings import Settings

    prepare_instance(Settings())
    return defs()


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("sensor", "follow"):
        command = commands.add_parser(name)
        command.add_argument("name")
        command.add_argument("cursor", nargs="?")
    command = commands.add_parser("job")
    command.add_argument("name")
    command.add_argument("--weeks", nargs=2)
    command.add_argument("--config", default="{}")
    options = parser.parse_args()
    if options.command == "sensor":
        answer = sensor(options.name, options.cursor)
    elif options.command == "follow":
        answer = follow(options.name, options.cursor)
    else:
        answer = job(options.name, options.weeks, options.config)
    sys.stdout.write(json.dumps(answer, default=str) + "\n")


if __name__ == "__main__":
    main()
