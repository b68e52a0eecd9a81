"""The description on a version's page in MLflow, as Markdown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ml import evaluation
from ml.candidates import BASELINE, LABELS
from ml.training import market_name

if TYPE_CHECKING:
    from ml.training import Trained


def describe(trained: Trained, market: str) -> str:
    """Markdown for the version's page: every candidate on the same later sales."""
    sales = f"{trained.rows - trained.bids:,} sales"
    if trained.bids:
        sales += f" and {trained.bids:,} bids that were not accepted"
    if trained.older_rows:
        sales += f" ({trained.older_rows:,} older ones left out)"
    made = (
        f"**{LABELS[trained.winner]}**, trained on {sales} of a {market} "
        f"market, {trained.first_sale} to {trained.last_sale}."
    )
    blocks = max(len(found.origins) for found in trained.markets)
    judged = (
        f"Judged on {trained.headline.n:,} sales from {trained.cut or '-'} on, in "
        f"{blocks} blocks of time, each by models that had seen only "
        "what came before it; then refitted on all."
    )
    for found in trained.markets:
        if found.level_shift:
            place = "" if len(trained.markets) == 1 else f" in {found.name}"
            judged += (
                f" Realised sales of the last weeks moved all estimates{place} by "
                f"{100 * math.expm1(found.level_shift):+.1f} %."
            )
    head = (
        "| candidate | MdAPE % | PE10 % | PE20 % | COD | PRD | level | MAE AUD | R2 |"
    )
    lines = [made, "", judged, "", head, "| --- " * 9 + "|"]
    for name, a in trained.accuracies.items():
        mark = "**" if name == trained.winner else ""
        lines.append(
            f"| {mark}{LABELS[name]}{mark} | {a.mdape:.1f} | {a.pe10:.1f} "
            f"| {a.pe20:.1f} | {a.cod:.1f} | {a.prd:.3f} | {a.median_ratio:.3f} "
            f"| {a.mae:,.0f} | {a.r2:.3f} |"
        )
    if trained.winner != BASELINE and trained.baseline.mdape > 0:
        gain = 1 - trained.headline.mdape / trained.baseline.mdape
        lines += ["", f"{gain * 100:.0f} % less median error than the naive baseline."]
    if trained.feedback.cells:
        lines += ["", f"{_WEIGHED} ({trained.feedback.told})."]
    lines += [*_markets(trained), *_luck(trained), "", *_ratio_study(trained.headline)]
    lines += ["", _AGAIN]
    if not math.isnan(trained.coverage_pct):
        sure = (
            f"The {trained.intervals.pct} % interval held {trained.coverage_pct:.1f} % "
            f"of later sales, at a mean width of {trained.width_pct:.0f} % of the "
            "estimate."
        )
        lines += ["", sure]
    return "\n".join(lines)


_WEIGHED = (
    "Sales weigh more where later prices missed champions' intervals more often than "
    "promised"
)

_AGAIN = (
    "`ausproperty model reproduce` with this version's number trains it again from the "
    "rows, the policy and the environment kept with the source run, and compares."
)


def _markets(trained: Trained) -> list[str]:
    """Who won in each market, where there are several."""
    if len(trained.markets) == 1:
        return []
    head = "| market | sales | winner | judged on | MdAPE % | COD | level |"
    lines = ["", head, "| --- " * 7 + "|"]
    for market in trained.markets:
        a = market.accuracy
        lines.append(
            f"| {market_name(market.name)} | {market.sales:,} | "
            f"{LABELS[market.winner]} | {a.n:,} | {a.mdape:.1f} | {a.cod:.1f} "
            f"| {a.median_ratio:.3f} |"
        )
    return lines


def _luck(trained: Trained) -> list[str]:
    """How far other sales of the same market would have moved the figures."""
    if not trained.bounds:
        return []
    told = {name: trained.bounds[name] for name in ("mdape", "cod", "median_ratio")}
    mdape, cod, level = told.values()
    sentence = (
        f"Of resampled hold-outs 95 % give MdAPE {mdape.low:.1f} to {mdape.high:.1f} "
        f"%, COD {cod.low:.1f} to {cod.high:.1f}, level {level.low:.3f} to "
        f"{level.high:.3f}."
    )
    return ["", sentence]


def _ratio_study(found: evaluation.Accuracy) -> list[str]:
    """The winner beside the ranges that assessors go by: markdown of one table."""
    lines = ["| ratio study | ours | IAAO range | |", "| --- " * 4 + "|"]
    for standard in evaluation.IAAO_STANDARDS:
        holds = standard.holds(found)
        if holds is None:
            continue
        value = getattr(found, standard.measure)
        lines.append(
            f"| {standard.label} | {value:.3g} | {standard.low:g} to "
            f"{standard.high:g} | {'within' if holds else '**outside**'} |"
        )
    return lines if len(lines) > 2 else []
