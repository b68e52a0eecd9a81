"""Suites on the landing: does a load look like sales at all?

An ``error`` here means the file or its reading is broken, not that a sale is odd: odd
sales are common in good data, and the marts flag them. Limits hold on all real files
of 2024 (worst weekly batch: no missing price, 0.02 % missing postcodes).
"""

from __future__ import annotations

from expectations.rules import (
    Suite,
    between,
    few_in_each_batch,
    like,
    no_rows,
    one_of,
)

_LINEAGE = ("_source_file", "_row_number")
_STATES = ("NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT")
_DWELLINGS = ("house", "townhouse", "unit", "land", "other")
# Archive files of the 1990s lack postcodes and streets by design.
_CURRENT = "record_format = 'current'"


def raw_nsw_valuer__sales() -> Suite:
    """NSW Valuer General sales as received."""
    return Suite(
        name="raw_nsw_valuer__sales",
        table="raw.nsw_valuer__sales",
        lineage=_LINEAGE,
        batch_column="_batch_id",
        rules=(
            few_in_each_batch(
                "prices_are_there_in_each_batch",
                "At most 20 % of a batch has no price or a price of zero.",
                "purchase_price_aud is null or purchase_price_aud <= 0",
                0.20,
            ),
            few_in_each_batch(
                "prices_are_dollars_in_each_batch",
                "At most half of a batch costs under $10,000 or over $20,000,000: "
                "else the price column is not a price in dollars.",
                "purchase_price_aud not between 10000 and 20000000",
                0.50,
            ),
            few_in_each_batch(
                "contract_dates_are_there_in_each_batch",
                "At most 5 % of a batch has no contract date, one before 1950, or one "
                "after the file was made.",
                "contract_date is null or contract_date < date '1950-01-01' "
                "or contract_date > downloaded_at::date",
                0.05,
            ),
            few_in_each_batch(
                "postcodes_are_there_in_each_batch",
                "At most 20 % of a batch has a missing or malformed postcode.",
                "postcode is null or postcode !~ '^[0-9][0-9][0-9][0-9]$'",
                0.20,
                where=_CURRENT,
            ),
            few_in_each_batch(
                "legal_descriptions_name_lot_and_plan_in_each_batch",
                "At most 20 % of a batch has a legal description without a lot and "
                "plan (47/SP57860, 1/838891, 15/11/1996).",
                "legal_description is not null and legal_description !~ "
                "'[0-9A-Z]+/([0-9A-Z]*/)?[A-Z]*[0-9]+'",
                0.20,
                where=_CURRENT,
                severity="warn",
            ),
            few_in_each_batch(
                "addresses_are_there_in_each_batch",
                "At most 20 % of a batch lacks its street or suburb.",
                "street_name is null or locality is null",
                0.20,
                where=_CURRENT,
            ),
            one_of(
                "nature_code",
                ("R", "V", "3"),
                "error",
                "Nature of property is residence, vacant land or other.",
                mostly=0.95,
            ),
            one_of(
                "area_type",
                ("M", "H"),
                "error",
                "Areas are square metres or hectares.",
                mostly=0.95,
            ),
            between(
                "purchase_price_aud",
                1,
                400_000_000,
                "warn",
                "Prices are above zero and at most $400 m.",
            ),
            between(
                "contract_date",
                "1990-01-01",
                None,
                "warn",
                "Contracts are of 1990 or later.",
            ),
            between("interest_percent", 0, 100, "warn", "Shares are percentages."),
            between("area", 0, None, "warn", "Areas are not negative."),
            like(
                "postcode",
                "^(2[0-9]{3}|0200|3[0-9]{3}|4[0-9]{3})$",
                "warn",
                "Postcodes of NSW, the ACT or a neighbour across the border.",
            ),
            no_rows(
                "settlement_follows_contract",
                "No settlement before its contract.",
                "warn",
                "select _source_file, _row_number, contract_date, settlement_date "
                "from {batch} where settlement_date < contract_date",
            ),
        ),
    )


def raw_csv__sales() -> Suite:
    """Sales from CSV files, read through a mapping."""
    return Suite(
        name="raw_csv__sales",
        table="raw.csv__sales",
        lineage=_LINEAGE,
        batch_column="_batch_id",
        rules=(
            few_in_each_batch(
                "prices_are_there_in_each_batch",
                "At most 20 % of a batch's sales have no price or a price of zero.",
                "price_aud is null or price_aud <= 0",
                0.20,
                where="is_sale",
            ),
            few_in_each_batch(
                "prices_are_dollars_in_each_batch",
                "At most half of a batch's sales cost under $10,000 or over "
                "$20,000,000.",
                "price_aud not between 10000 and 20000000",
                0.50,
                where="is_sale",
            ),
            few_in_each_batch(
                "sale_dates_are_there_in_each_batch",
                "At most 5 % of a batch has no sale date, one before 1950 or one in "
                "the future.",
                "sale_date is null or sale_date < date '1950-01-01' "
                "or sale_date > current_date + 1",
                0.05,
            ),
            few_in_each_batch(
                "postcodes_are_there_in_each_batch",
                "At most 20 % of a batch has a missing or malformed postcode.",
                "postcode is null or postcode !~ '^[0-9][0-9][0-9][0-9]$'",
                0.20,
            ),
            few_in_each_batch(
                "addresses_are_there_in_each_batch",
                "At most 20 % of a batch lacks its address or suburb (only its suburb, "
                "where the mapping says that rows name no dwelling).",
                "locality is null or (address is null "
                "and coalesce(extra ->> '_identifying', 'true') <> 'false')",
                0.20,
            ),
            one_of("state", _STATES, "error", "A state or territory.", mostly=0.95),
            one_of(
                "dwelling_type",
                _DWELLINGS,
                "error",
                "A dwelling type the platform knows.",
                mostly=0.95,
            ),
            between("price_aud", 10_000, 100_000_000, "warn", "Odd prices."),
            between("bedrooms", 0, 20, "warn", "Bedrooms of a dwelling."),
            between("bathrooms", 0, 20, "warn", "Bathrooms of a dwelling."),
            between("land_area_m2", 0, 5_000_000, "warn", "Land of at most 500 ha."),
            between("building_area_m2", 0, 5_000, "warn", "Floor of a dwelling."),
            between("year_built", 1788, 2100, "warn", "Built since settlement."),
            between("latitude", -44, -9, "warn", "Latitude within Australia."),
            between("longitude", 112, 160, "warn", "Longitude within Australia."),
        ),
    )
