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
    SEARCH_ITEM_FIELDS,
    SEARCH_LISTING_FIELDS,
)
from connectors.domain_api.layout import Dataset, Json, Part, column, columns, whole
from connectors.domain_api.measures import (
    SALES_RESULTS,
    SALES_SUMMARIES,
    SUBURB_PERFORMANCE,
)


def _prefixed(prefix: str, names: frozenset[str]) -> frozenset[str]:
    return frozenset(f"{prefix}.{name}" for name in names)


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


LISTINGS = Dataset(
    name="listings",
    table="raw.domain__listings",
    columns=(
        column("listing_id", "bigint", "id", required=True),
        column("listing_type", "text", "listingType", required=True),
        *columns("bigint", project_id="projectId", parent_project_id="@.project_id"),
        *columns(
            "text",
            project_name="@.project_name",
            promo_level="promoLevel",
            headline="headline",
            price_text="priceDetails.displayPrice",
        ),
        *columns(
            "bigint",
            price_aud="priceDetails.price",
            price_from_aud="priceDetails.priceFrom",
            price_to_aud="priceDetails.priceTo",
        ),
        *columns(
            "text",
            property_type="propertyDetails.propertyType",
            state="propertyDetails.state",
            region="propertyDetails.region",
            area="propertyDetails.area",
            locality="propertyDetails.suburb",
        ),
        column("postcode", "postcode", "propertyDetails.postcode"),
        *columns(
            "text",
            unit_number="propertyDetails.unitNumber",
            street_number="propertyDetails.streetNumber",
            street="propertyDetails.street",
            display_address="propertyDetails.displayableAddress",
            address_display_type="propertyDetails.displayAddressType",
        ),
        *columns(
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
        *columns(
            "boolean",
            is_new="propertyDetails.isNew",
            is_rural="propertyDetails.isRural",
        ),
        *columns("json", property_features="propertyDetails.features", labels="labels"),
        *columns(
            "text", advertiser_type="advertiser.type", advertiser_name="advertiser.name"
        ),
        column("advertiser_id", "bigint", "advertiser.id"),
        *columns(
            "instant",
            listed_at="dateListed",
            available_at="dateAvailable",
            auction_at="auctionSchedule.time",
        ),
        *columns(
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
        *columns(
            "text",
            status="status",
            sale_mode="saleMode",
            objective="objective",
            channel="channel",
            domain_property_id="propertyId",
        ),
        *columns("boolean", is_withdrawn="isWithdrawn"),
        *columns("json", property_types="propertyTypes"),
        column("state", "text", "addressParts.stateAbbreviation"),
        column("locality", "text", "addressParts.suburb"),
        column("postcode", "postcode", "addressParts.postcode"),
        *columns(
            "text",
            unit_number="addressParts.unitNumber",
            street_number="addressParts.streetNumber",
            street="addressParts.street",
            display_address="addressParts.displayAddress",
            address_display_type="addressParts.displayType",
        ),
        *columns(
            "numeric",
            latitude="geoLocation.latitude",
            longitude="geoLocation.longitude",
            bedrooms="bedrooms",
            bathrooms="bathrooms",
            car_spaces="carspaces",
            land_area_m2="landAreaSqm",
            building_area_m2="buildingAreaSqm",
        ),
        *columns(
            "text",
            land_area_text="landArea",
            building_area_text="buildingArea",
            headline="headline",
            price_text="priceDetails.displayPrice",
            price_unit="priceDetails.priceUnit",
        ),
        *columns(
            "numeric",
            price_aud="priceDetails.price",
            price_from_aud="priceDetails.priceFrom",
            price_to_aud="priceDetails.priceTo",
        ),
        column("can_display_price", "boolean", "priceDetails.canDisplayPrice"),
        column("hidden_reasons", "json", "priceDetails.hiddenReasons"),
        *columns(
            "text",
            sale_method="saleDetails.saleMethod",
            sold_action="saleDetails.soldDetails.soldAction",
            sold_source="saleDetails.soldDetails.source",
        ),
        *columns(
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
        *columns(
            "instant",
            auction_at="saleDetails.auctionDetails.auctionSchedule.openingDateTime",
            listed_at="dateListed",
            created_at="dateCreated",
            updated_at="dateUpdated",
            minor_updated_at="dateMinorUpdated",
            purged_at="datePurged",
        ),
        *columns(
            "text",
            advertiser_type="advertiserIdentifiers.advertiserType",
            provider_system="providerDetails.providerSystem",
            provider_ad_id="providerDetails.providerAdID",
        ),
        column("advertiser_id", "bigint", "advertiserIdentifiers.advertiserId"),
    ),
    parts=whole,
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
        *columns("text", status="status", address="address", state="state"),
        column("locality", "text", "suburb"),
        column("postcode", "postcode", "postcode"),
        *columns(
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
        *columns(
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
        *columns("boolean", has_strata="hasStrata", is_residential="isResidential"),
        *columns("json", gnaf_ids="gnafIds", sales="history.sales"),
    ),
    parts=whole,
    known=PROPERTY_FIELDS,
    required=frozenset({"id", "address", "state", "suburb", "postcode"}),
    key="domain_property_id",
    checks=(check_place("", geo="addressCoordinate", latitude="lat", longitude="lon"),),
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
