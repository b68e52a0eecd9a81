"""Reading one search from beginning to end, over as many runs as it takes.

Belongs here: the loop that asks for pages (several at once), lands, loads and notes
them, splits slices that find too much and counts whether the parts are the whole. Which
pages and which parts is `connectors.domain_api`; the work list is `database`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from connectors.domain_api.api import DomainApi
from connectors.domain_api.bodies import (
    ENDING,
    Body,
    BodyContainer,
    read_body,
    write_body,
)
from connectors.domain_api.datasets import LISTINGS
from connectors.domain_api.parse import Parsed
from connectors.domain_api.reading import Reading, keys_of
from connectors.domain_api.slicing import (
    CEILING,
    listed_at,
    ordered,
    reads_on,
    split,
    states_of,
)
from database.fetch_state import (
    LandedPage,
    SliceState,
    Sweep,
    add_slices,
    count_found,
    load_pages,
    load_slices,
    note_server_time,
    save_page,
    save_slice,
)
from database.listing_watch import note_seen
from database.raw_loading import load_container
from domain.errors import PermanentError
from domain.records import FileReport

DATASET = LISTINGS.name
_OVER = ("done", "short")


#: When the results of a page were listed, and where they lie.
_Facts = tuple[list[datetime | None], frozenset[str]]


def _facts_of(items: list[Any]) -> _Facts:
    return [listed_at(item) for item in items], states_of(items)


@dataclass(frozen=True, slots=True)
class _Task:
    number: int
    page: int
    answer: int


@dataclass(frozen=True, slots=True)
class _Fetched:
    """An answer on disk, with its records read."""

    container: BodyContainer
    body: Body
    keys: list[str]
    parsed: Parsed


@dataclass(slots=True)
class _Open:
    """A slice that is being read."""

    state: SliceState
    reading: Reading
    in_flight: int = 0
    is_recount: bool = False


class SweepRunner:
    """Reads a sweep to its end, or until something stops it.

    `clock` gives aware datetimes. `reports` and `pages` tell what was done.
    """

    def __init__(
        self,
        conn: psycopg.Connection,
        api: DomainApi,
        sweep: Sweep,
        *,
        landing: Path,
        is_simulated: bool,
        clock: Callable[[], datetime],
        page_size: int = 100,
        ceiling: int = CEILING,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.reports: list[FileReport] = []
        self.pages = 0
        self._conn = conn
        self._api = api
        self._sweep = sweep
        self._landing = landing
        self._folder = f"{DATASET}/{sweep.sweep_id.hex[:12]}"
        self._is_simulated = is_simulated
        self._clock = clock
        self._size = page_size
        self._ceiling = ceiling
        self._on_progress = on_progress
        self._workers = api.client.policy.max_in_flight
        self._slices: dict[int, SliceState] = {}
        self._open: dict[int, _Open] = {}
        self._tasks: deque[_Task] = deque()
        self._recounted: set[tuple[int, str | None]] = set()
        self._error: BaseException | None = None

    @property
    def slices(self) -> list[SliceState]:
        """All slices as far as they have come."""
        return list(self._slices.values())

    @property
    def missing(self) -> int:
        """Results the server counts and did not give, over all slices."""
        return sum(state.missing for state in self._slices.values())

    def run(self) -> None:
        """Go on until every slice is over.

        Raises:
            Parked, SourceDown: the rest waits for the next run.
            PermanentError: the search is refused.
        """
        self._resume()
        flying: dict[Future[_Fetched], _Task] = {}
        with ThreadPoolExecutor(self._workers, "domain") as pool:
            while flying or (self._tasks and self._error is None):
                while (
                    self._tasks and self._error is None and len(flying) < self._workers
                ):
                    task = self._tasks.popleft()
                    query = self._slices[task.number].query
                    flying[pool.submit(self._fetch, query, task)] = task
                try:
                    done, _ = wait(flying, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._landed(flying.pop(future), future)
                except BaseException as error:
                    # What is in flight is landed by its thread and loaded by the next
                    # run; nobody waits for the rest.
                    self._error = self._error or error
                    pool.shutdown(cancel_futures=True)
                    raise
        if self._error is not None:
            raise self._error
        if self._slices[0].status not in _OVER:
            raise RuntimeError(f"slices are left over: {self.slices}")

    def _resume(self) -> None:
        for state in load_slices(self._conn, self._sweep):
            self._slices[state.number] = state
        for state in self.slices:
            if state.status in ("waiting", "reading"):
                self._reopen(state)
        for state in reversed(self.slices):
            if state.status == "split":
                self._close_if_whole(state)

    def _reopen(self, state: SliceState) -> None:
        """Queue what is left of a slice; pages landed before are not asked again."""
        slot = self._open[state.number] = _Open(
            state, Reading(self._size, self._ceiling)
        )
        for landed in load_pages(self._conn, self._sweep, state.number):
            facts = self._facts(landed)
            slot.reading.record(landed.page, landed.keys, landed.total, *facts)
        self._advance(slot)

    def _facts(self, landed: LandedPage) -> _Facts:
        """Of a page landed by an earlier run; unknown if its file is gone."""
        try:
            return _facts_of(read_body(self._landing / landed.file).items)
        except PermanentError:
            return [None] * len(landed.keys), frozenset()

    # One answer ----------------------------------------------------------------

    def _fetch(self, query: dict[str, Any], task: _Task) -> _Fetched:
        """In a thread: ask, land, read. An answer on disk is not asked for again."""
        number, page, answer = task.number, task.page, task.answer
        name = f"{self._folder}/{number:05d}-p{page:02d}-{answer}{ENDING}"
        path = self._landing / name
        body = None
        if path.exists():
            try:
                body = read_body(path)
            except PermanentError:
                body = None
        if body is None:
            found = self._api.search(ordered(query), page, self._size)
            moment = found.server_time
            facts = {
                "page": page,
                "total": found.total,
                "server_time": moment.isoformat() if moment else None,
            }
            body = Body(DATASET, ordered(query), found.items, self._clock(), {}, facts)
            write_body(path, body)
        container = BodyContainer(name, path)
        # Parsed here: the thread that loads has enough to do.
        return _Fetched(container, body, keys_of(body.items), container.read.parsed)

    def _landed(self, task: _Task, future: Future[_Fetched]) -> None:
        slot = self._open[task.number]
        slot.in_flight -= 1
        try:
            fetched = future.result()
        except Exception as error:
            self._error = self._error or error
            return
        self._note(slot, task, fetched)
        if slot.is_recount:
            self._open.pop(task.number)
            self._close_if_whole(slot.state)
        else:
            self._advance(slot)

    def _note(self, slot: _Open, task: _Task, fetched: _Fetched) -> None:
        """Load an answer, then write down that it is there."""
        container, body = fetched.container, fetched.body
        self.reports += load_container(
            self._conn, container, LISTINGS.target, is_simulated=self._is_simulated
        )
        total = body.facts.get("total")
        facts = _facts_of(body.items)
        slot.reading.record(task.page, fetched.keys, total, *facts)
        state = slot.state
        if slot.is_recount:
            state.total = min(state.total or 0, total or 0)
        else:
            state.status = "reading"
            state.page = len(slot.reading.pages)
            state.total = slot.reading.total
            state.found = slot.reading.distinct
        landed = LandedPage(
            task.number, task.page, task.answer, container.name, total, fetched.keys
        )
        moment = body.facts.get("server_time")
        seen = [(item.key, item.row_hash) for item in fetched.parsed.sightings]
        with self._conn.transaction():
            save_page(self._conn, self._sweep, landed)
            save_slice(self._conn, self._sweep, state)
            note_seen(self._conn, self._sweep.search, seen, body.fetched_at)
            if moment:
                moment = datetime.fromisoformat(moment)
                note_server_time(self._conn, self._sweep, moment)
        self.pages += 1
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is not None:
            root = self._slices[0]
            found = sum(s.found for s in self.slices if s.status != "split")
            self._on_progress(found, max(root.total or 0, found))

    # One slice -----------------------------------------------------------------

    def _advance(self, slot: _Open) -> None:
        """Queue what a slice needs next, or end it."""
        if slot.in_flight:
            return
        state, reading = slot.state, slot.reading
        over = reading.is_over_ceiling
        if over and not reads_on(state.query, state.dimensions):
            self._split(slot)
            return
        pages = reading.wanted()
        if pages:
            tasks = [
                _Task(state.number, page, reading.answers.get(page, 0) + 1)
                for page in pages
            ]
            slot.in_flight = len(tasks)
            # A slice begun is ended first: fewer are open at a time.
            if state.status == "reading":
                self._tasks.extendleft(reversed(tasks))
            else:
                self._tasks.extend(tasks)
        elif over:
            self._split(slot)
        else:
            self._end(slot, reading.missing)

    def _split(self, slot: _Open) -> None:
        state, reading = slot.state, slot.reading
        found, left = split(state.query, state.dimensions, reading.shown)
        if found is None:
            if reading.wanted():
                state.dimensions = ()  # nothing divides it: what can be read is read
                self._advance(slot)
                return
            self._end(slot, max(1, (reading.total or 0) - reading.distinct))
            return
        parent = state
        if found.is_partial and state.parent is not None:
            above = self._slices[state.parent]
            if above.split_by == "listed":
                parent = above  # a chain hangs on its first link
        parent.split_by = found.dimension
        state.dimensions = left
        state.status = "split" if parent is state else "done"
        self._open.pop(state.number)
        first = max(self._slices) + 1
        parts = [
            SliceState(first + place, parent.number, query, left)
            for place, query in enumerate(found.queries)
        ]
        with self._conn.transaction():
            save_slice(self._conn, self._sweep, state)
            save_slice(self._conn, self._sweep, parent)
            add_slices(self._conn, self._sweep, parts)
        for part in parts:
            self._slices[part.number] = part
            self._reopen(part)

    def _end(self, slot: _Open, missing: int) -> None:
        state = slot.state
        state.missing = missing
        state.status = "short" if missing else "done"
        self._open.pop(state.number, None)
        with self._conn.transaction():
            save_slice(self._conn, self._sweep, state)
        if state.parent is not None:
            self._close_if_whole(self._slices[state.parent])

    def _close_if_whole(self, state: SliceState) -> None:
        """When all parts are over: is it everything? If not, divide it another way."""
        parts = [s for s in self.slices if s.parent == state.number]
        if state.status != "split" or any(s.status not in _OVER for s in parts):
            return
        state.found = count_found(self._conn, self._sweep, state.number)
        if state.total is None:
            # Nobody knows how many there should be; the parts speak for themselves.
            self._end(_Open(state, Reading(self._size, self._ceiling)), 0)
            return
        missing = max(0, state.total - state.found)
        if missing and (state.number, state.split_by) not in self._recounted:
            self._recount(state)
            return
        left = _after(state.dimensions, state.split_by)
        if missing and left:
            state.dimensions, state.split_by = left, None
            state.status = "reading"
            self._reopen(state)
            return
        with self._conn.transaction():
            for part in parts:
                if part.missing:
                    part.missing = 0  # counted above
                    save_slice(self._conn, self._sweep, part)
        self._end(_Open(state, Reading(self._size, self._ceiling)), missing)

    def _recount(self, state: SliceState) -> None:
        """Ask how many there are now: some may have gone while the parts were read."""
        self._recounted.add((state.number, state.split_by))
        landed = load_pages(self._conn, self._sweep, state.number)
        answer = 1 + sum(page.page == 1 for page in landed)
        slot = _Open(state, Reading(self._size, self._ceiling), 1, is_recount=True)
        self._open[state.number] = slot
        self._tasks.appendleft(_Task(state.number, 1, answer))


def _after(dimensions: tuple[str, ...], used: str | None) -> tuple[str, ...]:
    """The dimensions that come after the one used."""
    if used in dimensions:
        return dimensions[dimensions.index(used) + 1 :]
    return tuple(name for name in dimensions if name != used)
