"""In production a model waits for its reviewer; until then the fallback values."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.homes import Home, differences, everything, sources_of

NOTHING_NEW = "nothing new: no row loaded, no table changed, no event sent"

# What a reviewer's click on the version's page does.
APPROVE = """
import sys
from mlflow import MlflowClient
MlflowClient(sys.argv[1], sys.argv[1]).set_registered_model_alias(
    "property_valuation", "champion", sys.argv[2])
"""


def methods(conn: psycopg.Connection[Any]) -> Counter[str]:
    """Current predictions by method."""
    rows = conn.execute(
        "select method, count(*) from ml.current_predictions "
        "join ml.price_predictions using (prediction_id) group by 1"
    )
    return Counter(dict(rows.fetchall()))


def confidence(conn: psycopg.Connection[Any]) -> float:
    """Mean confidence of the dwellings' current predictions."""
    row = conn.execute(
        "select avg(p.confidence) from ml.current_predictions "
        "join ml.price_predictions p using (prediction_id) "
        "join ml.property_features f on f.property_id = p.property_id"
    ).fetchone()
    assert row is not None
    return float(row[0])


def test_a_model_waits_for_its_reviewer_and_then_values(
    new_home: Callable[..., Home], waiting_home: Path, market_files: Path
) -> None:
    from assets.warehouse import tracking_url

    home = new_home(source=waiting_home, environment="production")
    with home.connect("real") as conn:
        decisions = conn.execute(
            "select to_version, action, actor from ml.model_promotions"
        ).fetchall()
        assert decisions == [("1", "awaiting_review", "gate")]
        waiting = methods(conn)
        assert waiting["model"] == 0
        assert waiting.total() > 400
        unsure = confidence(conn)
        before = everything(conn)

    # Nothing has changed: nothing is loaded, valued or sent, also without a champion.
    again = home.run_job("run", *sources_of(market_files))
    assert again.code == 0, again.screen
    assert NOTHING_NEW in again.out
    assert "awaiting_review" in again.out
    with home.connect("real") as conn:
        assert differences(everything(conn), before) == []

    tick = home.drive("sensor", "champion_moved_sensor")
    assert tick["requests"] == []
    approve(home, tracking_url(home.url("real")))
    moved = home.drive("follow", "champion_moved_sensor", tick["cursor"])
    assert len(moved["first"]["requests"]) == 1
    assert moved["first"]["job"] == "score"
    assert moved["run"]["success"]
    assert moved["then"]["requests"] == []
    with home.connect("real") as conn:
        valued = methods(conn)
        assert valued["model"] > 300
        assert valued.total() == waiting.total()
        assert confidence(conn) > unsure
        events = conn.execute(
            "select e.event_type, count(*), count(distinct e.event_id) "
            "from delivery.events e join ml.price_predictions p "
            "on e.event_key = 'prediction:' || p.prediction_id "
            "where p.method = 'model' group by 1"
        ).fetchall()
        body = conn.execute(
            "select body from delivery.events where event_type = 'prediction.updated' "
            "limit 1"
        ).fetchone()
    assert events == [("prediction.updated", valued["model"], valued["model"])]
    assert body is not None
    facts = json.loads(body[0])["data"]
    assert facts["model"] == {"name": "property_valuation", "version": "1"}
    assert facts["method"] == "model"
    assert facts["previous_estimate_aud"] is not None


def approve(home: Home, tracking: str) -> None:
    """Point the champion alias at version 1 through MLflow's own client."""
    import subprocess

    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", APPROVE, tracking, "1"],
        env=home.environment,
        check=True,
        capture_output=True,
        timeout=120,
    )
