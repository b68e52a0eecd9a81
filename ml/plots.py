"""Pictures of a training for reviewers, as matplotlib figures of the hold-out.

Read with the model version's verdict table; the numbers live in ``evaluation``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml.candidates import LABELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ml.training import Trained

_POINTS = 4_000
#: Least sales of a suburb on the map, and least suburbs worth a map.
_MAPPED_SALES = 5
_INK = "#1f4e79"
_ACCENT = "#c0504d"


def figures(trained: Trained, importance: dict[str, float]) -> dict[str, Figure]:
    """PNG file name to figure; nothing when no sale was held out."""
    if len(trained.holdout.price) < 2:
        return {}
    drawn = {
        "predicted_vs_actual.png": _predicted_vs_actual(trained),
        "residuals_over_time.png": _residuals_over_time(trained),
        "calibration_by_price_decile.png": _calibration(trained),
    }
    where = _error_map(trained)
    if where is not None:
        drawn["error_map.png"] = where
    if importance:
        drawn["permutation_importance.png"] = _importance(importance)
    return drawn


def _figure(title: str, width: float = 7.0, height: float = 5.0) -> tuple[Figure, Any]:
    # The object interface needs no display and leaves no global state behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left", fontsize=11)
    axes.grid(visible=True, alpha=0.25)
    return figure, axes


def _predicted_vs_actual(trained: Trained) -> Figure:
    import numpy as np

    price = trained.holdout.price
    guess = trained.holdout.estimates[trained.winner]
    step = max(1, len(price) // _POINTS)
    figure, axes = _figure(
        f"{LABELS[trained.winner]}: {len(price):,} later sales, "
        f"MdAPE {trained.headline.mdape:.1f} %"
    )
    axes.scatter(price[::step], guess[::step], s=6, alpha=0.35, color=_INK, lw=0)
    ends = np.quantile(price, [0.002, 0.998])
    axes.plot(ends, ends, color=_ACCENT, lw=1.2, label="estimate = price")
    _log_of_aud(axes, np.concatenate([price, guess]))
    axes.set_xlabel("price paid (AUD, log scale)")
    axes.set_ylabel("estimate (AUD, log scale)")
    axes.legend(frameon=False)
    return figure


def _log_of_aud(axes: Any, values: Any) -> None:
    """Both axes in logs, with ticks as people say prices."""
    import numpy as np
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = np.quantile(values, [0.001, 0.999])
    steps = np.array([1, 2, 5]) * 10.0 ** np.arange(3, 9)[:, None]
    ticks = steps[(steps >= low * 0.7) & (steps <= high * 1.3)]
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{value / 1e6:g} M")


def _residuals_over_time(trained: Trained) -> Figure:
    import numpy as np

    months = trained.holdout.dates.astype("datetime64[M]")
    ratio = trained.holdout.estimates[trained.winner] / trained.holdout.price
    unique = np.unique(months)
    middle, low, high = (
        [float(np.quantile(ratio[months == month], q)) for month in unique]
        for q in (0.5, 0.25, 0.75)
    )
    figure, axes = _figure("Estimate / price by month of sale (median and quartiles)")
    labels = [str(month) for month in unique]
    axes.fill_between(labels, low, high, color=_INK, alpha=0.15, label="quartiles")
    axes.plot(labels, middle, color=_INK, marker="o", ms=4, label="median")
    axes.axhline(1, color=_ACCENT, lw=1)
    axes.set_ylabel("estimate / price")
    axes.tick_params(axis="x", rotation=45)
    axes.legend(frameon=False)
    return figure


def _calibration(trained: Trained) -> Figure:
    import numpy as np

    price = trained.holdout.price
    guess = trained.holdout.estimates[trained.winner]
    # By the mean of both: by price alone, even a perfect model looks compressed.
    proxy = (np.log(price) + np.log(guess)) / 2
    order = np.argsort(proxy, kind="stable")
    groups = np.array_split(order, min(10, len(price)))
    level = [float(np.median(guess[g] / price[g])) for g in groups]
    figure, axes = _figure("Median estimate / price by value decile (cheap to dear)")
    axes.bar([str(i + 1) for i in range(len(level))], level, color=_INK, alpha=0.8)
    axes.axhline(1, color=_ACCENT, lw=1)
    axes.set_ylim(min(0.8, *level) - 0.02, max(1.2, *level) + 0.02)
    axes.set_xlabel("decile of value (mean of price and estimate)")
    axes.set_ylabel("median estimate / price")
    return figure


def _error_map(trained: Trained) -> Figure | None:
    """Where estimates are too high or too low; None without places to draw."""
    import numpy as np
    import pandas as pd

    holdout = trained.holdout
    error = np.log(holdout.estimates[trained.winner] / holdout.price) * 100
    sales = pd.DataFrame(
        {
            "suburb": holdout.inputs["locality"].to_numpy(),
            "east": holdout.inputs["longitude"].to_numpy(),
            "north": holdout.inputs["latitude"].to_numpy(),
            "error": error,
        }
    ).dropna()
    suburbs = sales.groupby("suburb").agg(
        east=("east", "median"),
        north=("north", "median"),
        error=("error", "median"),
        sales=("error", "size"),
    )
    suburbs = suburbs[suburbs["sales"] >= _MAPPED_SALES]
    if len(suburbs) < _MAPPED_SALES:
        return None
    figure, axes = _figure("Median error by suburb (blue: valued too low)", 7.0, 6.0)
    drawn = axes.scatter(
        suburbs["east"],
        suburbs["north"],
        c=suburbs["error"].clip(-20, 20),
        s=12 + 6 * np.sqrt(suburbs["sales"]),
        cmap="RdBu_r",
        vmin=-20,
        vmax=20,
        edgecolors="#555",
        linewidths=0.4,
    )
    figure.colorbar(drawn, ax=axes, label="median error (%)", shrink=0.8)
    # A degree of longitude is shorter than one of latitude.
    axes.set_aspect(1 / np.cos(np.radians(suburbs["north"].median())))
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    return figure


def _importance(importance: dict[str, float]) -> Figure:
    top = list(importance.items())[:15][::-1]
    figure, axes = _figure("Points of MdAPE lost when a column is shuffled")
    axes.barh([name for name, _ in top], [worth for _, worth in top], color=_INK)
    axes.set_xlabel("percentage points of MdAPE")
    return figure
