from __future__ import annotations

import gzip
import io
import zipfile
from datetime import date
from pathlib import Path

import pytest

from connectors.archives import Limits
from connectors.nsw_valuer.containers import find_containers
from connectors.nsw_valuer.names import is_wanted, week_of
from domain.errors import PermanentError
from domain.records import FileCounts
from tests.psi_samples import psi_file, sale, weekly_zip, write_week, zip_of

DAT = "708_SALES_DATA_NNME_17062024.DAT"


def outcome(
    location: Path, limits: Limits | None = None, weeks: tuple[date, date] | None = None
) -> dict[str, tuple[str | None, FileCounts]]:
    """File name -> (rule that refused it, read / loaded / 0 / rejected)."""
    found = {}
    containers = find_containers(location, weeks, limits or Limits())
    for _, container in containers:
        for parsed in container.files():
            rows = rejected = 0
            for batch in parsed.batches():
                rows += len(batch.rows)
                rejected += batch.rejected
            rule = parsed.refusal.rule_id if parsed.refusal else None
            counts = FileCounts(rows + rejected, rows, 0, rejected)
            found[parsed.file.source_file] = (rule, counts)
    return found


def test_weeks_come_from_file_names() -> None:
    monday = date(2024, 6, 17)
    assert week_of("20240617.zip") == week_of(f"x/{DAT}") == monday
    assert week_of("20240619.zip") == monday
    assert week_of("ARCHIVE_SALES_1990.DAT") is None
    assert week_of("20249999.zip") is None
    assert is_wanted("2024.zip", (monday, monday))
    assert not is_wanted("2023.zip", (monday, monday))
    assert not is_wanted("20240624.zip", (monday, monday))


def test_weekly_yearly_and_loose_files_hold_the_same_sales(tmp_path: Path) -> None:
    write_week(tmp_path / "weekly", sale(1), sale(2))
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / DAT).write_bytes(psi_file(sale(1), sale(2)))
    (tmp_path / "2024.zip").write_bytes(
        zip_of({"20240617.zip": weekly_zip(sale(1), sale(2)), "readme.txt": b""})
    )
    two = (None, FileCounts(2, 2, 0, 0))
    assert outcome(tmp_path / "weekly") == {f"20240617.zip/{DAT}": two}
    assert outcome(tmp_path / "loose") == {DAT: two}
    assert outcome(tmp_path / "2024.zip") == {f"2024.zip/20240617.zip/{DAT}": two}
    names = [container.name for _, container in find_containers(tmp_path)]
    assert names == ["2024.zip/20240617.zip", f"loose/{DAT}", "weekly/20240617.zip"]


def test_containers_come_in_the_order_of_their_weeks(tmp_path: Path) -> None:
    for name in ("001_SALES_DATA_NNME_02092024", "001_SALES_DATA_NNME_26082024"):
        (tmp_path / f"{name}.DAT").write_bytes(psi_file(sale(1)))
    assert list(outcome(tmp_path)) == [
        "001_SALES_DATA_NNME_26082024.DAT",
        "001_SALES_DATA_NNME_02092024.DAT",
    ]


def test_only_wanted_weeks_are_opened(tmp_path: Path) -> None:
    write_week(tmp_path, sale(1), week="20240617")
    write_week(tmp_path, sale(1), week="20240624")
    monday = date(2024, 6, 24)
    (only,) = outcome(tmp_path, weeks=(monday, monday))
    assert only.startswith("20240624.zip/")


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


GOOD = psi_file(sale(1), sale(2))


@pytest.mark.parametrize(
    ("content", "rule", "refused_sales"),
    [
        (b"", "file_empty", 0),
        (bytes(range(256)) * 40, "file_binary", 0),
        (b"just some text\n", "file_not_psi", 0),
        (cut(GOOD), "trailer_missing", 1),
        (GOOD.replace(b"Z;", b"Z;9"), "trailer_mismatch", 2),
        (GOOD.replace(b"\nZ;10;2;2;4;\n", b"\n"), "trailer_missing", 2),
        (GOOD + sale(3)[0].encode() + b"\n", "trailer_missing", 3),
    ],
)
def test_a_bad_file_is_refused_whole_and_its_sales_are_kept_as_rejects(
    tmp_path: Path, content: bytes, rule: str, refused_sales: int
) -> None:
    (tmp_path / "20240617.zip").write_bytes(
        zip_of({f"a_{DAT}": GOOD, f"b_{DAT}": content, f"c_{DAT}": GOOD})
    )
    found = outcome(tmp_path)
    good = (None, FileCounts(2, 2, 0, 0))
    assert found[f"20240617.zip/a_{DAT}"] == found[f"20240617.zip/c_{DAT}"] == good
    refused = FileCounts(refused_sales, 0, 0, refused_sales)
    assert found[f"20240617.zip/b_{DAT}"] == (rule, refused)


