"""Postcodes and localities with coordinates and ASGS codes: a community list.

Belongs here: the names its columns go by, and what makes one of its rows no place.
Releases are dated by the newest `Updated d-Mon-yyyy` of the Status column.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from connectors.reference.cells import CellFault, code, judge, number, text
from connectors.reference.headers import find_header
from connectors.reference.model import Bound, Dataset
from connectors.reference.periods import find_day
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, read_lines
from domain.australia import check_coordinates, check_postcode, state_code

NAME: Final = "localities"
REQUIRED: Final = ("postcode", "locality", "state", "longitude", "latitude")

#: Canonical column: the names it goes by (compact), best first.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "source_id": ("id",),
    "postcode": ("postcode", "pcode"),
    "locality": ("locality", "suburb", "placename"),
    "state": ("state", "statecode"),
    "longitude": ("long", "longitude", "lon", "lng"),
    "latitude": ("lat", "latitude"),
    "delivery_centre": ("dc", "deliverycentre"),
    "locality_type": ("type", "category"),
    "status": ("status", "comments"),
    "precise_latitude": ("latgoogle", "latprecise"),
    "precise_longitude": ("longgoogle", "longprecise"),
    "sa3_code_2016": ("sa3", "sa3code2016"),
    "sa3_name_2016": ("sa3name", "sa3name2016"),
    "sa4_code_2016": ("sa4", "sa4code2016"),
    "sa4_name_2016": ("sa4name", "sa4name2016"),
    "region_code": ("region",),
    "sa1_code_2021": ("sa1code2021",),
    "sa1_name_2021": ("sa1name2021",),
    "sa2_code_2021": ("sa2code2021",),
    "sa2_name_2021": ("sa2name2021",),
    "sa3_code_2021": ("sa3code2021",),
    "sa3_name_2021": ("sa3name2021",),
    "sa4_code_2021": ("sa4code2021",),
    "sa4_name_2021": ("sa4name2021",),
    "ra_2011": ("ra2011",),
    "ra_2016": ("ra2016",),
    "ra_2021": ("ra2021",),
    "ra_2021_name": ("ra2021name",),
    "mmm_2015": ("mmm2015",),
    "mmm_2019": ("mmm2019",),
    "federal_division": ("ced",),
    "altitude_m": ("altitude",),
    "charge_zone": ("chargezone",),
    "phn_code": ("phncode",),
    "phn_name": ("phnname",),
    "lga_name": ("lgaregion", "lganame", "lga"),
    "lga_code": ("lgacode",),
    "electorate": ("electorate",),
    "electorate_rating": ("electoraterating",),
    "state_electorate_code": ("stateelectoralcode", "sedcode"),
    "state_electorate_name": ("stateelectoralname", "sedname"),
}
_NUMBERS = ("altitude_m",)
_CODES = {"sa1": 11, "sa2": 9, "sa3": 5, "sa4": 3, "lga": 5}
COLUMNS: Final = (*ALIASES, "is_place")


def bind(piece: Piece) -> Bound:
    """Recognise the list by its header. Raises FileRefused."""
    sheet = piece.sheets()[0]
    header = find_header(piece.head(sheet), ALIASES, REQUIRED)
    counts: dict[str, int] = {}
    newest = None
    if (at := header.columns.get("status")) is not None:
        for record in piece.rows(sheet):
            cells = record.cells or []
            day = find_day(cells[at]) if at < len(cells) else None
            newest = max(filter(None, (newest, day)), default=None)
    return Bound(
        part="all",
        records=partial(
            read_lines, piece, sheet, header, partial(_convert, counts), counts
        ),
        stated=newest,
        stated_by="newest update in its Status column",
        fields=header.fields(NAME, REQUIRED),
        counts=counts,
    )


def _convert(counts: dict[str, int], cells: Cells) -> list[str | None]:
    values = {name: _value(name, cells[name]) for name in ALIASES}
    for name in ("postcode", "locality", "state"):
        if values[name] is None:
            raise CellFault(name, "missing", f"The row has no {name}.")
    judge("postcode", check_postcode(values["postcode"] or "", values["state"]))
    _place(values, "latitude", "longitude")
    try:
        _place(values, "precise_latitude", "precise_longitude")
    except CellFault:
        # The second pair comes from a geocoder; a wrong one does not spoil the row.
        values["precise_latitude"] = values["precise_longitude"] = None
        counts["precise_point_dropped"] = counts.get("precise_point_dropped", 0) + 1
    kind = (values["locality_type"] or "").casefold()
    is_box = "box" in kind or "lvr" in kind
    return [*values.values(), "f" if is_box else "t"]


def _value(name: str, cell: str) -> str | None:
    if name == "postcode":
        return code(cell, name, 4)
    if name == "state":
        state = state_code(cell)
        if state is None and cell:
            raise CellFault(name, "unknown", f"{cell!r} is no state or territory.")
        return state
    if name.endswith("itude"):
        return number(cell, name, -180, 180)
    if name in _NUMBERS:
        return number(cell, name)
    kind, _, rest = name.partition("_")
    if kind in _CODES and rest.startswith("code"):
        return code(cell, name, _CODES[kind])
    return text(cell)


def _place(values: dict[str, str | None], latitude: str, longitude: str) -> None:
    """Half a point, or 0, is no point; one outside Australia is a fault."""
    north, east = (float(values[name] or 0) for name in (latitude, longitude))
    if north == 0 or east == 0:
        values[latitude] = values[longitude] = None
        return
    judge(latitude, check_coordinates(north, east))


DATASET: Final = Dataset(
    name=NAME,
    table="raw.au_postcodes__localities",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv", ".xlsx", ".xls"),
    max_shrink=0.05,
    keep=5,
)
