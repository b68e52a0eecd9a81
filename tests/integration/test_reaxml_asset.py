"""The REAXML asset in Dagster: loads the drop folder and shows counts, never prices."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from assets.raw_reaxml import reaxml_listings
from assets.resources import Warehouse
from tests.reaxml_samples import FULL, drop, feed, record


def test_the_asset_loads_the_folder_and_shows_no_withheld_price(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    folder = tmp_path / "drop"
    monkeypatch.setenv("AUSPROPERTY_REAXML__DROP_FOLDER", str(folder))
    hidden = FULL.replace('display="yes" tax', 'display="no" tax').replace(
        "500000", "512345"
    )
    drop(folder, "a.xml", feed(record(hidden), record(unique="")))

    done = dg.materialize([reaxml_listings], resources={"warehouse": Warehouse()})

    (event,) = done.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["dagster/row_count"].value == 1
    assert metadata["run_totals"].value == {
        "read": 2,
        "loaded": 1,
        "repeated": 0,
        "rejected": 1,
    }
    assert "512345" not in str(metadata)
    assert (folder / "done" / "a.xml.report.json").exists()


def test_a_missing_folder_fails_once_with_what_to_do(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    monkeypatch.setenv("AUSPROPERTY_REAXML__DROP_FOLDER", str(tmp_path / "none"))
    done = dg.materialize(
        [reaxml_listings],
        resources={"warehouse": Warehouse()},
        raise_on_error=False,
    )
    assert not done.success
    (failure,) = done.get_step_failure_events()
    assert "Make it, or name another" in str(failure.event_specific_data)
