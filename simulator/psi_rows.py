"""Which rows a weekly NSW file holds: sales, re-issues, corrections, typing errors.

The shares are those measured on the 2024 files (216,857 B records), kept as data in
`Shares`. Here: what a clerk would enter. Elsewhere: the true sale (`market`) and the
bytes of the file (`psi`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from simulator.geography import Kind, Locality, unit_interval
from simulator.homes import Home
from simulator.market import Market, Sale, Slot

_REISSUE_WEEKS: Final = 9
_CORRECTION_WEEKS: Final = 3


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of sales that come with each peculiarity (of all sales, if not said)."""

    reissued: float = 0.01  # as sale code XA, again and again for weeks
    corrected: float = 0.006
    repeated_in_file: float = 0.002
    several_parcels: float = 0.006  # one dealing, the whole price on every row
    with_car_space: float = 0.02  # of strata sales
    partial_interest: float = 0.0033
    nominal_price: float = 0.0043
    bad_year: float = 0.0003
    no_house_number: float = 0.012
    no_unit_number: float = 0.038  # of strata sales
    no_property_id: float = 0.001  # of strata sales
    no_strata_area: float = 0.47
    no_zone: float = 0.052  # of rows without strata; strata rows never have one
    odd_sale_code: float = 0.0008


@dataclass(frozen=True, slots=True)
class PsiRow:
    """The fields of one B record with its legal description and number of parties.

    A property id of 0 is written as nothing, as on a few real rows.
    """

    district: str
    property_id: int
    property_name: str
    unit: str
    house_number: str
    street: str
    locality: str
    postcode: str
    area: str
    area_type: str
    contract_date: str
    settlement_date: str
    price: int
    zone: str
    nature: str
    purpose: str
    strata_lot: str
    component: str
    sale_code: str
    interest: int
    dealing: str
    legal: str
    purchasers: int
    vendors: int


def rows_of_week(
    market: Market, week: int, shares: Shares | None = None
) -> Iterator[PsiRow]:
    """Every row of a week's file, unordered.

    Beside the week's own sales: the running block of XA re-issues, which repeat an
    earlier row in every field, and corrections of rows of one to three weeks before.
    """
    shares = shares or Shares()
    seed = market.size.seed
    for sale in market.sales(week, "NSW"):
        rows = _rows_of_sale(seed, sale, shares, corrected=False)
        yield from rows
        if _luck(seed, sale, "repeat") < shares.repeated_in_file:
            yield rows[0]
    for earlier in range(week - _REISSUE_WEEKS, week):
        for again in _entered_again(market, earlier, shares):
            if again.last_lag >= week - earlier >= again.first_lag:
                sale = market.sale(again.slot, earlier)
                rows = _rows_of_sale(seed, sale, shares, corrected=again.is_corrected)
                yield from rows[:1] if again.is_corrected else rows


@dataclass(frozen=True, slots=True)
class _Again:
    """A sale that comes in later files too: how many weeks later, from and to."""

    slot: Slot
    first_lag: int
    last_lag: int
    is_corrected: bool


@lru_cache(maxsize=64)
def _entered_again(market: Market, week: int, shares: Shares) -> tuple[_Again, ...]:
    """Sales of a week that later files re-issue or correct: a few of many."""
    found = []
    for slot in market.slots(week, "NSW"):
        key = (market.size.seed, "psi", slot.due_week, slot.home)
        if unit_interval(*key, "reissue") < shares.reissued:
            weeks = 3 + int(unit_interval(*key, "weeks") * (_REISSUE_WEEKS - 2))
            found.append(_Again(slot, 1, weeks, is_corrected=False))
        elif lag := _correction_lag(key, shares):
            found.append(_Again(slot, lag, lag, is_corrected=True))
    return tuple(found)


def _correction_lag(key: tuple[object, ...], shares: Shares) -> int:
    """Weeks until a sale's first row is entered again, corrected; 0 = never."""
    luck = unit_interval(*key, "correct") / shares.corrected
    if luck >= 1:
        return 0
    return 1 if luck < 0.8 else 2 if luck < 0.92 else _CORRECTION_WEEKS


def _luck(seed: int, sale: Sale, what: str) -> float:
    return unit_interval(seed, "psi", sale.slot.due_week, sale.slot.home, what)


