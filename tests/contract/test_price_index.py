"""The repeat-sales index of real Sydney sales beside the ABS index of the city."""

from __future__ import annotations

import csv
import gzip
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from ml.price_index import market_indexes
from ml.repeat_sales import MICRO, Pairs

#: Of the thirteen districts at hand, these are not in Sydney.
_COUNTRY = {"001", "008", "042", "234"}
#: ABS: weight of houses in the value of Sydney's homes, about.
_HOUSES = 0.65


def _sydney_pairs(folder: Path) -> dict[str, list[tuple[int, int, int]]]:
    """Pairs of plain sales of one parcel and strata lot: months and log change."""
    sold: dict[tuple[str, str, str], dict[date, int]] = {}
    dealings: dict[str, set[tuple[str, str]]] = {}
    for path in sorted(folder.glob("*_B.txt.gz")):
        with gzip.open(path, "rt", encoding="latin-1") as lines:
            for line in lines:
                cells = line.split(";")
                if cells[1] in _COUNTRY or cells[17] != "R" or not cells[15]:
                    continue
                try:
                    signed = datetime.strptime(cells[13], "%Y%m%d").date()  # noqa: DTZ007
                except ValueError:
                    continue
                whole = cells[22].strip() in ("", "0")
                price = int(cells[15])
                if price < 10_000 or not whole or signed.year < 2001:
                    continue
                kind = "unit" if cells[19].strip() else "house"
                dealings.setdefault(cells[23], set()).add((cells[2], cells[19]))
                if len(dealings[cells[23]]) == 1:
                    sold.setdefault((kind, cells[2], cells[19]), {})[signed] = price
    pairs: dict[str, list[tuple[int, int, int]]] = {"house": [], "unit": []}
    for (kind, _, _), history in sold.items():
        for (first, low), (second, high) in pairwise(sorted(history.items())):
            change = np.log(high / low)
            years = (second - first).days / 365.25
            if years >= 0.5 and abs(change) < 0.5 + 0.15 * years:
                months = [
                    (day.year - 2000) * 12 + day.month - 1 for day in (first, second)
                ]
                pairs[kind].append((*months, round(change * MICRO)))
    return pairs


def _quarterly(pairs: list[tuple[int, int, int]]) -> dict[int, float]:
    """Mean log index of each quarter from January 2000 (= 0)."""
    first, second, change = np.array(pairs).T
    area = np.zeros(len(first), dtype=int)
    state = next(market_indexes(Pairs(first, second, change, area), np.array([-1]), 0))
    months: dict[int, list[float]] = {}
    for at, hundredths in enumerate(state.hundredths.tolist()):
        if hundredths > 0:
            months.setdefault((state.start + at) // 3, []).append(np.log(hundredths))
    return {quarter: float(np.mean(logs)) for quarter, logs in months.items()}


def _abs_sydney(path: Path) -> dict[int, float]:
    with path.open(encoding="utf-8-sig") as lines:
        rows = list(csv.reader(lines))[10:]
    index = {}
    for when, value, *_ in rows:
        day = datetime.strptime(when, "%b-%Y")  # noqa: DTZ007
        index[((day.year - 2000) * 12 + day.month - 1) // 3] = float(
            np.log(float(value))
        )
    return index


def test_the_index_moves_as_the_abs_index_of_sydney(shared_data: Path) -> None:
    pairs = _sydney_pairs(shared_data / "nsw_psi_history_2001_2017")
    house, unit = _quarterly(pairs["house"]), _quarterly(pairs["unit"])
    published = _abs_sydney(shared_data / "abs_rppi" / "abs_rppi_2003_2021.csv")
    # September 2003, where the ABS begins, to June 2017, what our files tell of whole.
    quarters = [q for q in range(14, 70) if q in house and q in unit and q in published]
    ours = np.array([_HOUSES * house[q] + (1 - _HOUSES) * unit[q] for q in quarters])
    theirs = np.array([published[q] for q in quarters])

    assert len(quarters) == 56
    assert np.corrcoef(ours, theirs)[0, 1] > 0.995
    yearly = [path[4:] - path[:-4] for path in (ours, theirs)]
    assert np.corrcoef(*yearly)[0, 1] > 0.95
    assert np.abs(yearly[0] - yearly[1]).mean() < 0.02
    assert np.corrcoef(np.diff(ours), np.diff(theirs))[0, 1] > 0.75
    # Our nine districts lie near the centre, and grew a little more than the city.
    assert 0 < (ours[-1] - ours[0]) - (theirs[-1] - theirs[0]) < 0.08
