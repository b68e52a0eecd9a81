"""Listings to rows of raw.reaxml__listings, or rejects that say why not.

Belongs here: what makes a record usable (ids, a time to order it by) and what is merely
odd (notes). Elements are `patches`, whole files `containers`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import md5
from typing import Literal

from connectors.reaxml.listings import LISTING_BYTES, LISTING_ELEMENTS, Listing, Node
from connectors.reaxml.patches import Note, Patch, build_patch, plain_text
from connectors.reaxml.values import read_time
from connectors.reaxml.vocabulary import (
    KINDS,
    KNOWN_PATHS,
    LETTINGS,
    SOURCE,
    STATUSES,
    without_ids,
)
from domain.australia import check_postcode
from domain.records import FieldsSeen, RecordBatch, Reject, escape_value

ROW_COLUMNS = (
    "agent_id",
    "unique_id",
    "kind",
    "status",
    "mod_time",
    "mod_time_from",
    "list_date",
    "record_number",
    "patch",
    "readings",
    "notes",
    "original",
    "_row_hash",
    "_row_number",
)
TimeFrom = Literal["record", "list", "name", "file"]

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
#: Rows of one batch, and the text (characters) after which it is handed on.
_BATCH = 2_000
_BATCH_TEXT = 2 << 20
_UNIQUE_ID_LIMIT = 50
_AGENT_ID_LIMIT = 40
_FIELDS_LIMIT = 3_000
_AGENT_ID = re.compile(r"[A-Z]{6}")
_DWELLINGS = ("residential", "rental", "holidayRental")
_ASK_AGAIN = "Ask the agency's software for the record again with this mended."


class ListingBatch(RecordBatch):
    """A batch whose weight counts its text: a listing is many ordinary rows long."""

    __slots__ = ()

    @property
    def weight(self) -> int:
        """About how many ordinary rows this batch takes the memory of."""
        kept = sum(
            len(reject.original.text) for reject in self.rejects if reject.original
        )
        return (sum(map(len, self.rows)) + kept) // 200 + len(self.rows)


@dataclass(frozen=True, slots=True)
class FileTimes:
    """What orders the records of a file that say no time themselves.

    `name` is the time in the file's name, `file` that of the file itself (in a ZIP: the
    member's); local times.
    """

    name: datetime | None
    file: datetime


@dataclass(frozen=True, slots=True)
class _Fault:
    rule_id: str
    field: str | None
    reason: str
    fix: str = _ASK_AGAIN


@dataclass(slots=True)
class Tally:
    """What a file held: records by kind and status, and the paths it used."""

    counts: dict[str, int] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)

    def count(self, *names: str) -> None:
        """Add one to each name."""
        for name in names:
            self.counts[name] = self.counts.get(name, 0) + 1

    def see(self, kind: str, paths: Iterable[str]) -> None:
        """Note the paths of a record."""
        if len(self.paths) < _FIELDS_LIMIT:
            self.paths.update(f"{kind}/{without_ids(path)}" for path in paths)

    def fields_seen(self) -> FieldsSeen:
        """Element paths by kind; those REAXML has are known in every kind."""
        present = frozenset(self.paths)
        known = (path for path in present if path.partition("/")[2] in KNOWN_PATHS)
        return FieldsSeen(SOURCE, present, frozenset(known))


class ListingParser:
    """Turns the listings of one file into batches."""

    def __init__(self, source_file: str, times: FileTimes, tally: Tally) -> None:
        self._source_file = source_file
        self._times = times
        self._tally = tally

    def read(self, listings: Iterable[Listing]) -> Iterator[RecordBatch]:
        """Yield batches of rows and rejects; every listing is in one of them."""
        rows: list[str] = []
        hashes: list[str] = []
        rejects: list[Reject] = []
        text = 0
        for listing in listings:
            outcome = self._row(listing)
            if isinstance(outcome, _Fault):
                rejects.append(self._reject(listing, outcome))
            else:
                hashes.append(outcome[0])
                rows.append(outcome[1])
            text += len(listing.original.text)
            if len(rows) + len(rejects) >= _BATCH or text >= _BATCH_TEXT:
                yield ListingBatch(rows, hashes, rejects, len(rejects))
                rows, hashes, rejects, text = [], [], [], 0
        yield ListingBatch(rows, hashes, rejects, len(rejects))

    def _reject(self, listing: Listing, fault: _Fault) -> Reject:
        # The path names the record too: a whole feed may stand on one line.
        place = f"{listing.name}[{listing.ordinal}]"
        return Reject(
            SOURCE,
            self._source_file,
            listing.line,
            f"{place}/{fault.field}" if fault.field else place,
            fault.rule_id,
            fault.reason,
            fault.fix,
            listing.original,
        )

    def _row(self, listing: Listing) -> tuple[str, str] | _Fault:
        self._tally.count(listing.name)
        if (kind := listing.kind) is None:
            known = ", ".join(KINDS)
            reason = f"{listing.name} is no listing kind of REAXML ({known})."
            fix = "Look whether the kind is new; its records load once it is known."
            return _Fault("kind_unknown", None, reason, fix)
        if (root := listing.root) is None:
            reason = (
                f"The record is larger than {LISTING_BYTES >> 20} MiB or has more than "
                f"{LISTING_ELEMENTS:,} elements."
            )
            return _Fault("record_too_large", None, reason)
        agent_id = plain_text(_child(root, "agentID")).upper()
        unique_id = plain_text(_child(root, "uniqueID"))
        if fault := _check_ids(agent_id, unique_id):
            return fault
        stamp = self._stamp(root, listing)
        if isinstance(stamp, _Fault):
            return stamp
        patch = build_patch(root)
        status = _status(root, patch)
        self._tally.see(kind, patch.values)
        self._tally.count(f"{listing.name}.{status or 'no status'}")
        patch.notes += _oddities(listing, kind, status, agent_id, patch)
        list_date = read_time(listing.list_date or "")
        if list_date and stamp[0] > list_date + timedelta(days=1):
            patch.notes.append(Note("mod_time_after_list_date", "@modTime"))
        return _line(
            (agent_id, unique_id, kind, status), stamp, list_date, listing, patch
        )

    def _stamp(
        self, root: Node, listing: Listing
    ) -> tuple[datetime, TimeFrom] | _Fault:
        """When the record was made: its own word, else its list's, name's or file's."""
        stated = root.attributes.get("modTime", "").strip()
        if stated:
            found = read_time(stated)
            if found is None:
                reason = f"modTime {stated[:40]!r} is no date and time of REAXML."
                return _Fault("mod_time_unreadable", "@modTime", reason)
            return found, "record"
        if found := read_time(listing.list_date or ""):
            return found, "list"
        if self._times.name is not None:
            return self._times.name, "name"
        return self._times.file, "file"


