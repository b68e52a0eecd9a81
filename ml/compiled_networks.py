"""Fitted networks (and linear regressions) as few matrix products.

Imputing, scaling, weights and one-hot columns are linear: they are folded into the
first layer, all members' first layers are one product, and a one-hot column is a row of
a table. Rows are worked on in blocks of one size, so that a row's estimate has the same
bits alone as among millions: a BLAS sums in an order that follows from the shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml.compiled_inputs import (
    Columns,
    Rows,
    Uncompilable,
    encoded,
    fitted,
    is_log,
    one_hot,
)
from ml.features import CATEGORIES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

#: Rows of a block: a multiple of every width that processors' kernels have.
BLOCK = 96
_LEARNERS = ("MLPRegressor", "LinearRegression")
_NEARNESS = ["SimpleImputer", "StandardScaler", "Nystroem", "StandardScaler"]


@dataclass(frozen=True)
class Nearness:
    """What nearness to landmarks adds to a first layer.

    ``columns`` are two coordinates, imputed by ``without``; ``landmarks`` (landmarks,
    2) lie in coordinates less ``centre`` and by ``scale``; ``values`` (landmarks,
    units) are what exp(-gamma x squared distance) is weighed by.
    """

    columns: tuple[int, ...]
    without: Floats
    centre: Floats
    scale: Floats
    landmarks: Floats
    gamma: float
    values: Floats

    def added(self, places: Floats) -> Floats:
        """Of places (n, 2) in degrees, NaN for missing; (n, units)."""
        import numpy as np

        known = np.where(np.isnan(places), self.without, places)
        scaled = (known - self.centre) / self.scale
        squares = np.square(scaled[:, :1] - self.landmarks[:, 0])
        squares += np.square(scaled[:, 1:] - self.landmarks[:, 1])
        squares *= -self.gamma
        found: Floats = np.exp(squares, out=squares) @ self.values
        return found


@dataclass
class First:
    """A member's first layer: what a column's value, its absence, a code add.

    ``present`` and ``absent`` by column (units,), ``coded`` by category (codes, units),
    ``near`` of places.
    """

    constant: Floats
    present: dict[int, Floats]
    absent: dict[int, Floats]
    coded: dict[str, Floats]
    near: list[Nearness] = field(default_factory=list)

    def number(self, column: int, slope: Floats, at: Floats, without: Floats) -> None:
        """A column adds slope * value + at, or ``without`` where it is missing."""
        self.constant = self.constant + at
        self.present[column] = self.present.get(column, 0.0) + slope
        self.absent[column] = self.absent.get(column, 0.0) + (without - at)

    def code(self, name: str, added: Floats) -> None:
        """A category adds a row of the table (codes, units)."""
        self.coded[name] = self.coded[name] + added if name in self.coded else added


@dataclass(frozen=True)
class Networks:
    """Members side by side; ``later`` has each member's other layers.

    ``values`` (used columns, units) and ``gaps`` (columns that can miss, units) weigh
    the first layer's inputs; ``widths`` are the members' units in it, ``near`` what
    nearness adds to each.
    """

    used: npt.NDArray[np.intp]
    missable: npt.NDArray[np.intp]
    values: Floats
    gaps: Floats
    constant: Floats
    coded: tuple[tuple[int, Floats], ...]
    widths: tuple[int, ...]
    near: tuple[tuple[Nearness, ...], ...]
    later: tuple[tuple[tuple[Floats, Floats], ...], ...]

    def predict(self, columns: Floats, rows: Rows) -> list[Floats]:
        """Each member's answers to rows whose number is a multiple of the block."""
        import numpy as np

        n = columns.shape[1]
        numbers = np.ascontiguousarray(columns[self.used].T)
        gaps = np.isnan(numbers)
        numbers[gaps] = 0
        absent = np.ascontiguousarray(gaps[:, self.missable], dtype="float64")
        codes = [np.ascontiguousarray(rows.codes[:, at]) for at, _ in self.coded]
        places = {
            near.columns: np.ascontiguousarray(columns[list(near.columns)].T)
            for mine in self.near
            for near in mine
        }
        answers = [np.empty(n) for _ in self.widths]
        for first in range(0, n, BLOCK):
            part = slice(first, first + BLOCK)
            layer = numbers[part] @ self.values
            layer += absent[part] @ self.gaps
            layer += self.constant
            for (_, table), code in zip(self.coded, codes, strict=True):
                layer += table[code[part]]
            begin = 0
            for answer, width, mine, layers in zip(
                answers, self.widths, self.near, self.later, strict=True
            ):
                value = np.ascontiguousarray(layer[:, begin : begin + width])
                begin += width
                for near in mine:
                    value += near.added(places[near.columns][part])
                for weights, bias in layers:
                    np.maximum(value, 0, out=value)
                    value = value @ weights
                    value += bias
                answer[part] = value[:, 0]
        return answers


