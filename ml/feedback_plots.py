"""Pictures of how estimates did on later sales, month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ml.promises import Promise

#: Lines that can still be told apart; the newest versions are kept.
_LINES = 6
#: A month of fewer sales is drawn hollow.
_FEW = 30


def accuracy_by_month(
    rows: Sequence[Mapping[str, Any]], promise: Promise | None
) -> Figure:
    """Median error, level and coverage by month of contract, a line a version.

    ``rows`` have month, made_by, n, mdape_pct, median_ratio and coverage_80_pct (or
    None). Dashed: what the champion's hold-out promised, or what is meant.
    """
    # The object interface needs no display and leaves no global state behind.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 8.0), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    shown = (
        ("mdape_pct", "median error (%)", promise.mdape if promise else None),
        ("median_ratio", "estimate / price", 1.0),
        ("coverage_80_pct", "inside 80 % interval (%)", 80.0),
    )
    names = sorted({row["made_by"] for row in rows}, key=_age_of(rows))[-_LINES:]
    months = sorted({row["month"] for row in rows})
    labels = {month: f"{month:%Y-%m}" for month in months}
    for panel, (column, title, meant) in zip(panels, shown, strict=True):
        # Every month has its place, also where a line is missing there.
        panel.plot([labels[month] for month in months], [float("nan")] * len(months))
        for at, name in enumerate(names):
            mine = [
                row
                for row in rows
                if row["made_by"] == name and row[column] is not None
            ]
            when = [labels[row["month"]] for row in mine]
            values = [float(row[column]) for row in mine]
            panel.plot(when, values, color=f"C{at}", lw=1.5, label=name)
            faces = [f"C{at}" if row["n"] >= _FEW else "white" for row in mine]
            panel.scatter(when, values, c=faces, edgecolors=f"C{at}", s=28, zorder=3)
        if meant is not None:
            panel.axhline(meant, color="#c0504d", lw=1, ls="--")
        panel.set_ylabel(title)
        panel.grid(visible=True, alpha=0.25)
    sales = sum(row["n"] for row in rows)
    panels[0].set_title(
        f"Estimates beside {sales:,} later sales (dashed: promised or meant; hollow: "
        f"under {_FEW} in the month)",
        loc="left",
        fontsize=10,
    )
    panels[0].legend(frameon=False, fontsize=8)
    panels[-1].tick_params(axis="x", rotation=45)
    return figure


def _age_of(rows: Sequence[Mapping[str, Any]]) -> Any:
    newest: dict[str, Any] = {}
    for row in rows:
        newest[row["made_by"]] = max(
            row["month"], newest.get(row["made_by"], row["month"])
        )
    return lambda name: (newest[name], name)
