"""Mutated PSI files: a record or a reject each, never an exception, never a hang."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.nsw_valuer.containers import find_containers
from connectors.nsw_valuer.layout import ROW_COLUMNS
from tests.mutations import deadline, mutate, wrap
from tests.psi_samples import psi_file, sale

COUNT = 2_000
DAT = "708_SALES_DATA_NNME_17062024.DAT"
WORDS = (
    *(
        b"A;",
        b"B;",
        b"C;",
        b"D;",
        b"Z;",
        b"\nB;",
        b"\nC;708;2000001;1;",
        b"\nZ;1;0;0;0;",
    ),
    *(
        b";P;",
        b";V;",
        b"VALNET1",
        b"ARCHIVE",
        b"20240617 01:08",
        b";;;;;;",
        b"H",
        b".6",
    ),
)
ARCHIVE = (
    "A;;VALNET1;20150909 11:33;;\n"
    + "".join(
        f"B;011;VALNET1;014590000000{n};29267{n};;{n};ELDON ST;ABERDEEN;2336;"
        f"{n + 1}/11/1990;1450{n};LOT {n} DP 758003.;2365;M;10X20;;A;;;;\n"
        for n in range(9)
    )
    + "Z;11;10;;\n"
).encode()
EXTRACT = "\n".join(line for n in range(8) for line in sale(n)[:2]).encode()
SAMPLES = {
    DAT: psi_file(*(sale(n) for n in range(8))),
    "ARCHIVE_SALES_1990.DAT": ARCHIVE,
    "psi_2001_B.txt": EXTRACT,
}


def real_samples(shared_data: Path) -> Iterator[tuple[str, bytes]]:
    """A small real file of each of some weeks."""
    for path in sorted((shared_data / "nsw_psi_weekly_2024").glob("*.zip"))[::8]:
        with zipfile.ZipFile(path) as archive:
            data = [info for info in archive.infolist() if info.file_size < 8_000]
            for info in data[:3]:
                if info.filename.endswith(".DAT"):
                    yield info.filename, archive.read(info)


def check(folder: Path, name: str, content: bytes) -> tuple[int, int]:
    """Read one file; every B record found must be a row or a reject with a reason."""
    path = folder / name
    path.write_bytes(content)
    read = refused = 0
    try:
        for _, container in find_containers(path):
            for parsed in container.files():
                rows = rejected = 0
                refused += parsed.refusal is not None
                for batch in parsed.batches():
                    assert len(batch.rows) == len(batch.hashes)
                    rows += len(batch.rows)
                    rejected += batch.rejected
                    for row in batch.rows:
                        assert "\n" not in row
                        assert "\x00" not in row
                        unescaped = row.replace("\\\\", "").replace("\\;", "")
                        assert unescaped.count(";") == len(ROW_COLUMNS) - 1
                    assert all(reject.reason and reject.fix for reject in batch.rejects)
                whole = parsed.refusal is None
                if whole or parsed.refusal.rule_id != "file_damaged":
                    assert rows + rejected == parsed.record_counts.get("B", 0)
                assert whole or rows == 0
                read += rows + rejected
    finally:
        path.unlink()
    return read, refused


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_give_a_record_or_a_reject_each(
    tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    samples = list(SAMPLES.items())
    if seed % 2:
        samples += list(real_samples(request.getfixturevalue("shared_data")))
    read = refused = 0
    for number in range(COUNT):
        chance = random.Random(f"psi:{seed}:{number}")
        name, content = chance.choice(samples)
        deeds, damaged = mutate(chance, content, WORDS)
        name, damaged = wrap(chance, name, damaged)
        try:
            with deadline(40):
                found = check(tmp_path, name, damaged)
        except BaseException as error:
            error.add_note(f"mutation {seed}:{number}: {deeds} of {name}")
            raise
        read, refused = read + found[0], refused + found[1]
    assert read > COUNT
    assert refused > COUNT / 20
