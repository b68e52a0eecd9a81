"""Reading one slice: which pages to ask for, and when it is all there.

Belongs here: the arithmetic of paging over results that shift, repeat and skip. Pure:
pages go in, page numbers come out. Whoever reads does the asking.

A slice is settled when the latest answers of its pages agree on the total and hold as
many different results. Without a total it is settled when its pages share no result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.domain_api.slicing import Shown

#: Answers of one page, the first included, before a slice is taken as it is.
MOST_ANSWERS = 8
#: Times a slice is read again in vain for results that the count alone knows of.
_MOST_FRUITLESS = 2
#: Answers of a page of a longer list whose total keeps changing.
_MOST_OUTDATED = 3


@dataclass(slots=True)
class _Latest:
    keys: list[str]
    total: int | None
    dates: list[datetime | None]
    states: frozenset[str]


@dataclass(slots=True)
class Reading:
    """What is known of a slice. `size` results a page, at most `ceiling` in all.

    `is_disordered`: the results do not come oldest first, however often they are read.
    """

    size: int
    ceiling: int
    pages: dict[int, _Latest] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    total: int | None = None
    is_unsettled: bool = False
    is_disordered: bool = False
    _fruitless: int = 0
    _seen_before: tuple[int, int] = (-1, -1)

    def record(
        self,
        page: int,
        keys: Iterable[str],
        total: int | None,
        dates: Iterable[datetime | None] = (),
        states: frozenset[str] = frozenset(),
    ) -> None:
        """Note an answer: its results' keys, dates and states, and the total told."""
        self.pages[page] = _Latest(list(keys), total, list(dates), states)
        self.answers[page] = self.answers.get(page, 0) + 1
        if total is not None:
            self.total = total

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
    def shown(self) -> Shown:
        """What its results say of those that cannot be read."""
        pages = [self.pages[page] for page in sorted(self.pages)]
        dates = [date for latest in pages for date in latest.dates]
        return Shown(
            [] if self.is_disordered else dates,
            frozenset().union(*(latest.states for latest in pages)),
            is_counted=self.total is not None,
        )

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
        repeated = self._repeated()
        if self.is_over_ceiling:
            outdated = [p for p in self._outdated() if self.answers[p] < _MOST_OUTDATED]
            return self._until_fruitless(
                sorted({*repeated, *self._disordered(), *outdated})
            )
        if self.total is not None and not self.missing:
            return self._outdated()
        if self.total is None or repeated:
            return repeated
        # The count says more, and nothing shows where: look again, but not for ever;
        # the server may count what it does not give.
        return self._until_fruitless([p for p in sorted(self.pages) if self._keys(p)])

    def _outdated(self) -> list[int]:
        """Pages that told another total: something went or came since.

        A result may have slipped from one page to another between two answers.
        """
        return [
            page
            for page, latest in sorted(self.pages.items())
            if latest.total not in (None, self.total)
        ]

    def _keys(self, page: int) -> list[str]:
        return self.pages[page].keys

    def _until_fruitless(self, doubtful: list[int]) -> list[int]:
        """The pages, unless reading them again has changed nothing some times."""
        if not doubtful:
            return []
        seen = (self.distinct, len(doubtful))
        self._fruitless = self._fruitless + 1 if seen == self._seen_before else 0
        self._seen_before = seen
        if self._fruitless < _MOST_FRUITLESS:
            return doubtful
        self.is_unsettled = True
        self.is_disordered = bool(self._disordered())
        return []

    def _disordered(self) -> list[int]:
        """Pages whose results are not oldest first, in themselves or after the others.

        Only where there is more than can be read: there the dates say how to go on.
        """
        found: set[int] = set()
        before: tuple[int, datetime] | None = None
        for page in sorted(self.pages):
            dates = [date for date in self.pages[page].dates if date is not None]
            if len({date.tzinfo is None for date in dates}) > 1:
                return sorted(self.pages)
            if dates != sorted(dates):
                found.add(page)
            elif dates:
                if before is not None and dates[0] < before[1]:
                    found |= {page, before[0]}
                before = (page, dates[-1])
        return sorted(found)

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
