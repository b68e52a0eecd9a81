"""One home's value on request, with the champion kept in memory.

The same inputs, model, intervals and rounding as the batch (``scoring``), for one row.
Here: what is asked of the database and the model, in which order. Elsewhere: the
compiled model (``compiled``), what is said about the estimate (``comparables``,
``explanation``). The query catalogue and the registry's alias are passed in.
"""

from __future__ import annotations

import datetime
import gc
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml import (
    comparables,
    explanation,
    fallback,
    features,
    intervals,
    nearby,
    refusals,
    rounding,
)
from ml.compiled_markets import CompiledMarkets
from ml.explanation import Inputs
from ml.nearby import Ask
from ml.scoring_policy import ScoringPolicy, read_policy
from ml.scoring_run import newest_sales
from ml.threads import calm_openmp
from ml.tracking import MODEL_NAME, LoadedModel, Registry
from ml.valuation import NOTHING, Change, Valuation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import psycopg

    Floats = npt.NDArray[np.float64]

#: Seconds until a champion that could not be loaded is tried again.
_PATIENCE = 30.0
#: Seconds that the policy is remembered, and the newest sales' dates: these take a look
#: at every sale, and count in months.
_FRESH, _FRESH_DATES = 60.0, 3_600.0


class UnknownHome(LookupError):
    """No active property has that id in the feature table."""


