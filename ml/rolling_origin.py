"""Estimates of later sales by models that saw only earlier ones.

The latest sales in blocks of time; each block is valued by members that learnt from
everything before it, and moved by what the blocks before it told of the market's
level. Elsewhere: what the answers are used for (``training``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml import candidates, suburb_places
from ml.candidates import BASELINE, OWN, Recipe
from ml.equity import EquityPolicy
from ml.market_model import family_of
from ml.threads import ends_with_parent, limited, worth_using
from ml.weighting import FeedbackWeights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrainingPolicy:
    """How to train.

    A column filled on a smaller share of the sales learnt from than ``min_coverage``
    is not used. Sales of ten months rarely repeat: half a percent of them know their
    own last price, but nearly every property to be valued does, and a model would
    value all of them by what it learnt from a few quick resales.

    The latest ``holdout_share`` of the sales judge, in ``origins`` blocks; below
    ``origin_sales`` sales a block there are fewer, and above ``one_origin_sales`` in
    all there is one: so many judge a market well, and each origin is a training.
    ``level_days`` is how far back realised sales tell that the market has left the
    model behind; as many as ``level_sales`` of them are half believed. ``equity`` is
    how much of the repair of vertical equity is taken. A state of ``market_sales``
    sales has a pipeline of its own, a family of dwellings of ``family_sales`` members
    of its own in a stack. ``extra_numbers`` are columns beyond the catalogue.
    ``feedback`` says which sales weigh more.

    Of each state the newest ``most_rows`` are learnt from and judge. Older ones say
    little: of NSW all 441,000 since 1990 gave 13.2 %, the 122,000 since 2021 13.0.
    """

    seed: int = 20_240_101
    holdout_share: float = 0.25
    origins: int = 3
    origin_sales: int = 100
    one_origin_sales: int = 60_000
    threads: int = 2
    min_coverage: float = 0.05
    season_years: float = 3.0
    level_days: int = 45
    level_sales: float = 100.0
    most_rows: int = 250_000
    market_sales: int = 8_000
    family_sales: int = 1_000
    extra_numbers: tuple[str, ...] = ()
    equity: EquityPolicy = field(default_factory=EquityPolicy)
    feedback: FeedbackWeights = field(default_factory=FeedbackWeights)


@dataclass(frozen=True)
class Learning:
    """What there is to learn from: model inputs, prices (AUD), days, what was sold.

    ``weight`` of each row, mean 1; None where all weigh the same.
    """

    inputs: pd.DataFrame
    price: Floats
    dates: npt.NDArray[Any]
    sold: npt.NDArray[np.bool_]
    recipe: Recipe
    policy: TrainingPolicy
    weight: Floats | None = None


def block_starts(
    days: npt.NDArray[Any], sales: int, policy: TrainingPolicy
) -> npt.NDArray[Any]:
    """First days of blocks of about as many sales; a day is never split."""
    import numpy as np

    if len(days) == 0:
        return days
    most = policy.origins if sales <= policy.one_origin_sales else 1
    blocks = max(1, min(most, len(days) // policy.origin_sales))
    ordered = np.sort(days)
    return np.unique(ordered[np.arange(blocks) * len(days) // blocks])


def judged_estimates(
    learning: Learning,
    held: npt.NDArray[np.bool_],
    starts: npt.NDArray[Any],
    names: tuple[str, ...],
    seconds: dict[str, float],
) -> dict[str, Floats]:
    """Each candidate's estimates of the held-out sales, block by block."""
    import numpy as np

    dates, recipe = learning.dates, learning.recipe
    # Places as each judged model could have known them.
    placed = [
        suburb_places.learnt(learning.inputs[dates < start]).filled(learning.inputs)
        for start in starts
    ]
    block = np.searchsorted(starts, dates[held], side="right") - 1
    families = family_of(learning.inputs)
    by_name = {name: candidates.members(name, recipe) or (name,) for name in names}
    # Members shared by candidates are fitted once.
    members = dict.fromkeys(m for found in by_name.values() for m in found)
    tasks = [
        (member, at, family)
        for member in members
        for family in (recipe.families if member.endswith(OWN) else ("",))
        for at in range(len(starts))
    ]

    def rows(member: str, at: int, family: str) -> tuple[Any, Any]:
        """Whom it learns from, and whom of the held-out it values."""
        before, judged = dates < starts[at], block == at
        if family:
            before &= families == family
            judged &= families[held] == family
        if member == BASELINE:
            before &= learning.sold
        return before, judged

    def parts(member: str, at: int, family: str) -> tuple[Any, ...]:
        before, judged = rows(member, at, family)
        return (
            (
                member.removesuffix(OWN),
                placed[at][before],
                learning.price[before],
                placed[at].iloc[np.flatnonzero(held)[judged]],
            ),
            recipe,
            None if learning.weight is None else learning.weight[before],
        )

    logs = {member: np.full(int(held.sum()), np.nan) for member in members}
    answers = _answers((parts(*task) for task in tasks), names, learning)
    for task, (found, took) in zip(tasks, answers, strict=True):
        member = task[0]
        logs[member][rows(*task)[1]] = np.log(found)
        seconds[f"fit_{member}"] = seconds.get(f"fit_{member}", 0.0) + took
    for member, log in logs.items():
        if member.endswith(OWN):
            # Of families without members of their own the shared ones speak.
            shared = logs[member.removesuffix(OWN)]
            logs[member] = np.where(np.isnan(log), shared, log)
    return {
        name: np.exp(np.mean([logs[member] for member in found], axis=0))
        for name, found in by_name.items()
    }


