"""The asset trains when it is due, once, and a failing training changes nothing.

Real PostgreSQL with MLflow in a schema of it; the asset as `daily` and `train` run it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
import pytest

from assets.model import property_valuation
from assets.resources import Warehouse
from ml import features
from orchestration.jobs import train
from tests.feedback_samples import plant_prediction
from tests.homes import ROOT
from tests.market_samples import feature_rows, load_features

Conn = psycopg.Connection[Any]
TRAINING, PROPERTIES = features.TRAINING_RELATION, features.PROPERTY_RELATION

#: What is told of an asset's page.
SHOWN = ("status", "why", "version", "trained_because", "next_training", "champion")


def materialize(tags: Mapping[str, str]) -> dict[str, Any]:
    """One run of the asset in this process: whether it went well, and its page."""
    # MLflow's and Dagster's own words about other libraries.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = dg.materialize(
            [property_valuation],
            resources={"warehouse": Warehouse()},
            tags=dict(tags),
            raise_on_error=False,
        )
    shown: dict[str, Any] = {"success": result.success}
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization.metadata
        shown |= {key: made[key].value for key in SHOWN if key in made}
    return shown


#: The same in a process of its own.
RUN = """
import json
from tests.integration.test_retraining import materialize
print(json.dumps(materialize({})))
"""


def start() -> subprocess.Popen[str]:
    """A run on its way, beside this process."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", RUN],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err[-3_000:]
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


@pytest.fixture
def platform(
    conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a platform that the environment names, with nothing in it."""
    conn.execute("create table marts.sales (sale_id uuid)")
    conn.commit()
    for name, value in {
        "HOME": str(tmp_path),
        "DATABASE_URL": database_url,
        "MARKET": "real",
        "ENVIRONMENT": "development",
    }.items():
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    return tmp_path


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


@pytest.mark.usefixtures("platform")
def test_a_training_waits_until_it_is_due_and_then_says_why(conn: Conn) -> None:
    frame = feature_rows(600)
    homes = feature_rows(400, seed=8)
    load_features(conn, TRAINING, frame)
    load_features(conn, PROPERTIES, homes)
    first = materialize({})
    assert first["trained_because"] == "there is no version yet"
    assert (first["version"], first["champion"]) == ("1", "1")
    assert materialize({})["status"] == "unchanged"

    # A few sales more wait; whoever asks need not.
    load_features(conn, TRAINING, corrected(frame, 3))
    found = materialize({})
    assert (found["status"], found["version"]) == ("not due", "1")
    assert "+0 sales, 0.0 % of those learnt from (limit 5 %)" in found["why"]
    assert found["next_training"].endswith("at the latest")
    assert trained(conn) == [1]
    found = materialize(train.tags)
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
    assert materialize({})["status"] == "not due"
    last_trained(conn, 7)
    assert materialize({})["trained_because"] == (
        "7 days since the last training (limit 7)"
    )
    load_features(conn, TRAINING, feature_rows(640))
    assert "+40 sales, 6.7 %" in materialize({})["trained_because"]
    assert trained(conn) == [1, 2, 3, 4]

    # And where the homes to be valued are others.
    load_features(conn, TRAINING, corrected(feature_rows(640), 5))
    load_features(conn, PROPERTIES, homes.assign(land_area_m2=9_000.0))
    assert "land_area_m2" in materialize({})["trained_because"]
    assert trained(conn) == [1, 2, 3, 4, 5]

    # And where later sales say that the champion does not keep its promise.
    load_features(conn, TRAINING, corrected(feature_rows(640), 6))
    assert materialize({})["status"] == "not due"
    (champion,) = conn.execute(
        "select version::text from mlflow.registered_model_aliases "
        "where alias = 'champion'"
    ).fetchone() or ("",)
    plant_errors(conn, champion)
    assert "promised" in materialize({})["trained_because"]
    # Those errors have been answered.
    load_features(conn, TRAINING, corrected(feature_rows(640), 7))
    assert materialize({})["status"] == "not due"


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
    conn: Conn, platform: Path
) -> None:
    load_features(conn, TRAINING, feature_rows(600))
    load_features(conn, PROPERTIES, feature_rows(300, seed=8))
    both = [start(), start()]
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
    artifacts = next(platform.rglob("models")).parent
    artifacts.rename(artifacts.with_name("away"))
    artifacts.touch()
    assert not materialize({})["success"]
    assert registry(conn) == before
    artifacts.unlink()
    artifacts.with_name("away").rename(artifacts)
    # The next run tries again.
    found_now = materialize({})
    assert found_now["success"]
    assert found_now["version"] == "2"
    assert "+100 sales" in found_now["trained_because"]
