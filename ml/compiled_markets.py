"""A market model with its estimators in compiled form, for frames and single homes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml.compiled import CompiledModel, compiled
from ml.features import inputs_of
from ml.market_model import MarketModel, Route, family_named

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ml.suburb_places import Places

    Floats = npt.NDArray[np.float64]


class CompiledMarkets(MarketModel):
    """Answers as the market model it was made from, with parts that are faster."""

    def estimate_homes(self, homes: Sequence[Mapping[str, Any]]) -> Floats:
        """Estimates (AUD) of mappings by column; NaN where no route leads.

        The same bits as :meth:`predict` of a frame of them, without making one.
        """
        import numpy as np

        if self.places is not None:
            homes = [self.places.home(home) for home in homes]
        taken = np.array(
            [
                self.key_of(home["state"], family_named(home["dwelling_type"]))
                for home in homes
            ],
            dtype=object,
        )
        return self.combined(
            taken,
            lambda part, rows: _said(
                part, [homes[at] for at in np.flatnonzero(rows).tolist()]
            ),
        )


def compiled_markets(
    parts: Mapping[str, Any], routes: Mapping[str, Route], places: Places | None = None
) -> Any:
    """The model of these parts and routes, each part compiled where it can be."""
    made = {name: compiled(part) for name, part in parts.items()}
    return CompiledMarkets(made, dict(routes), places)


def _said(part: Any, homes: Sequence[Mapping[str, Any]]) -> Floats:
    import numpy as np

    if isinstance(part, CompiledModel):
        return part.estimate(part.rows_of(homes))
    return np.asarray(part.predict(inputs_of(homes)), dtype="float64")
