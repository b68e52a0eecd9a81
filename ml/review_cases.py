"""Homes for a reviewer to look at one by one, and suburbs that fare worst."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ml.page import aud, section, suburb, table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ml.training import Holdout

    Floats = npt.NDArray[np.float64]

#: Cases listed for a person to look at.
_CASES = 15

_HOME = ("sold", "where", "what")


def _home(holdout: Holdout, at: int) -> list[str]:
    """Day, place and kind of a held-out sale, in words."""
    row = holdout.inputs.iloc[at]
    what = str(row["dwelling_type"])
    if not math.isnan(row["bedrooms"]):
        rooms = round(row["bedrooms"])
        what += f", {rooms} bedroom{'' if rooms == 1 else 's'}"
    if not math.isnan(row["land_area_m2"]):
        what += f", {row['land_area_m2']:,.0f} m2 of land"
    return [str(holdout.dates[at])[:10], suburb(row["locality"]), what]


def largest_misses(holdout: Holdout, guess: Floats) -> str:
    """The held-out sales that estimates (AUD) ``guess`` miss by most."""
    import numpy as np

    error = np.log(guess / holdout.price)
    order = np.argsort(-np.abs(error), kind="stable")[:_CASES]
    rows = []
    for at in order:
        lineage = holdout.lineage.iloc[int(at)]
        rows.append(
            [
                *_home(holdout, int(at)),
                aud(holdout.price[at]),
                aud(guess[at]),
                f"{100 * math.expm1(error[at]):+.0f} %",
                f"{lineage['source_file']}, line {lineage['source_row_number']}",
            ]
        )
    heads = [*_HOME, "sold for", "estimate", "off by", "source"]
    return section(
        "Largest misses, to look at one by one",
        table(heads, rows, numbers={3, 4, 5})
        + "<p class='facts'>Of many the price is the odd one: a part sold, a typing "
        "error, a development site. <code>ausproperty sales override</code> takes such "
        "a sale out, with a reason.</p>",
    )


def disagreements(
    holdout: Holdout, where: npt.NDArray[np.int64], ours: Floats, theirs: Floats
) -> str:
    """The sales at ``where`` of which two models' estimates (AUD) differ most."""
    import numpy as np

    apart = np.abs(ours / theirs - 1)
    order = np.argsort(-apart, kind="stable")[:_CASES]
    rows = [
        [
            *_home(holdout, int(where[at])),
            aud(holdout.price[where[at]]),
            aud(ours[at]),
            aud(theirs[at]),
        ]
        for at in order
    ]
    return "<h3>Where the two disagree most</h3>" + table(
        [*_HOME, "sold for", "this version", "champion"], rows, numbers={3, 4, 5}
    )


def worst_suburbs(holdout: Holdout, guess: Floats) -> str:
    """The suburbs that fare worst, of those with enough sales."""
    import numpy as np
    import pandas as pd

    ratio = guess / holdout.price
    rows = pd.DataFrame(
        {
            "suburb": holdout.inputs["locality"].to_numpy(),
            "ratio": ratio,
            "error": np.abs(ratio - 1) * 100,
        }
    )
    found = rows.groupby("suburb").agg(
        sales=("ratio", "size"), mdape=("error", "median"), level=("ratio", "median")
    )
    found = found[found["sales"] >= 10].sort_values("mdape", ascending=False)
    if len(found) < 4:
        return ""
    cells = [
        [suburb(name), f"{int(row.sales):,}", f"{row.mdape:.1f}", f"{row.level:.3f}"]
        for name, row in found.head(10).iterrows()
    ]
    return "<h3>Suburbs of 10 sales or more that fare worst</h3>" + table(
        ["suburb", "sales", "MdAPE %", "level"], cells, numbers={1, 2, 3}
    )
