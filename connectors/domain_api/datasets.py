"""What each endpoint's answers become: tables, columns, and the records in a body.

Belongs here: which JSON goes to which column. Nothing is renamed in meaning, judged or
normalised: raw keeps what was said, staging compares it.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.domain_api.checks import check_place
from connectors.domain_api.fields import (
    LISTING_FIELDS,
    PROPERTY_FIELDS,
    SALES_RESULT_FIELDS,
    SALES_SUMMARY_FIELDS,
    SEARCH_ITEM_FIELDS,
    SEARCH_LISTING_FIELDS,
    SEEN_SALES_RESULT_FIELDS,
    SUBURB_PERFORMANCE_FIELDS,
)
from connectors.domain_api.layout import Column, Dataset, Json, Kind, Part, column


def _prefixed(prefix: str, names: frozenset[str]) -> frozenset[str]:
    return frozenset(f"{prefix}.{name}" for name in names)


def _columns(kind: Kind, **paths: str) -> tuple[Column, ...]:
    return tuple(column(name, kind, path) for name, path in paths.items())


def _search_parts(item: object, _: Json) -> Iterator[Part]:
    """The listing of a result, or the listings of a project."""
    if not isinstance(item, dict):
        yield Part("", item)
        return
    project = item.get("project")
    around: Json = project if isinstance(project, dict) else {}
    known = {"project_id": around.get("id"), "project_name": around.get("name")}
    listings = item.get("listings")
    if isinstance(listings, list):
        for at, listing in enumerate(listings):
            yield Part(f"/listings/{at}", listing, known)
    # A result that is neither: its missing listing is what the reject says. A project
    # that lists nothing yet is no fault.
    is_neither = not isinstance(listings, list) and item.get("type") != "Project"
    if "listing" in item or is_neither:
        yield Part("/listing", item.get("listing"), known)


def _whole(item: object, request: Json) -> Iterator[Part]:
    """The line is the record; the request's own facts lie around it."""
    yield Part("", item, request)


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


LISTINGS = Dataset(
    name="listings",
    table="raw.domain__listings",
    columns=(
        column("listing_id", "bigint", "id", required=True),
        column("listing_type", "text", "listingType", required=True),
        *_columns("bigint", project_id="projectId", parent_project_id="@.project_id"),
        *_columns(
            "text",
            project_name="@.project_name",
            promo_level="promoLevel",
            headline="headline",
            price_text="priceDetails.displayPrice",
        ),
        *_columns(
            "bigint",
            price_aud="priceDetails.price",
            price_from_aud="priceDetails.priceFrom",
            price_to_aud="priceDetails.priceTo",
        ),
        *_columns(
            "text",
            property_type="propertyDetails.propertyType",
            state="propertyDetails.state",
            region="propertyDetails.region",
            area="propertyDetails.area",
            locality="propertyDetails.suburb",
        ),
        column("postcode", "postcode", "propertyDetails.postcode"),
        *_columns(
            "text",
            unit_number="propertyDetails.unitNumber",
            street_number="propertyDetails.streetNumber",
            street="propertyDetails.street",
            display_address="propertyDetails.displayableAddress",
            address_display_type="propertyDetails.displayAddressType",
        ),
        *_columns(
            "numeric",
            latitude="propertyDetails.latitude",
            longitude="propertyDetails.longitude",
            map_certainty="propertyDetails.mapCertainty",
            bedrooms="propertyDetails.bedrooms",
            bathrooms="propertyDetails.bathrooms",
            car_spaces="propertyDetails.carspaces",
            land_area_m2="propertyDetails.landArea",
            building_area_m2="propertyDetails.buildingArea",
        ),
        *_columns(
            "boolean",
            is_new="propertyDetails.isNew",
            is_rural="propertyDetails.isRural",
        ),
        *_columns(
            "json", property_features="propertyDetails.features", labels="labels"
        ),
        *_columns(
            "text", advertiser_type="advertiser.type", advertiser_name="advertiser.name"
        ),
        column("advertiser_id", "bigint", "advertiser.id"),
        *_columns(
            "instant",
            listed_at="dateListed",
            available_at="dateAvailable",
            auction_at="auctionSchedule.time",
        ),
        *_columns(
            "text", sold_source="soldData.source", sold_method="soldData.saleMethod"
        ),
        column("sold_at", "instant", "soldData.soldDate"),
        column("sold_price_aud", "bigint", "soldData.soldPrice"),
    ),
    parts=_search_parts,
    known=SEARCH_ITEM_FIELDS
    | _prefixed("listing", SEARCH_LISTING_FIELDS)
    | _prefixed("listings[]", SEARCH_LISTING_FIELDS),
    required=frozenset(
        {
            "listing.id",
            "listing.listingType",
            "listing.dateListed",
            "listing.propertyDetails.state",
            "listing.propertyDetails.suburb",
            "listing.propertyDetails.propertyType",
            "listing.priceDetails.displayPrice",
        }
    ),
    identity=("project_id",),
    key="listing_id",
    checks=(check_place("propertyDetails"),),
)

