"""The reference sets, in one visible table."""

from __future__ import annotations

from connectors.reference import (
    cash_rate,
    gnaf,
    land_values,
    localities,
    nsw_medians,
    price_index,
    seifa,
    vic_medians,
)
from connectors.reference.model import Dataset

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        localities.DATASET,
        gnaf.DATASET,
        land_values.DATASET,
        seifa.DATASET,
        cash_rate.DATASET,
        price_index.DATASET,
        vic_medians.DATASET,
        nsw_medians.DATASET,
    )
}
