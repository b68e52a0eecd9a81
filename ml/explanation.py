"""Why an estimate is what it is: contributions in dollars that add up to it.

Here: exact Shapley values over groups of inputs, of any model, on the log price and
then allotted to whole dollars; the same between two valuations of one home. Elsewhere:
which home is the reference, and showing it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.features import CATEGORIES, COLUMNS, NUMBERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

#: One home's model inputs by column; None is missing.
Inputs = Mapping[str, Any]
#: Estimates (AUD) of homes.
Estimate = Callable[[Sequence[Inputs]], "Floats"]

OTHER = "other"
TIME, LOCAL_LEVEL, MODEL = "time", "local_level", "model"
#: Inputs told as one: they speak of one thing, and stand for each other in a model.
GROUPS: dict[str, tuple[str, ...]] = {
    "rooms_and_building": (
        *("bedrooms", "bathrooms", "car_spaces", "building_area_m2", "year_built"),
    ),
    "type_and_land": (
        *("dwelling_type", "land_area_m2", "zone_code", "is_strata"),
        *("has_unit_number", "land_value_log"),
    ),
    "place": (
        *("state", "region", "locality", "street", "postcode", "latitude"),
        *("longitude", "place_level", "km_to_centre", "unit_number", "street_number"),
        "seifa_score",
    ),
    LOCAL_LEVEL: (
        *("suburb_type_log_price_12m", "suburb_type_sales_12m"),
        *("suburb_log_price_12m", "postcode_type_log_price_12m"),
        *("state_type_log_price_3m", "state_type_change_12m"),
        *("region_type_log_price_3m", "suburb_type_log_price_decayed"),
        *("suburb_type_weight_decayed", "suburb_type_log_building_rate"),
        *("suburb_type_log_land_rate", "nearby_log_price", "nearby_weight"),
        *("nearby_log_building_rate", "nearby_log_land_rate"),
    ),
    TIME: ("month_index", "month_of_year", "cash_rate_pct"),
    "own_past": (
        *("last_price_log", "months_since_last_sale", "last_price_indexed_log"),
        *("last_bid_log", "months_since_last_bid"),
        *("building_log_price", "building_weight"),
        *("asking_price_log", "asking_is_range", "days_on_market"),
    ),
}
TITLES = {
    "rooms_and_building": "rooms and building",
    "type_and_land": "type and land",
    "place": "place within the suburb and city",
    LOCAL_LEVEL: "prices paid nearby lately",
    TIME: "time and interest rates",
    "own_past": "its own past and listing",
    OTHER: "everything else",
    MODEL: "another model",
}


@dataclass(frozen=True)
class Contribution:
    """What a group of inputs adds, in whole AUD, and the inputs that differ."""

    group: str
    aud: int
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """``base_aud`` is the estimate of the reference; it and the parts give the whole.

    ``reference`` says which home that is.
    """

    reference: str
    base_aud: int
    contributions: tuple[Contribution, ...]
    estimate_aud: int


def groups(columns: Sequence[str] = COLUMNS) -> dict[str, tuple[str, ...]]:
    """Each group's inputs among ``columns``; what no group names is ``other``."""
    named = {name for names in GROUPS.values() for name in names}
    rest = tuple(name for name in columns if name not in named)
    found = {
        group: tuple(name for name in names if name in columns)
        for group, names in {**GROUPS, OTHER: rest}.items()
    }
    return {group: names for group, names in found.items() if names}


def shapley(
    estimate: Estimate,
    reference: Inputs,
    home: Inputs,
    parts: Mapping[str, Sequence[str]],
) -> tuple[dict[str, float], float, float]:
    """What each part adds to the log estimate on the way from reference to home.

    Exactly: over every set of parts, all of them estimated at once. A part whose inputs
    are equal adds 0, and costs nothing. Also the two homes' estimates (AUD). With a
    NaN estimate the shares are NaN.
    """
    import numpy as np

    moved = [
        part
        for part, names in parts.items()
        if any(not same(reference[name], home[name]) for name in names)
    ]
    count = len(moved)
    homes = []
    for chosen in range(2**count):
        taken = {
            name: home[name]
            for at, part in enumerate(moved)
            if chosen >> at & 1
            for name in parts[part]
        }
        homes.append({**reference, **taken})
    dollars = np.asarray(estimate(homes), dtype="float64")
    value = np.log(dollars)
    shares = dict.fromkeys(parts, 0.0)
    sets = np.arange(2**count)
    size = np.array([one.bit_count() for one in sets.tolist()])
    weight = np.array(
        [
            math.factorial(s) * math.factorial(count - s - 1) / math.factorial(count)
            for s in range(count)
        ]
    )
    for at, part in enumerate(moved):
        without = sets[(sets >> at & 1) == 0]
        gain = value[without | (1 << at)] - value[without]
        shares[part] = float((weight[size[without]] * gain).sum())
    return shares, float(dollars[0]), float(dollars[-1])


