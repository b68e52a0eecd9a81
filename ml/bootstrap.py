"""How far a ratio study's figures are luck: percentile bounds by resampling sales.

Here: bounds of one model's measures, and of the difference of two models on the same
sales. What the measures are is ``evaluation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from ml.evaluation import Floats

#: Resamples: enough for bounds that a repetition moves by a hundredth of their width.
DRAWS = 500
#: Fewer sales than this have no bounds worth telling.
LEAST_SALES = 20
_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class Bounds:
    """Where 95 % of resamples lie, in the measure's unit."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        """Whether a value lies between them."""
        return self.low <= value <= self.high


def bounds(price: Floats, estimate: Floats, seed: int) -> dict[str, Bounds]:
    """Bounds of ``mdape``, ``pe10`` and ``cod`` (percent) and ``median_ratio``.

    Prices and estimates in AUD, row by row. Empty below ``LEAST_SALES`` sales. The same
    rows and seed give the same bounds.
    """
    import numpy as np

    ratio = np.asarray(estimate, dtype="float64") / np.asarray(price, dtype="float64")
    if len(ratio) < LEAST_SALES:
        return {}
    error = np.abs(ratio - 1) * 100
    found: dict[str, list[float]] = {"mdape": [], "pe10": [], "cod": []}
    levels: list[float] = []
    for rows in _resamples(len(ratio), seed):
        drawn = ratio[rows]
        level = float(np.median(drawn))
        levels.append(level)
        found["mdape"].append(float(np.median(error[rows])))
        found["pe10"].append(float((error[rows] <= 10).mean() * 100))
        found["cod"].append(float(np.abs(drawn - level).mean() / level * 100))
    found["median_ratio"] = levels
    return {name: _bounds(values) for name, values in found.items()}


def paired_difference(
    price: Floats, ours: Floats, theirs: Floats, seed: int
) -> Bounds | None:
    """Bounds of our MdAPE less theirs (points), both on the same resampled sales.

    Above zero throughout: we are worse by more than luck. None below ``LEAST_SALES``.
    """
    import numpy as np

    actual = np.asarray(price, dtype="float64")
    if len(actual) < LEAST_SALES:
        return None
    mine, other = (np.abs(guess / actual - 1) * 100 for guess in (ours, theirs))
    return _bounds(
        [
            float(np.median(mine[rows]) - np.median(other[rows]))
            for rows in _resamples(len(actual), seed)
        ]
    )


def _resamples(count: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    import numpy as np

    luck = np.random.default_rng(seed)
    for _ in range(DRAWS):
        yield luck.integers(0, count, count)


def _bounds(values: list[float]) -> Bounds:
    import numpy as np

    low, high = np.percentile(values, _TAILS)
    return Bounds(float(low), float(high))