class Valuer:
    """Values homes one at a time. Safe for threads, each with its own connection.

    Args:
        registry: where champions are loaded from.
        ask: ``database.catalogue.ask``.
        current: the version that is champion now, None where there is none; asked
            before every valuation, so it must be cheap.
    """

    def __init__(
        self,
        registry: Registry,
        ask: Ask,
        current: Callable[[psycopg.Connection[Any]], str | None],
    ) -> None:
        self._registry, self._ask, self._current = registry, ask, current
        self._lock = threading.Lock()
        self._loaded: LoadedModel | None = None
        self._failed: tuple[str, str, float] | None = None
        self._spread: tuple[LoadedModel, intervals.IntervalModel] | None = None
        self._pools: Any = None
        self._policy: tuple[float, ScoringPolicy] | None = None
        self._newest: tuple[float, Mapping[str, datetime.date]] | None = None

    def champion(
        self, connection: psycopg.Connection[Any]
    ) -> tuple[LoadedModel | None, str | None]:
        """The champion as of now, or None and the reason in a sentence."""
        version = self._current(connection)
        if version is None:
            return None, f"{MODEL_NAME} has no champion yet"
        loaded = self._loaded
        if loaded is not None and loaded.version.version == version:
            return loaded, None
        with self._lock:
            loaded = self._loaded
            if loaded is not None and loaded.version.version == version:
                return loaded, None
            return self._load(version)

    def _load(self, version: str) -> tuple[LoadedModel | None, str | None]:
        if self._failed is not None:
            which, reason, when = self._failed
            if which == version and time.monotonic() - when < _PATIENCE:
                return None, reason
        try:
            calm_openmp()
            loaded = self._registry.load(self._registry.version(version))
        except Exception as error:  # whatever MLflow or a driver raises: go on without
            reason = f"champion not available: {str(error).strip()[:300]}"
            self._failed = (version, reason, time.monotonic())
            return None, reason
        self._loaded, self._failed = loaded, None
        # What is loaded by now stays: a look through all of it for garbage would make
        # one request in some hundred wait.
        gc.collect()
        gc.freeze()
        return loaded, None

    def value(
        self,
        connection: psycopg.Connection[Any],
        property_id: str,
        *,
        explain: bool = False,
    ) -> Valuation:
        """Estimate, intervals, confidence and comparables of one home.

        ``explain`` adds contributions, and tells adjustments apart by group of inputs.

        Raises:
            UnknownHome: no active property has this id.
        """
        with self._one_thread():
            champion, degraded = self.champion(connection)
            rows = features.read_homes(connection, [property_id])
            row = rows.get(str(property_id))
            if row is None:
                raise UnknownHome(f"no features of a property {property_id}")
            told = self._by_model(row, champion)
            by_model = bool(told)
            if not by_model:
                told = _by_fallback(connection, row)
            told = self._judged(connection, row, told, champion)
            if by_model and champion is not None and told["refused"] is None:
                told |= self._beside(connection, row, champion, told, explain=explain)
            standing = self._ask(
                connection, "property_prediction", property_id=property_id
            )
        known = standing[0] if standing else {}
        return Valuation(
            property_id=str(row["property_id"]),
            degraded=degraded,
            snapshot_id=known.get("features_snapshot_id"),
            standing_aud=known.get("estimate_aud"),
            source=row["source"],
            source_file=row["source_file"],
            source_row_number=row["source_row_number"],
            is_simulated=row["is_simulated"],
            inputs={name: row[name] for name in features.COLUMNS},
            **({"valuation_date": row["as_of_date"]} | NOTHING | told),
        )

    def _by_model(
        self, row: Mapping[str, Any], champion: LoadedModel | None
    ) -> dict[str, Any]:
        """What the champion says; empty where it cannot value the home."""
        import numpy as np

        if champion is None or (row["dwelling_type"] or "") not in (
            champion.dwelling_types
        ):
            return {}
        estimate = estimates(champion.model, [row])
        if not (np.isfinite(estimate[0]) and estimate[0] >= 1):
            return {}
        model = self._intervals(champion)
        half = model.half_width_of([row], estimate)
        factors = {**champion.factors, model.pct: model.factor}
        found = {}
        for pct, factor in sorted(factors.items()):
            reach = np.exp(half if pct == model.pct else half * factor / model.factor)
            low, high = estimate / reach, estimate * reach
            if pct == model.pct:
                # As the batch has it, to the last bit.
                low = estimate * np.exp(-half)
                sure = intervals.confidence(low, high, estimate)
            told, below, above = rounding.rounded(estimate, low, high)
            found[pct] = (int(below[0]), int(above[0]))
        return {
            "estimate_aud": int(told[0]),
            "intervals": found,
            "confidence": round(float(sure[0]), 3),
            "fsd": float(half[0] * champion.fsd_ratio),
            "extrapolation": bool(features.is_outside(row, champion.ranges)),
            "method": "model",
            "model_name": MODEL_NAME,
            "model_version": champion.version.version,
        }

    def _judged(
        self,
        connection: psycopg.Connection[Any],
        row: Mapping[str, Any],
        told: Mapping[str, Any],
        champion: LoadedModel | None,
    ) -> dict[str, Any]:
        """What is told of a valuation, or that it is refused, by the batch's rules."""
        import numpy as np

        policy, newest = self._rules_now(connection)
        method, fsd = told.get("method"), told.get("fsd", np.nan)
        modelled = None if champion is None else frozenset(champion.dwelling_types)
        refused = refusals.refuse_home(row, method, fsd, policy, newest, modelled)
        if refused is not None:
            return dict(zip(("refused", "detail"), refused, strict=True))
        sales = row["suburb_type_sales_12m"]
        return {
            **told,
            "fsd": round(float(fsd), 6),
            "confidence_class": policy.confidence_classes(np.array([fsd]))[0],
            "thin_data": (sales or 0) < policy.thin_sales,
            "refused": None,
        }

    def _rules_now(
        self, connection: psycopg.Connection[Any]
    ) -> tuple[ScoringPolicy, Mapping[str, datetime.date]]:
        """Policy as of a minute ago at the most, newest sales by state of an hour."""
        now, policy, newest = time.monotonic(), self._policy, self._newest
        if policy is None or now - policy[0] > _FRESH:
            self._policy = policy = (now, read_policy(connection))
        if newest is None or now - newest[0] > _FRESH_DATES:
            self._newest = newest = (now, newest_sales(connection))
        return policy[1], newest[1]

    def _intervals(self, champion: LoadedModel) -> intervals.IntervalModel:
        """The champion's interval, read from its numbers once."""
        known = self._spread
        if known is None or known[0] is not champion:
            made = intervals.IntervalModel.from_dict(champion.intervals)
            self._spread = known = (champion, made)
        return known[1]

    def _beside(
        self,
        connection: psycopg.Connection[Any],
        row: Mapping[str, Any],
        champion: LoadedModel,
        told: Mapping[str, Any],
        *,
        explain: bool,
    ) -> dict[str, Any]:
        """Comparables, and contributions where they are asked for."""

        def ask_model(homes: Sequence[Inputs]) -> Floats:
            return estimates(champion.model, homes)

        day, ask = row["as_of_date"], self._ask
        sales, level = nearby.sales_nearby(connection, ask, row)
        chosen = comparables.choose(row, str(row["property_id"]), day, sales)
        found = comparables.adjusted(row, level, chosen, ask_model, by_group=explain)
        if not explain:
            return {"comparables": tuple(found)}
        told_as = told["estimate_aud"]
        change = self._change(connection, row, champion, told_as, ask_model)
        reference = nearby.typical_home(connection, ask, row, sales)
        if reference is None:
            return {"comparables": tuple(found), "change": change}
        named, home = reference
        return {
            "change": change,
            "comparables": tuple(found),
            "explanation": explanation.explain(
                ask_model, home, row, told_as, named, _rounded
            ),
        }

    def _change(
        self,
        connection: psycopg.Connection[Any],
        row: Mapping[str, Any],
        champion: LoadedModel,
        now_aud: int,
        ask_model: explanation.Estimate,
    ) -> Change | None:
        """Since the valuation before the standing one, where a model made it."""
        rows = self._ask(
            connection, "valuation_before", property_id=str(row["property_id"])
        )
        if not rows or rows[0]["model_version"] is None:
            return None
        known = rows[0]
        old: dict[str, Any] = dict.fromkeys(features.COLUMNS)
        for kind in ("number", "category"):
            values = known[
                f"previous_{'numbers' if kind == 'number' else 'categories'}"
            ]
            old |= dict(zip(known[f"{kind}_names"], values, strict=True))
        version = str(known["model_version"])
        same = version == champion.version.version
        before = known["estimate_aud"]
        if same:
            # What it said then is what it says of those inputs still.
            before = _rounded(float(ask_model([old])[0]))
        if before is None:
            return None
        parts = explanation.why_changed(
            ask_model, old, int(before), row, now_aud, same_model=same
        )
        return Change(int(before), version, parts)

    def _one_thread(self) -> Any:
        """One row is too little work for a second thread to wake up for."""
        if self._pools is None:
            from threadpoolctl import (  # type: ignore[import-untyped]
                ThreadpoolController,
            )

            calm_openmp()
            import sklearn.ensemble  # noqa: F401  (its pool is to be known)

            self._pools = ThreadpoolController()
        return self._pools.limit(limits=1)


