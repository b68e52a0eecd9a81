"""Words of headers and codes: what people call the columns of a sales file.

Belongs here: the words, and how well a header matches them. What values look like is
`content`.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

#: Names by canonical column, best first; words in lower case, singular or plural.
NAMES: dict[str, tuple[str, ...]] = {
    "source_record_id": (
        "id", "record id", "sale id", "listing id", "property id", "pid", "dealing",
        "dealing number", "reference", "ref", "key", "parcel id", "unique id",
    ),
    "address": (
        "address", "street address", "property address", "full address", "address line",
        "address 1", "display address", "location", "adresse",
    ),
    "locality": (
        "suburb", "locality", "suburb name", "town", "suburb town", "suburb locality",
        "city", "neighbourhood", "neighborhood", "district", "place", "area name",
    ),
    "state": ("state", "state code", "state territory", "st"),
    "postcode": (
        "postcode", "post code", "postal code", "postalcode", "pcode", "zip code",
        "zip",
        "zipcode", "poa",
    ),
    "dwelling_type": (
        "property type", "dwelling type", "prop type", "type", "house type",
        "type of property", "building type", "bldg type", "home type", "category",
        "proptype", "property category", "kind",
    ),
    "sale_method": (
        "method", "sale method", "method of sale", "result", "auction result",
        "outcome",
        "sale result", "selling method", "sale type",
    ),
    "sale_date": (
        "sale date", "date", "contract date", "date sold", "sold date", "date of sale",
        "sold on", "sold", "purchase date", "transaction date", "exchange date",
        "date of contract", "event date", "settlement date", "last sale date",
    ),
    "price_aud": (
        "price", "sale price", "sold price", "sell price", "purchase price",
        "price aud",
        "sold for", "amount", "sales price", "contract price", "last sale price",
        "sale amount", "selling price", "transaction price", "paid", "value", "preis",
    ),
    "bedrooms": (
        "bedrooms", "beds", "bed", "bedroom", "no of bedrooms", "num bedrooms", "br",
        "number of bedrooms", "bdrms", "bedrms", "rooms", "brs", "bedroom abv gr",
    ),
    "bathrooms": (
        "bathrooms", "baths", "bath", "bathroom", "no of bathrooms", "num bathrooms",
        "number of bathrooms", "full bath", "bthrms", "ba",
    ),
    "car_spaces": (
        "car spaces", "cars", "car", "parking", "garage", "garages", "carspaces",
        "garage cars", "car parks", "parking spaces", "carport", "garage spaces",
        "number of car spaces", "parkings", "car park",
    ),
    "land_area_m2": (
        "land area", "land size", "landsize", "lot size", "lot area", "site area",
        "lot",
        "block size", "block", "land", "plot size", "area", "parcel area", "landarea",
        "grundstuck", "terrain", "superficie terreno",
    ),
    "building_area_m2": (
        "building area", "floor area", "living area", "building size", "living",
        "internal area", "gr liv area", "house size", "gross floor area", "gfa",
        "floor size", "floorspace", "dwelling size", "built area", "internal size",
        "wohnflache", "superficie",
    ),
    "year_built": (
        "year built", "yr built", "built", "year constructed", "construction year",
        "year of construction", "build year", "built year", "baujahr", "date built",
    ),
    "latitude": ("latitude", "lat", "y coordinate", "y", "lat wgs84", "gps lat"),
    "longitude": (
        "longitude", "long", "lng", "lon", "x coordinate", "x", "gps long",
    ),
    "distance_to_centre_km": (
        "distance", "distance to cbd", "distance to city", "km to cbd", "cbd distance",
        "distance from cbd", "distance to centre", "dist cbd",
    ),
    "council_area": (
        "council area", "council", "lga", "lga name", "municipality", "shire",
        "local government area",
    ),
    "region": ("region", "region name", "metro region", "market region"),
    "agent": (
        "agent", "agency", "seller g", "selling agent", "agent name", "agency name",
        "real estate agent", "realtor",
    ),
}  # fmt: skip
#: Names of columns that are put together: an address, or a date.
PART_NAMES: dict[str, tuple[str, ...]] = {
    "unit_number": ("unit", "unit number", "unit no", "flat number", "apartment"),
    "street_number": (
        "street number", "street no", "house number", "st no", "number", "house no",
        "st number",
    ),
    "street_name": ("street name", "street", "road", "st name", "road name"),
    "street_type": ("street type", "st type", "road type", "street suffix"),
    "year": ("yr sold", "year sold", "sale year", "year of sale", "sold year", "year"),
    "month": (
        "mo sold", "month sold", "sale month", "month of sale", "sold month", "month",
    ),
    "day": ("day sold", "sale day", "day of sale", "sold day", "day"),
}  # fmt: skip
#: Words that make a name mean something else, by canonical column ("": any).
OTHER_MEANINGS: dict[str, tuple[str, ...]] = {
    "": (
        "id count", "per", "median", "mean", "average", "avg", "previous", "prior",
        "quality", "qual", "cond", "finish",
    ),
    "price_aud": ("guide", "estimate", "asking", "advertised", "list", "rent", "sqm"),
    "sale_date": (
        "built",
        "updated",
        "created",
        "listed",
        "list",
        "download",
        "remod",
        "yr",
        "year",
        "mo",
        "month",
        "day",
    ),
    "year_built": ("sold", "sale", "remod", "renovated", "reno", "garage"),
    "bedrooms": ("total", "kitchen", "tot"),
    "bathrooms": ("bsmt", "basement", "half"),
    "car_spaces": ("area", "type", "yr", "year", "qual", "cond"),
    "land_area_m2": (
        "frontage", "shape", "config", "contour", "building", "floor", "garage", "pool",
        "council", "code", "value", "slope", "living", "porch", "mas", "vnr", "deck",
    ),
    "building_area_m2": ("basement", "bsmt", "garage", "year", "style", "low"),
    "postcode": ("id",),
    "dwelling_type": ("street", "sale", "roof", "garage", "bsmt", "zoning", "bsmt fin"),
    "address": ("email", "agent", "web", "ip"),
    "locality": ("id", "code", "count"),
    "source_record_id": ("agent", "agency", "suburb"),
    "state": ("of", "repair"),
}  # fmt: skip
UNIT_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sqft", ("sqft", "sq ft", "sf", "square feet", "square foot", "ft2", "sq feet")),
    ("m2", ("m2", "sqm", "sq m", "square metres", "square meters", "qm", "mq", "sqmt")),
    ("ha", ("ha", "hectare", "hectares", "hektar")),
    ("acre", ("acre", "acres", "ac")),
    ("square", ("squares", "sq")),
    ("km", ("km", "kms", "kilometres")),
    ("mile", ("mile", "miles", "mi")),
)
_CURRENCY_WORDS = frozenset({"aud", "a", "dollars", "dollar"})

#: Codes of dwelling types in public data, to the canonical five.
DWELLING_CODES: dict[str, tuple[str, ...]] = {
    "house": (
        "h", "house", "houses", "terrace", "acreage", "cottage", "detached", "home",
        "acreage semi-rural", "acreagesemi-rural", "1fam", "single family",
        "villa house",
        "detached house", "separate house", "residential house", "br",
    ),
    "townhouse": (
        "t", "townhouse", "town house", "villa", "semi", "semi-detached",
        "semidetached",
        "duplex", "duplex/semi-detached", "duplexsemi-detached", "twnhs", "twnhse",
        "twnhsi", "terraced", "row house", "semi detached", "townhome",
    ),
    "unit": (
        "u", "unit", "units", "apartment", "apartments", "flat", "studio", "penthouse",
        "apartmentunitflat", "apartment / unit / flat", "unit/apmt", "newapartments",
        "strata unit", "condo", "servicedapartment", "apt", "apartment/unit",
    ),
    "land": (
        "land", "vacant land", "vacantland", "newland", "new land", "dev site", "block",
        "vacant", "v", "residential land",
    ),
    "other": (
        "other", "o", "o res", "warehouse", "rural", "blockofunits", "block of units",
        "carspace", "car space", "retirement", "retirementvillage", "commercial",
        "farm",
        "2fmcon", "mixed", "shop", "boarding house", "livestock",
    ),
}  # fmt: skip
#: Codes of sale methods: which are sales, bids, or without a price.
METHOD_CODES: dict[str, tuple[str, ...]] = {
    "sales": (
        "s", "sp", "sa", "sold", "sold at auction", "sold prior to auction",
        "sold after auction", "sold by private treaty", "private treaty",
        "private sale",
        "sold before auction", "sold prior", "auction", "sale", "sold privately", "at",
        "pt", "sold after",
    ),
    "bids": ("pi", "vb", "passed in", "vendor bid", "passed in vendor bid"),
    "without_price": (
        "sn", "ss", "pn", "w", "nb", "withdrawn", "no bid", "sold not disclosed",
        "price withheld", "sold price withheld", "postponed", "rescheduled",
        "sold prior not disclosed",
    ),
}  # fmt: skip
_MIN_FUZZY = 0.84


def words_of(header: str) -> str:
    """A header as lower-case words: camel case, digits and marks parted."""
    text = header.replace("\u00b2", "2").replace("\u00fc", "u").replace("\u00e4", "a")
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    text = re.sub(r"\bm\s*\^?\s*2\b|\bm2\b", " sqm ", text, flags=re.IGNORECASE)
    text = re.sub(r"[^A-Za-z0-9]+", " ", text)
    return " ".join(text.lower().split())


def unit_of(header: str) -> str | None:
    """The unit a header names, if any."""
    text = f" {words_of(header)} "
    for unit, words in UNIT_WORDS:
        if any(f" {word} " in text for word in words):
            return unit
    return None


def name_score(header: str, canonical: str, names: tuple[str, ...]) -> float:
    """How well a header names a column: 1 its very name, 0 something else."""
    plain = _without_units(words_of(header))
    if not plain:
        return 0.0
    penalty = 1.0
    numbered = re.fullmatch(r"(.*?[a-z]) ?\d+", plain)
    if numbered and plain not in names:
        # A second column of the name is rarely the one that is meant.
        plain, penalty = numbered[1], 0.75
    padded = f" {plain} "
    others = (*OTHER_MEANINGS[""], *OTHER_MEANINGS.get(canonical, ()))
    if plain not in names and any(f" {word} " in padded for word in others):
        return 0.0
    best = max((_match(plain, name, at) for at, name in enumerate(names)), default=0.0)
    return round(best * penalty, 3)


def _match(plain: str, name: str, at: int) -> float:
    # Names further down the list are less usual, but still names.
    rank = 1.0 - min(at, 12) * 0.01
    if plain == name or plain.replace(" ", "") == name.replace(" ", ""):
        return rank
    if len(name) >= 3 and f" {name} " in f" {plain} ":
        covered = len(name) / len(plain)
        return rank * (0.6 + 0.3 * covered)
    if min(len(name), len(plain)) >= 5:
        ratio = SequenceMatcher(None, plain.replace(" ", ""), name.replace(" ", ""))
        if ratio.quick_ratio() >= _MIN_FUZZY and ratio.ratio() >= _MIN_FUZZY:
            return rank * ratio.ratio() * 0.9
    return 0.0


def _without_units(plain: str) -> str:
    """`land size sqm` is a land size."""
    text = f" {plain} "
    for _, words in UNIT_WORDS:
        for word in words:
            if len(text.split()) > 1:
                text = text.replace(f" {word} ", " ")
    kept = [word for word in text.split() if word not in _CURRENCY_WORDS]
    return " ".join(kept) or plain
