from __future__ import annotations

import gzip
import io
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.csv_mapping import CSV_COLUMNS, find_csv_containers
from connectors.csv_mapping.containers import CsvFile
from connectors.csv_mapping.mapping import load_mapping
from connectors.csv_mapping.rows import RecordReader
from connectors.lines import read_blocks
from domain.errors import PermanentError
from domain.records import Reject
from tests.psi_samples import zip_of

TODAY = date(2024, 1, 1)
FULL = (
    "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Distance,Postcode,Bedroom2,"
    "Bathroom,Car,Landsize,BuildingArea,YearBuilt,CouncilArea,Lattitude,Longtitude,"
    "Regionname,Propertycount"
)
ROW = (
    "Abbotsford,85 Turner St,2,h,1480000,S,Biggin,3/12/2016,2.5,3067,2,1,1,202,,1900,"
    "Yarra,-37.7996,144.9984,Northern Metropolitan,4019"
)
Record = dict[str, str]


def one_file(path: Path, mapping: str | Path = "melbourne") -> CsvFile:
    (container,) = find_csv_containers(path, load_mapping(mapping), TODAY)
    (file,) = container.files()
    return file


def read(file: CsvFile) -> tuple[list[Record], list[Reject]]:
    batches = list(file.batches())
    rows = [row for batch in batches for row in batch.rows]
    rejects = [reject for batch in batches for reject in batch.rejects]
    assert sum(batch.read for batch in batches) == len(rows) + len(rejects)
    return [dict(zip(CSV_COLUMNS, _split(row), strict=True)) for row in rows], rejects


def _split(row: str) -> list[str]:
    text = row.replace("\\\\", "\0").replace("\\;", "\1")
    values = text.replace("\\n", "\n").replace("\\r", "\r").split(";")
    return [value.replace("\0", "\\").replace("\1", ";") for value in values]


def load(tmp_path: Path, *lines: str) -> tuple[list[Record], list[Reject]]:
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read(one_file(path))


def changed(**values: str) -> str:
    names = FULL.split(",")
    cells = dict(zip(names, ROW.split(","), strict=True)) | values
    return ",".join(cells[name] for name in names)


def test_a_row_gets_canonical_names_types_and_constants(tmp_path: Path) -> None:
    ((row,), rejects) = load(tmp_path, FULL, ROW)
    assert rejects == []
    assert row["sale_date"] == "2016-12-03"
    assert (row["state"], row["postcode"]) == ("VIC", "3067")
    assert (row["dwelling_type"], row["is_sale"]) == ("house", "t")
    assert (row["price_aud"], row["land_area_m2"]) == ("1480000", "202")
    assert row["original"] == ROW
    assert json.loads(row["extra"]) == {"Bedroom2": "2", "Propertycount": "4019"}
    assert row["_row_number"] == "2"


def test_the_short_layout_loads_with_the_same_mapping(tmp_path: Path) -> None:
    header = (
        "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode,Regionname,"
        "Propertycount,Distance,CouncilArea"
    )
    line = "Abbotsford,49 Lithgow St,3,h,1490000,S,Jellis,1/04/2017,3067,N,4019,3,Yarra"
    ((row,), _) = load(tmp_path, header, line)
    assert (row["bedrooms"], row["bathrooms"], row["latitude"]) == ("3", "", "")


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ({"Postcode": "3067.0"}, "postcode", "3067"),
        ({"Landsize": "0"}, "land_area_m2", ""),
        ({"Landsize": "0.0"}, "land_area_m2", ""),
        ({"Price": "1480000.0"}, "price_aud", "1480000"),
        ({"Date": "2016-12-03"}, "sale_date", "2016-12-03"),
        ({"Date": "20161203T000000"}, "sale_date", "2016-12-03"),
        ({"Method": "PI"}, "is_sale", "f"),
        ({"Method": "VB"}, "is_sale", "f"),
        ({"Method": "SA"}, "is_sale", "t"),
        ({"Price": ""}, "is_sale", "f"),
        ({"Price": "NA"}, "price_aud", ""),
        ({"Type": "u"}, "dwelling_type", "unit"),
        ({"Type": "t"}, "dwelling_type", "townhouse"),
    ],
)
def test_values_are_read_as_the_mapping_says(
    tmp_path: Path, values: dict[str, str], column: str, expected: str
) -> None:
    ((row,), _) = load(tmp_path, FULL, changed(**values))
    assert row[column] == expected


