"""Every layout a reference set may come in, on files made here."""

from __future__ import annotations

import gzip
import os
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.reference.catalogue import DATASETS
from connectors.reference.releases import Release, find_releases
from domain.errors import PermanentError
from domain.records import Reject
from tests.reference_files import (
    DCJ_SALES,
    GNAF_NAMES,
    RBA_MONTHLY,
    SEIFA_POA,
    VIC_QUARTERLY,
    Rows,
    gnaf_row,
    gnaf_text,
    land_values_csv,
    localities_csv,
    time_series,
    write_xls,
    write_xlsx,
)


def releases(dataset: str, *paths: Path, **options: Any) -> list[Release]:
    return find_releases(DATASETS[dataset], paths, **options)


def rows_of(release: Release) -> list[dict[str, str]]:
    """Business columns of every row, as text."""
    names = release.dataset.row_columns
    return [
        dict(zip(names, row.replace("\\;", "\x00").split(";"), strict=True))
        for file in release.files()
        for batch in file.batches()
        for row in batch.rows
    ]


def rejects_of(release: Release) -> list[Reject]:
    return [
        reject
        for file in release.files()
        for reject in (
            *([file.refusal] if file.refusal else ()),
            *(reject for batch in file.batches() for reject in batch.rejects),
        )
    ]


def only(found: list[Release]) -> Release:
    (release,) = found
    return release


# Localities


def test_a_postcode_list_keeps_postcodes_as_text_and_knows_what_is_no_place(
    tmp_path: Path,
) -> None:
    file = tmp_path / "postcodes.csv"
    file.write_text(
        "id,postcode,locality,state,long,lat,type,status,MMM_2019\n"
        "1,800,DARWIN,nt,130.83668,-12.458684,Delivery Area,Updated 6-Sep-2025,2\n"
        "2,0801,DARWIN,NT,130.8,-12.4,Post Office Boxes,Updated 3-Dec-2022,2\n"
        "3,0852,WUGULARR,NT,0,0,Delivery Area,,7\n"
        "4,2000,SYDNEY,VIC,151.2,-33.8,Delivery Area,,1\n"
        "5,2000,SYDNEY,NSW,-33.8,151.2,Delivery Area,,1\n"
    )
    release = only(releases("localities", file))
    assert (release.day, release.part) == (date(2025, 9, 6), "all")
    darwin, boxes, wugularr = rows_of(release)
    assert (darwin["postcode"], darwin["state"], darwin["mmm_2019"]) == (
        "0800",
        "NT",
        "2",
    )
    assert (darwin["is_place"], boxes["is_place"]) == ("t", "f")
    assert wugularr["latitude"] == wugularr["longitude"] == ""
    wrong_state, swapped = rejects_of(release)
    assert (wrong_state.row_number, wrong_state.rule_id) == (5, "postcode_not_of_state")
    assert swapped.rule_id == "latitude_coordinates_swapped"


def test_a_postcode_list_may_be_a_workbook(tmp_path: Path) -> None:
    header = ("ID", "Postcode", "Locality", "State", "Long", "Lat", "Type", "Status")
    row = (7, 800, "DARWIN", "NT", 130.83668, -12.458684, "Delivery Area", None)
    book = write_xlsx(tmp_path / "list_20250906.xlsx", {"Sheet1": (header, row)})
    release = only(releases("localities", book))
    assert release.day == date(2025, 9, 6)
    assert rows_of(release)[0]["postcode"] == "0800"


# G-NAF Core


