"""What a mapping can say, and what is said about one that is wrong."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from connectors.csv_mapping import CSV_COLUMNS, find_csv_containers
from connectors.csv_mapping.containers import CsvFile
from connectors.csv_mapping.dates import date_reader
from connectors.csv_mapping.mapping import load_mapping
from connectors.csv_mapping.numbers import read_measure, read_money, read_number
from domain.errors import PermanentError

TODAY = date(2024, 1, 1)
BASE = """\
name: mine
version: 1
columns:
  address: {from: [Address]}
  sale_date: {from: [Date], formats: [d/M/yyyy]}
  price_aud: {from: [Price]}
"""
Record = dict[str, str]


def file_of(folder: Path, mapping: str, table: str) -> CsvFile:
    (folder / "m.yaml").write_text(mapping)
    path = folder / "x.csv"
    path.write_text(table)
    rules = load_mapping(folder / "m.yaml")
    (container,) = find_csv_containers(path, rules, TODAY)
    (file,) = container.files()
    return file


def rows_of(file: CsvFile) -> list[Record]:
    rows = [row for batch in file.batches() for row in batch.rows]
    return [dict(zip(CSV_COLUMNS, row.split(";"), strict=True)) for row in rows]


def extra(row: Record) -> dict[str, object]:
    found: dict[str, object] = json.loads(row["extra"].replace("\\\\", "\\"))
    return found


TABLE = """\
Address,Date,Price,Kind,Cond,Year,Month,Id
1 High St,1/2/2020,900000,house,Normal,2010,5,1
2 High St,2/2/2020,800000,house,Family,2010,12,2
3 High St,3/2/2020,700000,shop,Normal,2011,,3
4 High St,4/2/2020,,house,Normal,,7,4
"""


def test_rows_are_kept_and_dropped_by_conditions_and_counted(tmp_path: Path) -> None:
    rules = (
        "rows:\n  keep: [{column: kind, in: [House, unit]}]\n"
        "  drop: [{column: Cond, equals: family}, {column: Price, is_blank: true}]\n"
    )
    file = file_of(tmp_path, BASE + rules, TABLE)
    assert [row["address"] for row in rows_of(file)] == ["1 High St"]
    assert file.record_counts["filtered"] == 3
    assert sum(batch.rejected for batch in file.batches()) == 0


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("{column: Price, at_least: 800000}", 2),
        ("{column: Price, less_than: 800000}", 1),
        ("{column: Price, more_than: 1, at_most: 800000}", 2),
        ("{column: Kind, not_equals: house}", 1),
        ("{column: Kind, not_in: [house, shop]}", 0),
        ("{column: Cond, matches: ^f}", 1),
        ("{column: Year, equals: 2010}", 2),
        ("{column: Price, is_blank: false}", 3),
    ],
)
def test_comparisons(tmp_path: Path, condition: str, kept: int) -> None:
    file = file_of(tmp_path, f"{BASE}rows: {{keep: [{condition}]}}\n", TABLE)
    assert len(rows_of(file)) == kept


def test_a_condition_on_a_column_that_is_not_there_refuses_the_file(
    tmp_path: Path,
) -> None:
    rules = f"{BASE}rows: {{drop: [{{column: Zone, equals: R1}}]}}\n"
    file = file_of(tmp_path, rules, TABLE)
    assert file.refusal is not None
    assert file.refusal.rule_id == "column_missing"
    assert "Zone" in file.refusal.reason


def test_sales_may_be_told_by_conditions(tmp_path: Path) -> None:
    rules = f"{BASE}sales: [{{column: Cond, equals: Normal}}]\n"
    rows = rows_of(file_of(tmp_path, rules, TABLE))
    assert [row["is_sale"] for row in rows] == ["t", "f", "t", "f"]


def test_constants_defaults_and_default_values(tmp_path: Path) -> None:
    rules = (
        BASE + "  dwelling_type:\n    {from: [Type], parser: code, codes: {h: house}}\n"
        "  bedrooms: {from: [Beds], default: 3}\n"
        "constants: {state: VIC, postcode: 3000}\ndefaults: {dwelling_type: other}\n"
    )
    table = "Address,Date,Price,Type,Beds\n1 A St,1/1/2020,5,h,\n2 A St,1/1/2020,5,,4\n"
    rows = rows_of(file_of(tmp_path, rules, table))
    assert [row["dwelling_type"] for row in rows] == ["house", "other"]
    assert [row["bedrooms"] for row in rows] == ["3", "4"]
    assert {(row["state"], row["postcode"]) for row in rows} == {("VIC", "3000")}


def test_dates_in_parts_say_what_was_missing(tmp_path: Path) -> None:
    rules = BASE.replace(
        "{from: [Date], formats: [d/M/yyyy]}", "{parts: {year: [Year], month: [Month]}}"
    )
    rows = rows_of(file_of(tmp_path, rules, TABLE))
    assert [row["sale_date"] for row in rows] == [
        "2010-05-01",
        "2010-12-01",
        "2011-01-01",
        "",
    ]
    notes = [extra(row).get("_notes") for row in rows]
    assert notes[0] == {"sale_date": {"value": "5/2010", "rule": "day_missing"}}
    assert notes[2] == {"sale_date": {"value": "2011", "rule": "day_and_month_missing"}}


def test_an_address_is_put_together(tmp_path: Path) -> None:
    rules = BASE.replace(
        "{from: [Address]}", '{join: [{column: Unit, after: "/"}, No, Street, Type]}'
    )
    table = (
        "Unit,No,Street,Type,Date,Price\n3,12,Smith,St,1/1/2020,5\n"
        ",7,High,Rd,1/1/2020,5\n,,,,1/1/2020,5\n"
    )
    rows = rows_of(file_of(tmp_path, rules, table))
    assert [row["address"] for row in rows] == ["3/12 Smith St", "7 High Rd", ""]


def test_ignored_columns_are_no_part_of_a_row(tmp_path: Path) -> None:
    hashes = set()
    for number in ("1", "2"):
        table = f"Address,Date,Price,Id\n1 A St,1/1/2020,5,{number}\n"
        file = file_of(tmp_path, f"{BASE}ignored: [id]\n", table)
        ((row,), seen) = rows_of(file), file.fields_seen()
        hashes.add(row["_row_hash"])
        assert "Id" not in extra(row)
        assert seen is not None
        assert seen.unknown == frozenset()
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected", "rule"),
    [
        ("-37.8", "144.9", ("-37.8", "144.9"), None),
        ("144.9", "-37.8", ("-37.8", "144.9"), "coordinates_swapped"),
        ("0", "0.0", ("", ""), "coordinates_zero"),
        ("37.8", "144.9", ("", ""), "latitude_positive"),
        ("47.5", "-122.3", ("", ""), "coordinates_outside"),
    ],
)
def test_coordinates_are_judged_as_a_pair(
    tmp_path: Path,
    latitude: str,
    longitude: str,
    expected: tuple[str, str],
    rule: str | None,
) -> None:
    rules = f"{BASE}  latitude: {{from: [Y]}}\n  longitude: {{from: [X]}}\n"
    table = f"Address,Date,Price,Y,X\n1 A St,1/1/2020,5,{latitude},{longitude}\n"
    (row,) = rows_of(file_of(tmp_path, rules, table))
    assert (row["latitude"], row["longitude"]) == expected
    notes = extra(row).get("_notes")
    assert (notes and notes["latitude"]["rule"]) == rule  # type: ignore[index]


@pytest.mark.parametrize(
    ("state", "postcode", "expected", "rule"),
    [
        ("Victoria", "3067.0", ("VIC", "3067"), None),
        ("nt", "800", ("NT", "0800"), None),
        ("NSW", "3644", ("NSW", "3644"), "postcode_across_border"),
        ("NSW", "4000", ("NSW", ""), "postcode_not_of_state"),
        ("Ohio", "43001", ("", ""), "postcode_unreadable"),
    ],
)
def test_postcodes_belong_to_states(
    tmp_path: Path, state: str, postcode: str, expected: tuple[str, str], rule: str
) -> None:
    rules = f"{BASE}  state: {{from: [S]}}\n  postcode: {{from: [P]}}\n"
    table = f"Address,Date,Price,S,P\n1 A St,1/1/2020,5,{state},{postcode}\n"
    (row,) = rows_of(file_of(tmp_path, rules, table))
    assert (row["state"], row["postcode"]) == expected
    notes = extra(row).get("_notes")
    assert (notes and notes["postcode"]["rule"]) == rule  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "price", "rule"),
    [
        ("$1,200,000", "1200000", None),
        ("$1.2M", "1200000", None),
        ("$1.2M - $1.3M", "", "price_text_range"),
        ("Offers over 900k", "", "price_text_from"),
        ("High $800,000's", "", "price_text_around"),
        ("Contact Agent", "", "price_text_contact"),
        ("Auction", "", "price_text_auction"),
        ("Price withheld", "", "price_text_withheld"),
        ("$650 pw", "", "price_text_rent"),
        ("SOLD", "", "price_text_sold"),
    ],
)
def test_price_texts_give_a_price_only_when_certain(
    tmp_path: Path, text: str, price: str, rule: str | None
) -> None:
    rules = BASE.replace("{from: [Price]}", "{from: [Price], parser: price_text}")
    table = f'Address|Date|Price\n1 A St|1/1/2020|"{text}"\n'
    (row,) = rows_of(file_of(tmp_path, rules, table))
    assert (row["price_aud"], row["is_sale"]) == (price, "t" if price else "f")
    notes = extra(row).get("_notes")
    assert (notes and notes["price_aud"]["rule"]) == rule  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "decimal", "expected"),
    [
        ("1,234,567.5", ".", "1234567.5"),
        ("3,5", ".", None),
        ("3,5", ",", "3.5"),
        ("1.234,5", ",", "1234.5"),
        ("$ 1 234", ".", "1234"),
        ("AUD 900", ".", "900"),
        ("1.2e+006", ".", "1200000"),
        ("1e999", ".", None),
        ("12 34x", ".", None),
        ("", ".", None),
    ],
)
def test_numbers(text: str, decimal: str, expected: str | None) -> None:
    value = read_number(text, decimal)
    assert (None if value is None else format(value, "f")) == expected


def test_money_and_measures_with_words() -> None:
    assert [str(read_money(text)) for text in ("850k", "$1.25 mil")] == [
        "850000",
        "1250000.00",
    ]
    assert read_money("850kg") is None
    for text, unit in (
        ("512 m\u00b2", "m2"),
        ("512sqm", "m2"),
        ("0.5 ha", "ha"),
        ("2 acres", "acre"),
        ("1,200 sq ft", "sqft"),
        ("15 squares", "square"),
    ):
        assert read_measure(text)[1] == unit


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("d/M/yyyy", "3/09/2016", date(2016, 9, 3)),
        ("d/M/yyyy", "3/09/2016 12:30 PM", date(2016, 9, 3)),
        ("yyyy-MM-dd", "2016-09-03T10:00:00.5+10:00", date(2016, 9, 3)),
        ("yyyyMMddTHHmmss", "20141013T000000", date(2014, 10, 13)),
        ("dd-MMM-yyyy", "05-Sept-2020", date(2020, 9, 5)),
        ("d MMMM yyyy", "5 September 2020", date(2020, 9, 5)),
        ("MMM d, yyyy", "Sep 5, 2020", date(2020, 9, 5)),
        ("excel_serial", "43955", date(2020, 5, 4)),
        ("epoch_millis", "1588550400000", date(2020, 5, 4)),
        ("epoch_seconds", "99999999999999", None),
        ("d/M/yyyy", "31/02/2016", None),
        ("d/M/yyyy", "soon", None),
    ],
)
def test_forms_of_dates(form: str, text: str, expected: date | None) -> None:
    assert date_reader([form])(text) == expected


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (BASE.replace("address:", "adress:"), ["line 4", "'adress'", "mean 'address'"]),
        (BASE + "contants: {state: VIC}\n", ["line 7", "'constants'"]),
        (BASE + "constants: {state: Vic}\n", ["constants.state", "VIC"]),
        (BASE.replace("{from: [Price]}", "{form: [Price]}"), ["line 6", "'from'"]),
        (BASE.replace("{from: [Price]}", "{}"), ["price_aud", "`from`"]),
        (BASE.replace("{from: [Price]}", "{from: Price}"), ["not of type array"]),
        (BASE + "name: other\n", ["line 7", "twice"]),
        (BASE + "identifying: false\n", ["columns.address", "not identifying"]),
        (BASE.replace("d/M/yyyy", "dd/mm/jjjj"), ["'dd/mm/jjjj'", "d/M/yyyy"]),
        (BASE.replace("[Price]}", "[Price], parser: text}"), ["price_aud", "money"]),
        (BASE.replace("[Price]}", "[Price], min: much}"), ["'much'", "number"]),
        (BASE + "  state: {from: [S], default: Victoria}\n", ["'Victoria'"]),
        (
            BASE + "rows: {keep: [{column: A, matches: '('}]}\n",
            ["rows.keep.0.matches", "regular expression"],
        ),
        ("- a\n- b\n", ["top level", "name"]),
        ("", ["top level"]),
        ("name: [", ["no valid YAML", "line"]),
    ],
)
def test_what_is_wrong_with_a_mapping_is_told_with_its_place(
    tmp_path: Path, mapping: str, words: list[str]
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(mapping)
    with pytest.raises(PermanentError) as raised:
        load_mapping(path)
    for word in ["wrong.yaml", *words]:
        assert word in str(raised.value)


def test_yaml_means_what_people_write(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        BASE + "  dwelling_type:\n    {from: [T], parser: code, codes: "
        "{no: house, 1: unit, on: land}}\nconstants: {postcode: 0800}\n"
    )
    mapping = load_mapping(path)
    assert mapping.constants == {"postcode": "0800"}
    codes = next(c.codes for c in mapping.columns if c.name == "dwelling_type")
    assert codes == {"no": "house", "1": "unit", "on": "land"}
