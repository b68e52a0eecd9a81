"""The naive baseline: median price of suburb and type, else wider groups.

Stands alone on purpose (numpy and pandas only): this file travels inside a saved
baseline model, so that it loads where this project is not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

# Narrow to wide; a group of fewer sales than MIN_SALES passes to the next.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("locality", "dwelling_type"),
    ("postcode", "dwelling_type"),
    ("state", "dwelling_type"),
    ("dwelling_type",),
)
MIN_SALES = 3


class MedianModel:
    """Median prices (AUD) by group; ``tables`` has one dict for each of LEVELS."""

    def __init__(
        self, tables: list[dict[str, float]] | None = None, overall: float = 0.0
    ) -> None:
        self.tables = tables or [{} for _ in LEVELS]
        self.overall = overall

    def fit(self, frame: pd.DataFrame, price: npt.NDArray[Any]) -> MedianModel:
        """Learn medians from model inputs and prices in AUD."""
        import numpy as np
        import pandas as pd

        prices = pd.Series(np.asarray(price, dtype="float64"), index=frame.index)
        self.overall = float(prices.median())
        self.tables = []
        for columns in LEVELS:
            groups = prices.groupby(_keys(frame, columns)).agg(["median", "size"])
            kept = groups[groups["size"] >= MIN_SALES]["median"]
            self.tables.append({str(k): float(v) for k, v in kept.items()})
        return self

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Estimate in AUD for each row of model inputs."""
        import numpy as np

        estimate = np.full(len(frame), np.nan)
        for columns, table in zip(LEVELS, self.tables, strict=True):
            missing = np.isnan(estimate)
            if not missing.any():
                break
            found = _keys(frame.loc[missing], columns).map(table)
            estimate[missing] = found.to_numpy(dtype="float64")
        return np.where(np.isnan(estimate), self.overall, estimate)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"tables": self.tables, "overall": self.overall}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> MedianModel:
        """Inverse of :meth:`as_dict`."""
        return MedianModel(values["tables"], values["overall"])


def _keys(frame: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series[str]:
    """Group key of each row; missing where any column is."""
    key = frame[columns[0]]
    for name in columns[1:]:
        key = key + "|" + frame[name]
    return key
