"""Webhook receivers on real sockets, well and badly behaved, for delivery tests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def status(line: str, *headers: str, body: bytes = b"") -> Answer:
    """Answer every request alike, e.g. `status("500 Oops", "Retry-After: 5")`."""
    head = [f"HTTP/1.1 {line}", f"Content-Length: {len(body)}", *headers, "", ""]
    answer = "\r\n".join(head).encode() + body

    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return respond


async def accept(_: Request, writer: asyncio.StreamWriter) -> None:
    """204 at once."""
    writer.write(NO_CONTENT)


def accept_after(seconds: float) -> Answer:
    """204, but not at once."""

    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        writer.write(NO_CONTENT)

    return respond


async def hang(_: Request, writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(60)


async def drip_head(_: Request, writer: asyncio.StreamWriter) -> None:
    """The head, a byte at a time."""
    for byte in b"HTTP/1.1 204 No Content\r\n" + b"x: y\r\n" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def drip_body(_: Request, writer: asyncio.StreamWriter) -> None:
    """A 200 whose body never ends, a byte at a time."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _byte in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def flood_head(_: Request, writer: asyncio.StreamWriter) -> None:
    """Headers without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(1_000_000):
        writer.write(b"x-%d: %b\r\n" % (number, b"y" * 1000))
        await writer.drain()


def flood_body(sent: list[int]) -> Answer:
    """A 200 with two gigabytes of body; `sent` counts the bytes that got away."""

    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n")
        while True:
            writer.write(b"y" * 65536)
            await writer.drain()
            sent.append(65536)

    return respond


async def break_chunking(_: Request, writer: asyncio.StreamWriter) -> None:
    """A 200 whose chunks are nonsense."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello")


async def disconnect(_: Request, writer: asyncio.StreamWriter) -> None:
    """Close without an answer."""
    writer.close()


async def babble(_: Request, writer: asyncio.StreamWriter) -> None:
    """Something that is not HTTP."""
    writer.write(b"220 mail.example ESMTP \x00\xff\r\n\r\n")


class Receiver:
    """A server in a thread of its own; a context manager."""

    def __init__(self, answer: Answer = accept) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over: asyncio.Event
        self._thread = threading.Thread(target=self._serve)
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def ids(self) -> Counter[str]:
        """How often each webhook-id came in."""
        return Counter(request.webhook_id for request in list(self.requests))

    def wait_for(self, count: int, seconds: float = 10) -> None:
        """Wait until so many requests came in."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count:
            assert time.monotonic() < deadline, f"{len(self.requests)} of {count} came"
            time.sleep(0.005)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._over = asyncio.Event()
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, backlog=1024
        )
        self.port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the sender hung up, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            pairs = (line.split(": ", 1) for line in lines)
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Request(first.split(" ")[1], headers, body, time.time())
            self.requests.append(request)
            await self.answer(request, writer)
            await writer.drain()
