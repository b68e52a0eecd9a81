from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.domain_api.clock import Clock
from simulator.domain_api.options import DomainOptions
from simulator.domain_api.replies import Reply, Request
from simulator.domain_api.service import DomainApi
from simulator.market import Market, MarketSize

NOON = datetime(2024, 12, 23, 12, 0, 30, tzinfo=UTC)
HEAD = "/v1/salesResults/_head"
MADE_UP = DomainOptions()
BASIC = base64.b64encode(
    f"{MADE_UP.client_id}:{MADE_UP.client_secret}".encode()
).decode()


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(MarketSize(homes=400))


def start(market: Market, **options: Any) -> DomainApi:
    """An API whose clock stands still until it is pushed."""
    return DomainApi(market, DomainOptions(**options), Clock(NOON, lambda: 0.0))


def token(
    api: DomainApi, form: str = "grant_type=client_credentials", **headers: str
) -> Reply:
    path = "/auth/v1/connect/token"
    return api.answer(Request("POST", path, {}, headers, form.encode()))


def get(api: DomainApi, path: str = HEAD, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.answer(Request("GET", path, {}, named, b""))


def bearer(api: DomainApi, scope: str = "") -> str:
    form = f"grant_type=client_credentials&scope={scope}"
    reply = token(api, form, authorization=f"Basic {BASIC}")
    assert reply.status == 200
    return f"Bearer {json.loads(reply.body)['access_token']}"


@pytest.mark.parametrize("way", ["basic", "form"])
def test_a_token_is_given_for_the_client_credentials(market: Market, way: str) -> None:
    api = start(market)
    form = "grant_type=client_credentials&scope=api_listings_read+api_properties_read"
    headers = {"authorization": f"Basic {BASIC}"}
    if way == "form":
        form += f"&client_id={MADE_UP.client_id}&client_secret={MADE_UP.client_secret}"
        headers = {}
    reply = token(api, form, **headers)
    assert reply.status == 200
    answer = json.loads(reply.body)
    assert answer["expires_in"] == 43_200
    assert answer["token_type"] == "Bearer"
    assert answer["scope"] == "api_listings_read api_properties_read"
    assert ("Cache-Control", "no-store") in reply.headers


@pytest.mark.parametrize(
    ("form", "authorization", "status", "error"),
    [
        ("grant_type=password", f"Basic {BASIC}", 400, "unsupported_grant_type"),
        ("", f"Basic {BASIC}", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials", "", 400, "invalid_client"),
        ("grant_type=client_credentials", "Basic eDp5", 401, "invalid_client"),
        ("grant_type=client_credentials", "Basic %%%", 401, "invalid_client"),
        (
            "grant_type=client_credentials&scope=api_webhooks_write",
            f"Basic {BASIC}",
            400,
            "invalid_scope",
        ),
    ],
)
def test_the_token_endpoint_refuses_in_the_words_of_oauth(
    market: Market, form: str, authorization: str, status: int, error: str
) -> None:
    reply = token(start(market), form, authorization=authorization)
    assert reply.status == status
    assert json.loads(reply.body) == {"error": error}


def test_tokens_are_counted_by_the_hour(market: Market) -> None:
    api = start(market, tokens_per_hour=2)
    bearer(api)
    bearer(api)
    reply = token(api, authorization=f"Basic {BASIC}")
    assert reply.status == 429
    assert dict(reply.headers)["Retry-After"] == "3570"
    api.clock.advance(timedelta(hours=1))
    bearer(api)


def test_a_token_expires_and_says_so(market: Market) -> None:
    api = start(market, token_seconds=60)
    held = bearer(api)
    assert get(api, authorization=held).status == 200
    api.clock.advance(timedelta(seconds=59))
    assert get(api, authorization=held).status == 200
    api.clock.advance(timedelta(seconds=1))
    reply = get(api, authorization=held)
    assert reply.status == 401
    assert dict(reply.headers)["X-Domain-Security-Reason"].endswith("expired")
    assert get(api, authorization=bearer(api)).status == 200


def test_tokens_can_be_revoked(market: Market) -> None:
    api = start(market)
    held = bearer(api)
    api.credentials.revoke()
    assert get(api, authorization=held).status == 401
    assert get(api, authorization=bearer(api)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer made.up"},
        {"authorization": "Bearer !!!.x"},
        {"authorization": "Basic eDp5"},
        {"x_api_key": "key_wrong"},
    ],
)
def test_what_is_no_credential_gets_401_with_a_reason(
    market: Market, headers: dict[str, str]
) -> None:
    reply = get(start(market), **headers)
    assert reply.status == 401
    assert reply.body == b""
    assert dict(reply.headers)["X-Domain-Security-Reason"]


def test_a_token_without_the_scope_gets_403_with_a_reason(market: Market) -> None:
    api = start(market)
    held = bearer(api, "api_listings_read")
    reply = get(api, authorization=held)
    assert reply.status == 403
    assert "api_salesresults_read" in dict(reply.headers)["X-Domain-Security-Reason"]
    assert json.loads(reply.body)["status"] == 403


def test_a_project_without_the_package_gets_403_by_key_too(market: Market) -> None:
    api = start(market, scopes=frozenset({"api_listings_read"}))
    assert get(api, x_api_key=MADE_UP.api_key).status == 403


def test_paths_and_methods_there_are_not(market: Market) -> None:
    api = start(market)
    assert get(api, "/v1/nothing").status == 404
    path = "/v1/listings/residential/_search"
    reply = get(api, path, x_api_key=MADE_UP.api_key)
    assert (reply.status, dict(reply.headers)["Allow"]) == (405, "POST")
    assert get(api, f"/sandbox{HEAD}", x_api_key=MADE_UP.api_key).status == 200


def test_the_minute_quota_counts_down_and_comes_back(market: Market) -> None:
    api = start(market, per_minute=2, per_day=100)
    left = []
    for _ in range(2):
        reply = get(api, x_api_key=MADE_UP.api_key)
        assert reply.status == 200
        left.append(dict(reply.headers)["X-Quota-PerMinute-Remaining"])
    assert left == ["1", "0"]
    reply = get(api, x_api_key=MADE_UP.api_key)
    headers = dict(reply.headers)
    assert reply.status == 429
    assert headers["Retry-After"] == "30"
    assert headers["X-Quota-Exceeded"] == "Minute"
    assert headers["X-Quota-PerDay-Remaining"] == "98"
    api.clock.advance(timedelta(seconds=30))
    assert get(api, x_api_key=MADE_UP.api_key).status == 200


def test_the_day_quota_ends_at_midnight_utc(market: Market) -> None:
    api = start(market, per_day=1)
    assert get(api, x_api_key=MADE_UP.api_key).status == 200
    reply = get(api, x_api_key=MADE_UP.api_key)
    headers = dict(reply.headers)
    assert reply.status == 429
    assert headers["X-Quota-Exceeded"] == "Day"
    assert headers["Retry-After"] == str(12 * 3600 - 30)
    api.clock.advance(timedelta(seconds=12 * 3600 - 31))
    assert get(api, x_api_key=MADE_UP.api_key).status == 429
    api.clock.advance(timedelta(seconds=1))
    assert get(api, x_api_key=MADE_UP.api_key).status == 200


def test_the_older_gateway_has_its_own_headers(market: Market) -> None:
    api = start(market, per_minute=1, gateway="old")
    headers = dict(get(api, x_api_key=MADE_UP.api_key).headers)
    assert headers["X-RateLimit-Limit"] == "1"
    assert headers["X-RateLimit-Remaining"] == "0"
    refused = dict(get(api, x_api_key=MADE_UP.api_key).headers)
    assert refused["X-RateLimit-VCallRate"] == "1 calls PerMinute"
    assert refused["X-RateLimit-VPolicyName"]
    assert not any(name.startswith(("X-Quota", "Retry")) for name in refused)


def test_both_gateways_speak_at_once_and_quotas_can_be_changed(market: Market) -> None:
    api = start(market, gateway="both")
    assert get(api, x_api_key=MADE_UP.api_key).headers == ()
    api.quotas.set_limits(per_minute=None, per_day=1)
    headers = dict(get(api, x_api_key=MADE_UP.api_key).headers)
    assert headers["X-Quota-Exceeded"] == "Day"
    assert headers["X-RateLimit-VCallRate"] == "1 calls PerDay"
    assert api.quotas.used() == {"Minute": 1, "Day": 1}


def test_refusals_for_want_of_credentials_do_not_count(market: Market) -> None:
    api = start(market, per_day=1)
    assert get(api).status == 401
    assert get(api, x_api_key=MADE_UP.api_key).status == 200


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"gateway": "newest"}, "gateway"),
        ({"scopes": frozenset({"api_everything"})}, "no such scope"),
        ({"now": NOON.replace(tzinfo=None)}, "time zone"),
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DomainOptions(**wrong)


def test_the_clock_goes_forward_only() -> None:
    clock = Clock(NOON, lambda: 0.0)
    assert clock.advance(timedelta(days=1)) == NOON + timedelta(days=1)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))
