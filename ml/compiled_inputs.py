"""A fitted model's preprocessing as tables: what each category and number turns into.

Here: reading fitted scikit-learn transformers into columns that members share, and
putting rows into these columns. What is not known raises ``Uncompilable``: its member
then stays as scikit-learn made it. Elsewhere: what members do with the columns
(``compiled_trees``, ``compiled_networks``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ml.features import CATEGORIES, NUMBERS, inputs_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    Codes = npt.NDArray[np.intp]

#: Codes of a category that training never saw, and of none; known ones follow.
UNKNOWN, MISSING, FIRST = 0, 1, 2
#: A value that no category has.
_NOBODY = "\0"


class Uncompilable(Exception):
    """A part of a model is of a kind, or has a setting, that has no compiled form."""


@dataclass(frozen=True)
class Rows:
    """Rows of model inputs as arrays.

    ``codes`` (n, categories) by the vocabulary's order, ``numbers`` (n, numbers) with
    NaN for missing; ``source`` is what they were read from.
    """

    codes: Codes
    numbers: Floats
    source: pd.DataFrame | Sequence[Mapping[str, Any]]

    def __len__(self) -> int:
        """How many rows."""
        return len(self.numbers)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The same as a frame of model inputs, for parts that take nothing else."""
        import pandas as pd

        if isinstance(self.source, pd.DataFrame):
            return self.source
        return inputs_of(self.source)


@dataclass(frozen=True)
class Vocabulary:
    """The values of each category that some member was taught, each with its code."""

    values: Mapping[str, tuple[str, ...]]

    @cached_property
    def _codes(self) -> dict[str, dict[str, int]]:
        return {
            name: {value: code for code, value in enumerate(known, FIRST)}
            for name, known in self.values.items()
        }

    def rows(self, frame: pd.DataFrame) -> Rows:
        """Rows of a frame of model inputs."""
        import numpy as np
        import pandas as pd

        codes = np.empty((len(CATEGORIES), len(frame)), dtype=np.intp)
        for at, name in enumerate(CATEGORIES):
            # Few values, many rows: each value is looked up once.
            found, values = pd.factorize(frame[name])
            known = self._codes[name]
            table = [known.get(value, UNKNOWN) for value in values]
            codes[at] = np.array([*table, MISSING], dtype=np.intp)[found]
        numbers = frame[list(NUMBERS)].to_numpy(dtype="float64")
        return Rows(codes.T, numbers, frame)

    def rows_of(self, homes: Sequence[Mapping[str, Any]]) -> Rows:
        """Rows of mappings by column, in which None is missing."""
        import numpy as np

        codes = [
            [
                MISSING if home[name] is None else known.get(home[name], UNKNOWN)
                for name, known in self._codes.items()
            ]
            for home in homes
        ]
        numbers = [[home[name] for name in NUMBERS] for home in homes]
        return Rows(
            np.array(codes, dtype=np.intp), np.array(numbers, dtype="float64"), homes
        )

    def probe(self, names: Sequence[str]) -> pd.DataFrame:
        """A frame whose row i holds the i-th code of each column; then missing."""
        import numpy as np
        import pandas as pd

        parts = {name: [_NOBODY, np.nan, *self.values[name]] for name in names}
        rows = max(len(part) for part in parts.values())
        return pd.DataFrame(
            {
                name: np.array(part + [np.nan] * (rows - len(part)), dtype=object)
                for name, part in parts.items()
            }
        )

    def size(self, name: str) -> int:
        """How many codes the category has."""
        return len(self.values[name]) + FIRST


def vocabulary(encoders: Sequence[tuple[Any, Sequence[str]]]) -> Vocabulary:
    """Of fitted encoders with the columns each was fitted to."""
    known: dict[str, set[str]] = {name: set() for name in CATEGORIES}
    for encoder, names in encoders:
        for name, values in zip(names, encoder.categories_, strict=True):
            known[name] |= {value for value in values if isinstance(value, str)}
    return Vocabulary({name: tuple(sorted(found)) for name, found in known.items()})


