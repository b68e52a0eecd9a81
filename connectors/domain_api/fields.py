"""The field names of Domain's endpoints, as published; anything else is news.

Belongs here: names alone, one line an object (`below: its keys`). A contract test holds
them to the published schema. What we read of them is `datasets`.
"""

from __future__ import annotations


def _paths(text: str) -> frozenset[str]:
    """Dotted paths out of `below: names` lines; `.` is the record itself."""
    found: set[str] = set()
    for line in text.strip().splitlines():
        below, names = line.strip().split(": ")
        prefix = "" if below == "." else f"{below}."
        found.update(prefix + name for name in names.split())
    return frozenset(found)


#: One result of `POST /v1/listings/residential/_search`, around its listings.
SEARCH_ITEM_FIELDS = _paths(
    """
    .: type listing listings project
    project: promoLevel state id name bannerUrl preferredColorHex logoUrl labels
    project: displayableAddress suburb suburbId features media projectSlug
    project.media[]: category url
    """
)

#: A listing of the search, also inside a project.
SEARCH_LISTING_FIELDS = _paths(
    """
    .: promoLevel listingType id projectId advertiser priceDetails media
    .: propertyDetails headline summaryDescription hasFloorplan hasVideo labels
    .: auctionSchedule dateAvailable dateListed inspectionSchedule soldData listingSlug
    advertiser: type id name logoUrl preferredColourHex bannerUrl contacts
    advertiser.contacts[]: name photoUrl
    priceDetails: price priceFrom priceTo displayPrice
    media[]: category url
    propertyDetails: state features propertyType allPropertyTypes bathrooms bedrooms
    propertyDetails: carspaces unitNumber streetNumber street area region suburb
    propertyDetails: suburbId postcode displayableAddress latitude longitude
    propertyDetails: mapCertainty landArea buildingArea onlyShowProperties
    propertyDetails: displayAddressType isRural topSpotKeywords isNew tags
    auctionSchedule: time auctionLocation
    inspectionSchedule: byAppointment recurring times
    inspectionSchedule.times[]: openingTime closingTime
    soldData: source saleMethod soldDate soldPrice
    """
)

#: `GET /v1/listings/{id}`.
LISTING_FIELDS = _paths(
    """
    .: objective status saleMode channel id addressParts advertiserIdentifiers
    .: apmIdentifiers bathrooms bedrooms buildingArea buildingAreaSqm carspaces
    .: dateAvailable dateCreated dateUpdated dateMinorUpdated datePurged dateListed
    .: description devProjectId energyEfficiencyRating features geoLocation headline
    .: inspectionDetails isNewDevelopment landArea landAreaSqm media priceDetails
    .: propertyId propertyTypes providerDetails rentalDetails saleDetails isWithdrawn
    .: seoUrl virtualTourUrl homepassEnabled statementOfInformation numberOfDwellings
    .: highlights
    addressParts: stateAbbreviation displayType streetNumber unitNumber street suburb
    addressParts: suburbId postcode displayAddress
    advertiserIdentifiers: advertiserType advertiserId contactIds agentIds
    advertiserIdentifiers: conjunctionContactIds conjunctionAgentIds
    apmIdentifiers: addressId streetId suburbId cadastreId postcodeId stateId state
    apmIdentifiers: propertyTypeId propertyTypeCategoryId streetNumber
    geoLocation: latitude longitude
    inspectionDetails: inspections pastInspections isByAppointmentOnly
    inspectionDetails.inspections[]: recurrence openingDateTime closingDateTime
    inspectionDetails.inspections[]: description
    inspectionDetails.pastInspections[]: recurrence openingDateTime closingDateTime
    inspectionDetails.pastInspections[]: description
    media[]: category type url
    priceDetails: gstOption priceType priceUnit price priceFrom priceTo pricePrefix
    priceDetails: canDisplayPrice hiddenReasons displayPrice bond priceReduction
    providerDetails: providerSystem providerAdID
    rentalDetails: rentalMethod source leasedDate leasedPrice canDisplayPrice
    rentalDetails: leasedMonths termOfLeaseFrom termOfLeaseTo leaseOutgoings
    saleDetails: saleMethod soldDetails auctionDetails tenderDetails tenantDetails
    saleDetails: annualReturn saleTerms
    saleDetails.soldDetails: soldAction source soldPrice governmentRecordedSoldPrice
    saleDetails.soldDetails: soldDate canDisplayPrice
    saleDetails.auctionDetails: auctionSchedule auctionedPrice auctionedDate
    saleDetails.auctionDetails.auctionSchedule: locationDescription openingDateTime
    saleDetails.auctionDetails.auctionSchedule: terms url
    saleDetails.tenderDetails: tenderRecipientName tenderAddress tenderEndDate
    saleDetails.tenantDetails: leaseDateVariable leaseOptions tenantName
    saleDetails.tenantDetails: tenantInfoTermOfLeaseFrom tenantInfoTermOfLeaseTo
    saleDetails.tenantDetails: tenantRentDetails leaseStartDate leaseEndDate
    statementOfInformation: estimatedPrice comparableData suburbMedianPrice
    statementOfInformation: documentationUrl
    statementOfInformation.estimatedPrice: from to
    statementOfInformation.comparableData: comparableProperty declarationText
    statementOfInformation.comparableData.comparableProperty[]: unitNumber streetNumber
    statementOfInformation.comparableData.comparableProperty[]: street suburb postcode
    statementOfInformation.comparableData.comparableProperty[]: state displayAddress
    statementOfInformation.comparableData.comparableProperty[]: dateOfSale soldPrice
    statementOfInformation.suburbMedianPrice: priceType suburb postcode medianPrice
    statementOfInformation.suburbMedianPrice: source sourceDateFrom sourceDateTo
    statementOfInformation.suburbMedianPrice: sourceCollectionDate
    """
)

