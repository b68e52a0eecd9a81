"""One scoring, partition by partition: valued, judged, written with its events.

Belongs here: the order of these, and that the next partition is valued while the last
one is written (PostgreSQL works there, this process here). Valuing is `ml.scoring_run`,
the gate `valuation_gate`, what the UI is told `predictions`.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from assets.resources import Warehouse
from assets.valuation_gate import judge_valuations, together
from assets.warehouse import tracking_url

if TYPE_CHECKING:
    from expectations.runner import SuiteResult
    from ml.predictions import Written
    from ml.scoring_run import Partition

    Counts = tuple[Written, int, int]

#: For the temporary tables of one partition.
_TEMP_BUFFERS = "set temp_buffers = '128MB'"


@dataclass
class Scored:
    """What a scoring came to; counts are of the properties it valued.

    ``answer`` is the gate's about all partitions, None where nothing had changed; where
    it failed, the partition it is about and those after it are not written.
    """

    written: Written
    answer: SuiteResult | None = None
    events: int = 0
    deliveries: int = 0
    valued: int = 0
    degraded: str | None = None
    partitions: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        """Whether all of it was written."""
        return self.answer is None or self.answer.passed

    def count(self, partition: Partition) -> None:
        """Add a partition that is written."""
        self.partitions[partition.market or "unknown"] += 1
        self.valued += len(partition.valuations)
        self.methods.update(partition.valued.by_method)
        self.classes.update(partition.valued.by_class)
        self.reasons.update(partition.valued.by_reason)


def run_scoring(
    warehouse: Warehouse, code: str, run_id: str, partition_rows: int | None = None
) -> Scored:
    """Value what changed and write it, one transaction a partition.

    Killed anywhere, the partitions written stand with their events, and the next
    scoring does the others.
    """
    from ml.predictions import Written
    from ml.scoring_run import PARTITION_ROWS, ScoringRun
    from ml.tracking import Registry

    rows = partition_rows or PARTITION_ROWS
    scored, answers = Scored(Written()), []
    with ExitStack() as stack:
        reader, lookups, writer = (
            stack.enter_context(warehouse.connect()) for _ in range(3)
        )
        writer.execute(_TEMP_BUFFERS)
        writer.commit()
        settings = warehouse.settings
        registry = Registry(tracking_url(warehouse.url), settings.artifacts_folder)
        run = ScoringRun(reader, lookups, registry, code, partition_rows=rows)
        behind = stack.enter_context(ThreadPoolExecutor(1, "write-partition"))
        writing: Future[Counts] | None = None
        for partition in run.partitions():
            answer = judge_valuations(partition.valuations, partition.frame)
            answers.append(answer)
            if not answer.passed:
                break
            _settle(scored, writing)
            writing = behind.submit(_write, writer, partition, run_id)
            scored.count(partition)
        _settle(scored, writing)
        scored.degraded = run.degraded
    scored.answer = together(answers) if answers else None
    return scored


def _settle(scored: Scored, writing: Future[Counts] | None) -> None:
    """Wait for the partition being written; what went wrong there is raised here."""
    if writing is not None:
        written, events, deliveries = writing.result()
        scored.written += written
        scored.events += events
        scored.deliveries += deliveries


def _write(
    writer: psycopg.Connection[Any], partition: Partition, run_id: str
) -> Counts:
    from delivery.outbox import publish_predictions
    from delivery.withdrawals import publish_withdrawals
    from ml.predictions import write_partition

    with writer.transaction():
        written = write_partition(writer, partition, run_id)
        told = publish_predictions(writer)
        gone = publish_withdrawals(writer)
    return written, told.events + gone.events, told.deliveries + gone.deliveries
