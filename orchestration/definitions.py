"""The code location: assembles, nothing else."""

from __future__ import annotations

import dagster as dg

from orchestration.location import build_definitions


@dg.definitions
def defs() -> dg.Definitions:
    """Everything Dagster serves."""
    return build_definitions()
