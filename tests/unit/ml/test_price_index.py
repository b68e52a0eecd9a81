"""The index finds a market's true path, in any order, and shows nothing thin."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.price_index import AreaIndex, Rules, indexes_of_markets, market_indexes
from ml.repeat_sales import MICRO, Pairs, departures, market_level
from simulator.market import Market, MarketSize


def made_up(
    path: np.ndarray, count: int, *, seed: int = 1, noise: float = 0.08, areas: int = 1
) -> Pairs:
    """Pairs of a market with a known log path by month, from month 120 on."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(path) - 6, count)
    second = np.minimum(first + rng.integers(6, len(path), count), len(path) - 1)
    change = path[second] - path[first] + rng.normal(0, noise, count) * np.sqrt(2)
    area = rng.integers(0, areas, count)
    return Pairs(first + 120, second + 120, np.rint(change * MICRO).astype(int), area)


def wavy(months: int = 120) -> np.ndarray:
    month = np.arange(months)
    return 0.005 * month + 0.08 * np.sin(month / 15)


def around_mean(path: np.ndarray) -> np.ndarray:
    return path - path.mean()


def indexes(pairs: Pairs, region_of: list[int]) -> dict[tuple[str, int], AreaIndex]:
    regions = max(region_of) + 1
    return {
        (found.kind, found.area): found
        for found in market_indexes(pairs, np.array(region_of), regions)
    }


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_markets_side_by_side_are_as_one_after_the_other(workers: int) -> None:
    markets = [
        SimpleNamespace(
            pairs=made_up(wavy(), 2_000, seed=seed, areas=4),
            region_of=np.array([0, 0, 1, -1]),
            regions=["north", "south"],
        )
        for seed in range(7)
    ]
    one_by_one = [
        (market, found)
        for market in markets
        for found in market_indexes(market.pairs, market.region_of, 2)
    ]
    together = list(indexes_of_markets(markets, workers))
    assert [id(market) for market, _ in together] == [id(m) for m, _ in one_by_one]
    for (_, ours), (_, theirs) in zip(together, one_by_one, strict=True):
        assert (ours.kind, ours.area, ours.start) == (
            theirs.kind,
            theirs.area,
            theirs.start,
        )
        assert (ours.hundredths == theirs.hundredths).all()


def shuffled(pairs: Pairs, seed: int) -> Pairs:
    order = np.random.default_rng(seed).permutation(len(pairs))
    return Pairs(
        *(c[order] for c in (pairs.first, pairs.second, pairs.change, pairs.area))
    )


def test_without_noise_the_level_is_the_path_itself() -> None:
    path = wavy(60)
    pairs = made_up(path, 5_000, noise=0.0)
    level, kept = market_level(pairs)
    assert len(kept) == len(pairs)
    assert np.ptp(level.value - path) < 0.001


def test_the_stated_error_is_the_true_one() -> None:
    path = wavy()
    misses = []
    for seed in range(8):
        level, _ = market_level(made_up(path, 6_000, seed=seed))
        misses.append((around_mean(level.value) - around_mean(path)) / level.error)
    # Of honest errors two thirds lie within one, and hardly any beyond three.
    ratios = np.abs(np.array(misses))
    assert 0.55 < (ratios < 1).mean() < 0.85
    assert (ratios < 3).mean() > 0.98


def test_rebuilt_homes_do_not_move_the_level() -> None:
    path = wavy()
    pairs = made_up(path, 6_000)
    odd = np.arange(len(pairs)) % 12 == 0
    rebuilt = Pairs(pairs.first, pairs.second, pairs.change + odd * MICRO, pairs.area)
    level, kept = market_level(rebuilt)
    assert len(kept) <= len(pairs) - odd.sum()
    assert np.abs(around_mean(level.value) - around_mean(path)).max() < 0.05