def _answers(
    parts: Iterator[tuple[Any, ...]], names: tuple[str, ...], learning: Learning
) -> list[tuple[Floats, float]]:
    """Estimates of each task and the seconds it took, in order."""
    threads = learning.policy.threads
    if candidates.STACK not in names or threads < 2:
        with limited(worth_using(threads, len(learning.inputs))):
            return [_estimate(*task) for task in parts]
    # Growing trees and networks is Python for the most part: threads would wait for
    # each other. Warnings ignored here are ignored there.
    from joblib import parallel_config  # type: ignore[import-untyped]
    from sklearn.utils.parallel import Parallel, delayed

    with parallel_config(backend="loky", n_jobs=threads, inner_max_num_threads=1):
        found: list[tuple[Floats, float]] = Parallel()(
            delayed(_estimate_elsewhere)(*task) for task in parts
        )
    return found


def _estimate_elsewhere(*task: Any) -> tuple[Floats, float]:
    """The same in a worker, which later fits members of the refit as well."""
    ends_with_parent()
    return _estimate(*task)


def _estimate(
    task: tuple[str, pd.DataFrame, Floats, pd.DataFrame],
    recipe: Recipe,
    weight: Floats | None,
) -> tuple[Floats, float]:
    """Fit one member on what came before; its estimates of what came after."""
    member, before, price, judged = task
    began = time.perf_counter()
    if member == BASELINE:
        # The naive baseline stays naive.
        model, weight = candidates.build(member, before, recipe), None
    else:
        model = candidates.build_member(member, before, recipe)
    fit(model, before, price, weight)
    return predict(model, judged), time.perf_counter() - began


def levelled(
    dates: npt.NDArray[Any],
    price: Floats,
    estimate: Floats,
    starts: npt.NDArray[Any],
    policy: TrainingPolicy,
) -> tuple[Floats, float]:
    """Estimates moved by what sales before each block told of the market's level.

    And the move (ln) that all of them together ask of the refitted model.
    """
    import numpy as np

    moved = estimate.copy()
    # With one block there is none before it: a move that nobody judged is not made.
    if len(starts) < 2:
        return moved, 0.0
    error = np.log(price / estimate)

    def asked(day: Any) -> float:
        window = np.timedelta64(policy.level_days, "D")
        recent = error[(dates < day) & (dates >= day - window)]
        if len(recent) == 0:
            return 0.0
        return float(
            np.median(recent) * len(recent) / (len(recent) + policy.level_sales)
        )

    block = np.searchsorted(starts, dates, side="right") - 1
    for at, start in enumerate(starts):
        moved[block == at] *= np.exp(asked(start))
    return moved, asked(dates.max() + np.timedelta64(1, "D"))


def fit(
    model: Any, inputs: pd.DataFrame, price: Floats, weight: Floats | None = None
) -> None:
    """Teach a candidate or member rows of model inputs, each of which weighs so much.

    Every member takes weights, networks too; what they impute, scale and encode by
    counts each row once.
    """
    model.fit(inputs, price, **({} if weight is None else {"sample_weight": weight}))


def predict(model: Any, inputs: pd.DataFrame) -> Floats:
    """Estimates (AUD, at least one dollar) of rows of model inputs, even of none."""
    import numpy as np

    if len(inputs) == 0:
        return np.empty(0)
    return np.maximum(np.asarray(model.predict(inputs), dtype="float64"), 1.0)
