"""A valuation model of several markets: who speaks for a home, and what is put on it.

A market is a state, or every state together ("*"). Each has estimators that learnt from
all of its sales, and may have some that learnt from one family of dwellings alone; the
mean of those that speak for a home, in logs, is moved to the market's level and
stretched about its middle.

Stands alone on purpose (numpy only): this file travels inside a saved model, so that it
loads where this project is not installed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

#: Every state together.
WHOLE = "*"
#: Of other types, and of unknown ones, there are too few to be a family.
_FAMILIES = {"unit": "unit", "land": "land"}
_OTHERS = "house"


@dataclass(frozen=True)
class Route:
    """How homes of a market, or of one of its families, are valued.

    ``parts`` are names of the estimators whose mean is taken; ``shift`` (ln) moves it,
    ``factor`` stretches it about ``centre`` (ln AUD).
    """

    parts: tuple[str, ...]
    shift: float = 0.0
    centre: float = 0.0
    factor: float = 1.0

    def repaired(self, log: Floats) -> Floats:
        """Means of log estimates, moved and stretched."""
        return self.centre + self.factor * (log + self.shift - self.centre)


class MarketModel:
    """Estimators by name, and routes by "state|family", "state", "*|family" or "*".

    ``places`` (``suburb_places.Places``) tells where homes lie that nobody located.
    """

    def __init__(
        self, parts: dict[str, Any], routes: dict[str, Route], places: Any = None
    ) -> None:
        self.parts = parts
        self.routes = routes
        self.places = places

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Estimates in AUD of rows of model inputs; NaN where no route leads."""
        if self.places is not None:
            frame = self.places.filled(frame)
        return self.combined(
            self.taken(frame),
            lambda part, rows: part.predict(frame if rows.all() else frame[rows]),
        )

    def combined(
        self,
        taken: npt.NDArray[Any],
        ask: Callable[[Any, npt.NDArray[np.bool_]], Any],
    ) -> Floats:
        """Estimates in AUD of homes by the keys of their routes.

        ``ask`` gives an estimator's answers (AUD) about some of them.
        """
        import numpy as np

        found = np.full(len(taken), np.nan)
        answers: dict[str, Floats] = {}
        for name in dict.fromkeys(p for r in self.routes.values() for p in r.parts):
            asked = [key for key, route in self.routes.items() if name in route.parts]
            rows = np.isin(taken, asked)
            log = np.full(len(taken), np.nan)
            if rows.any():
                dollars = np.asarray(ask(self.parts[name], rows), dtype="float64")
                log[rows] = np.log(np.maximum(dollars, 1.0))
            answers[name] = log
        for key, route in self.routes.items():
            rows = taken == key
            if rows.any():
                logs = [answers[name][rows] for name in route.parts]
                found[rows] = np.exp(route.repaired(np.mean(logs, axis=0)))
        return found

    def taken(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """Key of the route that each row takes; "" where none leads."""
        import numpy as np

        states = frame["state"].to_numpy(dtype=object)
        families = family_of(frame)
        keys = np.full(len(frame), "", dtype=object)
        pairs = dict.fromkeys(zip(states.tolist(), families.tolist(), strict=True))
        for state, family in pairs:
            same = states == state if isinstance(state, str) else _missing(states)
            keys[same & (families == family)] = self.key_of(state, family)
        return keys

    def key_of(self, state: str | None, family: str) -> str:
        """Key of the route of a state's homes of a family; "" where none leads."""
        tried = (f"{state}|{family}", f"{state}", f"{WHOLE}|{family}", WHOLE)
        return next((name for name in tried if name in self.routes), "")

    def routes_as_dict(self) -> dict[str, Any]:
        """JSON form of the routes."""
        return {key: asdict(route) for key, route in self.routes.items()}


def routes_from_dict(values: dict[str, Any]) -> dict[str, Route]:
    """Inverse of :meth:`MarketModel.routes_as_dict`."""
    return {
        key: Route(**(route | {"parts": tuple(route["parts"])}))
        for key, route in values.items()
    }


def family_of(frame: pd.DataFrame) -> npt.NDArray[Any]:
    """Family of dwellings of each row of model inputs: house, unit or land."""
    types = frame["dwelling_type"]
    found: npt.NDArray[Any] = types.map(_FAMILIES).fillna(_OTHERS).to_numpy(object)
    return found


def family_named(dwelling_type: str | None) -> str:
    """The same of one dwelling type, None for unknown."""
    return _FAMILIES.get(dwelling_type or "", _OTHERS)


def _missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    import numpy as np

    return np.array([not isinstance(value, str) for value in values], dtype=bool)
