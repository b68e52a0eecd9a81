"""A real HTTP server whose answers a test scripts, and that remembers what it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Request:
    """What arrived. `moment` is monotonic seconds."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    moment: float


@dataclass
class Reply:
    """What is sent. `raw` instead writes bytes to the socket as it likes."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut_at: int | None = None
    raw: Callable[[Callable[[bytes], None]], None] | None = None


@dataclass
class ScriptedServer:
    """`answer` decides each reply; `seen` grows by request."""

    answer: Callable[[Request], Reply] = field(default=lambda request: Reply())
    seen: list[Request] = field(default_factory=list)
    url: str = ""
    host: str = ""
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def script(self, *replies: Reply) -> None:
        """Answer with these in turn, the last one for ever."""
        queue = list(replies)
        self.answer = lambda _: queue.pop(0) if len(queue) > 1 else queue[0]

    def files(self, files: dict[str, bytes], etag: str = '"one"') -> None:
        """Serve files with ETag and ranges, as a good server does."""
        self.answer = lambda request: file_reply(files.get(request.path), request, etag)


def file_reply(body: bytes | None, request: Request, etag: str) -> Reply:
    """One file by the rules of RFC 9110: conditions, then ranges."""
    if body is None:
        return Reply(404, b"")
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    if request.headers.get("If-None-Match") == etag:
        return Reply(304, b"", headers)
    asked = request.headers.get("Range")
    if asked and request.headers.get("If-Range", etag) == etag:
        start = int(asked.removeprefix("bytes=").partition("-")[0])
        if start >= len(body):
            return Reply(416, b"", {**headers, "Content-Range": f"bytes */{len(body)}"})
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return Reply(206, body[start:], headers)
    return Reply(200, body, headers)


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """The server on a free port of the loopback, for the time of the block."""
    state = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 64 * 1024

        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                self.command,
                self.path,
                dict(self.headers),
                self.rfile.read(length),
                time.monotonic(),
            )
            with state.lock:
                state.seen.append(request)
                state.in_flight += 1
                state.most_in_flight = max(state.most_in_flight, state.in_flight)
                reply = state.answer(request)
            try:
                time.sleep(reply.seconds)
                self.write(reply)
            except OSError:
                self.close_connection = True
            finally:
                with state.lock:
                    state.in_flight -= 1

        def write(self, reply: Reply) -> None:
            if reply.raw is not None:
                self.close_connection = True
                reply.raw(self.connection.sendall)
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in reply.headers:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            body = reply.body
            if reply.cut_at is not None:
                body = body[: reply.cut_at]
                self.close_connection = True
            if reply.status != 304:
                self.wfile.write(body)

        def do_GET(self) -> None:
            self.respond()

        def do_POST(self) -> None:
            self.respond()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    state.host = f"127.0.0.1:{server.server_port}"
    state.url = f"http://{state.host}"
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
