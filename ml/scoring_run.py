"""Which properties are valued, part by part: those whose inputs or scorer changed.

Rows stream out of one query in the order of state and property, so that memory does
not grow with the country; a partition is at most so many rows of one state. What a
partition comes to is written by ``predictions``; how rows are valued is ``scoring``.

What counts as a changed input: any model input, fractions to the precision of ``real``
and times since something in whole months. Days alone change nothing; the month does,
once a month, for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from ml import fallback, features
from ml.scoring import Scorer, Valued, load_champion, value_properties
from ml.scoring_policy import read_policy
from ml.tracking import Registry

if TYPE_CHECKING:
    import pandas as pd
    import psycopg
    from psycopg import sql

#: Rows of a partition: some 150 MB of memory.
PARTITION_ROWS = 100_000
INPUT_HASH = "input_hash"
#: What is read of each row, in this order.
STREAMED: tuple[str, ...] = (*features.PROPERTY_COLUMNS, INPUT_HASH)
_ELAPSED = "months_since_"


@dataclass(frozen=True)
class Partition:
    """Some properties of one market, valued and not yet written.

    ``market`` is the state ("" where unknown), ``number`` counts its partitions from 1.
    ``rows`` are the feature rows as read (CSV, columns STREAMED); ``frame`` the same.
    """

    market: str
    number: int
    rows: bytes
    frame: pd.DataFrame
    valued: Valued
    scorer_id: int
    snapshot_id: str

    @property
    def valuations(self) -> pd.DataFrame:
        """What the gate judges and ``predictions`` writes."""
        return self.valued.valuations


@dataclass
class ScoringRun:
    """One scoring of every property that needs it.

    Args:
        reader: streams the feature rows; its transaction stays open until the last
            partition, so that all see the same rows.
        lookups: another connection, for what a partition asks in between; commits.
        registry: where the champion is.
        code: names the code; properties valued by other code are valued again.

    ``degraded`` says why properties went without the champion, else None.
    """

    reader: psycopg.Connection[Any]
    lookups: psycopg.Connection[Any]
    registry: Registry
    code: str = ""
    relation: str = features.PROPERTY_RELATION
    partition_rows: int = PARTITION_ROWS
    #: The other core writes the partition before.
    threads: int = 1
    snapshot_id: str = field(init=False, default="")
    scorer: Scorer = field(init=False, default_factory=lambda: Scorer(None))
    _ids: dict[str, int] = field(init=False, default_factory=dict)

    @property
    def degraded(self) -> str | None:
        """Why the champion was not used, at the start or from some partition on."""
        return self.scorer.degraded

    def partitions(self) -> Iterator[Partition]:
        """Value what changed; in the order of state and property."""
        self.scorer = self._make_scorer()
        self.reader.rollback()
        self.reader.execute("set transaction isolation level repeatable read")
        self.snapshot_id = features.snapshot_id(self.reader, self.relation)
        numbers: dict[str, int] = {}
        for rows, frame in self._stream():
            market = str(frame["state"].fillna("").iloc[0])
            numbers[market] = number = numbers.get(market, 0) + 1
            valued = value_properties(frame, self.scorer, self._last_good, self.threads)
            # What failed to predict once is not asked again in this run.
            self.scorer = valued.scorer
            scorer_id = self._scorer_id(valued.scorer)
            yield Partition(
                market, number, rows, frame, valued, scorer_id, self.snapshot_id
            )
        self.reader.rollback()

    def _make_scorer(self) -> Scorer:
        champion, degraded = load_champion(self.registry)
        policy = read_policy(self.lookups)
        newest = newest_sales(self.lookups)
        self.lookups.commit()
        return Scorer(champion, degraded, policy, newest, self.code)

    def _last_good(self, property_ids: list[str]) -> pd.DataFrame:
        found = fallback.last_good(self.lookups, property_ids)
        self.lookups.commit()
        return found

    def _scorer_id(self, scorer: Scorer) -> int:
        name = scorer.fingerprint
        if name not in self._ids:
            self._ids[name] = scorer_id(self.lookups, scorer)
            self.lookups.commit()
        return self._ids[name]

    def _stream(self) -> Iterator[tuple[bytes, pd.DataFrame]]:
        known = self._scorer_id(self.scorer) if self.scorer.is_settled else None
        # The sort is of the whole table; more memory for it would not be flat.
        self.reader.execute("set local work_mem = '128MB'")
        with self.reader.cursor().copy(changed_rows(self.relation, known)) as copy:
            lines = iter(copy)
            while block := [bytes(line) for line in islice(lines, self.partition_rows)]:
                frame = features.parse_features(
                    b"".join(block), STREAMED, extra_integers=[INPUT_HASH]
                )
                for start, end in _by_state(frame):
                    part = frame.iloc[start:end].reset_index(drop=True)
                    yield b"".join(block[start:end]), part


def _by_state(frame: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """First row and end of each state's rows, which lie together."""
    import numpy as np

    state = frame["state"].fillna("").to_numpy()
    cuts = (np.flatnonzero(state[1:] != state[:-1]) + 1).tolist()
    return zip([0, *cuts], [*cuts, len(state)], strict=True)


