"""The asset trains when it is due, once, and a failing training changes nothing.

Real PostgreSQL with MLflow in a schema of it; the asset as `daily` and `train` run it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from ml import features
from tests.feedback_samples import plant_prediction
from tests.homes import ROOT
from tests.market_samples import feature_rows, load_features

Conn = psycopg.Connection[Any]
TRAINING, PROPERTIES = features.TRAINING_RELATION, features.PROPERTY_RELATION

#: One materialization in a process of its own, as the command line and the daemon do.
RUN = """
import json, sys, warnings
warnings.simplefilter("ignore")
import dagster as dg
from assets.model import property_valuation
from assets.resources import Warehouse
result = dg.materialize([property_valuation], resources={"warehouse": Warehouse()},
                        tags=json.loads(sys.argv[1]), raise_on_error=False)
shown = {}
for event in result.get_asset_materialization_events():
    made = event.step_materialization_data.materialization.metadata
    shown = {key: value.value for key, value in made.items()}
told = ("status", "why", "version", "trained_because", "next_training", "champion")
print(json.dumps({"success": result.success,
                  **{key: shown[key] for key in told if key in shown}}))
"""


class Platform:
    """The asset on a database of its own, run in processes of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AUSPROPERTY_HOME": str(folder),
            "AUSPROPERTY_DATABASE_URL": url,
            "AUSPROPERTY_MARKET": "real",
            "AUSPROPERTY_ENVIRONMENT": "development",
        }

    def start(self, **tags: str) -> subprocess.Popen[str]:
        """A run on its way."""
        return subprocess.Popen(
            [sys.executable, "-c", RUN, json.dumps(tags)],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **tags: str) -> dict[str, Any]:
        """A run and what its asset showed."""
        return ended(self.start(**tags))


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-3_000:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


@pytest.fixture
def platform(conn: Conn, database_url: str, tmp_path: Path) -> Platform:
    conn.execute("create table marts.sales (sale_id uuid)")
    conn.commit()
    return Platform(database_url, tmp_path)


def registry(conn: Conn) -> dict[str, Any]:
    """What stands: versions, aliases, decisions."""
    found = {
        "versions": conn.execute(
            "select version from mlflow.model_versions order by 1"
        ).fetchall(),
        "aliases": conn.execute(
            "select alias, version from mlflow.registered_model_aliases order by 1"
        ).fetchall(),
        "ledger": conn.execute(
            "select to_version, action from ml.model_promotions order by promotion_id"
        ).fetchall(),
        "build": conn.execute(
            "select fingerprint, finished_at from ops.builds where name = 'train'"
        ).fetchall(),
    }
    conn.commit()
    return found


def last_trained(conn: Conn, days_ago: int) -> None:
    conn.execute(
        "update ops.builds set finished_at = now() - make_interval(days => %s) "
        "where name = 'train'",
        [days_ago],
    )
    conn.commit()


def trained(conn: Conn) -> list[int]:
    return [row[0] for row in registry(conn)["versions"]]


def corrected(frame: pd.DataFrame, row: int) -> pd.DataFrame:
    """The frame with another price in one row."""
    prices = frame["price_aud"].copy()
    prices[row] += 1_000
    return frame.assign(price_aud=prices)


