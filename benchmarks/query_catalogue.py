"""Each query of the catalogue against the time it may take, on a country's rows.

The marts are built by dbt, empty, and filled by `market_fill.py` in a database of its
own; or a database that has them is named in `QUERY_CATALOGUE_URL` and only read. One
connection asks every query with parameters sampled from the data, one after the other
in turns, as a reader would: times include sending and fetching. `HOMES` properties make
2.5 times as many sales; 4 million of them are the size of the promise
(`QUERY_CATALOGUE_HOMES=4000000`, 15 GB of disk, about half an hour).
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import psycopg

from assets.warehouse import dbt_connection
from benchmarks.market_fill import fill
from benchmarks.report import Figure
from database.catalogue import Query, load_queries, sample_parameters
from database.connections import connection_parts
from database.embedded import EmbeddedServer
from database.migrate import migrate

HOMES = int(os.environ.get("QUERY_CATALOGUE_HOMES", "100000"))
URL = os.environ.get("QUERY_CATALOGUE_URL")
SAMPLES = 200
#: p95 of each query (ms), promised for 10 million sales of 4 million properties.
LIMIT_MS = 10
_ROOT = Path(__file__).parents[1]


def measure(homes: int = HOMES, samples: int = SAMPLES) -> list[Figure]:
    """p95 of each query beside the limit; p50, the slowest and rows a page with it."""
    with _market(homes) as url, psycopg.connect(url, autocommit=True) as conn:
        size = conn.execute(
            "select reltuples::bigint from pg_class where oid = 'marts.sales'::regclass"
        ).fetchone()
        asked = {
            query: sample_parameters(conn, query, samples)
            for query in load_queries().values()
        }
        figures = [
            _figure(query, times, size[0] if size else 0)
            for query, times in _ask_in_turns(conn, asked, samples).items()
        ]
    return sorted(figures, key=lambda figure: -figure.ours)


def _ask_in_turns(
    conn: psycopg.Connection,
    asked: dict[Query, list[dict[str, object]]],
    samples: int,
) -> dict[Query, list[tuple[float, int]]]:
    """Seconds and rows of each call; the queries mixed, as readers mix them."""
    dice = random.Random(7)
    calls = [
        (query, given)
        for query, found in asked.items()
        # Where few are worth asking by (the largest suburbs), again and again.
        for given in (*found, *dice.choices(found, k=max(0, samples - len(found))))
    ]
    dice.shuffle(calls)
    times: dict[Query, list[tuple[float, int]]] = {query: [] for query in asked}
    for query, given in calls:
        start = time.perf_counter()
        rows = conn.execute(query.sql, given).fetchall()
        times[query].append((time.perf_counter() - start, len(rows)))
    return times


def _figure(query: Query, times: list[tuple[float, int]], sales: int) -> Figure:
    spent = sorted(1000 * seconds for seconds, _ in times)
    cut = quantiles(spent, n=20, method="inclusive") if len(spent) > 1 else spent * 20
    rows = sum(count for _, count in times) / max(1, len(times))
    return Figure(
        query.name,
        cut[-1],
        "ms p95",
        LIMIT_MS,
        "limit",
        {
            "p50": f"{cut[9]:.2f} ms",
            "slowest": f"{spent[-1]:.1f} ms",
            "rows": f"{rows:.0f}",
            "sales": f"{sales:,}",
        },
    )


@contextmanager
def _market(homes: int) -> Iterator[str]:
    if URL:
        yield URL
        return
    with tempfile.TemporaryDirectory() as temporary:
        # The server may run as another user, who must be able to pass through.
        base = Path(temporary)
        base.chmod(0o755)
        server = EmbeddedServer(base / "postgres")
        try:
            url = server.ensure_database(server.ensure(), "bench")
            migrate(url)
            build_marts(url, base / "dbt")
            with psycopg.connect(url) as conn:
                fill(conn, homes)
            yield url
        finally:
            server.stop()


def build_marts(url: str, folder: Path, *, features: bool = False) -> None:
    """Every mart, empty, as dbt makes it; the tables of features only if asked for."""
    from dbt.cli.main import dbtRunner

    os.environ.update(dbt_connection(connection_parts(url)))
    project = str(_ROOT / "dbt_project")
    answer = dbtRunner().invoke(
        [
            *("--quiet", "run"),
            *(() if features else ("--exclude", "tag:features")),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(folder), "--log-path", str(folder)),
        ]
    )
    if not answer.success:
        raise RuntimeError(f"dbt could not build the marts: {answer.exception}")