def changed_rows(relation: str, known_scorer: int | None) -> sql.Composed:
    """COPY of the rows to be valued; of all of them where no scorer is known."""
    from psycopg import sql

    hashed = [sql.Identifier(name) for name in features.CATEGORIES]
    for name in features.NUMBERS:
        cast = "floor({})::real" if name.startswith(_ELAPSED) else "{}::real"
        hashed.append(sql.SQL(cast).format(sql.Identifier(name)))  # type: ignore[arg-type]
    condition = sql.SQL("true")
    if known_scorer is not None:
        condition = sql.SQL(  # type: ignore[assignment]
            "valued.input_hash is distinct from features.input_hash "
            "or valued.scorer_id <> {}"
        ).format(sql.Literal(known_scorer))
    return sql.SQL(
        """
        copy (
            select {columns}
            from (
                select *, hash_record_extended(row({hashed}), 0) as input_hash
                from {relation}
            ) as features
            left join ml.valued_inputs as valued using (property_id)
            where {condition}
            order by state, property_id
        ) to stdout (format csv)
        """
    ).format(
        columns=sql.SQL(", ").join(
            sql.Identifier(name) if name == "property_id"
            else sql.Identifier("features", name)
            for name in STREAMED
        ),
        hashed=sql.SQL(", ").join(hashed),
        relation=sql.Identifier(*relation.split(".")),
        condition=condition,
    )  # fmt: skip


def newest_sales(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Date of the newest sale learnt from, by state; none where nothing was."""
    found = connection.execute(
        "select to_regclass(%s) is not null", [features.TRAINING_RELATION]
    ).fetchone()
    if found is None or not found[0]:
        return {}
    rows = connection.execute(
        "select state, max(as_of_date) from ml.training_features "
        "where is_bid = 0 and state is not null group by state"
    )
    return dict(rows.fetchall())


def scorer_id(connection: psycopg.Connection[Any], scorer: Scorer) -> int:
    """The scorer's row in ``ml.scorers``, made if it is new."""
    name = scorer.fingerprint
    connection.execute(
        """
        insert into ml.scorers
            (fingerprint, model_version, degraded, number_names, category_names)
        values (%s, %s, %s, %s, %s)
        on conflict (fingerprint) do nothing
        """,
        [
            name,
            scorer.model_version,
            scorer.degraded,
            list(features.NUMBERS),
            list(features.CATEGORIES),
        ],
    )
    row = connection.execute(
        "select scorer_id from ml.scorers where fingerprint = %s", [name]
    ).fetchone()
    assert row is not None
    return int(row[0])
