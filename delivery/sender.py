"""Sending what is due: the entrance to a drain, with and without an event loop.

Any number of drains may run at once, here or on other machines. The loops of a drain
are `worker.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from delivery.guard import Networks
from delivery.store import Store
from delivery.vault import Vault
from delivery.worker import Limits, Worker

WATCH_SECONDS = 0.1
PROGRESS_SECONDS = 1.0

__all__ = ["DrainResult", "Limits", "drain", "run_drain"]


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What a drain did so far.

    Attributes:
        delivered: attempts answered 2xx.
        failed: attempts that failed and will be repeated.
        dead: attempts that failed with no retry left.
        attempts: the sum of these.
        seconds: wall time.
        remaining: deliveries due and not sent; None until the drain ends.
        stopped: the drain was asked to stop, or its time was up.
    """

    delivered: int
    failed: int
    dead: int
    attempts: int
    seconds: float
    remaining: int | None
    stopped: bool


def _never() -> bool:
    return False


def _ignore(_: DrainResult) -> None:
    return None


async def drain(
    dsn: str,
    *,
    vault: Vault,
    allow_networks: Networks = (),
    limits: Limits | None = None,
    clock: Callable[[], float] = time.time,
    rng: Callable[[], float] = random.random,
    should_stop: Callable[[], bool] = _never,
    on_progress: Callable[[DrainResult], None] = _ignore,
) -> DrainResult:
    """Send what is due until nothing is, time is up or a stop is asked for.

    Args:
        dsn: of the database.
        vault: opens the endpoints' keys.
        allow_networks: non-public networks that may be dialled, over http too.
        limits: see `worker.Limits`.
        clock: Unix seconds, for signatures and Retry-After dates. Due times and leases
            follow the database's clock.
        rng: uniform in [0, 1), for jitter.
        should_stop: asked ten times a second.
        on_progress: told about once a second and at the end.

    Raises:
        store.DatabaseUnreachable: out of reach for longer than the limit. Deliveries
            whose outcome could not be written are sent again, under the same
            webhook-id, when their lease ends.
    """
    from delivery.posting import Poster, prepare_target

    limits = limits or Limits()
    poster = Poster(
        allow_networks=allow_networks,
        max_connections=limits.total,
        connect_seconds=limits.connect,
        total_seconds=limits.post_total,
    )
    started = time.monotonic()
    async with Store(dsn, limits.database_outage) as store, poster:
        worker = Worker(
            store,
            poster,
            limits,
            prepare=lambda r: prepare_target(
                r.url, r.keys, allow_networks, vault, compat=r.compat_signature
            ),
            clock=clock,
            rng=rng,
        )

        def progress() -> DrainResult:
            return DrainResult(
                **asdict(worker.counts),
                attempts=sum(asdict(worker.counts).values()),
                seconds=time.monotonic() - started,
                remaining=None,
                stopped=worker.stopping,
            )

        async def watch() -> None:
            told = started
            while True:
                await asyncio.sleep(WATCH_SECONDS)
                now = time.monotonic()
                over = limits.drain is not None and now - started > limits.drain
                if over or should_stop():
                    worker.stop()
                if now - told >= PROGRESS_SECONDS:
                    told = now
                    on_progress(progress())

        watcher = asyncio.create_task(watch())
        try:
            remaining = await worker.run(watcher)
        finally:
            watcher.cancel()
    result = replace(progress(), remaining=remaining)
    on_progress(result)
    return result


def run_drain(
    dsn: str,
    *,
    vault: Vault,
    allow_networks: Networks = (),
    limits: Limits | None = None,
    clock: Callable[[], float] = time.time,
    rng: Callable[[], float] = random.random,
    should_stop: Callable[[], bool] = _never,
    on_progress: Callable[[DrainResult], None] = _ignore,
) -> DrainResult:
    """`drain` for callers without an event loop, on uvloop where there is one.

    SIGTERM and SIGINT stop the drain cleanly first and then take their usual course.
    """
    with _signals_held() as caught, _calm_collector():
        result = _run(
            drain(
                dsn,
                vault=vault,
                allow_networks=allow_networks,
                limits=limits,
                clock=clock,
                rng=rng,
                should_stop=lambda: bool(caught) or should_stop(),
                on_progress=on_progress,
            )
        )
    for number in caught:
        signal.raise_signal(number)
    return result


def _run(main: Coroutine[Any, Any, DrainResult]) -> DrainResult:
    if sys.platform == "win32":
        return asyncio.run(main)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


@contextlib.contextmanager
def _calm_collector() -> Iterator[None]:
    """Collect garbage rarely, and not over what was there before.

    A drain makes many short-lived objects and few cycles; the collector, at its usual
    pace and over a host such as Dagster, took a fifth of the processor time.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextlib.contextmanager
def _signals_held() -> Iterator[list[int]]:
    """Collect SIGTERM and SIGINT instead of letting them break off the drain."""
    caught: list[int] = []
    # Python lets the main thread alone handle signals.
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def collect(number: int, _: object) -> None:
        if number not in caught:
            caught.append(number)

    before = {n: signal.signal(n, collect) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