def test_the_reason_names_what_the_trailer_says(tmp_path: Path) -> None:
    path = tmp_path / DAT
    path.write_bytes(psi_file(sale(1), trailer="Z;6;2;1;2;"))
    ((_, container),) = find_containers(path)
    (parsed,) = container.files()
    assert parsed.refusal is not None
    assert "2 B stated, 1 found" in parsed.refusal.reason
    assert parsed.refusal.fix


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (cut, "zip_damaged"),
        (lambda _: b"", "zip_damaged"),
        (lambda _: b"PK not really", "zip_damaged"),
        (lambda _: zip_of({"photo.jpg": b"x"}), "zip_without_data"),
    ],
)
def test_a_bad_zip_does_not_stop_the_next(tmp_path: Path, damage, rule: str) -> None:
    path = write_week(tmp_path, sale(1), week="20240617")
    path.write_bytes(damage(path.read_bytes()))
    write_week(tmp_path, sale(2), week="20240624")
    first, second = outcome(tmp_path).items()
    assert first == ("20240617.zip", (rule, FileCounts()))
    assert second[1] == (None, FileCounts(1, 1, 0, 0))


def test_a_week_without_sales_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "20240617.zip"
    path.write_bytes(zip_of({"creative_commons.txt": b"licence"}))
    assert outcome(tmp_path) == {"20240617.zip": (None, FileCounts())}


def test_a_damaged_member_is_refused_alone(tmp_path: Path) -> None:
    content = bytearray(zip_of({f"a_{DAT}": GOOD, f"b_{DAT}": GOOD}))
    info = zipfile.ZipFile(io.BytesIO(content)).getinfo(f"a_{DAT}")
    middle = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    content[middle : middle + 8] = b"\xff" * 8
    (tmp_path / "20240617.zip").write_bytes(content)
    first, second = outcome(tmp_path).values()
    assert first[0] == "file_damaged"
    assert second == (None, FileCounts(2, 2, 0, 0))


def test_a_damaged_week_in_a_year_is_refused_alone(tmp_path: Path) -> None:
    weeks = {
        "20240617.zip": cut(weekly_zip(sale(1))),
        "20240624.zip": weekly_zip(sale(2), week="20240624"),
    }
    (tmp_path / "2024.zip").write_bytes(zip_of(weeks))
    first, second = outcome(tmp_path).items()
    assert first == ("2024.zip/20240617.zip", ("zip_damaged", FileCounts()))
    assert second[1] == (None, FileCounts(1, 1, 0, 0))


def test_bombs_are_refused(tmp_path: Path) -> None:
    bomb = zip_of({DAT: b"B;" + b"\n" * 3_000_000})
    (tmp_path / "20240617.zip").write_bytes(bomb)
    tight = Limits(member_bytes=1 << 20, total_bytes=1 << 21)
    assert outcome(tmp_path, tight)["20240617.zip"][0] == "zip_unsafe"
    crowded = zip_of({f"{n}_{DAT}": GOOD for n in range(4)})
    (tmp_path / "20240617.zip").write_bytes(crowded)
    assert outcome(tmp_path, Limits(members=3))["20240617.zip"][0] == "zip_unsafe"
    (tmp_path / "20240617.zip").write_bytes(zip_of({DAT: GOOD * 10}))
    member = outcome(tmp_path, Limits(member_bytes=1000))[f"20240617.zip/{DAT}"]
    assert member[0] == "file_damaged"


