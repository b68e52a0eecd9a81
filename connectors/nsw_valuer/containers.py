"""Finding PSI files: weekly ZIPs, yearly ZIPs of weekly ZIPs, loose .DAT, folders.

Belongs here: names, weeks, ZIP layers and what is refused before a file can be scanned.
A container is what is loaded whole or not at all: a weekly ZIP (also inside a yearly
one) or a loose file.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from connectors.archives import (
    DEFAULT_LIMITS,
    MIB,
    Limits,
    UnsafeArchiveError,
    checked_members,
    limited,
    open_member,
    sha256_of,
)
from connectors.lines import CHUNK, read_blocks
from connectors.nsw_valuer.layout import SOURCE, Fault
from connectors.nsw_valuer.parse import ArchiveReader, CurrentReader, refuse_records
from connectors.nsw_valuer.scan import FETCH_AGAIN, READ_ERRORS, Scan, scan
from domain.errors import PermanentError
from domain.records import FieldsSeen, RecordBatch, Reject, SourceFile, storable_text

Weeks = tuple[date, date]

_WEEKLY_NAME = re.compile(r"(?<!\d)(\d{8})\.zip$", re.IGNORECASE)
_YEARLY_NAME = re.compile(r"(?<!\d)(\d{4})\.zip$", re.IGNORECASE)
_DAT_NAME = re.compile(r"_(\d{2})(\d{2})(\d{4})\.dat$", re.IGNORECASE)


def week_of(name: str) -> date | None:
    """Monday of the week in a file's name (`20240617.zip`, `..._17062024.DAT`)."""
    if found := _WEEKLY_NAME.search(name):
        text = found[1]
    elif found := _DAT_NAME.search(name):
        text = found[3] + found[2] + found[1]
    else:
        return None
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
    return day - timedelta(days=day.weekday())


def is_wanted(name: str, weeks: Weeks | None) -> bool:
    """Whether a file may hold one of the weeks (first and last Monday, inclusive)."""
    if weeks is None:
        return True
    if found := _YEARLY_NAME.search(name):
        return weeks[0].year <= int(found[1]) <= weeks[1].year
    week = week_of(name)
    return week is not None and weeks[0] <= week <= weeks[1]


@dataclass(frozen=True, slots=True)
class PsiFile:
    """One scanned PSI file, ready to be read once more for its records."""

    file: SourceFile
    found: Scan
    open: Callable[[], BinaryIO]

    @property
    def refusal(self) -> Reject | None:
        """Why the whole file is refused, or None."""
        if self.found.fault is None:
            return None
        return refusal_of(self.file.source_file, self.found.fault)

    @property
    def record_counts(self) -> dict[str, int]:
        """Records by letter."""
        return self.found.counts

    def batches(self) -> Iterator[RecordBatch]:
        """Stream the records; those of a refused file come as rejects."""
        name = self.file.source_file
        fault = self.found.fault
        if fault is not None:
            try:
                with self.open() as stream:
                    yield from refuse_records(name, read_blocks(stream), fault)
            except READ_ERRORS:
                return  # the file's own reject says that it ends early
            return
        kind = ArchiveReader if self.found.record_format == "archive" else CurrentReader
        reader = kind(name, self.found.downloaded_at)
        with self.open() as stream:
            yield from reader.read(read_blocks(stream))

    def fields_seen(self) -> FieldsSeen | None:
        """None: PSI fields have places, not names."""
        return None


@dataclass(frozen=True, slots=True)
class BareFile:
    """A container without a file to read: refused, or a week of no sales."""

    file: SourceFile
    refusal: Reject | None
    record_counts: dict[str, int] = field(default_factory=dict)

    def batches(self) -> Iterator[RecordBatch]:
        """There are none."""
        return iter(())

    def fields_seen(self) -> FieldsSeen | None:
        """None: there is nothing in it."""
        return None


