"""What MLflow runs to load a saved baseline (its "model from code").

Runs inside the saved model's folder, beside a copy of ``median_model.py``; nothing in
this project imports it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# This file is only ever executed by MLflow, which reads the hints of predict.
import mlflow  # noqa: TID253
import pandas as pd  # noqa: TID253

try:  # the copy saved with the model, whose JSON it reads, comes first
    from median_model import MedianModel  # type: ignore[import-not-found]
except ImportError:  # while saving, MLflow runs this file where it lies
    from ml.median_model import MedianModel


class SavedMedianModel(mlflow.pyfunc.PythonModel):
    """Reads the medians that were stored as JSON and predicts dollars."""

    def load_context(self, context: Any) -> None:
        """Called once by MLflow with the paths of the artifacts."""
        text = Path(context.artifacts["medians"]).read_text(encoding="utf-8")
        self.model = MedianModel.from_dict(json.loads(text))

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: Any = None
    ) -> Any:
        """Estimates in AUD, one for each input row."""
        return self.model.predict(model_input)


mlflow.models.set_model(SavedMedianModel())
