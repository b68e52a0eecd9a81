from __future__ import annotations

from pathlib import Path

import pytest

from connectors.csv_mapping import INFO as CSV
from connectors.domain_api import INFO as DOMAIN
from connectors.nsw_valuer import INFO as NSW_VALUER
from connectors.resilience import POLICIES, RETRIES, SourcePolicy

PAGE = (Path(__file__).parents[4] / "docs" / "resilience.md").read_text()


def row(first: str) -> list[str]:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def number(cell: str) -> float | None:
    return float(cell.split(",")[0]) if cell and cell != "any" else None


@pytest.mark.parametrize("name", RETRIES)
def test_the_page_states_each_retry_policy(name: str) -> None:
    policy = RETRIES[name]
    attempts, first, longest = (number(cell) or 0 for cell in row(f"`{name}`"))
    assert (attempts, first, longest) == (
        policy.attempts,
        policy.base_seconds,
        policy.cap_seconds,
    )


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("seconds to connect", "connect_seconds"),
        ("seconds of silence", "read_seconds"),
        ("seconds for a request in all", "total_seconds"),
        ("requests in flight", "max_in_flight"),
        ("calls a minute", "calls_per_minute"),
        ("failures in a row that open the breaker", "breaker_failures"),
        ("seconds it stays open", "breaker_open_seconds"),
    ],
)
def test_the_page_states_each_sources_numbers(title: str, field: str) -> None:
    names = [cell.split("`")[1] for cell in row("number")[:4]]
    assert names == list(POLICIES)
    stated = [number(cell) for cell in row(title)[:4]]
    assert stated == [getattr(POLICIES[name], field) for name in names]


@pytest.mark.parametrize("info", [CSV, DOMAIN, NSW_VALUER], ids=lambda info: info.name)
def test_a_source_goes_stale_when_it_says(info) -> None:
    assert POLICIES[info.name].stale_hours == info.stale_hours


def test_settings_that_are_not_set_change_nothing() -> None:
    policy = POLICIES["domain"]
    unset = {"retry": None, "total_seconds": None, "unknown": 7}
    assert policy.overridden(unset) == policy
    assert policy.overridden({"retry": "fast", "stale_hours": 2.0}).retry == "fast"


def test_a_policy_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="no retry policy 'brave'"):
        SourcePolicy("x", retry="brave")


def test_waits_stay_bounded() -> None:
    assert RETRIES["standard"].ceiling(5000) == 30
