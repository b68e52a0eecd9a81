"""Sensor plans: cursor and facts in, requests and next cursor out."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Warehouse
from database.connections import connect
from database.source_health import record_source_run
from orchestration.schedules import daily_request
from orchestration.sensors import (
    FileFact,
    domain_poll_sensor,
    drop_folder_sensor,
    plan_champion,
    plan_deliveries,
    plan_new_files,
    read_cursor,
)

JUNE_17 = FileFact("20240617.zip", 100, 1, date(2024, 6, 17))
JUNE_24 = FileFact("20240624.zip", 120, 2, date(2024, 6, 24))


def test_new_files_start_one_run_over_all_their_weeks():
    request, cursor = plan_new_files(None, [JUNE_17, JUNE_24])
    assert request is not None
    assert request.tags["dagster/asset_partition_range_start"] == "2024-06-17"
    assert request.tags["dagster/asset_partition_range_end"] == "2024-06-24"
    again, same = plan_new_files(cursor, [JUNE_17, JUNE_24])
    assert again is None
    assert same == cursor


def test_a_file_changed_after_publication_is_read_again():
    _, cursor = plan_new_files(None, [JUNE_17, JUNE_24])
    changed = FileFact("20240617.zip", 101, 9, date(2024, 6, 17))
    request, _ = plan_new_files(cursor, [changed, JUNE_24])
    assert request is not None
    assert request.tags["dagster/asset_partition_range_end"] == "2024-06-17"


def test_file_dated_within_a_week_belongs_to_its_monday():
    friday = FileFact("20240621.zip", 1, 1, date(2024, 6, 21))
    request, _ = plan_new_files(None, [friday])
    assert request is not None
    assert request.tags["dagster/asset_partition_range_start"] == "2024-06-17"


def test_cursor_of_another_version_is_a_fresh_start():
    assert read_cursor('{"version": 99, "files": {"a": "b"}}') == {}


def test_moved_champion_scores_once():
    request, cursor = plan_champion(None, "3")
    assert request is not None
    assert plan_champion(cursor, "3")[0] is None
    moved, _ = plan_champion(cursor, "4")
    assert moved is not None
    assert moved.run_key != request.run_key


def test_moving_back_to_an_earlier_champion_scores_again():
    first, cursor = plan_champion(None, "3")
    _, cursor = plan_champion(cursor, "4")
    back, _ = plan_champion(cursor, "3")
    assert back is not None
    assert back.run_key != first.run_key


def test_deliveries_start_a_drain_only_when_due_and_idle():
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert plan_deliveries(0, False, now) is None
    assert plan_deliveries(5, True, now) is None
    assert plan_deliveries(5, False, now) is not None


def test_daily_run_reads_the_trailing_weeks_once_a_day():
    morning = daily_request(datetime(2024, 10, 6, 2, tzinfo=UTC), trailing_weeks=4)
    assert morning.tags["dagster/asset_partition_range_start"] == "2024-09-09"
    assert morning.tags["dagster/asset_partition_range_end"] == "2024-09-30"
    again = daily_request(datetime(2024, 10, 6, 2, 30, tzinfo=UTC), trailing_weeks=4)
    assert again.run_key == morning.run_key


def _tick(sensor: dg.SensorDefinition, cursor: str | None = None) -> dg.SensorResult:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(
            instance=instance, cursor=cursor, resources={"warehouse": Warehouse()}
        )
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def _skipped(result: dg.SensorResult) -> str:
    return result.skip_reason.skip_message if result.skip_reason else ""


def test_a_whole_file_in_the_drop_folder_starts_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert "nothing to watch" in _skipped(_tick(drop_folder_sensor))
    monkeypatch.setenv("AUSPROPERTY_REAXML__DROP_FOLDER", str(tmp_path))
    (tmp_path / "being_written.xml").write_text("<propertyList")
    assert "no whole file" in _skipped(_tick(drop_folder_sensor))
    whole = tmp_path / "whole.xml"
    whole.write_text("<propertyList/>")
    os.utime(whole, (1_700_000_000, 1_700_000_000))
    first = _tick(drop_folder_sensor)
    assert len(first.run_requests or []) == 1
    again = _tick(drop_folder_sensor, first.cursor)
    assert not again.run_requests


def test_a_poll_of_listings_starts_when_it_is_due(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", database_url)
    assert "SEARCHES is empty" in _skipped(_tick(domain_poll_sensor))
    monkeypatch.setenv("AUSPROPERTY_DOMAIN__SEARCHES", '[{"listingType": "Sale"}]')
    assert len(_tick(domain_poll_sensor).run_requests or []) == 1
    with connect(database_url) as conn:
        record_source_run(
            conn, "domain", "ok", started_at=datetime.now(UTC), dataset="listings"
        )
        conn.commit()
    assert "next poll is due" in _skipped(_tick(domain_poll_sensor))
