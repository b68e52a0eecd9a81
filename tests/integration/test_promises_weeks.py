"""Weekly partitions: a range is one run, and doing it again changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.homes import Home, differences, everything_landed
from tests.psi_samples import sale, write_week

WEEKS = ("20240603", "20240610", "20240624", "20240701")


def test_a_range_of_weeks_is_one_run_and_a_backfill_of_it_changes_nothing(
    new_home: Callable[..., Home], tmp_path: Path
) -> None:
    psi = tmp_path / "psi"
    for number, week in enumerate(WEEKS):
        sales = (sale(n) for n in range(number * 25, number * 25 + 30))
        write_week(psi, *sales, week=week)
    home = new_home(nsw_valuer__location=str(psi))
    chosen = ("--weeks", "2024-06-03", "2024-06-24")
    first = home.drive("job", "ingest", *chosen)
    assert first["success"]
    # Each week of the range, that without a file too; the week after it not.
    june = ["2024-06-03", "2024-06-10", "2024-06-17", "2024-06-24"]
    assert first["weeks_done"] == june
    assert first["run_totals"]["raw/nsw_valuer__sales"] == {
        "read": 90,
        "loaded": 80,
        "repeated": 10,
        "rejected": 0,
    }
    with home.connect("real") as conn:
        before = everything_landed(conn)

    again = home.drive("job", "ingest", *chosen)
    assert again["success"]
    assert again["weeks_done"] == june
    assert again["run_totals"]["raw/nsw_valuer__sales"]["loaded"] == 0
    with home.connect("real") as conn:
        assert differences(everything_landed(conn), before) == []

    # A run over it all picks up the week that was left out, and nothing twice.
    config = {
        "ops": {
            "raw__nsw_valuer__sales": {
                "config": {"location": str(psi), "every_file": True}
            }
        }
    }
    rest = home.drive(
        *("job", "ingest", "--weeks", "2024-06-03", "2024-07-01"),
        *("--config", json.dumps(config)),
    )
    assert rest["success"]
    assert rest["weeks_done"] == [*june, "2024-07-01"]
    assert rest["run_totals"]["raw/nsw_valuer__sales"]["loaded"] == 25
