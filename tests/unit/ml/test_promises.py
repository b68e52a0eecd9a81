"""A promise of a hold-out is broken beyond luck and beyond trifles."""

from __future__ import annotations

import math

import pytest

from ml.promises import Experience, Promise, coverage_finding, error_finding

PROMISE = Promise("7", 500, 9.0, 81.0)


def test_a_promise_is_read_from_a_versions_tags() -> None:
    tags = {"n": "500", "mdape": "9", "coverage_80": "81", "cod": "12"}
    assert Promise.of("7", tags) == PROMISE
    assert Promise.of("7", {"cod": "12"}) is None
    assert Promise.of("7", {"n": "0", "mdape": "nan"}) is None
    small = Promise.of("7", {"n": "9", "mdape": "9"})
    assert small is not None
    assert math.isnan(small.coverage_pct)


@pytest.mark.parametrize(
    ("above", "mdape", "broken"),
    [
        (100, 9.0, False),
        # 55 % of 200 is luck, 70 % is not.
        (110, 11.0, False),
        (140, 13.0, True),
        # Many a little above: not worth acting on.
        (140, 9.5, False),
    ],
)
def test_errors_above_the_promised_median(
    above: int, mdape: float, broken: bool
) -> None:
    finding = error_finding(Experience(200, above, mdape, 0, 0), PROMISE)
    assert finding.broken is broken
    assert "promised 9.0 %" in finding.told


@pytest.mark.parametrize(
    ("sales", "inside", "broken"),
    [
        (200, 160, False),
        (40, 29, False),
        (200, 140, True),
        # Too wide is as wrong as too narrow.
        (200, 185, True),
        (20, 0, False),
        (100_000, 78_000, False),
    ],
)
def test_coverage_of_later_sales(sales: int, inside: int, broken: bool) -> None:
    found = Experience(sales, 0, 9.0, sales, inside)
    assert coverage_finding(found, PROMISE).broken is broken


def test_a_smaller_hold_out_leaves_more_to_luck() -> None:
    found = Experience(200, 130, 13.0, 0, 0)
    assert error_finding(found, PROMISE).broken
    assert not error_finding(found, Promise("7", 30, 9.0)).broken
