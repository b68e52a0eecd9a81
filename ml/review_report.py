"""The page a reviewer decides by: one HTML file with everything inside it.

Here: what is shown of a challenger and in which words, on the sales that judged it.
Elsewhere: the measures (``evaluation``), how far they are luck (``bootstrap``), the
pictures (``plots``), the gate (``promotion``). Needs no network and prints well.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml import bootstrap, evaluation, features, review_cases, training
from ml.candidates import LABELS
from ml.page import aud, badge, section, table
from ml.page_style import STYLE
from ml.review_equity import equity_section
from ml.review_inputs import (
    LEAST_SALES,
    drift_section,
    feedback_section,
    importance_section,
    limits_section,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from ml.gates import Gate
    from ml.training import Trained

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rival:
    """The champion on the same sales: its version and estimates (AUD) of ``rows``.

    ``rows`` marks the held-out sales that neither model has seen.
    """

    version: str
    rows: npt.NDArray[np.bool_]
    estimates: Floats


@dataclass(frozen=True)
class Report:
    """What a page is made of, beside the training itself.

    ``facts`` are shown as they are (snapshot, revision, seed, command to repeat);
    ``pictures`` are PNG bytes by title; ``importance`` points of MdAPE by column.
    """

    trained: Trained
    frame: pd.DataFrame
    gates: Sequence[Gate]
    facts: Mapping[str, str]
    pictures: Mapping[str, bytes]
    importance: Mapping[str, float]
    seed: int
    rival: Rival | None = None


def render(report: Report) -> str:
    """The page, whole."""
    trained = report.trained
    title = f"Review of {LABELS[trained.winner]}"
    parts = [
        _head(report, title),
        _gates(report.gates),
        _candidates(trained),
        _markets(trained),
        _beside_champion(report),
        _ratio_study(trained),
        equity_section(trained, LEAST_SALES),
        _intervals(trained),
        _by_group(trained),
        _pictures(report.pictures),
        review_cases.largest_misses(
            trained.holdout, trained.holdout.estimates[trained.winner]
        ),
        feedback_section(trained),
        drift_section(trained, report.frame),
        importance_section(report.importance),
        limits_section(trained),
        _facts(report.facts),
    ]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>"
        + "".join(parts)
        + "</main></body></html>"
    )


def png(figure: Any) -> bytes:
    """A matplotlib figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _head(report: Report, title: str) -> str:
    trained, found = report.trained, report.trained.headline
    passed = all(gate.passed for gate in report.gates)
    covered = (
        "-" if math.isnan(trained.coverage_pct) else f"{trained.coverage_pct:.1f} %"
    )
    figures = [
        (f"{found.mdape:.1f} %", "MdAPE: half err by less"),
        (f"{found.pe10:.0f} %", "within 10 % of the price"),
        (f"{found.cod:.1f}", "COD, uniformity"),
        (f"{found.median_ratio:.3f}", "level, 1 is right"),
        (covered, "inside the 80 % interval"),
        (f"{found.n:,}", "later sales judged by"),
    ]
    boxes = "".join(
        f"<div class='figure'><b>{html.escape(value)}</b><span>{label}</span></div>"
        for value, label in figures
        if "nan" not in value
    )
    word = badge(passed, "All gates held", "A gate failed")
    gain = ""
    if trained.baseline.mdape > 0:
        share = 100 * (1 - found.mdape / trained.baseline.mdape)
        gain = f" Median error {share:.0f} % below the suburb and type median's."
    return (
        "<header><p class='eyebrow'>Property valuation: model review</p>"
        f"<h1>{html.escape(title)} {word}</h1>"
        f"<p class='lead'>Learnt from {trained.rows - trained.bids:,} sales"
        + (f" and {trained.bids:,} bids" if trained.bids else "")
        + (f" ({trained.older_rows:,} older left out)" if trained.older_rows else "")
        + f", {trained.first_sale} to {trained.last_sale}; judged by rolling origin on "
        f"the sales from {trained.cut or '-'} on, each by models that had seen only "
        f"what came before it.{gain}</p><div class='figures'>{boxes}</div></header>"
        "<main>"
    )


def _gates(gates: Sequence[Gate]) -> str:
    if not gates:
        return ""
    rows = [
        [badge(gate.passed), gate.name.replace("_", " "), gate.finding]
        for gate in gates
    ]
    return section("Gates", table(["", "gate", "finding"], rows, marked={0}))


def _candidates(trained: Trained) -> str:
    rows = []
    for name, a in trained.accuracies.items():
        label = LABELS[name] + (" (winner)" if name == trained.winner else "")
        rows.append([label, *_measures(a)])
    return section(
        "Candidates on the same later sales",
        table(["candidate", *_HEADS], rows, numbers=set(range(1, 9))),
    )


_HEADS = ("sales", "MdAPE %", "PE10 %", "PE20 %", "COD", "PRD", "level", "R2")


def _measures(a: evaluation.Accuracy) -> list[str]:
    return [
        f"{a.n:,}",
        *(f"{v:.1f}" for v in (a.mdape, a.pe10, a.pe20, a.cod)),
        *(f"{v:.3f}" for v in (a.prd, a.median_ratio, a.r2)),
    ]


