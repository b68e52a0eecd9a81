"""What asking a server can end in, other than an answer.

Every message is a sentence for people without a secret in it. What to catch: a source
that is away (`SourceDown`) or out of quota (`Parked`) comes back by itself and leaves
the last good snapshot in force; `Refused` and `TooLarge` need a person.
"""

from __future__ import annotations

from datetime import datetime

from domain.errors import PermanentError, UserError


class SourceError(UserError):
    """A source did not give what it was asked for."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(message)
        self.source = source


class SourceDown(SourceError):
    """The server does not answer, or answers with errors; it is worth a later try.

    `until` is when its open breaker lets somebody ask again, None while it is closed.
    """

    def __init__(
        self, source: str, host: str, reason: str, until: datetime | None = None
    ) -> None:
        self.host = host
        self.reason = reason
        self.until = until
        later = f" It is asked again after {_clock(until)}." if until else ""
        super().__init__(f"{host} is away: {reason}.{later}", source)


class Parked(SourceError):
    """The quota is used up: nobody asks before `until`."""

    def __init__(self, source: str, until: datetime, reason: str) -> None:
        self.until = until
        self.reason = reason
        super().__init__(
            f"The source {source} rests until {_clock(until)}: {reason}. The work goes "
            "on by itself after that.",
            source,
        )


class Refused(SourceError, PermanentError):
    """The server refuses this request, and would again: a wrong address, no right.

    `status` is None where nothing was sent (no web address, a forbidden redirect).
    """

    def __init__(self, source: str, status: int | None, url: str, reason: str) -> None:
        self.status = status
        self.url = url
        self.reason = reason
        answered = f" answered {status}" if status else " is not fetched"
        told = f" ({reason})" if reason else ""
        super().__init__(f"{url}{answered}{told}{_hint(status)}", source)


class MalformedBody(SourceError):
    """The body is not what it claims to be (JSON that does not parse)."""

    def __init__(self, source: str, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"The answer of {url} cannot be read: {reason}.", source)


class TooLarge(SourceError, PermanentError):
    """The body is longer than the policy allows."""

    def __init__(self, source: str, url: str, limit: int) -> None:
        self.url = url
        self.limit = limit
        super().__init__(
            f"{url} is longer than the limit of {limit:,} bytes, so it was not kept.",
            source,
        )


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _hint(status: int | None) -> str:
    if status == 401:
        return ". Check the credentials."
    if status == 403:
        return ". Check the credentials and what the account may read."
    if status in (404, 410):
        return ". Check the address."
    return "."
