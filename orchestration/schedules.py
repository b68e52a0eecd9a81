"""Schedules: what runs with nobody watching."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.partitions import range_tags
from orchestration.jobs import daily, move_index_boundaries
from settings import Settings


def daily_request(now: datetime, trailing_weeks: int) -> dg.RunRequest:
    """The run of one morning: the trailing weeks, so that late changes are seen."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(weeks=trailing_weeks - 1)
    return dg.RunRequest(
        run_key=f"daily-{today.isoformat()}", tags=range_tags(first, today)
    )


@dg.schedule(
    name="daily_0200_utc",
    job=daily,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="The main job at 02:00 UTC, after the sources' own nightly updates.",
)
def daily_schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
    """One run a day; the next one makes up for a missed tick, with the same window."""
    trailing = Settings().nsw_valuer.trailing_weeks
    yield daily_request(context.scheduled_execution_time, trailing)


# Weekly, though the day moves monthly: a missed week costs nothing.
index_boundaries_schedule = dg.ScheduleDefinition(
    name="weekly_index_boundaries",
    job=move_index_boundaries,
    cron_schedule="30 3 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Indexes of recent rows follow the months, Sundays at 03:30 UTC.",
)

all_schedules = [daily_schedule, index_boundaries_schedule]
