"""The models that compete: each maps model inputs to dollars.

Here: how each is built, of members that learn the standardised log price and are
averaged there. Elsewhere: what competes and who wins (``training``). Saved ones consist
of scikit-learn parts only, so they load without this project.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ml.features import COLUMNS, NUMBERS

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

BASELINE = "suburb_median"
LINEAR = "linear_regression"
BOOSTING = "hist_gradient_boosting"
STACK = "stack"
ORDER = (BASELINE, LINEAR, BOOSTING, STACK)
#: What several markets have in the place of one winner.
BY_MARKET = "best_by_market"

LABELS = {
    BASELINE: "Suburb and type median (naive baseline)",
    LINEAR: "LinearRegression on scaled columns",
    BOOSTING: "HistGradientBoosting on log price",
    STACK: "Stack of boosting and small networks",
    BY_MARKET: "Best of each market",
}

#: Members of each candidate. Unlike models err in unlike ways: their mean errs less
#: than the best of them.
_MEMBERS: dict[str, tuple[str, ...]] = {
    LINEAR: ("linear",),
    BOOSTING: ("boosting",),
    STACK: ("boosting", "boosting_slow", "network", "network_2"),
}
#: Ends the name of a member that each family of dwellings has of its own.
OWN = ":family"
#: What the stack has where too few families could have members of their own.
_MORE = ("boosting_wide", "network_3", "network_wide")

# Below this many sales nothing can be learnt that a median does not say.
MIN_ROWS_TO_LEARN = 50
#: Sales between which the stack competes: of fewer a network learns noise, of more
#: boosting alone learns enough, in a tenth of the time.
STACK_ROWS = (8_000, 60_000)
_ONE_HOT = ("state", "dwelling_type", "zone_code", "region")
_LOGS = ("land_area_m2", "building_area_m2", "km_to_centre")
_PLACE = ("latitude", "longitude")
#: Names of too many values to have a column each: what sold there stands for them,
#: worked out for each row from others (cross-fitted), drawn to the mean where few sold.
_ENCODED = ("locality", "street")
_SMOOTHING = 10.0
#: Statistics of a market that trees gain by and networks do not: these erred up to
#: half a point more with them (Melbourne), as they take each sale's luck for a place's.
_NOT_FOR_NETWORKS = frozenset(
    {"state_type_change_12m", "region_type_log_price_3m"}
    | {"suburb_type_log_price_decayed", "suburb_type_weight_decayed"}
    | {"suburb_type_log_building_rate", "suburb_type_log_land_rate"}
    | {"building_log_price", "building_weight", "nearby_log_price", "nearby_weight"}
    | {"nearby_log_building_rate", "nearby_log_land_rate"}
)
# HistGradientBoosting takes at most 255 categories a column.
_MAX_CATEGORIES = 250


class Estimator(Protocol):
    """What every candidate can do; prices and estimates in AUD."""

    def fit(self, frame: pd.DataFrame, price: npt.NDArray[Any]) -> Any:
        """Learn from model inputs and prices."""

    def predict(self, frame: pd.DataFrame) -> npt.NDArray[Any]:
        """Estimate each row of model inputs."""


def competitors(sales: int) -> tuple[str, ...]:
    """Candidates that so many sales can teach, simplest first."""
    if sales < MIN_ROWS_TO_LEARN:
        return (BASELINE,)
    least, most = STACK_ROWS
    stack = (STACK,) if least <= sales <= most else ()
    return (BASELINE, LINEAR, BOOSTING, *stack)


@dataclass(frozen=True)
class Recipe:
    """What settings follow from.

    ``rows`` are all that are learnt from in the end: a model that is judged on fewer
    is built as the one it stands for. ``families`` of dwellings have members of their
    own in a stack.
    """

    rows: int
    seed: int
    columns: tuple[str, ...] = COLUMNS
    families: tuple[str, ...] = ()


def members(name: str, recipe: Recipe) -> tuple[str, ...]:
    """Whose mean a candidate is; the naive baseline has none."""
    found = _MEMBERS.get(name, ())
    if name != STACK:
        return found
    if len(recipe.families) < 2:
        return found + _MORE
    return found + tuple(f"{member}{OWN}" for member in found)


def build(
    name: str, frame: pd.DataFrame, recipe: Recipe, threads: int = 1
) -> Estimator:
    """An unfitted candidate for the training inputs ``frame``, without families.

    Columns of nothing but missing values (no rooms in NSW sales) are left out in any
    case: one breaks the booster's binning. Members are fitted side by side by so many
    ``threads``: processes, unless joblib is told otherwise.
    """
    if name == BASELINE:
        from ml.median_model import MedianModel

        return MedianModel()
    return mean_of(members(name, replace(recipe, families=())), frame, recipe, threads)


def mean_of(
    names: tuple[str, ...], frame: pd.DataFrame, recipe: Recipe, threads: int = 1
) -> Estimator:
    """An unfitted mean of members in logs."""
    from sklearn.ensemble import VotingRegressor

    if len(names) == 1:
        return build_member(names[0], frame, recipe)
    parts = [(member, _member(member, frame, recipe)) for member in names]
    return _of_log_price(VotingRegressor(parts, n_jobs=threads))


def build_member(name: str, frame: pd.DataFrame, recipe: Recipe) -> Estimator:
    """One unfitted member by itself, in dollars."""
    return _of_log_price(_member(name, frame, recipe))


def parameters(name: str, rows: int, seed: int) -> dict[str, str]:
    """What sets the candidate apart, as MLflow parameters."""
    chosen: dict[str, str] = {}
    for member in members(name, Recipe(rows, seed)):
        if member in _SETTINGS:
            found = _SETTINGS[member](rows, seed)
            chosen |= {f"{member}_{key}": str(value) for key, value in found.items()}
    return chosen


def lean(model: Any) -> Any:
    """A fitted model of scikit-learn's parts only, each saved once."""
    parts = model.regressor_
    # Second names of the members.
    parts.__dict__.pop("named_estimators_", None)
    # And what they were made from, which is the same again, not fitted.
    model.regressor, model.regressor_ = map(_plain, (model.regressor, parts))
    return model


