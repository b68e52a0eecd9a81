"""The models that compete: each maps model inputs to dollars.

Here: how each is built. Elsewhere: what competes and who wins (``training``). Saved
ones consist of scikit-learn parts only, so they load without this project.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ml.features import CATEGORIES, COLUMNS, NUMBERS

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

BASELINE = "suburb_median"
LINEAR = "linear_regression"
BOOSTING = "hist_gradient_boosting"
ORDER = (BASELINE, LINEAR, BOOSTING)

LABELS = {
    BASELINE: "Suburb and type median (naive baseline)",
    LINEAR: "LinearRegression on scaled columns",
    BOOSTING: "HistGradientBoosting on log price",
}

# Below this many sales nothing can be learnt that a median does not say.
MIN_ROWS_TO_LEARN = 50
_ONE_HOT = ("state", "dwelling_type", "zone_code", "region")
_AREAS = ("land_area_m2", "building_area_m2")
_NATIVE = tuple(name for name in CATEGORIES if name != "postcode")
# HistGradientBoosting takes at most 255 categories a column.
_MAX_CATEGORIES = 250


class Estimator(Protocol):
    """What every candidate can do; prices and estimates in AUD."""

    def fit(self, frame: pd.DataFrame, price: npt.NDArray[Any]) -> Any:
        """Learn from model inputs and prices."""

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """Estimate each row of model inputs."""


def build(
    name: str, frame: pd.DataFrame, seed: int, columns: Sequence[str] = COLUMNS
) -> Estimator:
    """An unfitted candidate for the training inputs ``frame``, using ``columns``.

    Columns of nothing but missing values (no rooms in NSW sales) are left out in any
    case: one breaks the booster's binning.

    Raises:
        KeyError: no candidate has that name.
    """
    if name == BASELINE:
        from ml.median_model import MedianModel

        return MedianModel()
    present = {column for column in columns if frame[column].notna().any()}
    return {LINEAR: _linear, BOOSTING: _boosting}[name](present, len(frame), seed)


def parameters(name: str, rows: int, seed: int) -> dict[str, str]:
    """What sets the candidate apart, as MLflow parameters."""
    if name != BOOSTING:
        return {}
    chosen = _boosting_parameters(rows, seed)
    return {f"boosting_{key}": str(value) for key, value in chosen.items()}


def _linear(present: set[str], rows: int, seed: int) -> Estimator:
    """The design's minimum: imputed and scaled numbers, one-hot small categories."""
    import numpy as np
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        FunctionTransformer,
        OneHotEncoder,
        StandardScaler,
    )

    # A farm's area would otherwise lift its estimate without limit.
    areas = make_pipeline(
        FunctionTransformer(np.log1p, feature_names_out="one-to-one"),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
    )
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=max(2, rows // 200),
        sparse_output=False,
    )
    columns = ColumnTransformer(
        [
            ("areas", areas, _kept(_AREAS, present)),
            ("numbers", numbers, _kept(NUMBERS, present - set(_AREAS))),
            ("categories", one_hot, _kept(_ONE_HOT, present)),
        ],
        verbose_feature_names_out=False,
    )
    model: Estimator = TransformedTargetRegressor(
        regressor=make_pipeline(columns, LinearRegression()),
        func=np.log,
        inverse_func=np.exp,
    )
    return model


def _kept(names: Iterable[str], present: set[str]) -> list[str]:
    return [name for name in names if name in present]


def _boosting_parameters(rows: int, seed: int) -> dict[str, Any]:
    return {
        "loss": "squared_error",
        "learning_rate": 0.08,
        "max_iter": 150 if rows < 20_000 else 250,
        "max_leaf_nodes": 15 if rows < 3_000 else 31,
        "min_samples_leaf": 10 if rows < 3_000 else 20,
        "l2_regularization": 1.0,
        "early_stopping": False,
        "random_state": seed,
    }


def _boosting(present: set[str], rows: int, seed: int) -> Estimator:
    """Gradient boosting on log price; missing stays missing."""
    import numpy as np
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    native = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=_MAX_CATEGORIES,
    )
    # Neighbouring postcodes have neighbouring numbers: an order, not names.
    ordered = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    named = _kept(_NATIVE, present)
    columns = ColumnTransformer(
        [
            ("categories", native, named),
            ("postcode", ordered, _kept(["postcode"], present)),
            ("numbers", "passthrough", _kept(NUMBERS, present)),
        ],
        verbose_feature_names_out=False,
    )
    booster = HistGradientBoostingRegressor(
        categorical_features=list(range(len(named))),
        **_boosting_parameters(rows, seed),
    )
    model: Estimator = TransformedTargetRegressor(
        regressor=make_pipeline(columns, booster),
        func=np.log,
        inverse_func=np.exp,
    )
    return model
