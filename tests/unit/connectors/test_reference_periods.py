"""Days, months and quarters as publishers write them."""

from __future__ import annotations

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.reference.periods import (
    find_day,
    find_month,
    find_quarter,
    read_day,
    read_month,
)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("04-Jan-2011", date(2011, 1, 4)),
        ("31/03/2026", date(2026, 3, 31)),
        ("2026-03-18", date(2026, 3, 18)),
        ("2026-03-18T00:00:00", date(2026, 3, 18)),
        ("20171101", date(2017, 11, 1)),
        ("1-July-2021", date(2021, 7, 1)),
        ("18 Mar 2026", date(2026, 3, 18)),
        ("04-Jan-96", date(1996, 1, 4)),
        ("31/02/2026", None),
        ("Sep-2003", None),
        ("", None),
    ],
)
def test_days(text: str, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Sep-2003", date(2003, 9, 30)),
        ("Feb-24", date(2024, 2, 29)),
        ("2003-09-01", date(2003, 9, 30)),
        ("notes", None),
    ],
)
def test_months_end_on_their_last_day(text: str, day: date | None) -> None:
    assert read_month(text) == day


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Oct-Dec 2023", (2023, 4)),
        ("Oct - Dec", (None, 4)),
        ("Jan to Mar 2024", (2024, 1)),
        ("December Quarter 2023", (2023, 4)),
        ("sales-tables-march-2024-quarter", (2024, 1)),
        ("2023-Q4", (2023, 4)),
        ("Q2 2021", (2021, 2)),
        ("Houses 1st quarter 2024", (2024, 1)),
        ("Change Oct 2023", None),
        ("Jan-Dec 2023", None),
    ],
)
def test_quarters(text: str, found: tuple[int | None, int] | None) -> None:
    assert find_quarter(text) == found


def test_dates_inside_names() -> None:
    assert find_day("150_LAND_VALUE_DATA_20171101.csv") == date(2017, 11, 1)
    assert find_day("Released at 11.30am (Canberra time) 27 April 2023") == date(
        2023, 4, 27
    )
    assert find_day("postcodes_99999999") is None
    assert find_month("g-naf_core_may25_allstates") == date(2025, 5, 31)
    assert find_month("GNAF_CORE_FEB_2026.zip/GNAF_CORE.psv") == date(2026, 2, 28)


@given(st.text(string.printable, max_size=40))
def test_any_text_is_read_or_not(text: str) -> None:
    for read in (read_day, read_month, find_day, find_month, find_quarter):
        read(text)
