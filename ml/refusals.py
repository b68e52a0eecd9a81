"""Where no estimate is given, and the reason as a code.

A wrong figure costs a reader more than none. Reasons are judged in the order of
``REASONS``: a home that several apply to has the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from ml.scoring_policy import ScoringPolicy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Marks = npt.NDArray[np.bool_]

ATTRIBUTES_MISSING = "attributes_missing"
STALE_MARKET = "stale_market"
TYPE_NOT_MODELLED = "type_not_modelled"
NO_COMPARABLES = "no_comparables"
TOO_UNCERTAIN = "too_uncertain"
REASONS = (
    ATTRIBUTES_MISSING,
    STALE_MARKET,
    TYPE_NOT_MODELLED,
    NO_COMPARABLES,
    TOO_UNCERTAIN,
)

_SIZES = ("land_area_m2", "building_area_m2", "bedrooms", "bathrooms")
_OWN = ("last_price_log", "last_price_indexed_log", "last_bid_log")
_LOCAL = (
    "suburb_type_log_price_12m",
    "postcode_type_log_price_12m",
    "suburb_log_price_12m",
    "state_type_log_price_3m",
)


def refuse(
    frame: pd.DataFrame,
    values: pd.DataFrame,
    policy: ScoringPolicy,
    newest_sales: Mapping[str, date],
    modelled: frozenset[str] | None,
) -> pd.DataFrame:
    """Refused rows of a partition: index as ``frame``, columns reason and detail.

    ``values`` are the valuations (missing ``method``: nothing could value the home;
    ``fsd``); ``newest_sales`` the newest sale's date by state; ``modelled`` the
    dwelling types the model knows, None without a model.
    """
    import numpy as np
    import pandas as pd

    unvalued = values["method"].isna().to_numpy()
    kind = frame["dwelling_type"]
    strange = np.zeros(len(frame), dtype=bool)
    if modelled is not None:
        strange = ~kind.fillna("").isin(modelled).to_numpy()
    no_own, no_local = _unknown(frame, _OWN), _unknown(frame, _LOCAL)
    fsd = values["fsd"].to_numpy(dtype="float64")
    marks: dict[str, Marks] = {
        ATTRIBUTES_MISSING: kind.isna().to_numpy() & _unknown(frame, _SIZES) & no_own,
        STALE_MARKET: _is_stale(frame, policy, newest_sales),
        TYPE_NOT_MODELLED: unvalued & strange,
        NO_COMPARABLES: unvalued | (no_own & no_local),
        TOO_UNCERTAIN: fsd > policy.refuse_fsd,
    }
    reason = np.select(
        [marks[name] for name in REASONS], [*REASONS], default=""
    ).astype(object)
    refused = reason != ""
    found = pd.DataFrame({"reason": reason[refused]}, index=frame.index[refused])
    found["detail"] = found["reason"].map(_details(policy))
    unsure = found["reason"] == TOO_UNCERTAIN
    of_these = values.loc[found.index[unsure], "fsd"].astype("float64").round(2)
    found.loc[unsure, "detail"] += ": it is " + of_these.astype(str)
    return found


def _unknown(frame: pd.DataFrame, columns: tuple[str, ...]) -> Marks:
    return frame[list(columns)].isna().all(axis=1).to_numpy()


def _is_stale(
    frame: pd.DataFrame, policy: ScoringPolicy, newest_sales: Mapping[str, date]
) -> Marks:
    """Homes in states whose newest sale is too old on their valuation date.

    A state no sale is known of is none of these: there homes stand on their own.
    """
    import pandas as pd

    newest = pd.to_datetime(frame["state"].map(dict(newest_sales)))
    months = (frame["as_of_date"] - newest).dt.days / 30.4375
    return (months > policy.stale_months).fillna(value=False).to_numpy(dtype=bool)


def _details(policy: ScoringPolicy) -> dict[str, str]:
    return {
        ATTRIBUTES_MISSING: "dwelling type, areas, rooms and own sales are all unknown",
        STALE_MARKET: "no sale in the state for over "
        f"{policy.stale_months:g} months before the valuation date",
        TYPE_NOT_MODELLED: "the model knows no such dwelling type, and neither an own "
        "sale nor sales of its type nearby are known",
        NO_COMPARABLES: "no own sale, and no sale of suburb, postcode or state and "
        "type to stand on",
        TOO_UNCERTAIN: f"the fsd is above {policy.refuse_fsd:g}",
    }