@pytest.mark.parametrize(
    ("values", "field", "rule"),
    [
        ({"Price": "-5"}, "Price", "price_negative"),
        ({"Price": "0"}, "Price", "price_out_of_range"),
        ({"Price": "lots"}, "Price", "price_not_numeric"),
        ({"Price": "9" * 15}, "Price", "price_out_of_range"),
        ({"Date": "3/12/1021"}, "Date", "sale_date_out_of_range"),
        ({"Date": "31/02/2016"}, "Date", "sale_date_unreadable"),
        ({"Date": "3/12/2030"}, "Date", "sale_date_out_of_range"),
        ({"Date": ""}, "Date", "sale_date_missing"),
        ({"Address": ""}, "Address", "address_missing"),
        ({"Type": "castle"}, "Type", "dwelling_type_code_unknown"),
        ({"Method": "XX"}, "sale_method", "sale_method_unknown"),
        ({"SellerG": "a,b"}, None, "field_count_wrong"),
        ({"SellerG": "a\x00b"}, None, "nul_byte"),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_alone(
    tmp_path: Path, values: dict[str, str], field: str | None, rule: str
) -> None:
    rows, rejects = load(tmp_path, FULL, ROW, changed(**values), changed(Price="2"))
    assert [row["_row_number"] for row in rows] == ["2", "4"]
    (reject,) = rejects
    assert (reject.field, reject.rule_id, reject.row_number) == (field, rule, 3)


@pytest.mark.parametrize(
    ("source", "column", "value"),
    [
        ("YearBuilt", "year_built", "1196"),
        ("YearBuilt", "year_built", "2106"),
        ("Car", "car_spaces", "99999"),
        ("Bathroom", "bathrooms", "one"),
        ("Lattitude", "latitude", "37.8"),
    ],
)
def test_an_impossible_attribute_is_unknown_and_remembered(
    tmp_path: Path, source: str, column: str, value: str
) -> None:
    ((row,), _) = load(tmp_path, FULL, changed(**{source: value}))
    assert row[column] == ""
    assert json.loads(row["extra"])["_notes"][column]["value"] == value


def test_containers_encodings_and_delimiters(tmp_path: Path) -> None:
    text = f"{FULL}\n{ROW}\n"
    forms = {
        "plain.csv": text.encode(),
        "bom.csv": text.encode("utf-8-sig"),
        "windows.csv": text.replace("\n", "\r\n").encode(),
        "packed.csv.gz": gzip.compress(text.encode()),
        "packed.zip": zip_of({"sales.csv": text.encode(), "notes.md": b""}),
        "semicolons.csv": text.replace(",", ";").encode(),
        "accent.csv": text.replace("Biggin", "Bíggin").encode("latin-1"),
        "wide.csv": text.encode("utf-16"),
        "wide_unmarked.csv": text.encode("utf-16-be"),
        "old_mac.csv": text.replace("\n", "\r").encode(),
    }
    for name, content in forms.items():
        (tmp_path / name).write_bytes(content)
    mapping = load_mapping("melbourne")
    seen = {}
    for container in find_csv_containers(tmp_path, mapping, TODAY):
        for file in container.files():
            assert file.refusal is None, (container.name, file.refusal)
            ((row,), rejects) = read(file)
            assert rejects == []
            assert row["price_aud"] == "1480000"
            seen[container.name] = row["_row_hash"], row["agent"]
    assert seen.keys() == forms.keys()
    assert seen["accent.csv"][1] == "Bíggin"
    assert len({digest for digest, _ in seen.values()}) == 2


def test_a_missing_column_refuses_the_file_by_name_and_keeps_its_rows(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(f"{FULL}\n{ROW}\n".replace("Price", "Cost"))
    file = one_file(path)
    assert file.refusal is not None
    assert (file.refusal.rule_id, file.refusal.field) == ("column_missing", "Price")
    assert "lacks the column Price" in file.refusal.reason
    rows, rejects = read(file)
    assert (len(rows), len(rejects)) == (0, 1)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file_empty"),
        (b"\x00\x01\x02" * 99, "file_binary"),
    ],
)
def test_a_file_that_is_no_csv_is_refused(
    tmp_path: Path, content: bytes, rule: str
) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(content)
    file = one_file(path)
    assert file.refusal is not None
    assert file.refusal.rule_id == rule
    assert read(file) == ([], [])


def test_a_gzip_cut_short_is_refused_with_the_rows_it_still_gives(
    tmp_path: Path,
) -> None:
    path = tmp_path / "sales.csv.gz"
    lines = [FULL, *(changed(Price=str(n)) for n in range(1, 5000))]
    whole = gzip.compress("\n".join(lines).encode())
    path.write_bytes(whole[: len(whole) // 2])
    file = one_file(path)
    assert file.refusal is not None
    assert file.refusal.rule_id == "file_damaged"
    rows, _ = read(file)
    assert rows == []


def test_quoted_line_ends_are_one_row_and_a_stray_quote_costs_one(
    tmp_path: Path,
) -> None:
    quoted = changed(SellerG='"Big\ngin"', Address='"85, Turner St"')
    rows, rejects = load(tmp_path, FULL, quoted, changed(SellerG='"open'), ROW, ROW)
    assert [row["_row_number"] for row in rows] == ["2", "5", "6"]
    assert rows[0]["agent"] == "Big\ngin"
    assert rows[0]["original"] == quoted
    assert [(r.rule_id, r.row_number) for r in rejects] == [("row_unreadable", 4)]


def test_a_line_of_ten_megabytes_is_one_reject(tmp_path: Path) -> None:
    rows, rejects = load(tmp_path, FULL, ROW, "x" * 10_000_000, changed(Price="7"))
    assert len(rows) == 2
    (reject,) = rejects
    assert reject.row_number == 3
    assert reject.original is not None
    assert reject.original.size_bytes == 10_000_000


def test_own_mapping_with_units_and_its_errors(tmp_path: Path) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(
        "name: mine\nversion: 1\nconstants: {state: QLD}\ncolumns:\n"
        "  address: {from: [Where]}\n  price_aud: {from: [Paid]}\n"
        "  sale_date: {from: [When], formats: [dd-MMM-yyyy]}\n"
        "  land_area_m2: {from: [Land], unit: ha}\n"
    )
    path = tmp_path / "own.csv"
    path.write_text('Where|When|Paid|Land\n1 High St|05-Jan-2020|"$1,200,000"|0.5\n')
    ((row,), _) = read(one_file(path, mapping))
    assert (row["price_aud"], row["land_area_m2"]) == ("1200000", "5000.0")
    assert (row["sale_date"], row["is_sale"]) == ("2020-01-05", "t")
    mapping.write_text("name: mine\nversion: 1\ncolumns: {adress: {from: [A]}}\n")
    with pytest.raises(PermanentError, match="adress"):
        load_mapping(mapping)
    mapping.write_text("name: [")
    with pytest.raises(PermanentError, match="YAML"):
        load_mapping(mapping)
    with pytest.raises(PermanentError, match="Shipped mappings are: melbourne, sydney"):
        load_mapping("brisbane")


@pytest.mark.parametrize("name", ["absent", "."])
def test_nothing_to_read_says_what_to_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(PermanentError, match="CSV file"):
        find_csv_containers(tmp_path / name, load_mapping("melbourne"), TODAY)


cells = st.text(max_size=12).filter(lambda text: "\x1a" not in text)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=6))
def test_any_text_gives_records_and_never_an_exception(rows: list[list[str]]) -> None:
    content = "\n".join(",".join(row) for row in rows).encode("utf-8", "replace")
    records = list(RecordReader(read_blocks(io.BytesIO(content)), ","))
    numbers = [record.row_number for record in records]
    assert numbers == sorted(set(numbers))
    assert all(record.cells or record.problem for record in records)
