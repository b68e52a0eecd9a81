"""Durable webhook delivery against a bare HTTP client posting the same bodies.

Both post to the same receiver (the simulator's consumer, which verifies signatures, in
a process of its own) in the same run, in turns, with the same number of connections.
The peer only posts what is signed already; ours claims, signs, posts, logs the attempt
and settles, durably. Publishing (bodies, events, deliveries, schema samples) is held
against a COPY of the rows it made. Figures are medians of the rounds.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, LiteralString

import psycopg

from benchmarks.processes import peak_mib
from benchmarks.report import Figure
from database.embedded import EmbeddedServer
from database.migrate import migrate
from delivery.endpoints import register_endpoint
from delivery.guard import parse_networks
from delivery.outbox import publish_predictions
from delivery.sender import Limits, run_drain
from delivery.signing import decode_secret, generate_secret, sign
from delivery.vault import Vault, generate_master_key

LOOPBACK = parse_networks(["127.0.0.0/8"])
VAULT = Vault([generate_master_key()])
ROUNDS, ROWS = 3, 20_000
CONNECTIONS = Limits().per_endpoint

_PROPERTIES = """
create table marts.properties as
select
    md5('property ' || i)::uuid as property_id,
    i || ' Example Street, PARRAMATTA NSW 2150' as address,
    'PARRAMATTA' as suburb, 'NSW' as state, '2150' as postcode
from generate_series(1, %(rows)s) as i
"""

_PREDICTIONS = """
insert into ml.price_predictions (
    prediction_id, property_id, valuation_date, estimate_aud, low_aud, high_aud,
    interval_pct, confidence, method, model_name, model_version, features_snapshot_id,
    source_file, source_row_number, is_simulated
)
select
    gen_random_uuid(), md5('property ' || i)::uuid, '2024-12-31', 500000 + i,
    400000 + i, 600000 + i, 80, 0.7, 'model', 'property_valuation', '1', 'snapshot',
    '20241230.zip/001.DAT', i, true
from generate_series(1, %(rows)s) as i
returning prediction_id, property_id, null::bigint as previous_estimate_aud
"""

_NEW_ROWS: dict[str, LiteralString] = {
    "delivery.events": "select e.* from delivery.events as e"
    " join delivery.deliveries as d using (event_id) where d.status = 'pending'"
    " order by event_id",
    "delivery.deliveries (event_id, endpoint_id)": "select event_id, endpoint_id"
    " from delivery.deliveries where status = 'pending' order by event_id",
}


def measure(rows: int = ROWS, rounds: int = ROUNDS) -> list[Figure]:
    """Deliveries and published events a second, and CPU microseconds a delivery."""
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)  # the server may run as another user
        server = EmbeddedServer(root / "postgres")
        secret = generate_secret(secrets.token_bytes)
        try:
            url = server.ensure_database(server.ensure(), "benchmark")
            migrate(url)
            with _consumer(root, secret) as sink:
                _prepare(url, sink, secret, rows)
                for _ in range(rounds):
                    for name, value in _round(url, sink, secret, rows).items():
                        figures.setdefault(name, []).append(value)
        finally:
            server.stop()
    found = {name: median(values) for name, values in figures.items()}
    beside = {"deliveries": f"{rows:,}", "peak memory": peak_mib()}
    client = "bare aiohttp client"
    return [
        Figure("delivered", found["durable"], "/s", found["bare"], client, beside),
        Figure("CPU a delivery", found["durable_cpu"], "us", found["bare_cpu"], client),
        Figure("published", found["published"], "/s", found["copied"], "bare COPY"),
    ]


@contextmanager
def _consumer(root: Path, secret: str) -> Iterator[str]:
    secret_file = root / "secret"
    secret_file.write_text(secret)
    arguments = ["--port=0", f"--secret-file={secret_file}", "--exit-with-stdin"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator.consumer", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield f"{ready['url']}/webhooks"
    finally:
        process.communicate()


def _prepare(url: str, sink: str, secret: str, rows: int) -> None:
    with psycopg.connect(url) as conn:
        conn.execute(_PROPERTIES % {"rows": rows})
        register_endpoint(
            conn,
            "benchmark",
            sink,
            vault=VAULT,
            secret=secret,
            allow_networks=LOOPBACK,
        )


def _round(url: str, sink: str, secret: str, rows: int) -> dict[str, float]:
    with psycopg.connect(url) as conn:
        conn.execute(
            "create temporary table new_predictions (prediction_id uuid,"
            " property_id uuid, previous_estimate_aud bigint)"
        )
        conn.execute(
            f"with new as ({_PREDICTIONS % {'rows': rows}})"
            " insert into new_predictions select * from new"
        )
        began = time.perf_counter()
        publish_predictions(conn)
        conn.commit()
        published = rows / (time.perf_counter() - began)
        copied = rows / _copy_again(conn)
        events = conn.execute(
            "select event_id, body from delivery.events"
            " join delivery.deliveries using (event_id) where status = 'pending'"
        ).fetchall()
    signed = _presign(secret, events)
    bare = _timed(lambda: _post_bare(sink, signed), rows)
    durable = _timed(lambda: _drain(url, rows), rows)
    return {
        "published": published,
        "copied": copied,
        "bare": bare[0],
        "bare_cpu": bare[1],
        "durable": durable[0],
        "durable_cpu": durable[1],
    }


def _copy_again(conn: psycopg.Connection) -> float:
    """Seconds of a COPY of the rows just published into the same tables, undone."""
    seconds = 0.0
    rows = {relation: _rows_of(conn, query) for relation, query in _NEW_ROWS.items()}
    conn.execute("delete from delivery.deliveries where status = 'pending'")
    conn.execute(
        "delete from delivery.events as e where not exists"
        " (select from delivery.deliveries as d where d.event_id = e.event_id)"
    )
    for relation, content in rows.items():
        began = time.perf_counter()
        with conn.cursor().copy(f"copy {relation} from stdin".encode()) as copy:
            copy.write(content)
        seconds += time.perf_counter() - began
    conn.rollback()
    return seconds


def _rows_of(conn: psycopg.Connection, query: LiteralString) -> bytes:
    with conn.cursor().copy(f"copy ({query}) to stdout".encode()) as copy:
        return b"".join(copy)


def _timed(work: Any, rows: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    cpu = time.process_time() - cpu
    return rows / (time.perf_counter() - wall), cpu / rows * 1e6


def _drain(url: str, rows: int) -> None:
    result = run_drain(url, vault=VAULT, allow_networks=LOOPBACK)
    if result.delivered != rows:
        raise RuntimeError(f"delivered {result.delivered} of {rows}: {result}")


def _presign(
    secret: str, events: list[tuple[str, str]]
) -> list[tuple[bytes, dict[str, str]]]:
    key, now = decode_secret(secret), int(time.time())
    ready = []
    for event_id, text in events:
        body = text.encode()
        headers = {
            "content-type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(key, event_id, now, body),
        }
        ready.append((body, headers))
    return ready


def _post_bare(sink: str, signed: list[tuple[bytes, dict[str, str]]]) -> None:
    """A plain aiohttp client on uvloop: posts what is signed, keeps nothing."""
    import aiohttp
    import uvloop

    left = iter(signed)

    async def post_all() -> None:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def slot() -> None:
                for body, headers in left:
                    async with session.post(sink, data=body, headers=headers) as answer:
                        await answer.read()
                        if answer.status >= 300:
                            raise RuntimeError(f"answered {answer.status}")

            await asyncio.gather(*(slot() for _ in range(CONNECTIONS)))

    uvloop.run(post_all())
