"""Scoring part by part: what is skipped, refused and told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from delivery.events import check_body
from delivery.outbox import publish_predictions
from delivery.withdrawals import publish_withdrawals
from ml import features, predictions
from ml.scoring_run import ScoringRun
from ml.tracking import Registry
from tests.market_samples import feature_rows, load_features
from tests.scored_homes import LEVELS, homes, scalar

Conn = psycopg.Connection[Any]
Score = Callable[..., predictions.Written]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A registry that answers and has no champion: the fallback chain values."""
    folder = tmp_path_factory.mktemp("registry")
    made = Registry(f"sqlite:///{folder}/mlflow.db", folder / "artifacts")
    made.prepare()
    return made


@pytest.fixture
def score(conn: Conn, database_url: str, registry: Registry) -> Score:
    """Score these feature rows, all partitions committed with their events."""

    def run(rows: pd.DataFrame, partition_rows: int = 1_000) -> predictions.Written:
        load_features(conn, features.PROPERTY_RELATION, rows)
        conn.execute("drop table if exists marts.properties")
        conn.execute(
            "create table marts.properties as select property_id, state, 'X' as suburb,"
            " '1 HIGH ST' as address, postcode, null::timestamptz as deleted_at"
            " from ml.property_features"
        )
        conn.commit()
        written = predictions.Written()
        with (
            psycopg.connect(database_url) as reader,
            psycopg.connect(database_url) as lookups,
        ):
            scoring = ScoringRun(
                reader, lookups, registry, partition_rows=partition_rows
            )
            for partition in scoring.partitions():
                written += predictions.write_partition(conn, partition, "run")
                publish_predictions(conn)
                publish_withdrawals(conn)
                conn.commit()
        return written

    return run


def events(conn: Conn) -> list[tuple[str, dict[str, Any]]]:
    """All events in the order they were written, each held against its schema."""
    found = conn.execute(
        "select event_type, body from delivery.events order by occurred_at, event_id"
    ).fetchall()
    for event_type, body in found:
        check_body(event_type, body)
    return [(event_type, json.loads(body)["data"]) for event_type, body in found]


def test_only_what_changed_is_valued_again(conn: Conn, score: Score) -> None:
    rows = homes()
    assert score(rows).created == 60
    assert score(rows) == predictions.Written()

    # A day passes, and sums of floats end in other bits: nothing changed.
    later = rows.assign(as_of_date=rows["as_of_date"] + pd.Timedelta(days=1))
    later["suburb_log_price_12m"] *= 1 + 2e-16
    assert score(later) == predictions.Written()

    # Three homes learn of a bedroom: they alone are looked at, and worth the same.
    known = later.copy()
    known.loc[:2, "bedrooms"] = 9.0
    assert score(known) == predictions.Written(unchanged=3)
    kept = conn.execute(
        "select numbers[array_position(number_names, 'bedrooms')],"
        " previous_numbers[array_position(number_names, 'bedrooms')],"
        " categories[array_position(category_names, 'locality')]"
        " from ml.valued_inputs join ml.scorers using (scorer_id)"
        " where previous_numbers is not null order by property_id"
    ).fetchall()
    changed = known[:3].sort_values("property_id")
    before = rows.set_index("property_id")["bedrooms"].reindex(changed["property_id"])
    assert [row[0] for row in kept] == [9.0] * 3
    assert [row[1] for row in kept] == before.replace({np.nan: None}).tolist()
    assert [row[2] for row in kept] == changed["locality"].tolist()

    # The month passes: everybody is looked at.
    assert score(known.assign(month_index=300)).unchanged == 60

    # Another policy values anew.
    conn.execute("update ml.scoring_policy set value = 99 where name = 'thin_sales'")
    written = score(known.assign(month_index=300))
    assert written.updated + written.unchanged == 60
    assert (written.updated > 50, written.told) == (True, 0)
    assert score(known.assign(month_index=300)) == predictions.Written()