@dataclass(frozen=True, slots=True)
class PsiContainer:
    """A weekly ZIP or a loose file. Valid until the next one is asked for."""

    name: str
    sha256: str
    size_bytes: int
    open: Callable[[], BinaryIO]
    is_zip: bool
    limits: Limits = DEFAULT_LIMITS
    source: str = SOURCE
    #: Path of the outer file: its own, or the yearly ZIP's.
    location: str | None = None

    def files(self) -> Iterator[PsiFile | BareFile]:
        """Scan and yield the PSI files inside, in name order."""
        if not self.is_zip:
            yield self._scanned(self.name, self.open)
            return
        try:
            with self.open() as outer, zipfile.ZipFile(outer) as archive:
                members = list(checked_members(archive, self.limits))
                endings = [info.filename.lower()[-4:] for _, info in members]
                for (name, info), ending in zip(members, endings, strict=True):
                    if ending == ".dat":
                        yield self._member(archive, name, info)
                if ".dat" not in endings:
                    yield self._without_data(set(endings) <= {".txt"})
        except (zipfile.BadZipFile, UnsafeArchiveError, NotImplementedError) as error:
            unsafe = isinstance(error, UnsafeArchiveError)
            rule = "zip_unsafe" if unsafe else "zip_damaged"
            yield self._refused(rule, f"The ZIP cannot be opened: {error}.")

    def _member(
        self, archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo
    ) -> PsiFile:
        def open_it() -> BinaryIO:
            return open_member(archive, info, self.limits)

        return self._scanned(f"{self.name}/{storable_text(name)}", open_it)

    def _scanned(self, name: str, open_it: Callable[[], BinaryIO]) -> PsiFile:
        found = scan(open_it)
        if (content := found.content) is not None:
            open_it = partial(io.BytesIO, content)
        return PsiFile(self._file(name, found.sha256, found.size_bytes), found, open_it)

    def _file(self, name: str, sha256: str, size: int) -> SourceFile:
        week = week_of(name) or week_of(self.name)
        return SourceFile(
            source=self.source,
            source_file=name,
            container_file=self.name,
            container_sha256=self.sha256,
            sha256=sha256,
            size_bytes=size,
            partition_key=week.isoformat() if week else None,
        )

    def _without_data(self, is_only_text: bool) -> BareFile:
        """A week without sales holds its licence alone; other ZIPs are mistakes."""
        if is_only_text and week_of(self.name) is not None:
            return BareFile(self._file(self.name, self.sha256, self.size_bytes), None)
        return self._refused("zip_without_data", "The ZIP holds no .DAT file.")

    def _refused(self, rule: str, reason: str) -> BareFile:
        fault = Fault(None, rule, reason, FETCH_AGAIN)
        file = self._file(self.name, self.sha256, self.size_bytes)
        return BareFile(file, refusal_of(self.name, fault))


def refusal_of(source_file: str, fault: Fault) -> Reject:
    """The reject that stands for a whole file."""
    return Reject(
        SOURCE, source_file, None, fault.field, fault.rule_id, fault.reason, fault.fix
    )


def count_containers(location: Path, weeks: Weeks | None = None) -> int:
    """Outer files that `find_containers` would visit, for progress."""
    return len(_outer_files(location, weeks))


def find_containers(
    location: Path, weeks: Weeks | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[int, PsiContainer]]:
    """Yield (number of the outer file, container) below a folder or for one file.

    Containers come in the order of their weeks, so that the first of repeated records
    is the oldest. Files whose name tells no week are left out when `weeks` is given.

    Raises:
        PermanentError: nothing is there, or nothing that looks like PSI.
    """
    for index, (name, path) in enumerate(_outer_files(location, weeks), start=1):
        with path.open("rb") as stream:
            is_zip = stream.read(2) == b"PK" or path.suffix.lower() == ".zip"
        yearly = list(_inner_zips(path, limits)) if is_zip else []
        if yearly:
            for container in _open_inner(path, name, weeks, limits):
                yield index, container
        if not yearly or _has_loose(path):
            size = path.stat().st_size
            digest = sha256_of(path)
            opener = _opener(path, limits if not is_zip else None)
            yield (
                index,
                PsiContainer(
                    name, digest, size, opener, is_zip, limits, location=str(path)
                ),
            )


