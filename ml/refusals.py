"""Where no estimate is given, and the reason as a code.

A wrong figure costs a reader more than none. Reasons are judged in the order of
``REASONS``: a home that several apply to has the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from ml.scoring_policy import ScoringPolicy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
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

_DAYS_A_MONTH = 30.4375
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

    kind = frame["dwelling_type"]
    strange = np.zeros(len(frame), dtype=bool)
    if modelled is not None:
        strange = ~kind.fillna("").isin(modelled).to_numpy()
    reason = _reasons(
        _Facts(
            no_kind=kind.isna().to_numpy(),
            no_size=_unknown(frame, _SIZES),
            no_own=_unknown(frame, _OWN),
            no_local=_unknown(frame, _LOCAL),
            months=_months(frame, newest_sales),
            strange=strange,
            unvalued=values["method"].isna().to_numpy(),
            fsd=values["fsd"].to_numpy(dtype="float64"),
        ),
        policy,
    )
    refused = reason != ""
    found = pd.DataFrame({"reason": reason[refused]}, index=frame.index[refused])
    found["detail"] = found["reason"].map(_details(policy))
    unsure = found["reason"] == TOO_UNCERTAIN
    of_these = values.loc[found.index[unsure], "fsd"].astype("float64").round(2)
    found.loc[unsure, "detail"] += ": it is " + of_these.astype(str)
    return found


def refuse_home(
    home: Mapping[str, Any],
    method: str | None,
    fsd: float,
    policy: ScoringPolicy,
    newest_sales: Mapping[str, date],
    modelled: frozenset[str] | None,
) -> tuple[str, str] | None:
    """Reason and detail of one home, by column as the feature table has it, or None.

    The same as :func:`refuse` says of a frame of it; None is missing.
    """
    import numpy as np

    def unknown(columns: tuple[str, ...]) -> Marks:
        return np.array([all(home[name] is None for name in columns)])

    kind, newest = home["dwelling_type"], newest_sales.get(home["state"])
    day = home["as_of_date"]
    months = np.nan if newest is None else (day - newest).days / _DAYS_A_MONTH
    facts = _Facts(
        no_kind=np.array([kind is None]),
        no_size=unknown(_SIZES),
        no_own=unknown(_OWN),
        no_local=unknown(_LOCAL),
        months=np.array([months]),
        strange=np.array([modelled is not None and (kind or "") not in modelled]),
        unvalued=np.array([method is None]),
        fsd=np.array([fsd]),
    )
    reason = str(_reasons(facts, policy)[0])
    if not reason:
        return None
    detail = _details(policy)[reason]
    if reason == TOO_UNCERTAIN:
        detail += f": it is {round(fsd, 2)}"
    return reason, detail


@dataclass(frozen=True)
class _Facts:
    """What reasons follow from, an entry a home.

    ``months`` from the newest sale of the state to the valuation; NaN where no sale is
    known of: there homes stand on their own.
    """

    no_kind: Marks
    no_size: Marks
    no_own: Marks
    no_local: Marks
    months: Floats
    strange: Marks
    unvalued: Marks
    fsd: Floats


def _reasons(facts: _Facts, policy: ScoringPolicy) -> npt.NDArray[np.object_]:
    """The first reason of each home; "" for none."""
    import numpy as np

    marks: dict[str, Marks] = {
        ATTRIBUTES_MISSING: facts.no_kind & facts.no_size & facts.no_own,
        STALE_MARKET: facts.months > policy.stale_months,
        TYPE_NOT_MODELLED: facts.unvalued & facts.strange,
        NO_COMPARABLES: facts.unvalued | (facts.no_own & facts.no_local),
        TOO_UNCERTAIN: facts.fsd > policy.refuse_fsd,
    }
    listed = [marks[name] for name in REASONS]
    return np.select(listed, [*REASONS], default="").astype(object)


def _unknown(frame: pd.DataFrame, columns: tuple[str, ...]) -> Marks:
    return frame[list(columns)].isna().all(axis=1).to_numpy()


def _months(frame: pd.DataFrame, newest_sales: Mapping[str, date]) -> Floats:
    import numpy as np
    import pandas as pd

    newest = pd.to_datetime(frame["state"].map(dict(newest_sales)))
    days = (frame["as_of_date"] - newest).dt.days
    return np.asarray((days / _DAYS_A_MONTH).to_numpy(), dtype="float64")


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
