"""Suites on what the model reads: a broken feature stops training and scoring.

That no feature knows the future is proved where features are made (dbt tests); keys and
what is never missing are held by the tables' constraints.
"""

from __future__ import annotations

import math

from expectations.rules import Rule, Suite, between, no_rows, one_of, present

_LINEAGE = ("source_file", "source_row_number")
_STATES = ("NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT")
_DWELLINGS = ("house", "townhouse", "unit", "land", "other")
_LOW, _HIGH = math.log(1_000), math.log(1_000_000_000)
_LEVELS = (
    "suburb_type_log_price_12m",
    "suburb_log_price_12m",
    "postcode_type_log_price_12m",
    "state_type_log_price_3m",
    "region_type_log_price_3m",
    "suburb_type_log_price_decayed",
    "building_log_price",
    "nearby_log_price",
    "asking_price_log",
    "last_price_log",
    "last_price_indexed_log",
)


def property_features() -> Suite:
    """Features of every active property as of the valuation date."""
    return Suite(
        name="property_features",
        table="ml.property_features",
        lineage=_LINEAGE,
        batch_column=None,
        rules=(
            no_rows(
                "one_valuation_date",
                "All properties are valued as of one date.",
                "error",
                "select min(as_of_date) as first, max(as_of_date) as last from {batch} "
                "having count(distinct as_of_date) > 1",
            ),
            *_shared(),
        ),
    )


def training_features() -> Suite:
    """Features of every market sale as of its contract date, with its price."""
    return Suite(
        name="training_features",
        table="ml.training_features",
        lineage=_LINEAGE,
        batch_column=None,
        rules=(
            between(
                "price_aud",
                1_000,
                1_000_000_000,
                "error",
                "Prices to learn from lie between $1,000 and $1 bn.",
            ),
            no_rows(
                "sales_are_not_in_the_future",
                "No sale is dated after tomorrow.",
                "warn",
                "select source_file, source_row_number, as_of_date from {batch} "
                "where as_of_date > current_date + 1",
            ),
            *_shared(),
        ),
    )


def _shared() -> tuple[Rule, ...]:
    levels = tuple(
        between(name, _LOW, _HIGH, "error", "Log of a price between $1,000 and $1 bn.")
        for name in _LEVELS
    )
    return (
        present("locality", "error", "Suburbs are known.", mostly=0.95),
        one_of("state", _STATES, "error", "A state or territory."),
        one_of("dwelling_type", _DWELLINGS, "error", "A known dwelling type."),
        *levels,
        between("suburb_type_sales_12m", 0, None, "error", "Counts are not negative."),
        between("suburb_type_weight_decayed", 0, None, "error", "No negative weight."),
        between("building_weight", 0, None, "error", "No negative weight."),
        between("nearby_weight", 0, None, "error", "No negative weight."),
        between("state_type_change_12m", -2, 2, "warn", "A year's change of a market."),
        between("asking_is_range", 0, 1, "error", "A flag."),
        between("days_on_market", 0, 3_650, "warn", "Listed within ten years."),
        between("months_since_last_sale", 0, None, "error", "Own sales lie before."),
        between("is_strata", 0, 1, "error", "A flag."),
        between("month_of_year", 1, 12, "error", "A month."),
        between("latitude", -44, -9, "error", "Within Australia.", mostly=0.99),
        between("longitude", 112, 160, "error", "Within Australia.", mostly=0.99),
        between("bedrooms", 0, 20, "warn", "Bedrooms of a dwelling."),
        between("bathrooms", 0, 20, "warn", "Bathrooms of a dwelling."),
        between("land_area_m2", 0, 100_000_000, "warn", "Land of at most 10,000 ha."),
        between("building_area_m2", 0, 5_000, "warn", "Floor of a dwelling."),
        between("cash_rate_pct", -1, 20, "warn", "A target the RBA may have set."),
        between("seifa_score", 0, 1_500, "warn", "About 1000, as the ABS scales it."),
        between("land_value_log", 0, _HIGH, "warn", "Log of $1 to $1 bn."),
        between("year_built", 1788, 2100, "warn", "Built since settlement."),
        no_rows(
            "real_and_simulated_never_mix",
            "All rows are real, or all are simulated.",
            "error",
            "select is_simulated, count(*) as rows from {batch} group by 1 "
            "having count(*) < (select count(*) from {batch})",
        ),
    )
