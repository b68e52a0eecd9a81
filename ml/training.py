"""Train the candidates, judge them on later sales, refit the winner on everything.

Judged by rolling origin: the latest sales in blocks of time, each estimated by models
that learnt from everything before it. Bids that were not accepted teach, but judge
nobody. Here: pure work on a frame of training features. Elsewhere: recording and
registering (``registration`` through ``tracking``), who becomes champion
(``promotion``).
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml import bootstrap, candidates, equity, evaluation, features, intervals
from ml.candidates import BASELINE, MEMBERS, Recipe
from ml.equity import Equity
from ml.rolling_origin import (
    Learning,
    TrainingPolicy,
    block_starts,
    judged_estimates,
    levelled,
    predict,
)
from ml.threads import limited, worth_using

__all__ = ["NoTrainingDataError", "Trained", "TrainingPolicy", "predict", "train"]

if TYPE_CHECKING:
    import datetime

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ml.bootstrap import Bounds
    from ml.intervals import IntervalModel

    Floats = npt.NDArray[np.float64]


class NoTrainingDataError(ValueError):
    """There is not one valid market sale to learn from; a rerun cannot help."""


@dataclass(frozen=True)
class Holdout:
    """The judged sales, in date order.

    Model inputs, lineage (``features.LINEAGE``), dates, prices (AUD), and each
    candidate's estimates (AUD) from a model that saw only earlier sales.
    """

    inputs: pd.DataFrame
    lineage: pd.DataFrame
    dates: npt.NDArray[Any]
    price: Floats
    estimates: dict[str, Floats]

    def after(self, date: datetime.date) -> npt.NDArray[np.bool_]:
        """Mark sales later than ``date``."""
        import numpy as np

        days = self.dates.astype("datetime64[D]")
        return np.asarray(days > np.datetime64(date), dtype=bool)


@dataclass(frozen=True)
class JudgedIntervals:
    """Intervals (AUD, by percent) of later sales than those they were calibrated on."""

    price: Floats
    estimate: Floats
    low: dict[int, Floats]
    high: dict[int, Floats]

    def coverage_pct(self, pct: int) -> float:
        """Share of the prices inside, in percent."""
        return evaluation.coverage_pct(self.price, self.low[pct], self.high[pct])

    def width_pct(self, pct: int) -> float:
        """Mean width in percent of the estimate."""
        return intervals.width_pct(self.low[pct], self.high[pct], self.estimate)


@dataclass(frozen=True)
class Trained:
    """Outcome of a training: the refitted winner and the evidence for it.

    ``rows`` were learnt from, ``bids`` of them not sales; ``origins`` are the first
    days of the blocks judged. ``level_shift`` (ln) is what realised sales moved the
    model by, ``equity`` how it was stretched. ``accuracies`` by candidate on the
    hold-out; ``judged_intervals`` are of its later half, calibrated on its earlier
    half, None when there are too few; dates are those of the first and last sale
    trained on.
    ``bounds`` are of the winner's measures, by resampling the hold-out. ``columns`` the
    models used; ``left_out`` says of each of the others why; ``dwelling_types`` are
    those trained on ("" for unknown).
    """

    winner: str
    model: Any
    interval_models: dict[int, IntervalModel]
    accuracies: dict[str, evaluation.Accuracy]
    judged_intervals: JudgedIntervals | None
    holdout: Holdout
    rows: int
    bids: int
    origins: tuple[datetime.date, ...]
    level_shift: float
    equity: Equity
    first_sale: datetime.date
    cut: datetime.date | None
    last_sale: datetime.date
    columns: tuple[str, ...]
    left_out: dict[str, str]
    dwelling_types: tuple[str, ...]
    bounds: dict[str, Bounds]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def headline(self) -> evaluation.Accuracy:
        """The winner's measures."""
        return self.accuracies[self.winner]

    @property
    def baseline(self) -> evaluation.Accuracy:
        """The naive baseline's measures on the same sales."""
        return self.accuracies[BASELINE]

    @property
    def coverage_pct(self) -> float:
        """Share of judged sales inside the interval, in percent; NaN for too few."""
        judged = self.judged_intervals
        return judged.coverage_pct(self.intervals.pct) if judged else math.nan

    @property
    def width_pct(self) -> float:
        """Mean width of that interval in percent of the estimate."""
        judged = self.judged_intervals
        return judged.width_pct(self.intervals.pct) if judged else math.nan

    @property
    def intervals(self) -> IntervalModel:
        """The interval that predictions carry."""
        return self.interval_models[intervals.INTERVAL_PCT]


