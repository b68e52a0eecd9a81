"""Parsing ahead of the database: one thread reads files while another writes rows.

Belongs here: a bounded hand-over between the two. Without it a landing takes the sum of
both times; PostgreSQL works in a process of its own, so the longer of the two will do.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from domain.records import (
    Container,
    FieldsSeen,
    ParsedFile,
    RecordBatch,
    Reject,
    SourceFile,
)

#: Weight (about rows) that may wait to be written; about 30 MB.
_ROOM = 40_000
#: Weight handed over at once: a file at a time would be a switch of threads each.
_BUNDLE = 1_000

_End = Literal["end of container", "end"]


@dataclass(frozen=True, slots=True)
class _Next:
    number: int
    container: Container
    is_skipped: bool


@dataclass(frozen=True, slots=True)
class _FileEnd:
    fields: FieldsSeen | None


_Item = _Next | ParsedFile | RecordBatch | _FileEnd | BaseException | _End


class _StoppedError(Exception):
    """The consumer has gone."""


class ReadAhead:
    """Iterates over containers whose files are being parsed in a thread.

    Use as a context manager; leaving it stops the thread. Containers in `known` (by
    SHA-256) are handed on unread. Errors of the thread are raised where its result is
    asked for.
    """

    def __init__(
        self, containers: Iterable[tuple[int, Container]], known: set[str]
    ) -> None:
        self._containers = containers
        self._known = known
        self._bundles: deque[tuple[int, list[_Item]]] = deque()
        # What each side holds for itself: items not handed over, items not asked for.
        self._filling: list[_Item] = []
        self._filled = 0
        self._taken: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._weight = 0
        self._is_stopped = False
        self._thread = threading.Thread(target=self._produce, daemon=True)

    def __enter__(self) -> ReadAhead:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join()

    def __iter__(self) -> Iterator[tuple[int, Container]]:
        while True:
            item = self._get()
            if item == "end":
                return
            if isinstance(item, _Next):
                if item.is_skipped:
                    yield item.number, item.container
                    continue
                replayed = _Replayed(item.container, self)
                yield item.number, replayed
                replayed.drain()

    def _produce(self) -> None:
        try:
            for number, container in self._containers:
                is_skipped = container.sha256 in self._known
                self._put(_Next(number, container, is_skipped), 1)
                if is_skipped:
                    self._hand_over()
                    continue
                self._known.add(container.sha256)
                for parsed in container.files():
                    self._put(parsed, 1)
                    for batch in parsed.batches():
                        self._put(batch, batch.weight)
                    self._put(_FileEnd(parsed.fields_seen()), 1)
                self._put("end of container", 1)
                self._hand_over()
            self._put("end", 1)
            self._hand_over()
        except _StoppedError:
            return
        except BaseException as error:
            with self._changed:
                self._bundles.append((0, [*self._filling, error]))
                self._changed.notify_all()

    def _put(self, item: _Item, weight: int) -> None:
        self._filling.append(item)
        self._filled += weight
        if self._filled >= _BUNDLE:
            self._hand_over()

    def _hand_over(self) -> None:
        with self._changed:
            # An empty queue takes anything, or a huge batch would wait for ever.
            while self._weight + self._filled > _ROOM and self._bundles:
                if self._is_stopped:
                    break
                self._changed.wait()
            if self._is_stopped:
                raise _StoppedError
            self._bundles.append((self._filled, self._filling))
            self._weight += self._filled
            self._filling, self._filled = [], 0
            self._changed.notify_all()

    def _get(self) -> _Item:
        if not self._taken:
            with self._changed:
                while not self._bundles:
                    self._changed.wait()
                weight, items = self._bundles.popleft()
                self._taken.extend(items)
                self._weight -= weight
                self._changed.notify_all()
        item = self._taken.popleft()
        if isinstance(item, BaseException):
            raise item
        return item


class _Replayed:
    """A container as it comes out of the thread. To be read once, in order."""

    def __init__(self, container: Container, ahead: ReadAhead) -> None:
        self.source = container.source
        self.name = container.name
        self.sha256 = container.sha256
        self.location = container.location
        self._next = ahead._get  # noqa: SLF001 - two halves of one hand-over
        self._is_done = False

    def files(self) -> Iterator[ParsedFile]:
        """The files, while their containers are parsed on."""
        while (item := self._take()) is not None:
            if not isinstance(item, (RecordBatch, _FileEnd)):
                yield _ReplayedFile(item, self)

    def batches(self, of: _ReplayedFile) -> Iterator[RecordBatch]:
        """The batches up to the file's end, whose field names it then learns."""
        while isinstance(item := self._take(), RecordBatch):
            yield item
        if isinstance(item, _FileEnd):
            of.fields = item.fields

    def drain(self) -> None:
        """Pass over what was not asked for (the container turned out to be known)."""
        while self._take() is not None:
            pass

    def _take(self) -> ParsedFile | RecordBatch | _FileEnd | None:
        item = None if self._is_done else self._next()
        if item is None or item == "end of container":
            self._is_done = True
            return None
        return item  # type: ignore[return-value] # between _Next and its end: only these


class _ReplayedFile:
    """A file as it comes out of the thread."""

    def __init__(self, parsed: ParsedFile, replayed: _Replayed) -> None:
        self.file: SourceFile = parsed.file
        self.refusal: Reject | None = parsed.refusal
        self.record_counts: dict[str, int] = parsed.record_counts
        self.fields: FieldsSeen | None = None
        self._replayed = replayed

    def batches(self) -> Iterator[RecordBatch]:
        """Its batches, to be read once."""
        return self._replayed.batches(self)

    def fields_seen(self) -> FieldsSeen | None:
        """Its field names, once its batches were read."""
        return self.fields
