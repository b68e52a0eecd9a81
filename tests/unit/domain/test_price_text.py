"""Prices in words: every form agents use, and nothing that is not there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.price_text import PriceText, read_price_text

K, M = 1_000, 1_000_000


@pytest.mark.parametrize(
    ("text", "low", "high", "kind"),
    [
        # One amount.
        ("$1,200,000", 1_200_000, 1_200_000, "exact"),
        ("$1.2M", 1_200_000, 1_200_000, "exact"),
        ("1.2m", 1_200_000, 1_200_000, "exact"),
        ("$2.5 million", 2_500_000, 2_500_000, "exact"),
        ("$ 1 200 000", 1_200_000, 1_200_000, "exact"),
        ("AUD 950,000", 950_000, 950_000, "exact"),
        ("A$1,000,000", 1 * M, 1 * M, "exact"),
        ("\uff04\uff19\uff15\uff10,000", 950_000, 950_000, "exact"),
        ("650000", 650_000, 650_000, "exact"),
        ("FOR SALE $785k", 785_000, 785_000, "exact"),
        ("Reduced to $850,000", 850_000, 850_000, "exact"),
        ("House 650m2, $500,000", 500_000, 500_000, "exact"),
        ("Under contract - $900,000", 900_000, 900_000, "exact"),
        ("$999,999", 999_999, 999_999, "exact"),
        # Two.
        ("$1.2M - $1.3M", 1_200_000, 1_300_000, "range"),
        ("$1.2 \u2013 $1.3M", 1_200_000, 1_300_000, "range"),
        ("$800-$850k", 800_000, 850_000, "range"),
        ("$1,200,000 to $1,320,000", 1_200_000, 1_320_000, "range"),
        ("Offers $600,000 - $650,000", 600_000, 650_000, "range"),
        ("between $900,000 and $950,000", 900_000, 950_000, "range"),
        ("From $500k to $550k", 500_000, 550_000, "range"),
        ("$700,000 - $700,000", 700_000, 700_000, "exact"),
        # Open to one side.
        ("Offers over 900k", 900_000, None, "from"),
        ("Offers Over $900,000 considered", 900_000, None, "from"),
        ("Offers in excess of $2,000,000", 2 * M, None, "from"),
        ("from $500k", 500_000, None, "from"),
        ("3 bed from $450,000", 450_000, None, "from"),
        ("$1.05m+", 1_050_000, None, "from"),
        ("$900,000 plus", 900_000, None, "from"),
        ("$850,000 + GST", 850_000, None, "from"),
        ("From the high $800,000's", 800_000, None, "from"),
        ("Up to $700,000", None, 700_000, "up_to"),
        # Near an amount.
        ("Guide $1,150,000", 1_150_000, 1_150_000, "around"),
        ("Price guide: $1.15m", 1_150_000, 1_150_000, "around"),
        ("$900,000 ono", 900_000, 900_000, "around"),
        ("$900,000 neg", 900_000, 900_000, "around"),
        ("Auction guide $1.1m", 1_100_000, 1_100_000, "around"),
        ("High $800,000's", 800_000, 900_000, "around"),
        ("mid $700s", 700_000, 800_000, "around"),
        ("low to mid $850's", 850_000, 860_000, "around"),
        ("$1.2m's", 1_200_000, 1_300_000, "around"),
        ("Mid $1.2m", None, None, "around"),
        # Weekly rents are no prices.
        ("$650 pw", 650, 650, "rent"),
        ("$650 per week", 650, 650, "rent"),
        ("$450 - $500 p.w.", 450, 500, "rent"),
        ("$2,600 pcm", 600, 600, "rent"),
        ("From $650/wk", 650, None, "rent"),
        ("per week", None, None, "rent"),
        ("$850,000 (rented at $450 pw)", 850_000, 850_000, "exact"),
        # No amount.
        ("Contact Agent", None, None, "contact"),
        ("POA", None, None, "contact"),
        ("Auction", None, None, "auction"),
        ("To be sold at auction", None, None, "auction"),
        ("Expressions of interest", None, None, "offers"),
        ("For sale by tender", None, None, "offers"),
        ("SOLD", None, None, "sold"),
        ("Under offer", None, None, "under_offer"),
        ("SOLD - $1,200,000", 1_200_000, 1_200_000, "sold"),
        # Withheld is withheld, whatever stands beside it.
        ("Price withheld", None, None, "withheld"),
        ("Price withheld ($850,000)", None, None, "withheld"),
        ("Undisclosed", None, None, "withheld"),
        # Telephone numbers, days, times and sizes are no money.
        ("Call 0412 345 678", None, None, "contact"),
        ("Contact Jo +61 412 345 678", None, None, "contact"),
        ("Call (03) 9555 1234", None, None, "contact"),
        ("Phone 1300 123 456", None, None, "contact"),
        ("Call 13 12 34", None, None, "contact"),
        ("$785,000 Call 9555 1234", 785_000, 785_000, "exact"),
        ("Expressions of interest closing 12/10", None, None, "offers"),
        ("EOI closing 5pm Friday 12th October 2024", None, None, "offers"),
        ("Auction Sat 14 Sept 2024 at 10.30am", None, None, "auction"),
        ("Auction 2024-10-12", None, None, "auction"),
        ("$1.1M-$1.2M (closing 12/10 at 5pm)", 1_100_000, 1_200_000, "range"),
        # What can be read in two ways is not read.
        ("$800 - $850,000", None, None, "unreadable"),
        ("$1,200,000 - $1,100,000", None, None, "unreadable"),
        ("$1,100,000 / $1,200,000", None, None, "unreadable"),
        ("House $500,000 land $300,000", None, None, "unreadable"),
        ("Was $900,000 now $850,000", None, None, "unreadable"),
        ("$1,2500,000", None, None, "unreadable"),
        ("$1.250.000", None, None, "unreadable"),
        ("$1300 000", None, None, "unreadable"),
        ("$5,500 per sqm", None, None, "unreadable"),
        ("$10,000 deposit", None, None, "unreadable"),
        ("$9,999,999", None, None, "unreadable"),
        ("$2147483647", None, None, "unreadable"),
        ("50m to the beach", None, None, "unreadable"),
        ("1920s charm", None, None, "unreadable"),
        ("Completion 2025", None, None, "unreadable"),
        ("$1", None, None, "unreadable"),
        ("", None, None, "unreadable"),
    ],
)
def test_every_form_is_read(
    text: str, low: int | None, high: int | None, kind: str
) -> None:
    found = read_price_text(text)
    assert (found.low, found.high, found.kind) == (low, high, kind)
    assert (found.confidence == 0) == (kind == "unreadable")


PRICES = st.integers(20, 9_000).map(lambda thousands: thousands * K)
STYLES = st.sampled_from(
    [
        lambda price: f"${price:,}",
        lambda price: f"$ {price:,}",
        lambda price: f"${price}",
        lambda price: f"${price:,}.00",
        lambda price: f"${price // K}k",
        lambda price: f"${price // K}K",
        lambda price: f"${price / M:.3f}M",
        lambda price: f"${price / M:.3f} million",
        lambda price: f"{price:,}",
    ]
)
NOISE = st.sampled_from(
    [
        "call 0412 345 678",
        "(02) 9876 5432",
        "+61 398765432",
        "1800 123 456",
        "closing 12/10",
        "12/10/2024",
        "by 14 Sept 2025",
        "Oct 3rd",
        "5.30pm",
        "10am",
        "3 bed 2 bath",
        "650 sqm",
        "12 acres",
        "Lot 1204",
    ]
)


@given(PRICES, STYLES)
def test_an_amount_is_read_in_every_spelling(price: int, style) -> None:  # type: ignore[no-untyped-def]
    assert read_price_text(style(price)) == PriceText(price, price, "exact", 1.0)


@given(PRICES, PRICES, STYLES, st.sampled_from([" - ", "-", " to ", " \u2013 "]))
def test_a_range_keeps_its_bounds(a: int, b: int, style, dash: str) -> None:  # type: ignore[no-untyped-def]
    low, high = sorted((a, b))
    found = read_price_text(f"{style(low)}{dash}{style(high)}")
    if high > 10 * low:
        assert found.kind == "unreadable"
    else:
        assert (found.low, found.high) == (low, high)
        assert found.kind == ("exact" if low == high else "range")


@given(
    PRICES, NOISE, st.sampled_from(["{p}, {n}", "{n}: {p}", "{p} ({n})", "{p} | {n}"])
)
def test_telephones_days_and_sizes_never_change_a_price(
    price: int, noise: str, form: str
) -> None:
    found = read_price_text(form.format(p=f"${price:,}", n=noise))
    assert (found.low, found.high, found.kind) == (price, price, "exact")


@given(NOISE, st.sampled_from(["Contact agent", "Auction", "SOLD", "For sale"]))
def test_telephones_days_and_sizes_are_never_a_price(noise: str, words: str) -> None:
    found = read_price_text(f"{words} {noise}")
    assert (found.low, found.high) == (None, None)


@given(PRICES, STYLES)
def test_what_is_withheld_has_no_amount(price: int, style) -> None:  # type: ignore[no-untyped-def]
    found = read_price_text(f"Price withheld {style(price)}")
    assert found == PriceText(None, None, "withheld", 0.9)


@given(
    st.text(max_size=60) | st.from_regex(r"[$0-9km.,' /+a-z-]{0,30}", fullmatch=True)
)
def test_any_text_gives_bounds_in_order_or_none(text: str) -> None:
    found = read_price_text(text)
    assert 0 <= found.confidence <= 1
    if found.low is not None and found.high is not None:
        assert found.low <= found.high
    if found.kind in ("withheld", "auction", "offers", "contact", "unreadable"):
        assert (found.low, found.high) == (None, None)
    if found.kind == "exact":
        assert found.low == found.high is not None