def _plain(part: Any) -> Any:
    """A member, or a mean of members, of scikit-learn's own classes, however deep."""
    for several in ("steps", "estimators"):
        if hasattr(part, several):
            made = [(name, _plain(step)) for name, step in getattr(part, several)]
            setattr(part, several, made)
    if hasattr(part, "estimators_"):
        part.estimators_ = [_plain(member) for member in part.estimators_]
    for several in ("transformers", "transformers_"):
        if hasattr(part, several):
            columns = [
                (name, _plain(inner), names)
                for name, inner, names in getattr(part, several)
            ]
            setattr(part, several, columns)
    return part.plain() if hasattr(part, "plain") else part


def _of_log_price(regressor: Any) -> Estimator:
    """Learn (ln price - mean) / spread, answer dollars."""
    import numpy as np
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    model: Estimator = TransformedTargetRegressor(
        regressor=regressor,
        transformer=make_pipeline(
            FunctionTransformer(np.log, np.exp, check_inverse=False), StandardScaler()
        ),
        check_inverse=False,
    )
    return model


def _member(name: str, frame: pd.DataFrame, recipe: Recipe) -> Any:
    from ml.weighted_pipeline import WeightedPipeline

    return WeightedPipeline(_steps(name, frame, recipe))


def _steps(name: str, frame: pd.DataFrame, recipe: Recipe) -> list[tuple[str, Any]]:
    """Preparation and estimator of a member, by the names they are saved under."""
    present = {column for column in recipe.columns if frame[column].notna().any()}
    rows, seed = recipe.rows, recipe.seed
    if name == "linear":
        from sklearn.linear_model import LinearRegression

        return [
            ("columntransformer", _scaled(present, rows)),
            ("linearregression", LinearRegression()),
        ]
    settings = _SETTINGS[name](rows, seed)
    if name.startswith("boosting"):
        return _boosting(present, settings, seed)
    from ml.annealed_network import AnnealedNetwork

    return [
        (
            "columntransformer",
            _dense(present, rows, seed, landmarks=settings["random_state"]),
        ),
        ("annealednetwork", AnnealedNetwork(**settings)),
    ]


