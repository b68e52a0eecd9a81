"""What lies near a home: recent sales, the market's level, the homes of its suburb.

Questions to the database, by the query catalogue where it has them; nothing is decided
here. Elsewhere: which sales are chosen (``comparables``), who asks (``on_request``).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml import comparables, explanation, features
from ml.comparables import Sale
from ml.explanation import Inputs

if TYPE_CHECKING:
    import psycopg

#: Runs a query of the catalogue: connection, name, parameters.
Ask = Callable[..., list[dict[str, Any]]]
#: How far back sales are compared with (days), and how far at the least.
_BACK_DAYS, _BACK_DAYS_AT_LEAST = 365, 240
#: Homes that are enough to be typical of.
_ENOUGH_HOMES = 5
#: Months before the valuation's whose level is asked for, and that a level is of.
_LEVEL_MONTHS, _LEVEL_OF = 15, 3
_MICRO = 1e6


def sales_nearby(
    connection: psycopg.Connection[Any], ask: Ask, row: Mapping[str, Any]
) -> tuple[list[Sale], float | None]:
    """Sales of the year before a home's valuation, the nearest of its type.

    ``row`` is of the feature table; a home without a place is compared within its
    suburb. What was not known before the day is left out. Also the market's level (ln)
    on the day, None where no index knows it.
    """
    day: datetime.date = row["as_of_date"]
    kind = row["dwelling_type"]
    if kind is None or row["locality"] is None:
        return [], None
    since = day - datetime.timedelta(_BACK_DAYS)
    placed = row["latitude"] is not None and row["longitude"] is not None
    at = {"latitude": row["latitude"], "longitude": row["longitude"]}
    recent = _first_indexed(connection)
    if placed and recent <= day - datetime.timedelta(_BACK_DAYS_AT_LEAST):
        nearest = ask(
            connection,
            "comparable_sales",
            dwelling_type=kind,
            since=max(since, recent),
            **at,
        )
    elif placed:
        # The data end long before today: the index of recent sales holds too few.
        nearest = ask(connection, "homes_nearby", dwelling_type=kind, **at)
    else:
        nearest = ask(
            connection,
            "comparable_sales_of_a_suburb",
            suburb_key=row["locality"],
            dwelling_type=kind,
            since=since,
        )
    ids = dict.fromkeys(one["property_id"] for one in nearest)
    ids.pop(row["property_id"], None)
    sold = ask(connection, "sales_of_homes", property_ids=list(ids), before=day)
    homes = features.read_homes(connection, list(ids))
    as_sold = features.read_homes(
        connection,
        [one["sale_id"] for one in sold],
        features.TRAINING_RELATION,
        key="sale_id",
    )
    path = _index_path(connection, row, day)
    sales = [
        Sale(
            property_id=str(one["property_id"]),
            address=one["address"],
            contract_date=one["contract_date"],
            known_on=one["known_on"],
            price_aud=one["price_aud"],
            source=one["source"],
            source_file=one["source_file"],
            source_row_number=one["source_row_number"],
            # Its own past as it was before this sale: a home whose price the model
            # has just been told would agree with any price.
            inputs=homes[str(one["property_id"])]
            | _own_past(as_sold.get(str(one["sale_id"]))),
            level_log=comparables.level_log(path, one["contract_date"], None),
        )
        for one in sold
        if one["contract_date"] >= since and str(one["property_id"]) in homes
    ]
    return sales, comparables.level_log(path, day, None)


def _own_past(row: Mapping[str, Any] | None) -> dict[str, Any]:
    names = explanation.GROUPS["own_past"]
    return {name: None if row is None else row[name] for name in names}


def _index_path(
    connection: psycopg.Connection[Any], row: Mapping[str, Any], day: datetime.date
) -> Mapping[str, Any] | None:
    """The index of the home's state and type, as ``comparables.level_log`` takes it.

    Of repeat sales; where there are too few of them, the mean of the last three months'
    sales as they were known by the month of ``day``.
    """
    market = {"state": row["state"], "kind": row["dwelling_type"]}
    found = connection.execute(
        "select first_month, index_hundredths "
        "from intermediate.int_market__index_paths "
        "where area_kind = 'state' and area_key = %(state)s "
        "and dwelling_type = %(kind)s",
        market,
    ).fetchone()
    if found is not None and any(found[1]):
        return {"first_month": found[0], "index_hundredths": found[1]}
    month = (day.year - 2000) * 12 + day.month - 1
    first = month - _LEVEL_MONTHS
    parts = connection.execute(
        """
        select contract_month, sum(log_price_sum), sum(sale_count)
        from intermediate.int_market__state_months
        where state = %(state)s and dwelling_type = %(kind)s
            and known_month < %(month)s
            and contract_month between %(first)s and %(month)s - 1
        group by 1
        """,
        {**market, "month": month, "first": first},
    ).fetchall()
    sums = {at: (float(total), int(count)) for at, total, count in parts}
    levels = []
    for at in range(first, month):
        of = [sums[one] for one in range(at - _LEVEL_OF + 1, at + 1) if one in sums]
        count = sum(sales for _, sales in of)
        mean = sum(total for total, _ in of) / count / _MICRO if count else None
        levels.append(None if mean is None else 100 * math.exp(mean))
    if not any(levels):
        return None
    return {"first_month": first, "index_hundredths": levels}


def _first_indexed(connection: psycopg.Connection[Any]) -> datetime.date:
    """The day from which on recent sales can be found by place without a scan."""
    found = connection.execute(
        "select boundary from ops.index_boundaries where table_name = 'properties'"
    ).fetchone()
    return found[0] if found else datetime.date.min


def typical_home(
    connection: psycopg.Connection[Any],
    ask: Ask,
    row: Mapping[str, Any],
    sales: Sequence[Sale],
) -> tuple[str, Inputs] | None:
    """The typical home of the suburb and type, else of those sold nearby, and its name.

    Of inputs on the valuation's day: what differs is the home, not the time.
    """
    kind, suburb = row["dwelling_type"], row["locality"]
    ids = [
        one["property_id"]
        for one in ask(
            connection, "homes_of_a_suburb", suburb_key=suburb, dwelling_type=kind
        )
    ]
    if len(ids) >= _ENOUGH_HOMES:
        homes = list(features.read_homes(connection, ids).values())
        if homes:
            place = str(suburb).partition("|")[2].title()
            return f"the typical {kind} of {place}", explanation.typical(homes)
    if not sales:
        return None
    near = [sale.inputs for sale in sales]
    return f"the typical {kind} sold nearby", explanation.typical(near)
