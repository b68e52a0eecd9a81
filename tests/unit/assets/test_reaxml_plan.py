"""When the REAXML drop folder wants a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from assets.landing.reaxml_plan import RETRY_SECONDS, DropFact, plan_drop_folder

NOW = datetime(2024, 6, 15, 10, tzinfo=UTC)
LATER = NOW + timedelta(seconds=RETRY_SECONDS)


def test_settled_files_ask_for_one_run_and_young_ones_wait() -> None:
    files = [DropFact("a.xml", "1:1", True), DropFact("b.xml", "1:1", False)]
    run, cursor = plan_drop_folder(None, files, NOW)
    assert run is not None
    assert run.files == 1
    again, cursor = plan_drop_folder(cursor, files, NOW + timedelta(seconds=30))
    assert again is None
    files[1] = DropFact("b.xml", "2:2", True)
    late, _ = plan_drop_folder(cursor, files, NOW + timedelta(seconds=60))
    assert late is not None
    assert late.run_key != run.run_key


def test_a_changed_file_and_one_that_stays_too_long_are_asked_for_again() -> None:
    run, cursor = plan_drop_folder(None, [DropFact("a.xml", "1:1", True)], NOW)
    assert run is not None
    changed, _ = plan_drop_folder(cursor, [DropFact("a.xml", "2:2", True)], NOW)
    assert changed is not None
    stuck, _ = plan_drop_folder(cursor, [DropFact("a.xml", "1:1", True)], LATER)
    assert stuck is not None


def test_the_cursor_forgets_files_that_are_gone_and_cursors_of_other_versions() -> None:
    _, full = plan_drop_folder(None, [DropFact("a.xml", "1:1", True)], NOW)
    run, empty = plan_drop_folder(full, [], NOW)
    assert run is None
    assert "a.xml" not in empty
    assert plan_drop_folder('{"version": 0}', [], NOW) == (None, empty)