def _rows_of_sale(
    seed: int, sale: Sale, shares: Shares, *, corrected: bool
) -> list[PsiRow]:
    """The rows of one dealing, as first entered or as corrected later."""
    home, slot = sale.home, sale.slot
    luck = random.Random(f"{seed}:row:{slot.due_week}:{slot.home}")
    row = _true_row(sale, luck)
    if _luck(seed, sale, "reissue") < shares.reissued:
        row = replace(row, sale_code="XA")
    row = _as_dealt(row, home, luck, shares)
    key = (seed, "psi", slot.due_week, slot.home)
    if _correction_lag(key, shares):
        before, after = _correction(row, luck)
        row = after if corrected else before
    elif luck.random() < shares.bad_year:
        row = replace(row, contract_date=_bad_year(row.contract_date, luck))
    return [row, *_further_rows(row, home, luck, shares)]


def _true_row(sale: Sale, luck: random.Random) -> PsiRow:
    home = sale.home
    locality = home.locality
    area, area_type = _area(home, luck)
    strata = home.lot > 0
    return PsiRow(
        district=locality.district,
        property_id=home.parcel,
        property_name=home.building,
        unit=home.unit,
        house_number=home.house_number,
        street=f"{home.street[0]} {home.street[1]}".upper(),
        locality=locality.name.upper(),
        postcode=locality.postcode,
        area=area,
        area_type=area_type,
        contract_date=f"{sale.contract_date:%Y%m%d}",
        settlement_date=f"{sale.settlement_date:%Y%m%d}",
        price=sale.price_aud,
        zone="" if strata else _zone(home, sale.contract_date),
        nature={"land": "V", "business": "3"}.get(home.kind, "R"),
        purpose=_purpose(home),
        strata_lot=str(home.lot) if strata else "",
        component="" if strata else _component(home),
        sale_code="",
        interest=0,
        dealing=_dealing(sale),
        legal=_legal(home, luck),
        purchasers=luck.choice((1, 1, 1, 2, 2, 2)) + _more_parties(sale),
        vendors=luck.choice((1, 1, 1, 2, 2)),
    )


def _more_parties(sale: Sale) -> int:
    """Families and companies: a few sales have more parties, a very few many."""
    luck = unit_interval("parties", sale.slot.due_week, sale.slot.home)
    return 0 if luck >= 0.03 else 2 + int(0.03 / (luck + 0.001)) // 3