def test_gnaf_core_in_a_zip_keeps_aliases_and_is_dated_by_its_name(
    tmp_path: Path,
) -> None:
    rows = [
        gnaf_row("GANSW1"),
        gnaf_row("GANSW2", ALIAS_PRINCIPAL="A", PRINCIPAL_PID="GANSW1"),
        gnaf_row("GAACT3", STATE="ACT", POSTCODE="", BUILDING_NAME="A; B \\ C"),
        gnaf_row("GAOT4", STATE="OT", DATE_CREATED="29/04/2004", POSTCODE="800"),
    ]
    path = tmp_path / "g-naf_core_may25_gda2020_psv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("G-NAF Core/GNAF_CORE.psv", gnaf_text(rows))
        archive.writestr("README.html", "<p>hello</p>")
    release = only(releases("gnaf", path))
    assert (release.day, release.day_from) == (
        date(2025, 5, 31),
        "month in the file's name",
    )
    first, alias, odd, old = rows_of(release)
    assert (first["address_detail_pid"], first["principal_pid"]) == ("GANSW1", "")
    assert (alias["alias_principal"], alias["principal_pid"]) == ("A", "GANSW1")
    assert odd["building_name"] == "A\x00 B \\\\ C"
    assert (old["date_created"], old["postcode"]) == ("2004-04-29", "0800")
    assert [row["_row_number"] for row in (first, old)] == ["2", "5"]


def test_gnaf_columns_are_found_by_name_and_unknown_ones_are_kept(
    tmp_path: Path,
) -> None:
    names = [*reversed(GNAF_NAMES), "NEW_THING"]
    rows = [gnaf_row("GANSW1") | {"NEW_THING": "x"}]
    path = tmp_path / "GNAF_CORE.psv"
    path.write_bytes(gnaf_text(rows, names))
    release = only(releases("gnaf", path, modified=date(2025, 8, 20)))
    (row,) = rows_of(release)
    assert (row["address_detail_pid"], row["latitude"]) == ("GANSW1", "-32.62")
    assert row["extra"] == '{"NEW_THING": "x"}'
    assert release.day == date(2025, 8, 20)
    (file,) = release.files()
    seen = file.fields_seen()
    assert seen is not None
    assert seen.unknown == {"NEW_THING"}


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"LATITUDE": "32.62"}, "latitude"),
        ({"LONGITUDE": "-32.62"}, "longitude"),
        ({"STATE": "XYZ"}, "state"),
        ({"POSTCODE": "20000"}, "postcode"),
        ({"DATE_CREATED": "31/02/2004"}, "date_created"),
        ({"ADDRESS_DETAIL_PID": ""}, "address_detail_pid"),
        ({"STREET_NAME": "A|B"}, None),
    ],
)
def test_a_bad_address_names_its_field(
    tmp_path: Path, cells: dict[str, str], field: str | None
) -> None:
    path = tmp_path / "GNAF_CORE.psv"
    path.write_bytes(gnaf_text([gnaf_row("GANSW1"), gnaf_row("GANSW2", **cells)]))
    release = only(releases("gnaf", path))
    (reject,) = rejects_of(release)
    assert (reject.row_number, reject.field) == (3, field)
    assert reject.original is not None
    assert len(rows_of(release)) == 1


def test_a_table_of_the_full_gnaf_is_refused_with_what_to_give(tmp_path: Path) -> None:
    path = tmp_path / "NSW_ADDRESS_DETAIL_psv.psv"
    path.write_text("ADDRESS_DETAIL_PID|DATE_CREATED|LOCALITY_PID\nGANSW1|2004|x\n")
    (reject,) = rejects_of(only(releases("gnaf", path)))
    assert reject.rule_id == "full_gnaf"
    assert "G-NAF Core" in reject.fix


# Land values


