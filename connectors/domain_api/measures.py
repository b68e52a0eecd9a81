"""Auction results and suburb measures: their tables, columns and records.

Belongs here: what is told of many sales or of a market. Single listings and properties
are `datasets`, which also lists them all.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.domain_api.checks import check_place
from connectors.domain_api.fields import (
    SALES_RESULT_FIELDS,
    SALES_SUMMARY_FIELDS,
    SEEN_SALES_RESULT_FIELDS,
    SUBURB_PERFORMANCE_FIELDS,
)
from connectors.domain_api.layout import Dataset, Json, Part, column, columns, whole


def _performance_parts(item: object, request: Json) -> Iterator[Part]:
    """The periods of a suburb's series."""
    if not isinstance(item, dict):
        yield Part("", item, request)
        return
    header = item.get("header")
    series = item.get("series")
    periods = series.get("seriesInfo") if isinstance(series, dict) else None
    if not isinstance(periods, list):
        yield Part("/series/seriesInfo", periods, request)
        return
    around = {**request, "header": header if isinstance(header, dict) else {}}
    for at, period in enumerate(periods):
        yield Part(f"/series/seriesInfo/{at}", period, around)


SALES_RESULTS = Dataset(
    name="sales_results",
    table="raw.domain__sales_results",
    columns=(
        column("city", "text", "@.city", required=True),
        column("auctioned_on", "date", "@.auctioned_on", required=True),
        column("listing_id", "bigint", "id"),
        *columns(
            "text",
            result_code="result",
            state="state",
            locality="suburb",
            unit_number="unitNumber",
            street_number="streetNumber",
            street_name="streetName",
            street_type="streetType",
            property_type="propertyType",
            agent_name="agent",
            agency_name="agencyName",
            details_url="propertyDetailsUrl",
        ),
        column("postcode", "postcode", "postcode"),
        *columns(
            "numeric",
            latitude="geoLocation.latitude",
            longitude="geoLocation.longitude",
            bedrooms="bedrooms",
            bathrooms="bathrooms",
            car_spaces="carspaces",
            price_aud="price",
        ),
        column("agency_id", "bigint", "agencyId"),
    ),
    parts=whole,
    known=SALES_RESULT_FIELDS | SEEN_SALES_RESULT_FIELDS,
    required=frozenset({"result", "suburb", "state", "streetName"}),
    identity=("city", "auctioned_on"),
    checks=(check_place("", geo="geoLocation"),),
)

SALES_SUMMARIES = Dataset(
    name="sales_summaries",
    table="raw.domain__sales_summaries",
    columns=(
        column("city", "text", "@.city", required=True),
        column("auctioned_on", "date", "auctionedDate", required=True),
        column("modified_at", "instant", "lastModifiedDateTime"),
        *columns(
            "integer",
            listed_count="numberListedForAuction",
            withdrawn_count="numberWithdrawn",
            unreported_count="numberUnreported",
            sold_count="numberSold",
        ),
        *columns(
            "numeric",
            total_sales_aud="totalSales",
            median_price_aud="median",
            clearance_rate="adjClearanceRate",
        ),
    ),
    parts=whole,
    known=SALES_SUMMARY_FIELDS,
    required=frozenset({"auctionedDate", "numberListedForAuction", "numberSold"}),
    identity=("city",),
)

SUBURB_PERFORMANCE = Dataset(
    name="suburb_performance",
    table="raw.domain__suburb_performance",
    columns=(
        column("state", "text", "@.state", required=True),
        column("locality", "text", "@.suburb", required=True),
        column("postcode", "postcode", "@.postcode", required=True),
        column("property_category", "text", "@.propertyCategory", required=True),
        column("bedrooms", "smallint", "@.bedrooms"),
        column("period_size", "text", "@.periodSize", required=True),
        column("year", "smallint", "year", required=True),
        column("month", "smallint", "month", required=True),
        *columns(
            "bigint",
            sold_count="values.numberSold",
            median_sold_price_aud="values.medianSoldPrice",
            highest_sold_price_aud="values.highestSoldPrice",
            lowest_sold_price_aud="values.lowestSoldPrice",
            percentile_5_sold_price_aud="values.5thPercentileSoldPrice",
            percentile_25_sold_price_aud="values.25thPercentileSoldPrice",
            percentile_75_sold_price_aud="values.75thPercentileSoldPrice",
            percentile_95_sold_price_aud="values.95thPercentileSoldPrice",
            sale_listing_count="values.numberSaleListing",
            median_sale_listing_price_aud="values.medianSaleListingPrice",
            auctioned_count="values.auctionNumberAuctioned",
            auction_sold_count="values.auctionNumberSold",
            auction_withdrawn_count="values.auctionNumberWithdrawn",
            rent_listing_count="values.numberRentListing",
            median_rent_listing_price_aud="values.medianRentListingPrice",
        ),
        *columns(
            "numeric",
            days_on_market="values.daysOnMarket",
            discount_pct="values.discountPercentage",
            mean_rent_yield_pct="values.meanRentYield",
        ),
    ),
    parts=_performance_parts,
    known=SUBURB_PERFORMANCE_FIELDS,
    required=frozenset({"header", "series.seriesInfo"}),
    identity=(
        *("state", "suburb", "postcode", "propertyCategory", "bedrooms", "periodSize"),
    ),
    checks=(check_place("@"),),
)