def explain(
    estimate: Estimate,
    reference: Inputs,
    home: Inputs,
    estimate_aud: int,
    named: str,
    rounded: Callable[[float], int] = round,
) -> Explanation:
    """Contributions of the groups to one home's estimate, in whole dollars.

    ``estimate_aud`` is the home's estimate as it is told; ``named`` says which home the
    reference is; ``rounded`` makes of the reference's estimate what would be told.
    """
    parts = groups()
    shares, base, _ = shapley(estimate, reference, home, parts)
    base_aud = rounded(base)
    dollars = allotted(shares, estimate_aud - base_aud, base, estimate_aud)
    return Explanation(
        named,
        base_aud,
        tuple(
            Contribution(part, dollars[part], changed(reference, home, parts[part]))
            for part in parts
        ),
        estimate_aud,
    )


def why_changed(
    estimate: Estimate,
    old: Inputs,
    old_aud: int,
    new: Inputs,
    new_aud: int,
    *,
    same_model: bool,
) -> tuple[Contribution, ...]:
    """What moved a home's estimate from ``old_aud`` to ``new_aud``, exactly.

    ``estimate`` is the new model: what it says of the old inputs, less the old
    estimate, is the model's change (none with the ``same_model``, whose rounding then
    goes to the inputs). Then the groups of inputs that changed, each with their names.
    """
    parts = groups()
    shares, before, _ = shapley(estimate, old, new, parts)
    whole = dict(shares)
    if not same_model or not any(shares.values()):
        whole = {MODEL: math.log(before / old_aud), **shares}
    if not any(whole.values()) and new_aud != old_aud:
        whole[MODEL] = math.copysign(1e-12, new_aud - old_aud)
    dollars = allotted(whole, new_aud - old_aud, old_aud, new_aud)
    return tuple(
        Contribution(part, dollars[part], changed(old, new, parts.get(part, ())))
        for part in whole
        if dollars[part] or changed(old, new, parts.get(part, ()))
    )


def allotted(
    shares: Mapping[str, float], total: int, first: float, last: float
) -> dict[str, int]:
    """Whole dollars for log shares on the way from ``first`` to ``last`` AUD.

    They add up to ``total`` exactly. A share of 0 gets 0, equal ones the same but for
    a dollar: what rounding leaves over goes to the largest remainders.

    Raises:
        ValueError: there is something to allot, and no share.
    """
    weight = {name: abs(share) for name, share in shares.items() if share}
    if not weight:
        if total:
            raise ValueError(f"no share to allot {total} AUD to")
        return dict.fromkeys(shares, 0)
    mean = _logarithmic_mean(first, last)
    exact = {name: shares[name] * mean for name in weight}
    # The estimates are rounded, the shares are not.
    rest = total - math.fsum(exact.values())
    whole = math.fsum(weight.values())
    for name, size in weight.items():
        exact[name] += rest * size / whole
    found = {name: math.floor(value) for name, value in exact.items()}
    left = total - sum(found.values())
    order = sorted(exact, key=lambda name: (found[name] - exact[name], name))
    for at in range(left):
        found[order[at % len(order)]] += 1
    return {name: found.get(name, 0) for name in shares}


def changed(old: Inputs, new: Inputs, names: Sequence[str]) -> tuple[str, ...]:
    """Inputs that are not the same in both."""
    return tuple(name for name in names if not same(old[name], new[name]))


def same(one: Any, other: Any) -> bool:
    """Equal, or both missing (None or NaN)."""
    if _missing(one) or _missing(other):
        return _missing(one) and _missing(other)
    return bool(one == other)


def typical(homes: Sequence[Inputs]) -> dict[str, Any]:
    """The typical one of homes: medians of numbers, commonest categories.

    A number that most do not know is missing; of equally common categories the first
    by name.

    Raises:
        ValueError: there is no home.
    """
    from statistics import median

    if not homes:
        raise ValueError("no home to be typical of")
    found: dict[str, Any] = {}
    for name in CATEGORIES:
        counts: dict[Any, int] = {}
        for home in homes:
            value = None if _missing(home[name]) else home[name]
            counts[value] = counts.get(value, 0) + 1
        order = [
            (-count, value is None, value or "") for value, count in counts.items()
        ]
        found[name] = min(order)[2] or None
    for name in NUMBERS:
        known = [float(home[name]) for home in homes if not _missing(home[name])]
        found[name] = median(known) if 2 * len(known) >= len(homes) else None
    return found


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _logarithmic_mean(first: float, last: float) -> float:
    """Dollars that a unit of log is worth between two prices."""
    apart = math.log(last / first)
    return first if abs(apart) < 1e-9 else (last - first) / apart
