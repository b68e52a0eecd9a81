"""Sensor plans: cursor and facts in, requests and next cursor out."""

from datetime import UTC, date, datetime

from orchestration.schedules import daily_request
from orchestration.sensors import (
    FileFact,
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
