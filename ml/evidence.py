"""What the gate is told of a challenger: gathered once, kept as its version's tags.

The champion is asked about the sales that neither has seen; what cannot be asked of it
stands by its recorded figures. Elsewhere: the verdict (``gates``).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ml import bootstrap, evaluation, features, gates, review_report, training
from ml.gates import Evidence, Measures
from ml.leakage import Finding
from ml.tracking import Registry, Version

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ml.bootstrap import Bounds
    from ml.review_report import Rival
    from ml.training import Trained

    Floats = npt.NDArray[np.float64]

# Fewer sales than this that the champion has not seen prove nothing.
_MIN_UNSEEN = 30
#: Sales of a state and type from which on it is looked at by itself.
_MARKET_SALES = 200
_TIMED_ROWS = 1_000


def beside_champion(
    registry: Registry, champion: Version | None, trained: Trained, seed: int
) -> tuple[dict[str, str], Rival | None]:
    """Measure champion and challenger on the same sales; return it as tags.

    The sales are those of the hold-out later than the champion's data; where there
    are too few of them, the champion's own recorded hold-out stands in.
    """
    if champion is None:
        return {}, None
    tags = {"compared_with": champion.version}
    try:
        import datetime

        last = datetime.date.fromisoformat(champion.tags["train_last"])
        unseen = trained.holdout.after(last)
        if unseen.sum() >= _MIN_UNSEEN:
            model = registry.load(champion).model
            inputs, price = (
                trained.holdout.inputs[unseen],
                trained.holdout.price[unseen],
            )
            rival = training.predict(model, inputs)
            old = evaluation.accuracy(price, rival)
            guess = trained.holdout.estimates[trained.winner][unseen]
            new = evaluation.accuracy(price, guess)
            tags["compared_basis"] = f"the same {new.n:,} later sales"
            for prefix, found in (("champion_", old), ("beside_", new)):
                tags |= gates.measures_to_tags(
                    Measures(
                        found.n,
                        found.mdape,
                        found.cod,
                        found.median_ratio,
                        prd=found.prd,
                    ),
                    prefix,
                )
            tags |= gates.difference_to_tags(
                bootstrap.paired_difference(price, guess, rival, seed)
            )
            tags |= gates.markets_to_tags(_by_market(inputs, price, guess, rival, seed))
            return tags, review_report.Rival(champion.version, unseen, rival)
    except Exception as error:  # a champion that cannot be loaded cannot veto
        tags["compared_error"] = str(error)[:500]
        return tags, None
    recorded = gates.measures_from_tags(champion.tags)
    if recorded is not None:
        tags |= gates.measures_to_tags(recorded, "champion_")
        tags["compared_basis"] = "its own recorded hold-out"
    return tags, None


def _by_market(
    inputs: pd.DataFrame, price: Floats, ours: Floats, theirs: Floats, seed: int
) -> dict[str, Bounds]:
    """Bounds of the difference of MdAPE in each state and type with sales enough."""
    names = inputs["state"].fillna("?") + " " + features.dwelling_types(inputs)
    found: dict[str, Bounds] = {}
    for name, count in names.value_counts().items():
        if count < _MARKET_SALES:
            continue
        mine = (names == name).to_numpy()
        bounds = bootstrap.paired_difference(
            price[mine], ours[mine], theirs[mine], seed
        )
        if bounds is not None:
            found[str(name)] = bounds
    return found


def evidence_from(tags: Mapping[str, str], champion: Version | None) -> Evidence:
    """What the tags of a challenger say, beside a champion that is another version."""
    unknown = Measures(0, math.nan, math.nan, math.nan)
    rival: Measures | None = None
    if champion is not None:
        rival = gates.measures_from_tags(tags, "champion_")
        if tags.get("compared_with") != champion.version:
            rival = gates.measures_from_tags(champion.tags)
    return Evidence(
        challenger=gates.measures_from_tags(tags) or unknown,
        baseline=gates.measures_from_tags(tags, "baseline_") or unknown,
        champion=rival,
        challenger_beside_champion=gates.measures_from_tags(tags, "beside_"),
        difference=gates.difference_from_tags(tags),
        markets={} if champion is None else gates.markets_from_tags(tags),
        model_bytes=float(tags.get("model_bytes", "nan")),
        microseconds=float(tags.get("microseconds_a_home", "nan")),
        leakage=Finding.from_tags(tags),
        basis=tags.get("compared_basis", "recorded hold-outs"),
    )


def measures_of(trained: Trained) -> Measures:
    """What the gate reads of a training."""
    found = trained.headline
    return Measures(
        found.n, found.mdape, found.cod, found.median_ratio, trained.coverage_pct
    )


def microseconds(trained: Trained, frame: pd.DataFrame) -> float:
    """What valuing a home among many takes the model as it is saved."""
    inputs = features.model_inputs(frame.tail(_TIMED_ROWS))
    began = time.perf_counter()
    training.predict(trained.model, inputs)
    return 1e6 * (time.perf_counter() - began) / len(inputs)
