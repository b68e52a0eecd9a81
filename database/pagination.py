"""Keyset pagination: pages by the last row seen, not by an offset.

A page costs the same however deep it lies, and rows that are inserted or removed
meanwhile neither repeat nor lose one of the others. Cursors are opaque to callers: a
signed text that is good for the one question, with the same filters, that it was given
for. The SQL of the pages stands with its table: the catalogue's queries take the
cursor's values as parameters, and end with their own limit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from domain.errors import UserError

_DIGEST_BYTES: Final = 16

_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "s": str,
    "i": int,
    "f": float,
    "n": Decimal,
    "u": UUID,
    "d": date.fromisoformat,
    "t": datetime.fromisoformat,
}
#: In order: a datetime is a date as well.
_MARKS: Final[Sequence[tuple[type, str]]] = (
    (str, "s"),
    (int, "i"),
    (float, "f"),
    (Decimal, "n"),
    (UUID, "u"),
    (datetime, "t"),
    (date, "d"),
)


class BadCursor(UserError):
    """A cursor that was not given out here, or not for this question."""


@dataclass(frozen=True)
class Page:
    """Rows in order, and the cursor of the next page; None after the last one."""

    rows: list[dict[str, Any]]
    next_cursor: str | None


class Cursors:
    """Makes and reads the cursors of one installation (`secret`: 16 bytes or more)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 16:
            raise ValueError("a cursor secret has 16 bytes or more")
        self._secret = secret

    def seal(
        self, question: str, filters: Mapping[str, Any], key: Sequence[Any]
    ) -> str:
        """The cursor behind the row whose ordering columns hold `key`.

        Raises:
            TypeError: a value of a type that no column of ours has, or a null.
        """
        values = [[_mark(value), _text(value)] for value in key]
        content = json.dumps(values, separators=(",", ":")).encode()
        signed = self._sign(question, filters, content) + content
        return base64.urlsafe_b64encode(signed).decode().rstrip("=")

    def open(
        self, cursor: str, question: str, filters: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """The key that `seal` was given.

        Raises:
            BadCursor: altered, or sealed for another question or other filters.
        """
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            signed = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            signed = b""
        digest, content = signed[:_DIGEST_BYTES], signed[_DIGEST_BYTES:]
        if not hmac.compare_digest(digest, self._sign(question, filters, content)):
            raise BadCursor(
                "This cursor does not belong to this question and its filters. Ask for "
                "the first page, and follow the cursors it gives."
            )
        return tuple(_READERS[mark](text) for mark, text in json.loads(content))

    def _sign(self, question: str, filters: Mapping[str, Any], content: bytes) -> bytes:
        # JSON keeps apart what a joined text would let run together.
        asked = sorted((name, _asked(value)) for name, value in filters.items())
        said = json.dumps([question, asked]).encode()
        digest = hmac.new(self._secret, digestmod=hashlib.sha256)
        digest.update(len(said).to_bytes(4, "big") + said + content)
        return digest.digest()[:_DIGEST_BYTES]


def read_page(
    fetch: Callable[[tuple[Any, ...] | None], Sequence[dict[str, Any]]],
    cursors: Cursors,
    *,
    question: str,
    filters: Mapping[str, Any],
    order_by: Sequence[str],
    limit: int,
    cursor: str | None = None,
) -> Page:
    """One page of `fetch`, which is given the last key seen (None: from the start).

    `fetch` returns at most `limit` rows strictly behind that key, ordered by the
    columns `order_by`, of which the last is unique. A full page has a next one, which
    may be empty.

    Raises:
        BadCursor: `cursor` is not one of this question and these filters.
    """
    after = None if cursor is None else cursors.open(cursor, question, filters)
    rows = list(fetch(after))
    if len(rows) < limit:
        return Page(rows, None)
    key = [rows[-1][column] for column in order_by]
    return Page(rows, cursors.seal(question, filters, key))


def _mark(value: Any) -> str:
    for kind, mark in _MARKS:
        if isinstance(value, kind) and not isinstance(value, bool):
            return mark
    raise TypeError(f"no page can end at a {type(value).__name__}")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _asked(value: Any) -> list[str] | None:
    return None if value is None else [type(value).__name__, _text(value)]
