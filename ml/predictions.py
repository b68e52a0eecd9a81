"""Writing a partition: only what changed, whole or not at all, the same on a rerun.

The caller owns the transaction and adds the outbox events to it: this leaves the
temporary tables ``new_predictions`` (prediction_id, property_id,
previous_estimate_aud) and ``new_withdrawals`` (refusal_id, property_id,
previous_estimate_aud) until that transaction ends. The statements are
``predictions_sql``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml import predictions_sql as statements
from ml.scoring_policy import ScoringPolicy
from ml.scoring_run import STREAMED, Partition

if TYPE_CHECKING:
    import pandas as pd
    import psycopg

COLUMNS = (
    "property_id",
    "valuation_date",
    "estimate_aud",
    "low_aud",
    "high_aud",
    "interval_pct",
    "low_68_aud",
    "high_68_aud",
    "low_95_aud",
    "high_95_aud",
    "confidence",
    "fsd",
    "confidence_class",
    "extrapolation",
    "thin_data",
    "method",
    "model_name",
    "model_version",
)
_REFUSED = ("property_id", "reason", "detail")


@dataclass(frozen=True)
class Written:
    """How many properties got a first valuation, a new one, or kept theirs.

    ``told`` of the first two are told to consumers; ``withdrawn`` lost theirs.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    told: int = 0
    withdrawn: int = 0

    def __add__(self, other: Written) -> Written:
        """Of two partitions together."""
        return Written(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.told + other.told,
            self.withdrawn + other.withdrawn,
        )


def write_partition(
    connection: psycopg.Connection[Any],
    partition: Partition,
    run_id: str | None = None,
) -> Written:
    """Append valuations that differ from the standing ones, and point at them.

    Also keeps the inputs they were made from, and refusals. Runs in the caller's
    transaction, which must be open (the temporary tables live as long). A valuation is
    the same when estimate, intervals, class, flags, method and model version are; it is
    told when it is new, moved beyond the noise since it was last told, or its method or
    class did.

    Raises:
        ValueError: a property comes twice, or no transaction is open.
    """
    if connection.autocommit and connection.info.transaction_status == 0:
        raise ValueError("write_partition needs an open transaction")
    valued, scored = partition.valued, partition.valuations
    if partition.frame["property_id"].duplicated().any():
        raise ValueError("a property comes twice")
    policy: ScoringPolicy = valued.scorer.policy
    values = {
        "snapshot": partition.snapshot_id,
        "run": run_id,
        "scorer": partition.scorer_id,
        "noise_share": policy.noise_share,
        "noise_interval_share": policy.noise_interval_share,
    }
    with connection.cursor() as cursor:
        for statement in statements.create(STREAMED).split(";"):
            cursor.execute(statement.encode())
        # Two scorings at once would both call the same estimate new.
        cursor.execute("lock table ml.current_predictions in share row exclusive mode")
        _copy(cursor, "part", STREAMED, partition.rows)
        _copy(cursor, "scored", COLUMNS, _as_csv(scored, COLUMNS))
        _copy(cursor, "refused", _REFUSED, _as_csv(valued.refusals, _REFUSED))
        # Of the key alone: looking at every column took as long as the joins.
        for table in ("part", "scored", "refused"):
            cursor.execute(f"analyze {table} (property_id)".encode())
        cursor.execute(statements.FRESH, values)
        cursor.execute("analyze fresh")
        cursor.execute(statements.APPEND, values)
        cursor.execute(statements.POINT)
        cursor.execute(statements.POINT_UNTOLD)
        cursor.execute(statements.TO_TELL)
        cursor.execute(statements.END_REFUSALS)
        if len(valued.refusals):
            cursor.execute(statements.ADD_REFUSALS, values)
            cursor.execute(statements.WITHDRAW)
        cursor.execute(statements.REMEMBER.encode(), values)
        counts = cursor.execute(statements.COUNT).fetchone()
    assert counts is not None
    first, fresh, told, withdrawn = map(int, counts)
    return Written(first, fresh - first, len(scored) - fresh, told, withdrawn)


def _copy(
    cursor: psycopg.Cursor[Any], table: str, columns: tuple[str, ...], rows: bytes
) -> None:
    listed = ", ".join(columns)
    statement = f"copy {table} ({listed}) from stdin (format csv)"
    with cursor.copy(statement.encode()) as copy:
        copy.write(rows)


def _as_csv(frame: pd.DataFrame, columns: tuple[str, ...]) -> bytes:
    """COPY's CSV through Arrow, which writes 150k rows in a blink."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import csv

    if frame.empty:
        return b""
    table = pa.Table.from_pandas(frame[list(columns)], preserve_index=False)
    if "valuation_date" in columns:
        day = table.schema.get_field_index("valuation_date")
        days = table.column(day).cast(pa.timestamp("s")).cast("date32")
        table = table.set_column(day, "valuation_date", days)
    buffer = io.BytesIO()
    csv.write_csv(table, buffer, csv.WriteOptions(include_header=False))
    return buffer.getvalue()
