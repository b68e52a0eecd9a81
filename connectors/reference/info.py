"""What the platform knows of each reference set, for people and for its health."""

from __future__ import annotations

from domain.sources import SourceInfo

_AWAY = "the current release stays in force; a rerun asks again"
_HOURS = 45 * 24.0

INFOS: dict[str, SourceInfo] = {
    info.name: info
    for info in (
        SourceInfo(
            "localities",
            "Postcodes and localities",
            "community list (matthewproctor/australianpostcodes)",
            None,
            "none stated; collated from public sources",
            "irregular, a few times a year",
            "postcode, locality, state, coordinates, SA1 to SA4 2021, LGA, remoteness",
            "PO boxes and large volume receivers are marked as no place; some places "
            "have no coordinates",
            _AWAY,
            None,
            ("raw.au_postcodes__localities",),
            quiet_days=400,
        ),
        SourceInfo(
            "gnaf",
            "G-NAF Core",
            "Geoscape Australia",
            "https://data.gov.au/data/dataset/geocoded-national-address-file-g-naf",
            "open G-NAF licence (EULA based on CC BY 4.0)",
            "February, May, August, November",
            "every address with coordinates, parcel, mesh block, alias and principal",
            "addresses are not allowed for mail lists; postcodes are unofficial",
            _AWAY,
            None,
            ("raw.gnaf__addresses",),
            quiet_days=120,
        ),
        SourceInfo(
            "nsw_land_values",
            "NSW bulk land values",
            "Valuer General NSW",
            "https://www.valuergeneral.nsw.gov.au/land_value_summaries/lv.php",
            "CC BY 4.0",
            "monthly; values of 1 July of five years",
            "land value, zone, area and lots of every property; property id joins PSI",
            "value of the land alone, one for a whole strata scheme",
            _AWAY,
            None,
            ("raw.nsw_valuer__land_values",),
            quiet_days=62,
        ),
        SourceInfo(
            "seifa",
            "SEIFA",
            "Australian Bureau of Statistics",
            "https://www.abs.gov.au/statistics/people/people-and-communities/"
            "socio-economic-indexes-areas-seifa-australia",
            "CC BY 4.0",
            "every Census, about two years after it",
            "score and decile of IRSD, IRSAD, IER and IEO by SA1, SA2, POA, SAL, LGA",
            "codes are of the edition's ASGS; small areas have no score",
            _AWAY,
            None,
            ("raw.abs__seifa",),
            quiet_days=6 * 365,
        ),
        SourceInfo(
            "cash_rate",
            "Cash rate",
            "Reserve Bank of Australia",
            "https://www.rba.gov.au/statistics/tables/csv/f1-data.csv",
            "CC BY 4.0",
            "every business day (F1), monthly (F1.1)",
            "cash rate target and the other series of the table",
            "F1 begins in 2011; the list of changes in 1990",
            _AWAY,
            _HOURS,
            ("raw.rba__cash_rate",),
            quiet_days=45,
        ),
        SourceInfo(
            "price_index",
            "Residential property price indexes",
            "Australian Bureau of Statistics",
            "https://www.abs.gov.au/statistics/economy/price-indexes-and-inflation/"
            "residential-property-price-indexes-eight-capital-cities",
            "CC BY 4.0",
            "quarterly until December 2021, then ended",
            "index and its changes by capital city",
            "discontinued; kept as history",
            _AWAY,
            None,
            ("raw.abs__price_index",),
        ),
        SourceInfo(
            "vic_suburb_medians",
            "Victorian median prices by suburb",
            "Valuer-General Victoria",
            "https://www.land.vic.gov.au/valuations/resources-and-reports/"
            "property-sales-statistics",
            "CC BY 4.0",
            "quarterly and yearly",
            "median price of houses, units and land by suburb, some with sale counts",
            "too few sales give no median; the site refuses scripts, so files are "
            "fetched by hand",
            _AWAY,
            None,
            ("raw.vic_valuer__suburb_medians",),
            quiet_days=200,
        ),
        SourceInfo(
            "nsw_suburb_medians",
            "NSW price quantiles by suburb, postcode and LGA",
            "NSW DCJ; derived files from PSI",
            "https://dcj.nsw.gov.au/about-us/families-and-communities-statistics/"
            "housing-rent-and-sales.html",
            "CC BY 4.0",
            "quarterly (DCJ), yearly (derived)",
            "quartiles, mean and count of sales or rents",
            "a suburb's name alone is ambiguous; small samples are suppressed; rough "
            "cross-check only",
            _AWAY,
            None,
            ("raw.nsw_valuer__suburb_medians",),
            quiet_days=200,
        ),
    )
}
