from __future__ import annotations

import csv
import gzip
import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from simulator.geography import build_localities
from simulator.market import Market, MarketSize, Sale, turnover_slowdown
from simulator.names import locality_names
from simulator.psi import weekly_zip

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=3000, weeks=104))


@pytest.fixture(scope="module")
def sales(market: Market) -> list[Sale]:
    return [
        sale
        for week in range(market.size.weeks)
        for state in ("NSW", "VIC")
        for sale in market.sales(week, state)
    ]


def test_same_seed_gives_the_same_bytes_in_another_process() -> None:
    script = (
        "import hashlib; from simulator.market import Market, MarketSize\n"
        "from simulator.psi import weekly_zip\n"
        "market = Market(MarketSize(seed=3, homes=800, weeks=9))\n"
        "print(hashlib.sha256(weekly_zip(market, 8)).hexdigest())\n"
    )
    other = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONHASHSEED": "99", "TZ": "Australia/Perth"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = weekly_zip(Market(MarketSize(seed=3, homes=800, weeks=9)), 8)
    assert other.stdout.strip() == hashlib.sha256(here).hexdigest()


def test_another_seed_gives_another_market() -> None:
    one = weekly_zip(Market(MarketSize(seed=1, homes=500)), 8)
    two = weekly_zip(Market(MarketSize(seed=2, homes=500)), 8)
    assert one != two


def test_more_weeks_leave_earlier_weeks_as_they_were() -> None:
    short = Market(MarketSize(homes=500, weeks=10))
    long = Market(MarketSize(homes=500, weeks=40))
    assert weekly_zip(short, 9) == weekly_zip(long, 9)


def test_default_market_is_small_enough_for_a_demo() -> None:
    market = Market(MarketSize())
    count = sum(
        len(market.slots(week, state))
        for week in range(market.size.weeks)
        for state in ("NSW", "VIC")
    )
    assert 6_000 <= count <= 10_000


def test_no_two_homes_share_an_address(market: Market) -> None:
    homes = [market.home(number) for number in range(market.size.homes)]
    addresses = {
        (home.locality.name, home.street, home.house_number, home.unit)
        for home in homes
    }
    assert len(addresses) == len(homes)
    assert len({(home.parcel, home.lot) for home in homes}) == len(homes)


def test_homes_are_numbered_through_all_localities(market: Market) -> None:
    localities = build_localities(7, 3000)
    assert sum(locality.size for locality in localities) == 3000
    assert all(one.start + one.size == two.start for one, two in pairwise(localities))
    with pytest.raises(IndexError):
        market.home(3000)


def test_places_lie_in_their_state(market: Market) -> None:
    for locality in market.localities:
        first = {"NSW": "2", "VIC": "3"}[locality.state]
        assert locality.postcode.startswith(first)
        assert len(locality.postcode) == 4
        low, high = {"NSW": (-34.0, -31.5), "VIC": (-38.0, -36.0)}[locality.state]
        assert low < locality.latitude < high
        assert 143.0 < locality.longitude < 152.0


def test_no_locality_bears_the_name_of_a_real_one(shared_data: Path) -> None:
    source = shared_data / "au_postcodes" / "australian_postcodes.csv.gz"
    with gzip.open(source, "rt", encoding="utf-8-sig") as lines:
        real = {row["Locality"].upper() for row in csv.DictReader(lines)}
    assert not real & {name.upper() for name in locality_names(7, 4000)}


def test_a_home_sells_again_only_after_it_was_bought(sales: list[Sale]) -> None:
    by_home: dict[int, list[Sale]] = defaultdict(list)
    for sale in sales:
        assert sale.contract_date < sale.settlement_date
        by_home[sale.home.number].append(sale)
    repeats = [own for own in by_home.values() if len(own) > 1]
    assert len(repeats) > len(by_home) / 5
    for own in repeats:
        for earlier, later in pairwise(own):
            assert later.contract_date > earlier.contract_date


def test_few_sales_appear_early_in_january(market: Market) -> None:
    counts = {
        market.monday(week): len(market.slots(week, "NSW"))
        for week in range(market.size.weeks)
    }
    usual = sorted(counts.values())[len(counts) // 2]
    assert counts[date(2024, 1, 8)] < usual / 2
    assert max(counts[date(2023, 12, 11)], counts[date(2023, 12, 18)]) > usual


def test_prices_follow_place_kind_size_and_time(sales: list[Sale]) -> None:
    """A plain linear fit on what sources show explains later sales well."""
    known = [sale for sale in sales if sale.home.kind in ("house", "unit", "townhouse")]
    known.sort(key=lambda sale: sale.contract_date)
    cut = len(known) * 4 // 5
    features, prices = _features(known), np.log([sale.price_aud for sale in known])
    fit = np.linalg.lstsq(features[:cut], prices[:cut], rcond=1e-6)[0]
    estimate, later = np.exp(features[cut:] @ fit), np.exp(prices[cut:])
    unexplained = ((later - estimate) ** 2).sum()
    r2 = 1 - unexplained / ((later - later.mean()) ** 2).sum()
    assert r2 > 0.75
    assert np.median(np.abs(estimate / later - 1)) < 0.12
    prices_by_kind = {
        kind: np.median([s.price_aud for s in known if s.home.kind == kind])
        for kind in ("house", "unit")
    }
    assert prices_by_kind["house"] > 1.3 * prices_by_kind["unit"]


def _features(sales: list[Sale]) -> np.ndarray:
    places = sorted({sale.home.locality.number for sale in sales})
    rows = np.zeros((len(sales), len(places) + 9))
    for row, sale in zip(rows, sales, strict=True):
        home = sale.home
        row[places.index(home.locality.number)] = 1
        vic = home.locality.state == "VIC"
        row[len(places) :] = (
            home.kind == "unit",
            home.kind == "townhouse",
            home.bedrooms,
            home.bathrooms,
            np.log(home.floor_m2),
            np.log(home.land_m2) if home.kind == "house" else 0,
            home.year_built,
            sale.contract_date.toordinal() / 365,
            vic * sale.contract_date.toordinal() / 365,
        )
    return rows


def test_the_bigger_a_market_the_longer_its_homes_are_held() -> None:
    sizes = (1_000, 20_000, 60_000, 500_000, 2_000_000, 5_000_000)
    slower = [turnover_slowdown(size) for size in sizes]
    assert slower == sorted(slower)
    assert (slower[0], slower[1], slower[-2], slower[-1]) == (1, 1, 8, 8)
    yearly = {}
    for size in (20_000, 200_000):
        market = Market(MarketSize(homes=size))
        sold = sum(len(market.slots(week, "NSW")) for week in (20, 21, 22, 23))
        yearly[size] = sold * 13 / (size * 0.58)
    assert 0.4 < yearly[20_000] < 0.8
    assert 0.08 < yearly[200_000] < 0.2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"first_week": date(2024, 1, 2)}, "not a Monday"),
        ({"weeks": 0}, "at least 1 week"),
    ],
)
def test_impossible_sizes_are_refused(
    wrong: dict[str, date | int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MarketSize(**wrong)  # type: ignore[arg-type]


def test_a_market_of_a_few_homes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 homes"):
        Market(MarketSize(homes=99))