def test_a_training_waits_until_it_is_due_and_then_says_why(
    conn: Conn, platform: Platform
) -> None:
    frame = feature_rows(600)
    homes = feature_rows(400, seed=8)
    load_features(conn, TRAINING, frame)
    load_features(conn, PROPERTIES, homes)
    first = platform.run()
    assert first["trained_because"] == "there is no version yet"
    assert (first["version"], first["champion"]) == ("1", "1")
    assert platform.run()["status"] == "unchanged"

    # A few sales more wait; whoever asks need not.
    load_features(conn, TRAINING, corrected(frame, 3))
    found = platform.run()
    assert (found["status"], found["version"]) == ("not due", "1")
    assert "+0 sales, 0.0 % of those learnt from (limit 5 %)" in found["why"]
    assert found["next_training"].endswith("at the latest")
    assert trained(conn) == [1]
    found = platform.run(**{"ausproperty/train_now": "true"})
    assert found["trained_because"] == "asked for, and the data changed"
    assert trained(conn) == [1, 2]
    tag = conn.execute(
        "select value from mlflow.model_version_tags "
        "where version = 2 and key = 'trained_because'"
    ).fetchone()
    conn.commit()
    assert tag == ("asked for, and the data changed",)

    # A week later it is due; with much more at once.
    load_features(conn, TRAINING, corrected(frame, 4))
    assert platform.run()["status"] == "not due"
    last_trained(conn, 7)
    assert platform.run()["trained_because"] == (
        "7 days since the last training (limit 7)"
    )
    load_features(conn, TRAINING, feature_rows(640))
    assert "+40 sales, 6.7 %" in platform.run()["trained_because"]
    assert trained(conn) == [1, 2, 3, 4]

    # And where the homes to be valued are others.
    load_features(conn, TRAINING, corrected(feature_rows(640), 5))
    load_features(conn, PROPERTIES, homes.assign(land_area_m2=9_000.0))
    assert "land_area_m2" in platform.run()["trained_because"]
    assert trained(conn) == [1, 2, 3, 4, 5]

    # And where later sales say that the champion does not keep its promise.
    load_features(conn, TRAINING, corrected(feature_rows(640), 6))
    assert platform.run()["status"] == "not due"
    (champion,) = conn.execute(
        "select version::text from mlflow.registered_model_aliases "
        "where alias = 'champion'"
    ).fetchone() or ("",)
    plant_errors(conn, champion)
    assert "promised" in platform.run()["trained_because"]
    # Those errors have been answered.
    load_features(conn, TRAINING, corrected(feature_rows(640), 7))
    assert platform.run()["status"] == "not due"


def plant_errors(conn: Conn, version: str) -> None:
    """Fifty later sales, all of which the version valued a third too high."""
    for number in range(50):
        (home,) = conn.execute("select gen_random_uuid()").fetchone() or (None,)
        prediction = plant_prediction(
            conn, home, "2024-02-05", 900_000 + number, version=version
        )
        conn.execute(
            """
            insert into ml.prediction_feedback (feedback_id, evidence, sale_id,
                property_id, prediction_id, contract_date, known_on, price_aud,
                valuation_date, days_between, estimate_aud, low_aud, high_aud,
                interval_pct, error_aud, error_pct, error_log, inside_80, method,
                model_version, source, source_file, source_row_number, is_simulated)
            values (%(id)s, 'sale', %(id)s, %(home)s, %(prediction)s, '2024-03-01',
                '2024-04-01', 600000, '2024-02-05', 25, 900000, 800000, 1000000, 80,
                300000, 50, 0.405, false, 'model', %(version)s, 'csv', 'a.csv', 2,
                false)
            """,
            {"id": home, "home": home, "prediction": prediction, "version": version},
        )
    conn.commit()


def test_two_runs_at_once_train_once_and_a_failing_one_changes_nothing(
    conn: Conn, platform: Platform
) -> None:
    load_features(conn, TRAINING, feature_rows(600))
    load_features(conn, PROPERTIES, feature_rows(300, seed=8))
    both = [platform.start(), platform.start()]
    found = [ended(process) for process in both]
    assert [one["success"] for one in found] == [True, True]
    assert {one["version"] for one in found} == {"1"}
    before = registry(conn)
    assert before["versions"] == [(1,)]
    assert before["ledger"] == [("1", "approved")]
    runs = conn.execute(
        "select status, count(*) from mlflow.runs group by 1"
    ).fetchall()
    conn.commit()
    assert runs == [("FINISHED", 1)]

    # Its files cannot be written: the store is gone, a file lies in its place.
    load_features(conn, TRAINING, feature_rows(700))
    artifacts = next(platform.folder.rglob("models")).parent
    artifacts.rename(artifacts.with_name("away"))
    artifacts.touch()
    assert not platform.run()["success"]
    assert registry(conn) == before
    artifacts.unlink()
    artifacts.with_name("away").rename(artifacts)
    # The next run tries again.
    found_now = platform.run()
    assert found_now["success"]
    assert found_now["version"] == "2"
    assert "+100 sales" in found_now["trained_because"]
