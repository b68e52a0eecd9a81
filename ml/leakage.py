"""Whether a column about the market has seen the very price it is to explain.

A statistic of places and months knows as much of one sale as of the next sale near by.
One that a sale's own price went into (a neighbour tree asked about the rows it was
built of) knows its own better: splendid in training, and a point or two of error
worse on sales to come. Here: measuring that. Elsewhere: the gate that asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml import features

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]

#: Of so many sales that follow in the suburb, the one nearest by stands beside a sale.
_NEXT = 8
#: Days until such a sale: later ones tell of another market.
_MOST_DAYS = 183
#: Pairs of sales from which on a column is judged, and the newest that are looked at.
_LEAST_PAIRS, _MOST_ROWS = 200, 200_000
#: How much closer a column may follow its own price than that of the sale beside it:
#: points of correlation, and standard errors of the difference.
_MOST_GAP, _ERRORS = 0.06, 4.0


@dataclass(frozen=True)
class Sight:
    """How a column follows prices within suburbs: correlations of ``pairs`` of sales.

    ``own`` with the sale's own price, ``beside`` with that of the next sale near by.
    """

    column: str
    own: float
    beside: float
    pairs: int

    @property
    def gap(self) -> float:
        """How much closer it follows its own price."""
        return self.own - self.beside

    @property
    def sees_itself(self) -> bool:
        """Whether that is more than places and chance explain."""
        error = (2 / self.pairs) ** 0.5
        return self.gap > max(_MOST_GAP, _ERRORS * error)


def sights(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> list[Sight]:
    """What columns of training rows follow, widest gap first.

    ``columns`` are those of the market and of places near by, which may know nothing
    of the home itself. A column that too few pairs of sales know is left out.
    """
    import numpy as np

    # Rows of training features are in the order of time.
    newest = np.flatnonzero(~features.is_bid(frame))[-_MOST_ROWS:]
    rows = frame.iloc[newest].sort_values("as_of_date", kind="stable")
    rows = rows.reset_index(drop=True)
    beside = _beside(rows)
    at = np.flatnonzero(beside >= 0)
    price = _within(rows, np.log(rows["price_aud"].to_numpy(dtype="float64")))
    found = []
    for name in sorted(columns or features.MARKET_STATISTICS):
        known = at[rows[name].notna().to_numpy()[at]]
        if len(known) < _LEAST_PAIRS:
            continue
        values = _within(rows, rows[name].to_numpy(dtype="float64"))[known]
        if np.ptp(values) < 1e-9:
            continue
        own, other = price[known], price[beside[known]]
        found.append(
            Sight(name, _together(values, own), _together(values, other), len(known))
        )
    return sorted(found, key=lambda sight: -sight.gap)


@dataclass(frozen=True)
class Finding:
    """What a version is told of its training rows.

    How many columns were ``judged``, and those that see themselves, each with its gap;
    else the column of the widest gap.
    """

    judged: int
    seen: tuple[str, ...]
    widest: str

    @classmethod
    def of(cls, found: Sequence[Sight]) -> Finding:
        """The finding of :func:`sights`."""
        told = [f"{sight.column} ({sight.gap:+.2f})" for sight in found]
        seen = [
            text for sight, text in zip(found, told, strict=True) if sight.sees_itself
        ]
        return cls(len(found), tuple(seen), told[0] if told else "")

    def to_tags(self) -> dict[str, str]:
        """As tags of a model version."""
        return {
            "market_columns_judged": str(self.judged),
            "self_seeing_columns": ", ".join(self.seen),
            "widest_own_price_gap": self.widest,
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Finding | None:
        """Inverse of :meth:`to_tags`; None where there are none."""
        if "market_columns_judged" not in tags:
            return None
        seen = tags.get("self_seeing_columns", "")
        return cls(
            int(tags["market_columns_judged"]),
            tuple(seen.split(", ")) if seen else (),
            tags.get("widest_own_price_gap", ""),
        )


def _beside(rows: pd.DataFrame) -> Ints:
    """Of each row the place of the nearest of the sales that follow; -1 for none.

    In the same suburb and of the same type, of a later month, another home's.
    """
    import numpy as np
    import pandas as pd

    place = rows["locality"].fillna("") + "|" + features.dwelling_types(rows)
    code = pd.factorize(place)[0]
    order = np.argsort(code, kind="stable")
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]").astype("int64")[order]
    month = rows["month_index"].to_numpy(dtype="float64")[order]
    home = pd.factorize(rows["property_id"])[0][order]
    own = (rows["place_level"] == 0).to_numpy()[order]
    north = np.where(own, rows["latitude"].to_numpy(dtype="float64")[order], np.nan)
    east = np.where(own, rows["longitude"].to_numpy(dtype="float64")[order], np.nan)
    code = code[order]
    best = np.full(len(rows), -1, dtype=np.intp)
    least = np.full(len(rows), np.inf)
    count = len(rows)
    for step in range(1, min(_NEXT * 4, count)):
        here, there = np.arange(count - step), np.arange(step, count)
        fits = (code[here] == code[there]) & (home[here] != home[there])
        fits &= (month[there] > month[here]) & (day[there] - day[here] <= _MOST_DAYS)
        away = np.hypot(north[here] - north[there], 0.8 * (east[here] - east[there]))
        # Where nobody knows how far it is, the first to follow stands.
        away = np.where(np.isnan(away), 1.0 + step, away)
        nearer = fits & (away < least[here])
        best[here[nearer]] = there[nearer]
        least[here[nearer]] = away[nearer]
    found = np.full(count, -1, dtype=np.intp)
    found[order] = np.where(best >= 0, order[best], -1)
    return found


def _within(rows: pd.DataFrame, values: Floats) -> Floats:
    """Values less their mean in the suburb and type."""
    import pandas as pd

    keys = [rows["locality"].fillna(""), features.dwelling_types(rows)]
    series = pd.Series(values, index=rows.index)
    means = series.groupby(keys).transform("mean")
    less: Floats = (series - means).to_numpy(dtype="float64")
    return less


def _together(one: Floats, other: Floats) -> float:
    import numpy as np

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
