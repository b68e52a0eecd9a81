"""The bulk path and the library agree on every field of every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.address_text import canonical_text
from domain.addresses import CanonicalAddress, canonical_psi
from domain.localities import Gazetteer, PlaceRow
from identity.bulk import (
    COPY_COLUMNS,
    LINE_COLUMNS,
    PART_COLUMNS,
    PSI_COLUMNS,
    BulkReader,
    identity_row,
)
from identity.parts import canonical_parts

Row = tuple[str | None, ...]

GAZETTEER = Gazetteer(
    [
        PlaceRow("Richmond", "VIC", "3121"),
        PlaceRow("Randwick", "NSW", "2031"),
        PlaceRow("North Ryde", "NSW", "2113"),
        PlaceRow("Mayfield", "NSW", "2304"),
    ]
)


@pytest.fixture(scope="module")
def reader() -> Iterator[BulkReader]:
    with closing(BulkReader(gazetteer=GAZETTEER)) as made:
        yield made


def table(names: Sequence[str], rows: Sequence[Row]) -> Any:
    columns = {
        name: pa.array([row[place] for row in rows], pa.string())
        for place, name in enumerate(names)
    }
    hashes = pa.array([str(number) for number in range(len(rows))])
    return pa.table({"address_hash": hashes, **columns})


def by_hash(taken: Any) -> dict[str, dict[str, Any]]:
    rows = taken.to_pylist()
    for row in rows:
        row["property_id"] = str(row["property_id"])
        row["confidence"] = float(row["confidence"])
    return {row["address_hash"]: row for row in rows}


def expected(key: str, found: CanonicalAddress, **more: Any) -> dict[str, Any]:
    return {**identity_row(key, found, **more), "confidence": found.confidence}


def place_id(*place: str | None) -> str | None:
    return GAZETTEER.resolve(*place).locality_id


def psi_row(key: str, row: Row) -> dict[str, Any]:
    unit, house, street, locality, postcode, lot, parcel = row
    found = canonical_psi(
        unit=unit,
        house=house,
        street=street,
        locality=locality,
        postcode=postcode,
        strata_lot=lot,
        valuer_property_id=parcel,
    )
    return expected(
        key,
        found,
        locality_id=place_id(locality, "NSW", postcode),
        parcel_key=f"NSW|PARCEL|{parcel}" if parcel else None,
    )


def line_row(key: str, row: Row) -> dict[str, Any]:
    parts: dict[str, Any] = dict(zip(LINE_COLUMNS, row, strict=True))
    return expected(key, canonical_text(**parts), locality_id=place_id(*row[1:]))


def parts_row(key: str, row: Row) -> dict[str, Any]:
    parts: dict[str, Any] = dict(zip(PART_COLUMNS, row, strict=True))
    return expected(key, canonical_parts(**parts), locality_id=place_id(*row[6:]))


def agree(
    reader: BulkReader,
    read: Callable[[Any], None],
    names: Sequence[str],
    rows: Sequence[Row],
    one: Callable[[str, Row], dict[str, Any]],
) -> None:
    read(table(names, rows))
    taken = by_hash(reader.take())
    assert len(taken) == len(rows)
    for number, row in enumerate(rows):
        assert taken[str(number)] == one(str(number), row), row


def words(*choices: str | None) -> st.SearchStrategy[str | None]:
    return st.sampled_from([None, "", *choices])


UNITS = words("3", "03A", "U 3", "Unit 3", "SHOP 2", "SHOP 2 LEVEL 1", "PH", "G01", "0")
HOUSES = words(
    *("12", "12 A", "012", "19-21", "21-19", "7 & 9", "5/14-16", "LOT 4A", "LOTS2-3"),
    *("3 14", "191 -", "D 1071", "RMB 12", "THE FARM", "0", "12\\"),
)
STREETS = words(
    *("SMITH ST", "Smith Street", "OCEAN ST S", "THE CRES", "ST GEORGES RD"),
    *("PARK AVE BLOCK A", "HIGH ST CARSPACE 4", "BROADWAY", "BACK\\SLASH RD", "-"),
    *("O'CONNELL ST", "12 SMITH ST", "SMITH", "BOYCE RD 'NORTHERLY'"),
)
LOCALITIES = words("RICHMOND", "Randwick", "RYDE NORTH", "MAYFIELD", "ST. KILDA", "X|Y")
POSTCODES = words("3121", "2031", "2113", "800", "2304", "3067.0", "ABC")
STATES = words("NSW", "vic", "New South Wales", "XX")
ANYTHING = st.one_of(st.none(), st.text(max_size=12).filter(lambda t: "\0" not in t))


def rows_of(*parts: st.SearchStrategy[str | None]) -> st.SearchStrategy[list[Row]]:
    row = st.tuples(*(st.one_of(part, ANYTHING) for part in parts))
    return st.lists(row, min_size=1, max_size=30)


shared_reader = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@shared_reader
@given(rows_of(UNITS, HOUSES, STREETS, LOCALITIES, POSTCODES, UNITS, words("21", "x")))
def test_psi_records_agree(reader: BulkReader, rows: list[Row]) -> None:
    agree(reader, reader.read_psi, PSI_COLUMNS, rows, psi_row)


FRONTS = st.sampled_from(
    ["", "3/", "Unit 3, ", "U3/", "3, ", "Shop 3/", "unit 3 ", "3 "]
)
LINES = st.builds(
    lambda front, house, street, behind: f"{front}{house} {street}{behind}",
    FRONTS,
    st.sampled_from(
        ["12", "12A", "12 a", "19-21", "19-21B", "012", "LOT 5", "1ST", ""]
    ),
    st.sampled_from(
        [
            *("Smith St", "SMITH STREET", "A St", "Box Hill Rd", "Corner St", "Smith"),
            *("Smith St cnr Jones St", "The Avenue", "St Georges Rd", "Unit St"),
            *("PO Box 12", "Ocean St S", "Smith St Block A", "Car Park Ln", "Bay Rd"),
        ]
    ),
    st.sampled_from(["", ", Richmond", " Unit 4", " (rear)"]),
)


@shared_reader
@given(rows_of(LINES, LOCALITIES, STATES, POSTCODES))
def test_lines_of_text_agree(reader: BulkReader, rows: list[Row]) -> None:
    agree(reader, reader.read_lines, LINE_COLUMNS, rows, line_row)


@shared_reader
@given(
    rows_of(
        words("12 Smith St", "3/12 Smith St, Richmond"),
        words("The Grand", "Block A"),
        UNITS,
        words("5", "LOT 5", "4A"),
        HOUSES,
        STREETS,
        LOCALITIES,
        STATES,
        POSTCODES,
    )
)
def test_addresses_in_parts_agree(reader: BulkReader, rows: list[Row]) -> None:
    agree(reader, reader.read_parts, PART_COLUMNS, rows, parts_row)


def test_the_same_home_has_one_id_however_its_source_writes_it(
    reader: BulkReader,
) -> None:
    reader.read_psi(
        table(PSI_COLUMNS, [("3", "12", "SMITH ST", "RANDWICK", "2031", None, "77")])
    )
    reader.read_lines(
        table(LINE_COLUMNS, [("Unit 3, 12 Smith St", "Randwick", "NSW", "2031")])
    )
    reader.read_parts(
        table(
            PART_COLUMNS,
            [(None, None, "3", None, "12", "Smith Street", "Randwick", "NSW", None)],
        )
    )
    taken = reader.take().to_pylist()
    assert len({row["property_id"] for row in taken}) == 1
    assert {row["dwelling_kind"] for row in taken} == {"dwelling"}
    assert {row["locality_id"] for row in taken} == {"NSW|RANDWICK"}
    assert [row["parcel_key"] for row in taken if row["parcel_key"]] == [
        "NSW|PARCEL|77"
    ]


def test_text_for_copy_escapes_what_copy_would_take_for_something_else(
    reader: BulkReader,
) -> None:
    reader.read_psi(
        table(
            PSI_COLUMNS, [(None, "12", "A\\B ST", "RANDWICK", "2031", None, "7\t\\N")]
        )
    )
    text = b"".join(reader.take_copy_text("psi", "9")).decode()
    (line,) = text.removesuffix("\n").split("\n")
    fields = dict(
        zip(("source", "revision", *COPY_COLUMNS), line.split("\t"), strict=True)
    )
    assert fields["source"] == "psi"
    assert fields["unit_number"] == "\\N"
    assert fields["parcel_key"] == "NSW|PARCEL|7\\t\\\\N"
    assert fields["assumptions"].startswith("{")
    assert not len(reader.take())


def test_an_address_seen_before_is_not_read_again() -> None:
    one, other = (f"0000000{number}-0000-0000-0000-000000000000" for number in (1, 2))
    row = ["x", "RANDWICK", "NSW", "2031"]
    with closing(BulkReader()) as reader:
        names = ("address_hash", *LINE_COLUMNS)

        def page(*hashes: str) -> Any:
            rows = [[key, *row] for key in hashes]
            return pa.table(
                dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
            )

        assert len(reader.unseen(page(one, one))) == 1
        assert reader.unseen(page(other, one))["address_hash"].to_pylist() == [other]
        assert reader.count == 2
