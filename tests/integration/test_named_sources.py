"""Sources named on the command line: what a run of them stores and shows."""

from __future__ import annotations

import warnings
from pathlib import Path

import dagster as dg
import pytest

from assets import clients
from assets.resources import Warehouse
from orchestration.named_sources import NamedSources

VARIABLE = "AUSPROPERTY_RUN__RAW__CSV__SALES"


def test_a_password_in_a_location_reaches_the_asset_and_not_the_stored_run(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.setenv("AUSPROPERTY_CSV__HTTP__RETRY", "none")
    with warnings.catch_warnings(action="ignore"):
        from assets.raw import csv_sales
    named = NamedSources(csv="nowhere://jo:PLANTED@host/sales.csv?sig=PLANTED")
    ops = named.run_config()["ops"]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [csv_sales],
            run_config={"ops": {"raw__csv__sales": ops["raw__csv__sales"]}},
            resources={"warehouse": Warehouse()},
            instance=instance,
            raise_on_error=False,
        )
        run = instance.get_run_by_id(result.run_id)
        told = str(instance.all_logs(result.run_id))
    clients._states.pop(database_url).close()
    assert not result.success
    assert "nowhere" in told, "the location was asked"
    assert "PLANTED" not in f"{run} {told}"