def compile_networks(
    members: Sequence[tuple[Any, Any]], columns: Columns
) -> Networks | None:
    """Of fitted (ColumnTransformer, learner) pairs; None of none.

    Raises:
        Uncompilable: a transformer or an activation that is not known here.
    """
    import numpy as np

    if not members:
        return None
    layers = [_layers(learner) for _, learner in members]
    firsts = [
        _first(transformer, weights[0], columns)
        for (transformer, _), weights in zip(members, layers, strict=True)
    ]
    widths = tuple(weights[0][1].size for weights in layers)
    used = sorted({column for first in firsts for column in first.present})
    missable = [
        at
        for at, column in enumerate(used)
        if any(np.any(first.absent.get(column, 0.0)) for first in firsts)
    ]
    names = [
        name for name in CATEGORIES if any(name in first.coded for first in firsts)
    ]

    def beside(kind: str, key: Any, shape: tuple[int, ...]) -> Floats:
        found = [
            np.broadcast_to(getattr(first, kind).get(key, 0.0), (*shape, width))
            for first, width in zip(firsts, widths, strict=True)
        ]
        return np.concatenate(found, axis=-1)

    size = columns.vocabulary.size
    return Networks(
        used=np.array(used, dtype=np.intp),
        missable=np.array(missable, dtype=np.intp),
        values=np.array([beside("present", column, ()) for column in used]),
        gaps=np.array([beside("absent", used[at], ()) for at in missable]).reshape(
            len(missable), sum(widths)
        ),
        constant=np.concatenate([first.constant for first in firsts]),
        coded=tuple(
            (CATEGORIES.index(name), beside("coded", name, (size(name),)))
            for name in names
        ),
        widths=widths,
        near=tuple(tuple(first.near) for first in firsts),
        later=tuple(tuple(weights[1:]) for weights in layers),
    )


def _layers(learner: Any) -> list[tuple[Floats, Floats]]:
    """Weights (inputs, units) and biases of each layer, the last of one unit."""
    import numpy as np

    kind = type(learner).__name__
    if kind == "LinearRegression":
        bias = np.atleast_1d(np.asarray(learner.intercept_, dtype="float64"))
        return [(np.asarray(learner.coef_, dtype="float64").reshape(-1, 1), bias)]
    if kind != "MLPRegressor":
        raise Uncompilable(f"a {kind} after scaled columns")
    if learner.activation != "relu" or learner.out_activation_ != "identity":
        raise Uncompilable(f"a network of {learner.activation}")
    return [
        (np.ascontiguousarray(weights), np.asarray(bias))
        for weights, bias in zip(learner.coefs_, learner.intercepts_, strict=True)
    ]


def _first(transformer: Any, layer: tuple[Floats, Floats], columns: Columns) -> First:
    """The first layer upon raw columns in the place of transformed ones."""
    weights, bias = layer
    made = First(bias.astype("float64"), {}, {}, {})
    row = 0
    for steps, names, weight in fitted(transformer):
        kinds = [type(step).__name__ for step in steps]
        if kinds == ["OneHotEncoder"]:
            base, added = one_hot(steps[0], names, columns.vocabulary)
            mine = weights[row : row + len(base)] * weight
            made.constant = made.constant + base @ mine
            for name, codes in added.items():
                made.code(name, codes @ mine)
            row += len(base)
        elif kinds == ["TargetEncoder", "StandardScaler"]:
            mine = weights[row : row + len(names)] * weight
            tables = encoded(steps[0], names, columns.vocabulary)
            for at, name in enumerate(names):
                centre, scale = steps[1].mean_[at], steps[1].scale_[at]
                slope = mine[at] / scale
                column = columns.table(name, tables[name])
                made.number(column, slope, -centre * slope, 0.0 * slope)
            row += len(names)
        elif kinds == _NEARNESS:
            pair = tuple(columns.number(name) for name in names)
            near, inputs, base = _nearness(pair, steps, weights[row:] * weight)
            made.near.append(near)
            made.constant = made.constant + base
            row += inputs
        elif kinds[-2:] == ["SimpleImputer", "StandardScaler"]:
            logs = [is_log(step) for step in steps[:-2]]
            sources = [columns.number(name, log=any(logs)) for name in names]
            row += _numbers(made, sources, steps[-2:], weights[row:] * weight)
        else:
            raise Uncompilable(f"columns made by {' and '.join(kinds)}")
    if row != len(weights):
        raise Uncompilable("a layer of more inputs than its columns make")
    return made


def _nearness(
    sources: tuple[int, ...], steps: Sequence[Any], weights: Floats
) -> tuple[Nearness, int, Floats]:
    """Whitened and scaled nearness; how many inputs, and what they add always."""
    import numpy as np

    imputer, scaler, kernels, last = steps
    landmarks = np.asarray(kernels.components_, dtype="float64")
    if kernels.kernel != "rbf" or len(sources) != 2 or imputer.indicator_ is not None:
        raise Uncompilable(f"nearness by {kernels.kernel} of {len(sources)} columns")
    mine = weights[: len(landmarks)] / last.scale_[:, np.newaxis]
    near = Nearness(
        columns=sources,
        without=imputer.statistics_,
        centre=scaler.mean_,
        scale=scaler.scale_,
        landmarks=landmarks,
        gamma=float(kernels.gamma),
        values=np.ascontiguousarray(kernels.normalization_.T @ mine),
    )
    return near, len(landmarks), -last.mean_ @ mine


def _numbers(
    made: First, sources: Sequence[int], steps: Sequence[Any], weights: Floats
) -> int:
    """Imputed and scaled numbers, then marks of what is missing; how many inputs."""
    import numpy as np

    imputer, scaler = steps
    if np.isnan(imputer.statistics_).any() or len(sources) != len(imputer.statistics_):
        raise Uncompilable("a column that has nothing to impute")
    marked = [] if imputer.indicator_ is None else imputer.indicator_.features_.tolist()
    inputs = len(sources) + len(marked)
    if scaler.mean_ is None or scaler.scale_ is None or len(scaler.mean_) != inputs:
        raise Uncompilable("numbers that are scaled in another way")
    for at, source in enumerate(sources):
        slope = weights[at] / scaler.scale_[at]
        centre = -scaler.mean_[at] * slope
        without = imputer.statistics_[at] * slope + centre
        made.number(source, slope, centre, without)
    for place, at in enumerate(marked, len(sources)):
        slope = weights[place] / scaler.scale_[place]
        made.number(
            sources[at],
            0.0 * slope,
            -scaler.mean_[place] * slope,
            (1 - scaler.mean_[place]) * slope,
        )
    return inputs