_BOUNDARY = """advertisedDate advertisedPrice agency agencyId source suppressDetails
    suppressPrice type url listingId""".replace("\n", " ")

#: `GET /v1/properties/{id}`.
PROPERTY_FIELDS = _paths(
    f"""
    .: cadastreType onMarketTypes status address addressCoordinate addressId adverts
    .: bathrooms bedrooms carSpaces claim created features flatNumber history id
    .: internalArea yearBuilt isResidential landUse lotNumber photos planNumber postcode
    .: propertyCategory propertyCategoryId propertyType propertyTypeId state storeys
    .: streetAddress streetName streetNumber streetType streetTypeLong suburb suburbId
    .: title updated urlSlug urlSlugShort zone gnafIds areaSize canonicalUrl hasStrata
    addressCoordinate: lat lon
    adverts[]: onMarketTypes advertId agency agencyId url
    claim: claimant
    history: rentals sales
    history.rentals[]: id first last propertyType
    history.rentals[].first: {_BOUNDARY}
    history.rentals[].last: {_BOUNDARY}
    history.sales[]: advertId agency agencyId agencyUrl apmAgencyId date daysOnMarket
    history.sales[]: documentedAsSold price reportedAsSold suppressDetails suppressPrice
    history.sales[]: type url first id last propertyType
    history.sales[].first: {_BOUNDARY}
    history.sales[].last: {_BOUNDARY}
    photos[]: imageType advertId date fullUrl rank
    gnafIds[]: monthNo yearNo gnafPID
    """
)

#: `GET /v1/salesResults/{city}/listings`; the coordinates' names are seen, not stated.
SALES_RESULT_FIELDS = _paths(
    """
    .: unitNumber streetNumber streetName streetType suburb postcode state geoLocation
    .: propertyType bedrooms bathrooms carspaces price result agent agencyName
    .: agencyProfilePageUrl id agencyId propertyDetailsUrl
    """
)
SEEN_SALES_RESULT_FIELDS = _paths("geoLocation: latitude longitude")

#: `GET /v1/salesResults/{city}`.
SALES_SUMMARY_FIELDS = _paths(
    """
    .: auctionedDate lastModifiedDateTime numberListedForAuction numberWithdrawn
    .: numberUnreported numberSold totalSales median adjClearanceRate
    """
)

#: `GET /v2/suburbPerformanceStatistics/...`, its series told apart by month.
SUBURB_PERFORMANCE_FIELDS = _paths(
    """
    .: header series
    header: suburb state propertyCategory
    series: seriesInfo
    series.seriesInfo[]: year month values
    series.seriesInfo[].values: medianSoldPrice numberSold highestSoldPrice
    series.seriesInfo[].values: lowestSoldPrice 5thPercentileSoldPrice
    series.seriesInfo[].values: 25thPercentileSoldPrice 75thPercentileSoldPrice
    series.seriesInfo[].values: 95thPercentileSoldPrice medianSaleListingPrice
    series.seriesInfo[].values: numberSaleListing highestSaleListingPrice
    series.seriesInfo[].values: lowestSaleListingPrice auctionNumberAuctioned
    series.seriesInfo[].values: auctionNumberSold auctionNumberWithdrawn daysOnMarket
    series.seriesInfo[].values: discountPercentage medianRentListingPrice
    series.seriesInfo[].values: numberRentListing highestRentListingPrice
    series.seriesInfo[].values: lowestRentListingPrice meanRentYield
    """
)