def test_districts_of_one_date_are_one_release_in_whatever_they_are_packed(
    tmp_path: Path,
) -> None:
    (tmp_path / "135_LAND_VALUE_DATA_20171101.csv").write_text(land_values_csv(1, 2))
    other = land_values_csv(3, district="150").encode()
    (tmp_path / "150_LAND_VALUE_DATA_20171101.csv.gz").write_bytes(gzip.compress(other))
    (tmp_path / "135_LAND_VALUE_DATA_20181101.csv").write_text(land_values_csv(1, 2))
    older, newer = releases("nsw_land_values", tmp_path)
    assert (older.day, newer.day) == (date(2017, 11, 1), date(2018, 11, 1))
    rows = rows_of(older)
    assert [row["valuer_property_id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["base_dates"] == "{2016-07-01,2015-07-01}"
    assert rows[0]["land_values_aud"] == "{500000,NULL}"
    assert rows[0]["authorities"] == '{"14A(1)",NULL}'

    packed = tmp_path / "all" / "LV_20171101.zip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "135_LAND_VALUE_DATA_20171101.csv",
            (tmp_path / "135_LAND_VALUE_DATA_20171101.csv").read_bytes(),
        )
        archive.writestr("150_LAND_VALUE_DATA_20171101.csv", other)
        archive.writestr("creative_commons.pdf", b"%PDF")
    assert only(releases("nsw_land_values", packed)).release_id == older.release_id


def test_one_damaged_district_refuses_the_release_it_belongs_to(tmp_path: Path) -> None:
    (tmp_path / "135_LAND_VALUE_DATA_20171101.csv").write_text(land_values_csv(1))
    whole = gzip.compress(os.urandom(2000))
    (tmp_path / "150_LAND_VALUE_DATA_20171101.csv.gz").write_bytes(whole[:900])
    release = only(releases("nsw_land_values", tmp_path))
    assert [file.refusal is None for file in release.files()] == [True, False]


# SEIFA


def test_the_abs_workbook_of_postal_areas_is_read_by_its_header_words(
    tmp_path: Path,
) -> None:
    book = write_xlsx(
        tmp_path / "Postal Area, Indexes, SEIFA 2021.xlsx",
        {"Contents": (("Contents",), ("Table 1",)), "Table 1": SEIFA_POA},
    )
    release = only(releases("seifa", book))
    assert (release.part, release.day) == ("2021_poa", date(2023, 4, 27))
    rows = rows_of(release)
    assert len(rows) == 11
    assert (rows[0]["area_code"], rows[0]["index_code"]) == ("0800", "irsd")
    assert (rows[0]["score"], rows[0]["decile"]) == ("1025.1", "6")
    assert rows[0]["usual_resident_population"] == "7600"
    sydney = {row["index_code"] for row in rows if row["area_code"] == "2000"}
    assert sydney == {"irsad", "ier", "ieo"}
    assert {row["caution"] for row in rows if row["area_code"] == "0822"} == {"Y"}
    assert rejects_of(release) == []


def test_sa1_files_are_keyed_by_the_national_code(tmp_path: Path) -> None:
    path = tmp_path / "seifa.csv"
    path.write_text(
        "SA1_7DIGITCODE_2016,SA1_11DIGITCODE_2016,POA_code,IRSD_score,IRSD_decile\n"
        "1100701,10102100701,2580,991.0,4.0\n"
        "1100702,10102100702,2622,1044.0,11\n"
        "1100703,1010210,2622,x1,2\n"
    )
    release = only(releases("seifa", path))
    assert (release.part, release.day) == ("2016_sa1", date(2018, 3, 27))
    (row,) = rows_of(release)
    assert (row["area_code"], row["other_codes"]) == ("10102100701", '{"poa": "2580"}')
    decile, score = rejects_of(release)
    assert (decile.field, score.field) == ("irsd_decile", "irsd_score")


@pytest.mark.parametrize(
    ("heads", "cells", "part"),
    [
        (("2021 Statistical Area Level 1  (SA1)",), (10102100701,), "2021_sa1"),
        (
            (
                "2021 Statistical Area Level 2  (SA2) 9-Digit Code",
                "2021 Statistical Area Level 2 (SA2) Name",
            ),
            (101021007, "Braidwood"),
            "2021_sa2",
        ),
        (
            (
                "2021 Suburbs and Localities (SAL) Code",
                "2021 Suburbs and Localities (SAL) Name",
            ),
            ("SAL10001", "Aarons Pass"),
            "2021_sal",
        ),
    ],
)
def test_every_geography_is_known_by_its_header(
    tmp_path: Path, heads: tuple[str, ...], cells: tuple[str | int, ...], part: str
) -> None:
    index = "Index of Relative Socio-economic Disadvantage"
    rows: Rows = (
        ("Released at 11.30am (Canberra time) 27 April 2023",),
        (*heads, index, None, "Usual Resident Population"),
        (*(None for _ in heads), "Score", "Decile"),
        (*cells, 991.5, 4, 256),
    )
    book = write_xlsx(tmp_path / "seifa.xlsx", {"Table 1": rows})
    release = only(releases("seifa", book))
    assert release.part == part
    (row,) = rows_of(release)
    assert row["area_code"] == str(cells[0]).removeprefix("SAL")
    assert row["area_name"] == (str(cells[1]) if len(cells) > 1 else "")


# Rates and indexes


def test_rba_workbooks_and_both_forms_of_dates(tmp_path: Path) -> None:
    book = write_xlsx(tmp_path / "f01.1hist.xlsx", {"Data": RBA_MONTHLY})
    release = only(releases("cash_rate", book))
    assert (release.part, release.day) == ("f1.1", date(2026, 4, 1))
    rows = rows_of(release)
    assert [row["observed_on"] for row in rows] == [
        "2026-01-31",
        "2026-01-31",
        "2026-02-28",
    ]
    assert (rows[0]["series_id"], rows[0]["value"]) == ("FIRMMCRT", "3.6")


def test_a_list_of_target_changes(tmp_path: Path) -> None:
    path = tmp_path / "changes.csv"
    path.write_text(
        "Effective Date,Change % points,Cash rate target %\n"
        "18 Mar 2026,+0.25,4.10\n04-Feb-2026,+0.25,3.85\nsoon,0,1\n"
    )
    release = only(releases("cash_rate", path))
    assert (release.part, release.day) == ("target_changes", date(2026, 3, 18))
    assert [row["value"] for row in rows_of(release)] == ["4.10", "3.85"]
    assert rejects_of(release)[0].rule_id == "date_unreadable"


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("Released at 11:30 am (Canberra time) Tue 15 March 2022", date(2022, 3, 15)),
        (None, date(2021, 12, 31)),
    ],
)
def test_abs_workbooks_are_dated_by_their_release_line_or_last_quarter(
    tmp_path: Path, line: str | None, day: date
) -> None:
    release = only(
        releases("price_index", write_xlsx(tmp_path / "6416.xlsx", time_series(line)))
    )
    assert (release.part, release.day) == ("residential_property_price_index", day)
    rows = rows_of(release)
    assert [(row["region"], row["period_end"]) for row in rows] == [
        ("Sydney", "2021-09-30"),
        ("Hobart", "2021-09-30"),
        ("Sydney", "2021-12-31"),
    ]


