"""Estimating the weights from labelled pairs: done now and then, never in a run.

Belongs here: two ways to get weights from pairs whose truth is known. The labels come
from a simulator that knows the truth; what was found stands in `weights`.
"""

# ruff: noqa: S608 (SQL is put together from names in this package alone)

from __future__ import annotations

from math import log, log2
from typing import Any

from identity.linkage.comparison import FIELDS

Weights = dict[str, tuple[float, ...]]

#: Made-up pairs that pull a level with few real ones towards no weight at all.
_DOUBT = 4.0


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


def independent_weights(duck: Any) -> tuple[float, Weights]:
    """Prior and weights (bits) as if fields were independent (Fellegi and Sunter).

    log2 of how much more often a level is seen among pairs of one home (m) than among
    pairs of two (u), from the table `labelled`.
    """
    row = duck.execute(
        "select count(*) filter (is_match), count(*) filter (not is_match) "
        "from labelled"
    ).fetchone()
    matches, others = float(row[0]), float(row[1])
    share = matches / (matches + others)
    weights: Weights = {}
    for field in FIELDS:
        counted = _count_levels(duck, field.name)
        found = []
        for level in range(len(field.levels)):
            one, two = counted.get(level, (0, 0))
            of_matches = (one + _DOUBT * share) / matches
            of_others = (two + _DOUBT * (1 - share)) / others
            found.append(round(log2(of_matches / of_others), 2))
        weights[field.name] = tuple(found)
    return round(log2(matches / others), 2), weights


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


def _count_levels(duck: Any, name: str) -> dict[int, tuple[int, int]]:
    rows = duck.execute(
        f"select l_{name}, count(*) filter (is_match), "
        "count(*) filter (not is_match) from labelled group by 1"
    ).fetchall()
    return {level: (one, two) for level, one, two in rows}
