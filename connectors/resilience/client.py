"""The one way to ask a server: retries, breaker, slots, rate, quota, time limits.

Belongs here: the order of things around one call. Numbers are `policy`, what processes
share is `state`, one exchange is `transport`, what an answer means is `outcome` and
`quota`, files are `download`. Clock, sleep and randomness are arguments.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self, TypeVar, cast
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from connectors.resilience.call import (
    Answer,
    Call,
    Downloaded,
    Tries,
    is_worth_retrying,
    outcome_for_host,
)
from connectors.resilience.errors import (
    Parked,
    Refused,
    SourceDown,
    SourceError,
    TooLarge,
)
from connectors.resilience.metrics import CallMetrics
from connectors.resilience.outcome import Failure, judge_error, judge_status
from connectors.resilience.policy import SourcePolicy
from connectors.resilience.quota import Advice, read_advice
from connectors.resilience.secrets import (
    Secret,
    redact,
    remember,
    remember_credentials,
)
from connectors.resilience.transport import (
    Auth,
    BadRedirect,
    new_session,
    no_auth,
    read_body,
    send,
    until,
)
from domain.source_state import Admission, MemoryState, Outcome, SharedState

T = TypeVar("T")

#: Of the exchange; a full disk is none of them.
_ERRORS: Final = (
    requests.RequestException,
    HTTPError,
    ConnectionError,
    TimeoutError,
    BadRedirect,
)
_EXCERPT_BYTES: Final = 4096
#: Wait for a free slot: from, to (seconds), by full jitter.
_SLOT_WAIT: Final = (0.005, 0.25)
#: After a wait longer than this it is looked again whether the host is still asked.
_LOOK_AGAIN_SECONDS: Final = 1.0


class SourceClient:
    """Asks the servers of one source under its policy. Safe to share between threads.

    Args:
        policy: the numbers.
        state: what is shared with other processes; in memory if none is given.
        session: requests' session; the default holds the total time limit, a session of
            your own holds what its adapters do.
        clock: seconds since the epoch.
        sleep: waits for seconds.
        randomness: gives numbers from 0 to 1, for jitter.
        secrets: values to mask in everything written.
        auth: signs each attempt, before it takes a slot (so that it may itself ask for
            a token through this client), and never on another origin.
    """

    def __init__(
        self,
        policy: SourcePolicy,
        state: SharedState | None = None,
        *,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        randomness: Callable[[], float] = random.random,
        secrets: Iterable[str | Secret] = (),
        auth: Auth | AuthBase | None = None,
    ) -> None:
        self.policy = policy
        self.metrics = CallMetrics()
        self._state: SharedState = state or MemoryState(clock)
        self._session = session or new_session(policy.max_in_flight)
        self._clock = clock
        self._sleep = sleep
        self._randomness = randomness
        self._auth: Auth = auth or no_auth
        remember(*secrets)

    def __repr__(self) -> str:
        return f"SourceClient({self.policy.source!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections. The shared state is the caller's."""
        self._session.close()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask for a page or a record; 304 is an answer where the headers allow one.

        Raises:
            SourceDown, Parked, Refused, TooLarge: see `errors`.
        """
        given = dict(headers or {})
        return self.run(
            Call("GET", url, self._answer, headers=lambda: given, params=params)
        )

    def query(
        self, url: str, *, json: Any, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST a search, which only reads: tried again like a GET.

        Raises:
            SourceDown, Parked, Refused, TooLarge: see `errors`.
        """
        given = dict(headers or {})
        return self.run(
            Call("POST", url, self._answer, headers=lambda: given, json=json)
        )

    def post_form(
        self,
        url: str,
        data: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        auth: Auth | AuthBase | None = None,
    ) -> Answer:
        """POST a form (an OAuth token), signed by `auth` and not by the client's.

        Tried again only where the server did not act on it: no connection, 429, 503.

        Raises:
            SourceDown, Parked, Refused, TooLarge: see `errors`.
        """
        given = dict(headers or {})
        call: Call[Answer] = Call(
            "POST",
            url,
            self._answer,
            headers=lambda: given,
            data=data,
            is_idempotent=False,
            use_auth=False,
        )
        return self.run(call, auth=auth)

    def download(
        self,
        url: str,
        folder: Path,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
        name: str | None = None,
    ) -> Downloaded:
        """Fetch a file into `folder`: whole or absent, not again while unchanged.

        A body that broke off goes on where it ended, also in a later process, as long
        as the server says it is the same file. `name` is the file's name, by default
        the last part of the address.

        Raises:
            SourceDown, Parked, Refused, TooLarge: see `errors`.
        """
        from connectors.resilience.download import fetch_file

        limit = max_bytes or self.policy.max_download_bytes
        return fetch_file(self, url, folder, dict(headers or {}), limit, name)

    def run(self, call: Call[T], auth: Auth | AuthBase | None = None) -> T:
        """Ask until there is a result, or none is to be had; see `get` for errors."""
        from tenacity import Retrying, retry_if_result

        signer = auth or (self._auth if call.use_auth else no_auth)
        tries = Tries(call, self.policy.retries.attempts)
        retrying = Retrying(
            retry=retry_if_result(lambda result: is_worth_retrying(call, result)),
            stop=lambda state: tries.are_used_up,
            wait=lambda state: self._backoff(state.outcome, tries),
            sleep=self._wait,
            retry_error_callback=_last_result,
        )
        try:
            result = retrying(self._attempt, call, signer, tries)
        finally:
            self._state.count(self.policy.source, self.metrics.take_new())
        if isinstance(result, Failure):
            raise self._error(result, tries)
        return cast("T", result)

    def _attempt(self, call: Call[T], auth: Auth, tries: Tries) -> T | Failure:
        request = self._prepare(call, auth)
        if isinstance(request, Failure):
            return request
        host = tries.host = urlsplit(request.url or "").netloc.rpartition("@")[2]
        admission = self._enter(host)
        if tries.begin():
            self.metrics.add("retries")
        outcome: Outcome = "unknown"
        reason = ""
        try:
            result = self._exchange(call, request, auth)
            outcome = "answered"
            if isinstance(result, Failure):
                self.metrics.failed(result.label)
                tries.end()
                reason = result.reason
                outcome = outcome_for_host(result, call)
            return result
        finally:
            self._state.finish(self.policy, host, admission, outcome, reason)

    def _prepare(
        self, call: Call[Any], auth: Auth
    ) -> requests.PreparedRequest | Failure:
        fresh = requests.Request(
            call.method,
            call.url,
            params=call.params,
            headers=dict(call.headers()),
            json=call.json,
            data=call.data,
            auth=auth,
        )
        try:
            request = self._session.prepare_request(fresh)
        except requests.RequestException:
            return Failure("refused", "this is no web address", redact(call.url))
        remember_credentials(request.headers)
        return request

    def _enter(self, host: str) -> Admission:
        """Wait for a slot and a turn, or raise if the host or source is not asked."""
        started = self._clock()
        wait = _SLOT_WAIT[0]
        while True:
            admission = self._state.admit(self.policy, host)
            if admission.verdict == "go":
                break
            self._check(admission, host)
            if self._clock() - started > 2 * self.policy.total_seconds:
                reason = f"all {self.policy.max_in_flight} places are taken"
                raise SourceDown(self.policy.source, host, reason)
            self._wait(wait * (0.5 + self._randomness() / 2))
            wait = min(wait * 2, _SLOT_WAIT[1])
        if admission.wait_seconds > 0:
            try:
                self._wait(admission.wait_seconds)
                if admission.wait_seconds > _LOOK_AGAIN_SECONDS:
                    self._check(self._state.standing(self.policy, host), host)
            except BaseException:
                self._state.finish(self.policy, host, admission, "unknown")
                raise
        return admission

    def _check(self, admission: Admission, host: str) -> None:
        if admission.verdict not in ("open", "parked"):
            return
        self.metrics.add("fast_failures")
        moment = self._moment(admission.wait_seconds)
        if admission.verdict == "parked":
            raise Parked(self.policy.source, moment, admission.reason)
        raise SourceDown(self.policy.source, host, admission.reason, moment)

    def _exchange(
        self, call: Call[T], request: requests.PreparedRequest, auth: Auth
    ) -> T | Failure:
        """One request and its answer, or how it failed; raises nothing of requests."""
        policy = self.policy
        deadline = time.monotonic() + policy.total_seconds
        timeout = (
            min(policy.connect_seconds, policy.total_seconds),
            min(policy.read_seconds, policy.total_seconds),
        )
        self.metrics.add("calls")
        try:
            with until(deadline):
                response = send(self._session, request, auth=auth, timeout=timeout)
            with closing(response):
                advice = self._heed(response)
                accepted = 200 <= response.status_code < 300
                accepted = accepted or response.status_code in call.accepted
                excerpt = b"" if accepted else _excerpt(response)
                failure = judge_status(response, call.accepted, excerpt)
                if failure is not None:
                    if advice.park_seconds is not None:
                        return replace(failure, kind="parked")
                    return replace(failure, wait_seconds=advice.wait_seconds)
                if response.status_code == 304:
                    self.metrics.add("not_modified")
                return call.gives(response)
        except _ERRORS as error:
            late = time.monotonic() >= deadline
            return judge_error(error, call.url, policy, is_late=late)

    def _heed(self, response: requests.Response) -> Advice:
        """Do what the quota headers ask, for every process."""
        source = self.policy.source
        advice = read_advice(
            response.status_code,
            response.headers,
            self._clock(),
            self.policy.retry_after_cap_seconds,
        )
        if advice.per_minute is not None:
            self._state.limit(source, advice.per_minute)
        if advice.park_seconds is not None:
            self._state.park(source, advice.park_seconds, advice.reason)
        if advice.wait_seconds:
            self._state.pause(source, advice.wait_seconds)
        return advice

    def _answer(self, response: requests.Response) -> Answer | Failure:
        url = redact(response.url)
        body = read_body(
            response, self.policy.max_bytes, lambda n: self.metrics.add("bytes", n)
        )
        if body is None:
            return Failure("too_large", str(self.policy.max_bytes), url)
        return Answer(
            response.status_code, response.headers, body, url, self.policy.source
        )

    def _backoff(self, outcome: Any, tries: Tries) -> float:
        """Seconds before the next attempt: what the server said, else full jitter."""
        failure = outcome.result()
        if failure.wait_seconds is not None:
            return float(failure.wait_seconds)
        return self.policy.retries.ceiling(tries.fruitless) * self._randomness()

    def _wait(self, seconds: float) -> None:
        self.metrics.add("wait_seconds", seconds)
        self._sleep(seconds)

    def _moment(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC) + timedelta(seconds=seconds)

    def _error(self, failure: Failure, tries: Tries) -> SourceError:
        source = self.policy.source
        if failure.kind == "too_large":
            return TooLarge(source, failure.url, int(failure.reason))
        if not failure.is_transient and failure.kind != "parked":
            return Refused(source, failure.status, failure.url, failure.reason)
        standing = self._state.standing(self.policy, tries.host)
        moment = self._moment(standing.wait_seconds)
        if standing.verdict == "parked":
            return Parked(source, moment, standing.reason)
        reason = f"{failure.url}: {failure.reason} ({tries.told})"
        until_then = moment if standing.verdict == "open" else None
        return SourceDown(source, tries.host, reason, until_then)


def _last_result(state: Any) -> Any:
    return state.outcome.result()


def _excerpt(response: requests.Response) -> bytes:
    """The beginning of an error's body; a broken one is no second error."""
    try:
        return next(response.iter_content(_EXCERPT_BYTES), b"")
    except _ERRORS:
        return b""
