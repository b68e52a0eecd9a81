"""A fitted model in a form that values one home, or millions, the same way and fast.

Compiled once when a model is loaded: preprocessing that all members share, boosting as
splits upon codes, networks as few products. Believed only where it says what the model
itself says, on rows made to be difficult; a member, or a model, of an unknown kind is
asked as it is. Training, batch and single estimates all come from here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.compiled_inputs import (
    Columns,
    Rows,
    Uncompilable,
    Vocabulary,
    encoded,
    fitted,
    parts,
)
from ml.compiled_inputs import vocabulary as vocabulary_of
from ml.compiled_networks import BLOCK, Networks, compile_networks
from ml.compiled_trees import Forest, compile_forest
from ml.features import CATEGORIES, NUMBERS
from ml.threads import limited

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.intp]

_log = logging.getLogger(__name__)

#: How far, relative to the model's own estimate, a compiled one may lie.
TOLERANCE = 1e-9
_CHECKED_ROWS = 64
_SUBURB, _TYPE, _POSTCODE = (
    CATEGORIES.index(name) for name in ("locality", "dwelling_type", "postcode")
)
_MONTH, _LAND = NUMBERS.index("month_index"), NUMBERS.index("land_area_m2")
#: Rows worked on at once: a multiple of the block, of few megabytes.
_AT_ONCE = BLOCK * 170


@dataclass(frozen=True)
class CompiledModel:
    """What a fitted model is made of; ``predict`` answers as the model does.

    ``others`` are members without a compiled form; ``transformer`` turns the members'
    mean into AUD; where that is the log and a scale, ``scale`` is what it is multiplied
    with and what is added.
    """

    vocabulary: Vocabulary
    columns: Columns
    forests: tuple[Forest, ...]
    networks: Networks | None
    others: tuple[Any, ...]
    transformer: Any
    scale: tuple[float, float] | None = None

    def predict(self, inputs: pd.DataFrame) -> Floats:
        """Estimates (AUD) of rows of model inputs."""
        return self.estimate(self.vocabulary.rows(inputs))

    def rows(self, inputs: pd.DataFrame) -> Rows:
        """Rows of a frame of model inputs, to be estimated."""
        return self.vocabulary.rows(inputs)

    def rows_of(self, homes: Sequence[Mapping[str, Any]]) -> Rows:
        """Rows of mappings by column (None is missing), to be estimated."""
        return self.vocabulary.rows_of(homes)

    def estimate(self, rows: Rows) -> Floats:
        """Estimates (AUD); the same bits for a row whatever rows are beside it."""
        import numpy as np

        n = len(rows)
        if n == 0:
            return np.empty(0)
        order, runs = _neighbours(rows)
        found = np.empty(n)
        for first in range(0, n, _AT_ONCE):
            at = order[first : first + _AT_ONCE]
            # Whole blocks: rows fill up the last one again.
            whole = at[np.minimum(np.arange(-(-len(at) // BLOCK) * BLOCK), len(at) - 1)]
            padded = Rows(rows.codes[whole], rows.numbers[whole], rows.source)
            log = self._sum(padded, len(at), runs[first : first + _AT_ONCE])
            for member in self.others:
                log += np.asarray(member.predict(rows.frame.iloc[whole]))
            log /= len(self.forests) + len(self.others) + self._networks
            found[at] = self._dollars(log)[: len(at)]
        return found

    def _dollars(self, log: Floats) -> Floats:
        """What the transformer makes of the members' mean."""
        import numpy as np

        if self.scale is not None:
            # The same steps, without looking at what they are given.
            spread, mean = self.scale
            log *= spread
            log += mean
            return np.exp(log)
        dollars = self.transformer.inverse_transform(log.reshape(-1, 1))
        return np.asarray(dollars, dtype="float64")[:, 0]

    @property
    def _networks(self) -> int:
        return 0 if self.networks is None else len(self.networks.widths)

    def _sum(self, padded: Rows, n: int, runs: Codes) -> Floats:
        """The sum of the compiled members' answers, of which the first n are meant."""
        import numpy as np

        columns = self.columns.values(padded)
        total = np.zeros(len(padded))
        for forest in self.forests:
            total[:n] += forest.predict(columns[:, :n], runs)
        if self.networks is not None:
            for answer in self.networks.predict(columns, padded):
                total += answer
        return total


