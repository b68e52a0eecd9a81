"""How far a population has moved from the one a model learnt from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ml import features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Counts = npt.NDArray[np.int64]

#: Population stability: below 0.1 nothing moved, above 0.25 the inputs are others.
MOVED, OTHER = 0.1, 0.25
#: Names of places: there are always new ones.
NAMES = frozenset({"locality", "postcode", "street"})


def drift(
    before: pd.DataFrame, after: pd.DataFrame, columns: Iterable[str]
) -> dict[str, float]:
    """Population stability of ``columns`` of model inputs, largest first.

    Columns that count time move by nature, names of places come and go: left out.
    """
    found = {
        name: stability(before[name], after[name])
        for name in columns
        if name not in features.NOT_OF_THE_HOME | NAMES
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def stability(before: pd.Series[Any], after: pd.Series[Any]) -> float:
    """Population stability index of a column's values, missing being one of them."""
    import numpy as np

    if before.dtype == object:
        labels = sorted(set(before.dropna()) | set(after.dropna()))
        place = {label: at + 1 for at, label in enumerate(labels)}
        codes = [
            v.map(place).fillna(0).to_numpy(dtype="int64") for v in (before, after)
        ]
        size = len(labels) + 1
    else:
        known = before.dropna().to_numpy()
        if len(known) == 0:
            return 0.0
        edges = np.unique(np.quantile(known, np.linspace(0.1, 0.9, 9)))
        codes = [
            np.where(v.isna(), 0, np.searchsorted(edges, v.to_numpy(), "right") + 1)
            for v in (before, after)
        ]
        size = len(edges) + 2
    old, new = (np.bincount(code, minlength=size) for code in codes)
    return stability_index(old, new)


def stability_index(old: Counts, new: Counts) -> float:
    """Population stability index of rows by class, the same classes on both sides."""
    import numpy as np

    # Half a row in each class: an empty one would be infinitely far.
    before, after = (
        (counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (old, new)
    )
    return float(((after - before) * np.log(after / before)).sum())
