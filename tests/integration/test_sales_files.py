"""Sales files of every format on their way into the tables."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.landing.common import IngestSummary
from assets.landing.csv_files import ingest_csv
from assets.landing.identification import identify_addresses
from domain.errors import PermanentError

TODAY = date(2024, 1, 1)
SYDNEY = """\
Date,Id,suburb,postalCode,sellPrice,bed,bath,car,propType
2017-10-04,1,Avalon Beach,2107,1843000,3.0,2,2.0,house
2017-10-04,2,Avalon Beach,2107,1843000,3.0,2,2.0,house
2017-09-30,3,Benowa,4217,3360000,99,3,,duplex/semi-detached
2017-09-26,4,Avalon Beach,2107,2147483647,4.0,3,2.0,house
"""
MAPPING = """\
name: mine
version: 1
constants: {state: VIC}
columns:
  address: {from: [Address], required: true, not_null: true}
  locality: {from: [Suburb]}
  sale_date: {from: [Date], formats: [d/M/yyyy]}
  price_aud: {from: [Price]}
rows: {drop: [{column: Kind, equals: shop}]}
"""
TABLE: dict[str, list[Any]] = {
    "Address": ["1 High St", "2 High St", "3 High St"],
    "Suburb": ["Carlton", "Carlton", "Carlton"],
    "Date": ["1/2/2020", "2/2/2020", "3/2/2020"],
    "Price": [900000, 800000, 700000],
    "Kind": ["house", "house", "shop"],
    "New": ["a", "b", "c"],
}


def counts(summary: IngestSummary) -> tuple[int, int, int, int]:
    return summary.read, summary.loaded, summary.repeated, summary.rejected


def test_sales_by_suburb_are_joined_to_no_dwelling(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "sydney.csv"
    path.write_text(SYDNEY)
    summary = ingest_csv(
        conn, path, "sydney", landing=tmp_path, is_simulated=False, today=TODAY
    )
    # Two rows that differ in their row number only are one.
    assert counts(summary) == (4, 2, 1, 1)
    rows = conn.execute(
        "select locality, state, address, bedrooms, is_sale, extra->>'_identifying' "
        "from raw.csv__sales order by 1"
    ).fetchall()
    assert rows == [
        ("Avalon Beach", "NSW", None, 3, True, "false"),
        ("Benowa", "QLD", None, None, True, "false"),
    ]
    assert identify_addresses(conn, "csv") == 2
    kinds = conn.execute("select key_kind from intermediate.int_address__identity")
    assert kinds.fetchall() == [("non_identifying",)] * 2


def test_any_format_from_any_place_lands_once(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(MAPPING)
    name = f"sales-{uuid.uuid4().hex}"
    store = fsspec.filesystem("memory")
    rows = zip(*TABLE.values(), strict=True)
    lines = [",".join(TABLE), *(",".join(map(str, row)) for row in rows)]
    store.pipe(f"/{name}/a.csv", "\n".join(lines).encode())
    pq.write_table(pa.table(TABLE), tmp_path / "b.parquet")
    store.put(str(tmp_path / "b.parquet"), f"/{name}/b.parquet")
    try:
        summary = ingest_csv(
            conn,
            f"memory://{name}",
            mapping,
            landing=tmp_path / "landing",
            is_simulated=False,
            today=TODAY,
        )
    finally:
        store.rm(f"/{name}", recursive=True)
    assert counts(summary) == (4, 2, 2, 0)
    ledger = conn.execute(
        "select source_file, rows_read, (record_counts->>'filtered')::int, read_with "
        "from ops.source_files order by 1"
    ).fetchall()
    assert ledger == [
        ("a.csv", 2, 1, str(mapping)),
        ("b.parquet", 2, 1, str(mapping)),
    ]
    fields = conn.execute(
        "select field, status from ops.source_fields where source = 'csv' "
        "and dataset = 'mine' and status <> 'known'"
    ).fetchall()
    assert fields == [("New", "unmapped")]


@pytest.mark.parametrize(
    ("location", "words"),
    [("memory://nowhere-at-all", "nothing at"), ("nosuch://x", "Protocol not known")],
)
def test_a_place_that_is_not_there_is_a_sentence(
    conn: psycopg.Connection, tmp_path: Path, location: str, words: str
) -> None:
    with pytest.raises(PermanentError, match=words):
        ingest_csv(conn, location, "melbourne", landing=tmp_path, is_simulated=False)
