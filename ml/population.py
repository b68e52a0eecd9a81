"""How far the homes to be valued have moved since a model was trained for them.

Kept of a population is a count by class of each column, not its rows. Compared with
the homes of the training day, not with the sales learnt from: what is sold always
differs from what stands, and that is no drift.

Here: pure functions on model inputs. Elsewhere: drift among the sales of one training,
on the page a reviewer reads (``drift``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml import features
from ml.drift import NAMES, stability_index

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

#: Rows looked at, of more a sample: enough for shares to a tenth of a percent.
SAMPLE_ROWS = 100_000
#: Fewer homes than this move by chance.
LEAST_ROWS = 200
#: As-of rules (`features.Feature.as_of`) of what tells of a home. What the market did
#: moves whole states at once, and shows in the errors of later sales.
_OF_THE_HOME = ("attribute of the dwelling", "the property's own sales")
#: Columns that count time: every home grows older.
_AGES = ("months_since_",)

#: Class borders (numbers) or labels (categories) of a column, and rows in each class;
#: first come rows without a value, and for categories those with a new label.
Shape = Mapping[str, Any]


def watched() -> tuple[str, ...]:
    """Columns of model inputs that tell of homes, in catalogue order."""
    return tuple(
        feature.name
        for feature in features.FEATURES
        if feature.as_of.startswith(_OF_THE_HOME)
        and feature.name not in NAMES
        and not feature.name.startswith(_AGES)
    )


def population(inputs: pd.DataFrame) -> dict[str, Shape]:
    """Shape of each column that is watched; fit for JSON."""
    return {name: _shape(inputs[name]) for name in watched()}


def moved(before: Mapping[str, Shape], inputs: pd.DataFrame) -> dict[str, float]:
    """Population stability index of each column, largest first.

    0 where nothing moved; 0.1 is usually watched and 0.25 acted upon. Empty where
    either side has fewer than ``LEAST_ROWS`` rows.
    """
    import numpy as np

    if len(inputs) < LEAST_ROWS:
        return {}
    found = {
        name: stability_index(np.asarray(shape["counts"]), _counts(shape, inputs[name]))
        for name, shape in before.items()
        if name in inputs and sum(shape["counts"]) >= LEAST_ROWS
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _shape(values: pd.Series[Any]) -> Shape:
    import numpy as np

    if values.dtype == object:
        labels = sorted(set(values.dropna().astype(str)))
        shape: dict[str, Any] = {"labels": labels}
    else:
        known = values.dropna().to_numpy()
        cuts = np.quantile(known, np.linspace(0.1, 0.9, 9)) if len(known) else []
        shape = {"borders": [float(cut) for cut in np.unique(cuts)]}
    return shape | {"counts": [int(count) for count in _counts(shape, values)]}


def _counts(shape: Shape, values: pd.Series[Any]) -> npt.NDArray[np.int64]:
    import numpy as np

    if "labels" in shape:
        place = {label: at + 1 for at, label in enumerate(shape["labels"])}
        codes = values.map(place).fillna(0).to_numpy(dtype="int64")
        classes = len(place) + 1
    else:
        borders = np.asarray(shape["borders"], dtype="float64")
        above = np.searchsorted(borders, values.to_numpy(dtype="float64"), "right") + 1
        codes = np.where(values.isna(), 0, above)
        classes = len(borders) + 2
    return np.bincount(codes, minlength=classes)
