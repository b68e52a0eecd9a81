"""Parts of the proposal: names, dates, samples, hostile files; checks as shown."""

from __future__ import annotations

import io
import random
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from connectors.csv_mapping.check import check_mapping
from connectors.csv_mapping.mapping import load_mapping
from connectors.csv_mapping.render import render_check, render_suggestion
from connectors.csv_mapping.suggest import Suggestion, suggest_mapping
from connectors.csv_mapping.suggest.days import date_forms
from connectors.csv_mapping.suggest.profile import Profile
from connectors.csv_mapping.suggest.vocabulary import NAMES, name_score, unit_of
from domain.errors import PermanentError

TODAY = date(2024, 1, 1)


def best_name(header: str) -> str:
    scores = {name: name_score(header, name, names) for name, names in NAMES.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= 0.6 else ""


@pytest.mark.parametrize(
    ("header", "canonical"),
    [
        ("Sale Price ($)", "price_aud"),
        ("sellPrice", "price_aud"),
        ("PURCHASE_PRICE_AUD", "price_aud"),
        ("Price Guide", ""),
        ("Median Price", ""),
        ("Contract Date", "sale_date"),
        ("Date Listed", ""),
        ("Street Address", "address"),
        ("postalCode", "postcode"),
        ("Land Size (sqm)", "land_area_m2"),
        ("sqft_lot", "land_area_m2"),
        ("Lot Frontage", ""),
        ("Gr Liv Area", "building_area_m2"),
        ("Wohnfl\u00e4che", "building_area_m2"),
        ("Lattitude", "latitude"),
        ("Longtitude", "longitude"),
        ("YearBuilt", "year_built"),
        ("yr_renovated", ""),
        ("Yr Sold", ""),
        ("BEDS", "bedrooms"),
        ("bthrms", "bathrooms"),
        ("CarSpaces", "car_spaces"),
        ("LGA", "council_area"),
        ("Propertycount", ""),
        ("x", "longitude"),
        ("", ""),
    ],
)
def test_names_people_give_columns(header: str, canonical: str) -> None:
    assert best_name(header) == canonical


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("sqft_living", "sqft"),
        ("1st Flr SF", "sqft"),
        ("Area (m\u00b2)", "m2"),
        ("Land (ha)", "ha"),
        ("Lot acres", "acre"),
        ("Qualit\u00e4t qm", "m2"),
        ("Landsize", None),
    ],
)
def test_units_in_names(header: str, unit: str | None) -> None:
    assert unit_of(header) == unit


def profile(*cells: str) -> Profile:
    return Profile("Date", 0, cells)


@pytest.mark.parametrize(
    ("cells", "formats", "words"),
    [
        (["1/2/2020", "13/2/2020"], ["d/M/yyyy"], "13/2/2020 has no other"),
        (["1/2/2020", "2/13/2020"], ["M/d/yyyy"], "2/13/2020 has no other"),
        (["1/2/2020", "3/4/2020"], ["d/M/yyyy"], "as usual here"),
        (
            ["1/1/2020", "1/5/2020", "1/9/2020", "2/2/2020", "2/6/2020", "2/7/2020",
             "2/8/2020"],
            ["M/d/yyyy"],
            "in order of time",
        ),
        (
            ["3/12/2016", "13/12/2016", "2016-12-04", "20161205T000000"],
            ["d/M/yyyy", "yyyy-MM-dd", "yyyyMMddTHHmmss"],
            "no other reading",
        ),
        (["5 Sep 2020", "15 May 2020"], ["d MMM yyyy"], "one form"),
        (["2020-05-04 00:00:00"], ["yyyy-MM-dd"], "one form"),
    ],
)  # fmt: skip
def test_forms_of_dates_are_settled_over_the_sample(
    cells: list[str], formats: list[str], words: str
) -> None:
    found = date_forms(profile(*cells), TODAY)
    assert found is not None
    assert sorted(found.formats) == sorted(formats)
    assert words in found.reason


