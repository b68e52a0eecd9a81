"""Real sales files: what is proposed for them, what mappings make of them."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
import yaml

from connectors.csv_mapping import find_csv_containers
from connectors.csv_mapping.check import check_mapping
from connectors.csv_mapping.mapping import load_mapping
from connectors.csv_mapping.suggest import Suggestion, suggest_mapping

TODAY = date(2026, 1, 1)
_MELBOURNE = {
    "address": "Address",
    "locality": "Suburb",
    "postcode": "Postcode",
    "dwelling_type": "Type",
    "sale_method": "Method",
    "sale_date": "Date",
    "price_aud": "Price",
    "bedrooms": "Rooms",
    "distance_to_centre_km": "Distance",
    "council_area": "CouncilArea",
    "region": "Regionname",
    "agent": "SellerG",
    "state": "Postcode",
}
_MELBOURNE_LONG = {
    **_MELBOURNE,
    "bathrooms": "Bathroom",
    "car_spaces": "Car",
    "land_area_m2": "Landsize",
    "building_area_m2": "BuildingArea",
    "year_built": "YearBuilt",
    "latitude": "Lattitude",
    "longitude": "Longtitude",
}
_SYDNEY = {
    "sale_date": "Date",
    "locality": "suburb",
    "postcode": "postalCode",
    "state": "postalCode",
    "price_aud": "sellPrice",
    "bedrooms": "bed",
    "bathrooms": "bath",
    "car_spaces": "car",
    "dwelling_type": "propType",
}
_KING = {
    "source_record_id": "id",
    "sale_date": "date",
    "price_aud": "price",
    "bedrooms": "bedrooms",
    "bathrooms": "bathrooms",
    "building_area_m2": "sqft_living",
    "land_area_m2": "sqft_lot",
    "year_built": "yr_built",
    "latitude": "lat",
    "longitude": "long",
}
_AMES = {
    "source_record_id": "PID",
    "locality": "Neighborhood",
    "dwelling_type": "Bldg Type",
    "sale_date": "Yr Sold",
    "price_aud": "SalePrice",
    "bedrooms": "Bedroom AbvGr",
    "bathrooms": "Full Bath",
    "car_spaces": "Garage Cars",
    "land_area_m2": "Lot Area",
    "building_area_m2": "Gr Liv Area",
    "year_built": "Year Built",
}
_FILES = [
    ("melbourne_housing/Melbourne_housing_FULL_to_2017-06-30.csv.gz", _MELBOURNE_LONG),
    ("melbourne_housing/melb_data_to_2017-06-30.csv.gz", _MELBOURNE_LONG),
    ("melbourne_housing/MELBOURNE_HOUSE_PRICES_LESS_to_2017-06-30.csv.gz", _MELBOURNE),
    ("sydney_house_prices/SydneyHousePrices_to_2017-10-04.csv.gz", _SYDNEY),
    ("king_county/kc_house_data_to_2015-03-10.csv.gz", _KING),
    ("ames_housing/AmesHousing.csv.gz", _AMES),
]
_LIKE_MELBOURNE = (
    "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Distance,Postcode,Bedroom2,"
    "Bathroom,Car,Landsize,BuildingArea,YearBuilt,CouncilArea,Lattitude,Longtitude,"
    "Regionname,Propertycount"
)


def made_up_rows(count: int = 400) -> list[dict[str, str]]:
    """Sales of eight suburbs, as a file of the Melbourne kind would have them."""
    chance = random.Random(7)
    places = [
        (name, 3000 + 7 * number, chance.uniform(2, 40), chance.randrange(200, 20_000))
        for number, name in enumerate(
            ["Richmond", "Carlton North", "Preston", "Werribee", "St Kilda", "Box Hill",
             "Coburg", "Footscray"]
        )
    ]  # fmt: skip
    rows = []
    for _ in range(count):
        suburb, postcode, distance, homes = chance.choice(places)
        street = chance.choice(["Smith St", "High Rd", "Station Av", "Ocean View Cr"])
        unit = f"{chance.randrange(1, 9)}/" if chance.random() < 0.3 else ""
        method = chance.choice(["S", "S", "S", "SP", "PI", "VB", "SN"])
        priced = method != "SN"
        rooms = chance.choice([1, 2, 2, 3, 3, 3, 4, 4, 5])
        rows.append(
            {
                "Suburb": suburb,
                "Address": f"{unit}{chance.randrange(1, 300)} {street}",
                "Rooms": str(rooms),
                "Type": chance.choice("hhhut"),
                "Price": str(chance.randrange(600, 4000) * 500) if priced else "",
                "Method": method,
                "SellerG": chance.choice(["Nelson", "Jellis", "Barry", "Ray"]),
                "Date": f"{chance.randrange(1, 29)}/{chance.randrange(1, 13):02}/2017",
                "Distance": f"{distance:.1f}",
                "Postcode": f"{postcode}.0",
                "Bedroom2": str(rooms) if chance.random() < 0.8 else "",
                "Bathroom": str(chance.choice([1, 1, 1, 2, 2, 3])),
                "Car": str(chance.choice([0, 1, 1, 2, 2, 4])),
                "Landsize": str(chance.choice([0, chance.randrange(90, 1200)])),
                "BuildingArea": str(chance.randrange(60, 320)),
                "YearBuilt": str(chance.randrange(1880, 2017)),
                "CouncilArea": f"{suburb.split()[0]} City Council",
                "Lattitude": f"{chance.uniform(-38, -37.6):.4f}",
                "Longtitude": f"{chance.uniform(144.8, 145.2):.4f}",
                "Regionname": chance.choice(["Northern", "Western"]) + " Metropolitan",
                "Propertycount": str(homes),
            }
        )
    return rows


def write(path: Path, header: dict[str, str] | None, names: list[str]) -> Path:
    """Rows with other names in the header; None for a file without one."""
    lines = [",".join(f'"{row[name]}"' for name in names) for row in made_up_rows()]
    if header is not None:
        lines.insert(0, ",".join(f'"{header.get(name, name)}"' for name in names))
    path.write_text("\n".join(lines) + "\n")
    return path


def first_sources(suggestion: Suggestion) -> dict[str, str]:
    return {name: sources[0] for name, sources in suggestion.sources.items()}


def assert_usable(suggestion: Suggestion, folder: Path, share: float) -> None:
    """The proposal's YAML is a mapping, its text says why, and it reads the file."""
    path = folder / "proposed.yaml"
    path.write_text(suggestion.text)
    mapping = load_mapping(path)
    assert yaml.safe_load(suggestion.text)["name"] == mapping.name
    for column in suggestion.columns:
        assert 0 < column.confidence < 1
        assert column.reason
    check = check_mapping(suggestion.path, path, today=TODAY)
    assert check.refusals == ()
    assert check.kept >= share * check.read > 0
    assert check.sales > 0
    assert check.unknown_columns == ()


