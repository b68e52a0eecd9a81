"""Repeat-sales regression: one market's level by month, and how areas depart from it.

Belongs here: the arithmetic, on arrays. Which pairs count is SQL
(``int_market__repeat_pairs``); suppression, base and layout of what is published are
``price_index``. Prices are natural logs in whole millionths, so that sums are exact and
the same in any order; months count from January 2000 (= 0).

The market's level follows Bailey, Muth and Nourse: log price change of a pair = level
at its second month - level at its first. Pairs are weighted as Case and Shiller do: the
variance of a pair grows with the time between its sales.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]

MICRO = 1_000_000

#: Spread of a market's monthly movement (log) assumed before any pair is seen: so wide
#: that it speaks only for months without pairs.
_MONTHLY_SPREAD = 0.03
#: Pairs further from the market than so many standard errors were rebuilt, renovated
#: or sold among friends, and tell nothing of the market.
_OUTLIER_ERRORS = 3.0
_ROUNDS = 3
#: A normal distribution's standard deviation by its median absolute deviation.
_NORMAL_MAD = 1.4826
#: How strongly a departure is drawn back to none, against how it may move in a step.
_LEVEL_PULL = 1e-3
#: Cells of normal equations held at once (doubles).
_CHUNK_CELLS = 1_000_000


@dataclass(frozen=True)
class Pairs:
    """Pairs of sales of one property each, in one market; arrays of one length.

    ``first`` and ``second`` are months, ``change`` millionths of log price, ``area`` a
    number of the smallest area from 0 on.
    """

    first: Ints
    second: Ints
    change: Ints
    area: Ints

    def __len__(self) -> int:
        return len(self.first)

    def where(self, wanted: npt.NDArray[np.bool_]) -> Pairs:
        """The pairs of a mask."""
        return Pairs(*(column[wanted] for column in self._columns()))

    def by_area(self, group_of: Ints) -> Pairs:
        """The same pairs by wider areas: ``group_of`` is indexed by area."""
        return Pairs(self.first, self.second, self.change, group_of[self.area])

    def _columns(self) -> tuple[Ints, Ints, Ints, Ints]:
        return self.first, self.second, self.change, self.area


@dataclass(frozen=True)
class Level:
    """A market's log level by month from ``start`` on, around its own mean.

    ``error`` is the standard error of each month, ``noise`` the variance of a pair as
    (of both sales, of each month between them).
    """

    start: int
    value: Floats
    error: Floats
    noise: tuple[float, float]


@dataclass(frozen=True)
class Departures:
    """Log departure of areas from a wider market, by month; arrays (areas, months).

    ``variance`` is that of the departure around its own mean.
    """

    value: Floats
    variance: Floats


def market_level(pairs: Pairs) -> tuple[Level, Pairs]:
    """The level of a market by month, and the pairs that speak for it.

    Raises ValueError without any pair.
    """
    if len(pairs) == 0:
        raise ValueError("a market without pairs has no level")
    start = int(pairs.first.min())
    months = int(pairs.second.max()) - start + 1
    noise, kept = (0.02, 0.0), pairs
    for _ in range(_ROUNDS):
        precision, right = _level_equations(kept, start, months, noise)
        # Only differences are known: the first month is 0.
        value = np.zeros(months)
        value[1:] = np.linalg.solve(precision[1:, 1:], right[1:])
        noise = _noise(pairs, _residuals(pairs, value, start))
        kept = pairs.where(_is_near(pairs, value, start, noise))
    precision, right = _level_equations(kept, start, months, noise)
    scatter = np.zeros((months, months))
    scatter[1:, 1:] = np.linalg.inv(precision[1:, 1:])
    value = scatter @ right
    ends = _month_ends(kept, start, months)
    value, scatter = _centred(value, scatter, ends / ends.sum())
    error = np.sqrt(np.maximum(np.diagonal(scatter), 0.0))
    return Level(start, value, error, noise), kept


def _is_near(
    pairs: Pairs, value: Floats, start: int, noise: tuple[float, float]
) -> npt.NDArray[np.bool_]:
    spread = np.sqrt(noise[0] + noise[1] * (pairs.second - pairs.first))
    near = np.abs(_residuals(pairs, value, start)) <= _OUTLIER_ERRORS * spread
    return near if near.any() else np.ones(len(pairs), dtype=bool)


def _residuals(pairs: Pairs, value: Floats, start: int) -> Floats:
    explained = value[pairs.second - start] - value[pairs.first - start]
    unexplained: Floats = pairs.change / MICRO - explained
    return unexplained


def _noise(pairs: Pairs, residuals: Floats) -> tuple[float, float]:
    """Variance of a pair: of its sales, and by month between; by robust spreads."""
    years = (pairs.second - pairs.first) // 12
    count = np.bincount(years)
    # Of short numbers a stable sort counts instead of comparing.
    order = np.argsort(years.astype("int16"), kind="stable")
    spread = np.array(
        [
            np.median(np.abs(part)) if len(part) else 0.0
            for part in np.split(residuals[order], np.cumsum(count)[:-1])
        ]
    )
    variance = (_NORMAL_MAD * spread) ** 2
    gap = np.arange(len(count)) * 12.0 + 6.0
    mean_gap = float((gap * count).sum() / count.sum())
    mean_variance = float((variance * count).sum() / count.sum())
    width = float(((gap - mean_gap) ** 2 * count).sum())
    slope = 0.0
    if width > 0:
        moved = (gap - mean_gap) * (variance - mean_variance) * count
        slope = max(0.0, float(moved.sum()) / width)
    # Round prices alone scatter by more than this.
    return max(1e-4, mean_variance - slope * mean_gap), slope


def _level_equations(
    pairs: Pairs, start: int, months: int, noise: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Normal equations of the level: precision (m, m) and right side (m,)."""
    cell = (pairs.first - start) * months + (pairs.second - start)
    # Sums of whole numbers below 2 ** 53 are exact: the same in any order.
    count = np.bincount(cell, minlength=months * months).reshape(months, months)
    total = np.bincount(cell, weights=pairs.change, minlength=months * months)
    change = total.reshape(months, months) / MICRO
    gap = np.arange(months)[None, :] - np.arange(months)[:, None]
    weight = 1.0 / (noise[0] + noise[1] * np.maximum(gap, 0))
    told = weight * change
    one_way = weight * count
    pull = one_way + one_way.T
    precision: Floats = np.diag(pull.sum(axis=1)) - pull
    precision += _random_walk(months, _MONTHLY_SPREAD**2)
    return precision, told.sum(axis=0) - told.sum(axis=1)


