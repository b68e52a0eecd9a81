"""What an estimate is told as: to a thousand dollars, cheaper ones finer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pandas.arrays import IntegerArray

    Floats = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]


def rounded(estimate: Floats, low: Floats, high: Floats) -> tuple[Whole, Whole, Whole]:
    """Whole AUD, at least 1, with low <= estimate <= high."""
    import numpy as np

    step = np.where(estimate >= 100_000, 1_000, np.where(estimate >= 10_000, 100, 1))
    told = np.maximum(np.round(estimate / step) * step, 1).astype("int64")
    below = np.maximum(np.round(low / step) * step, 1).astype("int64")
    above = (np.round(high / step) * step).astype("int64")
    return told, np.minimum(below, told), np.maximum(above, told)


def rounded_where_known(
    estimate: Floats, low: Floats, high: Floats
) -> tuple[IntegerArray, IntegerArray]:
    """The bounds of :func:`rounded`, missing where they are NaN.

    Arrays, not columns: an index of theirs would be matched with that of the homes.
    """
    import numpy as np
    import pandas as pd

    unknown = np.isnan(low) | np.isnan(high)
    bounds = (np.where(unknown, estimate, bound) for bound in (low, high))
    _, below, above = rounded(estimate, *bounds)

    return (
        pd.arrays.IntegerArray(below, unknown),
        pd.arrays.IntegerArray(above, unknown),
    )