@pytest.mark.parametrize("cells", [["12", "13"], ["abc"], ["31/31/2020"], ["1/1/2099"]])
def test_what_is_no_date(cells: list[str]) -> None:
    assert date_forms(profile(*cells), TODAY) is None


HEADER = ["Street", "Town", "P/Code", "Sold On", "Amount ($)", "Block (ha)"]


def rows(count: int = 60) -> list[list[str]]:
    chance = random.Random(3)
    return [
        [
            f"{chance.randrange(1, 99)} {chance.choice(['Low', 'High'])} Rd",
            f"{town} Creek",
            str(code),
            f"{chance.randrange(1, 29)}-{chance.choice(['Jan', 'Aug'])}-2019",
            f"${chance.randrange(300, 900)},000",
            f"{chance.uniform(0.05, 3):.2f}",
        ]
        for town, code in chance.choices([("Cow", 4310), ("Dry", 4311)], k=count)
    ] + [["7 Low Rd", "Wet Creek", "4312", "9-Aug-2019", "$500,000", "unknown"]] * 9


def suggest(path: Path, *lines: list[str], sep: str = ",") -> Suggestion:
    text = "\n".join(sep.join(f'"{cell}"' for cell in line) for line in lines)
    path.write_text(text + "\n")
    return suggest_mapping(path, today=TODAY)


@pytest.mark.parametrize("sep", [",", ";", "\t", "|"])
def test_a_proposal_is_a_mapping_that_reads_the_file(tmp_path: Path, sep: str) -> None:
    title = [["Sales of the shire"], ["Printed", "today"]]
    found = suggest(tmp_path / "9 Sales!.csv", *title, HEADER, *rows(), sep=sep)
    assert {name: sources[0] for name, sources in found.sources.items()} == {
        "address": "Street",
        "locality": "Town",
        "state": "P/Code",
        "postcode": "P/Code",
        "sale_date": "Sold On",
        "price_aud": "Amount ($)",
        "land_area_m2": "Block (ha)",
    }
    assert found.content["file"] == {"skip_lines": 2, "delimiters": [sep]}
    assert found.content["columns"]["sale_date"]["formats"] == ["d-MMM-yyyy"]
    assert found.content["columns"]["land_area_m2"]["unit"] == "ha"
    assert "unknown" in found.content["null_tokens"]
    (tmp_path / "m.yaml").write_text(found.text)
    mapping = load_mapping(tmp_path / "m.yaml")
    assert mapping.name == "file_9_sales"
    check = check_mapping(found.path, mapping, today=TODAY)
    assert (check.read, check.rejected, check.exit_code) == (69, 0, 0)
    assert check.problems == ()


