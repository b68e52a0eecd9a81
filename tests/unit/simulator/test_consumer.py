from __future__ import annotations

import asyncio
import base64
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from standardwebhooks.webhooks import Webhook

from simulator.consumer import Consumer, main
from simulator.consumer_ledger import Faults, Ledger
from simulator.signatures import Verifier

CHECKOUT = Path(__file__).parents[3]
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def webhook(identity: str, body: str = '{"a":1}', extra: str = "") -> bytes:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign(identity, now, body)
    return (
        "POST /hooks HTTP/1.1\r\nHost: consumer\r\n"
        f"Webhook-Id: {identity}\r\nwebhook-timestamp: {int(now.timestamp())}\r\n"
        f"WEBHOOK-SIGNATURE: {signature}\r\n{extra}"
        f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
    ).encode()


def talk(
    conversation: Callable[
        [asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
    ],
    faults: Faults | None = None,
    seen_file: Path | None = None,
) -> Ledger:
    """Hold a conversation with a consumer over a real socket; returns its ledger."""
    ledger = Ledger(seen_file)

    async def run() -> None:
        luck = random.Random(1)
        verifier = Verifier([SECRET])
        server = await asyncio.get_running_loop().create_server(
            lambda: Consumer(verifier, ledger, faults or Faults(), luck),
            "127.0.0.1",
            0,
        )
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.wait_for(conversation(reader, writer), 10)
        finally:
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()

    asyncio.run(run())
    ledger.close()
    return ledger


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    size = 0
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            size = int(line.partition(":")[2])
    return int(head.split()[1]), await reader.readexactly(size)


def test_verified_duplicate_and_forged_requests_are_counted(tmp_path: Path) -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        forged = webhook("evt_3").replace(b'{"a":1}', b'{"a":2}')
        for request, status in (
            (webhook("evt_1"), 204),
            (webhook("evt_2"), 204),
            (webhook("evt_1"), 204),
            (forged, 400),
        ):
            writer.write(request)
            assert (await answer(reader))[0] == status
        writer.write(b"GET /stats HTTP/1.1\r\n\r\n")
        status, body = await answer(reader)
        stats = json.loads(body)
        assert status == 200
        assert time.time() - 60 < stats["first_at"] <= stats["last_at"]
        assert {name: stats[name] for name in ("received", "verified", "rejected")} == {
            "received": 4,
            "verified": 3,
            "rejected": 1,
        }
        assert (stats["duplicates"], stats["distinct"]) == (1, 2)

    seen = tmp_path / "seen"
    talk(conversation, seen_file=seen)
    assert seen.read_text().split() == ["evt_1", "evt_2", "evt_1"]


def test_pipelined_requests_are_answered_one_by_one() -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"".join(webhook(f"evt_{number}") for number in range(50)))
        writer.write(b"GET /healthz HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\n\r\n")
        statuses = [(await answer(reader))[0] for _ in range(52)]
        assert statuses == [204] * 51 + [404]

    assert talk(conversation).stats()["distinct"] == 50


def test_a_request_in_small_pieces_is_put_together() -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = webhook("evt_1")
        for start in range(0, len(request), 40):
            writer.write(request[start : start + 40])
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader))[0] == 204

    assert talk(conversation).verified == 1


def test_expect_continue_is_honoured() -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = webhook("evt_1", extra="Expect: 100-continue\r\n")
        head, _, body = request.partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert (await answer(reader))[0] == 100
        writer.write(body)
        assert (await answer(reader))[0] == 204

    talk(conversation)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_line_closed(
    request_bytes: bytes, status: int
) -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(request_bytes)
        assert (await answer(reader))[0] == status
        assert await reader.read() == b""

    talk(conversation)


def test_faults_fail_a_share_and_count_nothing_for_it() -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"".join(webhook(f"evt_{number}") for number in range(200)))
        statuses = Counter([(await answer(reader))[0] for _ in range(200)])
        assert set(statuses) == {204, 500, 429}
        assert 20 < statuses[500] < 60

    ledger = talk(conversation, Faults.parse(["500=0.2", "429=0.1"]))
    assert ledger.failed + ledger.verified == 200


def test_a_dropped_request_was_taken_in() -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(webhook("evt_1"))
        assert await reader.read() == b""

    assert talk(conversation, Faults.parse(["drop=1"])).verified == 1


def test_slow_answers_come_late_and_in_order() -> None:
    async def conversation(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        started = time.monotonic()
        writer.write(webhook("evt_1") + b"GET /none HTTP/1.1\r\n\r\n")
        assert (await answer(reader))[0] == 204
        assert (await answer(reader))[0] == 404
        assert time.monotonic() - started > 0.09

    talk(conversation, Faults.parse(["slow=0.05"]))


@pytest.mark.parametrize("word", ["500", "500=x", "200=0.1", "fast=1"])
def test_an_unknown_fault_is_refused_by_name(word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Faults.parse([word])


def test_a_missing_secret_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--secret-file", str(tmp_path / "none")])
    assert stop.value.code == 2
    assert "cannot read" in capsys.readouterr().err


def test_the_process_announces_itself_and_ends_with_its_parent(tmp_path: Path) -> None:
    secret, state = tmp_path / "secret", tmp_path / "state.json"
    secret.write_text(SECRET + "\n")
    command = [sys.executable, "-m", "simulator.consumer", "--exit-with-stdin"]
    command += ["--secret-file", str(secret), "--state-file", str(state)]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told == json.loads(state.read_text())
        assert told["pid"] == process.pid
        with urlopen(f"{told['url']}/stats") as response:
            assert json.load(response)["received"] == 0
        process.stdin.close()
        assert process.wait(10) == 0
