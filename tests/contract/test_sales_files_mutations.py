"""Mutated sales files: a record or a reject each, never an exception, never a hang."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.csv_mapping import find_csv_containers
from connectors.csv_mapping.mapping import load_mapping
from connectors.csv_mapping.suggest import suggest_mapping
from domain.errors import PermanentError
from tests.mutations import deadline, mutate

COUNT = 1_500
PROPOSALS = 150
TODAY = date(2026, 1, 1)
WORDS = (
    *(b",", b'"', b'""', b"\n", b"\r\n", b";", b"|", b"\t", b"\x00", b"\xef\xbb\xbf"),
    *(b"Total", b"Price", b"Date,", b"1e400", b"-1", b"2147483647", b"31/02/2016"),
    *(b"\xff\xfe", b"\xe9", b"NA", b"$1.2M", b"0.5 ha", b",,,,,,,,,,"),
)
MADE_UP = (
    "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode,Lattitude,Longtitude"
    + "".join(
        f'\nAbbotsford,"{n}/9 High St",3,h,{n}00000,S,Big,{n}/04/2017,3067.0,-37.8,145'
        for n in range(1, 29)
    )
).encode()


def real_samples(shared_data: Path) -> Iterator[tuple[str, bytes]]:
    """The first rows of each real file, with the mapping it has."""
    for folder, mapping in (
        ("melbourne_housing", "melbourne"),
        ("sydney_house_prices", "sydney"),
    ):
        for path in sorted((shared_data / folder).glob("*.csv.gz")):
            with gzip.open(path, "rb") as stream:
                yield mapping, b"".join(stream.readline() for _ in range(40))


def formats(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A sample in every format there is."""
    yield "x.csv", content
    yield "x.csv.gz", gzip.compress(content, 1, mtime=0)
    yield "x16.csv", content.decode("utf-8-sig").encode("utf-16")
    rows = [line.split(",") for line in content.decode("utf-8-sig").split("\n") if line]
    width = len(rows[0])
    rows = [(row + [""] * width)[:width] for row in rows]
    columns = {name: [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])}
    parquet, sheet, packed = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pq.write_table(pa.table(columns), parquet)
    yield "x.parquet", parquet.getvalue()
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    book.save(sheet)
    yield "x.xlsx", sheet.getvalue()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("a.csv", content)
    yield "x.zip", packed.getvalue()


MAPPINGS = {name: load_mapping(name) for name in ("melbourne", "sydney")}


def account(path: Path, mapping: str) -> None:
    """Read a file to its end: every batch adds up, every refusal has its reason."""
    (container,) = find_csv_containers(path, MAPPINGS[mapping], TODAY)
    for file in container.files():
        for batch in file.batches():
            assert batch.read == len(batch.rows) + batch.rejected
            assert all(reject.reason and reject.fix for reject in batch.rejects)
            assert len(batch.hashes) == len(batch.rows)
        if file.refusal is not None:
            assert file.refusal.reason.endswith(".")
        file.fields_seen()


def soak(folder: Path, samples: list[tuple[str, bytes]], seed: int) -> None:
    """`COUNT` mutations over the samples in their formats."""
    chance = random.Random(seed)
    cases = [
        (mapping, name, content)
        for mapping, sample in samples
        for name, content in formats(sample)
    ]
    for number in range(COUNT):
        mapping, name, content = chance.choice(cases)
        path = folder / name
        deeds, damaged = mutate(chance, content, WORDS)
        path.write_bytes(damaged)
        try:
            with deadline(40):
                account(path, mapping)
        except BaseException as error:
            error.add_note(f"mutation {seed}:{number}: {deeds} of {name}")
            raise


def test_mutated_made_up_files(tmp_path: Path) -> None:
    soak(tmp_path, [("melbourne", MADE_UP)], seed=1)


def test_mutated_real_files(shared_data: Path, tmp_path: Path) -> None:
    soak(tmp_path, list(real_samples(shared_data)), seed=2)


@pytest.mark.parametrize("seed", [3])
def test_mutated_files_get_a_proposal_or_a_sentence(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    cases = list(formats(MADE_UP))
    for number in range(PROPOSALS):
        name, content = chance.choice(cases)
        path = tmp_path / name
        deeds, damaged = mutate(chance, content, WORDS)
        path.write_bytes(damaged)
        try:
            with deadline(40):
                found = suggest_mapping(path, today=TODAY)
        except PermanentError:
            continue
        except BaseException as error:
            error.add_note(f"mutation {seed}:{number}: {deeds} of {name}")
            raise
        if found.columns:
            (tmp_path / "m.yaml").write_text(found.text, encoding="utf-8")
            load_mapping(tmp_path / "m.yaml")
