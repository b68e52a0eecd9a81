"""The drop folder: which files are there whole, and where they go once they were read.

Belongs here: names, moves and reports; nothing of what a file holds. Agencies may have
sub-folders. `done/` and `failed/` at the top keep what was read, under the same
sub-folder, each file with a report beside it. Nothing is ever overwritten or removed.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from domain.errors import PermanentError
from domain.records import storable_text

Ending = Literal["done", "failed"]
_ENDINGS = (".xml", ".zip", ".reaxml", ".xml.gz")
_KEPT = ("done", "failed")
REPORT = ".report.json"
#: Bytes of a file's name that leave room for what is added to it.
_NAME_BYTES = 200
#: A file dated further ahead than this is not young: some clock is wrong.
_CLOCK_SKEW = 60.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file in the folder. `name` is its path below it, `/` between."""

    path: Path
    name: str
    size: int
    modified_ns: int

    @property
    def mark(self) -> str:
        """What changes when the file does."""
        return f"{self.size}:{self.modified_ns}"


class DropFolder:
    """A folder that files are dropped into."""

    def __init__(
        self, root: Path, settle_seconds: float, clock: Callable[[], float]
    ) -> None:
        self.root = root
        self._settle_seconds = settle_seconds
        self._clock = clock

    def check(self) -> None:
        """Make sure of the folder and of its `done/` and `failed/`.

        Raises:
            PermanentError: it is missing, no folder, or cannot be written to.
        """
        try:
            if not self.root.is_dir():
                what = "is not a folder" if self.root.exists() else "does not exist"
                raise PermanentError(
                    f"The drop folder {self.root} {what}. Make it, or name another "
                    "(AUSPROPERTY_REAXML__DROP_FOLDER)."
                )
            os.listdir(self.root)  # noqa: PTH208 - the error is what is asked for
            for name in _KEPT:
                (self.root / name).mkdir(exist_ok=True)
                with tempfile.TemporaryFile(dir=self.root / name):
                    pass
        except OSError as error:
            raise PermanentError(
                f"The drop folder {self.root} cannot be used ({error.strerror}). Files "
                "that were read move to its done/ and failed/: let the platform write "
                "there."
            ) from error

    @property
    def now(self) -> datetime:
        """The clock's time, in UTC."""
        return datetime.fromtimestamp(self._clock(), UTC)

    def files(self) -> list[Dropped]:
        """Every feed file in the folder, settled or not, in the order of names."""
        return sorted(self._walk(), key=lambda file: file.name)

    def is_settled(self, file: Dropped) -> bool:
        """Whether a file is old enough to be there whole."""
        age = self._clock() - file.modified_ns / 1e9
        return age >= self._settle_seconds or age < -_CLOCK_SKEW

    def is_unchanged(self, file: Dropped) -> bool:
        """Whether a file is still what it was when it was looked at."""
        now = _look(file.path, file.name)
        return now is not None and now.mark == file.mark

    def place_for(self, file: Dropped, ending: Ending, sha256: str) -> Path:
        """A free path for a file below `done/` or `failed/`; deterministic."""
        folder = self.root / ending / PurePosixPath(file.name).parent
        name = file.path.name
        if len(os.fsencode(name)) <= _NAME_BYTES and _is_free(folder / name):
            return folder / name
        stem, dot, rest = name.partition(".")
        stem = os.fsdecode(os.fsencode(stem)[: _NAME_BYTES - 60])
        rest = os.fsdecode(os.fsencode(rest)[-40:])
        number = 1
        while True:
            suffix = sha256[:8] if number == 1 else f"{sha256[:8]}-{number}"
            place = folder / f"{stem}~{suffix}{dot}{rest}"
            if _is_free(place):
                return place
            number += 1

    def finish(self, file: Dropped, place: Path, report: Mapping[str, object]) -> bool:
        """Write the report, then move the file beside it; either may be done already.

        False: the sender has written there again since it was read. What came is back
        in the folder and waits for its own turn.

        Raises:
            FileNotFoundError: the file is no longer in the folder.
            OSError: it could not be moved.
        """
        place.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=2, ensure_ascii=False)
        beside = place.with_name(place.name + REPORT)
        _write(beside, storable_text(text) + "\n")
        try:
            file.path.rename(place)
        except FileNotFoundError:
            beside.unlink()
            raise
        # Looking first would leave a moment in between; what has moved tells for sure.
        moved = _look(place, file.name)
        if moved is not None and moved.mark == file.mark:
            return True
        beside.unlink()
        if moved is not None:
            _put_back(place, file.path)
        return False

    def _walk(self) -> Iterator[Dropped]:
        for folder, folders, names in os.walk(self.root):
            if Path(folder) == self.root:
                folders[:] = [name for name in folders if name not in _KEPT]
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if name.startswith(".") or not name.lower().endswith(_ENDINGS):
                    continue
                path = Path(folder) / name
                relative = path.relative_to(self.root).as_posix()
                if (found := _look(path, relative)) is not None:
                    yield found


def _look(path: Path, name: str) -> Dropped | None:
    """The file as it is now; None for what is gone or no regular file (a link)."""
    try:
        now = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(now.st_mode):
        return None
    return Dropped(path, name, now.st_size, now.st_mtime_ns)


def _put_back(place: Path, path: Path) -> None:
    """Return a file to where it was dropped, or beside what has come there since."""
    target, number = path, 0
    while not _is_free(target):
        number += 1
        target = path.with_name(f"{number}~{path.name}")
    place.rename(target)


def _is_free(place: Path) -> bool:
    return not os.path.lexists(place)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
