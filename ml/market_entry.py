"""What MLflow runs to load a saved model (its "model from code").

Runs inside the saved model's folder, beside copies of the modules it reads with;
nothing in this project imports it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# This file is only ever executed by MLflow, which reads the hints of predict.
import mlflow  # noqa: TID253
import pandas as pd  # noqa: TID253

try:  # the copies saved with the model, whose files they read, come first
    from market_model import (  # type: ignore[import-not-found]
        MarketModel,
        routes_from_dict,
    )
    from median_model import MedianModel  # type: ignore[import-not-found]
    from suburb_places import Places  # type: ignore[import-not-found]
except ImportError:  # while saving, MLflow runs this file where it lies
    from ml.market_model import MarketModel, routes_from_dict
    from ml.median_model import MedianModel
    from ml.suburb_places import Places


class SavedMarketModel(mlflow.pyfunc.PythonModel):
    """Reads the estimators and the routes to them, and predicts dollars."""

    def load_context(self, context: Any) -> None:
        """Called once by MLflow with the paths of the artifacts."""
        folder = Path(context.artifacts["parts"])
        told = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        parts = {
            name: _part(folder / part["file"], part.get("trusted"))
            for name, part in told["parts"].items()
        }
        routes = routes_from_dict(told["routes"])
        self.model = MarketModel(parts, routes, Places(told["places"]))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: Any = None
    ) -> Any:
        """Estimates in AUD, one for each input row."""
        return self.model.predict(model_input)


def _part(path: Path, trusted: list[str] | None) -> Any:
    if trusted is None:
        text = path.read_text(encoding="utf-8")
        return MedianModel.from_dict(json.loads(text))
    import skops.io

    return skops.io.load(path, trusted=trusted)


mlflow.models.set_model(SavedMarketModel())
