"""Tokens: asked for once, renewed in time, shared between threads, never shown."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from connectors.domain_api.auth import BearerAuth, Credentials, Tokens, scope_of
from connectors.resilience import MalformedBody, Secret, SourceClient, SourcePolicy
from domain.errors import PermanentError

Answer = Callable[[str], tuple[int, Any]]


class _Host(BaseAdapter):
    """A token host in memory."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.forms: list[str] = []
        self.answer = answer

    def send(
        self, request: requests.PreparedRequest, *args: object, **kwargs: object
    ) -> requests.Response:
        self.forms.append(str(request.body))
        status, body = self.answer(str(request.body))
        response = requests.Response()
        response.status_code = status
        response.url = str(request.url)
        response.raw = HTTPResponse(
            io.BytesIO(json.dumps(body).encode()), status=status, preload_content=False
        )
        return response

    def close(self) -> None:
        pass


def host(answer: Answer) -> tuple[_Host, SourceClient]:
    session = requests.Session()
    adapter = _Host(answer)
    session.mount("https://", adapter)
    policy = SourcePolicy("domain_token", retry="none")
    return adapter, SourceClient(policy, session=session, sleep=lambda seconds: None)


def given(_: str) -> tuple[int, Any]:
    return 200, {"access_token": "tok-abcdef-1", "expires_in": 100}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


CREDENTIALS = Credentials("client_0", Secret("planted-secret-77"))
URL = "https://auth.invalid/token"


def test_a_token_is_asked_for_once_and_again_before_it_expires() -> None:
    adapter, client = host(given)
    clock = Clock()
    tokens = Tokens(client, URL, CREDENTIALS, clock)
    for _ in range(5):
        assert tokens.token("api_listings_read") == "tok-abcdef-1"
    assert len(adapter.forms) == 1
    clock.now = 89
    tokens.token("api_listings_read")
    assert len(adapter.forms) == 1
    clock.now = 91  # a tenth before its end
    tokens.token("api_listings_read")
    assert len(adapter.forms) == 2
    tokens.token("api_properties_read")
    assert len(adapter.forms) == 3


def test_threads_share_one_request() -> None:
    adapter, client = host(given)
    tokens = Tokens(client, URL, CREDENTIALS, Clock())
    threads = [
        threading.Thread(target=tokens.token, args=("api_listings_read",))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(adapter.forms) == 1


def test_a_token_that_another_thread_has_replaced_is_not_thrown_away() -> None:
    numbers = iter(range(9))

    def answer(_: str) -> tuple[int, Any]:
        return 200, {"access_token": f"tok-abcdef-{next(numbers)}", "expires_in": 100}

    adapter, client = host(answer)
    tokens = Tokens(client, URL, CREDENTIALS, Clock())
    auth = BearerAuth(tokens)
    request = requests.Request("GET", "https://x.invalid/v1/listings/1").prepare()
    auth(request)
    assert request.headers["Authorization"] == "Bearer tok-abcdef-0"
    tokens.renounce("api_listings_read", "tok-abcdef-0")
    assert tokens.token("api_listings_read") == "tok-abcdef-1"
    assert auth.renounce()  # its own, which is gone already
    assert tokens.token("api_listings_read") == "tok-abcdef-1"
    assert len(adapter.forms) == 2


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"error": "invalid_scope"}, "refuses the scope api_listings_read"),
        (401, {"error": "invalid_client"}, "does not know the client"),
        (403, {}, "status 403"),
    ],
)
def test_a_refusal_says_what_to_mend(status: int, body: Any, words: str) -> None:
    _, client = host(lambda form: (status, body))
    with pytest.raises(PermanentError, match=words) as caught:
        Tokens(client, URL, CREDENTIALS, Clock()).token("api_listings_read")
    assert "planted-secret" not in repr(caught.value)


def test_an_answer_without_a_token_is_no_token() -> None:
    _, client = host(lambda form: (200, {"hello": 1}))
    with pytest.raises(MalformedBody):
        Tokens(client, URL, CREDENTIALS, Clock()).token("api_listings_read")


def test_secrets_show_nowhere() -> None:
    _, client = host(given)
    tokens = Tokens(client, URL, CREDENTIALS, Clock())
    tokens.token("api_listings_read")
    told = f"{CREDENTIALS!r} {tokens!r} {tokens._tokens!r} {BearerAuth(tokens)!r}"
    assert "planted-secret" not in told
    assert "tok-abcdef" not in told


@pytest.mark.parametrize(
    ("credentials", "is_enough"),
    [
        (CREDENTIALS, True),
        (Credentials(api_key=Secret("key-123456")), True),
        (Credentials("client_0"), False),
        (Credentials(client_secret=Secret("lonely-secret")), False),
        (Credentials(), False),
    ],
)
def test_credentials_are_an_id_with_its_secret_or_a_key(
    credentials: Credentials, is_enough: bool
) -> None:
    if is_enough:
        credentials.check()
    else:
        with pytest.raises(PermanentError, match=r"domain\.api_key"):
            credentials.check()


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/v1/listings/residential/_search", "api_listings_read"),
        ("/v1/listings/7", "api_listings_read"),
        ("/v1/properties/RF-8884-AK", "api_properties_read"),
        ("/v1/salesResults/_head", "api_salesresults_read"),
        (
            "/v2/suburbPerformanceStatistics/NSW/Manly/2095",
            "api_suburbperformance_read",
        ),
    ],
)
def test_each_address_needs_one_scope(path: str, scope: str) -> None:
    assert scope_of(f"https://api.invalid{path}") == scope