def _neighbours(rows: Rows) -> tuple[Codes, Codes]:
    """An order by kind, place and month, and a number of each such run in it.

    Postcodes that follow each other lie side by side; by land within a run: what lies
    together has fewer splits to part it.
    """
    import numpy as np

    if len(rows) <= BLOCK:
        return np.arange(len(rows)), np.arange(len(rows))
    month = np.nan_to_num(rows.numbers[:, _MONTH]).astype(np.intp)
    key = rows.codes[:, _TYPE]
    for part in (rows.codes[:, _POSTCODE], rows.codes[:, _SUBURB], month - month.min()):
        key = key * (int(part.max()) + 1) + part
    order = np.lexsort((rows.numbers[:, _LAND], key))
    runs = np.cumsum(np.diff(key[order], prepend=key[order[0]]) != 0)
    return order, runs


def compiled(model: Any) -> Any:
    """The model's compiled form, or the model itself where that would say otherwise.

    Either has ``predict``.
    """
    try:
        # Of few rows: a second thread would spin for longer than they take.
        with limited(1):
            made = compile_model(model)
            if agrees(made, model):
                return made
        reason = "its compiled form says otherwise"
    except Exception as error:  # whatever a part of an unknown kind raises
        reason = str(error)
    _log.info("a %s is asked as it is: %s", type(model).__name__, reason)
    return model


def compile_model(model: Any) -> CompiledModel:
    """A fitted ``candidates`` model in arrays.

    Raises:
        Uncompilable: it is of another kind.
    """
    regressor = getattr(model, "regressor_", None)
    if regressor is None:
        raise Uncompilable(f"a {type(model).__name__}")
    if type(regressor).__name__ == "VotingRegressor":
        if regressor.weights is not None:
            raise Uncompilable("members of different weight")
        members = list(regressor.estimators_)
    else:
        members = [regressor]
    pipelines = [member for member in members if _steps(member) is not None]
    vocabulary = vocabulary_of(
        [
            (steps[0], names)
            for member in pipelines
            for steps, names, _ in _fitted_or_none(member)
            if hasattr(steps[0], "categories_")
        ]
    )
    columns = Columns(vocabulary)
    forests: list[Forest] = []
    dense: list[tuple[Any, Any]] = []
    others: list[Any] = []
    for member in members:
        steps = _steps(member)
        try:
            if steps is None:
                raise Uncompilable("no pipeline of columns and a learner")
            if type(steps[1]).__name__ == "HistGradientBoostingRegressor":
                forests.append(_forest(steps[0], steps[1], columns))
            else:
                # One by one, to see which of them has a compiled form.
                compile_networks([steps], columns)
                dense.append(steps)
        except Exception as error:  # as above, of one member
            _log.info("a member is asked as it is: %s", error)
            others.append(member)
    if len(others) == len(members):
        raise Uncompilable("no member has a compiled form")
    return CompiledModel(
        vocabulary=vocabulary,
        columns=columns,
        forests=tuple(forests),
        networks=compile_networks(dense, columns),
        others=tuple(others),
        transformer=model.transformer_,
        scale=_scale(model.transformer_),
    )


def agrees(made: CompiledModel, model: Any, seed: int = 0) -> bool:
    """Whether the two say the same of rows made to be difficult.

    And whether a row's estimate has the same bits alone as anywhere in a block.
    """
    import numpy as np

    frame = difficult_rows(made, _CHECKED_ROWS, seed)
    found = made.predict(frame)
    wanted = np.asarray(model.predict(frame), dtype="float64")
    if not np.allclose(found, wanted, rtol=TOLERANCE, atol=0.0):
        return False
    alone = [made.predict(frame.iloc[[at]])[0] for at in range(0, len(frame), 7)]
    moved = made.predict(frame.iloc[np.arange(len(frame)) - 5])
    return bool(
        np.array_equal(found[::7], alone)
        and np.array_equal(found, moved[(np.arange(len(frame)) + 5) % len(frame)])
    )


