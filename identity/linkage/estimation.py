"""Estimating the weights from labelled pairs: done now and then, never in a run.

Belongs here: weights from pairs whose truth is known. The labels come from a simulator
that knows it (`python -m benchmarks.linkage_weights`); what was found is `weights`.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

from math import log
from typing import Any

from identity.linkage.comparison import FIELDS

Weights = dict[str, tuple[float, ...]]


def label_pairs(duck: Any, scored: str = "scored", truth: str = "truth") -> None:
    """Table `labelled`: compared pairs without vetoed ones, and whether they match.

    `truth` is a table (property_id, home).
    """
    duck.execute(
        "create or replace table labelled as "
        f"select s.*, a.home = b.home as is_match from {scored} s "
        f"join {truth} a on a.property_id = s.low "
        f"join {truth} b on b.property_id = s.high where s.veto is null"
    )


def joint_weights(duck: Any) -> tuple[float, Weights]:
    """Prior and weights (bits) fitted together: what a level adds beside the others.

    Suburb, postcode, distance and the streets' support tell partly the same; counted
    one by one, the same evidence counts several times. A logistic regression over the
    levels gives the same kind of sum without that. Capped pairs are left out: they are
    never merged, and would pull on the levels of those that are.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    columns = ", ".join(f"l_{field.name}" for field in FIELDS)
    found = duck.execute(
        f"select {columns}, is_match from labelled where cap is null"
    ).fetchnumpy()
    indicators = np.stack(
        [
            np.asarray(found[f"l_{field.name}"]) == level
            for field in FIELDS
            for level in range(len(field.levels))
        ],
        axis=1,
    ).astype(float)
    model = LogisticRegression(C=1.0, max_iter=2000)
    model.fit(indicators, np.asarray(found["is_match"]))
    values = [round(float(value) / log(2), 2) for value in model.coef_[0]]
    weights: Weights = {}
    for field in FIELDS:
        weights[field.name] = tuple(values[: len(field.levels)])
        values = values[len(field.levels) :]
    return round(float(model.intercept_[0]) / log(2), 2), weights
