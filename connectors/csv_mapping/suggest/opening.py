"""Opening a file that no mapping is known for yet.

Belongs here: packed or plain, text, Parquet or workbook, to rows of cells. Judging
files for a load is `containers`.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.archives import (
    DEFAULT_LIMITS,
    UnsafeArchiveError,
    checked_members,
    open_gzip,
    open_member,
)
from connectors.csv_mapping.containers import (
    MEMBER_ENDINGS,
    kind_of,
    open_plain,
    text_grid,
    typed_grid,
)
from connectors.csv_mapping.headers import Grid
from connectors.csv_mapping.text_grid import Opener, scan_text
from connectors.nsw_valuer.scan import READ_ERRORS
from domain.errors import PermanentError

_DELIMITERS = (",", ";", "\t", "|")


@contextmanager
def opened(path: Path) -> Iterator[Grid]:
    """The rows of a file, of a ZIP those of its largest table.

    Raises:
        PermanentError: it is not there, or cannot be read as a table.
    """
    if not path.is_file():
        raise PermanentError(
            f"There is no file {path}. Give the path of a CSV, Parquet or spreadsheet "
            "file, or of a ZIP with one."
        )
    try:
        kind = kind_of(path)
        if kind == "zip":
            with tempfile.TemporaryDirectory(prefix="ausproperty-") as folder:
                yield _grid(_largest_member(path, Path(folder)))
        else:
            yield _grid(path)
    except READ_ERRORS as error:
        raise PermanentError(
            f"The file {path} cannot be read: {error or type(error).__name__}. Fetch "
            "it again, or save it as CSV."
        ) from error


def _grid(path: Path) -> Grid:
    kind = kind_of(path)
    if kind in ("parquet", "sheets"):
        return typed_grid(path, kind)
    opener: Opener = (
        (lambda: open_gzip(path)) if kind == "gzip" else (lambda: open_plain(path))
    )
    found = scan_text(opener)
    with opener() as stream:
        head = stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"{", b"[{", b"[", b"<")):
        raise ValueError("it is JSON, XML or HTML, not a table")
    grid = text_grid(found, opener, _DELIMITERS)
    if grid is None:
        raise ValueError(found.reason or "it is empty")
    return grid


def _largest_member(path: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(path) as archive:
            tables = [
                info
                for _, info in checked_members(archive, DEFAULT_LIMITS)
                if info.filename.lower().endswith(MEMBER_ENDINGS)
            ]
            if not tables:
                raise ValueError("the ZIP holds no CSV, Parquet or spreadsheet file")
            largest = max(tables, key=lambda info: info.file_size)
            target = folder / f"member{Path(largest.filename).suffix.lower()}"
            with open_member(archive, largest) as packed, target.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
            return target
    except UnsafeArchiveError as error:
        raise ValueError(str(error)) from error
