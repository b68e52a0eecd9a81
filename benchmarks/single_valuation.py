"""One home valued on request, and many at once, by the model in compiled form.

Marts as dbt builds them, filled with a made-up country; features of its homes; a stack
trained on made-up sales. Asked one after the other for homes drawn at random: estimate,
three intervals, confidence and comparables, all from the database. The batch is from
model inputs to estimate and interval on one thread; its peer is scikit-learn's own
`predict` of the same saved model with the same interval after it.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from assets.champion import champion_version
from benchmarks.market_fill import fill
from benchmarks.processes import peak_mib
from benchmarks.query_catalogue import build_marts
from benchmarks.report import Figure
from database.catalogue import ask
from database.embedded import EmbeddedServer
from database.migrate import migrate
from ml import features, intervals, scoring
from ml.on_request import Valuer
from ml.registration import TrainingContext, train_and_register
from ml.threads import limited
from ml.tracking import CHAMPION, Registry
from tests.market_samples import feature_rows, load_features

HOMES, SALES, ASKED, ROWS = 20_000, 9_000, 400, 50_000
#: A home on request (ms, p99), and homes of a batch (a second and core).
LIMIT_MS, LIMIT_RATE = 20.0, 50_000.0

#: The country's properties and sales are drawn apart: the last sale is to be one.
_AGREE = """
update marts.properties set last_sale_date = contract_date,
    last_sale_price_aud = price_aud
from (
    select distinct on (property_id) property_id, contract_date, price_aud
    from marts.sales where is_market_sale
    order by property_id, contract_date desc
) as sold
where sold.property_id = properties.property_id
"""
_HOMES = """
select property_id::text, suburb_key as locality, dwelling_type, postcode, state,
    latitude, longitude, bedrooms, land_area_m2, source, source_file, source_row_number
from marts.properties where deleted_at is null order by property_id
"""


def measure() -> list[Figure]:
    """Milliseconds of one valuation, and homes valued a second."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)  # the server may run as another user
        server = EmbeddedServer(root / "postgres")
        try:
            url = server.ensure_database(server.ensure(), "benchmark")
            migrate(url)
            build_marts(url, root / "dbt", features=True)
            store = url.replace("postgresql:", "postgresql+psycopg2:")
            registry = Registry(
                f"{store}?options=-csearch_path%3Dmlflow", root / "artifacts"
            )
            with psycopg.connect(url, autocommit=True) as conn:
                fill(conn, HOMES)
                conn.execute(_AGREE)
                conn.execute("vacuum analyze marts.properties")
            with psycopg.connect(url) as conn:
                homes = _features(conn)
                load_features(conn, features.PROPERTY_RELATION, homes)
                conn.execute("create index on ml.property_features (property_id)")
                conn.execute("analyze ml.property_features")
                load_features(conn, features.TRAINING_RELATION, feature_rows(SALES))
                conn.execute("create index on ml.training_features (sale_id)")
                context = TrainingContext("benchmark", "simulated", "development")
                outcome = train_and_register(conn, registry, context)
                registry.set_alias(CHAMPION, outcome.version)
                conn.commit()
                valuer = Valuer(registry, ask, champion_version)
                ids = homes["property_id"].sample(ASKED, random_state=1).tolist()
                return [
                    _one(conn, valuer, ids),
                    _explained(conn, valuer, ids[:50]),
                    *_batch(registry, outcome.winner),
                ]
        finally:
            server.stop()


def _features(conn: psycopg.Connection[Any]) -> pd.DataFrame:
    """Features of the marts' homes: what the marts know, the rest made up."""
    with conn.cursor() as cursor:
        rows = cursor.execute(_HOMES).fetchall()
        known = pd.DataFrame(rows, columns=[c.name for c in cursor.description or ()])
    made = feature_rows(len(known), seed=8).drop(columns=list(known))
    newest = conn.execute("select max(known_on) + 1 from marts.sales").fetchone()
    day = pd.Timestamp(newest[0] if newest else "2024-01-01")
    return pd.concat([known, made.assign(as_of_date=day)], axis=1)


def _one(conn: psycopg.Connection[Any], valuer: Valuer, ids: list[str]) -> Figure:
    valuer.value(conn, ids[0])
    compared: list[int] = []

    def value(name: str) -> None:
        compared.append(len(valuer.value(conn, name).comparables))

    p50, p99, cpu = _percentiles(value, ids)
    beside = {
        "p50": f"{p50:.1f} ms",
        "our CPU p99": f"{cpu:.1f} ms",
        "comparables": f"{np.mean(compared):.1f}",
        "peak memory": peak_mib(),
    }
    return Figure("one home, p99", p99, "ms", LIMIT_MS, "limit", beside)


def _explained(conn: psycopg.Connection[Any], valuer: Valuer, ids: list[str]) -> Figure:
    p50, p99, _ = _percentiles(lambda name: valuer.value(conn, name, explain=True), ids)
    plain, _, _ = _percentiles(lambda name: valuer.value(conn, name), ids)
    beside = {"p99": f"{p99:.0f} ms"}
    return Figure("one home, explained", p50, "ms", plain, "not explained", beside)


def _percentiles(
    value: Callable[[str], object], ids: list[str]
) -> tuple[float, float, float]:
    """50th and 99th percentile of a call, and the 99th of our own CPU in it, in ms."""
    random.Random(1).shuffle(ids)
    spent, worked = [], []
    for name in ids:
        began, at_work = time.perf_counter(), time.process_time()
        value(name)
        spent.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - at_work))
    cuts = quantiles(spent, n=100, method="inclusive")
    return cuts[49], cuts[98], quantiles(worked, n=100, method="inclusive")[98]


def _batch(registry: Registry, winner: str) -> list[Figure]:
    import mlflow.pyfunc

    champion, reason = scoring.load_champion(registry)
    if champion is None:
        raise RuntimeError(reason)
    saved = mlflow.pyfunc.load_model(f"models:/{champion.version.model_id}")
    plain = saved.unwrap_python_model().model
    frame = features.model_inputs(feature_rows(ROWS, seed=9))
    # As in a scoring: homes of many suburbs, one day.
    frame["month_index"] = frame["month_index"].max()
    level = [name for name in features.NUMBERS if "_log_price_" in name]
    place = [frame["locality"], frame["dwelling_type"]]
    for name in (*level, "suburb_type_sales_12m"):
        frame[name] = frame.groupby(place)[name].transform("first")
    spread = intervals.IntervalModel.from_dict(champion.intervals)

    def rate(model: Any) -> float:
        began = time.perf_counter()
        estimate = np.asarray(model.predict(frame), dtype="float64")
        spread.bounds(frame, estimate)
        return ROWS / (time.perf_counter() - began)

    with limited(1):
        ours = max(rate(champion.model) for _ in range(3))
        theirs = max(rate(plain) for _ in range(2))
    beside = {"champion": winner, "rows": f"{ROWS:,}"}
    return [
        Figure("batch, a core", ours, "/s", theirs, "scikit-learn's predict", beside),
        Figure("batch, a core", ours, "/s", LIMIT_RATE, "target"),
    ]
