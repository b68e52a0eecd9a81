"""Every source through all faults at once, for minutes: no crash, no loss, no double.

Two workers land all sources again and again from a simulator with every fault at 10 %
(each drawn on its own: one request in four goes well), while its clock moves on, weeks
are published, feeds arrive cut short and releases are damaged and mended; now and then
a worker is killed with kill -9. Then the weather clears, each source runs to its end,
and the database must be that of an undisturbed load of the same market.

    python -m benchmarks soak           (BENCH_SOAK_SECONDS, 300 by default)
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import soak_truth as truth
from benchmarks.report import Figure
from benchmarks.simulation import Simulation, simulation
from benchmarks.soak_weather import Days, Feeds, Process, Releases, empty_copy
from benchmarks.soak_worker import GROUPS, SEARCHES, SETTLE_SECONDS, Plan, Worker
from database.embedded import EmbeddedServer
from database.listing_watch import wanting_details
from database.migrate import migrate
from database.source_state import call_counts
from simulator.fault_rates import NAMES
from simulator.market import Market, MarketSize

SECONDS = float(os.environ.get("BENCH_SOAK_SECONDS", "300"))
HOMES, WEEKS = 3_000, 6
PAGE, CEILING = 20, 100
RATE = 0.1
_TICK = 0.25
_MOST_ROUNDS = 60
#: A worker lives so long on average before it is killed.
_SECONDS_A_LIFE = 10


@dataclass(frozen=True, slots=True)
class Soaked:
    """What happened. `wrong` holds a sentence for each thing that must not be.

    `rows` are those of each table in the end, `early` those the storm let through.
    """

    seconds: float
    outcomes: Counter[tuple[str, str]]
    problems: Counter[str]
    faults: Counter[str]
    damage: Counter[str]
    calls: Counter[str]
    rows: dict[str, int]
    early: dict[str, int]
    kills: int
    wrong: list[str]

    @property
    def landings(self) -> int:
        """Landings that came to an end, well or not."""
        return sum(self.outcomes.values())

    def count(self, *states: str) -> int:
        """Landings that ended so."""
        return sum(n for (_, state), n in self.outcomes.items() if state in states)


def measure() -> list[Figure]:
    """Soak, and fail loudly if anything was lost, doubled or broken."""
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        base.chmod(0o755)  # the server may run as another user
        server = EmbeddedServer(base / "postgres")
        try:
            address = server.ensure()
            urls = [server.ensure_database(address, name) for name in ("foul", "fair")]
            for url in urls:
                migrate(url)
            found = soak(urls[0], urls[1], base, seconds=SECONDS)
        finally:
            server.stop()
    if found.wrong:
        raise SystemExit("\n".join(["The soak went wrong:", *found.wrong]))
    return [_figure(found)]


def _figure(found: Soaked) -> Figure:
    beside = {
        "ran": f"{found.seconds:.0f} s",
        "calls": f"{found.calls['calls']:,}",
        "retries": f"{found.calls['retries']:,}",
        "faults": f"{found.faults.total():,}",
        "kinds of fault": str(len(found.faults)),
        "damaged files": f"{found.damage.total():,}",
        "kills": str(found.kills),
        "stale or parked": str(found.count("stale", "parked", "away")),
        "refused or partly": str(found.count("refused", "partly", "failed")),
        "rows": f"{sum(found.rows.values()):,}",
        "before it cleared": f"{sum(found.early.values()):,}",
        "lost": "0",
        "twice": "0",
        "crashes": "0",
    }
    landed = found.count("ok", "busy")
    return Figure("landings", found.landings, "", landed, "of them undisturbed", beside)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything the storm plays on."""

    base: Path
    site: Simulation
    plan: Plan
    days: Days
    feeds: Feeds
    releases: Releases
    chance: random.Random

    def truth(self) -> set[int]:
        """The listings that the searches show now."""
        self.days.look()
        return set().union(*(self.site.truth(search) for search in SEARCHES))


def soak(
    foul_url: str,
    fair_url: str,
    base: Path,
    *,
    seconds: float,
    seed: int = 1,
    homes: int = HOMES,
    retry: str = "standard",
) -> Soaked:
    """Soak for so long in one migrated database; compare with another."""
    market = Market(MarketSize(homes=homes, weeks=WEEKS))
    chance = random.Random(seed)
    words = ("--properties", homes, "--weeks", WEEKS, "--domain-ceiling", CEILING)
    drop = base / "drop"
    drop.mkdir()
    releases = Releases.make(market, base / "reference", chance)
    with simulation(*map(str, words)) as site:
        plan = Plan(
            database_url=foul_url,
            landing=str(base / "landing"),
            psi_url=site.addresses["psi_url"],
            csv_url=site.addresses["csv_url"],
            domain_url=site.addresses["domain_url"],
            domain_token_url=site.addresses["domain_token_url"],
            drop=str(drop),
            reference=str(releases.folder),
            suburbs=[
                f"{place.state}/{place.name}/{place.postcode}"
                for place in market.localities[:3]
            ],
            page_size=PAGE,
            ceiling=CEILING,
            retry=retry,
        )
        feeds = Feeds(market, drop, chance)
        scene = _Scene(base, site, plan, Days(site), feeds, releases, chance)
        processes = _storm(scene, seconds)
        with psycopg.connect(foul_url) as conn:
            early = truth.row_counts(conn)
        site.set_faults({})
        feeds.finish()
        releases.finish()
        return _told(scene, processes, seconds, _judge(scene, fair_url), early)


