"""The reviewer's page: whole in one file, right in what it says, safe to open."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from ml import drift, features, training
from ml.gates import Gate
from ml.review_report import Report, Rival, render
from ml.training import Trained
from tests.market_samples import feature_rows


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = feature_rows(900)
    rows["locality"] = rows["locality"].replace("NSW|SUBURB 2003", "NSW|<b>O'HARA & CO")
    return rows


@pytest.fixture(scope="module")
def trained(frame: pd.DataFrame) -> Trained:
    return training.train(frame)


def report(trained: Trained, frame: pd.DataFrame, **changes: object) -> Report:
    given: dict[str, object] = {
        "gates": [Gate("level", True, "level 1.00"), Gate("cover", False, "too <few>")],
        "facts": {"snapshot_id": "abc-1", "seed": "7"},
        "pictures": {"error map": b"\x89PNG"},
        "importance": {"bedrooms": 1.25},
        "seed": 1,
    }
    return Report(trained, frame, **(given | changes))  # type: ignore[arg-type]


class Balanced(HTMLParser):
    """Every element that was opened is closed, in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: list[set[int]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "table":
            self.tables.append(set())
        if tag == "tr":
            self.cells = 0
        if tag in ("td", "th"):
            self.cells += 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "tr":
            self.tables[-1].add(self.cells)


def test_the_page_is_whole_and_asks_nothing_of_the_network(
    trained: Trained, frame: pd.DataFrame
) -> None:
    page = render(report(trained, frame))
    reader = Balanced()
    reader.feed(page)
    assert reader.open == []
    # Rows of a table are as wide as its head.
    assert all(len(widths) == 1 for widths in reader.tables)
    assert not re.search(r"(src|href)=['\"]?(https?:)?//", page)
    assert "<script" not in page


def test_what_came_from_data_is_text(trained: Trained, frame: pd.DataFrame) -> None:
    page = render(report(trained, frame))
    assert "<b>O" not in page
    assert "too &lt;few&gt;" in page


def test_it_says_what_was_measured(trained: Trained, frame: pd.DataFrame) -> None:
    page = render(report(trained, frame))
    assert f"{trained.headline.mdape:.1f} %" in page
    assert "A gate failed" in page
    assert "All gates held" in render(report(trained, frame, gates=[]))
    worst = trained.holdout.estimates[trained.winner] / trained.holdout.price
    at = int(np.argmax(np.abs(np.log(worst))))
    line = trained.holdout.lineage.iloc[at]["source_row_number"]
    assert f"sample.csv, line {line}" in page
    assert "abc-1" in page


def test_the_champion_is_beside_it_on_the_same_sales(
    trained: Trained, frame: pd.DataFrame
) -> None:
    rows = np.arange(len(trained.holdout.price)) >= 50
    ours = trained.holdout.estimates[trained.winner][rows]
    twice = ours.copy()
    twice[3] *= 2
    page = render(report(trained, frame, rival=Rival("4", rows, twice)))
    assert "champion, version 4" in page
    disputed = page.split("Where the two disagree most")[1]
    assert f"{ours[3]:,.0f}" in disputed.split("</tr>")[1]
    assert "no champion" in render(report(trained, frame))


def test_the_price_of_equity_is_told_for_every_share(
    trained: Trained, frame: pd.DataFrame
) -> None:
    page = render(report(trained, frame))
    told = page.split("Vertical equity and its price")[1].split("</section>")[0]
    for offer in trained.markets[0].equity.offers:
        assert f"{offer.share:.0%}" in told
        assert f"{offer.found.vei:+.1f}" in told
    assert told.count("chosen</span>") == 1
    assert "By dwelling type" in told


def test_drift_tells_moved_columns_from_steady_ones(
    trained: Trained, frame: pd.DataFrame
) -> None:
    before = features.model_inputs(frame[frame["as_of_date"].dt.date < trained.cut])
    found = drift.drift(before, trained.holdout.inputs, trained.columns)
    assert "month_index" not in found
    assert found["bathrooms"] < drift.MOVED
    luck = np.random.default_rng(1)
    steady = pd.Series(luck.normal(size=4_000))
    assert drift.stability(steady, pd.Series(luck.normal(size=4_000))) < 0.02
    assert drift.stability(steady, pd.Series(luck.normal(1, size=4_000))) > 0.5
    words = pd.Series(["a", "b", None] * 500, dtype=object)
    assert drift.stability(words, words) == 0
    assert drift.stability(words, pd.Series(["c"] * 500, dtype=object)) > 1
    gone = pd.Series(np.where(np.arange(4_000) % 2, np.nan, steady))
    assert drift.stability(steady, gone) > 0.25
