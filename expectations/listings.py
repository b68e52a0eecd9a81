"""Suites on listings as they land: does a pull or a feed look like listings at all?

A broken one stops the listing models, never the sales. Failing rows are shown by file
and line alone: raw listings hold prices that agencies withhold.
"""

from __future__ import annotations

from expectations.rules import (
    Suite,
    few_in_each_batch,
    few_rows,
    no_rows,
    one_of,
)

_LINEAGE = ("_source_file", "_row_number")
_STATES = "('NSW', 'VIC', 'QLD', 'SA', 'WA', 'TAS', 'NT', 'ACT')"
#: Listing types of the API, in its own spelling.
_TYPES = ("Sale", "Rent", "Share", "Sold", "Leased", "NewHomes")
_KINDS = (
    "residential",
    "rental",
    "holidayRental",
    "land",
    "rural",
    "commercial",
    "commercialLand",
    "business",
)
#: REAXML in which an address may be asked for: those that do not end a listing.
_ALIVE = "coalesce(status, 'current') = 'current' and patch ? 'address/street'"


def raw_domain__listings() -> Suite:
    """Listings as Domain's search showed them, judged by pull."""
    return Suite(
        name="raw_domain__listings",
        table="raw.domain__listings",
        lineage=_LINEAGE,
        batch_column="_batch_id",
        shows_values=False,
        rules=(
            one_of(
                "listing_type",
                _TYPES,
                "error",
                "The API's own types of listing.",
                mostly=0.95,
            ),
            few_in_each_batch(
                "places_are_there_in_each_batch",
                "At most 20 % of a pull lacks its suburb or names no state.",
                f"locality is null or state is null or upper(state) not in {_STATES}",
                0.20,
            ),
            few_in_each_batch(
                "postcodes_are_there_in_each_batch",
                "At most 20 % of a pull has a missing or malformed postcode.",
                "postcode is null or postcode !~ '^[0-9][0-9][0-9][0-9]$'",
                0.20,
            ),
            few_in_each_batch(
                "prices_asked_are_dollars_in_each_batch",
                "At most half of the bounds of sales in a pull are under $10,000 or "
                "over $100,000,000: else they are no prices in dollars.",
                "coalesce(price_aud, price_from_aud, price_to_aud) "
                "not between 10000 and 100000000",
                0.50,
                where="listing_type = 'Sale' "
                "and coalesce(price_aud, price_from_aud, price_to_aud) > 0",
            ),
            few_in_each_batch(
                "prices_sold_for_are_dollars_in_each_batch",
                "At most half of the prices sold for in a pull are under $10,000 or "
                "over $100,000,000.",
                "sold_price_aud not between 10000 and 100000000",
                0.50,
                where="listing_type = 'Sold' and sold_price_aud > 0",
            ),
            few_in_each_batch(
                "points_lie_in_australia_in_each_batch",
                "At most 10 % of a pull's points lie outside Australia.",
                "latitude not between -44 and -9 or longitude not between 112 and 160",
                0.10,
                where="latitude <> 0 and longitude <> 0",
            ),
            few_in_each_batch(
                "listings_begin_before_they_are_seen_in_each_batch",
                "At most 5 % of a pull was first advertised more than two days after "
                "it was seen, or before 1995.",
                "listed_at > observed_at + interval '2 days' "
                "or listed_at < timestamptz '1995-01-01'",
                0.05,
            ),
            no_rows(
                "price_bounds_are_in_order",
                "No lower bound of a price lies above the upper one.",
                "warn",
                "select _source_file, _row_number from {batch} "
                "where price_from_aud > price_to_aud and price_to_aud > 0",
            ),
            no_rows(
                "rooms_are_those_of_a_home",
                "No listing has more than 50 bedrooms or bathrooms, or fewer than 0.",
                "warn",
                "select _source_file, _row_number from {batch} "
                "where bedrooms not between 0 and 50 or bathrooms not between 0 and 50",
            ),
        ),
    )


def raw_reaxml__listings() -> Suite:
    """Records of agencies' feeds; files are small, so shares are of all judged."""
    return Suite(
        name="raw_reaxml__listings",
        table="raw.reaxml__listings",
        lineage=_LINEAGE,
        batch_column="_batch_id",
        shows_values=False,
        rules=(
            one_of(
                "kind",
                _KINDS,
                "error",
                "The kinds of listing of the format.",
                mostly=0.95,
            ),
            few_rows(
                "addresses_name_a_place",
                "At most 20 % of the addresses sent have no suburb or no state.",
                "not (patch ? 'address/suburb') "
                "or upper(coalesce(readings ->> 'address/state', "
                f"patch ->> 'address/state', '')) not in {_STATES}",
                0.20,
                _LINEAGE,
                where=_ALIVE,
            ),
            few_rows(
                "prices_are_read",
                "At most 20 % of the prices sent are no figure in dollars.",
                "readings -> 'price' is null",
                0.20,
                _LINEAGE,
                where="patch ->> 'price' is not null",
            ),
            few_rows(
                "records_are_of_their_time",
                "At most 5 % of the records were changed before 1995 or more than "
                "two days after they were loaded.",
                "mod_time < timestamp '1995-01-01' "
                "or mod_time > _loaded_at::timestamp + interval '3 days'",
                0.05,
                _LINEAGE,
            ),
            few_rows(
                "records_tell_their_time",
                "At most half of the records do not say when they were changed, so "
                "that their order is the file's.",
                "mod_time_from in ('name', 'file')",
                0.50,
                _LINEAGE,
                severity="warn",
            ),
        ),
    )
