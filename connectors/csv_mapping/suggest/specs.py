"""How each chosen column of an unknown file is read: parser, unit, forms, codes.

Belongs here: one maker a kind of column, and the units of areas. Columns put together
from several, and the file around them, are `details`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.csv_mapping.suggest.content import DWELLINGS, Judgement
from connectors.csv_mapping.suggest.profile import Profile
from connectors.csv_mapping.suggest.vocabulary import unit_of


class Chosen(Protocol):
    """A candidate that was chosen."""

    @property
    def at(self) -> int:
        """Position of the source column."""
        ...

    @property
    def confidence(self) -> float:
        """How sure it is."""
        ...

    @property
    def by_name(self) -> float:
        """How well its name fits."""
        ...

    @property
    def judged(self) -> Judgement:
        """What its values say."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A chosen column with its profile and codes, beside all the others."""

    profile: Profile
    judged: Judgement
    by_name: float
    unit: str
    profiles: list[Profile]
    codes: list[str]


Maker = Callable[[Reading], tuple[dict[str, Any], str]]


def spec_of(canonical: str, reading: Reading) -> tuple[dict[str, Any], str]:
    """Part of the mapping for a chosen column, without its source; and a remark."""
    return _MAKERS.get(canonical, _plain)(reading)


def _plain(_: Reading) -> tuple[dict[str, Any], str]:
    return {}, ""


def _needed(reading: Reading) -> tuple[dict[str, Any], str]:
    spec: dict[str, Any] = {"required": True}
    if reading.profile.filled_share == 1:
        spec["not_null"] = True
    return spec, ""


def _postcode(_: Reading) -> tuple[dict[str, Any], str]:
    return {"parser": "postcode", "invalid": "drop"}, ""


def _price(reading: Reading) -> tuple[dict[str, Any], str]:
    parser = "money" if reading.profile.is_numeric else "price_text"
    spec: dict[str, Any] = {"required": True, "parser": parser, "min": 1}
    return {**spec, "invalid": "reject"}, ""


def _sale_date(reading: Reading) -> tuple[dict[str, Any], str]:
    dates = reading.judged.dates
    spec: dict[str, Any] = {"required": True, "parser": "date"}
    if reading.profile.filled_share == 1:
        spec["not_null"] = True
    spec["formats"] = list(dates.formats) if dates else ["yyyy-MM-dd"]
    return {**spec, "min": "1900-01-01", "invalid": "reject"}, ""


def _whole(most: int) -> Maker:
    def make(reading: Reading) -> tuple[dict[str, Any], str]:
        is_whole = reading.profile.whole_share > 0.98
        parser = "integer" if is_whole else "number"
        note = "" if is_whole else "parts are rounded down"
        return {"parser": parser, "min": 0, "max": most, "invalid": "drop"}, note

    return make


def _year(reading: Reading) -> tuple[dict[str, Any], str]:
    spec: dict[str, Any] = {"parser": "integer"}
    if reading.profile.within(0, 0) > 0:
        spec["zero_is_null"] = True
    return {**spec, "min": 1788, "max": 2030, "invalid": "drop"}, ""


def _area(most: int) -> Maker:
    def make(reading: Reading) -> tuple[dict[str, Any], str]:
        spec: dict[str, Any] = {"parser": "number", "unit": reading.unit}
        if reading.profile.within(0, 0) > 0:
            spec["zero_is_null"] = True
        note = f"taken for {reading.unit}{_unit_reason(reading)}"
        return {**spec, "min": 1, "max": most, "invalid": "drop"}, note

    return make


def _unit_reason(reading: Reading) -> str:
    profile = reading.profile
    if unit_of(profile.name) is not None:
        return " by its name"
    if profile.cell_unit is not None:
        return ", as cells say"
    if any(unit_of(other.name) == reading.unit for other in reading.profiles):
        return ", as other columns are"
    return f" by size: the middle value is {profile.median:,.0f}"


def _degrees(low: int, high: int) -> Maker:
    def make(reading: Reading) -> tuple[dict[str, Any], str]:
        profile = reading.profile
        spec: dict[str, Any] = {"parser": "number"}
        numbers = sorted(number for number in profile.numbers if number)
        if not numbers or profile.within(low, high) > 0.5:
            return {**spec, "min": low, "max": high, "invalid": "drop"}, ""
        least, most = math.floor(numbers[0]), math.ceil(numbers[-1])
        spec |= {"min": least, "max": most, "invalid": "drop"}
        return spec, "bounds are those of the file"

    return make


def _distance(reading: Reading) -> tuple[dict[str, Any], str]:
    unit = unit_of(reading.profile.name)
    spec = {"parser": "number", "unit": unit if unit == "mile" else "km"}
    return {**spec, "min": 0, "max": 500, "invalid": "drop"}, ""


def _dwelling(reading: Reading) -> tuple[dict[str, Any], str]:
    codes: dict[str, str] = {}
    unknown = []
    for code in reading.codes:
        kind = DWELLINGS.get(code.casefold())
        if kind is None:
            unknown.append(code)
        if code.casefold() not in {known.casefold() for known in codes}:
            codes[code] = kind or "other"
    note = ""
    if unknown:
        note = f"not known, so taken for other: {', '.join(unknown[:8])}"
    return {"parser": "code", "codes": codes, "invalid": "reject"}, note


_MAKERS: dict[str, Maker] = {
    "address": _needed,
    "locality": _needed,
    "postcode": _postcode,
    "sale_date": _sale_date,
    "price_aud": _price,
    "bedrooms": _whole(50),
    "bathrooms": _whole(50),
    "car_spaces": _whole(100),
    "year_built": _year,
    "land_area_m2": _area(10_000_000),
    "building_area_m2": _area(1_000_000),
    "latitude": _degrees(-44, -9),
    "longitude": _degrees(96, 168),
    "distance_to_centre_km": _distance,
    "dwelling_type": _dwelling,
}


def units_of(profiles: list[Profile], chosen: Mapping[str, Chosen]) -> dict[str, str]:
    """Units of the areas: their names', their cells', the file's, or by size."""
    areas = {
        canonical: profiles[chosen[canonical].at]
        for canonical in ("building_area_m2", "land_area_m2")
        if canonical in chosen
    }
    said = {
        canonical: unit_of(profile.name) or profile.cell_unit
        for canonical, profile in areas.items()
    }
    named = [unit for profile in profiles if (unit := unit_of(profile.name))]
    usual = max(("m2", "sqft"), key=named.count) if named else None
    found: dict[str, str] = {}
    building = areas.get("building_area_m2")
    for canonical, profile in areas.items():
        unit = said[canonical]
        if unit is None and usual is not None and usual in named:
            unit = usual
        if unit is None and building is not None and building.median > 700:
            # Australian homes have 60 to 300 square metres.
            unit = "sqft"
        if unit is None and canonical == "land_area_m2" and profile.median < 20:
            unit = "ha"
        found[canonical] = unit if unit in ("sqft", "ha", "acre", "square") else "m2"
    return found