def train(frame: pd.DataFrame, policy: TrainingPolicy | None = None) -> Trained:
    """Compare the candidates on the latest sales and refit the best on all.

    ``frame`` is ``features.read_training_features``: one row a market sale or bid. The
    winner has the smallest mean absolute log error; of equals, the simpler. With fewer
    than 50 sales only the median baseline takes part.

    Raises:
        NoTrainingDataError: the frame has no sale.
    """
    import numpy as np

    chosen = policy or TrainingPolicy()
    sold = ~features.is_bid(frame)
    if not sold.any():
        raise NoTrainingDataError(
            "no valid market sale in the training features: load sales first"
        )
    seconds: dict[str, float] = {}
    inputs = features.model_inputs(frame)
    price = frame["price_aud"].to_numpy(dtype="float64")
    dates = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    held = np.zeros(len(frame), dtype=bool)
    held[sold] = evaluation.later_share(dates[sold], chosen.holdout_share)
    starts = block_starts(dates[held], int(sold.sum()), chosen)
    # Decided by what the first of the judged models learns from, so that the others
    # and the refit use the same.
    first = dates < starts[0] if len(starts) else np.ones(len(frame), dtype=bool)
    left_out = _left_out(inputs[first], dates[first], chosen)
    columns = tuple(c for c in features.COLUMNS if c not in left_out)
    names = candidates.competitors(int(sold.sum()))
    recipe = Recipe(len(frame), chosen.seed, columns)
    learning = Learning(inputs, price, dates, sold, recipe, chosen)
    with _rounds_are_meant(), _timed(seconds, "judge"):
        raw = judged_estimates(learning, held, starts, names, seconds)
    repairs = {
        name: _repaired(dates[held], price[held], raw[name], starts, chosen)
        for name in names
        # The naive baseline stays naive.
        if name != BASELINE
    }
    repairs[BASELINE] = (raw[BASELINE], _NO_REPAIR)
    estimates = {name: repairs[name][0] for name in names}
    holdout = Holdout(
        inputs[held],
        frame.loc[held, list(features.LINEAGE)],
        dates[held],
        price[held],
        estimates,
    )
    accuracies = {
        name: evaluation.accuracy(holdout.price, estimates[name]) for name in names
    }
    winner = _best(holdout)
    repair = repairs[winner][1]
    with _rounds_are_meant(), _timed(seconds, "refit"):
        final = _refit(learning, winner, repair)
    return Trained(
        winner=winner,
        model=final,
        interval_models=intervals.fit_intervals(
            holdout.inputs, holdout.price, estimates[winner], columns
        ),
        accuracies=accuracies,
        judged_intervals=_judge_intervals(holdout, winner, columns),
        holdout=holdout,
        rows=len(frame),
        bids=int((~sold).sum()),
        origins=tuple(start.item() for start in starts),
        level_shift=repair.shift,
        equity=repair.equity,
        first_sale=dates.min().item(),
        cut=dates[held].min().item() if held.any() else None,
        last_sale=dates[sold].max().item(),
        columns=columns,
        left_out=left_out,
        dwelling_types=tuple(sorted(features.dwelling_types(inputs[sold]).unique())),
        bounds=bootstrap.bounds(holdout.price, estimates[winner], chosen.seed),
        seconds={key: round(value, 3) for key, value in seconds.items()},
    )


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


@dataclass(frozen=True)
class _Repair:
    """What is put on a model's answers: a move (ln) of the level, then a stretch."""

    shift: float
    equity: Equity


