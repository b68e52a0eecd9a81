"""Keeping secrets out of everything that is written.

Two nets, because one has holes: every secret this process knows is replaced wherever it
shows (also percent-encoded and inside JSON), and what looks like a credential (query
parameters, user:password@, Authorization and key headers) is replaced whether known or
not. Belongs here: both nets, the `Secret` wrapper and the log filter. Where secrets
come from is settings' business.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus

from domain.errors import PermanentError

MASK: Final = "***"
#: Request headers that are for one origin only.
PRIVATE_HEADERS: Final = (
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
)
#: Shorter ones would mask half of every text.
_SHORTEST: Final = 4
_LOGGERS: Final = (
    "requests",
    "urllib3",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
    "urllib3.util.ssl_",
)
_NAME = (
    r"(?:[\w.-]*[_.-])?(?:api[_-]?key|access[_-]?key(?:[_-]?id)?|key|(?:\w*)token|"
    r"(?:\w*)secret|password|passwd|pwd|sig|signature|credentials?|auth|authorization|"
    r"jwt|sas|subscription-key)"
)
_PATTERNS: Final = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@'\"]+@", re.IGNORECASE), rf"\1{MASK}@"),
    (
        re.compile(rf"((?:^|[?&;\s'\"(]){_NAME}=)[^&\s'\"#<>)]+", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"((?:proxy-)?authorization|x-api-key|api-key|(?:set-)?cookie)"
            r"(['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?)[^'\"\r\n]+",
            re.IGNORECASE,
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
)

_lock = threading.Lock()
_known: dict[str, None] = {}


class Secret:
    """A value that no repr, log line or pickle shows; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        remember(value)

    @classmethod
    def read(cls, value: str | None, file: Path | None, name: str) -> Secret | None:
        """The secret from its setting, else from its file; None when neither is set.

        Raises:
            PermanentError: the file cannot be read or is empty.
        """
        if value:
            return cls(value)
        if file is None:
            return None
        try:
            text = file.expanduser().read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PermanentError(
                f"The file of {name} cannot be read: {file} "
                f"({type(error).__name__}). Check the path and its rights."
            ) from None
        if not text:
            raise PermanentError(f"The file of {name} is empty: {file}.")
        return cls(text)

    def reveal(self) -> str:
        """The value itself, to be sent and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere, a pickle included")


def remember(*values: str | Secret) -> None:
    """Have these values masked wherever this process writes about HTTP."""
    for value in values:
        text = value.reveal() if isinstance(value, Secret) else value
        if len(text) < _SHORTEST or text in _known:
            continue
        forms = {text, quote(text, safe=""), quote(text), quote_plus(text)}
        forms.add(json.dumps(text)[1:-1])
        forms.add(base64.b64encode(text.encode()).decode())
        with _lock:
            _known.update(dict.fromkeys(forms))


def remember_credentials(headers: Mapping[str, str]) -> None:
    """Have what signs a request masked: a server may echo it in its answer."""
    for name in PRIVATE_HEADERS:
        if value := headers.get(name):
            remember(str(value).rpartition(" ")[2])


def redact(text: str) -> str:
    """`text` without any secret: the known ones and what looks like one."""
    with _lock:
        known = sorted(_known, key=len, reverse=True)
    for value in known:
        if value in text:
            text = text.replace(value, MASK)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Rewrites log records, their tracebacks included, before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; it is always let through."""
        try:
            record.msg = redact(record.getMessage())
        except Exception:
            record.msg = "a log line that cannot be formatted was left out"
        record.args = ()
        if record.exc_info and record.exc_info[0] is not None:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text = redact(text)
            record.exc_info = None
        return True


_FILTER: Final = RedactingFilter()


def quiet_logs() -> None:
    """Put the filter on the loggers of the HTTP libraries; again does nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)