def _random_walk(steps: int, variance: float) -> Floats:
    """Precision matrix of a random walk of any level; (steps, steps)."""
    walk: Floats = np.zeros((steps, steps))
    at = np.arange(steps - 1)
    walk[at, at] = 1 / variance
    walk[at + 1, at + 1] += 1 / variance
    walk[at, at + 1] = walk[at + 1, at] = -1 / variance
    return walk


def _month_ends(pairs: Pairs, start: int, months: int) -> Floats:
    """How many pairs begin or end in each month."""
    first = np.bincount(pairs.first - start, minlength=months)
    second = np.bincount(pairs.second - start, minlength=months)
    return (first + second).astype("float64")


def _centred(value: Floats, scatter: Any, weight: Any) -> tuple[Any, Any]:
    """Value and covariance around the weighted mean; batches in front are fine."""
    mean = (value * weight).sum(axis=-1, keepdims=True)
    with_mean = (scatter * weight[..., None, :]).sum(axis=-1)
    mean_variance = (with_mean * weight).sum(axis=-1)[..., None, None]
    around = scatter - with_mean[..., :, None] - with_mean[..., None, :]
    return value - mean, around + mean_variance


def departures(
    pairs: Pairs,
    areas: int,
    level: Floats,
    start: int,
    noise: tuple[float, float],
    *,
    knot_months: int,
    yearly_spread: float,
) -> Departures:
    """How areas depart from the market around each of them.

    Args:
        pairs: of all areas, numbered 0 to ``areas`` - 1.
        areas: how many there are.
        level: log level around each area by month from ``start`` on; (areas, months).
        start: month of the first column.
        noise: as in ``Level``.
        knot_months: a departure is a straight line between points so far apart.
        yearly_spread: how far (log) an area may drift within a year, before any pair
            is seen; few pairs leave an area close to the market around it.
    """
    months = level.shape[1]
    # Knots lie on whole multiples, so that new months do not move old ones.
    first_knot = start // knot_months
    knots = (start + months - 1) // knot_months - first_knot + 2
    prior = _random_walk(knots, yearly_spread**2 * knot_months / 12)
    prior += np.eye(knots) * _LEVEL_PULL / yearly_spread**2
    cells = _cells(pairs, start, months)
    at, since = np.divmod(np.arange(start, start + months), knot_months)
    at, share = at - first_knot, since / knot_months
    value = np.empty((areas, months))
    variance = np.empty((areas, months))
    step = max(1, _CHUNK_CELLS // (knots * knots))
    for low in range(0, areas, step):
        high = min(areas, low + step)
        part = slice(*np.searchsorted(cells.area, [low, high]))
        chunk = _Cells(*(column[part] for column in cells.columns()))
        precision, right, seen = _normal_equations(
            chunk, low, high - low, level, noise, (at, share, knots)
        )
        scatter = np.linalg.inv(precision + prior)
        solved = (scatter @ right[..., None])[..., 0]
        solved, scatter = _centred(solved, scatter, seen)
        value[low:high], variance[low:high] = _between(solved, scatter, at, share)
    return Departures(value, variance)


@dataclass(frozen=True)
class _Cells:
    """Pairs of one area with the same two months, in one order; arrays."""

    area: Ints
    first: Ints
    second: Ints
    count: Ints
    change: Ints

    def columns(self) -> tuple[Ints, Ints, Ints, Ints, Ints]:
        return self.area, self.first, self.second, self.count, self.change


def _cells(pairs: Pairs, start: int, months: int) -> _Cells:
    code = (pairs.area * months + (pairs.first - start)) * months
    code += pairs.second - start
    order = np.argsort(code)
    code, change = code[order], pairs.change[order]
    at = np.flatnonzero(np.diff(code, prepend=-1))
    count = np.diff(at, append=len(code))
    total = np.add.reduceat(change, at) if len(at) else change
    rest, second = np.divmod(code[at], months)
    area, first = np.divmod(rest, months)
    return _Cells(area, first, second, count, total)


def _normal_equations(
    cells: _Cells,
    low: int,
    areas: int,
    level: Floats,
    noise: tuple[float, float],
    grid: tuple[Ints, Floats, int],
) -> tuple[Floats, Floats, Floats]:
    """Precision (areas, k, k), right side and weight of each knot (areas, k)."""
    at, share, knots = grid
    explained = level[cells.area, cells.second] - level[cells.area, cells.first]
    residual = cells.change / MICRO - cells.count * explained
    weight = 1.0 / (noise[0] + noise[1] * (cells.second - cells.first))
    row = cells.area - low
    ends = (
        (at[cells.second], 1 - share[cells.second]),
        (at[cells.second] + 1, share[cells.second]),
        (at[cells.first], share[cells.first] - 1),
        (at[cells.first] + 1, -share[cells.first]),
    )
    right = np.zeros(areas * knots)
    seen = np.full(areas * knots, 1e-9)
    own, shared = (np.zeros(areas * knots * knots) for _ in range(2))
    for at_end, (knot, part) in enumerate(ends):
        place = row * knots + knot
        right += np.bincount(place, weight * residual * part, len(right))
        seen += np.bincount(place, cells.count * np.abs(part), len(right))
        told = weight * cells.count * part
        own += np.bincount(place * knots + knot, told * part, len(own))
        # What two ends share counts in both directions: once here, once transposed.
        for other, other_part in ends[at_end + 1 :]:
            shared += np.bincount(place * knots + other, told * other_part, len(own))
    precision, half = (table.reshape(areas, knots, knots) for table in (own, shared))
    precision += half + half.transpose(0, 2, 1)
    shares = seen.reshape(areas, knots)
    return (
        precision,
        right.reshape(areas, knots),
        shares / shares.sum(axis=1, keepdims=True),
    )


def _between(
    solved: Floats, scatter: Floats, at: Ints, share: Floats
) -> tuple[Floats, Floats]:
    """Values and variances of months from those of knots; (areas, months) each."""
    value = solved[:, at] * (1 - share) + solved[:, at + 1] * share
    own = np.diagonal(scatter, axis1=1, axis2=2)
    variance = own[:, at] * (1 - share) ** 2 + own[:, at + 1] * share**2
    variance = variance + 2 * share * (1 - share) * scatter[:, at, at + 1]
    return value, np.maximum(variance, 0.0)
