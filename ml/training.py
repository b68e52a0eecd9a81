"""Train the candidates, judge them on later sales, refit the winner on everything.

Here: pure work on a frame of training features. Elsewhere: recording and registering
(``registration`` through ``tracking``), who becomes champion (``promotion``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml import bootstrap, candidates, evaluation, features, intervals
from ml.candidates import BASELINE, BOOSTING, LINEAR
from ml.threads import limited, worth_using

if TYPE_CHECKING:
    import datetime

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ml.bootstrap import Bounds

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
    """

    seed: int = 20_240_101
    holdout_share: float = 0.2
    threads: int = 2
    min_coverage: float = 0.05


@dataclass(frozen=True)
class Holdout:
    """The judged sales, in date order.

    Model inputs, dates, prices (AUD), and each candidate's estimates (AUD) from a
    model that saw only earlier sales.
    """

    inputs: pd.DataFrame
    dates: npt.NDArray[Any]
    price: Floats
    estimates: dict[str, Floats]

    def after(self, date: datetime.date) -> npt.NDArray[np.bool_]:
        """Mark sales later than ``date``."""
        import numpy as np

        days = self.dates.astype("datetime64[D]")
        return np.asarray(days > np.datetime64(date), dtype=bool)


@dataclass(frozen=True)
class Trained:
    """Outcome of a training: the refitted winner and the evidence for it.

    ``accuracies`` by candidate on the hold-out; ``coverage_pct`` is the share of the
    later half of the hold-out inside intervals calibrated on its earlier half, NaN
    when there are too few; dates are those of the first and last sale trained on.
    ``bounds`` are of the winner's measures, by resampling the hold-out. ``columns`` the
    models used; ``left_out`` has the share of sales that knew each of
    the others; ``dwelling_types`` are those trained on ("" for unknown).
    """

    winner: str
    model: Any
    intervals: intervals.IntervalModel
    accuracies: dict[str, evaluation.Accuracy]
    coverage_pct: float
    width_pct: float
    holdout: Holdout
    rows: int
    first_sale: datetime.date
    cut: datetime.date | None
    last_sale: datetime.date
    columns: tuple[str, ...]
    left_out: dict[str, float]
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


def train(frame: pd.DataFrame, policy: TrainingPolicy | None = None) -> Trained:
    """Compare the candidates on the latest sales and refit the best on all.

    ``frame`` is ``features.read_training_features``: one row a market sale. The
    winner has the lowest MdAPE; of equals, the simpler. With fewer than 50 sales
    only the median baseline takes part.

    Raises:
        NoTrainingDataError: the frame is empty.
    """
    chosen = policy or TrainingPolicy()
    if frame.empty:
        raise NoTrainingDataError(
            "no valid market sale in the training features: load sales first"
        )
    seconds: dict[str, float] = {}
    inputs = features.model_inputs(frame)
    price = frame["price_aud"].to_numpy(dtype="float64")
    dates = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    held = evaluation.later_share(dates, chosen.holdout_share)
    names = _competitors(len(frame))
    # Decided by what the judged models learn from, so that the refit uses the same.
    coverage = features.coverage(inputs[~held])
    left_out = {c: v for c, v in coverage.items() if v < chosen.min_coverage}
    columns = tuple(c for c in features.COLUMNS if c not in left_out)
    with limited(worth_using(chosen.threads, len(frame))):
        estimates: dict[str, Floats] = {}
        for name in names:
            with _timed(seconds, f"fit_{name}"):
                model = candidates.build(name, inputs[~held], chosen.seed, columns)
                model.fit(inputs[~held], price[~held])
                estimates[name] = predict(model, inputs[held])
        holdout = Holdout(inputs[held], dates[held], price[held], estimates)
        accuracies = {
            name: evaluation.accuracy(holdout.price, estimates[name]) for name in names
        }
        winner = _best(accuracies)
        own = intervals.OWN_SALE in columns
        covered, width = _judge_intervals(holdout, winner, own)
        with _timed(seconds, "refit"):
            final = candidates.build(winner, inputs, chosen.seed, columns)
            final.fit(inputs, price)
    return Trained(
        winner=winner,
        model=final,
        intervals=intervals.fit_intervals(
            holdout.inputs, holdout.price, estimates[winner], own_sale=own
        ),
        accuracies=accuracies,
        coverage_pct=covered,
        width_pct=width,
        holdout=holdout,
        rows=len(frame),
        first_sale=dates.min().item(),
        cut=dates[held].min().item() if held.any() else None,
        last_sale=dates.max().item(),
        columns=columns,
        left_out=left_out,
        dwelling_types=tuple(sorted(features.dwelling_types(inputs).unique())),
        bounds=bootstrap.bounds(holdout.price, estimates[winner], chosen.seed),
        seconds={key: round(value, 3) for key, value in seconds.items()},
    )


def permutation_importance(
    trained: Trained, seed: int, sample: int = 2_000
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


def _competitors(rows: int) -> tuple[str, ...]:
    if rows < candidates.MIN_ROWS_TO_LEARN:
        return (BASELINE,)
    return (BASELINE, LINEAR, BOOSTING)


def _best(accuracies: dict[str, evaluation.Accuracy]) -> str:
    judged = [name for name in accuracies if accuracies[name].n > 0]
    if not judged:
        return BASELINE
    return min(judged, key=lambda n: (accuracies[n].mdape, candidates.ORDER.index(n)))


def _judge_intervals(
    holdout: Holdout, winner: str, own_sale: bool
) -> tuple[float, float]:
    """Coverage and mean width of the interval, in percent (of sales, of the estimate).

    On the hold-out's later half, of intervals calibrated on its earlier half.
    """
    import numpy as np

    later = evaluation.later_share(holdout.dates, 0.5)
    if later.sum() < 20 or (~later).sum() < 20:
        return float("nan"), float("nan")
    estimate = holdout.estimates[winner]
    fitted = intervals.fit_intervals(
        holdout.inputs[~later],
        holdout.price[~later],
        estimate[~later],
        own_sale=own_sale,
    )
    low, high = fitted.bounds(holdout.inputs[later], estimate[later])
    width = float(np.mean((high - low) / estimate[later]) * 100)
    return evaluation.coverage_pct(holdout.price[later], low, high), width


def predict(model: Any, inputs: pd.DataFrame) -> Floats:
    """Estimates (AUD, at least one dollar) of rows of model inputs, even of none."""
    import numpy as np

    if len(inputs) == 0:
        return np.empty(0)
    return np.maximum(np.asarray(model.predict(inputs), dtype="float64"), 1.0)


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start
