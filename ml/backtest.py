"""What estimates would have been worth: learn before a date, value what sold after it.

Here: cuts, training by the platform's own rule before each, estimates of the sales
after it, and measures by group. Features are each sale's own as-of row, so nothing
dated on or after a sale, and no price after a cut, is seen. Elsewhere: the rule itself
(``training``), the measures (``evaluation``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml import bootstrap, evaluation, features, intervals, training

if TYPE_CHECKING:
    import datetime

    import numpy as np
    import pandas as pd

    from ml.training import Trained, TrainingPolicy

Walk = Literal["frozen", "monthly"]

_DECILES = 10
#: Suburbs by the least number of sales learnt from in them.
_SUBURB_SIZES = {
    "none": 0,
    "1 to 4": 1,
    "5 to 19": 5,
    "20 to 99": 20,
    "100 or more": 100,
}


class NothingToJudgeError(ValueError):
    """No sale before the date to learn from, or none after it to value."""


@dataclass(frozen=True)
class Backtest:
    """Each later sale with what was said of it.

    ``rows`` has ``sale_id``, ``property_id``, ``as_of_date``, ``state``, ``suburb``
    (the locality's key), ``dwelling_type``, ``price_aud``, ``estimate_aud``, ``low_68``
    to ``high_95`` (AUD), ``trained_before``, ``model`` and ``refused`` (why there is no
    estimate; empty where there is one). ``fit_seconds`` is the time of all trainings.
    """

    rows: pd.DataFrame
    as_of: datetime.date
    walk: Walk
    trainings: int
    fit_seconds: float
    seed: int

    @property
    def valued(self) -> pd.DataFrame:
        """Rows that have an estimate."""
        return self.rows[self.rows["refused"] == ""]

    @property
    def sales(self) -> int:
        """How many sales there were to value."""
        return len(self.rows)

    def measures(self) -> dict[str, float]:
        """Of all sales valued: accuracy, intervals, bounds, hit rate and time."""
        valued = self.valued
        found = _measures(valued) | {
            "hit_rate": 100 * len(valued) / self.sales,
            "sales": self.sales,
            "trainings": self.trainings,
            "fit_seconds": self.fit_seconds,
        }
        price, estimate = _dollars(valued)
        for name, limits in bootstrap.bounds(price, estimate, self.seed).items():
            found |= {f"{name}_low": limits.low, f"{name}_high": limits.high}
        return found

    def by_group(self) -> dict[str, dict[str, dict[str, float]]]:
        """The same measures by market, type, price, suburb size and month."""
        valued = self.valued
        return {
            name: {
                str(label): _measures(part)
                for label, part in valued.groupby(keys, observed=True, sort=True)
            }
            for name, keys in _groups(valued).items()
        }


def backtest(
    frame: pd.DataFrame,
    as_of: datetime.date,
    walk: Walk = "frozen",
    policy: TrainingPolicy | None = None,
) -> Backtest:
    """Value every sale of ``frame`` from ``as_of`` on by what was learnt before.

    ``frame`` is ``features.read_training_features``. Frozen trains once; monthly again
    at each first of a month, on everything before it, as the schedule does. A sale of a
    dwelling type that was not learnt is refused and counted.

    Raises:
        NothingToJudgeError: there is no sale on one side of the date.
    """
    import numpy as np
    import pandas as pd

    chosen = policy or training.TrainingPolicy()
    dates = frame["as_of_date"].to_numpy().astype("datetime64[D]")
    sold = ~features.is_bid(frame)
    first = np.datetime64(as_of)
    if not (sold & (dates < first)).any():
        raise NothingToJudgeError(f"no sale before {as_of} to learn from")
    if not (sold & (dates >= first)).any():
        raise NothingToJudgeError(f"no sale from {as_of} on to value")
    parts: list[pd.DataFrame] = []
    seconds = 0.0
    for begin, end in _cuts(first, dates.max(), walk):
        later = sold & (dates >= begin) & (dates < end)
        if not later.any():
            continue
        before = frame[dates < begin]
        started = time.perf_counter()
        trained = training.train(before, chosen)
        seconds += time.perf_counter() - started
        parts.append(_judged(trained, frame[later], before, begin, chosen))
    return Backtest(
        rows=pd.concat(parts, ignore_index=True),
        as_of=as_of,
        walk=walk,
        trainings=len(parts),
        fit_seconds=round(seconds, 3),
        seed=chosen.seed,
    )


def _cuts(
    first: np.datetime64, last: np.datetime64, walk: Walk
) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    """Begin and end (exclusive) of the sales that each training values."""
    import numpy as np

    beyond = last + np.timedelta64(1, "D")
    if walk == "frozen":
        yield first, beyond
        return
    begin = first
    while begin < beyond:
        month = begin.astype("datetime64[M]") + np.timedelta64(1, "M")
        end = min(month.astype("datetime64[D]"), beyond)
        yield begin, end
        begin = end


def _judged(
    trained: Trained,
    later: pd.DataFrame,
    before: pd.DataFrame,
    cut: np.datetime64,
    policy: TrainingPolicy,
) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    inputs = features.model_inputs(later, policy.extra_numbers)
    known = features.dwelling_types(inputs).isin(trained.dwelling_types).to_numpy()
    estimate = np.full(len(later), np.nan)
    estimate[known] = training.predict(trained.model, inputs[known])
    refused = np.where(known, "", "dwelling_type_not_learnt")
    refused[known & np.isnan(estimate)] = "market_not_learnt"
    known = refused == ""
    rows: dict[str, Any] = {
        "sale_id": later["sale_id"].to_numpy(),
        "property_id": later["property_id"].to_numpy(),
        "as_of_date": later["as_of_date"].to_numpy().astype("datetime64[D]"),
        "state": later["state"].to_numpy(),
        "suburb": later["locality"].to_numpy(),
        "dwelling_type": features.dwelling_types(inputs).to_numpy(),
        "price_aud": later["price_aud"].to_numpy(dtype="float64"),
        "estimate_aud": estimate,
    }
    for pct, model in trained.interval_models.items():
        for end in ("low", "high"):
            rows[f"{end}_{pct}"] = np.full(len(later), np.nan)
        low, high = model.bounds(inputs[known], estimate[known])
        rows[f"low_{pct}"][known], rows[f"high_{pct}"][known] = low, high
    learnt = before.loc[~features.is_bid(before), "locality"].value_counts()
    rows |= {
        "suburb_sales": later["locality"].map(learnt).fillna(0).to_numpy(dtype="int64"),
        "trained_before": cut,
        "model": trained.winner,
        "refused": refused,
    }
    return pd.DataFrame(rows)


def _dollars(rows: pd.DataFrame) -> tuple[evaluation.Floats, evaluation.Floats]:
    return (
        rows["price_aud"].to_numpy(dtype="float64"),
        rows["estimate_aud"].to_numpy(dtype="float64"),
    )


def _measures(rows: pd.DataFrame) -> dict[str, float]:
    price, estimate = _dollars(rows)
    found: dict[str, float] = evaluation.accuracy(price, estimate).as_dict()
    found["n"] = len(rows)
    for pct in intervals.PCTS:
        low, high = (rows[f"{end}_{pct}"].to_numpy() for end in ("low", "high"))
        found[f"coverage_{pct}"] = evaluation.coverage_pct(price, low, high)
        found[f"width_{pct}"] = intervals.width_pct(low, high, estimate)
    return found


def _groups(rows: pd.DataFrame) -> dict[str, Any]:
    """Label of each row by name of the group."""
    import numpy as np
    import pandas as pd

    months = rows["as_of_date"].to_numpy().astype("datetime64[M]").astype("int64")
    trained = rows["trained_before"].to_numpy().astype("datetime64[M]").astype("int64")
    rank = rows["price_aud"].rank(method="first", pct=True)
    sizes = pd.cut(
        rows["suburb_sales"],
        [*_SUBURB_SIZES.values(), float("inf")],
        labels=list(_SUBURB_SIZES),
        right=False,
    )
    return {
        "market": rows["state"].fillna("unknown"),
        "dwelling_type": rows["dwelling_type"].replace("", "unknown"),
        "price_decile": np.ceil(rank * _DECILES).astype("int64"),
        "suburb_sales": sizes,
        "months_since_training": pd.Series(months - trained, index=rows.index),
    }
