from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from connectors.locations import is_remote, land
from domain.errors import PermanentError, UserError

PATTERNS = ("*.zip", "*.dat")


@pytest.fixture
def bucket() -> Iterator[str]:
    """A folder of fsspec's memory store, removed afterwards."""
    name = f"bucket-{uuid.uuid4().hex}"
    store = fsspec.filesystem("memory")
    store.pipe(f"/{name}/2024/20240101.ZIP", b"one")
    store.pipe(f"/{name}/2024/.hidden.zip", b"no")
    store.pipe(f"/{name}/loose.dat", b"two")
    store.pipe(f"/{name}/readme.txt", b"no")
    yield f"memory://{name}"
    store.rm(f"/{name}", recursive=True)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("s3://bucket/x.csv", True),
        ("memory://x", True),
        ("file:///tmp/x", True),
        ("zip://*.csv::file:///tmp/x.zip", True),
        ("https://example.org/x.csv", False),
        ("HTTP://example.org/x.csv", False),
        ("/tmp/x.csv", False),
        ("C:\\sales\\x.csv", False),
        ("a:b.csv", False),
    ],
)
def test_a_location_is_remote_when_it_names_a_protocol(
    location: str, expected: bool
) -> None:
    assert is_remote(location) is expected


def test_a_folder_lands_with_its_paths_and_only_the_wanted_files(
    tmp_path: Path, bucket: str
) -> None:
    landed = land(bucket, tmp_path, PATTERNS)
    names = [str(path.relative_to(tmp_path)) for path in landed]
    assert names == ["2024/20240101.ZIP", "loose.dat"]
    assert [path.read_bytes() for path in landed] == [b"one", b"two"]


def test_one_file_lands_whatever_it_is_called(tmp_path: Path, bucket: str) -> None:
    (path,) = land(f"{bucket}/readme.txt", tmp_path, PATTERNS)
    assert (path.name, path.read_bytes()) == ("readme.txt", b"no")


def test_a_pattern_in_the_location_chooses(tmp_path: Path, bucket: str) -> None:
    (path,) = land(f"{bucket}/*.txt", tmp_path, PATTERNS)
    assert path.name == "readme.txt"


def test_a_file_is_landed_again_only_when_it_changed(
    tmp_path: Path, bucket: str
) -> None:
    (first,) = land(f"{bucket}/loose.dat", tmp_path, PATTERNS)
    before = first.stat().st_ino
    (again,) = land(f"{bucket}/loose.dat", tmp_path, PATTERNS)
    assert again.stat().st_ino == before
    fsspec.filesystem("memory").pipe(f"{bucket.partition('//')[2]}/loose.dat", b"new")
    (changed,) = land(f"{bucket}/loose.dat", tmp_path, PATTERNS)
    assert changed.read_bytes() == b"new"


def test_members_of_a_zip_lie_behind_a_chained_location(tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("deep/a.csv", "a")
        out.writestr("../../b.csv", "b")
    landing = tmp_path / "landing"
    landed = land(f"zip://::file://{archive}", landing, ("*.csv",))
    assert {path.name for path in landed} == {"a.csv", "b.csv"}
    assert all(path.is_relative_to(landing) for path in landed)
    assert not (tmp_path / "b.csv").exists()


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("file:///nowhere/at/all", "There is nothing at"),
        ("nosuch://user:planted@host/x?sig=planted", "Protocol not known: nosuch"),
        ("s3://bucket/x.csv", "package that is not installed"),
        ("zip://a.csv::file:///nowhere.zip", "There is nothing at"),
    ],
)
def test_what_cannot_be_landed_says_why(
    tmp_path: Path, location: str, words: str
) -> None:
    if location.startswith("s3:"):
        try:
            import s3fs  # type: ignore[import-not-found]  # noqa: F401
        except ImportError:
            pass
        else:
            pytest.skip("s3fs is installed here")
    with pytest.raises(PermanentError, match=words) as raised:
        land(location, tmp_path, PATTERNS)
    assert "planted" not in str(raised.value)


def test_a_folder_without_wanted_files_says_so(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(PermanentError, match=r"holds no \*\.xlsx file"):
        land(bucket, tmp_path, ("*.xlsx",))


def test_a_file_beyond_the_limit_leaves_nothing(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(UserError, match="longer than the limit of 2 bytes"):
        land(f"{bucket}/loose.dat", tmp_path, PATTERNS, max_bytes=2)
    assert list(tmp_path.iterdir()) == []
