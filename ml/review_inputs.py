"""What a reviewer reads of the inputs: weights, drift, importance, known limits."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ml import drift, features
from ml.page import listed, section, table
from ml.weighting import LEAST, MOST

if TYPE_CHECKING:
    import pandas as pd

    from ml.training import Trained

#: Suburbs and types of fewer judged sales are left to the map.
LEAST_SALES = 30


def feedback_section(trained: Trained) -> str:
    """Which sales weigh more, because later prices broke promises there."""
    found = trained.feedback
    if not found.cells:
        why = "no later sale has judged a model yet"
        if found.share <= 0:
            why = "the setting takes none of the correction"
        elif found.sales:
            why = f"of {found.sales:,} later sales none single a cell out"
        told = f"<p>All sales weigh the same: {why}.</p>"
        return section("Weights by feedback", told)
    rows = [
        [*(part or "unknown" for part in name.split("|")), f"{weight:.2f}"]
        for name, weight in sorted(found.cells, key=lambda cell: -cell[1])
    ]
    return section(
        "Weights by feedback",
        table(["state", "dwelling type", "suburbs", "weight"], rows, numbers={3})
        + f"<p class='facts'>By {found.sales:,} later sales: where they missed "
        "champions' intervals more often than promised, sales weigh more in this "
        f"training, {LEAST:g} to {MOST:g} at a mean of 1; {100 * found.share:.0f} % of "
        "the correction is taken. The hold-out was judged with the same weights, which "
        "know how often a cell was missed, not which way.</p>",
    )


def drift_section(trained: Trained, frame: pd.DataFrame) -> str:
    """How the judged sales' inputs differ from those learnt from before."""
    import numpy as np

    if trained.cut is None:
        return ""
    days = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    before = features.model_inputs(frame.loc[days < np.datetime64(trained.cut)])
    found = drift.drift(before, trained.holdout.inputs, trained.columns)
    rows = []
    for name, value in list(found.items())[:12]:
        word = "moved" if value >= drift.MOVED else "steady"
        word = "another population" if value >= drift.OTHER else word
        rows.append([name, f"{value:.3f}", word])
    return section(
        "Drift of inputs: the judged sales beside those before",
        table(["column", "population stability", ""], rows, numbers={1})
        + "<p class='facts'>Population stability index over tenths of the earlier "
        f"values: below {drift.MOVED:g} steady, above {drift.OTHER:g} another "
        "population. Columns that count time move by nature and are left out.</p>",
    )


def importance_section(importance: Mapping[str, float]) -> str:
    """Points of MdAPE each column is worth, the largest first."""
    if not importance:
        return ""
    meanings = {f.name: f for f in features.FEATURES}
    rows = [
        [name, f"{worth:.2f}", meanings[name].meaning, meanings[name].as_of]
        for name, worth in list(importance.items())[:15]
    ]
    heads = ["column", "points of MdAPE", "meaning", "may know"]
    return section(
        "What it leans on",
        table(heads, rows, numbers={1})
        + "<p class='facts'>Points of MdAPE lost when the column is shuffled among the "
        "judged sales.</p>",
    )


def limits_section(trained: Trained) -> str:
    """What the model was not judged on, and what it does not see."""
    inputs = trained.holdout.inputs
    told = []
    for name, reason in trained.left_out.items():
        told.append(f"<code>{name}</code> is not used: {html.escape(reason)}.")
    types = features.dwelling_types(inputs)
    thin = [
        str(name) or "unknown"
        for name, count in types.value_counts().items()
        if count < LEAST_SALES
    ]
    if thin:
        told.append(
            f"Fewer than {LEAST_SALES} judged sales of: {', '.join(sorted(thin))}."
        )
    local = inputs["suburb_type_sales_12m"].fillna(0).to_numpy() < 5
    if len(local):
        told.append(
            f"{100 * float(local.mean()):.0f} % of the judged sales lie where fewer "
            "than 5 like them were sold in the year before: neighbours say little."
        )
    placed = inputs["place_level"].fillna(3).to_numpy()
    if len(placed):
        told.append(
            f"{100 * float((placed > 0).mean()):.0f} % of the judged sales have no "
            "coordinates of their own; their street's or suburb's stand in, or none."
        )
    told.append(
        "Only what was sold is judged: homes that never come to market may differ, and "
        "condition, view and renovation are in no column."
    )
    return section("Known limits", listed(told))
