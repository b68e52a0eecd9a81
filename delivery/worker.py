"""The loops of one drain: claim ahead, post in slots, settle in batches, in overlap.

Started through `sender.drain`. The queue's SQL is `claims.py`, one POST `posting.py`,
connections `store.py`, and what a failure means for the next attempt `schedule.py`.
"""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from delivery import claims
from delivery.claims import Claimed, Receiver, Settlement
from delivery.schedule import Schedule, next_delay, parse_retry_after
from delivery.store import Store

if TYPE_CHECKING:
    from delivery.posting import Outcome, Poster, Target

REFRESH_SECONDS = 1.0
POLL_SECONDS = 0.005
# Settling every 40 ms keeps what a crash would send twice small, and commits few.
SETTLE_SECONDS = 0.04
SETTLE_ROWS = 400
MAX_UNSETTLED = 5_000
MIN_QUEUE = 8
GONE = 410


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one drain. Times in seconds.

    Attributes:
        per_endpoint: POSTs in flight to one endpoint.
        total: POSTs in flight in all.
        batch: deliveries claimed at once; beyond 200 larger hardly helps.
        lease: how long claimed rows stay with this drain if it dies. Longer than
            `post_total`, so that a row is never posted twice at the same time.
        connect: to connect, TLS included.
        post_total: for a whole POST, answer included.
        stop: to finish POSTs in flight once asked to stop.
        drain: after this no more is claimed; None for no limit.
        wait_for_leases: how long to wait for the leases of other drains, dead ones
            too, once nothing else is due.
        database_outage: how long to try to reach the database again.
    """

    per_endpoint: int = 64
    total: int = 512
    batch: int = 200
    lease: float = 30.0
    connect: float = 5.0
    post_total: float = 15.0
    stop: float = 15.0
    drain: float | None = None
    wait_for_leases: float = 0.0
    database_outage: float = 60.0

    def __post_init__(self) -> None:
        if self.lease < self.post_total + 2:
            raise ValueError("A lease must outlast a POST by two seconds or more.")


@dataclass(slots=True)
class Counts:
    """Settled attempts by what they led to."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0


@dataclass(slots=True)
class _Lane:
    """One endpoint's share of the drain: what is claimed for it and not yet taken up.

    Queue entries carry the monotonic time after which the lease is too short to post.
    """

    receiver: Receiver
    target: Target
    schedule: Schedule
    has_due: bool
    slots: int = 0
    queue: deque[tuple[Claimed, float]] = field(default_factory=deque)


