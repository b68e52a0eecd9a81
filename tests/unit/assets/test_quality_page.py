"""The page of Data Docs: what is broken first, back to its line, and no network."""

from __future__ import annotations

import re
from typing import Any

from assets.quality_page import render

_RULE: dict[str, Any] = {
    "name": "prices_are_there",
    "description": "At most 20 % <none>.",
    "severity": "error",
    "success": True,
    "observed": "0 rows",
    "sample": [],
}
_ANSWER: dict[str, Any] = {
    "suite": "raw_csv__sales",
    "table": "raw.csv__sales",
    "rows": 1234,
    "note": "",
    "seconds": 0.5,
    "judged": "all loads",
    "judged_at": "2026-01-02T03:04:05+00:00",
    "run_id": "0123456789",
    "passed": True,
    "results": [_RULE],
}
_BROKEN = _RULE | {
    "name": "sales_are_dated",
    "success": False,
    "observed": "1 row",
    "sample": [{"_source_file": "a.zip/<b>.DAT", "_row_number": 17, "price": 1e6}],
}


def test_what_is_broken_comes_first_with_its_file_and_line() -> None:
    failed = _ANSWER | {
        "suite": "z_last",
        "passed": False,
        "results": [_RULE, _BROKEN],
        "places": {"a.zip/<b>.DAT": "/data/a.zip"},
    }
    page = render([_ANSWER, failed], market="real")
    assert page.index("#z_last") < page.index("#raw_csv__sales")
    assert page.index("sales_are_dated") < page.rindex("prices_are_there")
    assert "<a href='file:///data/a.zip'" in page
    assert "a.zip/&lt;b&gt;.DAT</a>" in page
    assert "<td class=n>17</td>" in page
    assert "At most 20 % &lt;none&gt;." in page
    assert "<b>1</b><span>broken</span>" in page


def test_the_page_asks_nobody() -> None:
    page = render([_ANSWER], market="real")
    assert re.findall(r"(?:src|url\(|@import|https?:)", page) == []
    assert "<script" not in page


def test_nothing_judged_is_not_called_passed() -> None:
    empty = _ANSWER | {"rows": 0, "results": [], "note": "no rows: nothing to judge"}
    assert "passed" not in render([empty]).split("</style>")[1]
    assert "No suite has been judged yet." in render([])


def test_checks_are_listed_failed_before_warned_before_passed() -> None:
    checks = [
        {
            "asset": f"raw/{outcome}",
            "check": "snapshot_is_fresh_enough",
            "outcome": outcome,
            "blocking": outcome == "failed",
            "at": "2026-01-02T03:04:05+00:00",
            "description": "so & so",
        }
        for outcome in ("passed", "warned", "failed")
    ]
    page = render([], checks)
    places = [page.index(f"raw/{word}") for word in ("failed", "warned", "passed")]
    assert places == sorted(places)
    assert "All checks (3)" in page
    assert "so &amp; so" in page
