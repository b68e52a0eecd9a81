"""A country's sales, made up, straight into `raw`: for benchmarks of what comes after.

Shaped like the NSW files (`docs/sources.md`): strata 42 %, dealings of several parcels,
car spaces, part interests, mistyped years, other spellings of an address, an archive
before 2001, and 6.5 % rows that correct an earlier one (in life most re-issued rows
repeat the earlier one to the letter and never reach `raw`). The same seed makes the
same rows. Which sales there are is `national_plan`, what a clerk writes of one is
`national_lines.sql`. Files for the landing to read are `simulator`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from benchmarks.national_plan import (
    ARCHIVE_YEARS,
    DISTRICTS,
    FIRST_CURRENT,
    FIRST_MONDAY,
    Homes,
    Localities,
    Plan,
    Size,
    file_keys,
    make_homes,
    plan_country,
    plan_week,
)
from connectors.nsw_valuer.layout import ROW_COLUMNS, SOURCE
from database.raw_loading import LEDGER_COLUMNS
from domain.records import SourceFile, batch_id_of
from simulator.names import BUILDING_NAMES, street

TABLE = "raw.nsw_valuer__sales"
_SLICE = 400_000
_LINES = Path(__file__).with_name("national_lines.sql")
_FILE_COLUMNS = ("_source_file", "_batch_id", "_is_simulated")


def load_country(conn: psycopg.Connection, size: Size) -> int:
    """Load every row of a size into an empty database; returns how many.

    One transaction. Indexes are made behind the rows: a load by the landing, week by
    week, is what `raw-load` measures.
    """
    places = Localities.of(size)
    homes = make_homes(size, places)
    plan = plan_country(size, homes)
    with conn.transaction():
        # Rows of a table emptied in the same transaction need no log (minimal WAL).
        conn.execute(f"truncate {TABLE}, ops.source_files")
        definitions = _drop_indexes(conn)
        _load(conn, size, places, homes, plan)
        conn.execute("set local maintenance_work_mem = '1GB'")
        for definition in definitions:
            conn.execute(cast("Any", definition))
    conn.execute(f"vacuum (analyze) {TABLE}")
    return len(plan)


def load_week(
    conn: psycopg.Connection, size: Size, *, rows: int = 5_000, number: int = 1
) -> int:
    """Load week `number` after a country of `size`; returns how many rows it has."""
    places = Localities.of(size)
    plan, homes = plan_week(size, places, rows, number)
    with conn.transaction():
        _load(conn, size, places, homes, plan)
    return len(plan)


def _load(
    conn: psycopg.Connection, size: Size, places: Localities, homes: Homes, plan: Plan
) -> None:
    keys = file_keys(plan, homes, size)
    # Rows lie in the order of their files: a file is a run of equal keys.
    numbers, starts, counts = np.unique(keys, return_index=True, return_counts=True)
    files = [_source_file(size, int(key)) for key in numbers]
    _write_ledger(conn, files, counts)
    frame = vars(plan) | {
        "slot": np.arange(len(plan)),
        "place": np.arange(len(plan)) - np.repeat(starts, counts) + 1,
        "is_archive": plan.week < FIRST_CURRENT,
        "file": np.repeat(np.arange(len(files)), counts),
    }
    statement = sql.SQL(
        "copy {} ({}) from stdin with (format text, delimiter ';', null '')"
    ).format(
        sql.Identifier(*TABLE.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, (*ROW_COLUMNS, *_FILE_COLUMNS))),
    )
    with (
        duckdb.connect(":memory:") as duck,
        conn.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        duck.execute("set enable_progress_bar = false")
        _prepare(duck, places, homes, files)
        for lines in _lines(duck, frame, len(plan)):
            copy.write(lines)


def _lines(
    duck: duckdb.DuckDBPyConnection, frame: dict[str, Any], count: int
) -> Iterator[memoryview]:
    """Text of all rows, in slices; the text of a column lies in one piece already."""
    query = _LINES.read_text()
    for start in range(0, count, _SLICE):
        part = {name: column[start : start + _SLICE] for name, column in frame.items()}
        duck.register("plan_numbers", part)
        duck.execute(
            "create or replace temp table plan_slice as select plan_numbers.* "
            "exclude (file), files.source_file, files.batch_id "
            "from plan_numbers join files on files.file = plan_numbers.file"
        )
        duck.unregister("plan_numbers")
        for batch in duck.sql(query).to_arrow_reader(100_000):
            column = batch.column(0)
            offsets = np.frombuffer(column.buffers()[1], dtype="i4")
            first, last = offsets[column.offset], offsets[column.offset + len(column)]
            yield memoryview(column.buffers()[2])[int(first) : int(last)]


_MACROS = """
    create macro luck(number, salt) as (hash(number, salt) % 1000003) / 1000003.0;
    create macro monday(week) as date '1990-01-01' + 7 * week::integer;
    create macro trim_number(value) as
        ltrim(rtrim(rtrim(printf('%.3f', value), '0'), '.'), '0');
    create macro mend(deal, is_strata) as case
        when luck(deal, 29) < 0.4 and not is_strata then 'area'
        when luck(deal, 29) < 0.5 and not is_strata then 'house'
        when luck(deal, 29) < 0.55 then 'date'
        when luck(deal, 29) < 0.65 then 'price'
        else 'code'
    end;