def difficult_rows(made: CompiledModel, count: int, seed: int = 0) -> pd.DataFrame:
    """Model inputs of known, unknown and missing categories and numbers.

    Numbers lie on the thresholds of the trees and a little beside them.
    """
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    limits = _thresholds(made)
    data: dict[str, Any] = {}
    for name in CATEGORIES:
        choices = np.array(
            [np.nan, "never seen", *made.vocabulary.values[name]], dtype=object
        )
        odds = rng.random(count)
        known = rng.integers(min(2, len(choices) - 1), len(choices), count)
        at = np.where(odds < 0.05, 0, np.where(odds < 0.1, 1, known))
        data[name] = choices[at]
    for name in NUMBERS:
        found = limits.get(name, np.array([0.0, 1.0]))
        values = rng.choice(found, count)
        beside = rng.choice([-1e9, 0.0, 1e9], count)
        values = np.where(beside == 0, values, np.nextafter(values, beside))
        data[name] = np.where(rng.random(count) < 0.15, np.nan, values)
    return pd.DataFrame(data)


def _thresholds(made: CompiledModel) -> dict[str, Floats]:
    """By number: where trees part it."""
    import numpy as np

    numbers = made.columns.numbers()
    found: dict[str, list[Floats]] = {}
    for forest in made.forests:
        coding = forest.coding
        for at, column in enumerate(coding.sources.tolist()):
            if column in numbers:
                mine = coding.limits[coding.firsts[at] : coding.firsts[at + 1]]
                known = mine[np.isfinite(mine)]
                found.setdefault(numbers[column], []).append(known)
    return {
        name: np.unique(np.concatenate(parts))
        for name, parts in found.items()
        if sum(map(len, parts))
    }


def _steps(member: Any) -> tuple[Any, Any] | None:
    """The two steps of a pipeline; None for what is none."""
    steps = getattr(member, "steps", None)
    if steps is None or len(steps) != 2:
        return None
    return steps[0][1], steps[1][1]


def _scale(transformer: Any) -> tuple[float, float] | None:
    """Spread and mean of logs, of a log and a StandardScaler; None of all else."""
    import numpy as np

    found = parts(transformer)
    kinds = [type(step).__name__ for step in found]
    if kinds != ["FunctionTransformer", "StandardScaler"]:
        return None
    logs, scaler = found
    if logs.inverse_func is not np.exp or scaler.scale_ is None or not scaler.with_mean:
        return None
    return float(scaler.scale_[0]), float(scaler.mean_[0])


def _fitted_or_none(member: Any) -> list[tuple[list[Any], list[str], float]]:
    try:
        return fitted(member.steps[0][1])
    except (Uncompilable, AttributeError):
        return []


def _forest(transformer: Any, booster: Any, columns: Columns) -> Forest:
    sources: list[int] = []
    tables: list[Floats | None] = []
    for steps, names, weight in fitted(transformer):
        kinds = [type(step).__name__ for step in steps]
        if weight != 1.0 or len(steps) != 1:
            raise Uncompilable(f"boosting upon {' and '.join(kinds)}")
        if kinds[0] in ("OrdinalEncoder", "TargetEncoder"):
            made = encoded(steps[0], names, columns.vocabulary)
            sources += [columns.table(name, made[name]) for name in names]
            tables += [made[name] for name in names]
        elif kinds[0] == "FunctionTransformer" and steps[0].func is None:
            sources += [columns.number(name) for name in names]
            tables += [None] * len(names)
        else:
            raise Uncompilable(f"boosting upon a {kinds[0]}")
    return compile_forest(booster, sources, tables)
