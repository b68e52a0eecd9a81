"""The made-up market as REAXML files: what agencies' software would drop, hour by hour.

File `n` is a pure function of the market and `n`: the new listings of its hour and the
changes to those of the hours before, so memory does not grow and more files begin with
the same ones. Copied are the habits of real feeds: patches, late and repeated records,
every date form, odd encodings, markup, and the standard's own list of mistakes.

Here: lives of listings and files. Elsewhere: one record's XML (`reaxml_records`).
"""

from __future__ import annotations

import io
import random
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from simulator.market import Market
from simulator.reaxml_records import (
    DATE_FORMS,
    Event,
    ListingState,
    bad_record,
    file_text,
    record_xml,
)

NEW_PER_FILE: Final = 8
_LONGEST_LIFE: Final = 40
_AGENCIES: Final = 30
_START: Final = datetime(2024, 3, 4, 7, 0)  # noqa: DTZ001 - feeds write local times
_ENCODINGS: Final = (
    ("UTF-8", "utf-8"),
    ("UTF-8", "utf-8"),
    ("UTF-8", "utf-8-sig"),
    ("ISO-8859-1", "cp1252"),
    ("UTF-8", "cp1252"),
    ("UTF-16", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """One file: its name (agency folder included), bytes, and what is in it."""

    name: str
    content: bytes
    records: int
    bad_records: int


@dataclass(frozen=True, slots=True)
class Change:
    """One record of a listing's life: what it says and when it is sent.

    `at` is its modTime, `file` the hour of its file: a late record comes hours after.
    """

    event: Event
    at: datetime
    file: int
    state: ListingState


class ReaxmlDropper:
    """Feeds of a market's agencies."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._seed = market.size.seed
        self.life = lru_cache(maxsize=(_LONGEST_LIFE + 2) * NEW_PER_FILE)(self._life)

    # Lives

    def _life(self, hour: int, place: int) -> list[Change]:
        """All changes of one listing that is new in `hour`, in order of their time."""
        luck = random.Random(f"{self._seed}:reaxml:{hour}:{place}")
        number = hour * NEW_PER_FILE + place
        home = self._market.home(luck.randrange(self._market.size.homes))
        start = _START + timedelta(hours=hour, minutes=luck.randrange(50))
        state = self._first_state(luck, number, start)
        price = self._market.price(home, start.date())
        step = 10_000 if price > 50_000 else 500
        state = replace(
            state,
            home=home,
            price=max(step, round(price * luck.uniform(0.97, 1.06) / step) * step),
            rent=max(120, round(price * 0.042 / 52 / 5) * 5),
        )
        changes: list[Change] = []
        at = start
        for event in _plot(luck, state.is_letting):
            state = _changed(state, event, luck, at)
            hours = 0 if not changes else luck.randrange(1, 9)
            at = at + timedelta(hours=hours, minutes=1)
            sent = int((at - _START).total_seconds() // 3600)
            if changes and luck.random() < 0.06:
                sent += luck.randrange(1, 5)
            changes.append(Change(event, at, sent, replace(state)))
        return changes

    def _first_state(
        self, luck: random.Random, number: int, start: datetime
    ) -> ListingState:
        agency = luck.randrange(_AGENCIES)
        letters = random.Random(f"{self._seed}:agency:{agency}")
        agent_id = "X" + "".join(
            letters.choice("ABCDEFGHJKLMNPRSTUVW") for _ in "12345"
        )
        return ListingState(
            agent_id=agent_id,
            unique_id=f"{agent_id[:3]}-{number:07d}",
            home=self._market.home(0),
            is_letting=luck.random() < 0.22,
            lacks_price=luck.random() < 0.02,
            has_wrong_postcode=luck.random() < 0.02,
            style=luck.randrange(1_000_000),
            listed=start,
        )

    # Files

    def changes(self, hour: int) -> Iterator[Change]:
        """What is sent in an hour: its new listings, and changes to earlier ones."""
        for born in range(max(0, hour - _LONGEST_LIFE), hour + 1):
            for place in range(NEW_PER_FILE):
                for change in self.life(born, place):
                    if change.file == hour:
                        yield change

    def file(self, hour: int) -> DroppedFile:
        """The file of an hour. Every seventh is a ZIP with a picture."""
        luck = random.Random(f"{self._seed}:reaxml-file:{hour}")
        form = DATE_FORMS[hour % len(DATE_FORMS)]
        records = [record_xml(change, form) for change in self.changes(hour)]
        if records and luck.random() < 0.15:
            records.append(luck.choice(records))  # the same record twice
        bad = int(luck.random() < 0.03)
        records += [bad_record(hour)] * bad
        declared, codec = _ENCODINGS[hour % len(_ENCODINGS)]
        made = _START + timedelta(hours=hour, minutes=59)
        content = file_text(records, made, declared, form).encode(codec, "replace")
        stem = f"AGENCY{hour % 3}/feed_{made:%Y%m%d%H%M%S}"
        if hour % 7 == 6:
            return DroppedFile(f"{stem}.zip", _zipped(content), len(records), bad)
        return DroppedFile(f"{stem}.xml", content, len(records), bad)

    def files(self, count: int) -> Iterator[DroppedFile]:
        """The first `count` hours; every ninth file comes again under another name."""
        for hour in range(count):
            file = self.file(hour)
            yield file
            if hour % 9 == 8:
                yield replace(file, name=file.name.replace("feed_", "resent_"))

    # Truth

    def expected(self, count: int) -> dict[tuple[str, str], ListingState]:
        """Each listing by (agent id, unique id) after `count` files were all read.

        The state is that of its newest change among those sent; what a change that was
        not sent yet would say is unknown to anybody.
        """
        states: dict[tuple[str, str], ListingState] = {}
        for hour in range(count):
            for place in range(NEW_PER_FILE):
                sent = [c for c in self.life(hour, place) if c.file < count]
                if sent:
                    last = sent[-1].state
                    states[last.agent_id, last.unique_id] = _as_sent(sent)
        return states

    def expected_records(self, count: int) -> int:
        """Distinct good records in the first `count` files."""
        return sum(1 for hour in range(count) for _ in self.changes(hour))


def _plot(luck: random.Random, is_letting: bool) -> tuple[Event, ...]:
    """What becomes of a listing."""
    chance = luck.random()
    if chance < 0.04:
        return ("sold",) if not is_letting else ("leased",)
    if chance < 0.18:
        return ("listed", "withdrawn")
    if chance < 0.26:
        return ("listed", "priced", "offmarket")
    if is_letting:
        return ("listed", "priced", "leased")
    if chance < 0.45:
        return ("listed", "priced", "priced", "under_offer", "sold")
    if chance < 0.6:
        return ("listed", "hidden", "under_offer", "sold")
    return ("listed", "priced", "under_offer", "sold")


def _changed(
    state: ListingState, event: Event, luck: random.Random, at: datetime
) -> ListingState:
    match event:
        case "priced":
            cut = luck.choice((0.95, 0.97, 1.03))
            step = 5_000 if state.price > 50_000 else 500
            price = max(step, round(state.price * cut / step) * step)
            rent = max(100, round(state.rent * cut / 5) * 5)
            return replace(state, price=price, rent=rent, lacks_price=False)
        case "hidden":
            return replace(state, is_price_shown=False, lacks_price=False)
        case "under_offer":
            return replace(state, is_under_offer=True)
        case "sold":
            sold = round(state.price * luck.uniform(0.93, 1.05) / 1_000) * 1_000
            shown = luck.random() < 0.8
            day = at.date()
            return replace(
                state, status="sold", sold_price=sold, is_sold_shown=shown, sold_on=day
            )
        case "listed":
            return state
        case _:
            return replace(state, status=event)


def _as_sent(sent: list[Change]) -> ListingState:
    """The newest state, without what no sent record said."""
    events = [change.event for change in sent]
    said = [change.state for change in sent if _says_price(change)]
    state = replace(
        sent[-1].state,
        is_described="listed" in events,
        lacks_price=not said,
        is_under_offer="under_offer" in events,
        record_count=len(sent),
    )
    if not said:
        return state
    price = said[-1]
    return replace(
        state, price=price.price, rent=price.rent, is_price_shown=price.is_price_shown
    )


def _says_price(change: Change) -> bool:
    if change.event == "listed":
        return not change.state.lacks_price
    return change.event in ("priced", "hidden")


def write_drop(
    market: Market,
    folder: Path,
    count: int,
    every: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Drop `count` files (and those sent again) into a folder; return how many.

    Each appears whole, under a hidden name first. `every` seconds lie between two.
    """
    written = 0
    for file in ReaxmlDropper(market).files(count):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        partial.write_bytes(file.content)
        partial.rename(path)
        written += 1
        if every:
            sleep(every)
    return written


def _zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("listings.xml", content), ("images/m.jpg", b"\xff\xd8")):
            archive.writestr(zipfile.ZipInfo(name, (2024, 3, 4, 8, 0, 0)), data)
    return target.getvalue()
