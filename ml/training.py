"""Train the candidates, judge them on later sales, refit the winner on everything.

Judged by rolling origin: the latest sales in blocks of time, each estimated by models
that learnt from everything before it. Bids that were not accepted teach, but judge
nobody. Here: pure work on a frame of training features. Elsewhere: recording and
registering (``registration`` through ``tracking``), who becomes champion
(``promotion``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml import (
    bootstrap,
    candidates,
    evaluation,
    features,
    intervals,
    suburb_places,
)
from ml.candidates import BASELINE, BY_MARKET
from ml.equity import Equity
from ml.market_model import WHOLE, MarketModel, Route
from ml.market_training import JudgedMarket, Sales, judge_market, markets_of, refit
from ml.rolling_origin import TrainingPolicy, predict
from ml.threads import limited
from ml.weighting import FeedbackWeights

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
class Market:
    """One market's pipeline: who won, on what, and what was put upon it.

    ``rows`` were learnt from, ``sales`` of them no bids; ``origins`` are the first days
    of the blocks judged. ``level_shift`` (ln) is what realised sales moved the model
    by, ``equity`` how it was stretched; ``families`` have members of their own in a
    stack. ``accuracy`` is the winner's.
    """

    name: str
    winner: str
    rows: int
    sales: int
    origins: tuple[datetime.date, ...]
    level_shift: float
    equity: Equity
    families: tuple[str, ...]
    accuracy: evaluation.Accuracy


@dataclass(frozen=True)
class Trained:
    """Outcome of a training: the refitted winner and the evidence for it.

    ``rows`` were learnt from, ``bids`` of them not sales; ``older_rows`` were left out
    as there are newer ones enough. ``accuracies`` by candidate
    on the hold-out; ``judged_intervals`` are of its later half, calibrated on its
    earlier half, None when there are too few; dates are those of the first and last
    sale trained on. Each of ``markets`` has a pipeline of its own.
    ``bounds`` are of the winner's measures, by resampling the hold-out. ``columns`` the
    models used; ``left_out`` says of each of the others why; ``dwelling_types`` are
    those trained on ("" for unknown); ``feedback`` says which sales weighed more.
    """

    winner: str
    model: Any
    interval_models: dict[int, IntervalModel]
    accuracies: dict[str, evaluation.Accuracy]
    judged_intervals: JudgedIntervals | None
    holdout: Holdout
    rows: int
    bids: int
    markets: tuple[Market, ...]
    first_sale: datetime.date
    cut: datetime.date | None
    last_sale: datetime.date
    columns: tuple[str, ...]
    left_out: dict[str, str]
    dwelling_types: tuple[str, ...]
    bounds: dict[str, Bounds]
    feedback: FeedbackWeights = field(default_factory=FeedbackWeights)
    older_rows: int = 0
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

    ``frame`` is ``features.read_training_features``: one row a market sale or bid.
    States with sales enough are markets with pipelines of their own. A market's winner
    has the smallest mean absolute log error; of equals, the simpler. With fewer than 50
    sales only the median baseline takes part.

    Raises:
        NoTrainingDataError: the frame has no sale.
    """
    chosen = policy or TrainingPolicy()
    given = len(frame)
    frame = _newest(frame, chosen.most_rows)
    sold = ~features.is_bid(frame)
    if not sold.any():
        raise NoTrainingDataError(
            "no valid market sale in the training features: load sales first"
        )
    seconds: dict[str, float] = {}
    inputs = features.model_inputs(frame, chosen.extra_numbers)
    sales = Sales(
        inputs,
        frame["price_aud"].to_numpy(dtype="float64"),
        frame["as_of_date"].to_numpy().astype("datetime64[D]"),
        sold,
        chosen.feedback.of(inputs, sold),
    )
    markets = [
        judge_market(sales, name, rows, chosen, seconds)
        for name, rows in markets_of(sales, chosen).items()
    ]
    holdout = _together(frame, sales, markets)
    winner = markets[0].winner if len(markets) == 1 else BY_MARKET
    parts: dict[str, Any] = {}
    routes: dict[str, Route] = {}
    places = suburb_places.learnt(sales.inputs)
    for market in markets:
        fitted, leading = refit(market, places, seconds)
        parts |= fitted
        routes |= leading
    used = {c for market in markets for c in market.learning.recipe.columns}
    columns = tuple(str(c) for c in sales.inputs if c in used)
    return Trained(
        winner=winner,
        model=MarketModel(parts, routes, places),
        interval_models=intervals.fit_intervals(
            holdout.inputs, holdout.price, holdout.estimates[winner], columns
        ),
        accuracies={
            name: evaluation.accuracy(holdout.price, estimate)
            for name, estimate in holdout.estimates.items()
        },
        judged_intervals=_judge_intervals(holdout, winner, columns),
        holdout=holdout,
        markets=tuple(_told(market, sales) for market in markets),
        rows=len(frame),
        older_rows=given - len(frame),
        bids=int((~sold).sum()),
        first_sale=sales.dates.min().item(),
        cut=holdout.dates.min().item() if len(holdout.dates) else None,
        last_sale=sales.dates[sold].max().item(),
        columns=columns,
        left_out=_left_out(markets),
        dwelling_types=tuple(
            sorted(features.dwelling_types(sales.inputs[sold]).unique())
        ),
        bounds=bootstrap.bounds(holdout.price, holdout.estimates[winner], chosen.seed),
        feedback=chosen.feedback,
        seconds={key: round(value, 3) for key, value in seconds.items()},
    )


