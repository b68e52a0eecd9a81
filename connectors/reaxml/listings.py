"""Listing elements out of a stream of XML, one at a time, with their text as received.

Belongs here: where a listing begins and ends in a file of any size, and its elements as
small trees. What they mean is `patches`. Memory holds one listing and one chunk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.reaxml.expat import DEPTH_LIMIT, SafeParser
from connectors.reaxml.vocabulary import KIND_OF, MARKUP_TEXTS, canonical
from domain.records import ORIGINAL_LIMIT, Original, storable_text

#: A listing of more bytes or elements than this is refused.
LISTING_BYTES = 4 << 20
LISTING_ELEMENTS = 20_000

_START_TAG = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")


class Node:
    """One element: canonical name, attributes (canonical names), children, text."""

    __slots__ = ("attributes", "children", "name", "parts")

    def __init__(self, name: str, attributes: list[str]) -> None:
        self.name = name
        self.attributes: dict[str, str] = {}
        if attributes:
            pairs = zip(attributes[::2], attributes[1::2], strict=True)
            self.attributes = {canonical(key): value for key, value in pairs}
        self.children: list[Node] = []
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        """Its own text, blanks as written."""
        return "".join(self.parts)


@dataclass(slots=True)
class Listing:
    """One listing element as received.

    `number` counts the listings of a file, `ordinal` those of its kind; `kind` is None
    for an element that looks like a listing of a kind unknown here. `root` is None for
    one that is too large; `original` is its text.
    """

    kind: str | None
    name: str
    number: int
    ordinal: int
    line: int
    root: Node | None
    original: Original
    list_date: str | None
    has_odd_entities: bool = False


@dataclass(slots=True)
class _Open:
    """The listing being read."""

    kind: str | None
    root: Node
    line: int
    start: int
    stack: list[Node]
    elements: int = 0
    odd_entities: int = 0
    #: Set when too large: what was kept of its text, and the hash of what went by.
    head: bytes = b""
    digest: hashlib._Hash | None = field(default=None, repr=False)
    size: int = 0


class ListingReader:
    """Reads the listings of one file.

    After reading, `root_name` and `strays` (elements beside the listings) are known.
    """

    def __init__(self, max_bytes: int = LISTING_BYTES) -> None:
        self.root_name: str | None = None
        self.strays: set[str] = set()
        self._max_bytes = max_bytes
        self._list_date: str | None = None
        self._parser = SafeParser(self._start, self._end, self._text)
        self._depth = 0
        self._open: _Open | None = None
        self._open_depth = 0
        self._markup: int | None = None
        self._done: list[Listing] = []
        self._counts: dict[str, int] = {}
        self._number = 0
        self._buffer = bytearray()
        self._base = 0

    def read(self, chunks: Iterable[bytes]) -> Iterator[Listing]:
        """Yield the listings of a document.

        Raises:
            XmlFault: the document is broken or unsafe.
        """
        for chunk in chunks:
            self._buffer += chunk
            self._parser.feed(chunk)
            yield from self._take()
            self._trim()
        self._parser.close()
        yield from self._take()

    def _take(self) -> list[Listing]:
        done, self._done = self._done, []
        return done

    def _trim(self) -> None:
        """Let go of bytes that no listing to come will ask for."""
        keep_from = max(self._parser.position, 0)
        if self._open is not None:
            now = self._open
            if now.digest is None and self._parser.fed - now.start > self._max_bytes:
                self._give_up(now)
            if now.digest is None:
                keep_from = min(keep_from, now.start)
            else:
                self._pass_by(now, keep_from)
        del self._buffer[: keep_from - self._base]
        self._base = keep_from

    def _give_up(self, now: _Open) -> None:
        """Keep no more of this listing than its head and hash."""
        self._markup = None
        now.digest = hashlib.sha256()
        now.root.children.clear()
        now.stack = [now.root]
        first = now.start - self._base
        now.head = bytes(self._buffer[first : first + ORIGINAL_LIMIT])
        del self._buffer[:first]
        self._base = now.start

    def _pass_by(self, now: _Open, end: int) -> None:
        assert now.digest is not None
        gone = self._buffer[: end - self._base]
        now.digest.update(gone)
        now.size += len(gone)

    # Handlers

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._parser.too_deep()
        now = self._open
        if now is not None and now.kind is None and KIND_OF.get(_local(name)):
            # A wrapper around listings, not a listing of an unknown kind.
            self.strays.add(now.root.name)
            now = self._open = None
        if now is not None:
            self._inside(now, name, attributes)
            return
        kind = KIND_OF.get(_local(name))
        if kind is not None or self._depth == 2:
            root = Node(kind or canonical(name), attributes)
            parser = self._parser
            self._open = _Open(kind, root, parser.line, parser.position, [root])
            self._open_depth = self._depth
        elif self._depth == 1:
            self.root_name = canonical(name)
            self._list_date = Node(name, attributes).attributes.get("date")

    def _inside(self, now: _Open, name: str, attributes: list[str]) -> None:
        if now.digest is not None:
            return
        now.elements += 1
        if now.elements > LISTING_ELEMENTS:
            self._give_up(now)
            return
        parent = now.stack[-1]
        if self._markup is not None or parent.name in MARKUP_TEXTS:
            if self._markup is None:
                self._markup = self._depth
            parent.parts.append(f"<{name}>")
            return
        node = Node(canonical(name), attributes)
        parent.children.append(node)
        now.stack.append(node)

    def _text(self, text: str) -> None:
        now = self._open
        if now is not None and now.digest is None:
            now.stack[-1].parts.append(text)
            if self._parser.skipped_entities:
                now.odd_entities += self._parser.skipped_entities
                self._parser.skipped_entities = 0

    def _end(self, name: str) -> None:
        now = self._open
        if now is not None:
            if self._depth == self._open_depth:
                self._finish(now)
                self._open = None
            elif self._markup is not None:
                now.stack[-1].parts.append(f"</{name}>")
                if self._depth == self._markup:
                    self._markup = None
            elif now.digest is None:
                now.stack.pop()
        self._depth -= 1

    def _finish(self, now: _Open) -> None:
        self._markup = None
        if now.kind is None and not _is_listing(now.root):
            self.strays.add(now.root.name)
            return
        self._number += 1
        ordinal = self._counts[now.root.name] = self._counts.get(now.root.name, 0) + 1
        self._done.append(
            Listing(
                now.kind,
                now.root.name,
                self._number,
                ordinal,
                now.line,
                now.root if now.digest is None else None,
                self._original(now),
                self._list_date,
                now.odd_entities > 0,
            )
        )

    def _original(self, now: _Open) -> Original:
        """The listing's text from its start tag to the end of its end tag."""
        at = self._parser.position - self._base
        match = _START_TAG.match(self._buffer, at)
        end = match.end() if match else len(self._buffer)
        if now.digest is None:
            raw = bytes(self._buffer[now.start - self._base : end])
            return Original(storable_text(raw.decode("utf-8", "replace")), len(raw))
        rest = self._buffer[:end]
        now.digest.update(rest)
        head = storable_text(now.head.decode("utf-8", "replace"))
        return Original(head, now.size + len(rest), now.digest.hexdigest())


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _is_listing(root: Node) -> bool:
    """Whether an element of an unknown name carries what makes a listing."""
    if "modTime" in root.attributes or "status" in root.attributes:
        return True
    return any(child.name in ("agentID", "uniqueID") for child in root.children)
