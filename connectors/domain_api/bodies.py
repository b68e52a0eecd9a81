"""Answers as files: written whole or not at all, and read back as containers.

Belongs here: the file format. Line 1 says what was asked and when, each further line is
one item of the answer, so that a row's file and line lead to the JSON it came from and
a mended parser can read it again. What the items mean is `parse`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors.domain_api.datasets import DATASETS
from connectors.domain_api.layout import SOURCE, Dataset, Json
from connectors.domain_api.parse import MEND, BodyReader, Parsed
from domain.errors import PermanentError
from domain.records import FieldsSeen, RecordBatch, Reject, SourceFile, TargetTable

ENDING = ".jsonl.gz"
_READ_ERRORS = (
    *(OSError, EOFError, zlib.error, ValueError, KeyError, TypeError),
    RecursionError,  # brackets in brackets in brackets
)


@dataclass(frozen=True, slots=True)
class Body:
    """One answer: which dataset, what was asked, what came, when (UTC).

    `facts` are what the answer's headers said (total, page), `around` what its records
    cannot say themselves (a city).
    """

    dataset: str
    request: Json
    items: list[Any]
    fetched_at: datetime
    around: Json = field(default_factory=dict)
    facts: Json = field(default_factory=dict)


def write_body(path: Path, body: Body) -> None:
    """Write a body where a file of this name is then whole; parents are made."""
    head = {
        "dataset": body.dataset,
        "request": body.request,
        "around": body.around,
        "facts": body.facts,
        "fetched_at": body.fetched_at.astimezone(UTC).isoformat(),
    }
    lines = [head, *body.items]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    packed = gzip.compress(text.encode(), compresslevel=5, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(packed)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_body(path: Path) -> Body:
    """Read a body back.

    Raises:
        PermanentError: the file is not one of ours.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            head = json.loads(stream.readline())
            return Body(
                head["dataset"],
                head["request"],
                [json.loads(line) for line in stream],
                datetime.fromisoformat(head["fetched_at"]),
                head["around"],
                head["facts"],
            )
    except _READ_ERRORS as error:
        raise PermanentError(
            f"The landed file {path.name} cannot be read ({error}): remove it, and the "
            "next run fetches it again."
        ) from error


@dataclass(frozen=True, slots=True)
class BodyFile:
    """A landed body with its records read."""

    file: SourceFile
    refusal: Reject | None
    parsed: Parsed
    record_counts: dict[str, int]

    def batches(self) -> Iterator[RecordBatch]:
        """All its records at once; a page is small."""
        yield self.parsed.batch

    def fields_seen(self) -> FieldsSeen | None:
        """The JSON keys of its items."""
        return self.parsed.fields


@dataclass(frozen=True)
class BodyContainer:
    """A landed body, loaded whole or not at all."""

    name: str
    path: Path
    source: str = SOURCE

    @property
    def location(self) -> str:
        """Where it lies."""
        return str(self.path)

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the file's bytes."""
        return hashlib.sha256(self._packed).hexdigest()

    @cached_property
    def _packed(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def read(self) -> BodyFile:
        """The file, read and judged."""
        try:
            text = gzip.decompress(self._packed).decode("utf-8")
            lines = text.split("\n")
            head = json.loads(lines[0])
            dataset = DATASETS[head["dataset"]]
            around, fetched_at = dict(head["around"]), str(head["fetched_at"])
            datetime.fromisoformat(fetched_at)
        except _READ_ERRORS as error:
            return self._refused(f"The file cannot be read: {error or 'it is cut'}.")
        reader = BodyReader(dataset, self.name, around, fetched_at)
        parsed = reader.read(
            (number, line) for number, line in enumerate(lines[1:], start=2) if line
        )
        return BodyFile(
            self._file(dataset), None, parsed, {"items": sum(map(bool, lines[1:]))}
        )

    @property
    def target(self) -> TargetTable:
        """Where its rows go."""
        name = self.read.file.read_with
        return DATASETS[name or "listings"].target

    def files(self) -> Iterator[BodyFile]:
        """The one file."""
        yield self.read

    def _file(self, dataset: Dataset | None) -> SourceFile:
        return SourceFile(
            SOURCE,
            self.name,
            self.name,
            self.sha256,
            self.sha256,
            len(self._packed),
            None,
            dataset.name if dataset else None,
        )

    def _refused(self, reason: str) -> BodyFile:
        reject = Reject(SOURCE, self.name, None, None, "file_damaged", reason, MEND)
        empty = Parsed(RecordBatch([], [], [], 0), [], None)
        return BodyFile(self._file(None), reject, empty, {})