def _scaled(present: set[str], rows: int) -> Any:
    """The design's minimum: imputed and scaled numbers, one-hot small categories."""
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer(
        [
            ("logs", _log_scaler(), _kept(_LOGS, present)),
            ("numbers", _scaler(), _numbers(present - set(_LOGS))),
            ("categories", _one_hot(max(2, rows // 200)), _kept(_ONE_HOT, present)),
        ],
        verbose_feature_names_out=False,
    )


# A suburb's column says less than where it lies.
_WEIGHTS = {"place": 3.0, "nearness": 0.15, "locality": 0.7}


def _dense(present: set[str], rows: int, seed: int, landmarks: int) -> Any:
    """Everything as scaled numbers, each suburb a column; weighted by group.

    ``landmarks`` is their seed: each network knows others.
    """
    from sklearn.compose import ColumnTransformer

    present = present - _NOT_FOR_NETWORKS
    plain = present - set(_LOGS) - set(_PLACE)
    places = _kept(_PLACE, present)
    return ColumnTransformer(
        [
            ("logs", _log_scaler(), _kept(_LOGS, present)),
            ("numbers", _scaler(), _numbers(plain)),
            ("place", _scaler(), places),
            ("nearness", _nearness(rows, landmarks), places if len(places) > 1 else []),
            ("categories", _one_hot(max(2, rows // 500)), _kept(_ONE_HOT, present)),
            ("locality", _one_hot(5, 600), _kept(("locality",), present)),
            ("encoded", _encoder(seed, scaled=True), _kept(_ENCODED, present)),
        ],
        transformer_weights=_WEIGHTS,
        verbose_feature_names_out=False,
    )


def _scaler() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )


def _nearness(rows: int, seed: int) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from ml.local_kernels import GAMMAS, LANDMARKS, LocalKernels

    kernels = LocalKernels(
        gamma=GAMMAS[seed % len(GAMMAS)],
        n_components=min(LANDMARKS, rows // 20),
        random_state=seed,
    )
    return make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), kernels, StandardScaler()
    )


def _log_scaler() -> Any:
    # A farm's area would otherwise lift its estimate without limit.
    import numpy as np
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    logs = FunctionTransformer(np.log1p, feature_names_out="one-to-one")
    return make_pipeline(logs, _scaler())


def _encoder(seed: int, *, scaled: bool = False) -> Any:
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler, TargetEncoder

    encoder = TargetEncoder(
        target_type="continuous",
        smooth=_SMOOTHING,
        cv=KFold(5, shuffle=True, random_state=seed),
    )
    return make_pipeline(encoder, StandardScaler()) if scaled else encoder


def _one_hot(least: int, most: int | None = None) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=least,
        max_categories=most,
        sparse_output=False,
    )


def _numbers(present: set[str]) -> list[str]:
    """Of the catalogue, then those beyond it."""
    return [*_kept(NUMBERS, present), *sorted(present - set(COLUMNS))]


def _kept(names: Iterable[str], present: set[str]) -> list[str]:
    return [name for name in names if name in present]


def _boosting_settings(rows: int, seed: int) -> dict[str, Any]:
    few = rows < 3_000
    if rows > STACK_ROWS[1]:
        # Where no stack competes: larger trees, and errors that do not count twice for
        # being large. NSW, 107,000 sales: 13.3 instead of 14.9 %.
        return {
            "loss": "absolute_error",
            "learning_rate": 0.1,
            "max_iter": 600,
            "max_leaf_nodes": 63,
            "min_samples_leaf": 15,
            "max_features": 0.3,
            "l2_regularization": 2.0,
            "early_stopping": False,
            "random_state": seed,
        }
    return {
        "loss": "squared_error",
        "learning_rate": 0.08 if few else 0.05,
        "max_iter": 150 if few else 500,
        "max_leaf_nodes": 15 if few else 40,
        "min_samples_leaf": 10 if few else 20,
        # Each split looks at some of the columns: trees differ more and err less.
        "max_features": 1.0 if few else 0.3,
        "l2_regularization": 2.0,
        "early_stopping": False,
        "random_state": seed,
    }


def _network_settings(rows: int, seed: int) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": (64, 32),
        "alpha": 0.3,
        "learning_rate_init": 1e-3,
        "batch_size": 128,
        "max_iter": 50,
        "random_state": seed,
    }


_SETTINGS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "boosting": _boosting_settings,
    "boosting_slow": lambda rows, seed: (
        _boosting_settings(rows, seed + 1)
        | {"loss": "absolute_error", "learning_rate": 0.025, "max_iter": 1_000}
    ),
    "boosting_wide": lambda rows, seed: (
        _boosting_settings(rows, seed + 2)
        | {"loss": "absolute_error", "max_leaf_nodes": 64}
        | {"min_samples_leaf": 30, "max_features": 0.2}
    ),
    "network": _network_settings,
    "network_2": lambda rows, seed: _network_settings(rows, seed + 1),
    "network_3": lambda rows, seed: _network_settings(rows, seed + 2),
    "network_wide": lambda rows, seed: (
        _network_settings(rows, seed + 3)
        | {"hidden_layer_sizes": (128,), "alpha": 0.03}
    ),
}


def _boosting(
    present: set[str], settings: dict[str, Any], seed: int
) -> list[tuple[str, Any]]:
    """Gradient boosting; missing stays missing."""
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingRegressor
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
    named = _kept(_ONE_HOT, present)
    columns = ColumnTransformer(
        [
            ("categories", native, named),
            ("encoded", _encoder(seed), _kept(_ENCODED, present)),
            ("postcode", ordered, _kept(["postcode"], present)),
            ("numbers", "passthrough", _numbers(present)),
        ],
        verbose_feature_names_out=False,
    )
    booster = HistGradientBoostingRegressor(
        categorical_features=list(range(len(named))), **settings
    )
    return [("columntransformer", columns), ("histgradientboostingregressor", booster)]
