"""Partitions of the sources that have them."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

# PSI files appear on Mondays; the current format starts with the yearly file of 2001.
# The offset keeps the running week a partition: its file is out on its first day.
psi_weeks = dg.WeeklyPartitionsDefinition(
    start_date="2001-01-01", day_offset=1, end_offset=1, timezone="UTC"
)

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def week_of(day: date) -> date:
    """Monday of the week that `day` lies in."""
    return day - timedelta(days=day.weekday())


def range_tags(first: date, last: date) -> dict[str, str]:
    """Run tags that select the weeks from `first` to `last` in one run.

    Days before the first partition or after the running week count as those.
    """
    oldest = date.fromisoformat(psi_weeks.get_first_partition_key() or "")
    newest = date.fromisoformat(psi_weeks.get_last_partition_key() or "")

    def key(day: date) -> str:
        return min(max(week_of(day), oldest), newest).isoformat()

    return {RANGE_START_TAG: key(first), RANGE_END_TAG: key(last)}