_NO_REPAIR = _Repair(0.0, Equity(0.0, equity.Stretch()))


def _repaired(
    dates: npt.NDArray[Any],
    price: Floats,
    estimate: Floats,
    starts: npt.NDArray[Any],
    policy: TrainingPolicy,
) -> tuple[Floats, _Repair]:
    moved, shift = levelled(dates, price, estimate, starts, policy)
    fair, found = equity.judged(price, moved, policy.equity)
    return fair, _Repair(shift, found)


def _refit(learning: Learning, winner: str, repair: _Repair) -> Any:
    """The winner on everything, repaired."""
    from joblib import parallel_config  # type: ignore[import-untyped]

    policy, rows = learning.policy, len(learning.inputs)
    if winner == BASELINE:
        model = candidates.build(winner, learning.inputs, learning.recipe)
        model.fit(learning.inputs[learning.sold], learning.price[learning.sold])
        return model
    several = len(MEMBERS[winner]) > 1
    model = candidates.build(winner, learning.inputs, learning.recipe, policy.threads)
    alone = worth_using(policy.threads, rows)
    with (
        limited(1 if several else alone),
        parallel_config(backend="loky", inner_max_num_threads=1),
    ):
        model.fit(learning.inputs, learning.price)
    lean = candidates.moved(candidates.lean(model), repair.shift)
    stretch = repair.equity.stretch
    return candidates.stretched(lean, stretch.centre, stretch.factor)


def permutation_importance(
    trained: Trained, seed: int, sample: int = 1_000
) -> dict[str, float]:
    """How many points of MdAPE each column is worth, on a sample of the hold-out.

    Measured on the refitted model: what it leans on, not how well it predicts.
    Largest first; empty when nothing is held out.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    count = len(trained.holdout.price)
    if count == 0:
        return {}
    rows = np.sort(rng.choice(count, min(sample, count), replace=False))
    inputs = trained.holdout.inputs.iloc[rows].reset_index(drop=True)
    price = trained.holdout.price[rows]
    worth: dict[str, float] = {}
    with limited(1):
        whole = evaluation.accuracy(price, predict(trained.model, inputs)).mdape
        for name in trained.columns:
            if inputs[name].nunique(dropna=False) < 2:
                continue
            shuffled = inputs.copy(deep=False)
            shuffled[name] = inputs[name].to_numpy()[rng.permutation(len(inputs))]
            guess = predict(trained.model, shuffled)
            worth[name] = evaluation.accuracy(price, guess).mdape - whole
    return dict(sorted(worth.items(), key=lambda item: -item[1]))


def _best(holdout: Holdout) -> str:
    """The smallest mean absolute log error; of equals, the simpler.

    Every sale counts in a mean. The median of the errors, which is what people ask
    for, depends on the few in the middle, and with them more on luck.
    """
    import numpy as np

    if len(holdout.price) == 0:
        return BASELINE

    def error(name: str) -> float:
        found = np.abs(np.log(holdout.estimates[name] / holdout.price)).mean()
        return round(float(found), 6)

    return min(holdout.estimates, key=lambda n: (error(n), candidates.ORDER.index(n)))


def _judge_intervals(
    holdout: Holdout, winner: str, columns: tuple[str, ...]
) -> JudgedIntervals | None:
    """Intervals calibrated on the hold-out's earlier half, of its later half."""
    later = evaluation.later_share(holdout.dates, 0.5)
    if later.sum() < 20 or (~later).sum() < 20:
        return None
    estimate = holdout.estimates[winner]
    fitted = intervals.fit_intervals(
        holdout.inputs[~later], holdout.price[~later], estimate[~later], columns
    )
    low: dict[int, Floats] = {}
    high: dict[int, Floats] = {}
    for pct, model in fitted.items():
        low[pct], high[pct] = model.bounds(holdout.inputs[later], estimate[later])
    return JudgedIntervals(holdout.price[later], estimate[later], low, high)


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
    seconds[name] = time.perf_counter() - start
