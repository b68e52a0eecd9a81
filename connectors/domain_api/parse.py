"""Landed bodies to rows of their table, or to rejects that say why not.

Belongs here: one line of a body, its records, their columns and their content hash.
Files are `bodies`, columns `datasets`, single values `values`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

from connectors.domain_api.layout import SOURCE, Dataset, Json, Part, Problem, Values
from connectors.domain_api.values import (
    BadValue,
    column_text,
    read_value,
    shown,
    storable_json,
)
from domain.records import (
    FieldsSeen,
    Original,
    RecordBatch,
    Reject,
    escape_value,
    storable_text,
)

MEND = "Ask Domain about the record, or change the connector; then retry the reject."

#: Keys that say nothing about the listing: they echo the query that found it.
_ECHOES = frozenset({"topSpotKeywords", "onlyShowProperties"})
#: Names of fields remembered of one file; a body of random keys must not fill a table.
_MOST_FIELDS = 1_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record seen in a body: its key, and its content if it could be read."""

    key: int
    row_hash: str | None


@dataclass(slots=True)
class Parsed:
    """All records of one body."""

    batch: RecordBatch
    sightings: list[Sighting]
    fields: FieldsSeen | None


@dataclass(slots=True)
class BodyReader:
    """Reads the lines of one body.

    `around` are the facts of its request, `observed_at` when it was answered (ISO).
    """

    dataset: Dataset
    source_file: str
    around: Json
    observed_at: str
    rows: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    rejected: int = 0

    def read(self, lines: Iterable[tuple[int, str]]) -> Parsed:
        """Read (line number, JSON text) pairs."""
        for number, text in lines:
            self._line(number, text)
        batch = RecordBatch(self.rows, self.hashes, self.rejects, self.rejected)
        fields = None
        if self.names:
            dataset = self.dataset
            fields = FieldsSeen(
                dataset.name, frozenset(self.names), dataset.known, self._required()
            )
        return Parsed(batch, self.sightings, fields)

    def _required(self) -> frozenset[str]:
        """Required names, at home where this body has its records."""
        if "listings" in self.names and "listing" not in self.names:
            return frozenset(
                name.replace("listing.", "listings[].", 1)
                for name in self.dataset.required
            )
        return self.dataset.required

    def _line(self, number: int, text: str) -> None:
        try:
            item = json.loads(text)
        except (ValueError, RecursionError):
            problem = Problem("", "json_unreadable", "The line is not JSON.", MEND)
            self._refuse(number, "", problem, text)
            return
        try:
            if isinstance(item, dict):
                _collect(item, "", self.names)
            for part in self.dataset.parts(item, self.around):
                self._part(number, part)
        except RecursionError:
            # Those of its records that were read before stay, each with its place.
            reason = "The record is nested too deep to be read."
            self._refuse(number, "", Problem("", "json_too_deep", reason, MEND), text)

    def _part(self, number: int, part: Part) -> None:
        record = part.record
        if not isinstance(record, dict):
            reason = f"{shown(record)} stands where a record is expected."
            missing = Problem("", "record_missing", reason, MEND)
            self._refuse(number, part.pointer, missing, json.dumps(record))
            return
        key = self._key(record)
        values, problem = self._values(record, part.around)
        if problem is None:
            checks = (item for check in self.dataset.checks for item in check(values))
            problem = next(checks, None)
        if problem is None:
            try:
                self._keep(number, key, record, part.around, values)
            except BadValue as error:
                problem = Problem("", error.rule_id, str(error), MEND)
        if problem is not None:
            text = json.dumps(record, ensure_ascii=False)
            self._refuse(number, part.pointer, problem, text)
            if key is not None:
                self.sightings.append(Sighting(key, None))

    def _key(self, record: Json) -> int | None:
        """The listing's id, also of one that is refused for another field."""
        if self.dataset.key != "listing_id":
            return None
        try:
            found = read_value("bigint", record.get("id"))
        except BadValue:
            return None
        return int(found) if found is not None else None

    def _values(self, record: Json, around: Json) -> tuple[Values, Problem | None]:
        values: Values = {}
        for column in self.dataset.columns:
            node: Any = record
            path = column.path
            if path[0] == "@":
                node, path = around, path[1:]
            for step in path:
                node = node.get(step) if isinstance(node, dict) else None
            try:
                value = read_value(column.kind, node)
            except BadValue as error:
                return values, Problem(column.pointer, error.rule_id, str(error), MEND)
            if value is None and column.required:
                reason = f"The record has no {path[-1]}."
                return values, Problem(column.pointer, "field_missing", reason, MEND)
            values[column.name] = value
        return values, None

    def _keep(
        self, number: int, key: int | None, record: Json, around: Json, values: Values
    ) -> None:
        payload = storable_json(record)
        identity = {name: around.get(name) for name in self.dataset.identity}
        digest = content_hash(record, identity)
        cells = [
            escape_value(column_text(column.kind, values[column.name]))
            for column in self.dataset.columns
        ]
        cells += [self.observed_at, escape_value(payload), digest, str(number)]
        self.rows.append(";".join(cells))
        self.hashes.append(digest)
        if key is not None:
            self.sightings.append(Sighting(key, digest))

    def _refuse(self, number: int, pointer: str, problem: Problem, text: str) -> None:
        self.rejected += 1
        self.rejects.append(
            Reject(
                SOURCE,
                self.source_file,
                number,
                storable_text(pointer + problem.pointer) or None,
                problem.rule_id,
                storable_text(problem.reason),
                problem.fix,
                Original.of(text.encode("utf-8", "replace").decode()),
            )
        )


def content_hash(record: Json, identity: Json) -> str:
    """Fingerprint (32 hex digits) of what a record says.

    Ignored: the order of keys, `3` or `3.0`, empty values, the query part of addresses
    (image sizes, signatures), and keys that echo the query.
    """
    content = {"record": _content(record), "around": _content(identity)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _content(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _content(item)
            for key, item in value.items()
            if item is not None and item != "" and key not in _ECHOES
        }
    if isinstance(value, list):
        return [_content(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.startswith("http"):
        return value.partition("?")[0]
    return value


def _collect(node: Json, prefix: str, names: set[str]) -> None:
    """Add the dotted names below an object, `[]` for the items of a list."""
    for key, value in node.items():
        if len(names) >= _MOST_FIELDS:
            return
        name = f"{prefix}{storable_text(key[:100])}"
        names.add(name)
        if isinstance(value, dict):
            _collect(value, f"{name}.", names)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _collect(item, f"{name}[].", names)
