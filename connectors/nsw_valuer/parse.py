"""Second pass over a PSI file: records to rows, or to rejects that say why not.

Belongs here: joining C (legal description) and D (parties) records to their B record
and judging single records. Whole files are judged by `scan`, fields by `layout`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import md5

from connectors.lines import Block, LongLine
from connectors.nsw_valuer.layout import (
    CLEAN_SALE,
    CONTRACT,
    CURRENT,
    JOIN_KEY,
    REISSUE,
    SETTLEMENT,
    SOURCE,
    Fault,
    date_fault,
    diagnose_current,
    is_day,
    is_moment,
)
from connectors.nsw_valuer.strays import Stray, Strays
from domain.records import ORIGINAL_LIMIT, Original, RecordBatch, Reject, escape_value

#: A legal description is cut at 70 characters a record; a longer one is no description.
LEGAL_LIMIT = 4096
_MOST_PARTIES = 32_767
#: Business fields together no longer than this: then none of them is too long.
_SHORT = 255
#: Lines read before they are handed on; the usual block holds half as many.
MOST_AT_ONCE = 20_000
_NO_KEY = "\x00"


class CurrentReader:
    """Reads the current format. One reader reads one file.

    D and C records directly follow their B record and repeat its first three fields
    (and its download time, unless the minute turned in between). Where they do not,
    `is_disordered` tells so, and another reader given the file's `strays` reads it.
    """

    record_format = "current"

    def __init__(
        self,
        source_file: str,
        downloaded_at: str | None = None,
        strays: Strays | None = None,
    ) -> None:
        self.source_file = source_file
        self.downloaded_at = downloaded_at
        self.number = 0
        self.is_disordered = False
        self._strays = strays
        self._after: list[Stray] = []
        self._rows: list[str] = []
        self._hashes: list[str] = []
        self._rejects: list[Reject] = []
        self._rejected = 0
        # The B record being read: its text, hash and line, and what C and D add.
        self._body: str | None = None
        self._hash = ""
        self._line = 0
        self._legal = ""
        self._purchasers = 0
        self._vendors = 0
        self._key = _NO_KEY
        self._cut = 1
        # Records of a refused B record go with it, without a word of their own.
        self._is_skipping = False
        #: Records by letter, where every block was of the usual kind; else None.
        self.counts: dict[str, int] | None = dict.fromkeys("ABCDZ", 0)
        # Strays may belong to any sale: then each is looked at.
        self._has_clean_runs = self.record_format == "current" and strays is None

    def read(self, blocks: Iterable[Block | LongLine]) -> Iterator[RecordBatch]:
        """Yield the records of a file, one batch per block."""
        for block in blocks:
            if isinstance(block, LongLine):
                self.counts = None
                self._refuse_long_line(block)
            elif self._is_for_runs(block):
                self._read_runs(block.text)
            else:
                self.counts = None
                lines = block.lines
                while len(lines) > MOST_AT_ONCE:
                    # A megabyte of next to nothing a line: rejects are bigger.
                    self._read_lines(lines[:MOST_AT_ONCE], block.has_specials)
                    yield self._take()
                    lines = lines[MOST_AT_ONCE:]
                self._read_lines(lines, block.has_specials)
            yield self._take()
        self._close()
        if self._rows or self._rejects:
            yield self._take()

    def _take(self) -> RecordBatch:
        batch = RecordBatch(self._rows, self._hashes, self._rejects, self._rejected)
        self._rows, self._hashes, self._rejects, self._rejected = [], [], [], 0
        return batch

    def _is_for_runs(self, block: Block) -> bool:
        """Whether whole sales may be looked for in a block of the usual kind."""
        is_usual = self._has_clean_runs and not block.has_specials
        return is_usual and block.text.count("\n") < MOST_AT_ONCE

    def _read_runs(self, text: str) -> None:
        """Read runs of clean sales at once, and the lines between them one by one."""
        rows, hashes = self._rows.append, self._hashes.append
        ending = f";{self.record_format};"
        done = sales = legals = parties_in_all = 0
        number = self.number
        for found in CLEAN_SALE.finditer(text):
            key, who, stamp, rest, contract, settled, legal, parties = found.groups()
            if (
                contract > stamp
                or not (_is_good_day(contract) and _is_good_day(settled))
                or not is_moment(stamp)
                or len(rest) > _SHORT
                or len(parties) > _MOST_PARTIES
            ):
                continue
            legal = legal or ""
            if len(legal) > LEGAL_LIMIT:
                continue
            start, end = found.span()
            if start > done:
                self.number = number
                self._read_between(text[done : start - 1])
                number = self.number
            if start > done or not done:
                self._close()
            digest = md5(f"{who}{rest}".encode("latin-1"), usedforsecurity=False)
            row_hash = digest.hexdigest()
            purchasers, vendors = parties.count(";P;"), parties.count(";V;")
            number += 1
            rows(
                f"{key}{stamp};{rest};;;{legal};{purchasers};{vendors}{ending}"
                f"{row_hash};{number}"
            )
            hashes(row_hash)
            sales += 1
            has_legal = found.start(7) >= 0
            legals += has_legal
            parties_in_all += purchasers + vendors
            number += purchasers + vendors + has_legal
            done = end
        self.number = number
        self._read_between(text[done:])
        self._add_up("B", sales)
        self._add_up("C", legals)
        self._add_up("D", parties_in_all)

    def _read_between(self, text: str) -> None:
        """Read what lies between clean sales, line by line."""
        lines = text.split("\n")
        for line in lines:
            if line[1:2] == ";" and line[0] in "ABCDZ":
                self._add_up(line[0], 1)
        self._read_lines(lines, special=False)

    def _add_up(self, letter: str, more: int) -> None:
        if self.counts is not None:
            self.counts[letter] += more

    def _read_lines(self, lines: list[str], special: bool) -> None:
        """The hot loop: three D records for every B record, so D comes first."""
        for line in lines:
            self.number += 1
            kind = line[:2]
            if kind == "D;" and line[1 : self._cut] == self._key:
                # Behind the key stand the download time and the party: `...;P;;;;;;`.
                if ";P;" in line:
                    self._purchasers += 1
                elif ";V;" in line:
                    self._vendors += 1
            elif kind == "B;":
                self._close()
                self._open(line.rstrip("\r") if special else line, special)
            elif kind == "C;" and line[1 : self._cut] == self._key:
                self._add_legal(line[self._cut :].partition(";")[2], special)
            elif kind not in ("A;", "Z;"):
                self._stray(line, kind)

    def _open(self, line: str, special: bool) -> None:
        """Start a B record, or refuse it."""
        found = CURRENT.fullmatch(line)
        if found is None:
            self._refuse(line, diagnose_current(line))
            return
        who, counter, stamp, rest, contract, settled, interest = found.groups()
        fault = self._judge(stamp, contract, settled, interest)
        if fault is not None:
            self._refuse(line, fault)
            return
        digest = md5(f"{who}{rest}".encode("latin-1"), usedforsecurity=False)
        self._key = f";{who}{counter}"
        self._cut = 1 + len(self._key)
        if special:
            rest = rest.replace("\\", "\\\\").replace("\r", "\\r")
        self._body = f"{who}{counter}{stamp};{rest};;"
        self._hash = digest.hexdigest()
        self._line = self.number
        if self._strays is not None:
            self._claim(self._strays.take(self._key, stamp))

    def _claim(self, strays: list[Stray]) -> None:
        """Join strays in the order of the file: some now, some behind our own."""
        for stray in strays:
            if stray.number < self.number:
                self._join(stray)
            else:
                self._after.append(stray)

    def _join(self, stray: Stray) -> None:
        rest = stray.line[self._cut :].partition(";")[2]
        if stray.line.startswith("C;"):
            self._add_legal(rest, special=True)
        elif rest.startswith("P;"):
            self._purchasers += 1
        elif rest.startswith("V;"):
            self._vendors += 1

    def _judge(
        self, stamp: str, contract: str, settled: str, interest: str
    ) -> Fault | None:
        """Dates and ranges of a record whose fields all look right."""
        if not is_moment(stamp):
            return Fault(
                "downloaded_at",
                "download_time_unreadable",
                f"downloaded_at {stamp} is no time of the calendar.",
                REISSUE,
            )
        day = stamp[:8]
        if contract and not ("19000101" <= contract <= day and is_day(contract)):
            return date_fault(CONTRACT, contract, day)
        if settled and not (settled >= "19000101" and is_day(settled)):
            return date_fault(SETTLEMENT, settled, day)
        if interest and int(interest) > 100:
            return Fault(
                "interest_percent",
                "interest_out_of_range",
                f"interest_percent is {interest}; a share is 0 to 100.",
                REISSUE,
            )
        return None

    def _close(self) -> None:
        """Write the record being read, now that its C and D records are known."""
        if self._after:
            for stray in self._after:
                self._join(stray)
            self._after = []
        if self._body is not None:
            if self._purchasers > _MOST_PARTIES or self._vendors > _MOST_PARTIES:
                self._cap_parties()
            self._rows.append(
                f"{self._body};{self._legal};{self._purchasers};{self._vendors};"
                f"{self.record_format};{self._hash};{self._line}"
            )
            self._hashes.append(self._hash)
        self._body = None
        self._legal = ""
        self._purchasers = self._vendors = 0
        self._key = _NO_KEY
        self._is_skipping = False

    def _cap_parties(self) -> None:
        """A sale to a town is a fault of the file; the column holds no more."""
        found = f"{self._purchasers} purchasers and {self._vendors} vendors"
        fault = Fault(
            "purchaser_count",
            "parties_too_many",
            f"The sale of line {self._line} has {found}; {_MOST_PARTIES} are kept.",
            REISSUE,
        )
        self._note(self._body or "", fault)
        self._purchasers = min(self._purchasers, _MOST_PARTIES)
        self._vendors = min(self._vendors, _MOST_PARTIES)

    def _add_legal(self, text: str, special: bool) -> None:
        if special:
            text = text.rstrip("\r")
        text = text.removesuffix(";")
        if len(text) > LEGAL_LIMIT or "\x00" in text:
            reason = "The C record is too long or holds NUL bytes."
            self._note(
                text, Fault("legal_description", "legal_unreadable", reason, REISSUE)
            )
            return
        if special or ";" in text:
            text = escape_value(text)
        self._legal += text

    def _refuse(self, line: str, fault: Fault) -> None:
        self._rejected += 1
        self._note(line, fault)
        self._is_skipping = True
        if key := JOIN_KEY.match(line[:ORIGINAL_LIMIT]):
            self._key = key[1]
            self._cut = 1 + len(key[1])
            if self._strays is not None:
                stamp = line[key.end() : key.end() + 20].partition(";")[0]
                self._strays.take(self._key, stamp)

    def _note(self, line: str, fault: Fault, original: Original | None = None) -> None:
        kept = original or Original.of(line, "latin-1")
        self._rejects.append(reject_of(self.source_file, self.number, fault, kept))

    def _stray(self, line: str, kind: str) -> None:
        """A line that is no record, or a C or D record away from its B record."""
        if not line.strip("\r \t\x1a"):
            return
        if kind in ("C;", "D;"):
            if JOIN_KEY.match(line):
                # It may belong to a B record elsewhere: the strays know.
                self.is_disordered = True
            elif not self._is_skipping:
                self._note(line, without_sale(kind))
            return
        fault = Fault(
            None,
            "record_type_unknown",
            "The line begins with none of A; B; C; D; Z;.",
            "Remove the line from the file and load it again.",
        )
        self._note(line, fault)

    def _refuse_long_line(self, line: LongLine) -> None:
        self.number += 1
        original = line.original
        fault = Fault(
            None,
            "line_too_long",
            f"The line is {original.size_bytes} bytes long; its first "
            f"{ORIGINAL_LIMIT} are kept.",
            "Look for missing line ends, mend the file and load it again.",
        )
        if original.text.startswith("B;"):
            self._close()
            self._refuse(original.text, fault)
            self._rejects.pop()
        self._note("", fault, original)


@lru_cache(1 << 16)
def _is_good_day(text: str) -> bool:
    """Whether a date of eight digits, or none, needs no second look."""
    return not text or (text >= "19000101" and is_day(text))


def without_sale(kind: str) -> Fault:
    """A C or D record whose sale is nowhere in its file."""
    reason = f"The {kind[0]} record belongs to no B record of its file."
    return Fault(None, "record_without_sale", reason, REISSUE)


def reject_of(
    source_file: str, number: int, fault: Fault, original: Original
) -> Reject:
    """The reject of one line."""
    return Reject(
        SOURCE,
        source_file,
        number,
        fault.field,
        fault.rule_id,
        fault.reason,
        fault.fix,
        original,
    )
