"""What every property is worth today: the champion's estimate, or what is known.

Here: from feature rows to valuations, in arrays. Elsewhere: what is known without a
model (``fallback``), writing the valuations (``predictions``), who is champion
(``promotion``). A registry that fails never stops scoring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml import fallback, features, intervals, rounding
from ml.threads import limited, worth_using
from ml.tracking import CHAMPION, MODEL_NAME, LoadedModel, Registry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import psycopg

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scoring:
    """Valuations of one moment.

    ``valuations`` has one row a valued property and the columns of
    ``predictions.COLUMNS``; ``by_method`` counts them; ``refused`` counts properties
    nothing could value; ``degraded`` says why the champion was not used, else None.
    """

    valuations: pd.DataFrame
    snapshot_id: str
    model_version: str | None
    by_method: dict[str, int]
    refused: int
    degraded: str | None


def load_champion(registry: Registry) -> tuple[LoadedModel | None, str | None]:
    """The champion, or None and the reason in a sentence."""
    try:
        version = registry.alias(CHAMPION)
        if version is None:
            return None, f"{MODEL_NAME} has no champion yet"
        return registry.load(version), None
    except Exception as error:  # whatever MLflow or a driver raises: go on without
        return None, f"champion not available: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def score_properties(
    connection: psycopg.Connection[Any],
    registry: Registry,
    relation: str = features.PROPERTY_RELATION,
    threads: int = 2,
) -> Scoring:
    """Value every active property with the champion, else by the fallback chain.

    The chain also values dwelling types the champion was not trained on.
    """
    champion, degraded = load_champion(registry)
    snapshot = features.snapshot_id(connection, relation)
    frame = features.read_property_features(connection, relation)
    try:
        values = _by_model(frame, champion, threads)
    except Exception as error:  # a model that loads may still not be able to predict
        degraded = f"champion could not predict: {_first_line(error)}"
        champion = None
        values = _by_model(frame, champion, threads)
    unvalued = values["method"].isna()
    if unvalued.any():
        known = fallback.last_good(connection)
        rest = fallback.value(frame[unvalued], known)
        values.loc[unvalued, rest.columns] = rest
    return _finish(frame, values, snapshot, champion, degraded)


def _by_model(
    frame: pd.DataFrame, champion: LoadedModel | None, threads: int
) -> pd.DataFrame:
    """The champion's valuations; rows it cannot value have no method."""
    import numpy as np
    import pandas as pd

    values = pd.DataFrame(index=frame.index)
    for name in ("estimate", "low", "high", "confidence"):
        values[name] = np.nan
    for name in ("method", "model_name", "model_version"):
        values[name] = pd.Series(None, index=frame.index, dtype=object)
    values["valuation_date"] = frame["as_of_date"]
    if champion is None or frame.empty:
        return values
    inputs = features.model_inputs(frame)
    estimate = _predict(champion, inputs, threads)
    # A model asked about a type it never saw answers as if it had.
    seen = features.dwelling_types(inputs).isin(champion.dwelling_types).to_numpy()
    valued = seen & np.isfinite(estimate) & (estimate >= 1)
    estimate = np.where(valued, estimate, 1.0)
    spread = intervals.IntervalModel.from_dict(champion.intervals)
    low, high = spread.bounds(inputs, estimate)
    values["estimate"], values["low"], values["high"] = estimate, low, high
    values["confidence"] = intervals.confidence(low, high, estimate)
    values.loc[valued, "method"] = "model"
    values.loc[valued, "model_name"] = MODEL_NAME
    values.loc[valued, "model_version"] = champion.version.version
    return values


def _predict(champion: LoadedModel, inputs: pd.DataFrame, threads: int) -> Floats:
    import numpy as np

    with limited(worth_using(threads, len(inputs))):
        return np.asarray(champion.model.predict(inputs), dtype="float64")


def _finish(
    frame: pd.DataFrame,
    values: pd.DataFrame,
    snapshot: str,
    champion: LoadedModel | None,
    degraded: str | None,
) -> Scoring:
    """Round to what an estimate can mean and drop what could not be valued."""
    kept = values["method"].notna()
    rows = values[kept]
    estimate = rows["estimate"].to_numpy(dtype="float64")
    told, low, high = rounding.rounded(
        estimate, rows["low"].to_numpy("float64"), rows["high"].to_numpy("float64")
    )
    columns = ["property_id", "source_file", "source_row_number", "is_simulated"]
    valuations = frame.loc[kept, columns].assign(
        valuation_date=rows["valuation_date"],
        estimate_aud=told,
        low_aud=low,
        high_aud=high,
        interval_pct=intervals.INTERVAL_PCT,
        confidence=rows["confidence"].astype("float64").round(3),
        method=rows["method"],
        model_name=rows["model_name"],
        model_version=rows["model_version"],
    )
    counts = valuations["method"].value_counts()
    return Scoring(
        valuations=valuations.reset_index(drop=True),
        snapshot_id=snapshot,
        model_version=champion.version.version if champion else None,
        by_method={str(name): int(count) for name, count in counts.items()},
        refused=int((~kept).sum()),
        degraded=degraded,
    )
