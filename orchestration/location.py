"""Build the code location; tests pass their own resources or settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets import (
    agreement,
    anomalies,
    checks,
    dbt,
    feedback,
    freshness,
    identity,
    linkage,
    model,
    predictions,
    price_index,
    price_texts,
    quality,
    raw,
    raw_domain,
    raw_reaxml,
    raw_reference,
)
from assets.manifest import DBT_PROJECT
from assets.resources import Dbt, Warehouse
from orchestration.jobs import all_jobs
from orchestration.schedules import all_schedules
from orchestration.sensors import all_sensors
from settings import Settings

ASSET_MODULES = (
    raw,
    raw_reaxml,
    identity,
    price_texts,
    linkage,
    price_index,
    feedback,
    model,
    predictions,
)


def build_definitions(
    settings: Settings | None = None, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and sensors, with `resources` overriding ours."""
    settings = settings or Settings()
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(ASSET_MODULES),
            *raw_domain.domain_assets,
            *raw_reference.reference_assets,
            *dbt.dbt_asset_definitions(settings),
            predictions.deliveries,
        ],
        asset_checks=[
            *dg.load_asset_checks_from_modules([checks, feedback]),
            *freshness.freshness_checks,
            *raw_reference.reference_checks,
            *quality.suite_checks,
            *anomalies.anomaly_checks,
            agreement.medians_agree_with_the_published,
        ],
        jobs=all_jobs,
        schedules=all_schedules,
        sensors=all_sensors,
        executor=dg.in_process_executor,
        resources={
            "warehouse": Warehouse(),
            "dbt": Dbt(
                project_dir=str(DBT_PROJECT),
                profiles_dir=str(DBT_PROJECT),
                # The environment's own, also where its folder is not on the PATH.
                dbt_executable=str(Path(sys.executable).parent / "dbt"),
            ),
            **(resources or {}),
        },
    )
