"""Forming releases: which files belong together, and which day they are of.

Belongs here: the release date's rule, grouping, and the container the loader takes
whole or not at all. Which release readers see is the database's affair.

The date is, in this order: the one the caller gives; what the file states of itself
(publication date, newest update); a whole date in its name; the last period it covers;
a month in its name (its last day); the day it was last modified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid5

from connectors.archives import DEFAULT_LIMITS, Limits
from connectors.nsw_valuer.scan import READ_ERRORS
from connectors.reference.files import ReferenceFile, refused
from connectors.reference.meter import Meter
from connectors.reference.model import Bound, Dataset, FileRefused
from connectors.reference.periods import find_day, find_month
from connectors.reference.pieces import Piece, find_pieces
from domain.errors import PermanentError
from domain.records import NAMESPACE, SourceFile

FETCH_AGAIN = "Fetch the file again, or remove it from the folder."


@dataclass(frozen=True, slots=True)
class _Read:
    """A piece and what it turned out to be."""

    piece: Piece
    bound: Bound | None
    fault: FileRefused | None
    day: date
    day_from: str


@dataclass(frozen=True, slots=True)
class Release:
    """Files of one dataset, part and date: a container that loads whole or not at all.

    `name` is its outer file, or what its several files are called together. `sha256`
    is of the unwrapped content: the same figures in a ZIP, gzip or plain are
    the same release. `day_from` says what the date was read from.
    """

    dataset: Dataset
    part: str
    day: date
    day_from: str
    sha256: str
    reads: tuple[_Read, ...]
    name: str
    location: str | None = None

    @property
    def source(self) -> str:
        """The dataset's name, as in the ledger."""
        return self.dataset.name

    @property
    def size_bytes(self) -> int:
        """Size of its files, unwrapped."""
        return sum(read.piece.size for read in self.reads)

    @property
    def release_id(self) -> UUID:
        """Deterministic: same dataset, part and content, same id."""
        return uuid5(NAMESPACE, f"{self.source}:{self.part}:{self.sha256}")

    def files(self) -> Iterator[ReferenceFile]:
        """Its files, in name order; what cannot be read comes as a refusal."""
        for read in self.reads:
            piece = read.piece
            file = SourceFile(
                self.source,
                piece.name,
                self.name,
                self.sha256,
                piece.sha256,
                piece.size,
                None,
                self.day.isoformat(),
            )
            if read.fault is not None:
                yield refused(file, self.release_id, read.fault)
            else:
                yield ReferenceFile(file, self.release_id, read.bound)


def find_releases(
    dataset: Dataset,
    paths: Iterable[Path],
    *,
    release_date: date | None = None,
    modified: date | None = None,
    meter: Meter | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Release]:
    """The releases in some outer files, oldest first.

    Args:
        dataset: how to recognise the files.
        paths: files, and folders (searched through).
        release_date: overrides what the files say.
        modified: the day a server says the file was last modified.
        meter: counts the bytes read when the releases are loaded.
        limits: how much an archive may unpack to.

    Raises:
        PermanentError: nothing is there, or no file of the dataset's kinds.
    """
    meter = meter or Meter()
    reads: list[_Read] = []
    locations: dict[str, str] = {}
    for path, name in _outer_files(paths, dataset.endings):
        locations[name] = str(path)
        reads.extend(
            _read(
                dataset,
                replace(piece, open=meter.watched(piece.open)),
                release_date,
                modified,
            )
            for piece in find_pieces(path, dataset.endings, limits, name=name)
        )
    groups: dict[tuple[str, str], list[_Read]] = {}
    for read in reads:
        part = read.bound.part if read.bound else "all" if dataset.joins_files else "?"
        key = read.day.isoformat() if dataset.joins_files else read.piece.sha256
        groups.setdefault((part, key), []).append(read)
    found = [
        _release(dataset, part, members, locations)
        for (part, _), members in groups.items()
    ]
    return sorted(found, key=lambda release: (release.day, release.name))


def _outer_files(
    paths: Iterable[Path], endings: Sequence[str]
) -> list[tuple[Path, str]]:
    """(path, ledger name) of every file that may hold data, in name order."""
    packed = tuple(f"{ending}.gz" for ending in endings)
    wanted = (*endings, *packed, ".zip", ".gz")
    found: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_file():
            found.append((path, path.name))
        elif path.is_dir():
            found.extend(
                (inner, inner.relative_to(path).as_posix())
                for inner in sorted(path.rglob("*"))
                if inner.is_file()
                and inner.name.lower().endswith(wanted)
                and not any(p.startswith(".") for p in inner.relative_to(path).parts)
            )
        else:
            raise PermanentError(
                f"There is no file or folder {path}. Give the path of the set's file."
            )
    if not found:
        kinds = ", ".join((*endings, ".zip", ".gz"))
        raise PermanentError(
            f"There is no file of this set's kinds ({kinds}) at the location. Put one "
            "there, or name another location."
        )
    return found


def _read(
    dataset: Dataset, piece: Piece, given: date | None, modified: date | None
) -> _Read:
    bound = fault = None
    if piece.damage is not None:
        fault = FileRefused("file_damaged", piece.damage, FETCH_AGAIN)
    else:
        try:
            bound = dataset.bind(piece)
        except FileRefused as error:
            fault = error
        except READ_ERRORS as error:
            reason = f"The file cannot be read: {error or type(error).__name__}."
            fault = FileRefused("file_damaged", reason, FETCH_AGAIN)
    day, day_from = _dated(piece, bound, given, modified)
    return _Read(piece, bound, fault, day, day_from)


def _dated(
    piece: Piece, bound: Bound | None, given: date | None, modified: date | None
) -> tuple[date, str]:
    """(release date, what it was read from)."""
    if given is not None:
        return given, "given by the caller"
    if bound is not None and bound.stated is not None:
        return bound.stated, bound.stated_by
    if (day := find_day(piece.name)) is not None:
        return day, "date in the file's name"
    if bound is not None and bound.covers is not None:
        return bound.covers, "last period it covers"
    if (day := find_month(piece.name)) is not None:
        return day, "month in the file's name"
    if modified is not None:
        return modified, "modification date at the server"
    return piece.modified, "modification date"


def _release(
    dataset: Dataset, part: str, reads: list[_Read], locations: dict[str, str]
) -> Release:
    # One content twice in a release (a copy, a ZIP beside its file) is one file.
    once = {read.piece.sha256: read for read in reversed(reads)}
    members = sorted(once.values(), key=lambda read: read.piece.name)
    digests = sorted(once)
    sha256 = digests[0]
    if len(digests) > 1:
        sha256 = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    outers = {read.piece.outer for read in members}
    name = min(outers)
    location = locations[name]
    if len(outers) > 1:
        location = str(Path(location).parent)
        name = f"{name} and {len(outers) - 1} more"
    first = members[0]
    return Release(
        dataset, part, first.day, first.day_from, sha256, tuple(members), name, location
    )
