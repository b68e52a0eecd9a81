"""Parquet and spreadsheets through a mapping, and text files of every make."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.archives import Limits
from connectors.csv_mapping import CSV_COLUMNS, find_csv_containers
from connectors.csv_mapping.containers import CsvFile
from connectors.csv_mapping.mapping import load_mapping
from domain.records import Reject

TODAY = dt.date(2024, 1, 1)
MAPPING = """
name: mine
version: 1
constants: {state: VIC}
columns:
  address: {from: [Address], required: true, not_null: true}
  locality: {from: [Suburb]}
  postcode: {from: [Postcode]}
  sale_date: {from: [Sold], required: true, formats: [d/M/yyyy]}
  price_aud: {from: [Price], required: true, min: 1}
  land_area_m2: {from: [Land], unit: m2}
  bedrooms: {from: [Beds], max: 50}
"""
NAMES = ["Address", "Suburb", "Postcode", "Sold", "Price", "Land", "Beds"]
Record = dict[str, str]


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MAPPING)
    return path


def one_file(path: Path, mapping: Path, limits: Limits | None = None) -> CsvFile:
    (container,) = find_csv_containers(
        path, load_mapping(mapping), TODAY, limits or Limits()
    )
    (file,) = container.files()
    return file


def read(file: CsvFile) -> tuple[list[Record], list[Reject]]:
    batches = list(file.batches())
    rejects = [reject for batch in batches for reject in batch.rejects]
    rows = [
        dict(zip(CSV_COLUMNS, _split(row), strict=True))
        for batch in batches
        for row in batch.rows
    ]
    assert sum(batch.read for batch in batches) == len(rows) + len(rejects)
    return rows, rejects


def _split(row: str) -> list[str]:
    text = row.replace("\\\\", "\0").replace("\\;", "\1")
    values = text.replace("\\n", "\n").replace("\\r", "\r").split(";")
    return [value.replace("\0", "\\").replace("\1", ";") for value in values]


def workbook(path: Path, *rows: list[Any], sheet: str = "Sales") -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(row)
    book.save(path)
    return path


# Parquet ------------------------------------------------------------------------------


def test_parquet_gives_typed_values_and_its_row_as_json(
    tmp_path: Path, mapping: Path
) -> None:
    table = pa.table(
        {
            "Address": ["1 High St", "2 High St"],
            "Suburb": pa.array(["Carlton", "Carlton"]).dictionary_encode(),
            "Postcode": [3053.0, None],
            "Sold": [dt.date(2020, 5, 4), None],
            "Price": [Decimal("900000.00"), Decimal("1.50")],
            "Land": [512.5, float("nan")],
            "Beds": pa.array([3, None], pa.int8()),
            "Loaded": pa.array([0, 1], pa.timestamp("ns", "UTC")),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    rows, rejects = read(one_file(tmp_path / "x.parquet", mapping))
    assert rejects == []
    first, second = rows
    assert (first["sale_date"], first["price_aud"]) == ("2020-05-04", "900000")
    assert (first["postcode"], first["land_area_m2"], first["bedrooms"]) == (
        "3053",
        "512.5",
        "3",
    )
    assert (second["sale_date"], second["land_area_m2"]) == ("", "")
    original = json.loads(first["original"])
    assert original["Address"] == "1 High St"
    assert original["Postcode"] == 3053.0
    assert (first["_row_number"], second["_row_number"]) == ("1", "2")


def test_the_same_content_is_the_same_row_in_every_format(
    tmp_path: Path, mapping: Path
) -> None:
    values = ["1 High St", "Carlton", 3053, "4/5/2020", 900000, 512.5, 3]
    (tmp_path / "a.csv").write_text(
        f"{','.join(NAMES)}\n{','.join(map(str, values))}\n"
    )
    pq.write_table(
        pa.table({k: [v] for k, v in zip(NAMES, values, strict=True)}),
        tmp_path / "b.parquet",
    )
    workbook(tmp_path / "c.xlsx", NAMES, values)
    hashes = {
        read(one_file(tmp_path / name, mapping))[0][0]["_row_hash"]
        for name in ("a.csv", "b.parquet", "c.xlsx")
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("cut", [0, 4, 100, -20])
def test_a_damaged_parquet_is_refused(tmp_path: Path, mapping: Path, cut: int) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"Address": ["a"] * 9}), path)
    path.write_bytes(path.read_bytes()[:cut])
    file = one_file(path, mapping)
    assert file.refusal is not None
    assert file.refusal.rule_id in ("file_damaged", "file_empty")
    assert read(file) == ([], [])


def test_a_parquet_of_runs_is_no_bomb(tmp_path: Path, mapping: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"Address": pa.nulls(60_000_000, pa.int8())}), path)
    file = one_file(path, mapping)
    assert file.refusal is not None
    assert "beyond the limits" in file.refusal.reason


def test_values_python_cannot_hold_cost_a_row_and_no_exception(
    tmp_path: Path, mapping: Path
) -> None:
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0"),
                         pa.py_buffer(b"a\xff\xfe")]
    )  # fmt: skip
    far = pa.array([10**14, 0], pa.timestamp("s"))
    table = pa.table(
        {"Address": broken, "Sold": far, "Price": [1, 2], "Deep": [{"a": [1]}, None]}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    rows, rejects = read(one_file(tmp_path / "x.parquet", mapping))
    assert len(rows) + len(rejects) == 2
    assert [r.rule_id for r in rejects] == ["sale_date_unreadable"]


# Spreadsheets -------------------------------------------------------------------------


def test_a_sheet_with_titles_merged_and_blank_rows(
    tmp_path: Path, mapping: Path
) -> None:
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.append(["About this file"])
    page = book.create_sheet("Sales 2020")
    page["B2"] = "Sales of May"
    page.merge_cells("B2:H2")
    page.append([])
    page.append([None, *NAMES])
    page.append([None, "1 High St", "Carlton", 3053, dt.date(2020, 5, 4), 9e5, 300, 3])
    page.append([None, None, None, None, None, None, None, None])
    page.append([None, "2 High St", None, 3053.0, 43955, "$1,000,000", "0.5 ha", 99])
    page.merge_cells("C5:C7")
    page.append([None, "Total", None, None, None, 1900000, None, None])
    book.save(path)
    file = one_file(path, mapping)
    rows, rejects = read(file)
    assert rejects == []
    assert [row["_row_number"] for row in rows] == ["5", "7"]
    first, second = rows
    assert (first["sale_date"], first["price_aud"]) == ("2020-05-04", "900000")
    # A day without a date format is a number; a merged cell holds for its rows.
    assert (second["sale_date"], second["locality"]) == ("2020-05-04", "Carlton")
    assert (second["price_aud"], second["land_area_m2"]) == ("1000000", "5000.0")
    assert second["bedrooms"] == ""
    notes = json.loads(second["extra"])["_notes"]
    assert notes["bedrooms"]["rule"] == "bedrooms_sentinel"
    assert file.record_counts["totals"] == 1


@pytest.mark.parametrize(
    ("sheet", "rule"), [("Sales", None), ("2", None), ("Nope", "sheet_missing")]
)
def test_the_mapping_chooses_the_sheet(
    tmp_path: Path, mapping: Path, sheet: str, rule: str | None
) -> None:
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(NAMES)
    page.append(["9 Old St", "", 3053, "4/5/2020", 1, 1, 1])
    page = book.create_sheet("sales")
    page.append(NAMES)
    page.append(["1 New St", "", 3053, "4/5/2020", 1, 1, 1])
    book.save(path)
    mapping.write_text(f"{MAPPING}\nfile: {{sheet: {sheet}}}\n")
    file = one_file(path, mapping)
    assert (file.refusal and file.refusal.rule_id) == rule
    if rule is None:
        ((row,), _) = read(file)
        assert row["address"] == "1 New St"


def test_a_sheet_that_reaches_far_is_refused_before_it_is_opened(
    tmp_path: Path, mapping: Path
) -> None:
    path = tmp_path / "x.xlsx"
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page["A1"], page["XFD1048576"] = 1, 1
    book.save(path)
    file = one_file(path, mapping)
    assert file.refusal is not None
    assert "beyond 40000000 cells" in file.refusal.reason


@pytest.mark.parametrize("inner", [9, 14_000])
def test_runs_of_cells_in_ods_are_counted(
    tmp_path: Path, mapping: Path, inner: int
) -> None:
    cell = (
        f'<table:table-cell table:number-columns-repeated="{inner}" '
        'office:value-type="string"><text:p>a</text:p></table:table-cell>'
    )
    path = tmp_path / "x.ods"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        out.writestr("META-INF/manifest.xml", "<m:manifest xmlns:m='m'></m:manifest>")
        out.writestr(
            "content.xml",
            "<office:document-content xmlns:office='o' xmlns:table='t' xmlns:text='x'>"
            "<office:body><office:spreadsheet><table:table table:name='S'>"
            f'<table:table-row table:number-rows-repeated="{inner}">{cell}'
            "</table:table-row></table:table></office:spreadsheet></office:body>"
            "</office:document-content>",
        )
    file = one_file(path, mapping)
    assert file.refusal is not None
    expected = "column_missing" if inner == 9 else "file_damaged"
    assert file.refusal.rule_id == expected


def test_tables_inside_a_zip_are_read_whatever_their_format(
    tmp_path: Path, mapping: Path
) -> None:
    values = ["1 High St", "Carlton", 3053, "4/5/2020", 900000, 512.5, 3]
    buffer = io.BytesIO()
    pq.write_table(
        pa.table({k: [v] for k, v in zip(NAMES, values, strict=True)}), buffer
    )
    sheet = workbook(tmp_path / "y.xlsx", NAMES, values).read_bytes()
    folder = tmp_path / "in"
    folder.mkdir()
    with zipfile.ZipFile(folder / "x.zip", "w") as out:
        out.writestr("a.parquet", buffer.getvalue())
        out.writestr("b.xlsx", sheet)
        out.writestr("c.xlsx", b"PK\x03\x04 broken")
    (container,) = find_csv_containers(folder, load_mapping(mapping), TODAY)
    results = {}
    for file in container.files():
        name = file.file.source_file
        results[name] = file.refusal.rule_id if file.refusal else len(read(file)[0])
    assert results == {
        "x.zip/a.parquet": 1,
        "x.zip/b.xlsx": 1,
        "x.zip/c.xlsx": "file_damaged",
    }


# Text ---------------------------------------------------------------------------------


def text_file(tmp_path: Path, mapping: Path, text: str | bytes) -> CsvFile:
    path = tmp_path / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return one_file(path, mapping)


ROW = "1 High St,Carlton,3053,4/5/2020,900000,300,3"


def test_metadata_above_and_totals_below_are_passed_over(
    tmp_path: Path, mapping: Path
) -> None:
    head = "".join(f"Line {n}: about, the file\n" for n in range(11))
    header = ",".join(f'"{name}"' for name in NAMES)
    text = f"{head}\n{header},\n{ROW},\n{ROW[1:]},\nTotal,,,,1800000,,\n"
    file = text_file(tmp_path, mapping, text)
    rows, rejects = read(file)
    assert ([row["_row_number"] for row in rows], rejects) == (["14", "15"], [])
    assert file.record_counts["totals"] == 1


def test_a_header_repeated_inside_is_no_row(tmp_path: Path, mapping: Path) -> None:
    header = ",".join(NAMES)
    file = text_file(
        tmp_path, mapping, f"{header}\n{ROW}\n{header.upper()}\n{ROW[1:]}\n"
    )
    assert len(read(file)[0]) == 2
    assert file.record_counts["repeated_headers"] == 1


def test_columns_without_a_header_go_by_position(tmp_path: Path) -> None:
    mapping = tmp_path / "bare.yaml"
    mapping.write_text(
        "name: bare\nversion: 1\nfile: {header: false}\nconstants: {state: VIC}\n"
        "columns:\n  address: {from: [column_1]}\n  price_aud: {from: [column_5]}\n"
        "  sale_date: {from: [column_4], formats: [d/M/yyyy]}\n"
    )
    file = text_file(tmp_path, mapping, f"\ufeff{ROW}\n{ROW[1:]}\n")
    rows, rejects = read(file)
    assert (len(rows), rejects) == (2, [])
    assert (rows[0]["address"], rows[0]["price_aud"]) == ("1 High St", "900000")
    assert file.fields_seen() is None


def test_windows_quotes_are_read_as_windows_wrote_them(
    tmp_path: Path, mapping: Path
) -> None:
    text = f"{','.join(NAMES)}\n{ROW}\n".replace("High", "O\u2019Hara")
    ((row,), _) = read(text_file(tmp_path, mapping, text.encode("cp1252")))
    assert row["address"] == "1 O\u2019Hara St"


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n\n", b"\x00" * 50, b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"\xff\xfe",
     b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", gzip.compress(b"", mtime=0)[:12], b'"' * 99],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_a_reason(
    tmp_path: Path, mapping: Path, content: bytes
) -> None:
    for name in ("x.csv", "x.xlsx", "x.parquet", "x.zip", "x.csv.gz"):
        path = tmp_path / name
        path.write_bytes(content)
        (container,) = find_csv_containers(path, load_mapping(mapping), TODAY)
        for file in container.files():
            assert file.refusal is not None, (name, content)
            assert file.refusal.reason.endswith(".")
            list(file.batches())


# Mutations ----------------------------------------------------------------------------


def samples() -> list[tuple[str, bytes]]:
    values = ["1 High St", "Carlton", 3053, "4/5/2020", 900000, 512.5, 3]
    rows = [[f"{n} High St", *values[1:]] for n in range(40)]
    text = "\n".join(",".join(map(str, row)) for row in [NAMES, *rows]).encode()
    parquet, sheet = io.BytesIO(), io.BytesIO()
    columns = dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), parquet)
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in [NAMES, *rows]:
        page.append(row)
    book.save(sheet)
    return [
        ("x.csv", text),
        ("x.csv.gz", gzip.compress(text, mtime=0)),
        ("x.csv", text.decode().encode("utf-16")),
        ("x.parquet", parquet.getvalue()),
        ("x.xlsx", sheet.getvalue()),
    ]


SAMPLES = samples()
edits = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.binary(max_size=4), st.integers(0, 6)),
    max_size=8,
)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)  # fmt: skip
@given(st.sampled_from(range(len(SAMPLES))), edits)
def test_mutated_files_give_records_or_rejects_never_an_exception(
    tmp_path: Path, mapping: Path, which: int, changes: list[tuple[int, bytes, int]]
) -> None:
    name, content = SAMPLES[which]
    for at, put, gone in changes:
        at %= len(content) or 1
        content = content[:at] + put + content[at + gone :]
    path = tmp_path / f"{which}_{name}"
    path.write_bytes(content)
    (container,) = find_csv_containers(path, load_mapping(mapping), TODAY)
    for file in container.files():
        read(file)
