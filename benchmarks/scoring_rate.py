"""Valuing properties against the bare prediction, and writing them against a COPY.

Ours reads the features, names their snapshot, predicts, puts intervals and confidence
beside, rounds, finds what changed, writes it and points at it. The peers are the
model's own `predict` on a frame in memory, and a COPY of the finished rows into the
same table. A model of made-up sales, in a database of its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.processes import peak_mib
from benchmarks.report import Figure
from database.embedded import EmbeddedServer
from database.migrate import migrate
from ml import features, predictions, scoring
from ml.registration import TrainingContext, train_and_register
from ml.threads import limited
from ml.tracking import Registry
from tests.market_samples import feature_rows, load_features

SALES, PROPERTIES, ROUNDS = 20_000, 50_000, 3
_NEW = "ml.price_predictions where run_id = 'benchmark'"


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Properties valued, and written, a second."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)  # the server may run as another user
        server = EmbeddedServer(root / "postgres")
        try:
            url = server.ensure_database(server.ensure(), "benchmark")
            migrate(url)
            store = url.replace("postgresql:", "postgresql+psycopg2:")
            registry = Registry(
                f"{store}?options=-csearch_path%3Dmlflow", root / "artifacts"
            )
            with psycopg.connect(url) as conn:
                load_features(conn, features.TRAINING_RELATION, feature_rows(SALES))
                homes = feature_rows(PROPERTIES, seed=8)
                load_features(conn, features.PROPERTY_RELATION, homes)
                context = TrainingContext("benchmark", "simulated", "development")
                train_and_register(conn, registry, context)
                found = [_round(conn, registry) for _ in range(rounds)]
        finally:
            server.stop()
    scored, predicted, written, copied = (
        PROPERTIES / median(column) for column in zip(*found, strict=True)
    )
    beside = {"properties": f"{PROPERTIES:,}", "peak memory": peak_mib()}
    return [
        Figure("valued", scored, "/s", predicted, "predict alone", beside),
        Figure("written", written, "/s", copied, "bare COPY"),
    ]


def _round(
    conn: psycopg.Connection, registry: Registry
) -> tuple[float, float, float, float]:
    """Seconds to value, to predict alone, to write, to copy alone; all undone."""
    began = time.perf_counter()
    found = scoring.score_properties(conn, registry)
    scored = time.perf_counter() - began
    conn.rollback()
    champion, reason = scoring.load_champion(registry)
    if champion is None:
        raise RuntimeError(reason)
    inputs = features.model_inputs(features.read_property_features(conn))
    with limited(2):
        began = time.perf_counter()
        champion.model.predict(inputs)
        predicted = time.perf_counter() - began
    conn.rollback()
    began = time.perf_counter()
    predictions.write_predictions(
        conn, found.valuations, found.snapshot_id, "benchmark"
    )
    written = time.perf_counter() - began
    with conn.cursor().copy(f"copy (select * from {_NEW}) to stdout".encode()) as out:
        rows = b"".join(out)
    conn.rollback()
    began = time.perf_counter()
    with conn.cursor().copy("copy ml.price_predictions from stdin") as copy:
        copy.write(rows)
    copied = time.perf_counter() - began
    conn.rollback()
    return scored, predicted, written, copied