@pytest.mark.parametrize(("name", "expected"), _FILES, ids=[f[0] for f in _FILES])
def test_real_files_get_the_right_columns(
    shared_data: Path, tmp_path: Path, name: str, expected: dict[str, str]
) -> None:
    suggestion = suggest_mapping(shared_data / name, today=TODAY)
    assert first_sources(suggestion) == expected
    assert_usable(suggestion, tmp_path, 0.999)


def test_units_and_dates_of_foreign_files(shared_data: Path) -> None:
    king = suggest_mapping(shared_data / _FILES[4][0], today=TODAY)
    ames = suggest_mapping(shared_data / _FILES[5][0], today=TODAY)
    specs = king.content["columns"]
    assert specs["sale_date"]["formats"] == ["yyyyMMddTHHmmss"]
    assert specs["land_area_m2"]["unit"] == specs["building_area_m2"]["unit"] == "sqft"
    specs = ames.content["columns"]
    assert specs["sale_date"]["parts"] == {"year": ["Yr Sold"], "month": ["Mo Sold"]}
    assert specs["land_area_m2"]["unit"] == specs["building_area_m2"]["unit"] == "sqft"
    assert ames.content["identifying"] is king.content["identifying"] is False


def test_a_file_like_the_real_ones_gets_the_same_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "like.csv", {}, _LIKE_MELBOURNE.split(","))
    suggestion = suggest_mapping(path, today=TODAY)
    assert first_sources(suggestion) == _MELBOURNE_LONG
    assert suggestion.content["columns"]["sale_date"]["formats"] == ["d/M/yyyy"]
    assert suggestion.content["sale_methods"]["bids"]
    assert_usable(suggestion, tmp_path, 1)


