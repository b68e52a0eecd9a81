"""PSI files inside their containers: scanned, and ready to be read for their records.

Belongs here: the files of one container, among them pairs of extracts (B records in one
file, their C records in another). Which containers there are is `containers`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from connectors.lines import read_blocks
from connectors.nsw_valuer.layers import Opener
from connectors.nsw_valuer.layout import SOURCE, Fault
from connectors.nsw_valuer.reading import (
    EarlyRead,
    read_records,
    read_with_strays,
    refuse_records,
    report_left_over,
)
from connectors.nsw_valuer.scan import (
    BYTE_ORDER_MARK,
    FETCH_AGAIN,
    READ_ERRORS,
    Scan,
    scan,
)
from connectors.nsw_valuer.strays import Strays
from domain.records import FieldsSeen, RecordBatch, Reject, SourceFile


@dataclass(frozen=True, slots=True)
class PsiFile:
    """One scanned PSI file, ready to be read once more for its records.

    `legal` opens the file that holds its C records, if they are not in it. `early` are
    its records where they were read with the scan.
    """

    file: SourceFile
    found: Scan
    open: Opener
    strays: Strays | None = None
    legal: Opener | None = None
    early: list[RecordBatch] | None = field(default=None, repr=False)

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
        if self.found.fault is not None:
            try:
                with self.open() as stream:
                    yield from refuse_records(
                        name, read_blocks(stream), self.found.fault
                    )
            except READ_ERRORS:
                return  # the file's own reject says that it ends early
        elif self.strays is not None and self.legal is not None:
            with self.legal() as stream:
                self.strays.fill(read_blocks(stream))
            yield from read_with_strays(name, self.strays, self.open)
        elif self.early is not None:
            yield from self.early
        else:
            yield from read_records(name, self.found, self.open)

    def fields_seen(self) -> FieldsSeen | None:
        """None: PSI fields have places, not names."""
        return None


@dataclass(frozen=True, slots=True)
class LegalFile:
    """The file of C records that was joined to the file of B records before it."""

    file: SourceFile
    found: Scan
    strays: Strays
    refusal: Reject | None = None

    @property
    def record_counts(self) -> dict[str, int]:
        """Records by letter."""
        return self.found.counts

    def batches(self) -> Iterator[RecordBatch]:
        """No records of its own; rejects of C records that no sale asked for."""
        yield from report_left_over(self.file.source_file, self.strays)
        self.strays.close()

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


AnyFile = PsiFile | LegalFile | BareFile


def refusal_of(source_file: str, fault: Fault) -> Reject:
    """The reject that stands for a whole file."""
    return Reject(
        SOURCE, source_file, None, fault.field, fault.rule_id, fault.reason, fault.fix
    )


def scanned(
    name: str,
    open_file: Opener,
    describe: Callable[[Scan], SourceFile],
    *,
    needs_trailer: bool,
) -> PsiFile:
    """Scan a file; `describe` tells of it, given what was found."""
    early = EarlyRead(name)
    found = scan(open_file, needs_trailer=needs_trailer, count=early.count)
    # What came in several pieces was read in part.
    batches = early.batches if found.content is not None else None
    reopen = _reopener(found, open_file)
    return PsiFile(describe(found), found, reopen, early=batches)


def paired(
    sales: tuple[Opener, Callable[[Scan], SourceFile]],
    legal: tuple[Opener, Callable[[Scan], SourceFile]],
) -> Iterator[PsiFile | LegalFile]:
    """A file of B records with that of their C records, joined if they are these.

    Were a damaged file of C records passed over, the sales would stay without legal
    descriptions for good: a repeat does not change a row. So both are refused.
    """
    one = scan(sales[0], needs_trailer=False)
    other = scan(legal[0], needs_trailer=False)
    second = PsiFile(legal[1](other), other, _reopener(other, legal[0]))
    is_legal = other.fault is not None and other.fault.rule_id == "sales_missing"
    if one.fault is None and other.fault is not None and not is_legal:
        one = one.refused(_legal_unreadable(other.fault))
    first = PsiFile(sales[1](one), one, _reopener(one, sales[0]))
    if one.fault is not None or not is_legal:
        yield first
        yield second
        return
    strays = Strays()
    yield PsiFile(first.file, one, first.open, strays, second.open)
    yield LegalFile(second.file, other, strays)


def _legal_unreadable(fault: Fault) -> Fault:
    return Fault(
        None,
        "legal_unreadable",
        f"The file of its C records is refused: {fault.reason}",
        FETCH_AGAIN,
    )


def _reopener(found: Scan, open_file: Opener) -> Opener:
    """Opens a file again, from memory if it is small, without a byte order mark."""
    if found.content is not None:
        return partial(io.BytesIO, found.content)
    return partial(_open_past_mark, open_file)


def _open_past_mark(open_file: Opener) -> BinaryIO:
    stream = open_file()
    if stream.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK:
        return stream
    stream.close()
    return open_file()
