"""The words of REAXML: listing kinds, statuses, elements, and what their values mean.

Belongs here: names only. How values are read is `values`, how elements become a patch
is `patches`. A word that is missing here refuses nothing: it stays in the patch under
its own name and is reported as new.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

SOURCE: Final = "reaxml"

KINDS: Final = (
    "residential",
    "rental",
    "holidayRental",
    "land",
    "rural",
    "commercial",
    "commercialLand",
    "business",
)
KIND_OF: Final = {kind.lower(): kind for kind in KINDS}
LETTINGS: Final = frozenset({"rental", "holidayRental"})

#: In the order in which records of one second are applied (`stg_reaxml__versions`).
STATUSES: Final = ("current", "offmarket", "withdrawn", "leased", "sold")

Meaning = Literal[
    "area", "count", "date", "display", "flag", "length", "money", "number", "phone",
    "postcode", "rent", "state", "street", "text", "times",
]  # fmt: skip


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_COUNTS: Final = _words(
    "bedrooms bathrooms ensuite garages carports openSpaces toilets livingAreas"
)
_FEATURE_FLAGS: Final = _words(
    "airConditioning alarmSystem balcony broadband builtInRobes courtyard deck "
    "dishwasher ductedCooling ductedHeating evaporativeCooling floorboards "
    "fullyFenced furnished gasHeating gym hydronicHeating insideSpa intercom "
    "openFirePlace outdoorEnt outsideSpa payTV petFriendly pool poolAboveGround "
    "poolInGround remoteGarage reverseCycleAirCon rumpusRoom secureParking shed spa "
    "splitSystemAirCon splitSystemHeating study tennisCourt vacuumSystem workshop"
)
_ECO: Final = _words("solarPanels solarHotWater waterTank greyWaterSystem")
_IDEAL: Final = _words(
    "firstHomeBuyer investors downsizing couples students lrgFamilies retirees"
)
_VIEWS: Final = _words("city water valley mountain ocean")
_FILE_ATTRIBUTES: Final = _words(
    "@id @url @file @modTime @format @title @usage @contentType"
)

_MEANINGS: Final[dict[str, Meaning]] = {
    "agentID": "text",
    "uniqueID": "text",
    "@modTime": "text",
    "@status": "text",
    "authority@value": "text",
    "commercialAuthority@value": "text",
    "exclusivity@value": "text",
    "commercialListingType@value": "text",
    "underOffer@value": "flag",
    "isHomeLandPackage@value": "flag",
    "newConstruction": "flag",
    "isMultiple@value": "flag",
    "franchise@value": "flag",
    "price": "money",
    "price@display": "display",
    "price@tax": "text",
    "price@plusSAV": "flag",
    "price/range/min": "money",
    "price/range/max": "money",
    "priceView": "text",
    "rent": "rent",
    "rent@display": "display",
    "rent@period": "text",
    "bond": "money",
    "dateAvailable": "date",
    "commercialRent": "rent",
    "commercialRent@period": "text",
    "commercialRent@display": "display",
    "commercialRent@plusOutgoings": "flag",
    "commercialRent@tax": "text",
    "commercialRent/range/min": "money",
    "commercialRent/range/max": "money",
    "commercialRent/rentPerSquareMetre/range/min": "number",
    "commercialRent/rentPerSquareMetre/range/max": "number",
    "rentPerSquareMetre/range/min": "number",
    "rentPerSquareMetre/range/max": "number",
    "outgoings": "money",
    "outgoings@period": "text",
    "return": "number",
    "return@period": "text",
    "return@unit": "text",
    "takings": "money",
    "businessLease": "money",
    "businessLease@period": "text",
    "currentLeaseEndDate": "date",
    "furtherOptions": "text",
    "terms": "text",
    "tenancy@value": "text",
    "propertyExtent@value": "text",
    "zone": "text",
    "parkingComments": "text",
    "carSpaces": "count",
    "address@display": "display",
    "address/site": "text",
    "address/subNumber": "street",
    "address/lotNumber": "text",
    "address/streetNumber": "street",
    "address/street": "text",
    "address/suburb": "text",
    "address/suburb@display": "display",
    "address/state": "state",
    "address/postcode": "postcode",
    "address/country": "text",
    "address/region": "text",
    "lotNumber": "text",
    "municipality": "text",
    "streetDirectory@type": "text",
    "streetDirectory/page": "text",
    "streetDirectory/reference": "text",
    "estate/name": "text",
    "estate/stage": "text",
    "category@name": "text",
    "landCategory@name": "text",
    "ruralCategory@name": "text",
    "holidayCategory@name": "text",
    "commercialCategory@name": "text",
    "commercialCategory@id": "text",
    "businessCategory@id": "text",
    "businessCategory/name": "text",
    "businessCategory/businessSubCategory/name": "text",
    "businessSubCategory/name": "text",
    "headline": "text",
    "description": "text",
    "highlight": "text",
    "highlight@id": "text",
    "soldDetails/price": "money",
    "soldDetails/price@display": "display",
    "soldDetails/price@plusSAV": "flag",
    "soldDetails/price@tax": "text",
    "soldDetails/date": "date",
    "landDetails/area": "area",
    "landDetails/area@unit": "text",
    "landDetails/frontage": "length",
    "landDetails/frontage@unit": "text",
    "landDetails/depth": "length",
    "landDetails/depth@unit": "text",
    "landDetails/depth@side": "text",
    "landDetails/crossOver@value": "text",
    "buildingDetails/area": "area",
    "buildingDetails/area@unit": "text",
    "buildingDetails/newlyBuilt@value": "flag",
    "buildingDetails/energyRating": "number",
    "inspectionTimes/inspection": "times",
    "auction@date": "date",
    "auction@result": "text",
    "auctionOutcome@auctionResult": "text",
    "vendorDetails/name": "text",
    "vendorDetails/telephone": "phone",
    "vendorDetails/telephone@type": "text",
    "vendorDetails/email": "text",
    "externalLink": "text",
    "externalLink@href": "text",
    "externalLink@title": "text",
    "videoLink": "text",
    "videoLink@href": "text",
    "miniweb/uri": "text",
    "miniweb/uri@id": "text",
    "ruralFeatures/fencing": "text",
    "ruralFeatures/annualRainfall": "text",
    "ruralFeatures/soilTypes": "text",
    "ruralFeatures/improvements": "text",
    "ruralFeatures/councilRates": "text",
    "ruralFeatures/irrigation": "text",
    "ruralFeatures/carryingCapacity": "text",
    "ruralFeatures/services": "text",
    "listingAgent": "text",
    "listingAgent@id": "text",
    "listingAgent/agentID": "text",
    "listingAgent/name": "text",
    "listingAgent/telephone": "phone",
    "listingAgent/telephone@type": "text",
    "listingAgent/email": "text",
    "listingAgent/twitterURL": "text",
    "listingAgent/facebookURL": "text",
    "listingAgent/linkedInURL": "text",
    "features/heating@type": "text",
    "features/hotWaterService@type": "text",
    "features/hotWaterService": "text",
    "features/heating": "text",
    "features/pool@type": "text",
    "features/spa@type": "text",
    "features/otherFeatures": "text",
    "allowances/petFriendly": "flag",
    "allowances/furnished": "flag",
    "allowances/smokers": "flag",
    "media/attachment": "text",
}

for _name in _COUNTS:
    _MEANINGS[f"features/{_name}"] = "count"
for _name in _FEATURE_FLAGS:
    _MEANINGS[f"features/{_name}"] = "flag"
for _group, _names in (("ecoFriendly", _ECO), ("idealFor", _IDEAL), ("views", _VIEWS)):
    for _name in _names:
        _MEANINGS[f"{_group}/{_name}"] = "flag"
for _place in ("images/img", "objects/floorplan", "objects/document"):
    _MEANINGS[_place] = "text"
    for _name in _FILE_ATTRIBUTES:
        _MEANINGS[_place + _name] = "text"
for _name in _FILE_ATTRIBUTES:
    _MEANINGS["media/attachment" + _name] = "text"

#: Paths of elements and attributes, and of the elements around them (cleared whole).
KNOWN_PATHS: Final = frozenset(_MEANINGS) | {
    re.split(r"[/@]", path)[0] for path in _MEANINGS if path[0] != "@"
}

#: What lies below these is a flag unless the list above says otherwise.
_FLAG_GROUPS: Final = (
    "features/",
    "allowances/",
    "ecoFriendly/",
    "idealFor/",
    "views/",
)

#: Other spellings of the same place.
ALIASES: Final = {
    "soldDetails/soldPrice": "soldDetails/price",
    "soldDetails/soldDate": "soldDetails/date",
    "objects/img": "images/img",
    "features/ensuites": "features/ensuite",
    "features/garage": "features/garages",
    "features/carport": "features/carports",
}

#: Elements told apart by this attribute, or by their number where they lack it.
KEYED_BY: Final = {
    "listingAgent": "id",
    "img": "id",
    "floorplan": "id",
    "document": "id",
    "attachment": "id",
    "highlight": "id",
    "businessCategory": "id",
    "uri": "id",
    "telephone": "type",
}
#: Elements replaced whole: the value is the first of these that is there.
UNITS: Final = {
    "img": ("url", "file"),
    "floorplan": ("url", "file"),
    "document": ("url", "file"),
    "attachment": ("url", "file"),
    "externalLink": ("href",),
    "videoLink": ("href",),
}
#: Elements whose text may hold markup that was not escaped.
MARKUP_TEXTS: Final = frozenset(
    {"description", "headline", "otherFeatures", "priceView"}
)
#: Elements whose lines mean something.
LONG_TEXTS: Final = frozenset({"description", "furtherOptions"})
LISTS: Final = frozenset({"inspection"})
#: Elements that hold a value or a range of values.
VALUES_OR_RANGES: Final = frozenset(
    {"price", "soldPrice", "rent", "commercialRent", "area"}
)

_IDS = re.compile(r"\[[^\]]*\]")
_PIECES = re.compile(r"[/@]")
_CANONICAL: Final = {
    piece.lower(): piece
    for path in (*_MEANINGS, *ALIASES)
    for piece in _PIECES.split(path)
    if piece
}


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """A name without its namespace prefix, in the standard's spelling if it has one."""
    local = name.rpartition(":")[2]
    return _CANONICAL.get(local.lower(), local)


@lru_cache(maxsize=4096)
def without_ids(path: str) -> str:
    """`images/img[m]@url` as `images/img@url`."""
    return _IDS.sub("", path)


@lru_cache(maxsize=4096)
def meaning(path: str) -> Meaning:
    """How the value at a path (ids included) is read."""
    plain = without_ids(path)
    if found := _MEANINGS.get(plain):
        return found
    if plain.startswith(_FLAG_GROUPS) and "@" not in plain:
        return "flag"
    return "display" if plain.endswith("@display") else "text"