def _newest(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """The newest rows of each state, in the order they were; a day is never split."""
    counts = frame["state"].value_counts(dropna=False)
    if not (counts > most).any():
        return frame
    days = frame["as_of_date"]
    place = days.groupby(frame["state"], dropna=False).rank(
        method="min", ascending=False
    )
    return frame[place <= most].reset_index(drop=True)


def _together(
    frame: pd.DataFrame, sales: Sales, markets: list[JudgedMarket]
) -> Holdout:
    """What all markets held out, in the order of time.

    Of several markets: the candidates that each has, and the best of each.
    """
    import numpy as np

    held = np.logical_or.reduce([market.held for market in markets])
    names = [
        name
        for name in candidates.ORDER
        if all(name in market.estimates for market in markets)
    ]
    estimates: dict[str, Floats] = {}
    for name in [*names, *([BY_MARKET] if len(markets) > 1 else [])]:
        found = np.full(len(frame), np.nan)
        for market in markets:
            chosen = market.winner if name == BY_MARKET else name
            found[market.held] = market.estimates[chosen]
        estimates[name] = found[held]
    return Holdout(
        sales.inputs[held],
        frame.loc[held, list(features.LINEAGE)],
        sales.dates[held],
        sales.price[held],
        estimates,
    )


def _told(market: JudgedMarket, sales: Sales) -> Market:
    return Market(
        name=market.name,
        winner=market.winner,
        rows=len(market.learning.inputs),
        sales=market.sales,
        origins=market.origins,
        level_shift=market.shift,
        equity=market.equity,
        families=market.learning.recipe.families,
        accuracy=evaluation.accuracy(
            sales.price[market.held], market.estimates[market.winner]
        ),
    )


def _left_out(markets: list[JudgedMarket]) -> dict[str, str]:
    """Columns that a market does not use, each with the reason."""
    found: dict[str, str] = {}
    for market in markets:
        place = "" if len(markets) == 1 else f"{market_name(market.name)}: "
        for name, reason in market.left_out.items():
            told = place + reason
            found[name] = f"{found[name]}; {told}" if name in found else told
    return found


def market_name(name: str) -> str:
    """A market as people call it."""
    return "every state" if name == WHOLE else name


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
