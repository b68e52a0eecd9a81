"""Answers on the wire: status, headers, bodies whole or in ranges, and wire faults.

Here: how bytes leave, on time or slowly, to the end or until a reset. Elsewhere: what
is answered to whom (`server`).
"""

from __future__ import annotations

import contextlib
import io
import re
import select
import socket
import struct
import time
from abc import abstractmethod
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler
from typing import IO, ClassVar, Final

from simulator.fault_rates import Plan, Rates
from simulator.website import Document

_CHUNK: Final = 256 * 1024
_LONGEST_BODY: Final = 1_000_000
_SLOW_STEPS: Final = 20
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_CALM: Final = Rates().begin("/")

Headers = tuple[tuple[str, str], ...]


class WireHandler(BaseHTTPRequestHandler):
    """A request handler that sends bodies with the faults of its `plan`.

    `moment` is the time this answer claims to be sent at, seconds since 1970.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = 64 * 1024
    timeout: ClassVar[float] = 60.0

    plan: Plan = _CALM
    skew: float = 0.0
    moment: float | None = None

    def do_GET(self) -> None:
        """Answer a GET."""
        self.answer(b"")

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self.answer(b"")

    def do_POST(self) -> None:
        """Answer a POST; 413 for a body that no caller of ours sends."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            self.close_connection = True
            self.send_text(413, "the body is too large\n")
            return
        self.answer(self.rfile.read(int(length)))

    @abstractmethod
    def answer(self, body: bytes) -> None:
        """Answer one request, which had that body."""

    def version_string(self) -> str:
        """Value of the Server header."""
        return "simulated-site"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Value of the Date header: this answer's clock, which may be wrong."""
        if timestamp is None:
            timestamp = (self.moment or time.time()) + self.skew
        return super().date_time_string(int(timestamp))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the demo's own progress is the log."""

    def stay_silent(self) -> None:
        """Answer nothing for a while, less if the caller goes, and hang up."""
        seconds = self.plan.rates.settings["timeout_seconds"]
        with contextlib.suppress(OSError, ValueError):
            select.select([self.connection], [], [], seconds)
        self.close_connection = True

    def retry_after(self) -> str:
        """Value of Retry-After: seconds or a date, by turns."""
        seconds = self.plan.rates.settings["retry_after"]
        if self.plan.number % 2:
            return str(int(seconds))
        claimed = (self.moment or time.time()) + self.skew
        return self.date_time_string(claimed + seconds)

    def send_text(
        self,
        status: int,
        text: str,
        *headers: tuple[str, str],
        media_type: str = "text/plain",
    ) -> None:
        """Send a short text."""
        kind = f"{media_type}; charset=utf-8"
        self.send_bytes(status, text.encode(), headers, "" if status == 204 else kind)

    def send_bytes(
        self, status: int, body: bytes, headers: Headers = (), media_type: str = ""
    ) -> None:
        """Send a whole body from memory."""
        is_json = media_type == "application/json" and len(body) > 0
        if is_json and self.plan.takes("malformed_json"):
            body = _malformed(body, self.plan.number)
        self.send_response(status)
        for header, value in headers:
            self.send_header(header, value)
        self.send_header("X-Simulated", "true")
        if media_type and body:
            self.send_header("Content-Type", media_type)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(io.BytesIO(body), len(body))

    def send_document(self, document: Document, *, is_cut: bool) -> None:
        """Send a file, or the part of it that was asked for, unless it is known.

        `is_cut`: the connection ends in the middle.
        """
        begin, end, status = 0, document.size, 200
        if self._is_fresh(document):
            status = 304
        elif self._wants_range(document):
            found = _range(self.headers["Range"], document.size)
            if found is None:
                tail = ("Content-Range", f"bytes */{document.size}")
                self.send_text(416, "no such range\n", tail)
                return
            begin, end, status = *found, 206
        self.send_response(status)
        self.send_header("ETag", document.etag)
        self.send_header("Last-Modified", self._last_modified(document))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("X-Simulated", "true")
        if status == 206:
            whole = f"bytes {begin}-{end - 1}/{document.size}"
            self.send_header("Content-Range", whole)
        if status != 304:
            self.send_header("Content-Type", document.media_type)
            self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if status == 304 or self.command == "HEAD":
            return
        document.body.seek(begin)
        length = end - begin
        if is_cut:
            length //= 2
            self.close_connection = True
        self._send_body(document.body, length)

    def _send_body(self, body: IO[bytes], length: int) -> None:
        is_reset = length > 0 and self.plan.takes("reset")
        left = length // 2 if is_reset else length
        is_slow = length > 1 and self.plan.takes("slow")
        step = max(1, -(-left // _SLOW_STEPS)) if is_slow else _CHUNK
        while left > 0:
            chunk = body.read(min(step, left))
            self.wfile.write(chunk)
            left -= len(chunk)
            if is_slow:
                self.wfile.flush()
                time.sleep(self.plan.rates.settings["slow_seconds"] / _SLOW_STEPS)
        if is_reset:
            self._reset()

    def _reset(self) -> None:
        """Send what is written so far, then RST instead of a proper end."""
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # The socket closes for real, and so resets, when nothing holds it any more.
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        self.wfile, self.rfile = io.BytesIO(), io.BytesIO()
        self.close_connection = True

    def _last_modified(self, document: Document) -> str:
        if not self.skew:
            return format_datetime(document.published, usegmt=True)
        return self.date_time_string(document.published.timestamp() + self.skew)

    def _is_fresh(self, document: Document) -> bool:
        """Whether the caller's copy is the newest; If-None-Match decides if given."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return "*" in known or document.etag in known
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            return document.published <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            return False  # an unreadable date is to be ignored

    def _wants_range(self, document: Document) -> bool:
        """Whether to answer Range: not if what the caller has is of another version."""
        asked = self.headers.get("Range", "")
        if self.command != "GET" or not _RANGE.fullmatch(asked.strip()):
            return False  # several ranges, other units: the whole is always allowed
        condition = self.headers.get("If-Range")
        if condition is None:
            return True
        if condition.startswith(('"', "W/")):
            return condition == document.etag
        try:
            return parsedate_to_datetime(condition) == document.published
        except (TypeError, ValueError):
            return False


def _range(asked: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; None if there is nothing there."""
    found = _RANGE.fullmatch(asked.strip())
    first, last = found.groups() if found else ("", "")
    if not first:
        if not last or int(last) == 0 or size == 0:
            return None
        return max(0, size - int(last)), size
    begin = int(first)
    end = min(int(last) + 1, size) if last else size
    return (begin, end) if begin < end else None


def _malformed(body: bytes, number: int) -> bytes:
    if number % 2:
        return body[: len(body) // 2]
    return b"<html><body>The service is being mended.</body></html>"
