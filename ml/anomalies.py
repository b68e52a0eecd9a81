"""Volumes and price levels that do not fit their own history.

Belongs here: the scores, on plain rows. Where the rows come from and what is shown are
``assets.anomalies``'. A score is a distance in robust standard errors: of 5 and more,
in ordinary times next to none is seen.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from statistics import median

#: A score from which on a figure is told.
LIMIT = 5.0
_NORMAL_MAD = 1.4826

#: Weeks of history a week is judged by, and the fewest of them.
WEEKS_BEFORE = 26
FEWEST_WEEKS = 8
#: How far (log) a district strays from all others, and a week's total, in good times.
_DISTRICT_SPREAD = 0.25
_TOTAL_SPREAD = 0.25
#: Days from 20 December on in which the market sleeps and wakes: such weeks are judged
#: by the same weeks of other years, or not at all.
_HOLIDAYS = 32

#: Months of history a month's median is judged by, and the fewest of them.
MONTHS_BEFORE = 36
FEWEST_MONTHS = 6
#: How far (log) one price strays around its suburb's level, and a level from its index.
_PRICE_SPREAD = 0.35
_LEVEL_SPREAD = 0.06
#: A median's standard error is so much wider than a mean's.
_MEDIAN_WIDTH = 1.2533


@dataclass(frozen=True)
class WeekVolume:
    """Rows that a source gave for a district in a week (its Monday)."""

    source: str
    district: str
    week: date
    rows: int


@dataclass(frozen=True)
class MonthLevel:
    """A suburb's median (natural log) in a month, and the index (log) of the market.

    ``month`` counts from January 2000 (= 0).
    """

    suburb_key: str
    dwelling_type: str
    month: int
    sale_count: int
    median_log: float
    index_log: float


@dataclass(frozen=True)
class Odd:
    """A figure, what was expected, and how far apart they are (robust errors)."""

    what: tuple[str, ...]
    when: date | int
    found: float
    expected: float
    score: float


def volume_scores(volumes: Iterable[WeekVolume], weeks: int = 1) -> list[Odd]:
    """The newest ``weeks`` of each source: its total and its districts.

    A district that is missing counts as 0 rows. A quiet or busy season moves all
    districts alike: it shows in the total alone, which is judged by its season.
    """
    by_source: dict[str, dict[date, dict[str, int]]] = defaultdict(dict)
    for one in volumes:
        of_week = by_source[one.source].setdefault(one.week, defaultdict(int))
        of_week[one.district] += one.rows
    found: list[Odd] = []
    for source, history in by_source.items():
        ordered = sorted(history)
        for week in ordered[-weeks:]:
            earlier = [day for day in ordered if day < week][-WEEKS_BEFORE:]
            if len(earlier) >= FEWEST_WEEKS:
                found += _week_scores(source, week, history, earlier)
    return sorted(found, key=lambda odd: (-abs(odd.score), odd.what))


def _week_scores(
    source: str,
    week: date,
    history: Mapping[date, Mapping[str, int]],
    earlier: list[date],
) -> list[Odd]:
    totals = {day: sum(rows.values()) for day, rows in history.items()}
    found = []
    expected = _expected_total(week, totals, earlier)
    if expected is not None:
        score = _count_score(totals[week], expected, _TOTAL_SPREAD)
        found.append(Odd((source, "all"), week, totals[week], expected, score))
    for district in sorted({name for day in earlier for name in history[day]}):
        # Against all others of its week: one that is small or big as a whole is so in
        # every district.
        ratio = median(
            history[day].get(district, 0)
            / max(1, totals[day] - history[day].get(district, 0))
            for day in earlier
        )
        rows = history[week].get(district, 0)
        expected_rows = ratio * (totals[week] - rows)
        score = _count_score(rows, expected_rows, _DISTRICT_SPREAD)
        found.append(Odd((source, district), week, rows, expected_rows, score))
    return found


def _expected_total(
    week: date, totals: Mapping[date, int], earlier: list[date]
) -> float | None:
    if not _is_holiday(week):
        calm = [totals[day] for day in earlier if not _is_holiday(day)]
        return median(calm) if calm else None
    usual = median(totals[day] for day in earlier)
    seasons = [
        ratio
        for day in totals
        if day < week
        and abs((week - day).days - 364 * round((week - day).days / 364)) <= 7
        and (week - day).days > 300
        and (ratio := _against_its_half_year(day, totals)) is not None
    ]
    if not seasons:
        return None
    # Christmas moves through the weeks: anything between those of other years is usual.
    return min(max(totals[week], usual * min(seasons)), usual * max(seasons))


def _against_its_half_year(day: date, totals: Mapping[date, int]) -> float | None:
    before = [totals[at] for at in sorted(totals) if at < day][-WEEKS_BEFORE:]
    if len(before) < FEWEST_WEEKS or not median(before):
        return None
    return totals[day] / median(before)


def _is_holiday(week: date) -> bool:
    christmas = date(week.year - (week.month < 7), 12, 20)
    return 0 <= (week - christmas).days < _HOLIDAYS


def _count_score(found: float, expected: float, spread: float) -> float:
    """Distance of two counts; small ones scatter by nature.

    By their logs and by their roots, whichever is less: logs make too much of none
    where few are usual, roots too much of many.
    """
    by_log = math.log((found + 0.5) / (expected + 0.5))
    by_log /= math.sqrt(spread**2 + 1 / (expected + 0.5))
    by_root = 2 * (math.sqrt(found + 0.375) - math.sqrt(expected + 0.375))
    by_root /= math.sqrt(1 + spread**2 * expected)
    return min(by_log, by_root, key=abs)


def filled_forward(
    index: Mapping[int, float], first: int, last: int
) -> dict[int, float]:
    """An index (log) for each month of a range; a gap repeats the month before it.

    Months before the first known one have that one's; without any, all are 0.
    """
    known = sorted(index)
    value = index[known[0]] if known else 0.0
    for month in known:
        if month < first:
            value = index[month]
    filled = {}
    for month in range(first, last + 1):
        value = index.get(month, value)
        filled[month] = value
    return filled


def level_scores(levels: Iterable[MonthLevel], first_month: int) -> list[Odd]:
    """Medians of ``first_month`` and later against their suburb's own history.

    Expected is the level the suburb had against the index in the months before, moved
    on with the index: neither a boom nor a season is odd. ``found`` and ``expected``
    are AUD.
    """
    series: dict[tuple[str, str], list[MonthLevel]] = defaultdict(list)
    for level in levels:
        series[level.suburb_key, level.dwelling_type].append(level)
    found = []
    for what, months in series.items():
        months.sort(key=lambda level: level.month)
        for at, level in enumerate(months):
            if level.month < first_month:
                continue
            before = [
                one
                for one in months[max(0, at - MONTHS_BEFORE) : at]
                if one.month >= level.month - MONTHS_BEFORE
            ]
            if len(before) >= FEWEST_MONTHS:
                found.append(_level_score(what, level, before))
    return sorted(found, key=lambda odd: (-abs(odd.score), odd.what))


def _level_score(
    what: tuple[str, str], level: MonthLevel, before: list[MonthLevel]
) -> Odd:
    apart = [one.median_log - one.index_log for one in before]
    usual = median(apart)
    # What the suburb's own months scatter by, brought to this month's number of sales.
    scatter = _NORMAL_MAD * median(
        abs(value - usual) * math.sqrt(one.sale_count)
        for value, one in zip(apart, before, strict=True)
    )
    one_sale = max(scatter, _MEDIAN_WIDTH * _PRICE_SPREAD)
    history = one_sale**2 / (5 * len(before))
    error = math.sqrt(_LEVEL_SPREAD**2 + one_sale**2 / level.sale_count + history)
    expected = usual + level.index_log
    return Odd(
        what,
        level.month,
        math.exp(level.median_log),
        math.exp(expected),
        (level.median_log - expected) / error,
    )