def test_repeated_member_names_stay_two_files(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(DAT, psi_file(sale(1)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(DAT, psi_file(sale(2)))
    (tmp_path / "20240617.zip").write_bytes(buffer.getvalue())
    assert len(outcome(tmp_path)) == 2


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_nothing_to_read_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PermanentError, match=r"YYYYMMDD\.zip"):
        list(find_containers(tmp_path / name))


TWO = (None, FileCounts(2, 2, 0, 0))


def test_zips_are_opened_however_deep_they_lie_up_to_a_limit(tmp_path: Path) -> None:
    name, content = "20240617.zip", weekly_zip(sale(1), sale(2))
    path = name
    for depth, outer in enumerate(("2024.zip", "years.zip", "all.zip", "more.zip")):
        content = zip_of({name: content})
        name, path = outer, f"{outer}/{path}"
        (tmp_path / name).write_bytes(content)
        expected = {f"{path}/{DAT}": TWO}
        if depth == 3:
            expected = {path: ("zip_unsafe", FileCounts())}
        assert outcome(tmp_path / name) == expected


def test_a_year_of_unpacked_files_is_one_container_a_week(tmp_path: Path) -> None:
    days = ("17062024", "18062024", "24062024")
    files = {f"{n}_SALES_DATA_NNME_{day}.DAT": GOOD for n, day in enumerate(days)}
    (tmp_path / "2024.zip").write_bytes(
        zip_of({**files, "ARCHIVE_SALES_1990.DAT": GOOD, "creative_commons.txt": b""})
    )
    names = [container.name for _, container in find_containers(tmp_path)]
    assert names == ["2024.zip/undated", "2024.zip/2024-06-17", "2024.zip/2024-06-24"]
    assert len(outcome(tmp_path)) == 4
    monday = date(2024, 6, 24)
    assert outcome(tmp_path, weeks=(monday, monday)) == {
        "2024.zip/2_SALES_DATA_NNME_24062024.DAT": TWO
    }
    one, two, three = (c.sha256 for _, c in find_containers(tmp_path))
    assert len({one, two, three}) == 3


def test_gzip_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / f"{DAT}.gz").write_bytes(gzip.compress(GOOD))
    (tmp_path / "20240624.zip.gz").write_bytes(
        gzip.compress(weekly_zip(sale(1), sale(2), week="20240624"))
    )
    (tmp_path / "20240701.zip").write_bytes(zip_of({f"{DAT}.gz": gzip.compress(GOOD)}))
    (tmp_path / "readme.txt").write_text("A; no record")
    found = outcome(tmp_path)
    assert list(found.values()) == [TWO, TWO, TWO]
    (tmp_path / f"{DAT}.gz").write_bytes(gzip.compress(GOOD)[:-20])
    assert outcome(tmp_path)[f"{DAT}.gz"][0] == "file_damaged"


SALES = [sale(1)[0], sale(2)[0]]
LEGAL = [sale(1)[1], sale(2)[1], sale(9)[1]]


def text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def test_an_extract_is_joined_with_the_file_of_its_c_records(tmp_path: Path) -> None:
    (tmp_path / "psi_2001_B.txt.gz").write_bytes(gzip.compress(text(SALES)))
    (tmp_path / "psi_2001_C.txt.gz").write_bytes(gzip.compress(text(LEGAL)))
    ((_, container),) = find_containers(tmp_path)
    sales, legal = container.files()
    rows = [row for batch in sales.batches() for row in batch.rows]
    assert ["1/SP57860" in rows[0], "2/SP57860" in rows[1]] == [True, True]
    assert sales.file.note is not None
    assert "no trailer" in sales.file.note
    (left,) = [reject for batch in legal.batches() for reject in batch.rejects]
    assert (left.rule_id, left.row_number) == ("record_without_sale", 3)
    assert left.source_file == "psi_2001_C.txt.gz"
    # Alone, the one is as good as its records, the other of no use.
    (tmp_path / "psi_2001_C.txt.gz").rename(tmp_path / "other_C.txt.gz")
    assert outcome(tmp_path) == {
        "other_C.txt.gz": ("sales_missing", FileCounts()),
        "psi_2001_B.txt.gz": TWO,
    }


def test_a_damaged_file_of_c_records_holds_its_sales_back(tmp_path: Path) -> None:
    (tmp_path / "psi_2001_B.txt").write_bytes(text(SALES))
    (tmp_path / "psi_2001_C.txt").write_bytes(b"\x00" * 50)
    assert outcome(tmp_path) == {
        "psi_2001_B.txt": ("legal_unreadable", FileCounts(2, 0, 0, 2)),
        "psi_2001_C.txt": ("file_binary", FileCounts()),
    }


def test_extracts_in_a_zip_and_in_one_file_are_joined_too(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(
        zip_of({"ALL-B.txt": text(SALES), "ALL-C.txt": text(LEGAL[:2])})
    )
    (tmp_path / "mixed.txt").write_bytes(text(LEGAL[:2] + SALES))
    assert outcome(tmp_path) == {
        "all.zip/ALL-B.txt": TWO,
        "all.zip/ALL-C.txt": (None, FileCounts()),
        "mixed.txt": TWO,
    }


def test_a_published_file_without_its_ends_is_no_extract(tmp_path: Path) -> None:
    (tmp_path / DAT).write_bytes(text(SALES))
    rule = ("trailer_missing", FileCounts(2, 0, 0, 2))
    assert outcome(tmp_path) == {DAT: rule}


def test_a_byte_order_mark_is_no_part_of_a_record(tmp_path: Path) -> None:
    (tmp_path / DAT).write_bytes(b"\xef\xbb\xbf" + GOOD)
    (tmp_path / "some_B.txt").write_bytes(b"\xef\xbb\xbf" + text(SALES))
    assert outcome(tmp_path) == {DAT: TWO, "some_B.txt": TWO}
