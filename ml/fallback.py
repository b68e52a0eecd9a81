"""Valuing without a model: last good estimate, indexed last sale, local median.

Each is less sure than the one before, and says so: a wider interval and a lower
confidence. Widths are policy, set from the spread of such estimates on NSW sales.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml import intervals

if TYPE_CHECKING:
    import pandas as pd
    import psycopg

# Half widths in log AUD of the 80 % interval, and what is left of the confidence.
_INDEXED_HALF = 0.25
_INDEXED_HALF_PER_YEAR = 0.02
_LOCAL_HALF = {
    "suburb_type_log_price_12m": 0.45,
    "postcode_type_log_price_12m": 0.50,
    "suburb_log_price_12m": 0.60,
    "state_type_log_price_3m": 0.80,
}
_TRUST = {"last_prediction": 0.9, "indexed_last_sale": 0.8, "local_median": 0.6}
# Shops, farms and the like differ more from each other than dwellings do.
_NOT_A_DWELLING = 1.5
# What a last good prediction loses for each month of its age.
_TRUST_LOST_PER_MONTH = 0.02

RESULT = (
    "estimate",
    "low",
    "high",
    "confidence",
    "method",
    "model_name",
    "model_version",
    "valuation_date",
)


def last_good(
    connection: psycopg.Connection[Any], property_ids: Sequence[str] | None = None
) -> pd.DataFrame:
    """The newest valuation by a model of each property, indexed by property_id text.

    Of some properties only, where they are named.

    Columns estimate, low, high (AUD), confidence, model_name, model_version,
    valuation_date.
    """
    import pandas as pd

    names = (
        "property_id",
        "estimate",
        "low",
        "high",
        "confidence",
        "model_name",
        "model_version",
        "valuation_date",
    )
    rows = connection.execute(
        """
        select distinct on (property_id)
               property_id::text, estimate_aud, low_aud, high_aud, confidence,
               model_name, model_version, valuation_date
        from ml.price_predictions
        where method = 'model'
            and (%(ids)s::uuid[] is null or property_id = any(%(ids)s::uuid[]))
        order by property_id, created_at desc, prediction_id
        """,
        {"ids": None if property_ids is None else list(property_ids)},
    ).fetchall()
    found = pd.DataFrame(rows, columns=list(names)).set_index("property_id")
    found["valuation_date"] = pd.to_datetime(found["valuation_date"])
    return found


def value(frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Valuations (columns RESULT) of feature rows by the first method that can.

    ``known`` is :func:`last_good`. Rows that nothing can value have no method.
    """
    import numpy as np
    import pandas as pd

    values = pd.DataFrame(index=frame.index)
    for name in ("estimate", "low", "high", "confidence"):
        values[name] = np.nan
    for name in ("method", "model_name", "model_version"):
        values[name] = pd.Series(None, index=frame.index, dtype=object)
    values["valuation_date"] = frame["as_of_date"]
    _use_last_good(values, frame, known)
    _use_last_sale(values, frame)
    for name, half in _LOCAL_HALF.items():
        centre = frame[name].astype("float64")
        reach = pd.Series(half, index=frame.index)
        _fill(values, frame, centre, reach, "local_median")
    return values[list(RESULT)]


def _use_last_good(
    values: pd.DataFrame, frame: pd.DataFrame, known: pd.DataFrame
) -> None:
    """Keep the estimate, its model and the date it was made for; trust it less."""
    rows = known.reindex(frame["property_id"].astype(str)).set_axis(frame.index)
    found = rows["estimate"].notna()
    if not found.any():
        return
    for name in ("estimate", "low", "high"):
        values.loc[found, name] = rows.loc[found, name].astype("float64")
    for name in ("model_name", "model_version"):
        values.loc[found, name] = rows.loc[found, name]
    age = (frame["as_of_date"] - rows["valuation_date"]).dt.days / 30.44
    trust = _TRUST["last_prediction"] - _TRUST_LOST_PER_MONTH * age.clip(lower=0)
    kept = rows["confidence"].astype("float64") * trust.clip(lower=0.3)
    values.loc[found, "confidence"] = kept[found]
    values.loc[found, "valuation_date"] = rows.loc[found, "valuation_date"].astype(
        values["valuation_date"].dtype
    )
    values.loc[found, "method"] = "last_prediction"


def _use_last_sale(values: pd.DataFrame, frame: pd.DataFrame) -> None:
    years = frame["months_since_last_sale"].astype("float64").clip(lower=0) / 12
    half = _INDEXED_HALF + _INDEXED_HALF_PER_YEAR * years.fillna(10)
    centre = frame["last_price_indexed_log"].astype("float64")
    _fill(values, frame, centre, half, "indexed_last_sale")


def _fill(
    values: pd.DataFrame,
    frame: pd.DataFrame,
    centre: pd.Series,
    half: pd.Series,
    method: str,
) -> None:
    """Value the rows without a method whose ``centre`` (ln AUD) is known."""
    import numpy as np

    todo = values["method"].isna() & np.isfinite(centre) & (centre > 0)
    if not todo.any():
        return
    estimate = np.exp(centre[todo].to_numpy())
    vague = (frame.loc[todo, "dwelling_type"].fillna("other") == "other").to_numpy()
    reach = np.exp(half[todo].to_numpy() * np.where(vague, _NOT_A_DWELLING, 1.0))
    low, high = estimate / reach, estimate * reach
    sure = intervals.confidence(low, high, estimate) * _TRUST[method]
    values.loc[todo, "estimate"] = estimate
    values.loc[todo, "low"] = low
    values.loc[todo, "high"] = high
    values.loc[todo, "confidence"] = sure
    values.loc[todo, "method"] = method
