"""Suburb performance as JSON: sold prices by quarter, half-year or year.

Sold figures are those of the market's own sales that are public by now; the figures
about listings and rents follow from them by rule. Null is no data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from simulator.domain_api.clock import SYDNEY
from simulator.domain_api.search_answers import Json
from simulator.domain_api.turnover import Turnover
from simulator.geography import Locality, unit_interval

PERIOD_SIZES: Final = {"quarters": 3, "halfYears": 6, "years": 12}
"""Months of each."""

_LATEST_RECORD_WEEKS: Final = 45
"""Nearly all sales are recorded this long after their contract."""

MAX_PERIODS: Final = 48


@dataclass(frozen=True, slots=True)
class Span:
    """A period by its first day and the day after its last."""

    begin: date
    end: date

    @property
    def label(self) -> tuple[int, int]:
        """Year and last month."""
        months = self.end.year * 12 + self.end.month - 2
        return months // 12, months % 12 + 1


def spans(now: float, size: str, start: int, count: int) -> list[Span]:
    """`count` periods that end with the `start`-th before now (1: the current one)."""
    today = datetime.fromtimestamp(now, SYDNEY).date()
    months = PERIOD_SIZES[size]
    current = (today.year * 12 + today.month - 1) // months
    last = current - (start - 1)
    numbers = range(last - count + 1, last + 1)
    return [Span(_day(n * months), _day((n + 1) * months)) for n in numbers]


def performance_json(
    turnover: Turnover,
    place: Locality,
    category: str,
    bedrooms: int | None,
    periods: Sequence[Span],
    now: float,
) -> Json:
    """The series of one suburb, the oldest period first."""
    market = turnover.market
    begin, end = periods[0].begin, periods[-1].end
    first = (begin - market.size.first_week).days // 7 - 6
    last = (end - market.size.first_week).days // 7 + _LATEST_RECORD_WEEKS
    today = datetime.fromtimestamp(now, SYDNEY).date()
    newest = (today - market.size.first_week).days // 7
    wanted = ("unit",) if category == "Unit" else ("house", "townhouse")
    sold: list[tuple[date, int]] = []
    for home, due, period in turnover.due_weeks(place, first, min(last, newest)):
        sale = turnover.sale(home, due, period)
        if sale.week > newest or sale.home.kind not in wanted:
            continue
        if bedrooms is not None and sale.home.bedrooms != bedrooms:
            continue
        sold.append((sale.contract_date, sale.price_aud))
    return {
        "header": {
            "suburb": place.name,
            "state": place.state,
            "propertyCategory": category,
        },
        "series": {
            "seriesInfo": [
                _period(
                    place, span, [p for day, p in sold if span.begin <= day < span.end]
                )
                for span in periods
            ]
        },
    }


def _period(place: Locality, span: Span, prices: list[int]) -> Json:
    year, month = span.label
    prices.sort()
    luck = unit_interval("performance", place.number, year, month)
    auctioned = round(len(prices) * (0.25 + 0.3 * luck))
    listed = [round(price * (1.0 + 0.06 * luck) / 1_000) * 1_000 for price in prices]
    rents = [round(price * 0.00075) for price in prices]
    values: dict[str, Any] = {
        "medianSoldPrice": _percentile(prices, 50),
        "numberSold": len(prices),
        "highestSoldPrice": max(prices, default=None),
        "lowestSoldPrice": min(prices, default=None),
        "5thPercentileSoldPrice": _percentile(prices, 5),
        "25thPercentileSoldPrice": _percentile(prices, 25),
        "75thPercentileSoldPrice": _percentile(prices, 75),
        "95thPercentileSoldPrice": _percentile(prices, 95),
        "medianSaleListingPrice": _percentile(listed, 50),
        "numberSaleListing": round(len(prices) * 1.15),
        "highestSaleListingPrice": max(listed, default=None),
        "lowestSaleListingPrice": min(listed, default=None),
        "auctionNumberAuctioned": auctioned,
        "auctionNumberSold": round(auctioned * 0.68),
        "auctionNumberWithdrawn": round(auctioned * 0.05),
        "daysOnMarket": 20 + round(40 * luck) if prices else None,
        "discountPercentage": round(-6 * luck, 2) if prices else None,
        "medianRentListingPrice": _percentile(rents, 50),
        "numberRentListing": len(prices) // 2,
        "highestRentListingPrice": max(rents, default=None),
        "lowestRentListingPrice": min(rents, default=None),
        "meanRentYield": round(0.039 + 0.004 * luck, 4) if prices else None,
    }
    return {"year": year, "month": month, "values": values}


def _percentile(ordered: Sequence[int], share: int) -> int | None:
    """Nearest-rank percentile of sorted numbers; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def _day(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)