class Worker:
    """One drain's state and loops. Run once."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        limits: Limits,
        *,
        prepare: Callable[[Receiver], Target],
        clock: Callable[[], float],
        rng: Callable[[], float],
    ) -> None:
        self.counts = Counts()
        self.stopping = False
        self.worker_id = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._store = store
        self._poster = poster
        self._limits = limits
        self._prepare = prepare
        self._clock = clock
        self._rng = rng
        self._schedules: dict[str, Schedule] = {}
        self._lanes: dict[UUID, _Lane] = {}
        self._gone: set[UUID] = set()
        self._slots: set[asyncio.Task[None]] = set()
        self._outcomes: list[Settlement] = []
        self._unsent: list[Claimed] = []
        self._held: dict[int, int] = {}
        self._posting_over = False

    def stop(self) -> None:
        """Claim no more, finish what is in flight, give back the rest."""
        self.stopping = True

    async def run(self, watcher: asyncio.Task[None]) -> int:
        """Drain; returns the deliveries that are due and not sent.

        Args:
            watcher: runs beside the drain; its failure ends the drain.
        """
        settler = asyncio.create_task(self._settle_loop())
        try:
            self._schedules = await self._store.claiming.run(claims.load_schedules)
            await self._claim_loop(settler, watcher)
            await self._finish_slots()
            self._posting_over = True
            await settler
            await self._give_back()
        finally:
            for task in (settler, *self._slots):
                task.cancel()
        return await self._store.claiming.run(claims.count_due)

    # Claiming

    async def _claim_loop(self, *others: asyncio.Task[None]) -> None:
        refreshed = -REFRESH_SECONDS
        patience = self._limits.wait_for_leases
        while not self.stopping:
            for task in others:
                if task.done():
                    task.result()
            if time.monotonic() - refreshed > REFRESH_SECONDS:
                await self._refresh()
                refreshed = time.monotonic()
            if self._unsent:
                await self._give_back()
            self._fill_slots()
            if rooms := self._rooms():
                await self._claim(rooms)
                patience = self._limits.wait_for_leases
            elif self._slots or self._outcomes:
                await asyncio.sleep(POLL_SECONDS)
            elif not await self._refresh():
                pause = await self._lease_pause(patience)
                if pause is None:
                    return
                await asyncio.sleep(pause)
                patience -= pause

    async def _refresh(self) -> bool:
        """Read the endpoints anew; whether any has deliveries to claim."""
        receivers = await self._store.claiming.run(claims.load_receivers)
        active = {
            r.endpoint_id: r for r in receivers if r.endpoint_id not in self._gone
        }
        for endpoint_id in self._lanes.keys() - active.keys():
            self._close_lane(endpoint_id)
        for endpoint_id, receiver in active.items():
            lane = self._lanes.get(endpoint_id)
            if lane is None or lane.receiver != receiver:
                target = await self._ready(receiver)
                if target is None:
                    continue
                schedule = self._schedules.get(receiver.retry_policy, {})
                if lane is None:
                    lane = _Lane(receiver, target, schedule, receiver.has_due)
                    self._lanes[endpoint_id] = lane
                lane.receiver, lane.target, lane.schedule = receiver, target, schedule
            lane.has_due = receiver.has_due
        return any(lane.has_due for lane in self._lanes.values())

    async def _ready(self, receiver: Receiver) -> Target | None:
        """The receiver made ready; parked with the reason if its keys are unusable."""
        from delivery.posting import KeysUnusable

        try:
            return self._prepare(receiver)
        except KeysUnusable as unusable:
            reason = str(unusable)
        self._close_lane(receiver.endpoint_id)
        await self._store.claiming.run(claims.park, receiver.endpoint_id, reason)
        return None

    def _close_lane(self, endpoint_id: UUID) -> None:
        lane = self._lanes.pop(endpoint_id, None)
        if lane is not None:
            self._unsent.extend(claimed for claimed, _ in lane.queue)
            lane.queue.clear()

    def _rooms(self) -> dict[UUID, int]:
        """How much to claim for whom: the shortest queues first, a batch in all."""
        if len(self._outcomes) > MAX_UNSETTLED:
            return {}
        batch = self._limits.batch
        due = [lane for lane in self._lanes.values() if lane.has_due]
        # Many endpoints share the memory that one may use alone.
        target = min(batch, max(MIN_QUEUE, 4 * batch // max(1, len(due))))
        rooms: dict[UUID, int] = {}
        for lane in sorted(due, key=lambda lane: len(lane.queue)):
            if batch <= 0 or 2 * len(lane.queue) > target:
                break
            rooms[lane.receiver.endpoint_id] = min(batch, target - len(lane.queue))
            batch -= target - len(lane.queue)
        return rooms

    async def _claim(self, rooms: dict[UUID, int]) -> None:
        limits = self._limits
        link = self._store.claiming
        breaks = link.breaks
        started = time.monotonic()
        rows = await link.run(
            claims.claim, rooms, worker=self.worker_id, lease_seconds=limits.lease
        )
        send_before = started + limits.lease - limits.post_total - 1
        for claimed in rows:
            ours = claimed.delivery_id in self._held
            self._held[claimed.delivery_id] = claimed.attempt
            if ours:
                # The lease ran out on us (a long outage): it waits here, is in flight,
                # or was answered already. Its outcome counts for the new attempt.
                continue
            rooms[claimed.endpoint_id] -= 1
            # A lane may have closed on a 410 while the claim was under way.
            if lane := self._lanes.get(claimed.endpoint_id):
                lane.queue.append((claimed, send_before))
            else:
                self._unsent.append(claimed)
        for endpoint_id, room in rooms.items():
            if room > 0 and (lane := self._lanes.get(endpoint_id)):
                lane.has_due = False
        if link.breaks != breaks:
            # The answer of a claim may have been lost with the connection.
            await link.run(
                claims.release_unknown, list(self._held), worker=self.worker_id
            )

    async def _lease_pause(self, patience: float) -> float | None:
        """How long to sleep until a foreign lease may have ended; None: finish."""
        if patience <= 0:
            return None
        seconds = await self._store.claiming.run(claims.seconds_to_lease_end)
        return None if seconds is None else min(seconds + 0.05, 1.0, patience)

    # Posting

    def _fill_slots(self) -> None:
        """Start slots for queued deliveries, the endpoints with the fewest first."""
        limits = self._limits
        for lane in sorted(self._lanes.values(), key=lambda lane: lane.slots):
            wanted = min(limits.per_endpoint, lane.slots + len(lane.queue))
            room = limits.total - len(self._slots)
            for _ in range(min(wanted - lane.slots, room)):
                lane.slots += 1
                task = asyncio.create_task(self._slot(lane))
                self._slots.add(task)
                task.add_done_callback(self._slots.discard)

    async def _slot(self, lane: _Lane) -> None:
        """Post one delivery after the other until the lane's queue is empty."""
        try:
            while lane.queue and not self.stopping:
                claimed, send_before = lane.queue.popleft()
                if time.monotonic() > send_before:
                    self._unsent.append(claimed)
                else:
                    await self._deliver(lane, claimed)
        finally:
            lane.slots -= 1

    async def _deliver(self, lane: _Lane, claimed: Claimed) -> None:
        started = self._clock()
        try:
            outcome = await self._poster.post(
                lane.target, claimed.event_id, int(started), claimed.body.encode()
            )
        except asyncio.CancelledError:
            self._outcomes.append(_interrupted(claimed, started))
            raise
        settlement = self._judge(lane, claimed, started, outcome)
        self._outcomes.append(settlement)
        if settlement.gone:
            self._gone.add(claimed.endpoint_id)
            self._close_lane(claimed.endpoint_id)

    def _judge(
        self, lane: _Lane, claimed: Claimed, started: float, outcome: Outcome
    ) -> Settlement:
        status, delay = "delivered", None
        if outcome.error_class is not None:
            wish = parse_retry_after(outcome.retry_after, self._clock())
            delay = next_delay(lane.schedule, claimed.attempt, wish, self._rng)
            status = "dead" if delay is None else "failed"
        return Settlement(
            delivery_id=claimed.delivery_id,
            endpoint_id=claimed.endpoint_id,
            attempt=claimed.attempt,
            status=status,
            started_at=started,
            duration_ms=outcome.duration_ms,
            delay=delay,
            status_code=outcome.status_code,
            error_class=outcome.error_class,
            error=outcome.error,
            excerpt=outcome.excerpt,
            gone=outcome.status_code == GONE,
        )

    async def _finish_slots(self) -> None:
        """Wait for POSTs in flight, then cut them off."""
        if self._slots:
            _, late = await asyncio.wait(self._slots, timeout=self._limits.stop)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # Settling

    async def _settle_loop(self) -> None:
        while True:
            over = self._posting_over
            batch = [
                replace(
                    outcome,
                    attempt=self._held.get(outcome.delivery_id, outcome.attempt),
                )
                for outcome in self._outcomes[:SETTLE_ROWS]
            ]
            if batch:
                await self._store.settling.run(
                    claims.settle, batch, worker=self.worker_id
                )
                del self._outcomes[: len(batch)]
                for settlement in batch:
                    self._held.pop(settlement.delivery_id, None)
                    status = settlement.status
                    setattr(self.counts, status, getattr(self.counts, status) + 1)
            elif over:
                return
            if not over and len(self._outcomes) < SETTLE_ROWS:
                await asyncio.sleep(SETTLE_SECONDS)

    async def _give_back(self) -> None:
        """Release what is claimed and will not be sent now."""
        if self.stopping:
            for endpoint_id in list(self._lanes):
                self._close_lane(endpoint_id)
        ids = [claimed.delivery_id for claimed in self._unsent]
        self._unsent.clear()
        if ids:
            await self._store.claiming.run(claims.release, ids, worker=self.worker_id)
            for delivery_id in ids:
                self._held.pop(delivery_id, None)


def _interrupted(claimed: Claimed, started: float) -> Settlement:
    """A POST cut off by a stop: it may have arrived, so it counts and is repeated."""
    return Settlement(
        delivery_id=claimed.delivery_id,
        endpoint_id=claimed.endpoint_id,
        attempt=claimed.attempt,
        status="failed",
        started_at=started,
        duration_ms=0,
        delay=0.0,
        error_class="interrupted",
        error="The worker was stopped before the receiver answered.",
    )
