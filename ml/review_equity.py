"""The report's section on vertical equity: what was taken back, and its price."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from ml import evaluation, features, training
from ml.page import badge, section, table

if TYPE_CHECKING:
    from ml.equity import Equity
    from ml.training import Trained


def equity_section(trained: Trained, least_sales: int) -> str:
    """What taking back the draw to the middle would cost, and what was taken."""
    told = ""
    for market in trained.markets:
        if not market.equity.offers:
            continue
        if len(trained.markets) > 1:
            told += f"<h3>{html.escape(training.market_name(market.name))}</h3>"
        told += _offers(market.equity)
    if not told:
        return ""
    told += (
        "<p class='facts'>Models undervalue the dear and overvalue the cheap. The "
        "whole repair stretches log estimates about their middle until PRB is 0. "
        "<code>AUSPROPERTY_MODEL__EQUITY_SHARE</code> decides; unset, as little is "
        "taken as brings PRB and VEI into IAAO's ranges for a quarter of a point of "
        "MdAPE.</p>"
    )
    rows = _by_type(trained, least_sales)
    heads = ["dwelling type", "sales", "PRD", "PRB", "VEI"]
    if rows:
        told += "<h3>By dwelling type, as chosen</h3>"
        told += table(heads, rows, numbers={1, 2, 3, 4})
    return section("Vertical equity and its price", told)


def _offers(equity: Equity) -> str:
    rows = []
    for offer in equity.offers:
        a = offer.found
        word = badge(True, "chosen") if offer.share == equity.share else ""
        shown = (f"{a.mdape:.2f}", f"{a.cod:.2f}", f"{a.prd:.3f}", f"{a.prb:+.3f}")
        rows.append([word, f"{offer.share:.0%}", *shown, f"{a.vei:+.1f}"])
    told = table(
        ["", "share of the repair", "MdAPE %", "COD", "PRD", "PRB", "VEI"],
        rows,
        numbers=set(range(1, 7)),
        marked={0},
    )
    stretch = 100 * (equity.stretch.factor - 1)
    return told + f"<p class='facts'>Estimates are stretched by {stretch:.1f} %.</p>"


def _by_type(trained: Trained, least_sales: int) -> list[list[str]]:
    holdout = trained.holdout
    guess = holdout.estimates[trained.winner]
    types = features.dwelling_types(holdout.inputs).to_numpy()
    rows = []
    for label in sorted(set(types.tolist())):
        mine = types == label
        if mine.sum() < least_sales:
            continue
        a = evaluation.accuracy(holdout.price[mine], guess[mine])
        shown = (f"{a.n:,}", f"{a.prd:.3f}", f"{a.prb:+.3f}", f"{a.vei:+.1f}")
        rows.append([label or "unknown", *shown])
    return rows
