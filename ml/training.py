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

from ml import bootstrap, candidates, evaluation, features, intervals
from ml.candidates import BASELINE, MEMBERS
from ml.threads import ends_with_parent, limited, worth_using

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
    model behind; as many as ``level_sales`` of them are half believed.
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
    model by. ``accuracies`` by candidate on the hold-out; ``judged_intervals`` are of
    its later half, calibrated on its earlier half, None when there are too few; dates
    are those of the first and last sale trained on.
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
    winner has the lowest MdAPE; of equals, the simpler. With fewer than 50 sales
    only the median baseline takes part.

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
    starts = _block_starts(dates[held], int(sold.sum()), chosen)
    # Decided by what the first of the judged models learns from, so that the others
    # and the refit use the same.
    first = dates < starts[0] if len(starts) else np.ones(len(frame), dtype=bool)
    left_out = _left_out(inputs[first], dates[first], chosen)
    columns = tuple(c for c in features.COLUMNS if c not in left_out)
    names = candidates.competitors(int(sold.sum()))
    learning = _Learning(inputs, price, dates, sold, columns, chosen)
    with _rounds_are_meant(), _timed(seconds, "judge"):
        raw = _judged_estimates(learning, held, starts, names, seconds)
    levelled = {
        name: _levelled(dates[held], price[held], raw[name], starts, chosen)
        for name in names
        # The naive baseline stays naive.
        if name != BASELINE
    }
    levelled[BASELINE] = (raw[BASELINE], 0.0)
    estimates = {name: levelled[name][0] for name in names}
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
    winner = _best(accuracies)
    shift = levelled[winner][1]
    with _rounds_are_meant(), _timed(seconds, "refit"):
        final = _refit(learning, winner, shift)
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
        level_shift=shift,
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
class _Learning:
    """What there is to learn from: model inputs, prices (AUD), days, what was sold."""

    inputs: pd.DataFrame
    price: Floats
    dates: npt.NDArray[Any]
    sold: npt.NDArray[np.bool_]
    columns: tuple[str, ...]
    policy: TrainingPolicy


def _block_starts(
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


def _judged_estimates(
    learning: _Learning,
    held: npt.NDArray[np.bool_],
    starts: npt.NDArray[Any],
    names: tuple[str, ...],
    seconds: dict[str, float],
) -> dict[str, Floats]:
    """Each candidate's estimates of the held-out sales, block by block."""
    import numpy as np

    policy, dates = learning.policy, learning.dates
    block = np.searchsorted(starts, dates[held], side="right") - 1
    # Members shared by candidates are fitted once.
    members = dict.fromkeys(m for name in names for m in MEMBERS.get(name, (name,)))
    tasks = [(member, at) for member in members for at in range(len(starts))]

    def parts(member: str, at: int) -> tuple[Any, ...]:
        before = dates < starts[at]
        if member == BASELINE:
            before &= learning.sold
        judged = np.flatnonzero(held)[block == at]
        inputs = learning.inputs
        return (
            (member, inputs[before], learning.price[before], inputs.iloc[judged]),
            (policy.seed, learning.columns),
        )

    by_member = {member: np.full(int(held.sum()), np.nan) for member in members}
    answers = _answers((parts(*task) for task in tasks), names, learning)
    for (member, at), (found, took) in zip(tasks, answers, strict=True):
        by_member[member][block == at] = found
        seconds[f"fit_{member}"] = seconds.get(f"fit_{member}", 0.0) + took
    return {
        name: np.exp(
            np.mean([np.log(by_member[m]) for m in MEMBERS.get(name, (name,))], axis=0)
        )
        for name in names
    }


def _answers(
    parts: Iterator[tuple[Any, ...]], names: tuple[str, ...], learning: _Learning
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
    how: tuple[int, tuple[str, ...]],
) -> tuple[Floats, float]:
    """Fit one member on what came before; its estimates of what came after."""
    member, before, price, judged = task
    seed, columns = how
    began = time.perf_counter()
    if member == BASELINE:
        model = candidates.build(member, before, seed)
    else:
        model = candidates.build_member(member, before, seed, columns)
    model.fit(before, price)
    return predict(model, judged), time.perf_counter() - began


def _levelled(
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


def _refit(learning: _Learning, winner: str, shift: float) -> Any:
    """The winner on everything, moved to the market's level."""
    from joblib import parallel_config

    policy, rows = learning.policy, len(learning.inputs)
    if winner == BASELINE:
        model = candidates.build(winner, learning.inputs, policy.seed)
        model.fit(learning.inputs[learning.sold], learning.price[learning.sold])
        return model
    several = len(MEMBERS[winner]) > 1
    model = candidates.build(
        winner, learning.inputs, policy.seed, learning.columns, policy.threads
    )
    alone = worth_using(policy.threads, rows)
    with (
        limited(1 if several else alone),
        parallel_config(backend="loky", inner_max_num_threads=1),
    ):
        model.fit(learning.inputs, learning.price)
    return candidates.moved(candidates.lean(model), shift)


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


def _best(accuracies: dict[str, evaluation.Accuracy]) -> str:
    judged = [name for name in accuracies if accuracies[name].n > 0]
    if not judged:
        return BASELINE
    return min(judged, key=lambda n: (accuracies[n].mdape, candidates.ORDER.index(n)))


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


def predict(model: Any, inputs: pd.DataFrame) -> Floats:
    """Estimates (AUD, at least one dollar) of rows of model inputs, even of none."""
    import numpy as np

    if len(inputs) == 0:
        return np.empty(0)
    return np.maximum(np.asarray(model.predict(inputs), dtype="float64"), 1.0)


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