def test_inputs_are_kept_to_the_bit(conn: Conn, score: Score) -> None:
    rows = homes(20)
    score(rows)
    kept = conn.execute(
        "select property_id::text, numbers from ml.valued_inputs"
    ).fetchall()
    wanted = rows.set_index("property_id")[list(features.NUMBERS)]
    for property_id, numbers in kept:
        found = np.array(numbers, dtype="float64")
        assert np.array_equal(found, wanted.loc[property_id], equal_nan=True)


def test_partitions_are_of_one_state_and_of_so_many_rows(
    conn: Conn, database_url: str, registry: Registry
) -> None:
    rows = homes()
    rows["state"] = ["NSW"] * 25 + ["VIC"] * 30 + [None] * 5
    load_features(conn, features.PROPERTY_RELATION, rows)
    with psycopg.connect(database_url) as lookups:
        scoring = ScoringRun(conn, lookups, registry, partition_rows=20)
        found = [
            (part.market, part.number, len(part.frame), part.rows.count(b"\n"))
            for part in scoring.partitions()
        ]
    by_market = Counter[str]()
    for market, number, size, lines in found:
        assert size == lines <= 20
        by_market[market] += size
        assert number == 1 + sum(m == market and n < number for m, n, *_ in found)
    assert by_market == {"NSW": 25, "VIC": 30, "": 5}


def test_slow_drift_adds_up_until_it_is_told(conn: Conn, score: Score) -> None:
    rows = homes(4)
    score(rows)
    start = scalar(conn, "select min(told_estimate_aud) from ml.current_predictions")
    assert [kind for kind, _ in events(conn)] == ["prediction.created"] * 4

    # Half the interval is some 46 % of the estimate: moves below 2.3 % are noise.
    told = []
    for _month in range(6):
        rows[LEVELS] += 0.009
        written = score(rows)
        assert written.updated == 4, "every estimate is stored"
        told.append(written.told)
    assert told == [0, 0, 4, 0, 0, 4]
    updates = [data for kind, data in events(conn) if kind == "prediction.updated"]
    assert len(updates) == 8
    assert min(data["previous_estimate_aud"] for data in updates) == start
    for data in updates:
        grown = data["estimate_aud"] / data["previous_estimate_aud"]
        assert 1.023 < grown < 1.035
    assert scalar(conn, "select count(*) from ml.price_predictions") == 28
    assert scalar(conn, "select count(*) filter (where is_told) from"
                        " ml.price_predictions") == 12  # fmt: skip
    standing = scalar(
        conn,
        "select min(p.estimate_aud::float8 / told_estimate_aud) from"
        " ml.current_predictions join ml.price_predictions p using (prediction_id)",
    )
    assert standing == 1


def test_valuations_from_before_there_were_classes_are_not_told_anew(
    conn: Conn, score: Score
) -> None:
    rows = homes(4)
    score(rows)
    # As a migration leaves them: no class, no FSD, no inputs.
    conn.execute("update ml.price_predictions set fsd = null, confidence_class = null")
    conn.execute("update ml.current_predictions set told_class = null")
    conn.execute("truncate ml.valued_inputs")
    conn.commit()
    written = score(rows)
    assert (written.updated, written.told) == (4, 0)
    assert scalar(conn, "select min(told_class) from ml.current_predictions") == "E"


def test_policy_decides_what_noise_is(conn: Conn, score: Score) -> None:
    rows = homes(4)
    score(rows)
    conn.execute("update ml.scoring_policy set value = 0 where name like 'noise%'")
    rows[LEVELS] += 0.009
    assert score(rows).told == 4


