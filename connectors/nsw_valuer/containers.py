"""Finding PSI containers: what is loaded whole or not at all.

Belongs here: ZIP layers, folders, and what is refused before a file can be scanned. A
container is a weekly ZIP (wherever it is nested), the files of one week in a ZIP that
holds a year of them unpacked, or a loose file (an extract with its sibling).
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from connectors.archives import (
    DEFAULT_LIMITS,
    Limits,
    checked_members,
    open_member,
)
from connectors.lines import CHUNK
from connectors.nsw_valuer.files import (
    AnyFile,
    BareFile,
    paired,
    refusal_of,
    scanned,
)
from connectors.nsw_valuer.layers import (
    SPOOLED,
    ZIP_ERRORS,
    Opener,
    Source,
    first_bytes,
    gunzipped,
    limited_opener,
    opener_of,
    spooled,
    zip_fault,
)
from connectors.nsw_valuer.layout import SOURCE, Fault
from connectors.nsw_valuer.names import (
    Weeks,
    days_of,
    is_wanted,
    legal_sibling,
    week_of,
)
from connectors.nsw_valuer.scan import FETCH_AGAIN, READ_ERRORS, Scan
from domain.errors import PermanentError
from domain.records import SourceFile, storable_text

_DATA = (".dat", ".dat.gz")
#: Names that may hold PSI records; a look at their first bytes decides.
_PERHAPS = (".txt", ".gz", ".txt.gz")
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?[ABC];[^;\n]*;[^;\n]*;")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class PsiContainer:
    """What is loaded whole or not at all. Valid until the next one is asked for.

    `members` are the names of its files in a ZIP that holds others too; None for all.
    `parts` are a loose file, perhaps with its sibling, by name.
    """

    name: str
    sha256: str
    size_bytes: int
    open: Opener
    is_zip: bool
    limits: Limits = DEFAULT_LIMITS
    source: str = SOURCE
    #: Path of the outer file: its own, or the yearly ZIP's.
    location: str | None = None
    #: What the names of its files begin with, if not its own name.
    prefix: str | None = None
    members: frozenset[str] | None = None
    parts: tuple[tuple[str, Opener], ...] = ()
    problem: Fault | None = None

    def files(self) -> Iterator[AnyFile]:
        """Scan and yield the PSI files inside, in name order."""
        if self.problem is not None:
            yield self._refused(self.problem)
            return
        if not self.is_zip:
            yield from self._scanned(self.parts or ((self.name, self.open),))
            return
        try:
            with self.open() as outer, zipfile.ZipFile(outer) as archive:
                yield from self._members(archive)
        except ZIP_ERRORS as error:
            yield self._refused(zip_fault(error))

    def _members(self, archive: zipfile.ZipFile) -> Iterator[AnyFile]:
        everything = list(checked_members(archive, self.limits))
        data = [
            (f"{self.prefix or self.name}/{storable_text(name)}", opener)
            for name, opener in _data_members(archive, everything, self.limits)
            if self.members is None or name in self.members
        ]
        if data:
            yield from self._scanned(data)
            return
        is_text = all(name.lower().endswith(".txt") for name, _ in everything)
        if is_text and week_of(self.name) is not None:
            # A week without sales holds its licence alone; other ZIPs are mistakes.
            file = self._file(self.name, self.sha256, self.size_bytes)
            yield BareFile(file, None)
            return
        reason = "The ZIP holds no .DAT file."
        yield self._refused(Fault(None, "zip_without_data", reason, FETCH_AGAIN))

    def _scanned(self, parts: Iterable[tuple[str, Opener]]) -> Iterator[AnyFile]:
        by_name = dict(parts)
        siblings = {
            name: sibling
            for name in by_name
            if (sibling := legal_sibling(name)) in by_name and sibling is not None
        }
        for name, opener in by_name.items():
            if name in siblings.values():
                continue
            if (sibling := siblings.get(name)) is not None:
                yield from paired(
                    (opener, partial(self._describe, name)),
                    (by_name[sibling], partial(self._describe, sibling)),
                )
                continue
            # An extract bears a name of its own; the publisher's files are whole.
            whole = _real(name).lower().endswith(_DATA)
            describe = partial(self._describe, name)
            yield scanned(name, opener, describe, needs_trailer=whole)

    def _describe(self, name: str, found: Scan) -> SourceFile:
        file = self._file(name, found.sha256, found.size_bytes)
        return replace(file, note=found.note) if found.note else file

    def _file(self, name: str, sha256: str, size: int) -> SourceFile:
        week = week_of(_real(name)) or week_of(self.name)
        return SourceFile(
            source=self.source,
            source_file=name,
            container_file=self.name,
            container_sha256=self.sha256,
            sha256=sha256,
            size_bytes=size,
            partition_key=week.isoformat() if week else None,
        )

    def _refused(self, fault: Fault) -> BareFile:
        file = self._file(self.name, self.sha256, self.size_bytes)
        return BareFile(file, refusal_of(self.name, fault))


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
        source = Source(name, opener_of(path), path.stat().st_size)
        for container in _containers_of(source, path, weeks, limits):
            yield index, replace(container, location=str(path))


def _containers_of(
    source: Source, path: Path, weeks: Weeks | None, limits: Limits
) -> Iterator[PsiContainer]:
    """What one outer file holds."""
    name = source.name
    is_packed = first_bytes(source.open, 2) == b"\x1f\x8b"
    if is_packed:
        source = Source(name, gunzipped(source.open, source.size, limits), 0)
    if first_bytes(source.open, 2) == b"PK" or _plain(name).endswith(".zip"):
        if not is_packed:
            yield from _unpack(source, weeks, limits)
            return
        with tempfile.SpooledTemporaryFile(SPOOLED) as spool:
            yield from _unpack(spooled(name, source.open, spool), weeks, limits)
        return
    sibling = legal_sibling(path.name)
    beside = path.with_name(sibling) if sibling else None
    size = path.stat().st_size
    outer = Source(name, opener_of(path), size)
    opener = limited_opener(source.open, limits, name) if not is_packed else source.open
    if beside is None or not beside.is_file():
        yield PsiContainer(name, outer.digest, size, opener, False, limits)
        return
    other = Source(
        name.removesuffix(path.name) + beside.name,
        opener_of(beside),
        beside.stat().st_size,
    )
    second = other.open
    if first_bytes(second, 2) == b"\x1f\x8b":
        second = gunzipped(second, other.size, limits)
    digest = hashlib.sha256(f"{outer.digest}{other.digest}".encode()).hexdigest()
    parts = ((name, opener), (other.name, second))
    size += other.size
    yield PsiContainer(name, digest, size, opener, False, limits, parts=parts)


def _outer_files(location: Path, weeks: Weeks | None) -> list[tuple[str, Path]]:
    if location.is_file():
        return [(storable_text(location.name), location)]
    if not location.is_dir():
        raise PermanentError(
            f"There is no file or folder {location}. Give the folder that holds the "
            "weekly ZIPs (YYYYMMDD.zip), one such file, or the address of a listing."
        )
    paths = {path for path in location.rglob("*") if _may_be_psi(path)}
    if not paths:
        raise PermanentError(
            f"The folder {location} holds no .zip or .DAT file. Put weekly PSI files "
            "(YYYYMMDD.zip) there, or name another folder."
        )
    for path in list(paths):
        if sibling := legal_sibling(path.name):
            paths.discard(path.with_name(sibling))
    named = [(storable_text(str(path.relative_to(location))), path) for path in paths]
    wanted = [item for item in named if is_wanted(item[1].name, weeks)]
    return sorted(wanted, key=lambda item: _order(item[0]))


def _order(name: str) -> tuple[date, str]:
    days = days_of(name)
    return (days[0] if days else date.min, name)


def _may_be_psi(path: Path) -> bool:
    name = path.name.lower()
    if name.startswith(".") or not path.is_file():
        return False
    if _plain(name).endswith((".zip", ".dat")):
        return True
    return name.endswith(_PERHAPS) and _looks_like_psi(opener_of(path))


def _looks_like_psi(open_it: Opener) -> bool:
    try:
        if first_bytes(open_it, 2) == b"\x1f\x8b":
            open_it = gunzipped(open_it, 0, DEFAULT_LIMITS)
        return _BEGINS.match(first_bytes(open_it, 300)) is not None
    except READ_ERRORS:
        return False


def _plain(name: str) -> str:
    return name.lower().removesuffix(".gz")


def _unpack(
    source: Source, weeks: Weeks | None, limits: Limits, depth: int = 1
) -> Iterator[PsiContainer]:
    """Containers of a ZIP: itself, its weeks, or those of the ZIPs inside."""
    name = source.name
    try:
        with source.open() as outer, zipfile.ZipFile(outer) as archive:
            everything = list(checked_members(archive, limits))
            data = [member for member, _ in _data_members(archive, everything, limits)]
    except ZIP_ERRORS:
        # It says why when its files are asked for.
        yield PsiContainer(name, source.digest, source.size, source.open, True, limits)
        return
    inner = [m for m in everything if m[1].filename.lower().endswith(".zip")]
    if inner:
        yield from _inner(source, inner, weeks, limits, depth)
    if data or not inner:
        yield from _own(source, data, weeks, limits)


def _own(
    source: Source, data: list[str], weeks: Weeks | None, limits: Limits
) -> Iterator[PsiContainer]:
    """The files that lie in a ZIP itself: one container a week."""
    groups: dict[date | None, list[str]] = {}
    for member in data:
        groups.setdefault(week_of(_real(member)), []).append(member)
    if len(groups) <= 1:
        yield PsiContainer(
            source.name, source.digest, source.size, source.open, True, limits
        )
        return
    for week in sorted(groups, key=lambda week: week or date.min):
        if weeks is not None and (week is None or not weeks[0] <= week <= weeks[1]):
            continue
        members = groups[week]
        digest, size = _digest_of(source, members, limits)
        yield PsiContainer(
            f"{source.name}/{week or 'undated'}",
            digest,
            size,
            source.open,
            True,
            limits,
            prefix=source.name,
            members=frozenset(members),
        )


def _digest_of(source: Source, members: list[str], limits: Limits) -> tuple[str, int]:
    """Fingerprint and unpacked size of some members, of what can be read of them."""
    digest, size = hashlib.sha256(), 0
    with source.open() as outer, zipfile.ZipFile(outer) as archive:
        for name, info in checked_members(archive, limits):
            if name not in members:
                continue
            digest.update(f"\n{name}\n".encode("utf-8", "surrogateescape"))
            try:
                with open_member(archive, info, limits) as stream:
                    while data := stream.read(CHUNK):
                        digest.update(data)
                        size += len(data)
            except ZIP_ERRORS:
                continue
    return digest.hexdigest(), size


def _inner(
    source: Source,
    inner: list[tuple[str, zipfile.ZipInfo]],
    weeks: Weeks | None,
    limits: Limits,
    depth: int,
) -> Iterator[PsiContainer]:
    """ZIPs of a ZIP, unpacked one at a time (to disk beyond 32 MiB)."""
    wanted = [member for member in inner if is_wanted(member[1].filename, weeks)]
    with source.open() as outer, zipfile.ZipFile(outer) as archive:
        for member, info in sorted(wanted, key=lambda item: _order(item[0])):
            label = f"{source.name}/{storable_text(member)}"
            with tempfile.SpooledTemporaryFile(SPOOLED) as spool:
                opener = partial(open_member, archive, info, limits)
                found = spooled(label, opener, spool)
                if depth < _DEEPEST:
                    yield from _unpack(found, weeks, limits, depth + 1)
                    continue
                reason = f"The ZIP lies in more than {_DEEPEST} others."
                yield PsiContainer(
                    label,
                    found.digest,
                    found.size,
                    found.open,
                    True,
                    limits,
                    problem=Fault(None, "zip_unsafe", reason, FETCH_AGAIN),
                )


def _data_members(
    archive: zipfile.ZipFile,
    everything: list[tuple[str, zipfile.ZipInfo]],
    limits: Limits,
) -> Iterator[tuple[str, Opener]]:
    """Name and opener of the members that hold PSI records."""
    for name, info in everything:
        lower = info.filename.lower()
        opener: Opener = partial(open_member, archive, info, limits)
        if lower.endswith(".gz"):
            opener = gunzipped(opener, info.file_size, limits)
        if lower.endswith(_DATA) or (
            lower.endswith(_PERHAPS) and _looks_like_psi(opener)
        ):
            yield name, opener


def _real(name: str) -> str:
    """A member's name as stored, where a number tells equal ones apart."""
    return re.sub(r"#\d+$", "", name)
