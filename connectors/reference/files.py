"""A recognised reference file as the loader wants it: batches of row text and rejects.

Belongs here: row text, content hashes that include the release, and refusals of whole
files. What the rows are is each dataset's module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from uuid import UUID

from connectors.reference.model import Bad, Bound, FileRefused, Good, Packed
from domain.records import (
    FieldsSeen,
    Original,
    RecordBatch,
    Reject,
    SourceFile,
    escape_value,
    storable_text,
)

_BATCH = 4_000
_NUL = "\x00"


@dataclass(frozen=True, slots=True)
class ReferenceFile:
    """One file of a release, ready to load; `bound` is None when it is refused."""

    file: SourceFile
    release_id: UUID
    bound: Bound | None
    refusal: Reject | None = None
    record_counts: dict[str, int] = field(default_factory=dict)

    def fields_seen(self) -> FieldsSeen | None:
        """Its header's names; None for a refused file."""
        return self.bound.fields if self.bound is not None else None

    def batches(self) -> Iterator[RecordBatch]:
        """Stream the records. A row is known by its release and its content."""
        if self.bound is None or self.refusal is not None:
            return
        release = str(self.release_id)
        seed = md5(release.encode(), usedforsecurity=False)
        batch = RecordBatch([], [], [], 0)
        rejected = 0
        for record in self.bound.records():
            if isinstance(record, Packed):
                yield _packed(release, seed, record)
                continue
            if isinstance(record, Good):
                line = _row_text(record)
                if line is not None:
                    digest = seed.copy()
                    digest.update(line.encode())
                    key = digest.hexdigest()
                    batch.rows.append(f"{release};{line};{key};{record.row_number}")
                    batch.hashes.append(key)
                else:
                    batch.rejects.append(self._unstorable(record))
                    rejected += 1
            else:
                batch.rejects.append(self._reject(record))
                rejected += record.records
            if len(batch.rows) + len(batch.rejects) >= _BATCH:
                yield RecordBatch(batch.rows, batch.hashes, batch.rejects, rejected)
                batch, rejected = RecordBatch([], [], [], 0), 0
        if batch.rows or batch.rejects:
            yield RecordBatch(batch.rows, batch.hashes, batch.rejects, rejected)
        self.record_counts.update(self.bound.counts)

    def _reject(self, bad: Bad) -> Reject:
        file = self.file
        return Reject(
            file.source,
            file.source_file,
            bad.row_number,
            bad.field,
            bad.rule_id,
            bad.reason,
            bad.fix,
            Original.of(bad.text),
        )

    def _unstorable(self, good: Good) -> Reject:
        text = "\t".join(storable_text(value or "") for value in good.values)
        return self._reject(
            Bad(
                good.row_number,
                None,
                "line_unreadable",
                "The line holds a NUL character, which cannot be stored.",
                "Correct the line in the file, or fetch the file again.",
                text,
            )
        )


def _row_text(record: Good) -> str | None:
    """The business columns in the row dialect; None if they cannot be stored."""
    values = [escape_value(value) if value else "" for value in record.values]
    line = ";".join(values)
    return None if _NUL in line else line


def _packed(release: str, seed: md5, record: Packed) -> RecordBatch:  # type: ignore[valid-type]
    rows: list[str] = []
    hashes: list[str] = []
    for number, line in zip(record.row_numbers, record.lines, strict=True):
        digest = seed.copy()  # type: ignore[attr-defined]
        digest.update(line.encode())
        key = digest.hexdigest()
        hashes.append(key)
        rows.append(f"{release};{line};{key};{number}")
    return RecordBatch(rows, hashes, [], 0)


def refused(file: SourceFile, release_id: UUID, fault: FileRefused) -> ReferenceFile:
    """A file that is not read at all."""
    reject = Reject(
        file.source,
        file.source_file,
        None,
        fault.field,
        fault.rule_id,
        fault.reason,
        fault.fix,
    )
    return ReferenceFile(file, release_id, None, reject)
