"""How large a model's error will be, learned from what is known of a home.

Small gradient-boosted trees on the log of the absolute residual. They are kept as plain
numbers beside the model they speak of, so that reading them takes neither scikit-learn
nor trust in a file's code.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ml.features import NOT_OF_THE_HOME, NUMBERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ml.compiled_trees import Forest

    Floats = npt.NDArray[np.float64]

_LEVEL = "suburb_type_log_price_12m"
_TYPES = ("house", "townhouse", "unit", "land")
#: Below every value there is: missing is a class of its own.
_MISSING = -1e6
#: Added to a residual before its log: nobody hits a price to the dollar.
_FLOOR = 0.01
_FOLDS = 5
#: The latest sales to learn from: more teach the same, slowly.
_MOST_ROWS = 20_000
_TREES, _DEPTH, _RATE, _LEAST_LEAF = 80, 3, 0.05, 40
# Columns of the table of nodes.
_FEATURE, _THRESHOLD, _LEFT, _RIGHT, _VALUE = range(5)


@dataclass(frozen=True)
class SpreadTrees:
    """Trees in one table of nodes.

    ``columns`` are the model inputs looked at; ``roots`` the first node of each tree;
    ``nodes`` (n, 5) float32: feature (-1 in a leaf), threshold, left and right node,
    the leaf's share. Their sum and ``base`` is the log of the expected residual.
    """

    columns: tuple[str, ...]
    base: float
    roots: tuple[int, ...]
    nodes: npt.NDArray[np.float32]

    def predict(self, frame: pd.DataFrame, estimate: Floats) -> Floats:
        """Expected absolute log residual of each row of model inputs."""
        return self._expected(_inputs(frame, estimate, self.columns))

    def predict_homes(
        self, homes: Sequence[Mapping[str, Any]], estimate: Floats
    ) -> Floats:
        """The same, to the bit, of mappings by column, in which None is missing."""
        import numpy as np

        numbers = [[home[name] for name in self.columns] for home in homes]
        codes = dict(zip(_TYPES, range(len(_TYPES)), strict=True))
        kinds = [codes.get(home["dwelling_type"], np.nan) for home in homes]
        levels = [home.get(_LEVEL) for home in homes]
        return self._expected(
            _table(
                np.array(numbers, dtype="float64"),
                np.array(kinds, dtype="float64"),
                np.array(levels, dtype="float64"),
                estimate,
            )
        )

    def _expected(self, table: npt.NDArray[np.float32]) -> Floats:
        import numpy as np

        # Of one run: what is the same for some of them is not known here.
        columns = np.ascontiguousarray(table.T, dtype="float64")
        total = self._forest.predict(columns, np.zeros(len(table), dtype=np.intp))
        return np.exp(total)

    @cached_property
    def _forest(self) -> Forest:
        """The same trees, to be asked."""
        import numpy as np

        from ml.compiled_trees import Coding, Forest

        nodes = self.nodes
        feature = nodes[:, _FEATURE].astype(np.intp)
        leaf = feature < 0
        inner = ~leaf
        number = np.where(leaf, -leaf.cumsum(), inner.cumsum() - 1)
        made = np.zeros((int(inner.sum()), 4), dtype=np.int32)
        for at, side in enumerate((_LEFT, _RIGHT), 2):
            made[:, at] = number[nodes[inner, side].astype(np.intp)]
        rows: list[tuple[int, npt.NDArray[np.floating], bool]] = []
        for coded, column in enumerate(np.unique(feature[inner]).tolist()):
            splits = np.flatnonzero(feature == column)
            limits = nodes[splits, _THRESHOLD]
            thresholds = np.unique(limits)
            made[number[splits], 0] = coded
            made[number[splits], 1] = np.searchsorted(thresholds, limits) + 1
            rows.append((column, thresholds, False))
        return Forest(
            baseline=self.base,
            coding=Coding.of(rows),
            nodes=made,
            sets=np.zeros((0, 1), dtype=bool),
            leaves=nodes[leaf, _VALUE].astype("float64"),
            roots=number[list(self.roots)].astype(np.int32),
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON form; nodes as base64 of little-endian float32."""
        return {
            "columns": list(self.columns),
            "base": self.base,
            "roots": list(self.roots),
            "nodes": base64.b64encode(self.nodes.astype("<f4").tobytes()).decode(),
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> SpreadTrees:
        """Inverse of :meth:`as_dict`."""
        import numpy as np

        nodes = np.frombuffer(base64.b64decode(values["nodes"]), "<f4")
        return SpreadTrees(
            tuple(values["columns"]),
            float(values["base"]),
            tuple(values["roots"]),
            nodes.reshape(-1, 5).astype("float32"),
        )

    def __eq__(self, other: object) -> bool:
        """Equal numbers, whatever array holds them."""
        return isinstance(other, SpreadTrees) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        """By what is told of the trees."""
        return hash((self.columns, self.base, self.roots))


def fit_trees(
    frame: pd.DataFrame, estimate: Floats, residual: Floats, columns: Sequence[str]
) -> SpreadTrees:
    """Learn from model inputs, estimates (AUD) and absolute log residuals.

    Of ``columns`` those are used that are numbers. The newest rows are last.
    """
    import numpy as np
    from sklearn.ensemble import GradientBoostingRegressor

    wanted = set(columns).intersection(frame) - NOT_OF_THE_HOME
    used = tuple(column for column in NUMBERS if column in wanted)
    newest = slice(max(0, len(frame) - _MOST_ROWS), None)
    table = _inputs(frame.iloc[newest], estimate[newest], used)
    booster = GradientBoostingRegressor(
        n_estimators=_TREES,
        learning_rate=_RATE,
        max_depth=_DEPTH,
        min_samples_leaf=_LEAST_LEAF,
        subsample=0.7,
        max_features=0.5,
        random_state=0,
    )
    booster.fit(table, np.log(residual[newest] + _FLOOR))
    parts: list[npt.NDArray[np.float32]] = []
    roots: list[int] = []
    for (grown,) in booster.estimators_:
        tree, at = grown.tree_, sum(len(part) for part in parts)
        roots.append(at)
        leaf = tree.children_left < 0
        part = np.zeros((tree.node_count, 5), dtype="float32")
        part[:, _FEATURE] = np.where(leaf, -1, tree.feature)
        # A float32 may round up past the value that was to go right.
        threshold = tree.threshold.astype("float32")
        above = threshold > tree.threshold
        part[:, _THRESHOLD] = np.where(
            above, np.nextafter(threshold, np.float32(-np.inf)), threshold
        )
        part[:, _LEFT] = np.where(leaf, 0, tree.children_left + at)
        part[:, _RIGHT] = np.where(leaf, 0, tree.children_right + at)
        part[:, _VALUE] = np.where(leaf, tree.value[:, 0, 0] * _RATE, 0)
        parts.append(part)
    base = float(np.ravel(booster.init_.constant_)[0])
    return SpreadTrees(used, base, tuple(roots), np.concatenate(parts))


def cross_fitted(
    frame: pd.DataFrame, estimate: Floats, residual: Floats, columns: Sequence[str]
) -> Floats:
    """Expected residual of each row by trees that have not seen it.

    Every fifth row is a fold: rows lie in the order of time, so that each fold has all
    of it.
    """
    import numpy as np

    expected = np.empty(len(frame))
    fold = np.arange(len(frame)) % _FOLDS
    for number in range(_FOLDS):
        out = fold == number
        trees = fit_trees(frame[~out], estimate[~out], residual[~out], columns)
        expected[out] = trees.predict(frame[out], estimate[out])
    return expected


def _inputs(
    frame: pd.DataFrame, estimate: Floats, columns: Sequence[str]
) -> npt.NDArray[np.float32]:
    """What trees look at; (n, columns + 4) float32 without missing values.

    Numbers, how many are missing, the type, the estimate, its distance from the level
    of the suburb.
    """
    import numpy as np

    numbers = frame[list(columns)].to_numpy(dtype="float64")
    # (Tables of a test may lack it.)
    found = frame.get(_LEVEL)
    level = np.full(len(frame), np.nan) if found is None else found.to_numpy("float64")
    codes = {name: float(at) for at, name in enumerate(_TYPES)}
    kind = np.asarray(frame["dwelling_type"].map(codes).to_numpy(), dtype="float64")
    return _table(numbers, kind, level, estimate)


def _table(
    numbers: Floats, kind: Floats, level: Floats, estimate: Floats
) -> npt.NDArray[np.float32]:
    import numpy as np

    log, missing = np.log(estimate), np.isnan(numbers).sum(axis=1)
    table = np.column_stack([numbers, missing, kind, log, log - level])
    return np.nan_to_num(table, nan=_MISSING).astype("float32")
