"""How a trained model becomes files under an MLflow run, and a model again.

Only ``tracking`` calls this, and passes the configured mlflow in. A scikit-learn model
is saved by skops, the naive baseline as code and JSON; both load where this project is
not installed. Interval parameters travel in the model's metadata.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml import candidates, features
from ml.compiled import compiled
from ml.fingerprint import library_versions

if TYPE_CHECKING:
    import pandas as pd

    from ml.training import Trained

_INTERVALS = "intervals"
#: The factor of each interval: all else is that of the one that is saved whole.
_FACTORS = "interval_factors"
_DWELLING_TYPES = "dwelling_types"


def save(
    mlflow: Any, name: str, trained: Trained, frame: pd.DataFrame, snapshot: str
) -> str:
    """Log model and data set to the open run; return MLflow's model id."""
    inputs = features.model_inputs(frame.iloc[:5])
    mlflow.log_input(_dataset(mlflow, frame, snapshot), context="training")
    pinned = [f"{lib}=={version}" for lib, version in library_versions().items()]
    common = {
        "name": name,
        "signature": mlflow.models.infer_signature(
            inputs, trained.model.predict(inputs)
        ),
        "input_example": inputs,
        # Else MLflow runs the model in a subprocess to find out: eight seconds.
        "pip_requirements": [f"mlflow=={mlflow.__version__}", *pinned],
        "metadata": {
            _INTERVALS: trained.intervals.as_dict(),
            _FACTORS: {
                str(pct): model.factor for pct, model in trained.interval_models.items()
            },
            _DWELLING_TYPES: list(trained.dwelling_types),
        },
    }
    if trained.winner == candidates.BASELINE:
        info = _log_baseline(mlflow, trained, common)
    else:
        info = _log_sklearn(mlflow, trained, common)
    return str(info.model_id)


def load(
    mlflow: Any, model_id: str
) -> tuple[Any, dict[str, Any], tuple[str, ...], dict[int, float]]:
    """The saved model (``predict`` takes model inputs) and what travels with it.

    In compiled form where it has one. Its interval parameters, the dwelling types it
    was trained on, and the factor of each interval by percent.
    """
    uri = f"models:/{model_id}"
    info = mlflow.models.get_model_info(uri)
    # Not the generic wrapper: its schema check costs more than the prediction.
    # It also refuses a column that is empty now and was not in training.
    if "sklearn" in info.flavors:
        model = compiled(mlflow.sklearn.load_model(uri))
    else:
        model = mlflow.pyfunc.load_model(uri).unwrap_python_model().model
    known = tuple(info.metadata[_DWELLING_TYPES])
    factors = {int(p): f for p, f in info.metadata.get(_FACTORS, {}).items()}
    return model, info.metadata[_INTERVALS], known, factors


def _dataset(mlflow: Any, frame: pd.DataFrame, snapshot: str) -> Any:
    """The training table as an MLflow data set: schema and size, named by snapshot."""
    from mlflow.data.code_dataset_source import CodeDatasetSource

    source = CodeDatasetSource(
        {"table": features.TRAINING_RELATION, "snapshot_id": snapshot}
    )
    shown = features.model_inputs(frame).assign(price_aud=frame["price_aud"])
    made = mlflow.data.from_pandas(
        shown,
        source=source,
        targets="price_aud",
        name=features.TRAINING_RELATION,
        digest=snapshot.replace("-", "")[-36:],
    )
    # A schema is types and whether values may be missing. MLflow looks at every value
    # for it, seconds of work; these rows show the same.
    made.schema = mlflow.data.from_pandas(shown.loc[_telling_rows(shown)]).schema
    return made


def _telling_rows(frame: pd.DataFrame) -> list[Any]:
    """For each column a row that has a value and a row that has none, if there are."""
    import numpy as np

    found = set()
    for name in frame.columns:
        missing = frame[name].isna().to_numpy()
        found |= {int(np.argmax(missing)), int(np.argmin(missing))}
    return [frame.index[row] for row in sorted(found)]


def _log_sklearn(mlflow: Any, trained: Trained, common: dict[str, Any]) -> Any:
    import skops.io

    # skops trusts no type it does not know, and boosting has some. They are ours.
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(trained.model))
    return mlflow.sklearn.log_model(
        trained.model, skops_trusted_types=trusted, **common
    )


def _log_baseline(mlflow: Any, trained: Trained, common: dict[str, Any]) -> Any:
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        medians = Path(folder) / "medians.json"
        medians.write_text(json.dumps(trained.model.as_dict()), encoding="utf-8")
        return mlflow.pyfunc.log_model(
            python_model=str(here / "median_entry.py"),
            code_paths=[str(here / "median_model.py")],
            artifacts={"medians": str(medians)},
            **common,
        )