"""


def _prepare(
    duck: duckdb.DuckDBPyConnection,
    places: Localities,
    homes: Homes,
    files: list[SourceFile],
) -> None:
    """Tables that the lines are made from."""
    duck.execute("set threads = 2; set memory_limit = '3GB'")
    duck.execute(_MACROS)
    duck.execute("set variable buildings = ?", [list(BUILDING_NAMES)])
    count = len(places.names)
    numbers = np.arange(count)
    tables: dict[str, dict[str, Any]] = {
        "homes_raw": {"home": np.arange(len(homes)), **vars(homes)},
        "localities": {
            "locality": numbers,
            "locality_name": np.array(places.names, dtype=object),
            "postcode": (2000 + numbers * 3 % 900).astype(str).astype(object),
            "district": np.array([f"{d:03}" for d in places.district], dtype=object),
            "component": np.array([f"A{chr(65 + n % 26)}" for n in numbers], object),
            "level": places.level,
            "street_offset": numbers * 13 % 60,
        },
        "streets": {
            "street_offset": np.repeat(np.arange(60), 600),
            "street_number": np.tile(np.arange(600), 60),
            "street": np.array(
                [
                    " ".join(street(n, offset)[:2]).upper()
                    for offset in range(60)
                    for n in range(600)
                ],
                dtype=object,
            ),
        },
        "files": {
            "file": np.arange(len(files)),
            "source_file": np.array([f.source_file for f in files], dtype=object),
            "batch_id": np.array(
                [str(batch_id_of(SOURCE, f.container_sha256)) for f in files], object
            ),
        },
    }
    for name, columns in tables.items():
        duck.register("columns", columns)
        duck.execute(f"create temp table {name} as select * from columns")
        duck.unregister("columns")
    duck.execute(
        "create temp table homes as select homes_raw.* exclude (street_number), street "
        "from homes_raw join localities using (locality) "
        "join streets using (street_offset, street_number)"
    )


def _source_file(size: Size, key: int) -> SourceFile:
    """The ledger's word for a file: nothing of the sort exists on any disk."""
    batch, district = divmod(key, DISTRICTS)
    if batch < ARCHIVE_YEARS:
        partition = None
        container, member = f"{1990 + batch}.zip", f"ARCHIVE_SALES_{1990 + batch}.DAT"
    else:
        monday = FIRST_MONDAY + timedelta(weeks=batch - ARCHIVE_YEARS + FIRST_CURRENT)
        partition = monday.isoformat()
        container = f"{monday:%Y%m%d}.zip"
        member = f"{district:03}_SALES_DATA_NNME_{monday:%d%m%Y}.DAT"
    digest = hashlib.sha256(f"{size}:{container}".encode()).hexdigest()
    return SourceFile(
        source=SOURCE,
        source_file=f"{container}/{member}",
        container_file=container,
        container_sha256=digest,
        sha256=hashlib.sha256(f"{size}:{member}".encode()).hexdigest(),
        size_bytes=0,
        partition_key=partition,
    )


def _write_ledger(
    conn: psycopg.Connection, files: list[SourceFile], counts: NDArray[np.int64]
) -> None:
    with (
        conn.cursor() as cursor,
        cursor.copy(f"copy ops.source_files ({LEDGER_COLUMNS}) from stdin") as copy,
    ):
        for file, found in zip(files, counts.tolist(), strict=True):
            copy.write_row(
                (
                    *(file.file_id, file.source, file.source_file),
                    *(file.container_file, file.container_sha256, file.sha256),
                    *(found * 250, file.partition_key),
                    *(batch_id_of(SOURCE, file.container_sha256), "loaded", None),
                    *(found, found, 0, 0, json.dumps({"B": found}), True, TABLE),
                    *(None, None),
                )
            )


def _drop_indexes(conn: psycopg.Connection) -> list[str]:
    """Drop the table's indexes; returns the statements that make them again."""
    keys = conn.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = %s::regclass and contype in ('p', 'u')",
        [TABLE],
    ).fetchall()
    named = {name for name, _ in keys}
    indexes = conn.execute(
        "select indexname, indexdef from pg_indexes "
        "where schemaname || '.' || tablename = %s",
        [TABLE],
    ).fetchall()
    again = []
    for name, definition in keys:
        conn.execute(f'alter table {TABLE} drop constraint "{name}"')
        again.append(f'alter table {TABLE} add constraint "{name}" {definition}')
    for name, definition in indexes:
        if name not in named:
            conn.execute(f'drop index raw."{name}"')
            again.append(definition)
    return again
