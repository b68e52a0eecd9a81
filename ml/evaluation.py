"""How good estimates are: ratio-study measures, the time-ordered split, coverage.

Here: pure functions on arrays of dollars. Ratio = estimate / price. Percentages are
percent (12.5, not 0.125). Elsewhere: what is compared (``training``), the verdict
(``promotion``), pictures (``plots``).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """Measures over later sales.

    ``mae`` in AUD; ``mdape``, ``pe*`` and ``cod`` in percent; ``prd`` and
    ``median_ratio`` are ratios around 1; all NaN where n = 0. Vertical equity: ``prb``
    is how much the ratio moves, relative to its median, as the value doubles; ``vei``
    how much higher the median ratio of the dearest stratum is than that of the
    cheapest, in percent of the median (below 0: the dear are undervalued; NaN below
    20 sales). ``fsd`` is the standard deviation of ln(estimate / price), in percent.
    """

    n: int
    r2: float
    mae: float
    mdape: float
    pe5: float
    pe10: float
    pe20: float
    cod: float
    prd: float
    median_ratio: float
    prb: float
    vei: float
    fsd: float

    def as_dict(self) -> dict[str, float]:
        """Names and values, for MLflow metrics and JSON."""
        return {key: float(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class RatioStandard:
    """A range that a ratio study's measure should lie in; unit of the measure."""

    measure: str
    label: str
    low: float
    high: float

    def holds(self, found: Accuracy) -> bool | None:
        """Whether the measure lies in the range; None where it is not known."""
        value = getattr(found, self.measure)
        return None if math.isnan(value) else self.low <= value <= self.high


#: Guidance for dwellings of the International Association of Assessing Officers
#: (Standard on Ratio Studies, 2013; VEI: exposure draft of 2024).
IAAO_STANDARDS = (
    RatioStandard("median_ratio", "level", 0.90, 1.10),
    RatioStandard("cod", "COD", 5.0, 15.0),
    RatioStandard("prd", "PRD", 0.98, 1.03),
    RatioStandard("prb", "PRB", -0.05, 0.05),
    RatioStandard("vei", "VEI", -10.0, 10.0),
)


def accuracy(price: Floats, estimate: Floats) -> Accuracy:
    """Compare estimates with prices, both in AUD and above zero, row by row.

    Raises:
        ValueError: lengths differ, or a price is not above zero.
    """
    import numpy as np

    actual = np.asarray(price, dtype="float64")
    guess = np.asarray(estimate, dtype="float64")
    if actual.shape != guess.shape:
        raise ValueError(f"{len(actual)} prices but {len(guess)} estimates")
    if len(actual) == 0:
        return Accuracy(0, *([math.nan] * 12))
    if not (actual > 0).all():
        raise ValueError("every price must be above zero")
    ratio = guess / actual
    # Rounded, so that 110 for 100 is within 10 %, whatever the last bit says.
    error_pct = np.round(np.abs(ratio - 1) * 100, 9)
    median = float(np.median(ratio))
    spread = float(((actual - actual.mean()) ** 2).sum())
    squared = float(((actual - guess) ** 2).sum())
    return Accuracy(
        n=len(actual),
        r2=1 - squared / spread if spread > 0 else math.nan,
        mae=float(np.abs(actual - guess).mean()),
        mdape=float(np.median(error_pct)),
        pe5=float((error_pct <= 5).mean() * 100),
        pe10=float((error_pct <= 10).mean() * 100),
        pe20=float((error_pct <= 20).mean() * 100),
        cod=float(np.abs(ratio - median).mean() / median * 100),
        prd=float(ratio.mean() / (guess.sum() / actual.sum())),
        median_ratio=median,
        prb=price_related_bias(actual, guess, median),
        vei=_vertical_equity(actual, guess, median),
        fsd=float(np.log(ratio).std() * 100),
    )


#: Strata of the vertical equity indicator by number of sales (IAAO, draft standard).
_STRATA = ((20, 2), (51, 4), (501, 10))


def _value_proxy(price: Floats, estimate: Floats, median: float) -> Floats:
    """Half price, half estimate at the market's level: neither's error decides."""
    return 0.5 * price + 0.5 * estimate / median


def price_related_bias(price: Floats, estimate: Floats, median: float) -> float:
    """Slope of the relative ratio on log2 of value; NaN where all are of one value."""
    import numpy as np

    value = np.log2(_value_proxy(price, estimate, median))
    value = value - value.mean()
    width = float((value**2).sum())
    relative = (estimate / price - median) / median
    return float((value * relative).sum()) / width if width > 1e-12 else math.nan


def _vertical_equity(price: Floats, estimate: Floats, median: float) -> float:
    import numpy as np

    strata = max((count for least, count in _STRATA if len(price) >= least), default=0)
    if not strata:
        return math.nan
    order = np.argsort(_value_proxy(price, estimate, median), kind="stable")
    parts = np.array_split((estimate / price)[order], strata)
    return float((np.median(parts[-1]) - np.median(parts[0])) / median * 100)


def later_share(dates: npt.NDArray[Any], share: float = 0.2) -> npt.NDArray[np.bool_]:
    """Mark the hold-out: every sale on or after a cut date, about ``share`` of rows.

    The cut never splits a date, so no sale is judged by another of its own day.
    Candidate cuts are the first of a month when there are months enough to choose
    from, else single dates; the one nearest to the share wins, the later of two.
    Nothing is held out (all False) when all sales fall on one date.
    """
    import numpy as np

    days = np.asarray(dates, dtype="datetime64[D]")
    held = np.zeros(len(days), dtype=bool)
    if len(days) < 2:
        return held
    ordered = np.sort(days)
    for cuts in (np.unique(ordered.astype("datetime64[M]")), np.unique(ordered)):
        starts = cuts[1:].astype("datetime64[D]")
        if len(starts) == 0:
            continue
        later = 1 - np.searchsorted(ordered, starts, side="left") / len(ordered)
        distance = np.abs(later - share)
        best = len(starts) - 1 - int(np.argmin(distance[::-1]))
        if share / 2 <= later[best] <= share * 1.75 or cuts.dtype == "datetime64[D]":
            return np.asarray(days >= starts[best], dtype=bool)
    return held


def coverage_pct(price: Floats, low: Floats, high: Floats) -> float:
    """Share of prices inside their interval, in percent; NaN for none."""
    import numpy as np

    if len(price) == 0:
        return math.nan
    return float(np.mean((low <= price) & (price <= high)) * 100)
