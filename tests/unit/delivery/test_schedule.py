"""When a failed delivery is tried again."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.schedule import (
    MAX_RETRY_AFTER_SECONDS,
    Delay,
    next_delay,
    parse_retry_after,
)

STANDARD = {
    1: Delay(30, 20),
    2: Delay(180, 20),
    3: Delay(1080, 20),
    4: Delay(6480, 20),
    5: Delay(38880, 20),
}
NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "random", "expected"),
    [
        (1, 0.0, 24.0),
        (1, 0.5, 30.0),
        (2, 0.5, 180.0),
        (3, 0.0, 864.0),
        (5, 0.5, 38880.0),
        (6, 0.5, None),
        (99, 0.5, None),
    ],
)
def test_delays_follow_the_schedule(
    attempt: int, random: float, expected: float | None
) -> None:
    delay = next_delay(STANDARD, attempt, None, lambda: random)
    assert delay == (None if expected is None else pytest.approx(expected))


@given(
    attempt=st.integers(1, 5),
    random=st.floats(0, 1, exclude_max=True),
)
def test_jitter_stays_within_its_percentage(attempt: int, random: float) -> None:
    delay = next_delay(STANDARD, attempt, None, lambda: random)
    scheduled = STANDARD[attempt].seconds
    assert delay is not None
    assert 0.8 * scheduled - 1e-6 <= delay <= 1.2 * scheduled + 1e-6


@pytest.mark.parametrize("attempt", [1, 5])
def test_the_receivers_wish_replaces_the_delay(attempt: int) -> None:
    assert next_delay(STANDARD, attempt, 7.0, lambda: 0.5) == 7.0


def test_no_wish_of_the_receiver_adds_a_retry() -> None:
    assert next_delay(STANDARD, 6, 7.0, lambda: 0.5) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("120", 120),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("86400", 86400),
        ("315360000", MAX_RETRY_AFTER_SECONDS),  # ten years
        ("9" * 400, None),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        ("Sunday, 01-Mar-26 02:05:00 GMT", 300),  # the obsolete form of RFC 850
        ("Sun Mar  1 02:05:00 2026", 300),  # and of asctime
        (format_datetime(NOW + timedelta(days=3650), usegmt=True), 86400),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("1e3", None),
        ("١٢", None),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after(header: str | None, expected: float | None) -> None:
    wait = parse_retry_after(header, NOW.timestamp())
    assert wait == (None if expected is None else pytest.approx(expected))


@given(st.text(max_size=60))
def test_any_retry_after_gives_a_sane_wait_or_none(header: str) -> None:
    wait = parse_retry_after(header, NOW.timestamp())
    assert wait is None or (math.isfinite(wait) and 0 < wait <= MAX_RETRY_AFTER_SECONDS)
