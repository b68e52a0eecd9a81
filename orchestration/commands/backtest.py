"""`ausproperty backtest`: learn before a date, value what sold after, say how well."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, write_json
from settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from ml.backtest import Backtest

#: Groups as people read them.
_TITLES = {
    "market": "state",
    "dwelling_type": "dwelling type",
    "price_decile": "price decile",
    "suburb_sales": "sales learnt from in the suburb",
    "months_since_training": "months since training",
}
_INTERVAL = ("coverage", "width")
#: Measures of all sales: name, label, format.
_MEASURES = (
    ("mdape", "MdAPE %", ".2f"),
    ("pe5", "PE5 %", ".1f"),
    ("pe10", "PE10 %", ".1f"),
    ("pe20", "PE20 %", ".1f"),
    ("cod", "COD", ".2f"),
    ("median_ratio", "level", ".3f"),
    ("prd", "PRD", ".3f"),
    ("prb", "PRB", "+.3f"),
    ("vei", "VEI %", "+.1f"),
    ("fsd", "FSD % (log)", ".1f"),
    ("mae", "MAE AUD", ",.0f"),
    ("r2", "R2", ".3f"),
)
_COLUMNS = ("n", "mdape", "pe10", "cod", "median_ratio", "coverage_80", "width_80")
_HEADS = ("sales", "MdAPE %", "PE10 %", "COD", "level", "80 % covers", "width %")


def backtest(
    as_of: Annotated[
        datetime,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            help="Learn from sales contracted before this day, value the later ones.",
        ),
    ],
    market: Annotated[
        str | None,
        typer.Option(
            metavar="STATE[/TYPE]",
            help="Only these sales, learnt from and valued: VIC, or NSW/unit.",
        ),
    ] = None,
    walk_forward: Annotated[
        Literal["monthly"] | None,
        typer.Option(help="Train again at each first of a month, as scheduled."),
    ] = None,
    json_file: JsonFile = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write every later sale's row to this CSV file.")
    ] = None,
) -> None:
    """Value what sold after a day by what was known before, and say how good it is."""
    from assets.model import training_policy
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from ml.backtest import NothingToJudgeError, backtest
    from ml.features import read_training_features

    settings = Settings()
    with connect(prepare_warehouse(settings)) as conn:
        row = conn.execute("select to_regclass('ml.training_features')").fetchone()
        if row is None or row[0] is None:
            raise UserError(
                "No features yet: load sales and build them with `ausproperty run`."
            )
        frame = _of_market(read_training_features(conn), market)
    try:
        found = backtest(
            frame, as_of.date(), walk_forward or "frozen", training_policy(settings)
        )
    except NothingToJudgeError as error:
        days = _span(frame)
        raise UserError(f"{str(error).capitalize()}: sales here are {days}.") from None
    whole, groups = found.measures(), found.by_group()
    told = {
        "as_of": str(found.as_of),
        "market": market or "all",
        "walk_forward": found.walk,
        **_finite(whole),
        "groups": {
            name: {label: _finite(values) for label, values in parts.items()}
            for name, parts in groups.items()
        },
    }
    write_json(json_file, told)
    if predictions is not None:
        found.rows.to_csv(predictions, index=False)
    for line in render(found, whole, groups):
        typer.echo(line)


def _of_market(frame: pd.DataFrame, market: str | None) -> pd.DataFrame:
    """Rows of a state, or of a state and dwelling type.

    Raises:
        UserError: there are none; it says which there are.
    """
    if market is None:
        return frame
    state, _, kind = market.partition("/")
    found = frame[frame["state"] == state.upper()]
    if kind:
        found = found[found["dwelling_type"] == kind.lower()]
    if found.empty:
        pairs = frame[["state", "dwelling_type"]].dropna().drop_duplicates()
        there = sorted(f"{row.state}/{row.dwelling_type}" for row in pairs.itertuples())
        raise UserError(
            f"No sales of the market {market}: there are {', '.join(there) or 'none'}."
        )
    return found.reset_index(drop=True)


def _span(frame: pd.DataFrame) -> str:
    if frame.empty:
        return "none"
    first, last = frame["as_of_date"].min().date(), frame["as_of_date"].max().date()
    return f"of {first} to {last}"


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    """JSON knows no NaN: what is not known is null."""
    return {
        name: None if math.isnan(value) else round(value, 6)
        for name, value in values.items()
    }


def render(
    found: Backtest,
    whole: dict[str, float],
    groups: dict[str, dict[str, dict[str, float]]],
) -> list[str]:
    """The headline, the intervals, and a table a group."""
    from ml.intervals import PCTS

    plural = "s" if found.trainings > 1 else ""
    trainings = f"{found.trainings} training{plural}, {found.fit_seconds:.1f} s"
    valued = f"{whole['hit_rate']:.1f} % valued"
    lines = [
        f"{found.sales:,} sales from {found.as_of} on, {valued}; {trainings}",
        "",
        *_table(["measure", "", "95 % of resamples"], _headline(whole)),
        "",
        *_table(
            ["interval", "covers %", "mean width %"],
            [
                [f"{pct} %", *(f"{whole[f'{what}_{pct}']:.1f}" for what in _INTERVAL)]
                for pct in PCTS
            ],
        ),
    ]
    for name, parts in groups.items():
        rows = [[label, *_cells(values)] for label, values in parts.items()]
        lines += ["", *_table([_TITLES[name], *_HEADS], rows)]
    return lines


def _headline(whole: dict[str, float]) -> list[list[str]]:
    rows = []
    for name, label, form in _MEASURES:
        ends = [whole.get(f"{name}_{end}") for end in ("low", "high")]
        known = [format(end, form) for end in ends if end is not None]
        rows.append([label, format(whole[name], form), " to ".join(known)])
    return rows


def _cells(values: dict[str, float]) -> list[str]:
    return [
        f"{values[name]:,.0f}"
        if name == "n"
        else f"{values[name]:.3f}"
        if name == "median_ratio"
        else f"{values[name]:.1f}"
        for name in _COLUMNS
    ]


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Columns aligned: the label to the left, figures to the right."""
    widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [heads, *rows]
    ]
