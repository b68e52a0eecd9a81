"""What later sales found weighs the next training, on record and made again from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from ml import features
from ml.feedback import refresh_feedback
from ml.registration import TrainingContext, train_and_register
from ml.reproduction import POLICY_FILE, reproduce
from ml.tracking import Registry
from ml.training import TrainingPolicy
from ml.weighting import FeedbackWeights
from tests.feedback_samples import plant_prediction, plant_sales
from tests.market_samples import feature_rows, load_features

Conn = psycopg.Connection[Any]
CONTEXT = TrainingContext("abc123", "simulated", "production", "run-1")


def test_feedback_weighs_a_training_that_can_be_made_again(
    conn: Conn, database_url: str, tmp_path: Path
) -> None:
    url = database_url.replace("postgresql:", "postgresql+psycopg2:")
    registry = Registry(f"{url}?options=-csearch_path%3Dmlflow", tmp_path / "artifacts")
    load_features(conn, features.TRAINING_RELATION, feature_rows(200))
    plant_sales(conn, 60)

    def trained(share: float) -> str:
        policy = TrainingPolicy(feedback=FeedbackWeights(share))
        return train_and_register(conn, registry, CONTEXT, policy).version

    def kept(version: str) -> tuple[dict[str, str], dict[str, Any]]:
        run_id = registry.version(version).run_id
        policy = json.loads(registry.file(run_id, POLICY_FILE) or b"")
        return registry._client.get_run(run_id).data.params, policy["feedback"]

    before = trained(1.0)
    params, policy = kept(before)
    assert policy == {"share": 1.0, "cells": [], "sales": 0}
    assert params["feedback_weights"] == "all weigh the same"

    # Every house was valued 30 % too high, with intervals of 10 %.
    houses = conn.execute("select property_id from intermediate.int_sale__validated")
    for (home,) in houses.fetchall():
        plant_prediction(conn, home, "2024-02-05", 1_300_000)
    refresh_feedback(conn, {})
    conn.commit()
    weighed = trained(1.0)
    assert weighed != before
    params, policy = kept(weighed)
    weights = dict(policy["cells"])
    assert weights["NSW|house|small"] > 1.2 > 1 > weights["NSW|unit|small"]
    assert policy["sales"] == 60
    assert params["feedback_share"] == "1"
    assert params["feedback_weights"].endswith("by 60 later sales")
    page = registry._client.get_model_version("property_valuation", weighed).description
    assert "Sales weigh more where later prices missed champions' intervals" in page
    report = registry.file(registry.version(weighed).run_id, "review_report.html")
    assert b"Weights by feedback" in (report or b"")

    # What feedback says by now plays no part in making it again.
    conn.execute("truncate ml.prediction_feedback")
    conn.commit()
    again = reproduce(registry, registry.version(weighed))
    assert again.same
    assert again.same_code
    # And without feedback, or a share of it, the first version is the answer.
    assert trained(1.0) == trained(0.0) == before