def estimates(model: Any, homes: Sequence[Inputs]) -> Floats:
    """What a loaded model says of homes by column, in AUD."""
    import numpy as np

    if isinstance(model, CompiledMarkets):
        return model.estimate_homes(homes)
    return np.asarray(model.predict(features.inputs_of(homes)), dtype="float64")


def _by_fallback(
    connection: psycopg.Connection[Any], row: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known without a model, as the batch has it; empty where nothing is."""
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame([{**row, "property_id": str(row["property_id"])}])
    frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
    for name in features.NUMBERS:
        frame[name] = frame[name].astype("float64")
    known = fallback.last_good(connection, [str(row["property_id"])])
    found = fallback.value(frame, known).iloc[0]
    if found["method"] is None:
        return {}
    dollars = [np.array([float(found[name])]) for name in ("estimate", "low", "high")]
    told, low, high = rounding.rounded(*dollars)
    reached = {intervals.INTERVAL_PCT: (int(low[0]), int(high[0]))}
    for pct in intervals.BESIDE:
        ends = [np.array([float(found[f"{name}_{pct}"])]) for name in ("low", "high")]
        below, above = rounding.rounded_where_known(dollars[0], *ends)
        if not below.isna().any():
            reached[pct] = (int(below[0]), int(above[0]))
    version = found["model_version"]
    return {
        "valuation_date": found["valuation_date"].date(),
        "estimate_aud": int(told[0]),
        "intervals": reached,
        "confidence": round(float(found["confidence"]), 3),
        "fsd": float(found["fsd"]),
        "method": found["method"],
        "model_name": found["model_name"],
        "model_version": None if version is None else str(version),
    }


def _rounded(dollars: float) -> int:
    import numpy as np

    one = np.array([dollars if math.isfinite(dollars) else 1.0])
    return int(rounding.rounded(one, one, one)[0][0])
