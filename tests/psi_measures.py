"""How PSI files look as a whole: shares, counts and the behaviour of prices.

The same measures are taken of real weeks and of simulated ones, so that a band holds
both (`BANDS`). Each is a number over all weeks given; the names say of what.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

import numpy as np

#: Measure: lowest and highest value that is still like the real files of 2024
#: (in brackets what was measured there, 44 weeks, 171,107 B records).
BANDS: dict[str, tuple[float, float]] = {
    "legal records a sale, mean": (1.0005, 1.004),  # (1.0021)
    "legal records a sale, most": (2, 12),  # (10)
    "parties a sale, mean": (2.7, 3.1),  # (2.93)
    "sales with 2 parties": (0.28, 0.42),  # (0.352)
    "sales with 3 parties": (0.36, 0.52),  # (0.421)
    "sales with 4 parties": (0.14, 0.26),  # (0.200)
    "sales with more parties": (0.01, 0.06),  # (0.026)
    "strata": (0.38, 0.47),  # (0.422)
    "residences": (0.85, 0.91),  # (0.883)
    "vacant land": (0.05, 0.10),  # (0.068)
    "other natures": (0.03, 0.07),  # (0.049)
    "without area": (0.17, 0.24),  # (0.202)
    "strata without area": (0.42, 0.53),  # (0.474)
    "area in hectares": (0.01, 0.08),  # (0.051)
    "without zone": (0.40, 0.52),  # (0.455)
    "unzoned without strata": (0.03, 0.08),  # (0.056)
    "without house number": (0.008, 0.025),  # (0.013)
    "strata without unit number": (0.02, 0.07),  # (0.036)
    "with a property name": (0.04, 0.12),  # (0.080)
    "without property id": (0.0001, 0.002),  # (0.0004)
    "partial interest": (0.0015, 0.006),  # (0.0032)
    "contract years mistyped": (0.00005, 0.0015),  # (0.0003)
    "below 20,000 dollars": (0.002, 0.008),  # (0.0043)
    "code XA": (0.03, 0.09),  # (0.061)
    "other sale codes": (0.0002, 0.003),  # (0.0007)
    "repeats": (0.035, 0.085),  # (0.058)
    "corrected later": (0.0015, 0.008),  # (0.0029)
    "corrections within 3 weeks": (0.75, 1.0),  # (0.85)
    "dealings of several parcels": (0.002, 0.010),  # (0.0056)
    "dealings of several lots": (0.004, 0.020),  # (0.0106)
    "days to settle, median": (36, 48),  # (42)
    "days to settle, 1 in 10 above": (70, 600),  # (317)
    "days to be published, median": (4, 8),  # (7)
    "published within 14 days": (0.85, 1.0),  # (0.97)
    "prices to the thousand": (0.82, 0.97),  # (0.896)
    "log price, spread of places": (0.35, 0.75),  # (0.60)
    "log price, spread of houses in a place": (0.17, 0.27),  # (0.21)
    "log price, spread of units in a place": (0.18, 0.34),  # (0.29)
    "log price, tails of houses in a place": (0.22, 0.42),  # (0.34)
    "log price, slope on land": (0.20, 0.36),  # (0.295)
    "log price, houses over units": (0.5, 0.95),  # (0.69)
}
#: Of 17 years in 13 districts: spread of what a resold home gained beyond its district,
#: by years between the sales. The districts' index is rough, so this is an upper bound
#: of twice the noise of a sale.
RESALE_BANDS: dict[str, tuple[float, float]] = {
    "house resold after 1 to 3 years": (0.11, 0.17),  # (0.148)
    "unit resold after 1 to 3 years": (0.11, 0.17),  # (0.124)
}


@dataclass(slots=True)
class Sale:
    """One B record with how many C and D records follow it."""

    week: date
    fields: list[str]
    legal: int = 0
    parties: int = 0

    @property
    def business(self) -> tuple[str, ...]:
        """What makes a repeat."""
        return tuple(self.fields[1:3] + self.fields[5:24])


@dataclass(slots=True)
class _Spread:
    """Log prices (and log areas) of one place."""

    houses: list[tuple[float, float]] = field(default_factory=list)
    units: list[float] = field(default_factory=list)


def sales_of(week: date, archive: bytes) -> list[Sale]:
    """Every B record of a weekly ZIP."""
    found: list[Sale] = []
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for name in opened.namelist():
            if not name.endswith(".DAT"):
                continue
            for line in opened.read(name).decode("latin-1").split("\n"):
                if line.startswith("B;"):
                    found.append(Sale(week, line.split(";")))
                elif line.startswith("C;"):
                    found[-1].legal += 1
                elif line.startswith("D;"):
                    found[-1].parties += 1
    return found


def measure(sales: list[Sale]) -> dict[str, float]:
    """All measures of `BANDS`."""
    return {
        **_records(sales),
        **_shares(sales),
        **_repeats(sales),
        **_times(sales),
        **_prices(sales),
    }


def _share(hits: Iterable[object], of: int) -> float:
    return sum(map(bool, hits)) / max(1, of)


def _records(sales: list[Sale]) -> dict[str, float]:
    parties = Counter(sale.parties for sale in sales)
    count = len(sales)
    more = sum(number for size, number in parties.items() if size > 4)
    return {
        "legal records a sale, mean": sum(sale.legal for sale in sales) / count,
        "legal records a sale, most": max(sale.legal for sale in sales),
        "parties a sale, mean": sum(sale.parties for sale in sales) / count,
        "sales with 2 parties": parties[2] / count,
        "sales with 3 parties": parties[3] / count,
        "sales with 4 parties": parties[4] / count,
        "sales with more parties": more / count,
    }


def _shares(sales: list[Sale]) -> dict[str, float]:
    count = len(sales)
    rows = [sale.fields for sale in sales]
    strata = [row for row in rows if row[19]]
    other = [row for row in rows if not row[19]]
    natures = Counter(row[17] for row in rows)
    codes = Counter(row[21] for row in rows)
    return {
        "strata": len(strata) / count,
        "residences": natures["R"] / count,
        "vacant land": natures["V"] / count,
        "other natures": natures["3"] / count,
        "without area": _share((not row[11] for row in rows), count),
        "strata without area": _share((not row[11] for row in strata), len(strata)),
        "area in hectares": _share((row[12] == "H" for row in rows), count),
        "without zone": _share((not row[16] for row in rows), count),
        "unzoned without strata": _share((not row[16] for row in other), len(other)),
        "without house number": _share((not row[7] for row in rows), count),
        "strata without unit number": _share(
            (not row[6] for row in strata), len(strata)
        ),
        "with a property name": _share((row[5] for row in rows), count),
        "without property id": _share((not row[2] for row in rows), count),
        "partial interest": _share((row[22] not in ("", "0") for row in rows), count),
        "contract years mistyped": _share((row[13] < "1990" for row in rows), count),
        "below 20,000 dollars": _share(
            (int(row[15] or 0) < 20_000 for row in rows), count
        ),
        "prices to the thousand": _share(
            (int(row[15] or 0) % 1000 == 0 for row in rows), count
        ),
        "code XA": codes["XA"] / count,
        "other sale codes": 1 - (codes["XA"] + codes[""]) / count,
    }


def _repeats(sales: list[Sale]) -> dict[str, float]:
    first: dict[tuple[str, ...], Sale] = {}
    known: set[tuple[str, ...]] = set()
    parcels: dict[str, set[tuple[str, str]]] = defaultdict(set)
    lags: list[int] = []
    for sale in sales:
        row, business = sale.fields, sale.business
        parcels[row[23]].add((row[2], row[19]))
        earlier = first.setdefault((row[23], row[2], row[19], row[1]), sale)
        if business not in known and earlier.business != business:
            lags.append((sale.week - earlier.week).days // 7)
        known.add(business)
    ids = [{one for one, _ in found} for found in parcels.values()]
    lots = [
        len(found) > 1 and len(own) == 1
        for found, own in zip(parcels.values(), ids, strict=True)
    ]
    return {
        "repeats": 1 - len(known) / len(sales),
        "corrected later": len(lags) / len(first),
        "corrections within 3 weeks": _share((lag <= 3 for lag in lags), len(lags)),
        "dealings of several parcels": _share((len(own) > 1 for own in ids), len(ids)),
        "dealings of several lots": _share(lots, len(lots)),
    }


def _times(sales: list[Sale]) -> dict[str, float]:
    to_settle, to_publish = [], []
    for sale in sales:
        contract, settled = _day(sale.fields[13]), _day(sale.fields[14])
        if settled is None or sale.fields[21] == "XA":
            continue
        to_publish.append((sale.week - settled).days)
        if contract is not None and contract.year > 1990:
            to_settle.append((settled - contract).days)
    return {
        "days to settle, median": float(np.median(to_settle)),
        "days to settle, 1 in 10 above": float(np.quantile(to_settle, 0.9)),
        "days to be published, median": float(np.median(to_publish)),
        "published within 14 days": _share(
            (d <= 14 for d in to_publish), len(to_publish)
        ),
    }


def _prices(sales: list[Sale]) -> dict[str, float]:
    places: dict[str, _Spread] = defaultdict(_Spread)
    for row in {sale.business: sale.fields for sale in sales}.values():
        price, area = int(row[15] or 0), float(row[11] or 0)
        if row[17] != "R" or price < 50_000 or row[22] not in ("", "0"):
            continue
        if row[19]:
            places[row[9]].units.append(math.log(price))
        elif row[12] == "M" and 100 < area < 2000:
            places[row[9]].houses.append((math.log(price), math.log(area)))
    houses = [np.array(p.houses) for p in places.values() if len(p.houses) >= 20]
    units = [np.array(p.units) for p in places.values() if len(p.units) >= 20]
    gaps = [
        np.median([price for price, _ in p.houses]) - np.median(p.units)
        for p in places.values()
        if len(p.houses) >= 20 and len(p.units) >= 20
    ]
    prices = np.concatenate([h[:, 0] - np.median(h[:, 0]) for h in houses])
    areas = np.concatenate([h[:, 1] - h[:, 1].mean() for h in houses])
    usual = np.abs(prices) < 1.2
    slope = (areas * prices)[usual].sum() / (areas[usual] ** 2).sum()
    of_units = np.concatenate([u - np.median(u) for u in units])
    return {
        "log price, spread of places": float(
            np.std([np.median(h[:, 0]) for h in houses])
        ),
        "log price, spread of houses in a place": robust_spread(prices),
        "log price, spread of units in a place": robust_spread(of_units),
        "log price, tails of houses in a place": float(prices.std()),
        "log price, slope on land": float(slope),
        "log price, houses over units": float(np.median(gaps)),
    }


def measure_resales(rows: Iterable[list[str]]) -> dict[str, float]:
    """The measures of `RESALE_BANDS`, of B records in any order."""
    own: dict[tuple[str, ...], set[tuple[float, float, tuple[object, ...]]]]
    own = defaultdict(set)
    level: dict[tuple[object, ...], list[float]] = defaultdict(list)
    for row in rows:
        day, price = _day(row[13]), int(row[15] or 0)
        if day is None or day.year < 2000 or price < 50_000:
            continue
        if row[17] != "R" or not row[2]:
            continue
        when = day.year + day.month / 12
        place = (row[1], bool(row[19]), int(when * 2))
        level[place].append(math.log(price))
        own[row[2], row[19], row[6]].add((when, math.log(price), place))
    index = {
        place: np.median(found) for place, found in level.items() if len(found) > 14
    }
    gains: dict[bool, list[float]] = {False: [], True: []}
    for sold in own.values():
        in_order = sorted(sold)
        for before, after in pairwise(in_order):
            known = before[2] in index and after[2] in index
            if known and 1 <= after[0] - before[0] <= 3:
                expected = index[after[2]] - index[before[2]]
                gains[bool(before[2][1])].append(after[1] - before[1] - expected)
    return {
        f"{kind} resold after 1 to 3 years": robust_spread(np.array(gains[is_unit]))
        for kind, is_unit in (("house", False), ("unit", True))
    }


def robust_spread(values: np.ndarray) -> float:
    """Standard deviation as the middle half of the values shows it."""
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low) / 1.349


def outside(
    found: dict[str, float], bands: dict[str, tuple[float, float]]
) -> list[str]:
    """Measures beyond their band, in words."""
    return [
        f"{name}: {found[name]:.4f} is not within {low} to {high}"
        for name, (low, high) in bands.items()
        if not low <= found[name] <= high
    ]


def _day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
