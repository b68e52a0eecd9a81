"""Writing valuations: only what changed, whole or not at all, the same on a rerun.

The caller owns the transaction and adds the outbox events to it: this leaves the
temporary table ``new_predictions`` (prediction_id, property_id,
previous_estimate_aud) until that transaction ends.
"""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import psycopg

_NAMESPACE = uuid.UUID("0f0b9b5e-6f53-5b8e-9a44-52c1f3a3c7d1")

COLUMNS = (
    "property_id",
    "valuation_date",
    "estimate_aud",
    "low_aud",
    "high_aud",
    "interval_pct",
    "confidence",
    "method",
    "model_name",
    "model_version",
    "source_file",
    "source_row_number",
    "is_simulated",
)

_CREATE = """
drop table if exists scored, new_predictions;
create temporary table scored (
    prediction_id uuid, property_id uuid, valuation_date date, estimate_aud bigint,
    low_aud bigint, high_aud bigint, interval_pct smallint, confidence real,
    method text, model_name text, model_version text, source_file text,
    source_row_number integer, is_simulated boolean
) on commit drop;
create temporary table new_predictions (
    prediction_id uuid, property_id uuid, previous_estimate_aud bigint
) on commit drop
"""

# The id names property, model, snapshot and method. When exactly that was predicted
# before and something else in between (a fallback while the registry was away), the
# valuation is news again and needs an id of its own: it follows from the one replaced.
_CHANGED = """
insert into new_predictions
select case when taken.prediction_id is null then scored.prediction_id
            else md5(scored.prediction_id::text || was.prediction_id::text)::uuid end,
       scored.property_id, was.estimate_aud
from scored
left join ml.current_predictions as current using (property_id)
left join ml.price_predictions as was on was.prediction_id = current.prediction_id
left join ml.price_predictions as taken
       on taken.prediction_id = scored.prediction_id
where was.prediction_id is null
   or (was.estimate_aud, was.low_aud, was.high_aud, was.method, was.model_version)
      is distinct from (scored.estimate_aud, scored.low_aud, scored.high_aud,
                        scored.method, scored.model_version)
"""

_INSERT = """
insert into ml.price_predictions (
    prediction_id, property_id, valuation_date, estimate_aud, low_aud, high_aud,
    interval_pct, confidence, method, model_name, model_version,
    features_snapshot_id, source_file, source_row_number, is_simulated, run_id
)
select new_predictions.prediction_id, property_id, valuation_date, estimate_aud,
       low_aud, high_aud, interval_pct, confidence, method, model_name, model_version,
       %(snapshot)s, source_file, source_row_number, is_simulated, %(run)s
from new_predictions join scored using (property_id)
"""

_POINT = """
insert into ml.current_predictions (property_id, prediction_id)
select property_id, prediction_id from new_predictions
on conflict (property_id) do update set prediction_id = excluded.prediction_id
"""


@dataclass(frozen=True)
class Written:
    """How many properties got a first valuation, a new one, or kept theirs."""

    created: int
    updated: int
    unchanged: int


def write_predictions(
    connection: psycopg.Connection[Any],
    valuations: pd.DataFrame,
    snapshot_id: str,
    run_id: str | None = None,
) -> Written:
    """Append valuations that differ from the current ones, and point at them.

    Runs in the caller's transaction, which must be open (the temporary tables live as
    long). ``valuations`` is ``Scoring.valuations``: one row a property. A valuation is
    the same when estimate, interval, method and model version are.

    Raises:
        ValueError: a property comes twice, or no transaction is open.
    """
    if connection.autocommit and connection.info.transaction_status == 0:
        raise ValueError("write_predictions needs an open transaction")
    if valuations["property_id"].duplicated().any():
        raise ValueError("a property has two valuations")
    with connection.cursor() as cursor:
        for statement in _CREATE.split(";"):
            cursor.execute(statement)
        # Two scorings at once would both call the same estimate new.
        cursor.execute("lock table ml.current_predictions in share row exclusive mode")
        copy_in = (
            f"copy scored (prediction_id, {', '.join(COLUMNS)}) "
            "from stdin (format csv, header true)"
        )
        with cursor.copy(copy_in.encode()) as copy:
            copy.write(_as_csv(valuations, snapshot_id))
        cursor.execute("analyze scored")
        cursor.execute(_CHANGED)
        cursor.execute("analyze new_predictions")
        cursor.execute(_INSERT, {"snapshot": snapshot_id, "run": run_id})
        cursor.execute(_POINT)
        counts = cursor.execute(
            "select count(*) filter (where previous_estimate_aud is null), count(*) "
            "from new_predictions"
        ).fetchone()
    first, changed = (0, 0) if counts is None else (int(counts[0]), int(counts[1]))
    return Written(first, changed - first, len(valuations) - changed)


def prediction_id(
    property_id: str, model_version: str, snapshot_id: str, method: str
) -> uuid.UUID:
    """Name of a valuation: the same property, model, data and method, the same id."""
    return uuid.uuid5(
        _NAMESPACE, f"{property_id}|{model_version}|{snapshot_id}|{method}"
    )


def _as_csv(valuations: pd.DataFrame, snapshot_id: str) -> bytes:
    """COPY's CSV through Arrow, which writes 150k rows in a blink."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import csv

    ids = [
        str(prediction_id(prop, version or "", snapshot_id, method))
        for prop, version, method in zip(
            valuations["property_id"],
            valuations["model_version"],
            valuations["method"],
            strict=True,
        )
    ]
    table = pa.Table.from_pandas(valuations[list(COLUMNS)], preserve_index=False)
    day = table.schema.get_field_index("valuation_date")
    table = table.set_column(
        day, "valuation_date", table.column(day).cast(pa.timestamp("s")).cast("date32")
    )
    table = table.add_column(0, "prediction_id", pa.array(ids, pa.string()))
    buffer = io.BytesIO()
    csv.write_csv(table, buffer)
    return buffer.getvalue()