def _opener(path: Path, limits: Limits | None) -> Callable[[], BinaryIO]:
    def open_it() -> BinaryIO:
        if limits is None:
            return path.open("rb")
        return limited(path.open("rb"), limits.member_bytes, path.name)

    return open_it


def _outer_files(location: Path, weeks: Weeks | None) -> list[tuple[str, Path]]:
    if location.is_file():
        return [(storable_text(location.name), location)]
    if not location.is_dir():
        raise PermanentError(
            f"There is no file or folder {location}. Give the folder that holds the "
            "weekly ZIPs (YYYYMMDD.zip), one such file, or the address of a listing."
        )
    paths = [
        path
        for path in location.rglob("*")
        if path.suffix.lower() in (".zip", ".dat")
        and not path.name.startswith(".")
        and path.is_file()
    ]
    if not paths:
        raise PermanentError(
            f"The folder {location} holds no .zip or .DAT file. Put weekly PSI files "
            "(YYYYMMDD.zip) there, or name another folder."
        )
    named = [(storable_text(str(path.relative_to(location))), path) for path in paths]
    wanted = [item for item in named if is_wanted(item[1].name, weeks)]
    return sorted(wanted, key=lambda item: (week_of(item[0]) or date.min, item[0]))


def _inner_zips(path: Path, limits: Limits) -> Iterator[str]:
    """Names of ZIPs inside a ZIP; none for a damaged one, which is refused later."""
    try:
        with zipfile.ZipFile(path) as archive:
            for name, _ in checked_members(archive, limits):
                if name.lower().endswith(".zip"):
                    yield name
    except (zipfile.BadZipFile, UnsafeArchiveError, NotImplementedError):
        return


def _has_loose(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(name.lower().endswith(".dat") for name in archive.namelist())


def _open_inner(
    path: Path, name: str, weeks: Weeks | None, limits: Limits
) -> Iterator[PsiContainer]:
    """Weekly ZIPs of a yearly one, unpacked one at a time (to disk beyond 32 MiB)."""
    with zipfile.ZipFile(path) as archive:
        inner = [
            (member, info)
            for member, info in checked_members(archive, limits)
            if member.lower().endswith(".zip") and is_wanted(member, weeks)
        ]
        inner.sort(key=lambda item: (week_of(item[0]) or date.min, item[0]))
        for member, info in inner:
            label = f"{name}/{storable_text(member)}"
            with tempfile.SpooledTemporaryFile(32 * MIB) as spool:
                yield replace(
                    _spooled(archive, info, label, spool, limits), location=str(path)
                )


def _spooled(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    label: str,
    spool: tempfile.SpooledTemporaryFile[bytes],
    limits: Limits,
) -> PsiContainer:
    digest = hashlib.sha256()
    try:
        with open_member(archive, info, limits) as stream:
            while data := stream.read(CHUNK):
                digest.update(data)
                spool.write(data)
    except READ_ERRORS:
        # What could be unpacked is a ZIP cut short: refused when it is opened.
        spool.truncate()
    size = spool.tell()
    whole = _Rewound(spool)
    return PsiContainer(
        label, digest.hexdigest(), size, whole.open, is_zip=True, limits=limits
    )


@dataclass(frozen=True, slots=True)
class _Rewound:
    """Opens an unpacked file from its start, without closing it at the end."""

    spool: tempfile.SpooledTemporaryFile[bytes]

    def open(self) -> BinaryIO:
        self.spool.seek(0)
        return _KeptOpen(self.spool)  # type: ignore[return-value]


class _KeptOpen:
    """A view of an open file whose `close` leaves the file open."""

    def __init__(self, inner: tempfile.SpooledTemporaryFile[bytes]) -> None:
        self._inner = inner

    def __enter__(self) -> _KeptOpen:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)
