"""How sure an estimate is: conformal intervals scaled by a learned error size.

Residuals are natural logs of price / estimate on sales the estimating model has not
seen. How large they are is learned from what is known of a home (``spread_trees``, from
a thousand sales on) and by cell (dwelling type x price band x evidence, shrunk towards
all); one factor makes the interval cover the wanted share (split conformal,
cross-fitted). Raw quantile models measured far worse, so there are none here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ml.features import COLUMNS
from ml.spread_trees import SpreadTrees, cross_fitted, fit_trees

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

INTERVAL_PCT = 80
#: Intervals that are told of, in percent.
PCTS = (68, 80, 95)
#: Those told of beside the one that confidence is read from.
BESIDE = tuple(pct for pct in PCTS if pct != INTERVAL_PCT)
#: Half the width of a normal distribution's 80 % interval, in standard deviations.
NORMAL_80 = 1.2816
BANDS = 5
# Rows a cell needs before its own spread outweighs the general one.
SHRINKAGE_ROWS = 40.0
#: Sales from which on trees learn the spread.
LEAST_FOR_TREES = 1_000
# Without a hold-out nothing is known about errors: half to double.
UNKNOWN_SPREAD = math.log(2)
OWN_SALE = "last_price_indexed_log"
#: Sales of the suburb and type from which on a home has local ones to lean on.
_LOCAL_SALES = 5


@dataclass(frozen=True)
class IntervalModel:
    """Parameters of the interval.

    ``spread`` is the mean absolute log residual over all, ``cells`` by type and cell;
    with ``trees``, of the residual divided by what these expect. ``factor`` multiplies
    it, ``edges`` are log-AUD borders of the price bands, ``rows`` the sales it was
    calibrated on; ``own_sale`` tells whether the model looks at a property's own last
    sale, so that having one makes an estimate surer.
    """

    pct: int
    factor: float
    spread: float
    edges: tuple[float, ...]
    cells: dict[str, float]
    rows: int
    own_sale: bool = True
    trees: SpreadTrees | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON form, stored beside the model."""
        values = asdict(self) | {"trees": None}
        if self.trees is not None:
            values["trees"] = self.trees.as_dict()
        return values

    @staticmethod
    def from_dict(values: dict[str, Any]) -> IntervalModel:
        """Inverse of :meth:`as_dict`."""
        trees = values.get("trees")
        return IntervalModel(
            **(
                values
                | {
                    "edges": tuple(values["edges"]),
                    "trees": None if trees is None else SpreadTrees.from_dict(trees),
                }
            )
        )

    def half_width(self, frame: pd.DataFrame, estimate: Floats) -> Floats:
        """Half width of the interval in log AUD for each row of model inputs."""
        cells = _cells(frame, estimate, self.edges, self.own_sale)
        half = self._of_cells(*cells)
        return (
            half if self.trees is None else half * self.trees.predict(frame, estimate)
        )

    def half_width_of(
        self, homes: Sequence[Mapping[str, Any]], estimate: Floats
    ) -> Floats:
        """The same, to the bit, of mappings by column, in which None is missing."""
        cells = _cells_of(homes, estimate, self.edges, self.own_sale)
        half = self._of_cells(*cells)
        if self.trees is None:
            return half
        return half * self.trees.predict_homes(homes, estimate)

    def _of_cells(self, codes: npt.NDArray[np.int64], names: list[str]) -> Floats:
        import numpy as np

        spreads = np.array(
            [
                self.cells.get(name, self.cells.get(name.split("|")[0], self.spread))
                for name in names
            ]
        )
        return np.asarray(spreads[codes] * self.factor, dtype="float64")

    def bounds(self, frame: pd.DataFrame, estimate: Floats) -> tuple[Floats, Floats]:
        """Low and high in AUD for each row of model inputs."""
        import numpy as np

        half = self.half_width(frame, estimate)
        return estimate * np.exp(-half), estimate * np.exp(half)


def fit_intervals(
    frame: pd.DataFrame,
    price: Floats,
    estimate: Floats,
    columns: Sequence[str] = COLUMNS,
    pcts: Sequence[int] = PCTS,
) -> dict[int, IntervalModel]:
    """Calibrate on sales (model inputs, price and estimate in AUD) not trained on.

    By percent. ``columns`` are those the estimating model uses: a home that knows
    others is no surer for it.
    """
    import numpy as np

    n, own_sale = len(price), OWN_SALE in columns
    if n == 0:
        return {
            pct: IntervalModel(pct, 1.0, UNKNOWN_SPREAD, (), {}, 0, own_sale)
            for pct in pcts
        }
    residual = np.abs(np.log(price / estimate))
    trees: SpreadTrees | None = None
    if n >= LEAST_FOR_TREES:
        trees = fit_trees(frame, estimate, residual, columns)
        residual = residual / cross_fitted(frame, estimate, residual, columns)
    spread = max(float(residual.mean()), 1e-4)
    edges, cells, expected = _fit_cells(frame, estimate, residual, own_sale=own_sale)
    scores = np.sort(residual / expected)
    found: dict[int, IntervalModel] = {}
    for pct in pcts:
        rank = min(n, math.ceil((n + 1) * pct / 100))
        factor = float(scores[rank - 1])
        found[pct] = IntervalModel(
            pct, factor, spread, edges, cells, n, own_sale, trees
        )
    return found


