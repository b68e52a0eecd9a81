from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from simulator.market import Market, MarketSize
from simulator.psi import dat_file, weekly_name, weekly_zip, yearly_zip
from simulator.psi_rows import PsiRow, Shares, rows_of_week

B_FIELDS = (
    r"\d{3}",  # district
    r"\d{0,10}",  # property id, missing on a few real rows
    r"\d{1,7}",  # sale counter
    r"\d{8} \d\d:\d\d",
    r"[^;]{0,40}",  # property name
    r"[^;]{0,10}",  # unit
    r"[^;]{0,10}",  # house number
    r"[^;]{0,38}",  # street
    r"[^;]{0,40}",  # locality
    r"(\d{4})?",
    r"(\d{0,7}(\.\d{1,3})?)?",  # area
    r"[MH]?",
    r"\d{8}",  # contract
    r"\d{8}",  # settlement
    r"\d{1,12}",  # price
    r"[A-Z0-9]{0,4}",  # zone
    r"[VR3]",
    r"[^;]{0,20}",  # purpose
    r"[^;]{0,5}",  # strata lot
    r"[A-Z0-9]{0,3}",  # component
    r"[A-Z]{0,3}",  # sale code
    r"\d{0,3}",  # interest
    r"[A-Z0-9]{1,10}",  # dealing
)
SHAPES = {
    "B": (25, re.compile("B;" + ";".join(B_FIELDS) + ";")),
    "C": (7, re.compile(r"C;\d{3};\d{0,10};\d{1,7};\d{8} \d\d:\d\d;[^;]{0,70};")),
    "D": (12, re.compile(r"D;\d{3};\d{0,10};\d{1,7};\d{8} \d\d:\d\d;[PV];{6}")),
    "A": (6, re.compile(r"A;RTSALEDATA;\d{3};\d{8} \d\d:\d\d;VALNET;")),
    "Z": (6, re.compile(r"Z;\d+;\d+;\d+;\d+;")),
}


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=2500, weeks=104))


@pytest.fixture(scope="module")
def rows(market: Market) -> list[tuple[int, PsiRow]]:
    return [(week, row) for week in range(104) for row in rows_of_week(market, week)]


