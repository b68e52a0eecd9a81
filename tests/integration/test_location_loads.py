"""The Dagster location loads in a fresh process, with nothing in its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.homes import COMMAND, ROOT

#: Importing any of these costs every step process seconds.
LOAD = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, ".")
from dagster import AssetKey
from orchestration.definitions import defs
repository = defs().get_repository_def()
heavy = ("mlflow", "great_expectations", "sklearn", "pandas")
graph = repository.asset_graph
before, seen = [AssetKey(["ml", "training_features"])], set()
while before:
    seen.add(key := before.pop())
    before += graph.get(key).parent_keys - seen
print(json.dumps({
    "features_wait_for": sorted("/".join(key.path) for key in seen),
    "heavy": [name for name in heavy if name in sys.modules],
    "jobs": sorted(repository.job_names),
    "sensors": [sensor.name for sensor in repository.sensor_defs],
    "cpu_seconds": round(time.process_time(), 2),
}))
"""


def test_the_location_loads_with_an_empty_environment_and_nothing_heavy() -> None:
    nothing = {"PATH": os.defpath}
    # What `make setup` does in this checkout: an empty environment means its home.
    made = subprocess.run(
        [COMMAND, "manifest"],
        env={**nothing, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=nothing,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    found = json.loads(loaded.stdout.splitlines()[-1])
    assert found["heavy"] == []
    assert {"daily", "refresh", "train", "score", "deliver_webhooks"} <= set(
        found["jobs"]
    )
    assert "deliveries_due_sensor" in found["sensors"]
    # What features look up is in their graph; a server that is away is not.
    waited_for = set(found["features_wait_for"])
    assert {"raw/csv__sales", "staging/stg_rba__cash_rate"} <= waited_for
    assert not waited_for & {
        "raw/rba__cash_rate",
        "raw/abs__seifa",
        "raw/gnaf__addresses",
    }
    # Reported, not judged: how busy this machine is, is nobody's mistake.
    sys.stderr.write(f"location loaded in {found['cpu_seconds']} s of CPU\n")


def test_a_missing_manifest_is_one_sentence(tmp_path: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={"PATH": os.defpath, "AUSPROPERTY_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode != 0
    assert "ausproperty manifest" in loaded.stderr.splitlines()[-1]
