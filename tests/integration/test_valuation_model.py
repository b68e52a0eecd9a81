"""From feature tables to registered model, predictions and back after failures.

Real PostgreSQL with MLflow in a schema of it. Importing MLflow takes seconds, so the
story is told in few tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ml import features, predictions, scoring_run, training
from ml.promotion import recorded
from ml.registration import TrainingContext, train_and_register
from ml.reviewing import settle_champion
from ml.tracking import CHALLENGER, CHAMPION, MODEL_NAME, Registry
from tests.market_samples import feature_rows, load_features


@dataclass
class Scored:
    """What one scoring wrote."""

    written: predictions.Written = field(default_factory=predictions.Written)
    told: int = 0
    by_method: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    partitions: list[tuple[str, int]] = field(default_factory=list)
    degraded: str | None = None


TRAINING, PROPERTIES = features.TRAINING_RELATION, features.PROPERTY_RELATION
DEVELOPMENT = TrainingContext("abc123", "simulated", "development", "run-1")
PRODUCTION = TrainingContext("abc123", "simulated", "production", "run-1")


@pytest.fixture
def registry(database_url: str, tmp_path: Path) -> Registry:
    url = database_url.replace("postgresql:", "postgresql+psycopg2:")
    return Registry(f"{url}?options=-csearch_path%3Dmlflow", tmp_path / "artifacts")


def folder_of(registry: Registry, run_id: str) -> Path:
    """Where a run's files lie."""
    uri = registry._client.get_run(run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"))


def ledger(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select to_version, from_version, action, actor from ml.model_promotions "
        "order by promotion_id"
    ).fetchall()


def score_and_write(
    conn: psycopg.Connection[Any], registry: Registry, **options: Any
) -> Scored:
    """Score part by part as the asset does, without the gate and the outbox."""
    scored = Scored()
    url = make_conninfo(conn.info.dsn, password=conn.info.password)
    with psycopg.connect(url) as reader, psycopg.connect(url) as lookups:
        run = scoring_run.ScoringRun(reader, lookups, registry, **options)
        for partition in run.partitions():
            scored.written += predictions.write_partition(conn, partition, "run")
            told = conn.execute("select count(*) from new_predictions").fetchone()
            assert told == (scored.written.told - scored.told,)
            conn.commit()
            scored.told += told[0]
            scored.by_method.update(partition.valued.by_method)
            scored.by_reason.update(partition.valued.by_reason)
            scored.partitions.append((partition.market, partition.number))
        scored.degraded = run.degraded
    return scored


def current(conn: psycopg.Connection[Any]) -> pd.DataFrame:
    """The standing valuations, ids as text."""
    query = conn.execute(
        "select p.* from ml.current_predictions "
        "join ml.price_predictions p using (prediction_id)"
    )
    names = [column.name for column in query.description or ()]
    return pd.DataFrame(query.fetchall(), columns=names).astype({"property_id": str})


def test_training_compares_on_later_sales_and_repeats_exactly() -> None:
    frame = feature_rows(1_500)
    first, second = training.train(frame), training.train(frame)
    assert set(first.accuracies) == {
        "suburb_median",
        "linear_regression",
        "hist_gradient_boosting",
    }
    assert first.headline.mdape < 0.7 * first.baseline.mdape
    assert first.headline.r2 > 0.75
    assert first.accuracies == second.accuracies
    inputs = features.model_inputs(frame.iloc[:50])
    assert np.array_equal(first.model.predict(inputs), second.model.predict(inputs))
    assert first.cut is not None
    assert first.holdout.dates.min() == np.datetime64(first.cut)
    assert 65 < first.coverage_pct < 95


@pytest.mark.parametrize("rows", [1, 30])
def test_few_sales_train_the_median_only(rows: int) -> None:
    trained = training.train(feature_rows(rows))
    assert list(trained.accuracies) == ["suburb_median"]
    assert trained.winner == "suburb_median"


def test_columns_a_market_lacks_do_not_matter() -> None:
    frame = feature_rows(300).assign(bedrooms=np.nan, region=None, latitude=np.nan)
    assert training.train(frame).headline.n > 0


def test_columns_that_few_sales_know_are_not_used() -> None:
    frame = feature_rows(1_500)
    own = ["last_price_log", "months_since_last_sale", "last_price_indexed_log"]
    frame.loc[frame.index % 100 != 0, own] = np.nan
    trained = training.train(frame)
    assert set(own) <= set(trained.left_out)
    assert trained.left_out["last_price_log"] == "0.3% known"
    assert not set(own) & set(trained.columns)
    assert trained.headline.mdape < 0.8 * trained.baseline.mdape
    # Properties to be valued know theirs, and that changes nothing.
    rows = features.model_inputs(feature_rows(200, seed=8))
    blind = rows.assign(**dict.fromkeys(own, np.nan))
    estimate = trained.model.predict(rows)
    assert np.array_equal(estimate, trained.model.predict(blind))
    assert np.array_equal(
        trained.intervals.half_width(rows, estimate),
        trained.intervals.half_width(blind, estimate),
    )


def test_columns_known_for_later_sales_only_do_not_matter() -> None:
    frame = feature_rows(300)
    frame.loc[frame.index < 280, ["bedrooms", "zone_code"]] = np.nan
    trained = training.train(frame)
    assert trained.left_out["bedrooms"] == "0.0% known"
    assert trained.headline.n > 0


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(training.NoTrainingDataError, match="load sales first"):
        training.train(feature_rows(1).iloc[:0])


def test_snapshot_names_content_not_order(conn: psycopg.Connection[Any]) -> None:
    frame = feature_rows(200)
    load_features(conn, TRAINING, frame)
    name = features.snapshot_id(conn, TRAINING)
    read = features.read_training_features(conn)
    assert read["price_aud"].tolist() == frame["price_aud"].tolist()
    assert read["zone_code"].isna().sum() == frame["zone_code"].isna().sum()
    noise = frame["suburb_log_price_12m"] * (1 + 2e-16)
    shuffled = frame.assign(suburb_log_price_12m=noise).sample(frac=1, random_state=1)
    load_features(conn, TRAINING, shuffled)
    assert features.snapshot_id(conn, TRAINING) == name
    frame.loc[3, "price_aud"] += 1
    load_features(conn, TRAINING, frame)
    assert features.snapshot_id(conn, TRAINING) != name
    load_features(conn, TRAINING, frame.iloc[:0])
    assert features.snapshot_id(conn, TRAINING) == "empty"


def test_from_features_to_predictions_and_through_failures(
    conn: psycopg.Connection[Any], registry: Registry, tmp_path: Path
) -> None:
    load_features(conn, TRAINING, feature_rows(600))
    load_features(conn, PROPERTIES, feature_rows(300, seed=8))

    # Without a champion the fallback chain values everything.
    found = score_and_write(conn, registry)
    assert found.degraded == "property_valuation has no champion yet"
    assert set(found.by_method) == {"indexed_last_sale", "local_median"}
    assert (found.written.created, found.told) == (300, 300)

    outcome = train_and_register(conn, registry, DEVELOPMENT)
    assert outcome.trained
    assert (outcome.version, outcome.champion) == ("1", "1")
    assert ledger(conn) == [("1", None, "approved", "demo")]
    version = registry.version("1")
    assert version.tags["review_state"] == "approved"
    assert version.tags["git_revision"] == "abc123"
    assert version.tags["market"] == "simulated"
    assert float(version.tags["mdape"]) == outcome.metrics["mdape"]
    assert {path.name for path in registry.figure_files(outcome.run_id)} == {
        "predicted_vs_actual.png",
        "residuals_over_time.png",
        "calibration_by_price_decile.png",
        "error_map.png",
        "permutation_importance.png",
    }
    report = Path(
        next(folder_of(registry, outcome.run_id).rglob("review_report.html"))
    ).read_text()
    assert "All gates held" in report
    assert report.count("data:image/png;base64,") == 5
    assert outcome.report.endswith(f"{outcome.run_id}/artifacts/review_report.html")
    params = registry._client.get_run(outcome.run_id).data.params
    assert params["columns_left_out"] == (
        "building_area_m2 (0.0% known), year_built (0.0% known), "
        "suburb_type_log_building_rate (0.0% known), "
        "building_log_price (0.0% known), "
        "nearby_log_building_rate (0.0% known), "
        "last_bid_log (0.0% known), months_since_last_bid (0.0% known), "
        "asking_price_log (0.0% known), asking_is_range (0.0% known), "
        "days_on_market (0.0% known), "
        "cash_rate_pct (0.0% known), seifa_score (0.0% known), "
        "land_value_log (0.0% known), "
        "month_of_year (1.5 years cannot tell season from growth)"
    )
    assert "last_price_log" in params["columns"].split(", ")

    # The same data and code: nothing new anywhere.
    again = train_and_register(conn, registry, DEVELOPMENT)
    assert (again.trained, again.version, again.decision) == (
        False,
        "1",
        outcome.decision,
    )
    assert [v.version for v in registry.versions()] == ["1"]
    assert len(ledger(conn)) == 1

    found = score_and_write(conn, registry)
    assert found.by_method == {"model": 300}
    assert (found.written.updated, found.told) == (300, 300)
    assert score_and_write(conn, registry).partitions == []

    # Its file is damaged: the last good estimates stand, less sure; then it is back.
    folder = tmp_path / "artifacts"
    shutil.move(folder, tmp_path / "away")
    found = score_and_write(conn, registry)
    assert found.by_method == {"last_prediction": 300}
    assert "cannot be loaded" in str(found.degraded)
    assert found.written.updated == 300
    # Without its champion a scoring is repeated, and repeating it tells nobody.
    found = score_and_write(conn, registry)
    assert (found.written.unchanged, found.told) == (300, 0)
    shutil.move(tmp_path / "away", folder)
    found = score_and_write(conn, registry)
    assert found.by_method == {"model": 300}
    assert found.written.updated == 300
    rows = conn.execute(
        "select count(*), count(distinct prediction_id) from ml.price_predictions"
    ).fetchone()
    assert rows == (1_200, 1_200)
    current = conn.execute(
        "select distinct method, model_version from ml.current_predictions "
        "join ml.price_predictions using (prediction_id)"
    ).fetchall()
    assert current == [("model", "1")]

    # And it loads where this project is not.
    source = next(folder.glob("models/*/artifacts"))
    code = (
        "import sys; sys.modules['ml'] = None\n"
        f"import mlflow; model = mlflow.pyfunc.load_model({str(source)!r})\n"
        "print((model.predict(model.input_example) > 1000).sum())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "5"


def test_what_the_champion_never_saw_is_valued_by_the_fallback_chain(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    load_features(conn, TRAINING, feature_rows(600))
    assert train_and_register(conn, registry, PRODUCTION).champion is None
    registry.set_alias(CHAMPION, "1")
    rows = feature_rows(300, seed=8)
    rows.loc[:99, "dwelling_type"] = "other"
    rows.loc[100:109, "dwelling_type"] = None
    load_features(conn, PROPERTIES, rows)
    assert score_and_write(conn, registry).degraded is None
    valued = current(conn).set_index("property_id").reindex(rows["property_id"])
    strange, usual = valued[:110], valued[110:]
    assert set(strange["method"]) == {"indexed_last_sale", "local_median"}
    assert strange["model_version"].isna().all()
    assert set(usual["method"]) == {"model"}
    assert strange["confidence"].max() < usual["confidence"].median() - 0.2


def test_a_killed_training_is_finished_by_the_next(
    conn: psycopg.Connection[Any],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_features(conn, TRAINING, feature_rows(40))

    def die(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    # In the order of writes: before the version, before the aliases, before the ledger
    # is acted upon, before the last tag.
    for name in ("register", "set_alias", "set_tags"):
        with monkeypatch.context() as patch:
            patch.setattr(Registry, name, die)
            with pytest.raises(KeyboardInterrupt):
                train_and_register(conn, registry, DEVELOPMENT)
    runs = registry._client.search_runs([registry._experiment_id])
    # A process that was killed leaves its run RUNNING.
    registry._client.update_run(runs[-1].info.run_id, status="RUNNING")
    outcome = train_and_register(conn, registry, DEVELOPMENT)
    assert (outcome.trained, outcome.version, outcome.champion) == (False, "1", "1")
    assert ledger(conn) == [("1", None, "approved", "demo")]
    assert registry.version("1").tags["review_state"] == "approved"
    states = [
        run.info.status
        for run in registry._client.search_runs([registry._experiment_id])
    ]
    assert sorted(states) == ["FINISHED", "KILLED"]


def test_production_waits_until_a_reviewer_moves_the_alias(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    load_features(conn, TRAINING, feature_rows(400))
    outcome = train_and_register(conn, registry, PRODUCTION)
    assert outcome.decision.action == "awaiting_review"
    assert outcome.champion is None
    challenger = registry.alias(CHALLENGER)
    assert challenger is not None
    assert settle_champion(conn, registry) is None

    registry.set_alias(CHAMPION, challenger.version)
    moved = settle_champion(conn, registry)
    assert moved is not None
    assert (moved.action, moved.to_version) == ("observed", "1")
    assert settle_champion(conn, registry) is None
    assert [row[2] for row in ledger(conn)] == ["awaiting_review", "observed"]
    decision = recorded(conn, MODEL_NAME, "1")
    assert decision is not None
    assert decision.gates == outcome.decision.gates

    # More sales: judged beside the champion on sales that it has not seen.
    load_features(conn, TRAINING, feature_rows(900, seed=9))
    second = train_and_register(conn, registry, DEVELOPMENT)
    assert second.version == "2"
    gate = next(g for g in second.decision.gates if g.name == "not_worse_than_champion")
    assert "recorded hold-out" in gate.finding
    # Rolled back by hand and noticed as well.
    registry.set_alias(CHAMPION, "1")
    moved = settle_champion(conn, registry)
    assert (moved is not None) is (second.champion == "2")


def test_a_saved_median_model_values_rows_with_columns_empty_or_filled_unlike_training(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    few = feature_rows(40)
    few["bedrooms"] = np.nan
    few["zone_code"] = None
    few["region"] = None
    load_features(conn, TRAINING, few)
    later = feature_rows(60, seed=8)
    later["last_price_log"] = np.nan
    later["region"] = "North"
    load_features(conn, PROPERTIES, later)
    outcome = train_and_register(conn, registry, DEVELOPMENT)
    assert outcome.winner == "suburb_median"
    registry.set_alias(CHAMPION, outcome.version)

    found = score_and_write(conn, registry)

    assert found.degraded is None
    assert found.by_method.get("model", 0) > 0
