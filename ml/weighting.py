"""How much each sale weighs in the next training: more where promises were broken.

A valuation promises of its intervals how many prices they miss: 32, 20 and 5 of 100.
Later sales of a cell (state, dwelling type, size of the suburb) that are missed more
often than that say that the model knows the cell less well than it believes. Its sales
weigh more in the next training: by that ratio, drawn towards its market's and that
towards all until enough was seen, within bounds, at a mean of 1. A cell that keeps its
promise is left as it is. What is told is how often a cell was missed, never which way.

Here: from counts to weights. Elsewhere: the counts (``feedback.broken_promises``), who
learns with weights (``candidates``).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml import features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

LEAST, MOST = 0.5, 2.0
#: Promised misses a cell must have before its own ratio outweighs its market's: those
#: of 35 sales with three intervals each.
SHRINKAGE_MISSES = 20.0
#: Smallest number of sales learnt from of suburbs of a size.
SIZES = (("large", 100), ("middling", 20), ("small", 0))


@dataclass(frozen=True)
class Seen:
    """What later sales of a suburb and dwelling type ("" for unknown) found.

    ``missed`` are intervals that did not hold the price, ``promised`` how many were
    meant not to.
    """

    state: str
    dwelling_type: str
    locality: str
    sales: int
    missed: int
    promised: float


@dataclass(frozen=True)
class FeedbackWeights:
    """What feedback is to change, as part of a training's policy.

    ``share`` of the correction is taken, 0: none. ``cells`` are weights by
    "state|dwelling type|size of the suburb", empty where nothing says that any cell is
    worse than another; ``sales`` later sales said so.
    """

    share: float = 0.0
    cells: tuple[tuple[str, float], ...] = ()
    sales: int = 0

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> FeedbackWeights:
        """Inverse of the JSON form that ``dataclasses.asdict`` gives."""
        cells = tuple((str(name), float(w)) for name, w in values.get("cells", ()))
        return FeedbackWeights(
            float(values.get("share", 0.0)), cells, int(values.get("sales", 0))
        )

    def of(self, inputs: pd.DataFrame, sold: npt.NDArray[np.bool_]) -> Floats | None:
        """Weight of each row of model inputs, mean 1; None where all weigh the same.

        ``sold`` marks rows that are sales: they tell how large a suburb is.
        """
        import numpy as np

        if not self.cells:
            return None
        weights = dict(self.cells)
        return np.array([weights[name] for name in cells_of(inputs, sold)])

    @property
    def told(self) -> str:
        """In words, as a run's parameter."""
        if not self.cells:
            return "all weigh the same"
        found = [weight for _, weight in self.cells]
        return (
            f"{min(found):.2f} to {max(found):.2f} in {len(found)} cells, by "
            f"{self.sales:,} later sales"
        )


def cells_of(inputs: pd.DataFrame, sold: npt.NDArray[np.bool_]) -> list[str]:
    """Cell of each row of model inputs; an unknown suburb is a small one."""
    counts = inputs["locality"][sold].value_counts().to_dict()
    rows = zip(
        inputs["state"].fillna(""),
        features.dwelling_types(inputs),
        inputs["locality"],
        strict=True,
    )
    return [_cell(state, kind, counts.get(place, 0)) for state, kind, place in rows]


def _cell(state: str, dwelling_type: str, suburb_sales: int) -> str:
    size = next(name for name, least in SIZES if suburb_sales >= least)
    return f"{state}|{dwelling_type}|{size}"


def weigh(
    inputs: pd.DataFrame,
    sold: npt.NDArray[np.bool_],
    seen: Sequence[Seen],
    share: float,
) -> FeedbackWeights:
    """The weights of these rows to be learnt from, by what later sales found."""
    sales = sum(one.sales for one in seen)
    if share <= 0 or sales == 0 or len(inputs) == 0:
        return FeedbackWeights(share)
    learnt = Counter(cells_of(inputs, sold))
    counts = inputs["locality"][sold].value_counts().to_dict()
    found = _ratios(
        learnt,
        (
            (_cell(one.state, one.dwelling_type, counts.get(one.locality, 0)), one)
            for one in seen
        ),
    )
    wanted = {name: 1 + share * (max(1.0, found[name]) - 1) for name in sorted(learnt)}
    if max(wanted.values()) - min(wanted.values()) < 1e-9:
        return FeedbackWeights(share, (), sales)
    scale = _scale(wanted, learnt)
    cells = tuple((name, _bounded(raw * scale)) for name, raw in wanted.items())
    return FeedbackWeights(share, cells, sales)


def _ratios(names: Iterable[str], seen: Iterable[tuple[str, Seen]]) -> dict[str, float]:
    """Intervals missed by those meant to be, of each cell, shrunk."""
    missed: Counter[str] = Counter()
    promised: dict[str, float] = {}
    for cell, one in seen:
        for level in ("", _market(cell), cell):
            missed[level] += one.missed
            promised[level] = promised.get(level, 0.0) + one.promised

    def ratio(level: str, towards: float) -> float:
        held = SHRINKAGE_MISSES
        return (missed[level] + held * towards) / (promised.get(level, 0.0) + held)

    everywhere = ratio("", 1.0)
    return {name: ratio(name, ratio(_market(name), everywhere)) for name in names}


def _market(cell: str) -> str:
    return cell.rpartition("|")[0]


def _bounded(weight: float) -> float:
    return min(MOST, max(LEAST, weight))


def _scale(wanted: Mapping[str, float], rows: Mapping[str, int]) -> float:
    """What brings the mean weight of the rows to 1, with bounds kept."""
    count = sum(rows.values())

    def mean(scale: float) -> float:
        return sum(_bounded(wanted[n] * scale) * rows[n] for n in wanted) / count

    low, high = LEAST / max(wanted.values()), MOST / min(wanted.values())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) < 1 else (low, middle)
    return high


def evidence_name(seen: Sequence[Seen], share: float) -> str:
    """Names what weights follow from: equal where they would be."""
    if share <= 0 or not seen:
        return "none"
    text = repr((share, sorted(map(repr, seen))))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