def test_the_index_recovers_the_simulated_markets_path() -> None:
    market = Market(MarketSize(seed=11, homes=6_000, weeks=300))
    sold: dict[int, list[tuple[int, float]]] = {}
    for week in range(300):
        for sale in market.sales(week, "NSW"):
            if sale.home.kind == "house":
                day = sale.contract_date
                month = (day.year - 2000) * 12 + day.month - 1
                price = (month, float(np.log(sale.price_aud)))
                sold.setdefault(sale.home.number, []).append(price)
    rows = [
        (first, second, round((later - earlier) * MICRO))
        for history in map(sorted, sold.values())
        for (first, earlier), (second, later) in pairwise(history)
        if second - first >= 6
    ]
    first, second, change = np.array(rows).T
    found = next(
        market_indexes(
            Pairs(first, second, change, np.zeros(len(first), dtype=int)),
            np.array([-1]),
            0,
        )
    )
    shown = found.hundredths > 0
    months = np.flatnonzero(shown) + found.start
    house = next(
        home
        for number in range(6_000)
        if (home := market.home(number)).kind == "house"
        and home.locality.state == "NSW"
    )
    truth = np.array(
        [
            np.log(market.price(house, date(2000 + m // 12, m % 12 + 1, 15)))
            for m in months.tolist()
        ]
    )
    ours = np.log(found.hundredths[shown] / 10_000)
    # The band: 1 % in the middle, 3 % of any month, on about 4,000 pairs.
    miss = around_mean(ours) - around_mean(truth)
    assert len(rows) > 2_000
    assert np.sqrt((miss**2).mean()) < 0.01
    assert np.abs(miss).max() < 0.03
    yearly = [path[12:] - path[:-12] for path in (ours, truth)]
    assert np.corrcoef(yearly)[0, 1] > 0.95


def test_few_pairs_leave_a_suburb_close_to_its_region() -> None:
    path, months = wavy(), 120
    drift = 0.05 * np.arange(months) / 12
    many, few = made_up(path + drift, 3_000, seed=2), made_up(path + drift, 8, seed=3)
    level = np.vstack([path, path])
    pairs = Pairs(
        *(
            np.concatenate([getattr(many, name), getattr(few, name)])
            for name in ("first", "second", "change")
        ),
        np.repeat([0, 1], [len(many), len(few)]),
    )
    found = departures(
        pairs, 2, level, 120, (0.0128, 0.0), knot_months=12, yearly_spread=0.01
    )
    told = found.value[:, -1] - found.value[:, 0]
    assert told[0] == pytest.approx(drift[-1], abs=0.03)
    assert 0 < told[1] < 0.5 * drift[-1]
    assert (found.variance[1] > found.variance[0]).all()


def test_a_suburb_that_moves_otherwise_is_seen_to() -> None:
    path = wavy()
    slow = made_up(path, 4_000, seed=5, areas=4)
    fast = made_up(path + 0.03 * np.arange(120) / 12, 4_000, seed=6)
    pairs = Pairs(
        *(
            np.concatenate([getattr(slow, name), getattr(fast, name)])
            for name in ("first", "second", "change")
        ),
        np.concatenate([slow.area, np.full(len(fast), 4)]),
    )
    found = indexes(pairs, [0, 0, 1, 1, 1])
    assert {kind for kind, _ in found} == {"state", "region", "suburb"}
    growth = {
        area: np.log(found["suburb", area].hundredths[[0, -1]] / 10_000)
        for area in range(5)
    }
    true = path[-1] - path[0]
    assert np.diff(growth[4])[0] == pytest.approx(true + 0.3, abs=0.08)
    assert np.diff(growth[0])[0] == pytest.approx(true, abs=0.08)


def test_what_rests_on_too_little_is_not_shown() -> None:
    path = wavy()
    rules = Rules()
    thin = made_up(path, rules.least_state_pairs - 1)
    assert indexes(thin, [0]) == {}
    pairs = made_up(path, 300)
    lonely = Pairs(
        np.append(pairs.first, 120),
        np.append(pairs.second, 120 + 180),
        np.append(pairs.change, MICRO),
        np.append(pairs.area, 1),
    )
    found = indexes(lonely, [0, 0])
    assert ("suburb", 1) not in found
    state, suburb = found["state", 0], found["suburb", 0]
    assert state.hundredths[-1] == state.error_hundredths[-1] == -1
    few = state.pair_ends < rules.least_month_ends
    assert ((state.hundredths == -1) == few).all()
    assert suburb.hundredths[119] > 0
    assert (suburb.hundredths[120:] == -1).all()


def test_the_base_year_is_100_on_average() -> None:
    found = indexes(made_up(wavy(), 4_000), [0])["state", 0]
    at = Rules().base_month - found.start
    mean = np.log(found.hundredths[at : at + 12] / 100).mean()
    assert np.exp(mean) == pytest.approx(100, abs=0.01)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_order_changes_no_figure(seed: int) -> None:
    pairs = made_up(wavy(), 1_500, areas=12)
    region_of = [number % 3 for number in range(12)]
    before, after = indexes(pairs, region_of), indexes(shuffled(pairs, seed), region_of)
    assert before.keys() == after.keys()
    for key, found in before.items():
        for name in ("hundredths", "error_hundredths", "pair_ends"):
            assert (getattr(found, name) == getattr(after[key], name)).all(), key