# Medians


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_the_quarterly_victorian_table_in_both_workbook_formats(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"Houses-4th-quarter-2023.{kind}"
    book = (
        write_xls(path, VIC_QUARTERLY)
        if kind == "xls"
        else write_xlsx(path, {"Sheet1": VIC_QUARTERLY})
    )
    release = only(releases("vic_suburb_medians", book))
    assert (release.part, release.day) == ("house_quarter_2023_q4", date(2023, 12, 31))
    rows = rows_of(release)
    assert len(rows) == 15
    abbotsford = [row for row in rows if row["locality"] == "ABBOTSFORD"]
    assert [row["period_start"] for row in abbotsford] == [
        "2022-10-01",
        "2023-01-01",
        "2023-04-01",
        "2023-07-01",
        "2023-10-01",
    ]
    assert (abbotsford[-1]["median_aud"], abbotsford[-1]["sales_count"]) == (
        "1300000",
        "12",
    )
    assert abbotsford[3]["median_aud"] == "1150000.50"
    hillside = [row for row in rows if row["locality"] == "HILLSIDE"]
    assert {row["council"] for row in hillside} == {"MELTON"}
    assert (hillside[0]["median_aud"], hillside[0]["is_suppressed"]) == ("", "t")
    assert {row["is_total"] for row in rows} == {"t", "f"}
    assert rejects_of(release) == []


def test_yearly_victorian_workbook_passes_over_growth_columns(tmp_path: Path) -> None:
    rows: Rows = (
        ("Locality", 2022, 2023, "Prelim 2024", "Change 2022-2023", "Growth PA"),
        ("YEA", 617500, 550000, None, -10.9, 2.1),
        ("BOGUS", "abc", 1, 2, 3, 4),
    )
    book = write_xlsx(tmp_path / "Units-by-suburb-2013-2023.xlsx", {"Sheet1": rows})
    release = only(releases("vic_suburb_medians", book))
    assert (release.part, release.day) == ("unit_year", date(2023, 12, 31))
    found = [(row["locality"], row["period_start"][:4]) for row in rows_of(release)]
    assert found == [
        ("YEA", "2022"),
        ("YEA", "2023"),
        ("BOGUS", "2023"),
        ("BOGUS", "2024"),
    ]
    assert rejects_of(release)[0].rule_id == "median_aud_not_numeric"


def test_dcj_tables_scale_thousands_and_tell_suppressed_from_small(
    tmp_path: Path,
) -> None:
    book = write_xlsx(
        tmp_path / "sales.xlsx", {"Notes": (("x",),), "Postcode": DCJ_SALES}
    )
    release = only(releases("nsw_suburb_medians", book))
    assert (release.part, release.day) == ("dcj_sales_2023_q4", date(2023, 12, 31))
    total, hidden, small = rows_of(release)
    assert (total["area"], total["dwelling_type"]) == ("2000", "total")
    assert (total["median_aud"], total["transaction_count"]) == ("1250500", "210")
    assert (hidden["median_aud"], hidden["is_suppressed"]) == ("", "t")
    assert (small["transaction_count"], small["is_small_sample"]) == ("", "t")


def test_a_header_of_three_rows_and_marks_for_preliminary_figures(
    tmp_path: Path,
) -> None:
    rows: Rows = (
        ("Median House Prices - Quarterly",),
        (None, "Jul - Sep", "Oct - Dec", "Jan - Mar", "No. of Sales", "Change (%)"),
        ("SUBURB", 2023, 2023, "2024 ^", "Jan - Mar 2024 ^", "Jan - Mar 2023 - 2024"),
        (),
        ("ABBOTSFORD", 1225000, "^", "1,306,500", 12, -0.6),
    )
    book = write_xlsx(tmp_path / "q1.xlsx", {"Sheet1": rows})
    release = only(releases("vic_suburb_medians", book))
    assert (release.part, release.day) == ("house_quarter_2024_q1", date(2024, 3, 31))
    july, october, january = rows_of(release)
    assert (july["median_aud"], october["median_aud"]) == ("1225000", "")
    assert (january["median_aud"], january["sales_count"]) == ("1306500", "12")
    assert (july["is_preliminary"], january["is_preliminary"]) == ("f", "t")


def test_dcj_rents_by_bedrooms_and_sales_by_lga(tmp_path: Path) -> None:
    rents: Rows = (
        ("Rent tables",),
        (
            "Postcode",
            "Dwelling Types",
            "Number of Bedrooms",
            "First Quartile Weekly Rent for New Bonds\n$",
            "Median Weekly Rent for New Bonds\n$",
            "Third Quartile Weekly Rent for New Bonds\n$",
            "New Bonds Lodged\nNo.",
            "Total Bonds Held\nNo.",
        ),
        (2000, "Flat/Unit", "1 Bedroom", 600, 700, 850, 120, 3000),
    )
    book = write_xlsx(tmp_path / "rent-tables-december-2023-quarter.xlsx", {"P": rents})
    release = only(releases("nsw_suburb_medians", book))
    assert release.part == "dcj_rent_2023_q4"
    (row,) = rows_of(release)
    assert (row["measure"], row["median_aud"]) == ("weekly_rent", "700")
    assert row["dwelling_type"] == "flat_unit_1_bedroom"
    assert row["transaction_count"] == "120"

    sales: Rows = (
        (
            "Greater Sydney (GS)",
            "Local Government Area (LGA)",
            "Dwelling Type",
            "First Quartile Sales Price\n$'000s",
            "Median Sales Price\n$'000s",
            "Third Quartile Sales Price\n'000s",
            "Sales\nNo.",
        ),
        ("GS", "Bayside", "Strata", 800, 1100, 1500, 300),
    )
    book = write_xlsx(tmp_path / "sales-tables-march-2024-quarter.xlsx", {"LGA": sales})
    release = only(releases("nsw_suburb_medians", book))
    assert release.part == "dcj_sales_2024_q1"
    (row,) = rows_of(release)
    assert (row["area_type"], row["area"], row["region"]) == ("lga", "Bayside", "GS")
    assert row["upper_quartile_aud"] == "1500000"


def test_quantiles_without_a_year_column_take_it_from_the_name(tmp_path: Path) -> None:
    path = tmp_path / "nsw_residential_postcode_2019.csv"
    path.write_text(
        "postcode,0p,25p,50p,75p,100p,count\n800.0,1,2,3.5,4,5,6\n0,1,2,3,4,5,6\n"
    )
    release = only(releases("nsw_suburb_medians", path))
    assert (release.part, release.day) == (
        "quantiles_postcode_2019",
        date(2019, 12, 31),
    )
    assert [row["area"] for row in rows_of(release)] == ["0800", ""]


# What all sets share


def test_an_override_of_the_date_does_not_change_what_the_release_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(localities_csv(("2005", "ALDRENBURY", "NSW")))
    plain = only(releases("localities", path))
    given_ = only(releases("localities", path, release_date=date(2020, 1, 2)))
    assert given_.day == date(2020, 1, 2)
    assert given_.release_id == plain.release_id


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Postcode,Locality,Long,Lat\n2000,SYDNEY,151.2,-33.8\n")
    (reject,) = rejects_of(only(releases("localities", path)))
    assert (reject.rule_id, reject.field) == ("column_missing", "state")


def test_nothing_there_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="no file or folder"):
        releases("gnaf", tmp_path / "missing")
    with pytest.raises(PermanentError, match=r"\.psv"):
        releases("gnaf", tmp_path)


