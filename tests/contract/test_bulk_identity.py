"""The bulk path and the library agree on real records, every field of every row."""

from __future__ import annotations

import csv
import gzip
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from domain.address_text import canonical_text
from domain.addresses import canonical_psi
from identity.bulk import LINE_COLUMNS, PSI_COLUMNS, BulkReader, identity_row

Row = tuple[str | None, ...]
#: Place of PSI_COLUMNS in a B record.
_B_FIELDS = (6, 7, 8, 9, 10, 19, 2)


def taken(reader: BulkReader) -> dict[str, dict[str, Any]]:
    rows = reader.take().to_pylist()
    for row in rows:
        row["property_id"] = str(row["property_id"])
        row["confidence"] = float(row["confidence"])
    return {row["address_hash"]: row for row in rows}


def table(names: tuple[str, ...], rows: list[Row]) -> Any:
    columns = [list(column) for column in zip(*rows, strict=True)]
    hashes = [str(number) for number in range(len(rows))]
    arrays = [pa.array(column, pa.string()) for column in (hashes, *columns)]
    return pa.table(dict(zip(("address_hash", *names), arrays, strict=True)))


def test_psi_records_of_two_years_agree(shared_data: Path) -> None:
    rows: dict[Row, None] = {}
    for year in (2002, 2016):
        path = shared_data / "nsw_psi_history_2001_2017" / f"psi_{year}_B.txt.gz"
        with gzip.open(path, "rt", encoding="latin-1") as lines:
            for line in lines:
                fields = line.rstrip("\n").split(";")
                rows[tuple(fields[at].strip() or None for at in _B_FIELDS)] = None
    given = list(rows)
    assert len(given) > 50_000
    with closing(BulkReader()) as reader:
        reader.read_psi(table(PSI_COLUMNS, given))
        found = taken(reader)
    for number, (unit, house, street, locality, postcode, lot, parcel) in enumerate(
        given
    ):
        address = canonical_psi(
            unit=unit,
            house=house,
            street=street,
            locality=locality,
            postcode=postcode,
            strata_lot=lot,
            valuer_property_id=parcel,
        )
        key = f"NSW|PARCEL|{parcel}" if parcel else None
        row = identity_row(str(number), address, parcel_key=key)
        assert found[str(number)] == {**row, "confidence": address.confidence}


def test_lines_of_the_melbourne_files_agree(shared_data: Path) -> None:
    rows: dict[Row, None] = {}
    for path in sorted((shared_data / "melbourne_housing").glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8-sig") as lines:
            for record in csv.DictReader(lines):
                rows[record["Address"], record["Suburb"], "VIC", record["Postcode"]] = (
                    None
                )
    given = list(rows)
    assert len(given) > 25_000
    with closing(BulkReader()) as reader:
        reader.read_lines(table(LINE_COLUMNS, given))
        found = taken(reader)
    for number, (line, locality, state, postcode) in enumerate(given):
        address = canonical_text(
            line, locality=locality, state=state, postcode=postcode
        )
        row = identity_row(str(number), address)
        assert found[str(number)] == {**row, "confidence": address.confidence}
