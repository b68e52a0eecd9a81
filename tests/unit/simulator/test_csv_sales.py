from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from pathlib import Path

import pytest

from simulator.csv_sales import COLUMNS, rows, write_csv
from simulator.market import Market, MarketSize
from simulator.psi_rows import rows_of_week

REAL = "melbourne_housing/Melbourne_housing_FULL_to_2017-06-30.csv.gz"
SHAPES = {
    "Rooms": r"\d{1,2}",
    "Type": "[hut]",
    "Price": r"\d*",
    "Method": "S|SP|SA|PI|VB|SN|PN|SS|W|NB",
    "Date": r"[1-9]\d?/\d\d/\d{4}",
    "Distance": r"\d{1,2}(\.\d)?",
    "Postcode": r"\d{4}",
    "Bedroom2": r"\d*",
    "Bathroom": r"\d*",
    "Car": r"\d*",
    "Landsize": r"\d*",
    "BuildingArea": r"\d*(\.\d+)?",
    "YearBuilt": r"(\d{4})?",
    "Lattitude": r"(-3\d(\.\d+)?)?",
    "Longtitude": r"(14\d(\.\d+)?)?",
    "Propertycount": r"\d+",
}


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=2500, weeks=60))


@pytest.fixture(scope="module")
def records(market: Market) -> list[dict[str, str]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows(market)]


def check_shapes(records: list[dict[str, str]]) -> None:
    for record in records:
        for column, shape in SHAPES.items():
            assert re.fullmatch(shape, record[column]), (column, record[column])


def test_fields_have_the_shapes_of_the_layout(records: list[dict[str, str]]) -> None:
    check_shapes(records)


def test_the_real_file_has_the_same_columns_and_shapes(shared_data: Path) -> None:
    with gzip.open(shared_data / REAL, "rt", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        assert reader.fieldnames == list(COLUMNS)
        check_shapes([record for record, _ in zip(reader, range(2000), strict=False)])


def test_the_file_is_crlf_with_a_header_and_counts_its_rows(market: Market) -> None:
    target = io.BytesIO()
    count = write_csv(market, target)
    lines = target.getvalue().decode().split("\r\n")
    assert lines[0].startswith("Suburb,Address,Rooms,Type,Price,Method,SellerG,Date")
    assert len(lines) == count + 2
    assert "\n" not in "".join(lines)


def test_gzip_holds_the_same_bytes_and_is_repeatable(market: Market) -> None:
    plain, packed, again = io.BytesIO(), io.BytesIO(), io.BytesIO()
    write_csv(market, plain)
    write_csv(market, packed, compress=True)
    write_csv(market, again, compress=True)
    assert gzip.decompress(packed.getvalue()) == plain.getvalue()
    assert packed.getvalue() == again.getvalue()


def test_more_weeks_only_add_rows() -> None:
    short = list(rows(Market(MarketSize(homes=600, weeks=20))))
    long = list(rows(Market(MarketSize(homes=600, weeks=30))))
    assert long[: len(short)] == short
    assert len(long) > len(short)


def test_methods_and_prices_are_mixed_as_in_life(
    records: list[dict[str, str]],
) -> None:
    methods = Counter(record["Method"] for record in records)
    assert set(methods) >= {"S", "SP", "PI", "VB", "SN"}
    assert methods["S"] > len(records) / 2
    for record in records:
        if record["Method"] in ("SN", "PN", "SS", "W"):
            assert record["Price"] == ""
    priced = sum(record["Price"] != "" for record in records) / len(records)
    assert 0.7 < priced < 0.9


def test_a_bid_stays_below_the_price_the_home_then_sold_for(
    records: list[dict[str, str]],
) -> None:
    bids: dict[tuple[str, str], int] = {}
    compared = 0
    for record in records:
        key = (record["Suburb"], record["Address"])
        if record["Method"] in ("PI", "VB"):
            bids.pop(key, None)
            if record["Price"]:
                bids[key] = int(record["Price"])
        elif record["Price"] and key in bids:
            compared += bids.pop(key) < int(record["Price"]) * 1.05
    assert compared > 20


def test_no_home_is_in_both_sources(
    market: Market, records: list[dict[str, str]]
) -> None:
    in_csv = {record["Suburb"].upper() for record in records}
    in_psi = {row.locality for week in range(60) for row in rows_of_week(market, week)}
    assert in_csv
    assert in_psi
    assert not in_csv & in_psi
