"""Approve, reject, go back, and moves of the alias that nobody may make."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
import pytest

from assets.resources import Warehouse
from ml import features
from ml.gates import Decision, Gate
from ml.promotion import champions, record
from ml.registration import TrainingContext, train_and_register
from ml.reproduction import ROWS_FILE, files, reproduce
from ml.reviewing import (
    ReviewRefusedError,
    approve,
    reject,
    roll_back,
    settle_champion,
)
from ml.tracking import CHAMPION, MODEL_NAME, Registry, RegistryError
from ml.training import TrainingPolicy
from orchestration.sensors import champion_moved_sensor
from tests.market_samples import feature_rows, load_features

GOOD = (Gate("level", True, "level 1.00"),)
BAD = (Gate("level", True, "level 1.00"), Gate("uniformity", False, "COD 31 of 15"))


@pytest.fixture
def registry(
    database_url: str, tmp_path: Path, conn: psycopg.Connection[Any]
) -> Registry:
    """A registry with four versions: 1 to 3 held their gates, 4 did not."""
    url = database_url.replace("postgresql:", "postgresql+psycopg2:")
    found = Registry(f"{url}?options=-csearch_path%3Dmlflow", tmp_path / "artifacts")
    load_features(conn, features.TRAINING_RELATION, feature_rows(40))
    context = TrainingContext("abc123", "simulated", "production", "run-1")
    first = found.version(train_and_register(conn, found, context).version)
    conn.execute("truncate ml.model_promotions")
    for number in ("1", "2", "3", "4"):
        if number != "1":
            found.register(first.run_id, first.model_id, {}, "")
        gates = BAD if number == "4" else GOOD
        action = "rejected" if number == "4" else "awaiting_review"
        decision = Decision(action, "gate", "as told", gates)  # type: ignore[arg-type]
        record(conn, MODEL_NAME, number, None, decision)
    conn.commit()
    return found


def champion(registry: Registry) -> str | None:
    found = registry.alias(CHAMPION)
    return found.version if found else None


def decisions(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return conn.execute(
        "select action, from_version, to_version, actor from ml.model_promotions "
        "where actor <> 'gate' or action = 'reverted' order by promotion_id"
    ).fetchall()


def test_people_approve_reject_and_go_back(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    who = {"actor": "ana", "reason": "looked at the misses"}
    with pytest.raises(ReviewRefusedError, match="no champion before this"):
        roll_back(conn, registry, **who)
    conn.rollback()
    assert approve(conn, registry, "1", **who).from_version is None
    assert approve(conn, registry, "2", **who).from_version == "1"
    assert champion(registry) == "2"
    assert registry.version("2").tags["review_reason"] == "looked at the misses"
    with pytest.raises(ReviewRefusedError, match="champion already"):
        approve(conn, registry, "2", **who)
    conn.rollback()
    with pytest.raises(ReviewRefusedError, match="model rollback"):
        reject(conn, registry, "2", **who)
    conn.rollback()
    reject(conn, registry, "3", **who)
    assert registry.version("3").tags["review_state"] == "rejected"
    with pytest.raises(RegistryError, match="no version 9"):
        approve(conn, registry, "9", **who)
    conn.rollback()

    back = roll_back(conn, registry, actor="ben", reason="units too dear")
    assert (back.from_version, back.to_version) == ("2", "1")
    assert champion(registry) == "1"
    assert registry.version("2").tags["review_state"] == "rolled_back"
    with pytest.raises(ReviewRefusedError, match="no champion before this"):
        roll_back(conn, registry, **who)
    conn.rollback()
    # And the ledger has each of them, in order; nothing is left for a sensor to judge.
    assert decisions(conn) == [
        ("approved", None, "1", "ana"),
        ("approved", "1", "2", "ana"),
        ("rejected", None, "3", "ana"),
        ("rolled_back", "2", "1", "ben"),
    ]
    assert settle_champion(conn, registry) is None


def test_a_version_that_failed_its_gates_needs_force_and_a_reason(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    approve(conn, registry, "1", actor="ana", reason="good")
    with pytest.raises(ReviewRefusedError, match=r"COD 31 of 15.*--force"):
        approve(conn, registry, "4", actor="ana", reason="I like it")
    conn.rollback()
    assert champion(registry) == "1"
    forced = approve(
        conn, registry, "4", actor="ana", reason="fixes a lawsuit", force=True
    )
    assert "COD 31 of 15" in forced.reason
    assert "fixes a lawsuit" in forced.reason
    # Forced by name and reason: nobody undoes that.
    assert settle_champion(conn, registry) is None
    assert champion(registry) == "4"


def test_an_ungated_move_of_the_alias_is_undone(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    approve(conn, registry, "1", actor="ana", reason="good")
    registry.set_alias(CHAMPION, "2")
    moved = settle_champion(conn, registry)
    assert moved is not None
    assert (moved.action, moved.from_version, moved.to_version) == (
        "observed",
        "1",
        "2",
    )

    registry.set_alias(CHAMPION, "4")
    undone = settle_champion(conn, registry)
    assert undone is not None
    assert (undone.action, undone.to_version) == ("reverted", "2")
    assert "COD 31 of 15" in undone.reason
    assert champion(registry) == "2"
    assert registry.version("4").tags["review_state"] == "reverted"
    assert settle_champion(conn, registry) is None
    assert champions(conn, MODEL_NAME) == ["1", "2"]
    # Moved there again, it is undone again; going back still knows the way.
    registry.set_alias(CHAMPION, "4")
    again = settle_champion(conn, registry)
    assert again is not None
    assert again.to_version == "2"
    assert roll_back(conn, registry, actor="ben", reason="old").to_version == "1"


def test_an_ungated_first_champion_leaves_none(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    registry.set_alias(CHAMPION, "4")
    undone = settle_champion(conn, registry)
    assert undone is not None
    assert undone.to_version is None
    assert champion(registry) is None
    assert decisions(conn) == [("reverted", "4", "none", "gate")]
    conn.execute("delete from ml.model_promotions where to_version = '3'")
    registry.set_alias(CHAMPION, "3")
    unknown = settle_champion(conn, registry)
    assert unknown is not None
    assert "never judged" in unknown.reason


def test_a_move_killed_before_its_commit_is_judged_like_any_other(
    conn: psycopg.Connection[Any],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_tags", die)
        with pytest.raises(KeyboardInterrupt):
            approve(conn, registry, "2", actor="ana", reason="good")
    conn.rollback()
    assert (champion(registry), decisions(conn)) == ("2", [])
    settled = settle_champion(conn, registry)
    assert settled is not None
    assert settled.action == "observed"
    assert champion(registry) == "2"


def test_a_rejected_version_stays_so_until_somebody_insists(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    approve(conn, registry, "1", actor="ana", reason="good")
    reject(conn, registry, "2", actor="ana", reason="units too dear")
    with pytest.raises(ReviewRefusedError, match=r"rejected by ana .units too dear"):
        approve(conn, registry, "2", actor="ben", reason="fine")
    conn.rollback()
    registry.set_alias(CHAMPION, "2")
    undone = settle_champion(conn, registry)
    assert undone is not None
    assert (undone.action, undone.to_version) == ("reverted", "1")
    insisted = approve(conn, registry, "2", actor="ben", reason="fine", force=True)
    assert "rejected by ana" in insisted.reason
    assert settle_champion(conn, registry) is None


def test_going_back_passes_over_versions_that_were_deleted(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    for number in ("1", "2", "3"):
        approve(conn, registry, number, actor="ana", reason="good")
    registry._client.delete_model_version(MODEL_NAME, "2")  # a reviewer in MLflow
    registry.set_alias(CHAMPION, "4")
    registry._client.delete_model_version(MODEL_NAME, "3")  # a reviewer in MLflow
    undone = settle_champion(conn, registry)
    assert undone is not None
    assert undone.to_version == "1"
    assert champion(registry) == "1"
    with pytest.raises(ReviewRefusedError, match="no champion before this"):
        roll_back(conn, registry, actor="ben", reason="old")
    conn.rollback()


def test_a_promotion_cut_short_is_carried_out_and_not_called_a_reviewers(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    approve(conn, registry, "1", actor="ana", reason="good")
    # A training wrote its decision down and died before it moved the alias.
    registry.set_tags("2", {"review_state": "challenger"})
    decision = Decision("approved", "demo", "all gates held", GOOD)
    record(conn, MODEL_NAME, "2", "1", decision)
    conn.commit()
    assert settle_champion(conn, registry) is None
    assert champion(registry) == "2"
    assert registry.version("2").tags["review_state"] == "approved"
    assert "observed" not in [action for action, *_ in decisions(conn)]


def test_a_training_compares_with_no_champion_that_nobody_may_make_one(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    approve(conn, registry, "1", actor="ana", reason="good")
    registry.set_alias(CHAMPION, "4")
    conn.execute("truncate ml.training_features")
    load_features(conn, features.TRAINING_RELATION, feature_rows(60))
    context = TrainingContext("abc123", "simulated", "production", "run-2")
    outcome = train_and_register(conn, registry, context)
    assert outcome.settled is not None
    assert outcome.settled.is_undoing
    assert outcome.champion == "1"
    assert registry.version(outcome.version).tags["compared_with"] == "1"


def test_a_version_is_made_again_from_what_its_run_keeps(
    conn: psycopg.Connection[Any], registry: Registry
) -> None:
    version = registry.version("1")
    # What the features hold by now plays no part.
    conn.execute("truncate ml.training_features")
    conn.commit()
    found = reproduce(registry, version)
    assert found.same
    assert found.same_code
    assert found.rows == 40
    assert found.changed_packages == {}
    for then, now in found.measures.values():
        assert now == pytest.approx(then, 1e-5, nan_ok=True)
    rows = pd.read_parquet(io.BytesIO(registry.file(version.run_id, ROWS_FILE) or b""))
    assert rows[["source_file", "source_row_number"]].notna().all(axis=None)

    # Another price among its rows is another model, and that is seen.
    other = rows.assign(price_aud=rows["price_aud"] * 1.2)
    registry.log_files(version.run_id, files(other, TrainingPolicy()))
    changed = reproduce(registry, version)
    assert not changed.same
    assert changed.largest_difference == pytest.approx(0.2, abs=0.05)
    assert registry.file(version.run_id, "nothing.txt") is None


def test_the_sensor_undoes_it_within_a_tick_and_a_check_fails(
    conn: psycopg.Connection[Any],
    registry: Registry,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path / "home"))

    def tick(cursor: str | None) -> dg.SensorResult:
        context = dg.build_sensor_context(
            cursor=cursor, resources={"warehouse": Warehouse()}
        )
        found = champion_moved_sensor(context)
        assert isinstance(found, dg.SensorResult)
        return found

    approve(conn, registry, "1", actor="ana", reason="good")
    first = tick(None)
    assert [run.run_key for run in first.run_requests or ()] == [
        "champion-1-after-None"
    ]
    registry.set_alias(CHAMPION, "4")
    undone = tick(first.cursor)
    assert not undone.run_requests
    (event,) = undone.asset_events
    assert isinstance(event, dg.AssetCheckEvaluation)
    assert (event.check_name, event.passed) == ("champion_held_its_gates", False)
    assert "COD 31 of 15" in str(event.description)
    assert champion(registry) == "1"
    quiet = tick(undone.cursor)
    assert not quiet.run_requests
    assert not quiet.asset_events
