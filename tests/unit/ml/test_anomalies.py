"""Planted anomalies are found; quiet Januaries, busy Decembers and booms are not."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.anomalies import (
    LIMIT,
    MonthLevel,
    Odd,
    WeekVolume,
    filled_forward,
    level_scores,
    volume_scores,
)

FIRST = date(2022, 1, 3)
DISTRICTS = {"001": 40, "008": 120, "042": 6, "260": 300}


def season(week: date) -> float:
    """Hardly anything in early January, a rush before Christmas."""
    if week.month == 1 and week.day <= 14:
        return 0.25
    return 1.6 if week.month == 12 and week.day < 25 else 1.0


def weekly(weeks: int, seed: int = 1) -> list[WeekVolume]:
    chance = np.random.default_rng(seed)
    return [
        WeekVolume("psi", district, week, int(chance.poisson(usual * season(week))))
        for number in range(weeks)
        for week in [FIRST + timedelta(weeks=number)]
        for district, usual in DISTRICTS.items()
    ]


def odd(scores: list[Odd]) -> set[tuple[str, ...]]:
    return {one.what for one in scores if abs(one.score) >= LIMIT}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_ordinary_weeks_of_three_years_are_not_odd(seed: int) -> None:
    assert odd(volume_scores(weekly(156, seed), weeks=140)) == set()


@pytest.mark.parametrize("day", ["2023-01-09", "2023-12-18", "2024-01-01"])
def test_a_normal_season_is_not_odd(day: str) -> None:
    weeks = (date.fromisoformat(day) - FIRST).days // 7 + 1
    assert odd(volume_scores(weekly(weeks))) == set()


def test_the_first_christmas_is_not_judged_by_november() -> None:
    weeks = (date(2023, 1, 9) - FIRST).days // 7 + 1
    scores = volume_scores(weekly(weeks))
    assert ("psi", "all") not in {one.what for one in scores}


@pytest.mark.parametrize(
    ("district", "factor"), [("260", 0), ("008", 6), ("260", 0.1), ("001", 9)]
)
def test_a_district_that_fails_or_repeats_itself_is_found(
    district: str, factor: float
) -> None:
    volumes = weekly(80)
    newest = max(one.week for one in volumes)
    planted = [
        replace(one, rows=int(one.rows * factor))
        if (one.district, one.week) == (district, newest)
        else one
        for one in volumes
    ]
    assert ("psi", district) in odd(volume_scores(planted))


def test_a_file_that_is_missing_counts_as_no_rows() -> None:
    volumes = weekly(80)
    newest = max(one.week for one in volumes)
    without = [one for one in volumes if (one.district, one.week) != ("260", newest)]
    worst = volume_scores(without)[0]
    assert worst.what == ("psi", "260")
    assert worst.found == 0


@pytest.mark.parametrize("factor", [0.1, 8])
def test_a_whole_week_of_the_wrong_size_is_found(factor: float) -> None:
    volumes = weekly(80)
    newest = max(one.week for one in volumes)
    planted = [
        replace(one, rows=int(one.rows * factor)) if one.week == newest else one
        for one in volumes
    ]
    assert odd(volume_scores(planted)) == {("psi", "all")}


def test_a_short_history_judges_nothing() -> None:
    assert volume_scores(weekly(8)) == []


def boom(month: int) -> float:
    return 0.02 * (month - 250)


def monthly(seed: int = 1, suburbs: int = 40) -> list[MonthLevel]:
    """Medians of 48 months in a steep boom."""
    chance = np.random.default_rng(seed)
    levels = []
    for suburb in range(suburbs):
        own = chance.normal(13.5, 0.5)
        for month in range(250, 298):
            count = int(chance.integers(3, 40))
            median = own + boom(month) + chance.normal(0, 0.44 / math.sqrt(count))
            levels.append(
                MonthLevel(f"NSW|S{suburb}", "house", month, count, median, boom(month))
            )
    return levels


def test_a_boom_is_not_odd() -> None:
    scores = level_scores(monthly(), first_month=286)
    assert len(scores) == 40 * 12
    assert odd(scores) == set()


@pytest.mark.parametrize("factor", [0.1, 10])
def test_a_month_of_wrong_prices_is_found(factor: float) -> None:
    levels = monthly()
    planted = [
        replace(one, sale_count=9, median_log=one.median_log + math.log(factor))
        if (one.suburb_key, one.month) == ("NSW|S7", 297)
        else one
        for one in levels
    ]
    scores = level_scores(planted, first_month=286)
    assert odd(scores) == {("NSW|S7", "house")}
    assert scores[0].when == 297
    assert scores[0].found == pytest.approx(scores[0].expected * factor, rel=0.5)


def test_three_sales_are_no_anomaly_however_dear() -> None:
    levels = monthly()
    planted = [
        replace(one, sale_count=3, median_log=one.median_log + math.log(2))
        if one.month == 297
        else one
        for one in levels
    ]
    assert odd(level_scores(planted, first_month=297)) == set()


def test_an_index_is_carried_over_its_gaps() -> None:
    filled = filled_forward({3: 1.0, 5: 2.0}, 1, 6)
    assert filled == {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0, 5: 2.0, 6: 2.0}
    assert filled_forward({3: 1.0, 5: 2.0}, 6, 7) == {6: 2.0, 7: 2.0}
    assert filled_forward({}, 1, 2) == {1: 0.0, 2: 0.0}