@dataclass
class Columns:
    """The columns that members take, each made once whoever asks for it.

    A column is a number as it is, its log1p, or a table's value for a category's code.
    """

    vocabulary: Vocabulary
    _made: dict[tuple[Any, ...], int] = field(default_factory=dict)
    _parts: list[tuple[str, int, Floats | None]] = field(default_factory=list)

    def number(self, name: str, *, log: bool = False) -> int:
        """The column of a number, or of ln(1 + number)."""
        kind = "log" if log else "number"
        if name not in NUMBERS:
            raise Uncompilable(f"{name} is no number")
        return self._column((kind, name), (kind, NUMBERS.index(name), None))

    def table(self, name: str, values: Floats) -> int:
        """The column of a category's values by code."""
        key = ("table", name, values.tobytes())
        return self._column(key, ("table", CATEGORIES.index(name), values))

    def numbers(self) -> dict[int, str]:
        """Columns that are numbers as they are, by their names."""
        return {
            at: NUMBERS[source]
            for at, (kind, source, _) in enumerate(self._parts)
            if kind == "number"
        }

    def _column(self, key: tuple[Any, ...], part: tuple[str, int, Any]) -> int:
        if key not in self._made:
            self._made[key] = len(self._parts)
            self._parts.append(part)
        return self._made[key]

    def values(self, rows: Rows) -> Floats:
        """Every column of rows; (columns, n), each contiguous."""
        import numpy as np

        found = np.empty((len(self._parts), len(rows)))
        for at, (kind, source, table) in enumerate(self._parts):
            if table is not None:
                np.take(table, rows.codes[:, source], out=found[at], mode="clip")
            elif kind == "log":
                np.log1p(rows.numbers[:, source], out=found[at])
            else:
                found[at] = rows.numbers[:, source]
        return found


def parts(transformer: Any) -> list[Any]:
    """The steps of a pipeline, nested ones too; itself where it is none."""
    steps = getattr(transformer, "steps", None)
    if steps is None:
        return [transformer]
    return [part for _, step in steps for part in parts(step)]


def fitted(transformer: Any) -> list[tuple[list[Any], list[str], float]]:
    """Of a fitted ColumnTransformer: each part's steps, columns and weight.

    Raises:
        Uncompilable: it passes on columns that no part names.
    """
    if _kind(transformer) != "ColumnTransformer":
        raise Uncompilable(f"columns are made by a {_kind(transformer)}")
    weights = transformer.transformer_weights or {}
    found = []
    for name, part, names in transformer.transformers_:
        if name == "remainder":
            if part != "drop":
                raise Uncompilable("columns that are passed on unnamed")
        elif len(names):
            found.append((parts(part), list(names), float(weights.get(name, 1.0))))
    return found


def is_log(step: Any) -> bool:
    """Whether a step is ln(1 + x).

    Raises:
        Uncompilable: it is another function, neither log nor identity.
    """
    import numpy as np

    if _kind(step) != "FunctionTransformer":
        raise Uncompilable(f"a {_kind(step)} before numbers")
    if step.func not in (None, np.log1p):
        raise Uncompilable(f"the function {step.func}")
    return step.func is not None


def encoded(
    encoder: Any, names: Sequence[str], vocabulary: Vocabulary
) -> dict[str, Floats]:
    """What an encoder of one column each makes of every code, by column."""
    import numpy as np

    made = np.asarray(
        encoder.transform(vocabulary.probe(names)[list(names)]), dtype="float64"
    )
    if made.shape[1] != len(names):
        raise Uncompilable(f"a {_kind(encoder)} of several columns a category")
    return {
        name: np.ascontiguousarray(made[: vocabulary.size(name), at])
        for at, name in enumerate(names)
    }


def one_hot(
    encoder: Any, names: Sequence[str], vocabulary: Vocabulary
) -> tuple[Floats, dict[str, Floats]]:
    """What it makes of missing, and what each code adds to that, by column."""
    import numpy as np

    every = vocabulary.probe(names)[list(names)]
    nothing = every.iloc[[MISSING]].reset_index(drop=True)
    base = np.asarray(encoder.transform(nothing), dtype="float64")[0]
    added = {}
    for name in names:
        rows = every.iloc[: vocabulary.size(name)].copy()
        for other in names:
            if other != name:
                rows[other] = np.array([np.nan] * len(rows), dtype=object)
        added[name] = np.asarray(encoder.transform(rows), dtype="float64") - base
    return base, added


def _kind(part: Any) -> str:
    return type(part).__name__
