from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from connectors.resilience.quota import Advice, read_advice

# 2024-06-17 09:59:30 UTC
NOW = 1_718_618_370.0


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (200, {}, Advice()),
        (200, {"Retry-After": "5"}, Advice()),
        (429, {"Retry-After": "5"}, Advice(5)),
        (429, {"Retry-After": "0"}, Advice(0)),
        (503, {"Retry-After": "1.5"}, Advice(1.5)),
        (503, {"Retry-After": "Mon, 17 Jun 2024 10:00:00 GMT"}, Advice(30)),
        (503, {"Retry-After": "Mon, 17 Jun 2024 09:00:00 GMT"}, Advice(0)),
        (503, {"Retry-After": "soon"}, Advice()),
        (503, {"Retry-After": "-3"}, Advice()),
        (503, {"Retry-After": "nan"}, Advice()),
        (
            429,
            {"Retry-After": "301"},
            Advice(None, 301, "it asked for a pause of 301 seconds"),
        ),
        # Domain's present gateway.
        (
            429,
            {"X-Quota-Exceeded": "Day", "Retry-After": "60"},
            Advice(None, 60, "today's quota is used up"),
        ),
        (
            429,
            {"X-Quota-Exceeded": "Day"},
            Advice(None, 50_430, "today's quota is used up"),
        ),
        (
            200,
            {"X-Quota-PerDay-Limit": "500", "X-Quota-PerDay-Remaining": "0"},
            Advice(None, 50_430, "today's quota is used up"),
        ),
        (429, {"X-Quota-Exceeded": "Minute"}, Advice(30)),
        (
            200,
            {"X-Quota-PerMinute-Limit": "1000", "X-Quota-PerMinute-Remaining": "0"},
            Advice(30, None, "", 1000),
        ),
        (
            200,
            {"X-Quota-PerMinute-Limit": "1000", "X-Quota-PerMinute-Remaining": "7"},
            Advice(None, None, "", 1000),
        ),
        # Its older one.
        (
            429,
            {
                "X-RateLimit-VPolicyName": "p",
                "X-RateLimit-VCallRate": "5 calls PerMinute",
            },
            Advice(30, None, "", 5),
        ),
        (429, {"X-RateLimit-VCallRate": "2 calls PerSecond"}, Advice(1)),
        (
            429,
            {"X-RateLimit-VCallRate": "500 calls PerDay"},
            Advice(None, 50_430, "today's quota is used up"),
        ),
    ],
)
def test_headers_are_obeyed(
    status: int, headers: dict[str, str], advice: Advice
) -> None:
    assert read_advice(status, CaseInsensitiveDict(headers), NOW, 300) == advice


def test_the_servers_clock_decides() -> None:
    headers = {
        "Date": "Mon, 17 Jun 2024 23:59:50 GMT",
        "X-Quota-PerDay-Remaining": "0",
    }
    assert read_advice(200, headers, NOW, 300).park_seconds == 10


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            [
                "Date",
                "Retry-After",
                "X-Quota-Exceeded",
                "X-Quota-PerMinute-Limit",
                "X-Quota-PerMinute-Remaining",
                "X-Quota-PerDay-Remaining",
                "X-RateLimit-VCallRate",
            ]
        ),
        st.text() | st.integers().map(str) | st.floats().map(str),
    ),
)
def test_no_header_is_an_error(status: int, headers: dict[str, str]) -> None:
    advice = read_advice(status, headers, NOW, 300)
    assert advice.wait_seconds is None or 0 <= advice.wait_seconds <= 300
    assert advice.park_seconds is None or advice.park_seconds > 0
