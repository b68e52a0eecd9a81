"""NSW bulk land values: a CSV a district, a line a property, its values in groups.

Belongs here: the layout: 14 columns, then base date, land value, authority and basis as
often as a file has them. All files of one date are
one release, dated by their name (`NNN_LAND_VALUE_DATA_YYYYMMDD.csv`).
"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import Final

from connectors.reference.cells import CellFault, code, judge, number, text, whole
from connectors.reference.headers import Header, compact, find_header
from connectors.reference.model import Bound, Dataset, FileRefused
from connectors.reference.periods import read_day
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, read_lines
from domain.australia import check_postcode

NAME: Final = "nsw_land_values"
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "district_code": ("districtcode",),
    "district_name": ("districtname",),
    "valuer_property_id": ("propertyid",),
    "property_type": ("propertytype",),
    "property_name": ("propertyname",),
    "unit_number": ("unitnumber", "unitno"),
    "house_number": ("housenumber", "houseno"),
    "street_name": ("streetname",),
    "locality": ("suburbname", "suburb", "locality"),
    "postcode": ("postcode",),
    "property_description": ("propertydescription",),
    "zone_code": ("zonecode", "zone"),
    "area": ("area",),
    "area_type": ("areatype",),
}
REQUIRED: Final = ("district_code", "valuer_property_id", "locality", "area")
_GROUP = re.compile(r"(basedate|landvalue|authority|basis)(\d{1,2})")
_TEXTS: Final = frozenset(ALIASES) - {"postcode", "area", "valuer_property_id"}
COLUMNS: Final = (*ALIASES, "base_dates", "land_values_aud", "authorities", "bases")

Groups = list[dict[str, int]]


def bind(piece: Piece) -> Bound:
    """Recognise a district's file by its header. Raises FileRefused."""
    sheet = piece.sheets()[0]
    header = find_header(piece.head(sheet), ALIASES, REQUIRED)
    groups, others = _group_columns(header)
    if not groups:
        raise FileRefused(
            "column_missing",
            "The file has no BASE DATE and LAND VALUE columns.",
            "Give the publisher's whole file.",
            "LAND VALUE 1",
        )
    counts: dict[str, int] = {"base_dates": len(groups)}
    named = Header(header.row_number, header.cells, header.columns, others)
    fields = named.fields(NAME, REQUIRED)
    return Bound(
        part="all",
        records=partial(
            read_lines, piece, sheet, header, partial(_convert, groups), counts
        ),
        fields=fields,
        counts=counts,
    )


def _group_columns(header: Header) -> tuple[Groups, dict[str, int]]:
    """Positions of each group's four columns, newest first; columns of no group."""
    found: dict[int, dict[str, int]] = {}
    others: dict[str, int] = {}
    for name, at in header.others.items():
        if match := _GROUP.fullmatch(compact(name)):
            found.setdefault(int(match[2]), {})[match[1]] = at
        else:
            others[name] = at
    whole_groups = [
        group
        for _, group in sorted(found.items())
        if {"basedate", "landvalue"} <= set(group)
    ]
    return whole_groups, others


def _convert(groups: Groups, cells: Cells) -> list[str | None]:
    property_id = whole(cells["valuer_property_id"], "valuer_property_id")
    if property_id is None:
        raise CellFault("valuer_property_id", "missing", "The row has no property id.")
    values: list[str | None] = []
    for name in ALIASES:
        cell = cells[name]
        if name in _TEXTS:
            values.append(text(cell))
        elif name == "postcode":
            postcode = code(cell, name, 4)
            judge(name, check_postcode(postcode, "NSW") if postcode else None)
            values.append(postcode)
        elif name == "area":
            values.append(number(cell, name, 0))
        else:
            values.append(property_id)
    if values[13] not in (None, "M", "H"):
        reason = f"{values[13]!r} is neither M (m2) nor H (hectares)."
        raise CellFault("area_type", "unknown", reason)
    dates, amounts, authorities, bases = [], [], [], []
    for number_, group in enumerate(groups, start=1):
        day = _base_date(cells.at(group["basedate"]), number_)
        amount = whole(cells.at(group["landvalue"]), f"land_value_{number_}")
        if day is None:
            if amount is not None:
                raise CellFault(
                    f"base_date_{number_}", "missing", f"{amount} has no base date."
                )
            continue
        dates.append(day)
        amounts.append(amount or "NULL")
        authorities.append(_quoted(cells.at(group.get("authority", 10**6))))
        bases.append(_quoted(cells.at(group.get("basis", 10**6))))
    arrays = (dates, amounts, authorities, bases)
    return [*values, *("{" + ",".join(array) + "}" for array in arrays)]


@lru_cache(4096)
def _base_date(cell: str, group: int) -> str | None:
    if not cell:
        return None
    day = read_day(cell)
    if day is None or not 1900 <= day.year <= 2100:
        raise CellFault(
            f"base_date_{group}", "unreadable", f"{cell!r} is no date (DD/MM/YYYY)."
        )
    return day.isoformat()


@lru_cache(4096)
def _quoted(cell: str) -> str:
    """An element of a PostgreSQL array."""
    if not cell:
        return "NULL"
    escaped = cell.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


DATASET: Final = Dataset(
    name=NAME,
    table="raw.nsw_valuer__land_values",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv",),
    joins_files=True,
    max_shrink=0.1,
    keep=2,
    is_partitioned=True,
)
