"""Suites on prices read from words and named by listings: what leaves as a price event.

What a price event becomes among the sales is judged by dbt tests of the marts.
"""

from __future__ import annotations

from expectations.rules import Suite, between, few_rows, no_rows, one_of

_KINDS = (
    "exact",
    "range",
    "from",
    "up_to",
    "around",
    "rent",
    "withheld",
    "auction",
    "offers",
    "sold",
    "under_offer",
    "contact",
    "unreadable",
)
_MOST = 500_000_000


def price_texts() -> Suite:
    """What the words of prices say; read before any listing is made of them."""
    return Suite(
        name="price_texts",
        table="intermediate.int_price_text__parsed",
        lineage=("text_hash", "rule_version"),
        batch_column=None,
        # Texts may name what an agency withholds.
        shows_values=False,
        rules=(
            no_rows(
                "bounds_are_in_order",
                "No lower bound lies above the upper one.",
                "error",
                "select text_hash::text from {batch} where low_aud > high_aud",
            ),
            no_rows(
                "a_price_has_an_amount_and_words_have_none",
                "Each asking price has a bound; what is withheld, unreadable or words "
                "alone has none.",
                "error",
                "select text_hash::text from {batch} where case "
                "when kind in ('exact', 'range') then low_aud is null "
                "or high_aud is null "
                "when kind in ('from', 'up_to', 'around') "
                "then coalesce(low_aud, high_aud) is null "
                "when kind in ('withheld', 'auction', 'offers', 'contact', "
                "'unreadable') then coalesce(low_aud, high_aud) is not null "
                "else false end",
            ),
            one_of("kind", _KINDS, "error", "A kind of price the platform knows."),
            between("confidence", 0, 1, "error", "A share."),
            between("low_aud", 1, _MOST, "error", "Amounts up to $500 m."),
            between("high_aud", 1, _MOST, "error", "Amounts up to $500 m."),
            few_rows(
                "most_texts_are_read",
                "At most 30 % of the distinct texts cannot be read.",
                "kind = 'unreadable'",
                0.30,
                ("text_hash", "rule_version"),
                severity="warn",
            ),
        ),
    )


def price_events() -> Suite:
    """Prices that listings, auction results and histories of homes name."""
    lineage = ("source_file", "source_row_number")
    return Suite(
        name="price_events",
        table="intermediate.int_listing__price_events",
        lineage=lineage,
        batch_column=None,
        rules=(
            no_rows(
                "bounds_are_in_order",
                "No lower bound lies above the upper one, and one of the two is there.",
                "error",
                "select source_file, source_row_number, price_low_aud, price_high_aud "
                "from {batch} where price_low_aud > price_high_aud "
                "or coalesce(price_low_aud, price_high_aud) is null",
            ),
            no_rows(
                "an_exact_price_is_one_figure",
                "Where there is one price, both bounds are it; where there are two, "
                "there is none.",
                "error",
                "select source_file, source_row_number, price_kind from {batch} "
                "where (price_aud is not null) is distinct from "
                "(price_kind = 'exact' and price_low_aud = price_high_aud) "
                "or price_aud <> price_low_aud",
            ),
            one_of(
                "event_kind",
                ("asking", "guide", "bid", "sold"),
                "error",
                "What listings can say of a price.",
            ),
            one_of(
                "price_kind",
                ("exact", "range", "from", "up_to", "around"),
                "error",
                "A price and no bracket for searches, no rent, nothing withheld.",
            ),
            between("confidence", 0, 1, "error", "A share."),
            between(
                "price_low_aud",
                1_000,
                _MOST,
                "error",
                "Prices lie between $1,000 and $500 m.",
                mostly=0.98,
            ),
            no_rows(
                "belief_ends_after_it_began",
                "Nothing was believed until before it was known.",
                "error",
                "select source_file, source_row_number, known_at, known_to "
                "from {batch} where known_to < known_at",
            ),
            few_rows(
                "most_events_are_of_a_home",
                "At most half of the events have no home: their addresses are hidden "
                "or identify nothing.",
                "property_id is null",
                0.50,
                lineage,
                severity="warn",
            ),
            few_rows(
                "events_are_known_after_they_happen",
                "At most 5 % of the events are dated more than two days after they "
                "became known.",
                "event_date > known_at::date + 2",
                0.05,
                lineage,
                severity="warn",
            ),
        ),
    )
