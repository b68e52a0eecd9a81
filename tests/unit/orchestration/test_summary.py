"""What the summary of a run tells people."""

from __future__ import annotations

from orchestration.summary import sources_away, training_put_off


def test_a_source_that_was_not_read_is_told_once_with_its_reason() -> None:
    parked = {"status": "parked until tomorrow", "reason": "No quota."}
    away = {"status": "stale: the last good snapshot stands", "reason": "It is down."}
    assert sources_away(
        {
            "raw/domain__properties": parked,
            "raw/domain__listings": parked,
            "raw/csv__sales": {"status": "ok"},
            "raw/nsw_valuer__sales": away,
            "raw/rejects": {},
        }
    ) == [
        "raw.domain__listings, raw.domain__properties: parked until tomorrow. "
        + parked["reason"],
        f"raw.nsw_valuer__sales: {away['status']}. It is down.",
    ]


def test_a_training_that_is_not_due_is_told_with_the_reason() -> None:
    put_off = {"status": "not due", "why": "2 days since. Next on 2026-03-09"}
    assert training_put_off({"ml/property_valuation": put_off}) == (
        "no training is due yet: 2 days since. Next on 2026-03-09"
    )
    assert training_put_off({"ml/property_valuation": {"status": "unchanged"}}) is None
    assert training_put_off({"ml/property_valuation": {"version": "3"}}) is None
    assert training_put_off({}) is None