def _beside_champion(report: Report) -> str:
    import numpy as np

    rival, trained = report.rival, report.trained
    if rival is None or not rival.rows.any():
        return section(
            "Beside the champion",
            "<p>There is no champion, or no sale that neither model had seen.</p>",
        )
    price = trained.holdout.price[rival.rows]
    ours = trained.holdout.estimates[trained.winner][rival.rows]
    rows = [
        ["this version", *_measures(evaluation.accuracy(price, ours))],
        [
            f"champion, version {rival.version}",
            *_measures(evaluation.accuracy(price, rival.estimates)),
        ],
    ]
    told = table(["model", *_HEADS], rows, numbers=set(range(1, 9)))
    difference = bootstrap.paired_difference(price, ours, rival.estimates, report.seed)
    if difference is not None:
        told += (
            "<p>Of resampled sales 95 % put the difference of MdAPE between "
            f"{difference.low:+.2f} and {difference.high:+.2f} points (below 0: this "
            "version errs less).</p>"
        )
    apart = abs(ours / rival.estimates - 1)
    moved = float((apart > 0.25).mean() * 100)
    told += (
        f"<p>{moved:.1f} % of estimates differ from the champion's by over 25 %.</p>"
    )
    where = np.flatnonzero(rival.rows)
    told += review_cases.disagreements(trained.holdout, where, ours, rival.estimates)
    return section("Beside the champion, on sales neither had seen", told)


def _ratio_study(trained: Trained) -> str:
    rows = []
    for standard in evaluation.IAAO_STANDARDS:
        holds = standard.holds(trained.headline)
        if holds is None:
            continue
        name = standard.measure
        limits = trained.bounds.get(name)
        rows.append(
            [
                badge(holds, "within", "outside"),
                standard.label,
                f"{getattr(trained.headline, name):.4g}",
                f"{limits.low:.3g} to {limits.high:.3g}" if limits else "",
                f"{standard.low:g} to {standard.high:g}",
            ]
        )
    heads = ["", "measure", "ours", "95 % of resamples", "IAAO range"]
    return section(
        "Ratio study",
        table(heads, rows, numbers={2, 3, 4}, marked={0})
        + "<p class='facts'>Level is the median of estimate / price; COD its spread; "
        "PRD above 1, PRB and VEI below 0: dear homes are undervalued against cheap "
        "ones.</p>",
    )


def _markets(trained: Trained) -> str:
    """Who won in each market, where there are several."""
    if len(trained.markets) == 1:
        return ""
    rows = [
        [
            training.market_name(market.name),
            f"{market.sales:,}",
            LABELS[market.winner],
            *_measures(market.accuracy),
        ]
        for market in trained.markets
    ]
    return section(
        "Markets, each with a pipeline of its own",
        table(
            ["market", "learnt from", "winner", *_HEADS],
            rows,
            numbers=set(range(3, 11)) | {1},
        ),
    )


def _intervals(trained: Trained) -> str:
    """Coverage by value decile, of intervals calibrated on earlier sales."""
    import numpy as np

    judged = trained.judged_intervals
    if judged is None:
        return ""
    value = np.sqrt(judged.price * judged.estimate)
    order = np.argsort(value, kind="stable")
    rows = []
    for number, part in enumerate(np.array_split(order, 10), start=1):
        if len(part) < 5:
            continue
        cells = [str(number), f"{len(part):,}", aud(float(np.median(value[part])))]
        for pct in sorted(judged.low):
            low, high = judged.low[pct][part], judged.high[pct][part]
            cells.append(
                f"{evaluation.coverage_pct(judged.price[part], low, high):.0f}"
            )
            if pct == trained.intervals.pct:
                width = (high - low) / judged.estimate[part]
                cells.append(f"{100 * float(width.mean()):.0f}")
        rows.append(cells)
    heads = ["decile of value", "sales", "median value"]
    for pct in sorted(judged.low):
        heads.append(f"{pct} % covers")
        if pct == trained.intervals.pct:
            heads.append("mean width %")
    return section(
        "Intervals, on sales later than those they were calibrated on",
        table(heads, rows, numbers=set(range(1, len(heads)))),
    )


def _by_group(trained: Trained) -> str:
    import numpy as np

    holdout = trained.holdout
    guess = holdout.estimates[trained.winner]
    inputs = holdout.inputs
    month = holdout.dates.astype("datetime64[M]").astype(str)
    groups: dict[str, npt.NDArray[Any]] = {
        "dwelling type": features.dwelling_types(inputs).to_numpy(),
        "region": inputs["region"].fillna("").astype(str).to_numpy(),
        "month": np.asarray(month),
    }
    told = ""
    for name, labels in groups.items():
        rows = []
        for label in sorted(set(labels.tolist())):
            mine = labels == label
            if mine.sum() < LEAST_SALES:
                continue
            found = evaluation.accuracy(holdout.price[mine], guess[mine])
            rows.append([label or "unknown", *_measures(found)])
        if rows:
            told += f"<h3>By {name}</h3>"
            told += table([name, *_HEADS], rows, numbers=set(range(1, 9)))
    return (
        section("Where it errs", told + review_cases.worst_suburbs(holdout, guess))
        if told
        else ""
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = [
        [name.replace("_", " "), f"<code>{html.escape(value)}</code>"]
        for name, value in facts.items()
        if value
    ]
    return section("How it was made", table(["", ""], rows, marked={1}))


def _pictures(pictures: Mapping[str, bytes]) -> str:
    shown = "".join(
        f"<figure><img alt='{html.escape(title, quote=True)}' "
        f"src='data:image/png;base64,{base64.b64encode(data).decode()}'>"
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
        for title, data in pictures.items()
    )
    return section("Pictures", f"<div class='pictures'>{shown}</div>") if shown else ""
