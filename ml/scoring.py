"""What properties are worth today: the champion's estimate, or what is known.

Here: from feature rows to valuations and refusals, in arrays. Elsewhere: which rows,
part by part (``scoring_run``), what is known without a model (``fallback``), where none
is given (``refusals``), writing (``predictions``), who is champion (``promotion``). A
registry that fails never stops scoring.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from ml import fallback, features, intervals, refusals, rounding
from ml.scoring_policy import ScoringPolicy
from ml.threads import limited, worth_using
from ml.tracking import CHAMPION, MODEL_NAME, LoadedModel, Registry

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    #: Newest valuations by a model of these properties (``fallback.last_good``).
    LastGood = Callable[[list[str]], pd.DataFrame]

NO_CHAMPION = f"{MODEL_NAME} has no champion yet"

_LINEAGE = ("property_id", "source_file", "source_row_number", "is_simulated")


@dataclass(frozen=True)
class Scorer:
    """Everything but a home's own inputs that its valuation depends on.

    ``degraded`` says why the champion is not used, else None; ``newest_sales`` is the
    date of the newest sale by state; ``code`` names the code, so that other code values
    anew.
    """

    champion: LoadedModel | None
    degraded: str | None = None
    policy: ScoringPolicy = field(default_factory=ScoringPolicy)
    newest_sales: Mapping[str, date] = field(default_factory=dict)
    code: str = ""

    @property
    def model_version(self) -> str | None:
        """The champion's version, None without one."""
        return self.champion.version.version if self.champion else None

    @property
    def modelled(self) -> frozenset[str] | None:
        """Dwelling types the champion values, None without one."""
        return frozenset(self.champion.dwelling_types) if self.champion else None

    @property
    def is_settled(self) -> bool:
        """Whether what it valued may stand until an input changes.

        Not where a champion could not be used: it may be back the next time.
        """
        return self.degraded is None or self.degraded == NO_CHAMPION

    @property
    def fingerprint(self) -> str:
        """Equal for scorers that value equal inputs equally."""
        champion = self.champion
        parts = [
            self.code,
            self.degraded or "",
            self.policy.as_text(),
            ",".join(features.COLUMNS),
        ]
        if champion is not None:
            parts += [
                champion.version.version,
                json.dumps(champion.intervals, sort_keys=True),
                f"{champion.fsd_ratio!r} {sorted(champion.ranges.items())!r}",
                f"{sorted(champion.factors.items())!r}",
                ",".join(champion.dwelling_types),
            ]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]

    def without_champion(self, reason: str) -> Scorer:
        """The same, valuing by the fallback chain alone."""
        return replace(self, champion=None, degraded=reason)


@dataclass(frozen=True)
class Valued:
    """A part of the properties, valued.

    ``valuations`` has one row a valued property and the columns of
    ``predictions.COLUMNS``; ``refusals`` one a refused property: property_id, reason,
    detail. ``scorer`` is who valued: without its champion where that could not predict.
    """

    valuations: pd.DataFrame
    refusals: pd.DataFrame
    scorer: Scorer

    @property
    def by_method(self) -> dict[str, int]:
        """Valued properties by method."""
        return _counts(self.valuations["method"])

    @property
    def by_class(self) -> dict[str, int]:
        """Valued properties by confidence class."""
        return _counts(self.valuations["confidence_class"])

    @property
    def by_reason(self) -> dict[str, int]:
        """Refused properties by reason."""
        return _counts(self.refusals["reason"])


def load_champion(registry: Registry) -> tuple[LoadedModel | None, str | None]:
    """The champion, or None and the reason in a sentence."""
    try:
        version = registry.alias(CHAMPION)
        if version is None:
            return None, NO_CHAMPION
        return registry.load(version), None
    except Exception as error:  # whatever MLflow or a driver raises: go on without
        return None, f"champion not available: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


