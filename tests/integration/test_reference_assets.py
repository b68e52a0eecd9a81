"""The reference assets as Dagster runs them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets import raw_reference
from assets.resources import Warehouse
from tests.reference_files import localities_csv

PLACES = [(str(2000 + number), f"PLACE {number}", "NSW") for number in range(40)]


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> Path:
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    return tmp_path


def run(dataset: str, **config: Any) -> tuple[dict[str, Any], bool]:
    """Metadata of one materialization, and whether its check passed."""
    key = raw_reference.key_of(dataset)
    (asset,) = (one for one in raw_reference.reference_assets if one.key == key)
    (check,) = (
        one for one in raw_reference.reference_checks if one.check_key.asset_key == key
    )
    result = dg.materialize(
        [asset, check],
        resources={"warehouse": Warehouse()},
        run_config={"ops": {asset.op.name: {"config": config}}} if config else {},
    )
    (made,) = result.asset_materializations_for_node(asset.op.name)
    (evaluation,) = result.get_asset_check_evaluations()
    shown = {name: value.value for name, value in made.metadata.items()}
    return shown, evaluation.passed


def test_each_set_is_an_asset_of_its_own_table() -> None:
    keys = [asset.key.path for asset in raw_reference.reference_assets]
    assert ["raw", "gnaf__addresses"] in keys
    assert len(keys) == len({asset.op.name for asset in raw_reference.reference_assets})
    groups = {
        group
        for asset in raw_reference.reference_assets
        for group in asset.group_names_by_key.values()
    }
    assert groups == {"reference"}


def test_a_set_without_a_location_says_so(environment: Path) -> None:
    metadata, passed = run("gnaf")
    assert metadata["status"] == "no location set; nothing pulled"
    assert passed


def test_releases_show_their_dates_and_a_refused_one_fails_the_check(
    environment: Path,
) -> None:
    spring = environment / f"list_{date(2025, 3, 1):%Y%m%d}.csv"
    spring.write_text(localities_csv(*PLACES))
    metadata, passed = run("localities", location=str(spring))
    assert metadata["release_date"] == "2025-03-01"
    assert metadata["previous_release"] == "none"
    assert (metadata["dagster/row_count"], metadata["rejects"]) == (40, 0)
    assert passed

    metadata, passed = run("localities", location=str(spring))
    assert metadata["status"] == "unchanged"
    assert passed

    autumn = environment / "list_20250901.csv"
    autumn.write_text(localities_csv(*PLACES[:20]))
    metadata, passed = run("localities", location=str(autumn))
    assert not passed
    assert metadata["status"].startswith("refused, the release before stays in force:")
    assert metadata["dagster/row_count"] == 40, "what readers see"
    assert metadata["release_date"] == "2025-03-01"

    metadata, passed = run("localities", location=str(autumn), accept=True)
    assert metadata["release_date"] == "2025-09-01"
    assert metadata["previous_release"] == "2025-03-01"
    assert passed