SAMPLES = {
    "localities": localities_csv(("2005", "A", "NSW"), ("3005", "B", "VIC")).encode(),
    "gnaf": gnaf_text([gnaf_row("GANSW1"), gnaf_row("GANSW2")]),
    "nsw_land_values": land_values_csv(1, 2, 3).encode(),
    "seifa": b"POA_2021,IRSD_score,IRSD_decile\n0800,1000.5,4\n2000,900,2\n",
    "cash_rate": b"date,value\n2026-01-01,3.5\n2026-02-01,3.6\n",
    "price_index": b",X ;  Sydney ;\nUnit,Index\nSeries ID,A1\nSep-2003,85.3\n",
    "vic_suburb_medians": b"locality,median_2013,median_2014\nYEA,1,-\nB (C),2,3\n",
    "nsw_suburb_medians": b"year,suburb,25p,50p,75p,count\n1990,A,2,3,4,6\n",
}


@given(
    dataset=st.sampled_from(sorted(SAMPLES)),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.binary(max_size=6), st.integers(0, 6)),
        max_size=5,
    ),
)
@settings(max_examples=40, deadline=None)
def test_mutated_files_give_rows_or_rejects_and_never_an_error(
    tmp_path_factory: pytest.TempPathFactory,
    dataset: str,
    edits: list[tuple[float, bytes, int]],
) -> None:
    data = SAMPLES[dataset]
    for place, new, gone in edits:
        at = int(place * len(data))
        data = data[:at] + new + data[at + gone :]
    path = tmp_path_factory.mktemp("mutated") / "file_20240101.csv"
    path.write_bytes(data)
    for release in releases(dataset, path):
        for file in release.files():
            for batch in file.batches():
                assert len(batch.rows) == len(batch.hashes)
                assert not any("\n" in row or "\x00" in row for row in batch.rows)
