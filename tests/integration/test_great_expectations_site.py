"""Great Expectations' own pages: every suite, real results, and nobody is asked."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest

from assets.data_docs import build_great_expectations, data_docs_folder, keep_answer
from assets.valuation_gate import judge_valuations
from expectations.runner import SUITES
from orchestration.docs_site import prepare_docs
from settings import Settings
from tests.market_samples import feature_rows


class Page(HTMLParser):
    """Links of a page, and what it would fetch."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a" and told.get("href"):
            self.links.append(str(told["href"]))
        if tag in ("script", "link", "img", "iframe", "source"):
            self.fetched.append(str(told.get("src") or told.get("href")))

    @property
    def results(self) -> list[str]:
        """Links to results of suites."""
        return [link for link in self.links if link.startswith("validations/")]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    return Settings()


def judged(low_aud: int) -> Any:
    rows = feature_rows(60)
    others = ("low_68_aud", "high_68_aud", "low_95_aud", "high_95_aud")
    valuations = pd.DataFrame(
        {
            "property_id": rows["property_id"],
            "valuation_date": rows["as_of_date"].max(),
            "estimate_aud": 500_000,
            "low_aud": low_aud,
            "high_aud": 600_000,
            **dict.fromkeys(others),
            "confidence": 0.7,
            "method": "model",
            "source_row_number": rows["source_row_number"],
        }
    )
    return judge_valuations(valuations, rows.assign(months_since_last_sale=None))


def test_the_site_has_every_suite_and_the_last_real_result(settings: Settings) -> None:
    folder = data_docs_folder(settings)
    site = folder / "great_expectations"
    prepare_docs(settings)
    assert "Not built yet" in (site / "index.html").read_text()
    ours = Page(folder / "index.html")
    assert "great_expectations/index.html" in ours.links
    assert "public networks" in ours.text

    # A result that held, then one that did not: the last one is shown.
    keep_answer(settings, judged(400_000), "all", "run-1")
    keep_answer(settings, judged(550_000), "all", "run-2")
    assert build_great_expectations(settings) == site / "index.html"

    index = Page(site / "index.html")
    for name in SUITES:
        assert f"expectations/{name}.html" in index.links
    (address,) = index.results
    assert "price_predictions" in address
    assert "run-2" in address
    assert index.text.count("not judged yet") == len(SUITES) - 1
    rules = len(SUITES["price_predictions"]().rules)
    assert f"{rules - 1} of {rules}" in index.text

    result = Page(site / unquote(address))
    assert "No estimate lies below its interval." in result.text
    assert "100% unexpected" in result.text
    suite = Page(site / "expectations" / "raw_domain__listings.html")
    assert SUITES["raw_domain__listings"]().rules[0].description in suite.text

    for path in site.rglob("*.html"):
        page = Page(path)
        assert page.fetched == [], path
        assert "bootstrapTable" not in page.text
        for link in page.links:
            if not re.match(r"https?:|#", link):
                target = (path.parent / unquote(link).partition("#")[0]).resolve()
                assert target.exists(), (path, link)
    assert [left.name for left in folder.iterdir() if left.name.startswith(".")] == []

    # Built again, it is of what was found since.
    keep_answer(settings, judged(400_000), "all", "run-3")
    again = Page(build_great_expectations(settings))
    (address,) = again.results
    assert "run-3" in address
    assert f"{rules} of {rules}" in again.text
