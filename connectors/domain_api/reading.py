"""Reading one slice: which pages to ask for, and when it is all there.

Belongs here: the arithmetic of paging over results that shift, repeat and skip. Pure:
pages go in, page numbers come out. Whoever reads does the asking.

A slice is settled when the latest answers of its pages agree on the total and hold as
many different results. Without a total it is settled when its pages share no result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: Answers of one page, the first included, before a slice is taken as it is.
MOST_ANSWERS = 6


@dataclass(slots=True)
class _Latest:
    keys: list[str]
    total: int | None


@dataclass(slots=True)
class Reading:
    """What is known of a slice. `size` results a page, at most `ceiling` in all."""

    size: int
    ceiling: int
    pages: dict[int, _Latest] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    total: int | None = None
    is_unsettled: bool = False

    def record(self, page: int, keys: Iterable[str], total: int | None) -> None:
        """Note an answer: the keys of its results and the total it told."""
        self.pages[page] = _Latest(list(keys), total)
        self.answers[page] = self.answers.get(page, 0) + 1
        if total is not None:
            self.total = total

    def failed(self, page: int) -> None:
        """Note an answer that could not be read."""
        self.answers[page] = self.answers.get(page, 0) + 1

    @property
    def distinct(self) -> int:
        """Different results in the latest answers."""
        return len({key for latest in self.pages.values() for key in latest.keys})

    @property
    def is_over_ceiling(self) -> bool:
        """Whether the query finds more than can be read page by page."""
        if self.total is not None:
            return self.total > self.ceiling
        last = self.ceiling // self.size
        return last in self.pages and len(self.pages[last].keys) >= self.size

    @property
    def expected(self) -> int | None:
        """How many results there are to read; None if the server does not say."""
        return None if self.total is None else min(self.total, self.ceiling)

    @property
    def missing(self) -> int:
        """Results that should be there and are not."""
        return max(0, (self.expected or 0) - self.distinct)

    def wanted(self) -> list[int]:
        """Pages to ask for now; none when the slice is settled or given up.

        To be asked when no page is on its way.
        """
        if 1 not in self.pages:
            return self._again([1])
        unread = self._unread()
        if unread:
            return self._again(unread)
        return self._again(self._doubtful())

    def _unread(self) -> list[int]:
        """Pages there should be that were not read yet."""
        last_possible = -(-self.ceiling // self.size)
        expected = self.expected
        if expected is not None:
            last = -(-expected // self.size)
            pages = [page for page in range(1, last + 1) if page not in self.pages]
            if pages or last in (0, last_possible):
                return pages
        end = max(self.pages)
        latest = self.pages[end]
        # A count may be short of the truth: a full last page has a page after it. And
        # without a count only an empty page is the end.
        if end < last_possible and (
            len(latest.keys) >= self.size or (expected is None and latest.keys)
        ):
            return [end + 1]
        return []

    def _doubtful(self) -> list[int]:
        """Pages to read again, because something shifted while they were read."""
        if self.total is not None and not self.missing:
            told = {latest.total for latest in self.pages.values()} - {None}
            if len(told) <= 1 or self.is_over_ceiling:
                return []
            return [
                page
                for page, latest in sorted(self.pages.items())
                if latest.total not in (None, self.total)
            ]
        repeated = self._repeated()
        if self.total is None or repeated:
            return repeated
        return sorted(page for page, latest in self.pages.items() if latest.keys)

    def _repeated(self) -> list[int]:
        """Pages that share a result."""
        homes: dict[str, set[int]] = {}
        for page, latest in self.pages.items():
            for key in latest.keys:
                homes.setdefault(key, set()).add(page)
        shared = {page for pages in homes.values() if len(pages) > 1 for page in pages}
        return sorted(shared)

    def _again(self, pages: list[int]) -> list[int]:
        """Those of the pages that have answers left."""
        allowed = [page for page in pages if self.answers.get(page, 0) < MOST_ANSWERS]
        if pages and not allowed:
            self.is_unsettled = True
        return allowed


def keys_of(items: Iterable[Any]) -> list[str]:
    """What tells the results of a page apart: listing ids, project ids."""
    return [_key(item, place) for place, item in enumerate(items)]


def _key(item: Any, place: int) -> str:
    if isinstance(item, dict):
        for kind, inner in (("", "listing"), ("project:", "project")):
            found = item.get(inner)
            if isinstance(found, dict) and found.get("id") is not None:
                return f"{kind}{found['id']}"
    return f"unknown:{place}"


def listings_of(items: Iterable[Any]) -> list[Any]:
    """The listings of a page, those of projects included."""
    found: list[Any] = []
    for item in items:
        if not isinstance(item, dict):
            continue
        found += [x for x in [item.get("listing")] if isinstance(x, dict)]
        children = item.get("listings")
        if isinstance(children, list):
            found += [x for x in children if isinstance(x, dict)]
    return found
