"""One market's pipeline: candidates judged on its later sales, the best refitted.

A market is a state with sales enough of its own; the others are valued by a pipeline
that learns from every state. Elsewhere: what markets give together (``training``).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ml import candidates, equity, evaluation, features
from ml.candidates import BASELINE, BOOSTING, Recipe
from ml.equity import Equity
from ml.market_model import WHOLE, Route, family_of
from ml.rolling_origin import (
    Learning,
    TrainingPolicy,
    block_starts,
    fit,
    judged_estimates,
    levelled,
)
from ml.suburb_places import Places
from ml.threads import limited, worth_using

if TYPE_CHECKING:
    import datetime

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sales:
    """Training features as arrays, in the order of time.

    Model inputs, prices (AUD), days, which rows are sales and no bids, and how much
    each weighs (None: all the same).
    """

    inputs: pd.DataFrame
    price: Floats
    dates: npt.NDArray[Any]
    sold: Mask
    weight: Floats | None = None


@dataclass(frozen=True)
class JudgedMarket:
    """What the later sales of a market say of its candidates, and who won.

    ``held`` marks the rows that judged; ``estimates`` (AUD) are of them, by candidate,
    moved by ``shift`` (ln) and stretched by ``equity``, which are the winner's.
    """

    name: str
    learning: Learning
    held: Mask
    origins: tuple[datetime.date, ...]
    left_out: dict[str, str]
    estimates: dict[str, Floats]
    winner: str
    shift: float
    equity: Equity

    @property
    def sales(self) -> int:
        """How many sales the refitted model learns from."""
        return int(self.learning.sold.sum())


def markets_of(sales: Sales, policy: TrainingPolicy) -> dict[str, Mask]:
    """Rows of each market: states of ``policy.market_sales`` sales, and the rest."""
    import numpy as np

    states = sales.inputs["state"]
    counts = states[sales.sold].value_counts()
    own = sorted(str(s) for s in counts.index[counts >= policy.market_sales])
    found = {name: (states == name).to_numpy(dtype=bool) for name in own}
    rest = ~np.logical_or.reduce([*found.values(), np.zeros(len(states), dtype=bool)])
    if rest[sales.sold].any():
        found[WHOLE] = rest
    # One market is the whole.
    return found if len(found) > 1 else {WHOLE: np.ones(len(states), dtype=bool)}


def judge_market(
    sales: Sales,
    name: str,
    rows: Mask,
    policy: TrainingPolicy,
    seconds: dict[str, float],
) -> JudgedMarket:
    """Judge the candidates on the later of the market's sales.

    The pipeline for what is no market of its own learns from every state.
    """
    import numpy as np

    alone = bool(rows.all())
    learnt = np.ones(len(rows), dtype=bool) if name == WHOLE else rows
    held = np.zeros(len(rows), dtype=bool)
    judging = rows & sales.sold
    held[judging] = evaluation.later_share(sales.dates[judging], policy.holdout_share)
    inputs, dates = sales.inputs[learnt], sales.dates[learnt]
    sold, mine = sales.sold[learnt], held[learnt]
    price = sales.price[held]
    starts = block_starts(dates[mine], int(sold.sum()), policy)
    # Decided by what the first of the judged models learns from, so that the others
    # and the refit use the same.
    first = dates < starts[0] if len(starts) else np.ones(len(inputs), dtype=bool)
    left_out = _left_out(inputs[first], dates[first], policy)
    recipe = Recipe(
        len(inputs),
        policy.seed,
        tuple(str(c) for c in inputs if c not in left_out),
        _families(inputs[first], policy),
    )
    names = candidates.competitors(int(sold.sum()))
    weight = None if sales.weight is None else sales.weight[learnt]
    learning = Learning(
        inputs, sales.price[learnt], dates, sold, recipe, policy, weight
    )
    with _rounds_are_meant(), _timed(seconds, "judge"):
        raw = judged_estimates(learning, mine, starts, names, seconds)
    estimates, shifts, repairs = {}, {}, {}
    for candidate, estimate in raw.items():
        if candidate == BASELINE:  # stays naive
            estimates[candidate] = estimate
            shifts[candidate], repairs[candidate] = 0.0, equity.NONE
            continue
        moved, shifts[candidate] = levelled(
            dates[mine], price, estimate, starts, policy
        )
        estimates[candidate], repairs[candidate] = equity.judged(
            price, moved, policy.equity
        )
    winner = _best(estimates, price, alone=alone)
    return JudgedMarket(
        name=name,
        learning=learning,
        held=held,
        origins=tuple(start.item() for start in starts),
        left_out=left_out,
        estimates=estimates,
        winner=winner,
        shift=shifts[winner],
        equity=repairs[winner],
    )


def refit(
    judged: JudgedMarket, places: Places, seconds: dict[str, float]
) -> tuple[dict[str, Any], dict[str, Route]]:
    """The winner fitted on everything: estimators by name, routes that lead to them.

    Homes without a place get one by ``places``.
    """
    winner, name = judged.winner, judged.name
    learning = replace(judged.learning, inputs=places.filled(judged.learning.inputs))
    stretch = judged.equity.stretch
    repairs = (judged.shift, stretch.centre, stretch.factor)
    members = candidates.members(winner, learning.recipe)
    shared = tuple(m for m in members if not m.endswith(candidates.OWN))
    with _rounds_are_meant(), _timed(seconds, "refit"):
        if winner == BASELINE:
            model = candidates.build(BASELINE, learning.inputs, learning.recipe)
            model.fit(learning.inputs[learning.sold], learning.price[learning.sold])
            return {name: model}, {name: Route((name,))}
        parts = {name: _fitted(learning, shared, learning.recipe, None)}
        routes = {name: Route((name,), *repairs)}
        if shared != members:
            for family in learning.recipe.families:
                key = f"{name}|{family}"
                rows = family_of(learning.inputs) == family
                parts[key] = _fitted(learning, shared, learning.recipe, rows)
                routes[key] = Route((name, key), *repairs)
    return parts, routes


def _fitted(
    learning: Learning, names: tuple[str, ...], recipe: Recipe, rows: Mask | None
) -> Any:
    """The mean of these members, of all rows or of some."""
    from joblib import parallel_config  # type: ignore[import-untyped]

    inputs, price, weight = learning.inputs, learning.price, learning.weight
    if rows is not None:
        inputs, price = inputs[rows], price[rows]
        weight = None if weight is None else weight[rows]
    threads = learning.policy.threads
    model = candidates.mean_of(names, inputs, recipe, threads)
    alone = worth_using(threads, len(inputs))
    with (
        limited(1 if len(names) > 1 else alone),
        parallel_config(backend="loky", inner_max_num_threads=1),
    ):
        fit(model, inputs, price, weight)
    return candidates.lean(model)


def _families(inputs: pd.DataFrame, policy: TrainingPolicy) -> tuple[str, ...]:
    """Families of dwellings that have sales enough to teach members of their own."""
    import numpy as np

    names, counts = np.unique(family_of(inputs), return_counts=True)
    found = tuple(str(name) for name in names[counts >= policy.family_sales])
    return found if len(names) > 1 else ()


def _left_out(
    inputs: pd.DataFrame, dates: npt.NDArray[Any], policy: TrainingPolicy
) -> dict[str, str]:
    """Columns that these rows cannot teach, each with the reason."""
    found = {
        name: f"{share:.1%} known"
        for name, share in features.coverage(inputs).items()
        if share < policy.min_coverage
    }
    if len(dates):
        years = float((dates.max() - dates.min()).astype("int64")) / 365.25
        if years < policy.season_years:
            # Prices that rose through one year look like a season.
            found[features.SEASON] = f"{years:.1f} years cannot tell season from growth"
    return found


def _best(estimates: dict[str, Floats], price: Floats, *, alone: bool) -> str:
    """The smallest mean absolute log error; of equals, the simpler.

    Every sale counts in a mean. The median of the errors, which is what people ask
    for, depends on the few in the middle, and with them more on luck.
    """
    import numpy as np

    if len(price) == 0:
        # Nothing judges a market beside others: it is valued as they are.
        return BASELINE if alone or BOOSTING not in estimates else BOOSTING

    def error(name: str) -> float:
        return round(float(np.abs(np.log(estimates[name] / price)).mean()), 6)

    return min(estimates, key=lambda n: (error(n), candidates.ORDER.index(n)))


@contextmanager
def _rounds_are_meant() -> Iterator[None]:
    """Networks stop after so many rounds because more would learn the noise."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
