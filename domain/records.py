"""What connectors hand to the loader: record batches, rejects, files and their counts.

Belongs here: the frozen shapes shared by every source, and the text dialect of a row.
Elsewhere: how a source is read (`connectors`), how rows reach tables (`database`).

The row dialect is PostgreSQL's COPY text format with ``;`` as delimiter and the empty
string as NULL. It is NSW PSI's own layout, so that most of its lines need no rewriting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID, uuid5

DELIMITER = ";"
NULL = ""

#: Longest text kept of one refused record; longer ones are cut and fingerprinted.
ORIGINAL_LIMIT = 64 * 1024

#: Root of every deterministic id the landing gives to files, batches and rejects.
NAMESPACE = UUID("7b0c5a4e-6a8e-5d0b-9a51-0c5d6f1e2a37")


def escape_value(value: str) -> str:
    """Return one value in the row dialect. NUL cannot be written: refuse it before."""
    return (
        value.replace("\\", "\\\\")
        .replace(";", "\\;")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
    )


def storable_text(value: str) -> str:
    """Return text PostgreSQL can hold: NUL and lone surrogates are made visible."""
    if "\x00" in value:
        value = value.replace("\x00", "\\x00")
    return value.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Original:
    """Text of a refused record; when cut, its full length and SHA-256 stay known."""

    text: str
    size_bytes: int
    sha256: str | None = None

    @classmethod
    def of(cls, text: str, encoding: str = "utf-8") -> Original:
        """Keep `text`, cut at `ORIGINAL_LIMIT` characters."""
        raw = text.encode(encoding, "surrogateescape")
        if len(text) <= ORIGINAL_LIMIT:
            return cls(storable_text(text), len(raw))
        digest = hashlib.sha256(raw).hexdigest()
        return cls(storable_text(text[:ORIGINAL_LIMIT]), len(raw), digest)


@dataclass(frozen=True, slots=True)
class Reject:
    """One refused record, or one refused file (`row_number` is None).

    `reason` names what was found, `fix` says how to mend it; both are whole sentences.
    """

    source: str
    source_file: str
    row_number: int | None
    field: str | None
    rule_id: str
    reason: str
    fix: str
    original: Original | None = None


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Some consecutive records of one file.

    `rows` are lines of the row dialect without the file's own columns and without an
    end of line; `hashes` are the rows' content hashes (32 hex digits), in step.
    `rejected` counts refused business records; `rejects` may hold more (a stray line).
    """

    rows: list[str]
    hashes: list[str]
    rejects: list[Reject]
    rejected: int

    @property
    def read(self) -> int:
        """Business records this batch accounts for."""
        return len(self.rows) + self.rejected

    @property
    def weight(self) -> int:
        """About how many ordinary rows this batch takes the memory of."""
        kept = sum(len(r.original.text) for r in self.rejects if r.original)
        return len(self.rows) + len(self.rejects) + kept // 512


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file inside its container: what the ledger calls it, before it is loaded.

    `partition_key` is the Monday of a weekly file as YYYY-MM-DD. `read_with` names what
    it was read with besides the code (a mapping's name or path), so that a later retry
    can read it the same way. `note` says what could not be checked of it.
    """

    source: str
    source_file: str
    container_file: str
    container_sha256: str
    sha256: str
    size_bytes: int
    partition_key: str | None
    read_with: str | None = None
    note: str | None = None

    @property
    def file_id(self) -> UUID:
        """Deterministic id: same bytes in the same container, same id."""
        name = f"{self.source}:{self.container_sha256}:{self.source_file}"
        return uuid5(NAMESPACE, name)


def batch_id_of(source: str, container_sha256: str) -> UUID:
    """Deterministic id of loading one container."""
    return uuid5(NAMESPACE, f"{source}:{container_sha256}")


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Business records of a file: read = loaded + repeated + rejected."""

    read: int = 0
    loaded: int = 0
    repeated: int = 0
    rejected: int = 0

    def __add__(self, other: FileCounts) -> FileCounts:
        return FileCounts(
            self.read + other.read,
            self.loaded + other.loaded,
            self.repeated + other.repeated,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. `status` is loaded, refused or known (seen before)."""

    source_file: str
    partition_key: str | None
    status: str
    reason: str | None
    counts: FileCounts


@dataclass(frozen=True, slots=True)
class FieldsSeen:
    """Field names one file showed: columns of a header, keys of JSON, elements of XML.

    `dataset` is what the names belong to (a mapping, an endpoint, a table); names are
    compared only within one. `known` are the names the connector reads or passes over
    on purpose, `required` those a file should not lack. `lists_all` says that the
    format names its fields whether or not they have values (a header): then a name seen
    before and absent now is missing, required or not.
    """

    dataset: str
    present: frozenset[str]
    known: frozenset[str]
    required: frozenset[str] = frozenset()
    lists_all: bool = False

    @property
    def unknown(self) -> frozenset[str]:
        """Names that are there and mean nothing to the connector."""
        return self.present - self.known

    @property
    def missing(self) -> frozenset[str]:
        """Required names that are not there."""
        return self.required - self.present


class ParsedFile(Protocol):
    """A file ready to load: scanned once, so that its verdict is known before a row."""

    @property
    def file(self) -> SourceFile:
        """Its name, fingerprint and place in the container."""
        ...

    @property
    def refusal(self) -> Reject | None:
        """Why the whole file is refused, or None. Its records then come as rejects."""
        ...

    @property
    def record_counts(self) -> dict[str, int]:
        """Lines by record letter or kind, for the ledger."""
        ...

    def batches(self) -> Iterator[RecordBatch]:
        """Stream the records; every business record is in `rows` or `rejected`."""
        ...

    def fields_seen(self) -> FieldsSeen | None:
        """Its field names, asked for after its batches; None: the format has none."""
        ...


class Container(Protocol):
    """One outer file (ZIP, loose file): the unit that is loaded whole or not at all."""

    @property
    def source(self) -> str:
        """The source it belongs to."""
        ...

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        ...

    @property
    def sha256(self) -> str:
        """Fingerprint of its bytes, hex."""
        ...

    @property
    def location(self) -> str | None:
        """Path or address the bytes can be read from again; None if nowhere."""
        ...

    def files(self) -> Iterator[ParsedFile]:
        """Scan and yield the files inside, in name order. Faults come as refusals."""
        ...


@dataclass(frozen=True, slots=True)
class TargetTable:
    """Where a source's rows go, and the columns its row text holds, in order."""

    source: str
    table: str
    columns: tuple[str, ...] = field(default=())