def value_properties(
    frame: pd.DataFrame, scorer: Scorer, last_good: LastGood, threads: int = 2
) -> Valued:
    """Value feature rows with the champion, else by the fallback chain, or refuse.

    The chain also values dwelling types the champion was not trained on.
    """
    try:
        values = _by_model(frame, scorer.champion, threads)
    except Exception as error:  # a model that loads may still not be able to predict
        scorer = scorer.without_champion(
            f"champion could not predict: {_first_line(error)}"
        )
        values = _by_model(frame, None, threads)
    unvalued = values["method"].isna()
    if unvalued.any():
        rows = frame[unvalued]
        rest = fallback.value(rows, last_good(rows["property_id"].tolist()))
        values.loc[unvalued, rest.columns] = rest
    refused = refusals.refuse(
        frame, values, scorer.policy, scorer.newest_sales, scorer.modelled
    )
    refused.insert(0, "property_id", frame.loc[refused.index, "property_id"])
    kept = ~frame.index.isin(refused.index)
    valuations = _finished(frame[kept], values[kept], scorer.policy)
    return Valued(valuations, refused.reset_index(drop=True), scorer)


def _by_model(
    frame: pd.DataFrame, champion: LoadedModel | None, threads: int
) -> pd.DataFrame:
    """The champion's valuations; rows it cannot value have no method."""
    import numpy as np

    values = fallback.unvalued(frame)
    values["extrapolation"] = False
    if champion is None or frame.empty:
        return values
    inputs = features.model_inputs(frame)
    estimate = _predict(champion, inputs, threads)
    # A model asked about a type it never saw answers as if it had.
    seen = features.dwelling_types(inputs).isin(champion.dwelling_types).to_numpy()
    valued = seen & np.isfinite(estimate) & (estimate >= 1)
    estimate = np.where(valued, estimate, 1.0)
    spread = intervals.IntervalModel.from_dict(champion.intervals)
    half = spread.half_width(inputs, estimate)
    low, high = estimate * np.exp(-half), estimate * np.exp(half)
    sure = intervals.confidence(low, high, estimate)
    results = {"estimate": estimate, "low": low, "high": high, "confidence": sure}
    results["fsd"] = half * champion.fsd_ratio
    for pct in intervals.BESIDE:
        if pct in champion.factors:
            low, high = intervals.stretched(
                estimate, half, spread, champion.factors[pct]
            )
            results |= {f"low_{pct}": low, f"high_{pct}": high}
    for name, result in results.items():
        values[name] = np.where(valued, result, np.nan)
    values["extrapolation"] = valued & features.is_outside(inputs, champion.ranges)
    values.loc[valued, "method"] = "model"
    values.loc[valued, "model_name"] = MODEL_NAME
    values.loc[valued, "model_version"] = champion.version.version
    return values


def _predict(champion: LoadedModel, inputs: pd.DataFrame, threads: int) -> Floats:
    import numpy as np

    with limited(worth_using(threads, len(inputs))):
        return np.asarray(champion.model.predict(inputs), dtype="float64")


def _finished(
    frame: pd.DataFrame, values: pd.DataFrame, policy: ScoringPolicy
) -> pd.DataFrame:
    """Valuations rounded to what an estimate can mean, with their class and flags."""
    import numpy as np

    estimate = values["estimate"].to_numpy(dtype="float64")
    told, low, high = rounding.rounded(
        estimate, values["low"].to_numpy("float64"), values["high"].to_numpy("float64")
    )
    beside = {
        name: column
        for pct in intervals.BESIDE
        for name, column in zip(
            (f"low_{pct}_aud", f"high_{pct}_aud"),
            rounding.rounded_where_known(
                estimate,
                values[f"low_{pct}"].to_numpy("float64"),
                values[f"high_{pct}"].to_numpy("float64"),
            ),
            strict=True,
        )
    }
    fsd = values["fsd"].to_numpy(dtype="float64")
    sales = frame["suburb_type_sales_12m"].to_numpy(dtype="float64")
    return (
        frame[list(_LINEAGE)]
        .assign(
            valuation_date=values["valuation_date"],
            estimate_aud=told,
            low_aud=low,
            high_aud=high,
            interval_pct=intervals.INTERVAL_PCT,
            **beside,
            confidence=values["confidence"].astype("float64").round(3),
            fsd=np.round(fsd, 6),
            confidence_class=policy.confidence_classes(fsd),
            extrapolation=values["extrapolation"].to_numpy(dtype=bool),
            thin_data=np.nan_to_num(sales) < policy.thin_sales,
            method=values["method"],
            model_name=values["model_name"],
            model_version=values["model_version"],
        )
        .reset_index(drop=True)
    )


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().items()}