def fsd_ratio(models: Mapping[int, IntervalModel]) -> float:
    """Forecast standard deviation to half the 80 % interval's width, both in log.

    One FSD is half the width of the 68 % interval. That of a normal error where the
    intervals were calibrated on nothing.
    """
    wide, narrow = models[INTERVAL_PCT], models[68]
    return narrow.factor / wide.factor if wide.rows else 1 / NORMAL_80


def _fit_cells(
    frame: pd.DataFrame, estimate: Floats, residual: Floats, *, own_sale: bool
) -> tuple[tuple[float, ...], dict[str, float], Floats]:
    """Price bands, the mean residual of each cell by name, and of each row's cell."""
    import numpy as np

    n, spread = len(residual), max(float(residual.mean()), 1e-4)
    # Quantiles of few rows are noise: one band for every 100 sales, five at most.
    bands = max(1, min(BANDS, n // 100))
    inner = np.linspace(0, 1, bands + 1)[1:-1]
    edges = tuple(float(e) for e in np.quantile(np.log(estimate), inner))
    codes, names = _cells(frame, estimate, edges, own_sale)
    kinds = [name.split("|")[0] for name in names]
    order = sorted(set(kinds))
    of_kind = np.array([order.index(kind) for kind in kinds])
    # A thin cell leans on its dwelling type, a thin type on all.
    by_kind = _shrunk(residual, of_kind[codes], np.full(len(order), spread))
    by_cell = _shrunk(residual, codes, by_kind[of_kind])
    named = [*zip(order, by_kind, strict=True), *zip(names, by_cell, strict=True)]
    cells = {name: round(float(value), 6) for name, value in named}
    return edges, cells, by_cell[codes]


def _shrunk(residual: Floats, codes: npt.NDArray[np.int64], towards: Floats) -> Floats:
    """Mean residual of each code, pulled towards a prior worth SHRINKAGE_ROWS rows."""
    import numpy as np

    counts = np.bincount(codes, minlength=len(towards))
    sums = np.bincount(codes, weights=residual, minlength=len(towards))
    pulled = (sums + SHRINKAGE_ROWS * towards) / (counts + SHRINKAGE_ROWS)
    return np.asarray(pulled, dtype="float64")


def stretched(
    estimate: Floats, half: Floats, model: IntervalModel, factor: float
) -> tuple[Floats, Floats]:
    """Low and high (AUD) of another interval than the model's own, by its factor.

    ``half`` is the half width (log) of the model's own for each estimate (AUD).
    """
    import numpy as np

    reach = np.exp(half * factor / model.factor)
    return estimate / reach, estimate * reach


def width_pct(low: Floats, high: Floats, estimate: Floats) -> float:
    """Mean width in percent of the estimate; NaN for none."""
    import numpy as np

    if len(estimate) == 0:
        return math.nan
    return float(np.mean((high - low) / estimate) * 100)


def confidence(low: Floats, high: Floats, estimate: Floats) -> Floats:
    """0..1: one less the half width relative to the estimate, within 0.05 and 0.99.

    0.85 reads: the 80 % interval reaches about 15 % to either side.
    """
    import numpy as np

    relative = (high - low) / (2 * estimate)
    return np.asarray(np.clip(1 - relative, 0.05, 0.99), dtype="float64")


def _cells(
    frame: pd.DataFrame, estimate: Floats, edges: tuple[float, ...], own_sale: bool
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Cell code of each row and the cells' names ('house|2|own_sale')."""
    import pandas as pd

    types, type_names = pd.factorize(frame["dwelling_type"].fillna("other"), sort=True)
    own = frame[OWN_SALE].notna().to_numpy() & own_sale
    local = (frame["suburb_type_sales_12m"].fillna(0) >= _LOCAL_SALES).to_numpy()
    return _numbered(types, type_names.tolist(), own, local, estimate, edges)


def _cells_of(
    homes: Sequence[Mapping[str, Any]],
    estimate: Floats,
    edges: tuple[float, ...],
    own_sale: bool,
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The same of mappings by column."""
    import numpy as np

    kinds = [home["dwelling_type"] or "other" for home in homes]
    type_names = sorted(set(kinds))
    types = np.array([type_names.index(kind) for kind in kinds])
    own = np.array([home[OWN_SALE] is not None and own_sale for home in homes])
    sales = [home["suburb_type_sales_12m"] or 0 for home in homes]
    local = np.array(sales) >= _LOCAL_SALES
    return _numbered(types, type_names, own, local, estimate, edges)


def _numbered(
    types: npt.NDArray[np.intp],
    type_names: Sequence[str],
    own: npt.NDArray[np.bool_],
    local: npt.NDArray[np.bool_],
    estimate: Floats,
    edges: tuple[float, ...],
) -> tuple[npt.NDArray[np.int64], list[str]]:
    import numpy as np

    band = np.searchsorted(np.asarray(edges), np.log(estimate), side="right")
    evidence = np.where(own, 0, np.where(local, 1, 2))
    bands = len(edges) + 1
    combined = (types * bands + band) * 3 + evidence
    unique, codes = np.unique(combined, return_inverse=True)
    labels = ("own_sale", "local_sales", "thin")
    names = [
        f"{type_names[c // (3 * bands)]}|{c // 3 % bands}|{labels[c % 3]}"
        for c in unique.tolist()
    ]
    return np.asarray(codes, dtype="int64"), names
