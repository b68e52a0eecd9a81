"""The real REAXML samples, whole and mutated: a row or a reject each."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from assets.landing.reaxml import ingest_reaxml
from connectors.reaxml.parse import by_kind_and_status
from tests.reaxml_reading import read
from tests.reaxml_samples import FULL, drop, feed, record

#: Records by kind and status over the 14 files.
EXPECTED = Counter(
    {
        ("residential", "current"): 3,
        ("residential", "sold"): 3,
        ("residential", "withdrawn"): 3,
        ("rental", "current"): 1,
        ("rental", "leased"): 1,
        ("rental", "withdrawn"): 1,
        ("holidayRental", "current"): 1,
        ("holidayRental", "leased"): 1,
        ("holidayRental", "withdrawn"): 1,
        **{
            (kind, status): count
            for kind, count in (
                ("land", 2),
                ("rural", 2),
                ("commercial", 1),
                ("commercialLand", 1),
                ("business", 1),
            )
            for status in ("current", "sold", "withdrawn")
        },
    }
)


@pytest.fixture
def samples(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "reaxml_samples").glob("*.xml"))


def test_every_record_of_every_sample_is_read(samples: list[Path]) -> None:
    assert len(samples) == 14
    found: Counter[tuple[str, str]] = Counter()
    for path in samples:
        out = read(path)
        assert (out.refusals, out.rejects, out.unknown) == ([], [], set()), path.name
        found += by_kind_and_status(out.counts)
        for row in out.rows:
            assert row["agent_id"] == "XNWXNW"
            assert row["mod_time"] == "2009-01-01T12:30:00"
            bad = {n["rule"] for n in row["notes"]} - {"phone_unreadable"}
            assert bad <= {"value_unreadable"}, row["notes"]
    assert found == EXPECTED
    assert found.total() == 36


def test_the_samples_land_reconciled_and_once(
    samples: list[Path], conn: psycopg.Connection, tmp_path: Path
) -> None:
    for path in samples:
        drop(tmp_path / "in", path.name, path.read_bytes())
    summary = ingest_reaxml(conn, tmp_path / "in", is_simulated=False)
    assert (summary.read, summary.rejected) == (36, 0)
    assert summary.loaded + summary.repeated == 36
    rows = conn.execute(
        "select kind, status, count(*) from raw.reaxml__listings group by 1, 2"
    ).fetchall()
    # Two samples hold the same record of a withdrawn or sold listing word for word.
    assert sum(row[2] for row in rows) == summary.loaded
    assert {(kind, status) for kind, status, _ in rows} == set(EXPECTED)
    for path in samples:
        drop(tmp_path / "in", path.name, path.read_bytes())
    again = ingest_reaxml(conn, tmp_path / "in", is_simulated=False)
    assert (again.loaded, again.read) == (0, 36)


def mutate(content: bytes, chance: random.Random) -> bytes:
    """A few of the ways in which files go bad: cut, doubled, overwritten, mixed."""
    data = bytearray(content)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) or 1)
        match chance.randrange(7):
            case 0:
                del data[at:]
            case 1:
                del data[at : at + chance.randrange(40)]
            case 2:
                data[at:at] = data[at : at + chance.randrange(400)]
            case 3:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 4:
                data[at:at] = chance.choice(
                    (
                        b"&",
                        b"<",
                        b">",
                        b"&x;",
                        b"\x00",
                        b"\xff\xfe",
                        b"<![CDATA[",
                        b"<!--",
                    )
                )
            case 5:
                old, new = chance.choice(SWAPS)
                data = bytearray(bytes(data).replace(old, new))
            case 6:
                half = len(data) // 2
                data = bytearray(bytes(data[half:]) + bytes(data[:half]))
    return bytes(data)


SWAPS = (
    (b"2009-01-01-12:30:00", b"2009-13-01-99:30:00"),
    (b"<agentID>", b"<agentID> <x/>"),
    (b"uniqueID", b"UNIQUEID"),
    (b"XNWXNW", b""),
    (b"residential", b"land"),
    (b'status="', b'status="\xc3\xa9'),
    (b"500000", b"9" * 400),
    (b"square", b"cubic"),
    (b"3121", b"-1"),
    (b"\n", b""),
)


def test_mutated_samples_are_read_or_refused_never_more(
    samples: list[Path], tmp_path: Path
) -> None:
    _fuzz([path.read_bytes() for path in samples], tmp_path, 1_500)


def test_mutated_made_up_feeds_are_read_or_refused_never_more(tmp_path: Path) -> None:
    kinds = ("residential", "rental", "land", "business")
    records = [record(FULL, unique=f"U{n}", kind=kind) for n, kind in enumerate(kinds)]
    _fuzz([feed(*records).encode()], tmp_path, 300)


def _fuzz(contents: list[bytes], folder: Path, count: int) -> None:
    chance = random.Random(count)
    ends: Counter[str] = Counter()
    for number in range(count):
        path = folder / "mutated.xml"
        path.write_bytes(mutate(chance.choice(contents), chance))
        out = read(path)
        assert not (out.refusals and out.rows), number
        for reject in (*out.rejects, *out.refusals):
            assert reject.reason.endswith(".")
            assert reject.fix
        ends["refused" if out.refusals else "read"] += 1
        ends["rejects"] += bool(out.rejects)
    assert min(ends.values()) > count // 20, ends


def test_mutated_files_go_through_the_folder_and_back_to_the_ledger(
    conn: psycopg.Connection, tmp_path: Path
) -> None:
    chance = random.Random(4)
    whole = feed(*(record(FULL, unique=f"U{n}") for n in range(5))).encode()
    for number in range(120):
        drop(tmp_path, f"{number}.xml", mutate(whole, chance))
    summary = ingest_reaxml(conn, tmp_path, is_simulated=False)
    assert len(summary.moved) == 120
    assert not summary.not_fetched
    row = conn.execute(
        "select sum(rows_read), sum(rows_loaded + rows_repeated + rows_rejected), "
        "sum(rows_loaded) from ops.source_files"
    ).fetchone()
    assert row is not None
    assert row[0] == row[1]
    loaded = conn.execute("select count(*) from raw.reaxml__listings").fetchone()
    assert loaded == (row[2],)