def _storm(scene: _Scene, seconds: float) -> list[Process]:
    """Let the workers run under faults, kills and a market that goes on."""
    scene.days.look()
    scene.site.set_faults(
        dict.fromkeys(NAMES, RATE), timeout_seconds=3, slow_seconds=1, retry_after=1
    )
    told = scene.plan.write(scene.base / "plan.json")
    processes = [Process(told, group) for group in GROUPS]
    end = time.monotonic() + seconds
    tick = 0
    try:
        while time.monotonic() < end:
            tick += 1
            if tick % 4 == 0:
                scene.feeds.next()
            if tick % 12 == 0:
                scene.releases.next()
            if tick % 20 == 0:
                scene.days.advance(scene.chance.choice((30, 180, 600)))
            if tick % 40 == 0:
                scene.days.publish()
            if scene.chance.random() < _TICK / _SECONDS_A_LIFE:
                scene.chance.choice(processes).kill()
            for process in processes:
                process.check()
            time.sleep(_TICK)
    finally:
        for process in processes:
            process.kill(for_good=True)
    return processes


def _judge(scene: _Scene, fair_url: str) -> list[str]:
    """Run every source to its end in good weather, twice over, and compare."""
    plan, feeds = scene.plan, scene.feeds
    time.sleep(2 * SETTLE_SECONDS)
    before = scene.truth()
    wrong = _to_the_end(replace(plan, mode="full"))
    after = scene.truth()
    fair_plan = replace(
        plan,
        database_url=fair_url,
        landing=str(scene.base / "fair"),
        drop=str(empty_copy(feeds.sent, scene.base / "fair-drop")),
        mode="full",
    )
    # Details are held to the listings, not to another load: hundreds of calls.
    wrong += _to_the_end(fair_plan, without=("details", "properties", "gone"))
    with psycopg.connect(plan.database_url) as foul, psycopg.connect(fair_url) as fair:
        wrong += truth.check_tables(foul)
        wrong += truth.check_ledger(foul)
        wrong += truth.check_rejects(foul)
        wrong += truth.check_against(foul, fair)
        wrong += truth.check_listings(foul, before, after, scene.days.seen)
    wrong += truth.check_drop(Path(plan.drop), feeds.sent)
    return wrong


def _told(
    scene: _Scene,
    processes: list[Process],
    seconds: float,
    wrong: list[str],
    early: dict[str, int],
) -> Soaked:
    """What happened, in figures."""
    crashes = [
        f"A worker of {process.group} crashed: {text}"
        for process in processes
        for text in process.crashes
    ]
    outcomes = [outcome for process in processes for outcome in process.outcomes]
    with psycopg.connect(scene.plan.database_url) as conn:
        rows = truth.row_counts(conn)
        today = datetime.now(UTC).date()
        calls: Counter[str] = Counter()
        for counted in call_counts(conn, today - timedelta(days=1), today).values():
            calls.update({name: round(amount) for name, amount in counted.items()})
    feeds = {f"feed {kind}": times for kind, times in scene.feeds.done.items()}
    return Soaked(
        seconds=seconds,
        outcomes=Counter((told["landing"], told["status"]) for told in outcomes),
        problems=Counter(told["problem"] for told in outcomes if told["problem"]),
        faults=Counter(scene.site.injected()),
        damage=Counter({**feeds, "release cut": scene.releases.done["cut"]}),
        calls=calls,
        rows=rows,
        early=early,
        kills=sum(process.kills for process in processes),
        wrong=crashes + wrong,
    )


def _to_the_end(plan: Plan, without: Sequence[str] = ()) -> list[str]:
    """Run each source until it is done; sentences about those that never were."""
    worker = Worker(plan)
    unfinished = []
    try:
        names = [name for group in GROUPS.values() for name in group]
        for name in (name for name in names if name not in without):
            for _ in range(_MOST_ROUNDS):
                outcomes = list(worker.land(name))
                if all(_is_done(name, told, worker) for told in outcomes):
                    break
                time.sleep(0.5)  # a breaker may be open, a file still young
            else:
                unfinished.append(f"{name} does not end: {outcomes}")
    finally:
        worker.close()
    return unfinished


def _is_done(name: str, told: dict[str, Any], worker: Worker) -> bool:
    if told["status"] != "ok" or told["missing"]:
        # A file that is damaged for good was refused, which is an end as well.
        return name == "reaxml" and told["status"] == "refused"
    if name == "details":
        return not wanting_details(worker.conn, 1)
    return name != "gone" or not told["read"]
