"""The demo webhook consumer: a cheap HTTP/1.1 server that verifies every signature.

It plays a remote party, so it shares no code with the sender: the check is written
from the Standard Webhooks specification alone (`signatures`). Any POST is taken
for a webhook; `GET /stats` tells the counts, `GET /healthz` answers 204. By hand on
asyncio, because it shares two cores with the sender it is to keep up with.

Run it as `python -m simulator.consumer --port 0 --secret-file FILE`. Faults
(`--fault NAME=VALUE`, several allowed; see `consumer_ledger`) are drawn from `--seed`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

from simulator.consumer_ledger import Faults, Ledger
from simulator.lifetime import announce, exit_with_stdin
from simulator.signatures import Verifier

_MAX_HEAD: Final = 32 * 1024
_MAX_BODY: Final = 1024 * 1024
_REASONS: Final = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    411: "Length Required",
    413: "Content Too Large",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Consumer(asyncio.Protocol):
    """One connection: requests are answered in order, also when sent in one piece."""

    def __init__(
        self,
        verifier: Verifier,
        ledger: Ledger,
        faults: Faults,
        luck: random.Random,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._verifier = verifier
        self._ledger = ledger
        self._faults = faults
        self._luck = luck
        self._clock = clock
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._waiting = False
        self._asked_to_continue = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        # A cast, not a check: uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; an unfinished request is nobody's any more."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Take bytes; answer every request that is now complete."""
        self._buffer += data
        if not self._waiting:
            self._answer_all()

    def _answer_all(self) -> None:
        transport = self._transport
        answers: list[bytes] = []
        open_ = True
        while open_ and self._buffer:
            taken = self._next_request()
            if taken is None:
                break
            answer, open_ = taken
            answers.append(answer)
            if self._faults.slow_seconds and open_:
                self._waiting = True
                break
        self._ledger.flush()
        if transport is None:
            return
        if self._waiting:
            loop = asyncio.get_running_loop()
            wait = self._faults.slow_seconds
            loop.call_later(wait, self._answer_late, b"".join(answers))
            transport.pause_reading()
            return
        if answers:
            transport.write(b"".join(answers))
        if not open_:
            self._buffer.clear()
            transport.close()

    def _answer_late(self, answer: bytes) -> None:
        self._waiting = False
        if self._transport is not None:
            self._transport.write(answer)
            self._transport.resume_reading()
            self._answer_all()

    def _next_request(self) -> tuple[bytes, bool] | None:
        """Answer to the first request in the buffer and whether to stay connected.

        None while it is incomplete. An answer of no bytes means: just close.
        """
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > _MAX_HEAD:
            too_long = len(self._buffer) > _MAX_HEAD
            return (_response(431, close=True), False) if too_long else None
        request_line, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        words = request_line.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(400, close=True), False
        if b"transfer-encoding" in headers:
            return _response(411, close=True), False
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 9:
            return _response(400, close=True), False
        size = int(length)
        if size > _MAX_BODY:
            return _response(413, close=True), False
        start = end + 4
        if len(self._buffer) < start + size:
            self._say_continue(headers)
            return None
        self._asked_to_continue = False
        body = bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        close = headers.get(b"connection", b"").lower() == b"close" or (
            words[2] == b"HTTP/1.0"
        )
        answer = self._route(words[0], words[1], headers, body, close=close)
        return answer, bool(answer) and not close

    def _say_continue(self, headers: dict[bytes, bytes]) -> None:
        expects = headers.get(b"expect", b"").lower() == b"100-continue"
        if expects and not self._asked_to_continue and self._transport is not None:
            self._asked_to_continue = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _route(
        self,
        method: bytes,
        target: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        *,
        close: bool,
    ) -> bytes:
        if method == b"POST":
            return self._take(headers, body, close=close)
        if method != b"GET":
            return _response(405, close=close)
        path = target.partition(b"?")[0]
        if path == b"/stats":
            stats = json.dumps(self._ledger.stats()).encode()
            return _response(200, stats, close=close)
        return _response(204 if path == b"/healthz" else 404, close=close)

    def _take(self, headers: dict[bytes, bytes], body: bytes, *, close: bool) -> bytes:
        """One webhook: 204 if it verifies, 400 if not; nothing to drop the line."""
        ledger = self._ledger
        ledger.received += 1
        status = self._faults.draw(self._luck)
        if status:
            ledger.failed += 1
            return _response(status, close=close)
        now = self._clock()
        problem = self._verifier.problem(headers, body, now)
        if problem is not None:
            ledger.rejected += 1
            return _response(400, problem.encode(), close=close)
        ledger.accept(headers[b"webhook-id"], now)
        if self._faults.drop and self._luck.random() < self._faults.drop:
            return b""
        return _CLOSING_204 if close else _PLAIN_204


def _response(status: int, body: bytes = b"", *, close: bool = False) -> bytes:
    reason = _REASONS.get(status, "Status")
    head = f"HTTP/1.1 {status} {reason}\r\n"
    if status != 204:
        media_type = "application/json" if status == 200 else "text/plain"
        head += f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    if status in (429, 503):
        head += "Retry-After: 1\r\n"
    if close:
        head += "Connection: close\r\n"
    return head.encode() + b"\r\n" + body


_PLAIN_204: Final = _response(204)
_CLOSING_204: Final = _response(204, close=True)


async def serve(
    options: argparse.Namespace, verifier: Verifier, faults: Faults
) -> None:
    """Listen, announce the address, and serve until cancelled.

    Raises OSError if the port is taken.
    """
    ledger = Ledger(options.seen_file)
    luck = random.Random(options.seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Consumer(verifier, ledger, faults, luck),
        options.host,
        options.port,
        backlog=1024,
    )
    host, port = server.sockets[0].getsockname()[:2]
    base = f"http://{host}:{port}"
    if options.exit_with_stdin:
        exit_with_stdin()
    announce({"url": base, "stats_url": f"{base}/stats"}, options.state_file)
    try:
        await server.serve_forever()
    finally:
        ledger.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (2 for a bad argument)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        verifier = Verifier(options.secret_file.read_text(encoding="ascii").split())
        faults = Faults.parse(options.fault)
    except OSError as error:
        parser.error(f"cannot read {options.secret_file}: {error.strerror}")
    except ValueError as error:
        parser.error(str(error))
    with contextlib.suppress(KeyboardInterrupt):
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(serve(options, verifier, faults))
        except OSError as error:
            parser.error(
                f"cannot listen on {options.host}:{options.port}: {error.strerror}; "
                "--port 0 takes a free one"
            )
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """A loop of uvloop if it is installed: half the processor time."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulator.consumer", description=__doc__)
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--secret-file", type=Path, required=True, help="whsec_... secrets, one a line")
    add("--seen-file", type=Path, help="append every verified id there, one a line")
    add("--seed", type=int, default=7, help="of the faults")
    add("--fault", action="append", default=[], metavar="NAME=VALUE")
    add("--state-file", type=Path, help="also write the ready line there")
    add("--exit-with-stdin", action="store_true", help="end when stdin ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
