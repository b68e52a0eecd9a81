"""The suite on valuations, judged before they are written or told to anybody.

Judged as a frame in memory: what is wrong here never reaches the table or the outbox.
"""

from __future__ import annotations

from expectations.rules import Suite, above, between, one_of, present, unique

_METHODS = ("model", "last_prediction", "indexed_last_sale", "local_median")
#: Half of the estimate a year ago is news; a tenth is a broken feature.
_OFF = 10


def price_predictions() -> Suite:
    """Valuations of one scoring, with the ratio to each property's last sale."""
    return Suite(
        name="price_predictions",
        table="ml.price_predictions",
        lineage=("property_id", "source_row_number"),
        batch_column=None,
        rules=(
            unique("property_id", "A property is valued once."),
            present("valuation_date", "error", "Every valuation has its date."),
            above("estimate_aud", "low_aud", "No estimate lies below its interval."),
            above("high_aud", "estimate_aud", "No estimate lies above its interval."),
            between(
                "least_step_aud",
                0,
                None,
                "error",
                "The 68 % interval lies within that of 80 %, and that within 95 %.",
                name="intervals_are_nested",
            ),
            between(
                "estimate_aud",
                1_000,
                1_000_000_000,
                "error",
                "Estimates lie between $1,000 and $1 bn.",
                mostly=0.999,
            ),
            between("confidence", 0, 1, "error", "A share."),
            one_of("method", _METHODS, "error", "A method of the fallback chain."),
            between(
                "interval_ratio",
                1,
                20,
                "error",
                "Of 50 intervals at most one spans more than a factor of 20.",
                mostly=0.98,
            ),
            between(
                "last_sale_ratio",
                1 / _OFF,
                _OFF,
                "error",
                "At most 5 % of the estimates are ten times the property's last market "
                "sale of the five years before, or a tenth of it.",
                mostly=0.95,
            ),
            between(
                "last_sale_ratio",
                1 / 3,
                3,
                "warn",
                "At most 5 % of the estimates are three times that sale, or a third.",
                mostly=0.95,
                name="last_sale_ratio_is_near_one",
            ),
        ),
    )
