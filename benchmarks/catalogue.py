"""Every benchmark by name, in the order of the table. The modules load when asked."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from benchmarks.report import Figure

MODULES = {
    "raw-load": "raw_load",
    "deliveries": "delivery_rate",
    "scoring": "scoring_rate",
    "single-valuation": "single_valuation",
    "valuation": "valuation_accuracy",
    "step-overhead": "step_overhead",
    "location-load": "location_load",
    "domain-listings": "domain_listings",
    "main-job": "main_job",
    "address-keys": "address_keys",
    "national": "national",
    "national-full": "national_full",
    "real-history": "real_history",
    "query-catalogue": "query_catalogue",
    "linkage": "linkage",
    "soak": "soak",
}
#: Of many minutes and gigabytes: by name only.
BY_NAME_ONLY = frozenset({"national-full", "soak", "valuation"})


def measure(name: str) -> Sequence[Figure]:
    """Run one benchmark in this process.

    Raises:
        KeyError: there is none of that name.
    """
    module = importlib.import_module(f"benchmarks.{MODULES[name]}")
    found: Sequence[Figure] = module.measure()
    return found