def test_a_workbook_gets_its_longest_sheet(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.append(["Contents", "of", "this", "file"])
    page = book.create_sheet("Data")
    for row in [["Sales"], [], HEADER, *rows()]:
        page.append(row)
    book.save(tmp_path / "x.xlsx")
    found = suggest_mapping(tmp_path / "x.xlsx", today=TODAY)
    assert found.content["file"] == {"skip_lines": 2, "sheet": "Data"}
    assert found.sources["price_aud"] == ("Amount ($)",)
    (tmp_path / "m.yaml").write_text(found.text)
    check = check_mapping(tmp_path / "x.xlsx", tmp_path / "m.yaml", today=TODAY)
    assert (check.kept, check.refusals) == (69, ())


def test_addresses_in_parts_are_put_together(tmp_path: Path) -> None:
    header = ["Unit No", "House Number", "Street Name", "Suburb", "Price", "Sold Date"]
    chance = random.Random(5)
    lines = [
        [
            chance.choice(["", "2"]),
            str(chance.randrange(1, 200)),
            chance.choice(["High Street", "Low Road"]),
            chance.choice(["Carlton", "Fitzroy", "Preston"]),
            f"{chance.randrange(300, 900)}000",
            "2019-05-04",
        ]
        for _ in range(50)
    ]
    found = suggest(tmp_path / "x.csv", header, *lines)
    column = found.column("address")
    assert column is not None
    assert column.sources == ("Unit No", "House Number", "Street Name")
    assert column.spec["join"][0] == {"column": "Unit No", "after": "/"}


def shown(item: object, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, no_color=True).print(item)
    return out.getvalue()


def test_a_check_shows_rows_beside_their_source_and_every_problem(
    tmp_path: Path,
) -> None:
    (tmp_path / "m.yaml").write_text(
        "name: mine\nversion: 1\ncolumns:\n  address: {from: [Street]}\n"
        "  price_aud: {from: [Cost], min: 1}\n  bedrooms: {from: [Beds]}\n"
        "  year_built: {from: [Built]}\nfile: {delimiters: [',']}\n"
    )
    path = tmp_path / "x.csv"
    path.write_text(
        "Street,Cost,Beds,Zone\n1 High St,$500k,3.0,R1\n[red]2[/red] High St,-5,3,R1\n"
        "3 High St,4,99,R1\nbroken\nTotal,9,,\n"
    )
    check = check_mapping(path, tmp_path / "m.yaml", today=TODAY)
    assert (check.read, check.kept, check.rejected, check.sales) == (4, 2, 2, 2)
    assert (check.exit_code, check.passed_over) == (1, {"totals": 1})
    screen = shown(render_check(check))
    for words in (
        "$500k \u2192 500000",
        "3.0 \u2192 3",
        "99 \u2192 unknown (bedrooms_sentinel)",
        "[red]2[/red] High St",
        "price_negative",
        "field_count_wrong",
        "not in the file: year_built (Built)",
        "not in the mapping: Zone",
        "4 rows, 2 kept (2 sales), 2 refused, 1 totals passed over",
    ):
        assert words in screen
    few = check_mapping(path, tmp_path / "m.yaml", 1, limit=1, today=TODAY)
    assert (few.read, few.is_complete, len(few.rows)) == (1, False, 1)


def test_a_proposal_is_shown_with_its_doubts(tmp_path: Path) -> None:
    found = suggest(tmp_path / "x.csv", HEADER, *rows())
    screen = shown(render_suggestion(found), 160)
    assert "Amount ($)" in screen
    assert "Every row with a price is taken for a sale." in screen


@pytest.mark.parametrize("content", [b"", b"\x00\x01" * 40, b"PK\x03\x04", b"PAR1xx"])
def test_what_is_no_table_gets_no_proposal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(PermanentError, match=r"cannot be read|no table"):
        suggest_mapping(tmp_path / "x.csv", today=TODAY)
    with pytest.raises(PermanentError, match="There is no file"):
        suggest_mapping(tmp_path / "absent.csv", today=TODAY)


cells = st.text(max_size=14) | st.sampled_from(
    ["1/2/2020", "$5", "3000", "-37.8", "High St", "Price", "Date", "Suburb", "1e400",
     "NaN", "\u0663", "2020-01-01", "\x85", "a: b", "# c", "- d", "null", "\u2028"]
)  # fmt: skip


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)  # fmt: skip
@given(st.lists(st.lists(cells, min_size=1, max_size=6), min_size=1, max_size=9))
def test_any_table_gets_a_mapping_that_loads_or_a_sentence(
    tmp_path: Path, table: list[list[str]]
) -> None:
    path = tmp_path / "x.csv"
    text = "\n".join(",".join(row) for row in table)
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        found = suggest_mapping(path, today=TODAY)
    except PermanentError:
        return
    if found.columns:
        (tmp_path / "m.yaml").write_text(found.text, encoding="utf-8")
        check = check_mapping(path, tmp_path / "m.yaml", today=TODAY)
        shown(render_check(check))
    shown(render_suggestion(found))


def test_coordinates_that_are_all_zero_get_the_bounds_of_australia(
    tmp_path: Path,
) -> None:
    path = tmp_path / "zero.csv"
    rows = "".join(f"{n},0,0.0\n" for n in range(1, 9))
    path.write_text(f"price,latitude,longitude\n{rows}")
    found = suggest_mapping(path)
    assert found.text
