"""Recent sales that explain an estimate, each moved to the home and day in question.

Here: which of the sales nearby, why, and their adjusted prices, on plain rows.
Elsewhere: finding the sales nearby (``on_request``). A sale counts where it was
contracted and known before the valuation's day; the home's own sales never do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.explanation import (
    TIME,
    Contribution,
    Estimate,
    Inputs,
    allotted,
    changed,
    groups,
    shapley,
)

if TYPE_CHECKING:
    import datetime

#: Comparables of a valuation.
COUNT = 5
#: The part of the adjustment that is not time, where it is not told apart by group.
AS_THE_MODEL_SEES = "as_the_model_sees"
_DAYS_A_MONTH = 30.4375
_EARTH_KM = 6371.0088
#: How unlike a home is that differs by so much in one thing; missing is half a step.
_STEPS: dict[str, float] = {"bedrooms": 1.0, "bathrooms": 1.5, "car_spaces": 2.5}
_LOG_STEPS: dict[str, float] = {"land_area_m2": 0.5, "building_area_m2": 0.3}
_KM, _MONTHS, _YEARS_BUILT = 0.7, 6.0, 25.0
_MISSING = 0.5


@dataclass(frozen=True)
class Sale:
    """A market sale and the home that was sold.

    ``inputs`` are the home's model inputs on the valuation's day, but for its own past,
    which ends before this sale; ``level_log`` is the market's level (ln AUD, or ln of
    an index) on the day of contract, None where no index says it.
    """

    property_id: str
    address: str
    contract_date: datetime.date
    known_on: datetime.date
    price_aud: int
    source: str
    source_file: str
    source_row_number: int
    inputs: Inputs
    level_log: float | None = None


@dataclass(frozen=True)
class Reason:
    """Why a sale was chosen, or how its home differs: a word and a number."""

    reason: str
    value: float | None = None


@dataclass(frozen=True)
class Comparable:
    """A sale with its reasons, and adjustments (AUD) from its price to the home's.

    ``km`` is None where one of the two has no place.
    """

    sale: Sale
    km: float | None
    months: float
    why: tuple[Reason, ...]
    adjustments: tuple[Contribution, ...] = ()
    adjusted_aud: int | None = None


def choose(
    home: Inputs,
    property_id: str,
    day: datetime.date,
    sales: Sequence[Sale],
    count: int = COUNT,
) -> list[Comparable]:
    """The sales most like a home valued on ``day``, likest first."""
    allowed = [
        sale
        for sale in sales
        if sale.property_id != property_id
        and sale.contract_date < day
        and sale.known_on < day
        and sale.inputs["dwelling_type"] == home["dwelling_type"]
    ]
    ordered = sorted(allowed, key=lambda s: (_unlikeness(home, s, day), s.property_id))
    return [
        Comparable(sale, _km(home, sale), _months(sale, day), _why(home, sale, day))
        for sale in ordered[:count]
    ]


def adjusted(
    home: Inputs,
    level_log: float | None,
    chosen: Sequence[Comparable],
    estimate: Estimate,
    *,
    by_group: bool = False,
) -> list[Comparable]:
    """Prices moved to the home's day by the index, to the home by the model.

    The model's step is the ratio of its estimates of the two homes on the valuation's
    day, so that comparables agree with the model as it is used; ``by_group`` tells it
    apart by group of inputs. Adjustments add up to the difference exactly.
    ``level_log`` is the market's on the valuation's day.
    """
    if not chosen:
        return []
    dollars = estimate([home, *(one.sale.inputs for one in chosen)])
    parts = groups()
    found = []
    for one, theirs in zip(chosen, dollars[1:], strict=True):
        time = _moved(one.sale.level_log, level_log)
        shares = {TIME: time}
        if by_group:
            split, _, _ = shapley(estimate, one.sale.inputs, home, parts)
            for part, share in split.items():
                shares[part] = shares.get(part, 0.0) + share
        else:
            shares[AS_THE_MODEL_SEES] = math.log(float(dollars[0]) / float(theirs))
        price = one.sale.price_aud
        whole = round(price * math.exp(math.fsum(shares.values())))
        told = allotted(shares, whole - price, price, whole)
        found.append(
            Comparable(
                one.sale,
                one.km,
                one.months,
                one.why,
                tuple(
                    Contribution(
                        part, aud, changed(one.sale.inputs, home, parts.get(part, ()))
                    )
                    for part, aud in told.items()
                    if aud or part == TIME
                ),
                whole,
            )
        )
    return found


def _moved(then: float | None, now: float | None) -> float:
    return 0.0 if then is None or now is None else now - then


def _unlikeness(home: Inputs, sale: Sale, day: datetime.date) -> float:
    km = _km(home, sale)
    total = _MISSING * 2 if km is None else km / _KM
    if _known(home, sale, "street"):
        total -= 0.5 * (home["street"] == sale.inputs["street"])
    total += _months(sale, day) / _MONTHS
    for name, step in _STEPS.items():
        apart = _apart(home, sale, name)
        total += _MISSING if apart is None else abs(apart) / step
    for name, step in _LOG_STEPS.items():
        ratio = _log_ratio(home, sale, name)
        total += _MISSING if ratio is None else abs(ratio) / step
    built = _apart(home, sale, "year_built")
    return total + (_MISSING if built is None else min(2.0, abs(built) / _YEARS_BUILT))


def _why(home: Inputs, sale: Sale, day: datetime.date) -> tuple[Reason, ...]:
    """What is alike, then what differs, as the sold home is more or less than ours."""
    why = []
    for name in ("street", "locality"):
        if _known(home, sale, name) and home[name] == sale.inputs[name]:
            same = "same_street" if name == "street" else "same_suburb"
            why.append(Reason(same))
            break
    km = _km(home, sale)
    if km is not None:
        why.append(Reason("km_away", round(km, 2)))
    why += [Reason("months_before", round(_months(sale, day), 1)), Reason("same_type")]
    for name in _STEPS:
        apart = _apart(home, sale, name)
        if apart is not None:
            why.append(
                Reason(f"more_{name}" if apart else f"same_{name}", apart or None)
            )
    for name in _LOG_STEPS:
        ratio = _log_ratio(home, sale, name)
        if ratio is not None:
            why.append(Reason(f"{name}_pct", round(100 * math.expm1(ratio), 1)))
    return tuple(why)


def _months(sale: Sale, day: datetime.date) -> float:
    return (day - sale.contract_date).days / _DAYS_A_MONTH


def _km(home: Inputs, sale: Sale) -> float | None:
    if not (_known(home, sale, "latitude") and _known(home, sale, "longitude")):
        return None
    north, east = math.radians(home["latitude"]), math.radians(home["longitude"])
    other = math.radians(sale.inputs["latitude"])
    along = math.radians(sale.inputs["longitude"]) - east
    half = (
        math.sin((other - north) / 2) ** 2
        + math.cos(north) * math.cos(other) * math.sin(along / 2) ** 2
    )
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def _apart(home: Inputs, sale: Sale, name: str) -> float | None:
    if not _known(home, sale, name):
        return None
    return float(sale.inputs[name] - home[name])


def _log_ratio(home: Inputs, sale: Sale, name: str) -> float | None:
    if not _known(home, sale, name) or home[name] <= 0 or sale.inputs[name] <= 0:
        return None
    return math.log(sale.inputs[name] / home[name])


def _known(home: Inputs, sale: Sale, name: str) -> bool:
    return home[name] is not None and sale.inputs[name] is not None


def level_log(
    path: Mapping[str, Any] | None, day: datetime.date, fallback: float | None
) -> float | None:
    """The market's level (ln) in a day's month by an index of the months.

    ``path`` has ``first_month`` (from January 2000) and ``index_hundredths`` by month;
    a month that is suppressed, or not there yet, has the level of the one before it.
    Without one that is known it is ``fallback``.
    """
    if path is None:
        return fallback
    known = path["index_hundredths"]
    at = (day.year - 2000) * 12 + day.month - 1 - path["first_month"]
    for place in range(min(at, len(known) - 1), -1, -1):
        if known[place] is not None:
            return math.log(known[place] / 100)
    return fallback