def members(archive: bytes) -> Iterator[tuple[str, list[str]]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for name in opened.namelist():
            if name.endswith(".DAT"):
                yield name, opened.read(name).decode("ascii").split("\n")[:-1]


def check_file(name: str, lines: list[str]) -> None:
    """Assert what every weekly .DAT file keeps, real or made up."""
    assert re.fullmatch(r"\d{3}_SALES_DATA_NNME_\d{8}\.DAT", name)
    counts: Counter[str] = Counter()
    for line in lines:
        parts, shape = SHAPES[line[0]]
        assert len(line.split(";")) == parts
        assert shape.fullmatch(line), line
        counts[line[0]] += 1
    assert lines[0].startswith(f"A;RTSALEDATA;{name[:3]};")
    expected = f"Z;{len(lines)};{counts['B']};{counts['C']};{counts['D']};"
    assert lines[-1] == expected
    counters = [int(line.split(";")[3]) for line in lines if line[0] == "B"]
    assert counters == list(range(1, counts["B"] + 1))


def test_files_keep_the_published_format(market: Market) -> None:
    for week in (0, 30, 77):
        archive = weekly_zip(market, week)
        files = list(members(archive))
        assert files
        for name, lines in files:
            check_file(name, lines)
            assert name.endswith(f"_{market.monday(week):%d%m%Y}.DAT")


def test_real_files_keep_the_same_format(shared_data: Path) -> None:
    """The shapes asserted of made-up files are those of the real ones."""
    archive = shared_data / "nsw_psi_weekly_2024" / "20240108.zip"
    with zipfile.ZipFile(archive) as opened:
        assert "creative_commons.txt" in opened.namelist()
    for name, lines in members(archive.read_bytes()):
        check_file(name, lines)


def test_every_zip_says_that_its_data_is_made_up(market: Market) -> None:
    with zipfile.ZipFile(io.BytesIO(weekly_zip(market, 3))) as opened:
        assert opened.namelist()[0] == "creative_commons.txt"
        assert b"Made-up data" in opened.read("creative_commons.txt")


def test_a_zip_is_the_same_bytes_each_time(market: Market) -> None:
    assert weekly_zip(market, 5) == weekly_zip(market, 5)


def test_a_yearly_zip_holds_the_weekly_ones(market: Market) -> None:
    target = io.BytesIO()
    assert yearly_zip(market, 2023, target) == 52
    with zipfile.ZipFile(target) as opened:
        names = opened.namelist()
        assert names[0] == "20230102.zip"
        assert names[-1] == "20231225.zip"
        assert opened.read("20230605.zip") == weekly_zip(market, 22)
    assert weekly_name(date(2023, 6, 5)) == "20230605.zip"


def test_a_district_without_sales_has_no_file() -> None:
    market = Market(MarketSize(homes=6000))
    quiet = {name[:3] for name, _ in members(weekly_zip(market, 0))}
    busy = {name[:3] for name, _ in members(weekly_zip(market, 30))}
    assert quiet < busy


def test_shares_are_near_those_measured(rows: list[tuple[int, PsiRow]]) -> None:
    everything = [row for _, row in rows]
    count = len(everything)
    repeats = count - len(set(everything))
    strata = sum(row.strata_lot != "" for row in everything)
    natures = Counter(row.nature for row in everything)
    blank_area = sum(row.area == "" for row in everything)
    blank_zone = sum(row.zone == "" for row in everything)
    assert 0.36 < strata / count < 0.50
    assert 0.85 < natures["R"] / count < 0.91
    assert 0.05 < natures["V"] / count < 0.10
    assert 0.03 < natures["3"] / count < 0.07
    assert 0.03 < repeats / count < 0.09
    assert 0.15 < blank_area / count < 0.26
    assert 0.38 < blank_zone / count < 0.55


def test_settlement_is_mostly_days_before_the_file(
    market: Market, rows: list[tuple[int, PsiRow]]
) -> None:
    days = sorted(
        (market.monday(week) - _day(row.settlement_date)).days
        for week, row in rows
        if row.sale_code != "XA"
    )
    assert days[0] >= 3
    assert days[int(len(days) * 0.85)] <= 14
    assert days[-1] > 30


def test_reissued_rows_carry_xa_and_repeat_for_weeks(
    rows: list[tuple[int, PsiRow]],
) -> None:
    weeks: dict[PsiRow, set[int]] = {}
    for week, row in rows:
        weeks.setdefault(row, set()).add(week)
    again = {row: found for row, found in weeks.items() if len(found) > 1}
    assert again
    assert {row.sale_code for row in again} == {"XA"}
    assert max(len(found) for found in again.values()) >= 5


def test_corrections_follow_one_to_three_weeks_later(market: Market) -> None:
    often = Shares(corrected=0.3, reissued=0.0, with_car_space=0, several_parcels=0)
    first: dict[tuple[str, int, str], tuple[int, PsiRow]] = {}
    lags: Counter[int] = Counter()
    for week in range(12):
        for row in rows_of_week(market, week, often):
            key = (row.dealing, row.property_id, row.strata_lot)
            if key in first and first[key][1] != row:
                lags[week - first[key][0]] += 1
            first.setdefault(key, (week, row))
    assert set(lags) == {1, 2, 3}
    assert lags[1] > lags[2] + lags[3]


def test_typing_errors_are_rare_years_of_long_ago(market: Market) -> None:
    careless = Shares(bad_year=0.5, corrected=0.0001)
    rows = list(rows_of_week(market, 30, careless))
    years = {row.contract_date[:4] for row in rows if row.contract_date < "1990"}
    assert years <= {"1900", "0023", "1023", "1923", "0022", "1022", "1922"}
    assert years


def test_a_missing_property_id_is_an_empty_field(market: Market) -> None:
    rows = list(rows_of_week(market, 30, Shares(no_property_id=1.0)))
    row = next(row for row in rows if row.strata_lot)
    lines = dat_file(row.district, "20240617 01:05", [row]).decode().split("\n")
    assert {line.split(";")[2] for line in lines[1:-2]} == {""}


def test_a_dealing_of_several_parcels_shows_the_whole_price_on_each_row(
    market: Market,
) -> None:
    many = Shares(several_parcels=0.5, with_car_space=0.5, reissued=0, corrected=0.0001)
    by_dealing: dict[str, list[PsiRow]] = {}
    for row in rows_of_week(market, 30, many):
        by_dealing.setdefault(row.dealing, []).append(row)
    several = [rows for rows in by_dealing.values() if len(set(rows)) > 1]
    assert any(len({row.property_id for row in rows}) > 1 for rows in several)
    assert any(len({row.strata_lot for row in rows}) > 1 for rows in several)
    assert all(len({row.price for row in rows}) == 1 for rows in several)


def test_a_long_legal_text_is_cut_into_further_records(
    rows: list[tuple[int, PsiRow]],
) -> None:
    row = next(row for _, row in rows if len(row.legal) > 70)
    lines = dat_file(row.district, "20240617 01:05", [row]).decode().split("\n")
    parts = [line.split(";")[5] for line in lines if line.startswith("C;")]
    assert len(parts) > 1
    assert "".join(parts) == row.legal
    assert lines[-2].split(";")[3] == str(len(parts))


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