LISTING_DETAILS = Dataset(
    name="listing_details",
    table="raw.domain__listing_details",
    columns=(
        column("listing_id", "bigint", "id", required=True),
        *_columns(
            "text",
            status="status",
            sale_mode="saleMode",
            objective="objective",
            channel="channel",
            domain_property_id="propertyId",
        ),
        *_columns("boolean", is_withdrawn="isWithdrawn"),
        *_columns("json", property_types="propertyTypes"),
        column("state", "text", "addressParts.stateAbbreviation"),
        column("locality", "text", "addressParts.suburb"),
        column("postcode", "postcode", "addressParts.postcode"),
        *_columns(
            "text",
            unit_number="addressParts.unitNumber",
            street_number="addressParts.streetNumber",
            street="addressParts.street",
            display_address="addressParts.displayAddress",
            address_display_type="addressParts.displayType",
        ),
        *_columns(
            "numeric",
            latitude="geoLocation.latitude",
            longitude="geoLocation.longitude",
            bedrooms="bedrooms",
            bathrooms="bathrooms",
            car_spaces="carspaces",
            land_area_m2="landAreaSqm",
            building_area_m2="buildingAreaSqm",
        ),
        *_columns(
            "text",
            land_area_text="landArea",
            building_area_text="buildingArea",
            headline="headline",
            price_text="priceDetails.displayPrice",
            price_unit="priceDetails.priceUnit",
        ),
        *_columns(
            "numeric",
            price_aud="priceDetails.price",
            price_from_aud="priceDetails.priceFrom",
            price_to_aud="priceDetails.priceTo",
        ),
        column("can_display_price", "boolean", "priceDetails.canDisplayPrice"),
        column("hidden_reasons", "json", "priceDetails.hiddenReasons"),
        *_columns(
            "text",
            sale_method="saleDetails.saleMethod",
            sold_action="saleDetails.soldDetails.soldAction",
            sold_source="saleDetails.soldDetails.source",
        ),
        *_columns(
            "bigint",
            sold_price_aud="saleDetails.soldDetails.soldPrice",
            government_sold_price_aud=(
                "saleDetails.soldDetails.governmentRecordedSoldPrice"
            ),
        ),
        column("sold_at", "instant", "saleDetails.soldDetails.soldDate"),
        column(
            "can_display_sold_price",
            "boolean",
            "saleDetails.soldDetails.canDisplayPrice",
        ),
        *_columns(
            "instant",
            auction_at="saleDetails.auctionDetails.auctionSchedule.openingDateTime",
            listed_at="dateListed",
            created_at="dateCreated",
            updated_at="dateUpdated",
            minor_updated_at="dateMinorUpdated",
            purged_at="datePurged",
        ),
        *_columns(
            "text",
            advertiser_type="advertiserIdentifiers.advertiserType",
            provider_system="providerDetails.providerSystem",
            provider_ad_id="providerDetails.providerAdID",
        ),
        column("advertiser_id", "bigint", "advertiserIdentifiers.advertiserId"),
    ),
    parts=_whole,
    known=LISTING_FIELDS,
    required=frozenset({"id", "status", "advertiserIdentifiers", "propertyTypes"}),
    key="listing_id",
    checks=(
        check_place("addressParts", geo="geoLocation", state_key="stateAbbreviation"),
    ),
)

PROPERTIES = Dataset(
    name="properties",
    table="raw.domain__properties",
    columns=(
        column("domain_property_id", "text", "id", required=True),
        *_columns("text", status="status", address="address", state="state"),
        column("locality", "text", "suburb"),
        column("postcode", "postcode", "postcode"),
        *_columns(
            "text",
            unit_number="flatNumber",
            street_number="streetNumber",
            street_name="streetName",
            street_type="streetType",
            property_type="propertyType",
            property_category="propertyCategory",
            land_use="landUse",
            zone_code="zone",
            lot_number="lotNumber",
            plan_number="planNumber",
            title="title",
        ),
        *_columns(
            "numeric",
            latitude="addressCoordinate.lat",
            longitude="addressCoordinate.lon",
            bedrooms="bedrooms",
            bathrooms="bathrooms",
            car_spaces="carSpaces",
            land_area_m2="areaSize",
            year_built="yearBuilt",
        ),
        column("internal_area_text", "text", "internalArea"),
        *_columns("boolean", has_strata="hasStrata", is_residential="isResidential"),
        *_columns("json", gnaf_ids="gnafIds", sales="history.sales"),
    ),
    parts=_whole,
    known=PROPERTY_FIELDS,
    required=frozenset({"id", "address", "state", "suburb", "postcode"}),
    key="domain_property_id",
    checks=(check_place("", geo="addressCoordinate", latitude="lat", longitude="lon"),),
)

SALES_RESULTS = Dataset(
    name="sales_results",
    table="raw.domain__sales_results",
    columns=(
        column("city", "text", "@.city", required=True),
        column("auctioned_on", "date", "@.auctioned_on", required=True),
        column("listing_id", "bigint", "id"),
        *_columns(
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
        *_columns(
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
    parts=_whole,
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
        *_columns(
            "integer",
            listed_count="numberListedForAuction",
            withdrawn_count="numberWithdrawn",
            unreported_count="numberUnreported",
            sold_count="numberSold",
        ),
        *_columns(
            "numeric",
            total_sales_aud="totalSales",
            median_price_aud="median",
            clearance_rate="adjClearanceRate",
        ),
    ),
    parts=_whole,
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
        *_columns(
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
        *_columns(
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

DATASETS = {
    dataset.name: dataset
    for dataset in (
        LISTINGS,
        LISTING_DETAILS,
        PROPERTIES,
        SALES_RESULTS,
        SALES_SUMMARIES,
        SUBURB_PERFORMANCE,
    )
}
