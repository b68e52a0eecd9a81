"""The soak's bad weather: files cut short and half written, releases damaged, kills.

Belongs here: what is done to the market and to the workers while they land. What they
do is `soak_worker`; what must be true in the end is `soak_truth`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.simulation import ROOT, Simulation
from benchmarks.soak_worker import SEARCHES
from simulator.market import Market
from simulator.reaxml import DroppedFile, ReaxmlDropper
from simulator.reference import write_reference

#: One file in so many is cut short, and one half written, before it comes whole.
ODDS = 0.1


@dataclass(slots=True)
class Feeds:
    """Agencies' REAXML files on their way into the drop folder.

    `sent` are the whole contents by name. A file that was cut short, or that was taken
    while half of it was there, is sent again whole later, as agencies do.
    """

    market: Market
    folder: Path
    chance: random.Random
    sent: dict[str, bytes] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    hours: int = 0
    _again: list[DroppedFile] = field(default_factory=list)

    def next(self) -> None:
        """Send the next hour's file, well or badly."""
        file = ReaxmlDropper(self.market).file(self.hours)
        self.hours += 1
        luck = self.chance.random()
        if luck < ODDS:
            self.done["cut"] += 1
            self._put(file.name, file.content[: len(file.content) * 6 // 10])
            self._again.append(file)
        elif luck < 2 * ODDS:
            self.done["half written"] += 1
            self._in_two(file)
        else:
            self._whole(file)
        if luck > 0.8 and self._again:
            self._whole(self._again.pop(0))

    def finish(self) -> None:
        """Send again what never came whole."""
        while self._again:
            self._whole(self._again.pop())

    def _whole(self, file: DroppedFile) -> None:
        self._put(file.name, file.content)
        self.sent[file.name] = file.content

    def _put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        partial.write_bytes(content)
        partial.rename(path)

    def _in_two(self, file: DroppedFile) -> None:
        """Half of it, a pause, the rest, under its own name."""
        path = self.folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        half = len(file.content) // 2
        with path.open("wb") as target:
            target.write(file.content[:half])
            target.flush()
            time.sleep(0.1)
            target.write(file.content[half:])
            target.flush()
            is_there = path.exists() and os.fstat(target.fileno()).st_nlink == 1
        if is_there:
            self.sent[file.name] = file.content
        else:
            self._again.append(file)


@dataclass(slots=True)
class Releases:
    """Reference sets in their folders: newer ones, cut short and mended."""

    folder: Path
    chance: random.Random
    made: list[dict[str, Path]]
    current: dict[str, int] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    @staticmethod
    def make(market: Market, folder: Path, chance: random.Random) -> Releases:
        """Three releases of every set, weeks apart; the first ones are in place."""
        made = []
        for number in range(3):
            size = replace(market.size, weeks=market.size.weeks + 30 * number)
            made.append(write_reference(Market(size), folder / f"release{number}"))
        releases = Releases(folder / "sets", chance, made)
        for dataset in made[0]:
            releases.put(dataset, 0)
        return releases

    def next(self) -> None:
        """One set gets newer, or is cut short, or is whole again."""
        dataset = self.chance.choice(sorted(self.made[0]))
        number = min(
            len(self.made) - 1, self.current[dataset] + self.chance.randrange(2)
        )
        is_cut = self.chance.random() < 3 * ODDS
        self.done["cut" if is_cut else "whole"] += 1
        self.put(dataset, number, is_cut=is_cut)

    def finish(self) -> None:
        """The newest release of every set, whole."""
        for dataset in self.made[0]:
            self.put(dataset, len(self.made) - 1)

    def put(self, dataset: str, number: int, *, is_cut: bool = False) -> None:
        """Let a set's folder hold one release; written over the old in place."""
        source = self.made[number][dataset]
        folder = self.folder / dataset
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.name != source.name:
                old.unlink()
        content = source.read_bytes()
        end = len(content) * 6 // 10 if is_cut else len(content)
        (folder / source.name).write_bytes(content[:end])
        self.current[dataset] = number


@dataclass(slots=True)
class Days:
    """What the Domain API's truth was, as its clock was pushed."""

    site: Simulation
    seen: set[int] = field(default_factory=set)
    advanced: int = 0
    published: int = 0

    def look(self) -> None:
        """Remember the listings there are."""
        for search in SEARCHES:
            self.seen |= self.site.truth(search)

    def advance(self, minutes: int) -> None:
        """Push the clock, without missing what comes or goes by it."""
        self.look()
        self.site.control("advance", minutes=minutes)
        self.advanced += minutes
        self.look()

    def publish(self) -> None:
        """One more week of sales."""
        self.site.control("publish", weeks=1)
        self.published += 1


class Process:
    """A worker that is started again whenever it was killed."""

    def __init__(self, plan: Path, group: str) -> None:
        self._arguments = [
            *(sys.executable, "-W", "error", "-m", "benchmarks.soak_worker"),
            *(str(plan), group),
        ]
        self.group = group
        self.outcomes: list[dict[str, Any]] = []
        self.kills = 0
        self.crashes: list[str] = []
        self._start()

    def _start(self) -> None:
        process = subprocess.Popen(
            self._arguments,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._process = process
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=[process], daemon=True),
            threading.Thread(
                target=lambda: self._errors.extend(process.stderr or ()), daemon=True
            ),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            if line.endswith("\n"):
                self.outcomes.append(json.loads(line))

    def check(self) -> None:
        """Note a worker that ended by itself, and start another."""
        if self._process.poll() is not None:
            self._gone(is_killed=False)
            self._start()

    def kill(self, *, for_good: bool = False) -> None:
        """End it with kill -9, then start another in its place."""
        is_ours = self._process.poll() is None
        self._process.kill()
        self._gone(is_killed=is_ours)
        if not for_good:
            self.kills += 1
            self._start()

    def _gone(self, *, is_killed: bool) -> None:
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (
            self._process.stdin,
            self._process.stdout,
            self._process.stderr,
        ):
            if stream is not None:
                stream.close()
        if not is_killed:
            self.crashes.append("".join(self._errors)[-3000:] or "it just ended")


def empty_copy(contents: dict[str, bytes], folder: Path) -> Path:
    """The whole files once each in a fresh folder, for an undisturbed load."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - 60,) * 2)
    return folder
