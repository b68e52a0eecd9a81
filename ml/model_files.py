"""How a trained model becomes files under an MLflow run, and a model again.

Only ``tracking`` calls this, and passes the configured mlflow in. Estimators of
scikit-learn are saved by skops, the naive baseline as JSON, the routes to them as code
and JSON; it all loads where this project is not installed. Interval parameters travel
in the model's metadata.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml import features, intervals
from ml.compiled_markets import compiled_markets
from ml.fingerprint import library_versions
from ml.market_model import Route, routes_from_dict
from ml.median_model import MedianModel
from ml.suburb_places import Places

if TYPE_CHECKING:
    import pandas as pd

    from ml.market_model import MarketModel
    from ml.training import Trained

_INTERVALS = "intervals"
#: The factor of each interval: all else is that of the one that is saved whole.
_FACTORS = "interval_factors"
_DWELLING_TYPES = "dwelling_types"
#: Modules that a saved model brings along.
_TRAVELLING = ("market_model", "median_model", "suburb_places")
_FSD_RATIO = "fsd_ratio"
_RANGES = "ranges"


@dataclass(frozen=True)
class SavedModel:
    """MLflow's id of a saved model, and the bytes of its estimators."""

    model_id: str
    bytes: int


def save(
    mlflow: Any, name: str, trained: Trained, frame: pd.DataFrame, snapshot: str
) -> SavedModel:
    """Log model and data set to the open run."""
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
            _FSD_RATIO: intervals.fsd_ratio(trained.interval_models),
            _RANGES: features.ranges(frame, trained.columns),
        },
    }
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        _write_parts(trained.model, Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        info = mlflow.pyfunc.log_model(
            python_model=str(here / "market_entry.py"),
            code_paths=[str(here / f"{name}.py") for name in _TRAVELLING],
            artifacts={"parts": folder},
            **common,
        )
    return SavedModel(str(info.model_id), size)


def load(mlflow: Any, model_id: str) -> dict[str, Any]:
    """The saved model (``predict`` takes model inputs) and what travels with it.

    By the names of ``tracking.LoadedModel``; the model in compiled form where it has
    one. Models saved before there was an FSD have that of a normal error, and no
    ranges.
    """
    uri = f"models:/{model_id}"
    info = mlflow.models.get_model_info(uri)
    # Not the generic wrapper: its schema check costs more than the prediction.
    # It also refuses a column that is empty now and was not in training.
    model = mlflow.pyfunc.load_model(uri).unwrap_python_model().model
    told = info.metadata
    ranges = {name: tuple(ends) for name, ends in told.get(_RANGES, {}).items()}
    # What was calibrated on no sale is one width, and says nothing of others.
    is_calibrated = told[_INTERVALS]["rows"] > 0
    factors = told.get(_FACTORS, {}) if is_calibrated else {}
    return {
        "model": compiled_markets(model.parts, _routes(model), _places(model)),
        _INTERVALS: told[_INTERVALS],
        _DWELLING_TYPES: tuple(told[_DWELLING_TYPES]),
        _FSD_RATIO: float(told.get(_FSD_RATIO, 1 / intervals.NORMAL_80)),
        _RANGES: ranges,
        "factors": {int(pct): factor for pct, factor in factors.items()},
    }


def _places(model: Any) -> Places:
    """Where its suburbs lie; nowhere for a model saved before there was such a part."""
    return Places(model.places.known if hasattr(model, "places") else {})


def _routes(model: Any) -> dict[str, Route]:
    """The routes of a model that was read by the code saved with it."""
    return routes_from_dict(model.routes_as_dict())


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


def _write_parts(model: MarketModel, folder: Path) -> None:
    """A file for each estimator, and ``model.json`` that tells of them."""
    import skops.io

    told: dict[str, dict[str, Any]] = {}
    for number, (name, part) in enumerate(sorted(model.parts.items())):
        if isinstance(part, MedianModel):
            file = f"{number}.json"
            (folder / file).write_text(json.dumps(part.as_dict()), encoding="utf-8")
            told[name] = {"file": file}
            continue
        file = f"{number}.skops"
        skops.io.dump(part, folder / file)
        # skops trusts no type it does not know, and boosting has some. They are ours:
        # one that is not in this list will not be read.
        trusted = skops.io.get_untrusted_types(file=folder / file)
        told[name] = {"file": file, "trusted": trusted}
    places = model.places.known if model.places is not None else {}
    saved = {"parts": told, "routes": model.routes_as_dict(), "places": places}
    text = json.dumps(saved, indent=1)
    (folder / "model.json").write_text(text, encoding="utf-8")