def test_unusual_names_and_units(tmp_path: Path) -> None:
    header = {
        "Price": "Sale Price ($)",
        "Address": "Street Address",
        "Date": "Contract Date",
        "Rooms": "Beds",
        "Bathroom": "Baths",
        "Car": "Garage",
        "Landsize": "Land Size (sqm)",
        "BuildingArea": "Floor area m\u00b2",
        "Suburb": "Suburb/Town",
        "Postcode": "Post Code",
        "Type": "Property Type",
        "YearBuilt": "Yr Constructed",
    }
    names = [*header, "Lattitude", "Longtitude"]
    suggestion = suggest_mapping(
        write(tmp_path / "odd.csv", header, names), today=TODAY
    )
    found = first_sources(suggestion)
    for name in header:
        canonical = next(key for key, value in _MELBOURNE_LONG.items() if value == name)
        assert found[canonical] == header[name]
    assert_usable(suggestion, tmp_path, 1)


def test_without_a_header_content_decides(tmp_path: Path) -> None:
    names = [
        name
        for name in _LIKE_MELBOURNE.split(",")
        if name not in ("Bedroom2", "Propertycount", "Regionname", "CouncilArea")
    ]
    suggestion = suggest_mapping(write(tmp_path / "bare.csv", None, names), today=TODAY)
    found = first_sources(suggestion)
    for canonical in (
        *("address", "locality", "postcode", "sale_date", "price_aud", "bedrooms"),
        *("bathrooms", "car_spaces", "land_area_m2", "building_area_m2"),
        *("year_built", "latitude", "longitude", "dwelling_type"),
    ):
        at = names.index(_MELBOURNE_LONG[canonical]) + 1
        assert found[canonical] == f"column_{at}", canonical
    assert suggestion.content["file"]["header"] is False
    assert_usable(suggestion, tmp_path, 0.99)


def test_a_name_that_its_values_contradict_is_not_followed(tmp_path: Path) -> None:
    names = ["Address", "Suburb", "Postcode", "Price", "Date", "YearBuilt"]
    path = write(tmp_path / "x.csv", {"YearBuilt": "BuildingArea"}, names)
    suggestion = suggest_mapping(path, today=TODAY)
    assert suggestion.column("building_area_m2") is None
    year = suggestion.column("year_built")
    assert year is not None
    assert year.sources == ("BuildingArea",)
    assert year.confidence < 0.8


@pytest.mark.parametrize("name", ["melbourne", "sydney"])
def test_shipped_mappings_know_every_column_of_their_files(
    shared_data: Path, name: str
) -> None:
    folder = {"melbourne": "melbourne_housing", "sydney": "sydney_house_prices"}[name]
    mapping = load_mapping(name)
    for container in find_csv_containers(shared_data / folder, mapping, TODAY):
        for file in container.files():
            assert file.refusal is None
            seen = file.fields_seen()
            assert seen is not None
            assert (seen.unknown, seen.missing) == (frozenset(), frozenset())


def test_the_sydney_file_reconciles_and_names_no_dwelling(shared_data: Path) -> None:
    path = shared_data / _FILES[3][0]
    check = check_mapping(path, "sydney", today=TODAY)
    assert (check.read, check.kept, check.rejected) == (159_615, 159_613, 2)
    assert {problem.rule_id for problem in check.problems} == {
        "price_sentinel",
        "bathrooms_sentinel",
        "bathrooms_out_of_range",
        "bedrooms_sentinel",
    }
    assert "address" not in check.filled
    assert check.exit_code == 1