def test_a_new_method_or_class_is_told_however_little_it_moves(
    conn: Conn, score: Score
) -> None:
    rows = homes(4)
    score(rows)
    rows.loc[:1, "last_price_indexed_log"] = rows[LEVELS[0]]
    rows.loc[:1, "months_since_last_sale"] = 12.0
    written = score(rows)
    assert (written.updated, written.told) == (2, 2)
    conn.execute("update ml.scoring_policy set value = 0.36 where name = 'class_d_fsd'")
    assert score(rows).told == 2, "local medians are class D now"
    kinds = Counter(
        (data["method"], data["confidence_class"]) for _, data in events(conn)
    )
    assert kinds == {
        ("local_median", "E"): 4,
        ("indexed_last_sale", "D"): 2,
        ("local_median", "D"): 2,
    }


def unsure(rows: pd.DataFrame) -> None:
    rows.loc[0, LEVELS[:3]] = np.nan
    rows.loc[0, "dwelling_type"] = "other"


def shapeless(rows: pd.DataFrame) -> None:
    sizes = ["bedrooms", "bathrooms", "land_area_m2", "building_area_m2"]
    rows.loc[0, sizes] = np.nan
    rows.loc[0, "dwelling_type"] = None


def alone(rows: pd.DataFrame) -> None:
    rows.loc[0, LEVELS] = np.nan


def stale(rows: pd.DataFrame) -> None:
    rows.loc[0, "state"] = "NT"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unsure, "too_uncertain"),
        (shapeless, "attributes_missing"),
        (alone, "no_comparables"),
        (stale, "stale_market"),
    ],
)
def test_a_refused_home_loses_its_estimate_and_consumers_are_told_why(
    conn: Conn, score: Score, change: Callable[[pd.DataFrame], None], reason: str
) -> None:
    sales = feature_rows(40)
    sales.loc[:19, "state"] = "NT"
    sales.loc[:19, "as_of_date"] = pd.Timestamp("2022-12-30")
    load_features(conn, features.TRAINING_RELATION, sales)
    good = homes(5)
    score(good)
    estimate = {data["property_id"]: data["estimate_aud"] for _, data in events(conn)}
    bad = good.copy()
    change(bad)
    home = bad["property_id"][0]

    assert score(bad).withdrawn == 1

    kind, data = events(conn)[-1]
    assert (kind, data["property_id"]) == ("prediction.withdrawn", home)
    assert (data["reason"], data["previous_estimate_aud"]) == (reason, estimate[home])
    standing = conn.execute(
        "select property_id::text, reason, detail, valuation_date from ml.refusals"
        " where ended_at is null"
    ).fetchall()
    assert standing == [(home, reason, data["detail"], date(2024, 2, 1))]
    assert scalar(conn, "select count(*) from ml.current_predictions") == 4

    # Refused again tomorrow: the refusal stands, and nobody hears of it twice.
    assert score(bad.assign(month_index=300)) == predictions.Written(unchanged=4)
    # It can be valued again: a first valuation, as consumers see it.
    written = score(good)
    assert (written.created, written.withdrawn) == (1, 0)
    kind, data = events(conn)[-1]
    assert (kind, data["property_id"]) == ("prediction.created", home)
    assert data["previous_estimate_aud"] is None
    ended = conn.execute("select reason, ended_at >= since from ml.refusals").fetchall()
    assert ended == [(reason, True)]
    # And refused once more: history grows.
    assert score(bad).withdrawn == 1
    assert scalar(conn, "select count(*) from ml.refusals") == 2
    assert len({data["property_id"] for _, data in events(conn)}) == 5
    assert Counter(kind for kind, _ in events(conn)) == {
        "prediction.created": 6,
        "prediction.withdrawn": 2,
    }


def test_a_home_never_valued_is_refused_in_silence(conn: Conn, score: Score) -> None:
    rows = homes(3)
    alone(rows)
    written = score(rows)
    assert (written.created, written.withdrawn, written.told) == (2, 0, 2)
    assert score(rows) == predictions.Written(), "refused homes are not asked again"
    # For another reason: the first refusal ends.
    shapeless(rows)
    assert score(rows) == predictions.Written()
    reasons = conn.execute(
        "select reason, ended_at is null from ml.refusals order by since"
    ).fetchall()
    assert reasons == [("no_comparables", False), ("attributes_missing", True)]
