"""Identifying addresses in bulk against the library, row by row, and against the limit.

Ours parses each distinct part once and composes the rest in SQL, on one thread, from
Arrow rows to the text COPY takes: key, id, display address, confidence and all. The
peer is `canonical_psi` on the same rows in the same run, its own memory of parts warm.
The limit is 200,000 rows a second and core. Rows are a million of PSI: the real ones
where the shared data lies beside the checkout, else made here with as many distinct
streets, numbers, units and suburbs as those have. CPU seconds, for other work on the
machine is no part of it; medians of the rounds.
"""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from benchmarks.processes import peak_mib
from benchmarks.report import Figure
from domain.addresses import canonical_psi
from identity.bulk import PSI_COLUMNS, BulkReader

ROWS, LIBRARY_ROWS, ROUNDS = 1_000_000, 100_000, 3
PAGE = 250_000
LIMIT = 200_000.0
_REAL = Path(__file__).parents[2] / "shared" / "data" / "nsw_psi_history_2001_2017"
#: Place of PSI_COLUMNS in a B record.
_B_FIELDS = (6, 7, 8, 9, 10, 19, 2)

Row = tuple[str | None, ...]


def measure(rows: int = ROWS, rounds: int = ROUNDS) -> list[Figure]:
    """Rows a second of one core."""
    given = list(islice(cycle(_real_rows() or _made_rows(rows)), rows))
    pages = [_table(given[at : at + PAGE], at) for at in range(0, rows, PAGE)]
    bulk = median(rows / _bulk_seconds(pages) for _ in range(rounds))
    memory = peak_mib()
    library = given[: min(LIBRARY_ROWS, rows)]
    alone = median(len(library) / _library_seconds(library) for _ in range(rounds))
    beside = {
        "rows": f"{rows:,}",
        "distinct streets": f"{len({row[2] for row in given}):,}",
        "peak memory": memory,
    }
    return [
        Figure("one core", bulk, "rows/s", LIMIT, "limit", beside),
        Figure("one core", bulk, "rows/s", alone, "library, row by row"),
    ]


def _bulk_seconds(pages: Sequence[Any]) -> float:
    started = time.process_time()
    with closing(BulkReader(threads=1)) as reader:
        for page in pages:
            reader.read_psi(page)
            for _ in reader.take_copy_text("nsw_valuer", "1"):
                pass
    return time.process_time() - started


def _library_seconds(rows: Sequence[Row]) -> float:
    started = time.process_time()
    for unit, house, street, locality, postcode, lot, parcel in rows:
        canonical_psi(
            unit=unit,
            house=house,
            street=street,
            locality=locality,
            postcode=postcode,
            strata_lot=lot,
            valuer_property_id=parcel,
        )
    return time.process_time() - started


def _table(rows: Sequence[Row], first: int) -> Any:
    columns = zip(*rows, strict=True)
    return pa.table(
        {
            "address_hash": pa.array(str(first + at) for at in range(len(rows))),
            **{
                name: pa.array(column, pa.string())
                for name, column in zip(PSI_COLUMNS, columns, strict=True)
            },
        }
    )


def _real_rows() -> list[Row]:
    return list(_read(sorted(_REAL.glob("psi_*_B.txt.gz"))))


def _read(paths: Sequence[Path]) -> Iterator[Row]:
    for path in paths:
        with gzip.open(path, "rt", encoding="latin-1") as lines:
            for line in lines:
                fields = line.rstrip("\n").split(";")
                yield tuple(fields[at].strip() or None for at in _B_FIELDS)


def _made_rows(count: int) -> list[Row]:
    """Rows in the real proportions: two of five strata, one of fifty without number."""
    luck = random.Random(7)
    types = ("ST", "RD", "AVE", "PDE", "CRES", "PL", "CL", "DR")
    streets = [f"{_name(n)} {types[n % len(types)]}" for n in range(38_000)]
    suburbs = [(_name(n * 31), str(2000 + n % 900)) for n in range(3_600)]
    rows: list[Row] = []
    for number in range(count):
        suburb, postcode = luck.choice(suburbs)
        is_strata = luck.random() < 0.4
        house = str(luck.randint(1, 400)) + luck.choice(("", "", "", "A", " B", "-9"))
        rows.append(
            (
                str(luck.randint(1, 90)) if is_strata else None,
                house if luck.random() > 0.02 else None,
                luck.choice(streets),
                suburb,
                postcode,
                str(luck.randint(1, 90)) if is_strata else None,
                str(1_000_000 + number // 2),
            )
        )
    return rows


def _name(number: int) -> str:
    """A pronounceable name of its own for every number."""
    name = ""
    number += 20
    while number:
        number, place = divmod(number, 100)
        name += "BCDFGHJKLMNPRSTVWXYZ"[place // 5] + "AEIOU"[place % 5]
    return name + "N"
