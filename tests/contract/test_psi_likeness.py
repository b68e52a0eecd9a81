"""The simulated PSI files held to the same bands as the real ones."""

from __future__ import annotations

import gzip
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from simulator.market import Market, MarketSize
from simulator.psi import weekly_zip
from simulator.psi_rows import rows_of_week
from tests.psi_measures import (
    BANDS,
    RESALE_BANDS,
    Sale,
    measure,
    measure_resales,
    outside,
    sales_of,
)


def simulated(size: MarketSize, step: int = 1) -> list[Sale]:
    market = Market(size)
    return [
        sale
        for week in range(0, size.weeks, step)
        for sale in sales_of(market.monday(week), weekly_zip(market, week))
    ]


def test_real_weeks_lie_within_the_bands(shared_data: Path) -> None:
    sales: list[Sale] = []
    for path in sorted((shared_data / "nsw_psi_weekly_2024").glob("*.zip")):
        week = date.fromisoformat(path.stem)
        sales += sales_of(week, path.read_bytes())
    assert len(sales) == 171_107
    assert outside(measure(sales), BANDS) == []


@pytest.mark.parametrize(
    "size", [MarketSize(homes=6500, weeks=104), MarketSize(homes=40_000, weeks=60)]
)
def test_simulated_weeks_lie_within_the_same_bands(size: MarketSize) -> None:
    assert outside(measure(simulated(size)), BANDS) == []


def test_real_resales_lie_within_the_bands(shared_data: Path) -> None:
    rows = []
    for path in sorted((shared_data / "nsw_psi_history_2001_2017").glob("*_B.txt.gz")):
        with gzip.open(path, "rt", encoding="latin-1") as lines:
            rows += [line.rstrip("\n").split(";") for line in lines]
    assert outside(measure_resales(rows), RESALE_BANDS) == []


def test_simulated_resales_lie_within_the_same_bands() -> None:
    sales = simulated(MarketSize(homes=6500, weeks=260))
    resold = measure_resales([sale.fields for sale in sales])
    assert outside(resold, RESALE_BANDS) == []


def test_a_full_market_is_written_in_little_memory(tmp_path: Path) -> None:
    """In a process of its own, whose memory is the market's and nothing else's."""
    script = (
        "import sys; from simulator.__main__ import main; main(sys.argv[1:]); "
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    arguments = ["--properties", "2000000", "--weeks", "2", "--write", str(tmp_path)]
    child = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(list((tmp_path / "psi").glob("*.zip"))) == 2
    kibibytes = int(child.stdout.split()[-1])
    assert kibibytes < 120 * 1024


def test_no_two_homes_of_a_full_market_share_an_address() -> None:
    market = Market(MarketSize(homes=2_000_000))
    assert len({place.name for place in market.localities}) == len(market.localities)
    biggest = max(market.localities, key=lambda place: place.size)
    homes = [market.home(biggest.start + n) for n in range(biggest.size)]
    addresses = {(home.street, home.house_number, home.unit) for home in homes}
    assert len(addresses) == len(homes) > 1_000
    last = market.home(1_999_999)
    assert last.locality is market.localities[-1]


def test_a_week_of_a_full_market_is_as_big_as_a_real_one() -> None:
    """Real weeks of 2024 hold 337 to 5,239 B records; other years up to 7,800."""
    market = Market(MarketSize(homes=2_000_000, weeks=40))
    count = sum(1 for _ in rows_of_week(market, 30))
    assert 300 <= count <= 7_800