def _as_dealt(row: PsiRow, home: Home, luck: random.Random, shares: Shares) -> PsiRow:
    """A true row with what clerks leave out and what makes a transfer no sale."""
    if home.lot and luck.random() < shares.no_strata_area:
        row = replace(row, area="", area_type="")
    if home.lot and luck.random() < shares.no_unit_number:
        row = replace(row, unit="")
    if home.lot and luck.random() < shares.no_property_id:
        row = replace(row, property_id=0)
    if not home.lot and luck.random() < shares.no_zone:
        row = replace(row, zone="", component="")
    if luck.random() < shares.no_house_number:
        row = replace(row, house_number="")
    if not row.sale_code and luck.random() < shares.odd_sale_code:
        code = luck.choice(("XOO", "AC", "RVP", "AVI", "RM", "XO"))
        row = replace(row, sale_code=code)
    chance = luck.random()
    if chance < shares.partial_interest:
        interest = luck.choice((50, 50, 50, 50, 20, 33, 1))
        row = replace(row, interest=interest, price=row.price * interest // 100)
    elif chance < shares.partial_interest + shares.nominal_price:
        nominal = luck.choice((1, 500, 2_000, 5_000, 10_000, 15_000, 18_500))
        row = replace(row, price=nominal)
    return row


def _correction(row: PsiRow, luck: random.Random) -> tuple[PsiRow, PsiRow]:
    """A row as first entered and as entered again: something mended or recoded."""
    chance = luck.random()
    if chance < 0.08:
        return replace(row, contract_date=_bad_year(row.contract_date, luck)), row
    if chance < 0.5 and row.area:
        return replace(row, area="", area_type=""), row
    if chance < 0.6 and row.house_number:
        return replace(row, house_number=""), row
    if row.sale_code:
        return replace(row, sale_code=""), row
    return row, replace(row, sale_code=luck.choice(("XA", "XA", "XOO")))


def _bad_year(contract_date: str, luck: random.Random) -> str:
    """A year as mistyped in life: 1024 or 1924 for 2024, a digit lost, 40 years off."""
    year, rest = contract_date[:4], contract_date[4:]
    wrong = luck.choice(("10" + year[2:], "19" + year[2:], "00" + year[2:], "1900"))
    return wrong + ("0228" if rest == "0229" else rest)


def _further_rows(
    row: PsiRow, home: Home, luck: random.Random, shares: Shares
) -> list[PsiRow]:
    """More rows of the same dealing, each with the whole price."""
    if home.lot and luck.random() < shares.with_car_space:
        lot = str(home.lot + 400)
        return [
            replace(
                row,
                unit="",
                strata_lot=lot,
                area="",
                area_type="",
                legal=f"{lot}/{row.legal.partition('/')[2]}",
            )
        ]
    if home.lot or luck.random() >= shares.several_parcels:
        return []
    lot, _, plan = row.legal.partition("/")
    return [
        replace(
            row,
            property_id=7_000_000 + 4 * home.number + extra,
            house_number="",
            legal=f"{lot.split(',')[0]}{extra}/{plan.split(' ')[0]}",
        )
        for extra in range(1, luck.choice((2, 2, 3, 4)))
    ]


def _area(home: Home, luck: random.Random) -> tuple[str, str]:
    square_metres = home.land_m2 or home.floor_m2
    if square_metres >= 10_000:
        return _number(round(square_metres / 10_000, 3)), "H"
    if home.lot or luck.random() < 0.4:
        return _number(round(square_metres)), "M"
    return _number(round(square_metres, 1)), "M"


def _number(value: float) -> str:
    """A number as the files write it: no trailing zero, `.6` below one."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return text[1:] if text.startswith("0.") else text


def _zone(home: Home, contract_date: date) -> str:
    luck = unit_interval("zone", home.number)
    if home.land_m2 >= 10_000:
        return "RU1" if luck < 0.6 else "R5"
    if home.kind == "business":
        new = contract_date >= date(2023, 4, 26)  # employment zones reform
        return ("E1" if luck < 0.5 else "MU1") if new else "B2"
    if luck < 0.68:
        return "R2"
    return "R1" if luck < 0.9 else "R3"


def _purpose(home: Home) -> str:
    if home.kind == "land":
        return "VACANT LAND"
    if home.kind != "business":
        return "RESIDENCE"
    if home.land_m2 >= 10_000:
        return "FARM"
    kinds = ("COMMERCIAL", "COMMERCIAL", "SHOP", "WAREHOUSE", "OFFICE", "FACTORY")
    return kinds[home.number % len(kinds)]


def _component(home: Home) -> str:
    """Three letters standing for one valuation component: a few to a locality."""
    number = home.locality.number * 3 + home.number % 3
    first = _COMPONENT_LETTER[home.kind]
    return f"{first}{chr(65 + number // 26 % 26)}{chr(65 + number % 26)}"


_COMPONENT_LETTER: Final[dict[Kind, str]] = {
    "house": "A",
    "townhouse": "A",
    "unit": "A",
    "land": "R",
    "business": "C",
}


def _dealing(sale: Sale) -> str:
    """Number of the registered transfer, `AU147311`: one dealing, one number."""
    serial = (sale.slot.due_week + 1_000) * 20_000 + sale.slot.position * 3
    letters, digits = divmod(serial, 1_000_000)
    first, second = divmod(letters, 26)
    return f"{chr(65 + first % 26)}{chr(65 + second)}{digits}"


def _legal(home: Home, luck: random.Random) -> str:
    """Lot and plan; now and then so many lots that the text needs a second record."""
    if home.lot:
        return f"{home.lot}/SP{20_000 + home.parcel % 100_000}"
    plan = 200_000 + (home.parcel // 30) * 7 % 1_000_000
    lot = home.parcel % 30 + 1
    chance = luck.random()
    if chance < 0.003:
        lots = ", ".join(str(lot + step * 31) for step in range(_lots_sold(home)))
        return f"{lots}/{_section(home.locality)}/{plan} PT 1/{plan + 1}"
    if chance < 0.02:
        return f"{lot}, {lot + 31}/{_section(home.locality)}/{plan}"
    return f"{lot}/{plan}"


def _lots_sold(home: Home) -> int:
    """How many lots of a subdivision go together: mostly 16, now and then dozens."""
    luck = unit_interval("lots", home.number)
    return 16 if luck < 0.7 else 28 if luck < 0.9 else 45 if luck < 0.97 else 105


def _section(locality: Locality) -> int:
    return locality.number % 40 + 1