def _child(root: Node, name: str) -> Node | None:
    """The first element of a name that has text, else the first."""
    found = [child for child in root.children if child.name == name]
    return next((node for node in found if node.text.strip()), next(iter(found), None))


def _check_ids(agent_id: str, unique_id: str) -> _Fault | None:
    for name, value, limit in (
        ("agentID", agent_id, _AGENT_ID_LIMIT),
        ("uniqueID", unique_id, 2 * _UNIQUE_ID_LIMIT),
    ):
        rule = "agent_id" if name == "agentID" else "unique_id"
        if not value:
            reason = f"The record has no {name}, so that nothing tells whose it is."
            return _Fault(f"{rule}_missing", name, reason)
        if len(value) > limit:
            reason = f"{name} has {len(value)} characters, more than {limit}."
            return _Fault(f"{rule}_too_long", name, reason)
    return None


def _status(root: Node, patch: Patch) -> str | None:
    text = re.sub(r"[\s_-]", "", root.attributes.get("status", "")).lower()
    if text not in STATUSES:
        rule = "status_unknown" if text else "status_missing"
        patch.notes.append(Note(rule, "@status", text[:40] or None))
    return text[:40] or None


def _oddities(
    listing: Listing, kind: str, status: str | None, agent_id: str, patch: Patch
) -> Iterator[Note]:
    """What the standard forbids but a record need not be refused for."""
    said = patch.values
    if not _AGENT_ID.fullmatch(agent_id):
        yield Note("agent_id_not_six_letters", "agentID", agent_id)
    if listing.has_odd_entities:
        yield Note("entity_undeclared", "")
    postcode = patch.readings.get("address/postcode")
    state = patch.readings.get("address/state")
    if isinstance(postcode, str):
        finding = check_postcode(postcode, state if isinstance(state, str) else None)
        if finding is not None:
            yield Note(finding.rule_id, "address/postcode", finding.reason)
    is_new = status == "current" and said.get("address/street") is not None
    if not is_new:
        return
    price = "rent" if kind in LETTINGS else "price"
    is_to_let = kind.startswith("commercial") and "commercialRent" in patch.readings
    if kind != "business" and price not in patch.readings and not is_to_let:
        yield Note("new_listing_without_price", price)
    if kind in _DWELLINGS:
        for name in ("bedrooms", "bathrooms"):
            if f"features/{name}" not in patch.readings:
                yield Note(f"new_listing_without_{name}", f"features/{name}")


def _line(
    key: tuple[str, str, str, str | None],
    stamp: tuple[datetime, TimeFrom],
    list_date: datetime | None,
    listing: Listing,
    patch: Patch,
) -> tuple[str, str]:
    """Content hash and row text. The hash is of what is said, not of its layout."""
    said = _encode(patch.values)
    mod_time = stamp[0].isoformat()
    content = "\x1f".join((*(part or "" for part in key), mod_time, said))
    digest = md5(content.encode(), usedforsecurity=False).hexdigest()
    notes = [
        {"rule": note.rule, "field": note.field, "value": note.value}
        for note in patch.notes
    ]
    parts = (
        *(part or "" for part in key),
        mod_time,
        stamp[1],
        list_date.isoformat() if list_date else "",
        str(listing.number),
        said,
        _encode(patch.readings),
        _encode(notes) if notes else "[]",
        listing.original.text,
        digest,
        str(listing.line),
    )
    return digest, ";".join(escape_value(part) for part in parts)


def by_kind_and_status(counts: dict[str, int]) -> Counter[tuple[str, str]]:
    """The ledger's counts as (kind, status): records."""
    found: Counter[tuple[str, str]] = Counter()
    for name, count in counts.items():
        kind, dot, status = name.partition(".")
        if dot and kind in KINDS:
            found[kind, status] += count
    return found
