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
_LEAST_TRUST = 0.3

RESULT = (
    "estimate",
    "low",
    "high",
    "low_68",
    "high_68",
    "low_95",
    "high_95",
    "confidence",
    "fsd",
    "method",
    "model_name",
    "model_version",
    "valuation_date",
)
# Policy widths are of the 80 % interval alone: nothing was measured of the others.
_DOLLARS = ("estimate", "low", "high", "low_68", "high_68", "low_95", "high_95")

_ASK = """
create temporary table if not exists asked_for (property_id uuid) on commit drop;
truncate asked_for
"""
# (A valuation from before there was an FSD has its interval, of a normal error.)
_LAST_GOOD = """
select asked_for.property_id::text, estimate_aud, low_aud, high_aud, low_68_aud,
       high_68_aud, low_95_aud, high_95_aud, confidence,
       coalesce(fsd, ln(high_aud::numeric / greatest(low_aud, 1)) / 2 / %s)::float8,
       model_name, model_version, valuation_date
from asked_for
cross join lateral (
    select *
    from ml.price_predictions as earlier
    where earlier.property_id = asked_for.property_id and method = 'model'
    order by created_at desc, prediction_id
    limit 1
) as newest
"""


def last_good(
    connection: psycopg.Connection[Any], property_ids: Sequence[str]
) -> pd.DataFrame:
    """The newest valuation by a model of each property, indexed by property_id text.

    Columns estimate, low, high (AUD; also of 68 and 95 %, None where the valuation has
    none), confidence, fsd (share), model_name,
    model_version, valuation_date. Uses a temporary table until the transaction ends.
    """
    import pandas as pd

    connection.execute(_ASK)
    with connection.cursor().copy("copy asked_for from stdin") as copy:
        copy.write("\n".join([*property_ids, ""]))
    connection.execute("analyze asked_for")
    rows = connection.execute(_LAST_GOOD, [intervals.NORMAL_80]).fetchall()
    names = ["property_id", *(name for name in RESULT if name != "method")]
    found = pd.DataFrame(rows, columns=names).set_index("property_id")
    found["valuation_date"] = pd.to_datetime(found["valuation_date"])
    return found


def unvalued(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns RESULT, all missing but the date, for feature rows to be valued."""
    import numpy as np
    import pandas as pd

    values = pd.DataFrame(index=frame.index)
    for name in (*_DOLLARS, "confidence", "fsd"):
        values[name] = np.nan
    for name in ("method", "model_name", "model_version"):
        values[name] = pd.Series(None, index=frame.index, dtype=object)
    values["valuation_date"] = frame["as_of_date"]
    return values[list(RESULT)]


def value(frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Valuations (columns RESULT) of feature rows by the first method that can.

    ``known`` is :func:`last_good`. Rows that nothing can value have no method.
    """
    import pandas as pd

    values = unvalued(frame)
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
    for name in _DOLLARS:
        values.loc[found, name] = rows.loc[found, name].astype("float64")
    for name in ("model_name", "model_version"):
        values.loc[found, name] = rows.loc[found, name]
    age = (frame["as_of_date"] - rows["valuation_date"]).dt.days / 30.44
    trust = _TRUST["last_prediction"] - _TRUST_LOST_PER_MONTH * age.clip(lower=0)
    trust = trust.clip(lower=_LEAST_TRUST)
    values.loc[found, "confidence"] = (rows["confidence"].astype(float) * trust)[found]
    values.loc[found, "fsd"] = (rows["fsd"].astype(float) / trust)[found]
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
    wide = half[todo].to_numpy() * np.where(vague, _NOT_A_DWELLING, 1.0)
    reach = np.exp(wide)
    low, high = estimate / reach, estimate * reach
    sure = intervals.confidence(low, high, estimate) * _TRUST[method]
    values.loc[todo, "estimate"] = estimate
    values.loc[todo, "low"] = low
    values.loc[todo, "high"] = high
    values.loc[todo, "confidence"] = sure
    values.loc[todo, "fsd"] = wide / intervals.NORMAL_80
    values.loc[todo, "method"] = method
