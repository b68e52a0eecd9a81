"""What a row of submitted actuals must say, and how it is refused where it does not."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from connectors.submitted_actuals import (
    MAX_BYTES,
    Actual,
    checked_source,
    read_actuals,
)
from domain.address_text import canonical_line
from domain.errors import UserError
from domain.records import Reject

HOME = UUID("6a0f8f3e-0c51-5a54-b0a4-2b5f6d9f1c11")
ADDRESS = "3/12 Smith St, Richmond VIC 3121"
TODAY = date(2024, 6, 30)
HEADER = "property_id,address,price,contract_date,reference\n"


def rows(text: str) -> tuple[Actual | Reject, ...]:
    return read_actuals(text.encode(), "a.csv", "smith", TODAY).rows


def one(line: str) -> Actual | Reject:
    (row,) = rows(HEADER + line)
    return row


def test_homes_are_named_by_id_or_address() -> None:
    found = rows(
        f"{HEADER}{HOME},,850000,2024-03-31,D1\n\n"
        f',"{ADDRESS}","$1,250,000.00",2024-04-01,\n'
    )
    first, second = found
    assert isinstance(first, Actual)
    assert isinstance(second, Actual)
    assert (first.line, first.reference, first.property_id) == (2, "D1", HOME)
    assert (first.price_aud, first.contract_date) == (850_000, date(2024, 3, 31))
    home = canonical_line(ADDRESS).property_id
    # Without a reference the home and the day name the deal; lines count empty ones.
    assert second.line == 4
    assert (second.property_id, second.price_aud) == (home, 1_250_000)
    assert second.reference == f"{home}|2024-04-01"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("12,,850000,2024-03-31,D", "property_id", "'12' is no property id."),
        (",,850000,2024-03-31,D", "address", "The row names no home."),
        (",Somewhere,850000,2024-03-31,D", "address", "'Somewhere' names no home."),
        (f"{HOME},,,2024-03-31,D", "price", "The price is missing."),
        (f"{HOME},,8e5,2024-03-31,D", "price", "'8e5' is no price."),
        (f"{HOME},,-850000,2024-03-31,D", "price", "'-850000' is no price."),
        (
            *(f"{HOME},,1,2024-03-31,D", "price"),
            "A price of 1 AUD is no market price of a home.",
        ),
        (f"{HOME},,850000,,D", "contract_date", "The contract date is missing."),
        (f"{HOME},,850000,31/03/24,D", "contract_date", "'31/03/24' is no day."),
        (
            *(f"{HOME},,850000,2024-07-01,D", "contract_date"),
            "The contract date 2024-07-01 lies after today.",
        ),
        (
            *(f"{HOME},,850000,2024-03-31,{'D' * 201}", "reference"),
            "The reference has 201 characters.",
        ),
        (f"{HOME},,850,000,2024-03-31,D", None, "The row has 6 cells, the header 5."),
    ],
)
def test_a_refusal_names_line_field_reason_and_fix(
    line: str, field: str | None, reason: str
) -> None:
    row = one(line)
    assert isinstance(row, Reject)
    assert (row.source, row.source_file, row.row_number) == (
        "actuals:smith",
        "a.csv",
        2,
    )
    assert (row.field, row.reason) == (field, reason)
    assert row.fix.endswith(".")
    assert row.original is not None
    assert row.original.text == line


def test_one_reference_with_two_stories_is_refused_the_second_time() -> None:
    line = f"{HOME},,850000,2024-03-31,D1\n"
    first, again, other = rows(HEADER + line + line + line.replace("850", "950"))
    assert isinstance(first, Actual)
    assert isinstance(again, Actual)
    assert isinstance(other, Reject)
    assert other.rule_id == "actual_twice"


def test_files_that_cannot_be_read_say_why() -> None:
    with pytest.raises(UserError, match=r"line 1: the header lacks property_id or"):
        rows("price,contract_date\n")
    with pytest.raises(UserError, match="lacks price"):
        rows("address,contract_date\n")
    with pytest.raises(UserError, match="repeats a column"):
        rows("address,price,price,contract_date\n")
    with pytest.raises(UserError, match="header lacks"):
        rows("")
    with pytest.raises(UserError, match="no UTF-8 text"):
        read_actuals(b"\xff\xfe", "a.csv", "smith", TODAY)
    with pytest.raises(UserError, match="split it"):
        read_actuals(b" " * (MAX_BYTES + 1), "a.csv", "smith", TODAY)


@pytest.mark.parametrize("name", ["*", "", "Smith", "a b", "-a", "a" * 51])
def test_sources_have_plain_names(name: str) -> None:
    with pytest.raises(UserError, match="no name of a source"):
        checked_source(name)
    assert checked_source("smith-realty.2") == "smith-realty.2"
