"""Gates on listings, prices and valuations: good data passes, broken data is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import psycopg
import pytest

from assets.landing.domain_api import ingest_domain_listings
from assets.landing.price_texts import read_price_texts
from assets.landing.reaxml import ingest_reaxml
from assets.valuation_gate import with_ratios
from database.judged_batches import pending_batches, remember_judged
from expectations.runner import SuiteResult, run_frame, run_suite
from simulator.market import Market, MarketSize
from simulator.reaxml import write_drop
from tests.domain_server import SALE, api_of, domain_server
from tests.market_samples import feature_rows, load_features
from tests.reaxml_samples import FULL, drop, feed, record

Conn = psycopg.Connection[Any]


def broken(result: SuiteResult) -> list[str]:
    return sorted(rule.name for rule in result.failures("error"))


def odd(result: SuiteResult) -> list[str]:
    return sorted(rule.name for rule in result.failures("warn"))


def test_a_pull_of_domain_passes_until_it_is_broken(
    conn: Conn, database_url: str, tmp_path: Path
) -> None:
    with domain_server(homes=2500) as server:
        for query in (SALE, {"listingType": "Sold"}, {"listingType": "Rent"}):
            ingest_domain_listings(
                conn,
                api_of(server),
                [query],
                mode="full",
                landing=tmp_path,
                is_simulated=True,
                clock=server.domain.clock.moment,
            )
    read_price_texts(conn)
    conn.commit()
    texts = run_suite(database_url, "price_texts")
    assert texts.rows > 20
    assert (broken(texts), odd(texts)) == ([], [])
    good = run_suite(database_url, "raw_domain__listings")
    assert good.rows > 100
    assert (broken(good), odd(good)) == ([], [])

    conn.execute(
        "update raw.domain__listings set state = null, latitude = -33.8e6, "
        "price_from_aud = 900001, price_to_aud = 800001 where latitude <> 0"
    )
    conn.commit()
    result = run_suite(database_url, "raw_domain__listings")
    assert broken(result) == [
        "places_are_there_in_each_batch",
        "points_lie_in_australia_in_each_batch",
    ]
    assert odd(result) == ["price_bounds_are_in_order"]
    # File and line, and no price: an agency may withhold it.
    assert "900001" not in str(result)
    (found,) = result.failures("warn")
    assert set(found.sample[0]) == {"_source_file", "_row_number"}


def test_feeds_of_agencies_pass_until_they_are_broken(
    conn: Conn, database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "drop"
    write_drop(Market(MarketSize(homes=300)), folder, 20)
    ingest_reaxml(conn, folder, is_simulated=True, settle_seconds=0)
    conn.commit()
    good = run_suite(database_url, "raw_reaxml__listings")
    assert good.rows > 100
    assert (broken(good), odd(good)) == ([], [])

    bare = FULL.replace("<state>vic</state>", "").replace(">500000<", ">POA 512345 k<")
    late = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d-%H:%M:%S")
    drop(
        folder,
        "broken.xml",
        feed(*(record(bare, unique=f"U{n}", time=late) for n in range(40))),
    )
    ingest_reaxml(conn, folder, is_simulated=True)
    conn.commit()
    [(batch,)] = conn.execute(
        "select distinct _batch_id from raw.reaxml__listings "
        "where _source_file like '%broken.xml'"
    ).fetchall()
    result = run_suite(database_url, "raw_reaxml__listings", [batch])
    assert result.rows == 40
    assert broken(result) == [
        "addresses_name_a_place",
        "prices_are_read",
        "records_are_of_their_time",
    ]
    assert "512345" not in str(result)
    assert result.failures("error")[0].sample[0]["_source_file"].endswith("broken.xml")


def test_loads_are_judged_once(conn: Conn) -> None:
    def load(rows: int) -> Any:
        batch = uuid4()
        conn.execute(
            "insert into ops.source_files (file_id, source, table_name, batch_id, "
            "source_file, container_file, sha256, container_sha256, size_bytes, "
            "status, rows_read, rows_loaded, rows_repeated, rows_rejected, "
            "is_simulated) values (gen_random_uuid(), 'csv', 'raw.csv__sales', %s, "
            "'x.csv', 'x.csv', %s, %s, 1, 'loaded', %s, %s, 0, 0, true)",
            [batch, batch.hex * 2, batch.hex * 2, rows, rows],
        )
        return batch

    def pending(code: str = "rules") -> Any:
        return pending_batches(conn, "suite", "csv", "raw.csv__sales", code)

    def passed() -> None:
        remember_judged(conn, "suite", "csv", "raw.csv__sales", "rules")

    first = load(3)
    assert (set(pending().batches), pending().is_all) == ({first}, True)
    passed()
    assert pending().batches == ()
    second = load(5)
    assert (pending().batches, pending().is_all) == ((second,), False)
    passed()
    # A retry loaded more of the first file's rows; other rules judge all again.
    conn.execute(
        "update ops.source_files set rows_read = 4, rows_loaded = 4 "
        "where batch_id = %s",
        [first],
    )
    assert pending().batches == (first,)
    assert pending("other rules").is_all
    conn.execute(
        "update ops.source_files set discarded_at = now() where batch_id = %s", [first]
    )
    assert pending().batches == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("low_aud = 2, high_aud = 1", "bounds_are_in_order"),
        ("low_aud = null", "a_price_has_an_amount_and_words_have_none"),
        ("kind = 'withheld'", "a_price_has_an_amount_and_words_have_none"),
        ("confidence = 1.5", "confidence_within_bounds"),
        ("kind = 'guess'", "kind_is_known"),
    ],
)
def test_what_the_words_of_prices_say_is_judged(
    conn: Conn, database_url: str, change: str, rule: str
) -> None:
    from domain.price_text import read_price_text

    for text in ("$1.2M - $1.3M", "$950,000", "Contact agent", "Price withheld"):
        told = read_price_text(text)
        conn.execute(
            "insert into intermediate.int_price_text__parsed values "
            "(gen_random_uuid(), %s, %s, %s, %s, %s, 1)",
            [text, told.low, told.high, told.kind, told.confidence],
        )
    conn.commit()
    assert broken(run_suite(database_url, "price_texts")) == []
    conn.execute(
        f"update intermediate.int_price_text__parsed set {change} "
        "where price_text like '$1.2M%'"
    )
    conn.commit()
    result = run_suite(database_url, "price_texts")
    assert broken(result) == [rule]
    assert "1.2M" not in str(result)


_EVENT = {
    "record_key": "domain|1",
    "property_id": "00000000-0000-0000-0000-00000000000a",
    "event_date": "2024-03-01",
    "event_kind": "asking",
    "price_kind": "range",
    "price_aud": None,
    "price_low_aud": 800_000,
    "price_high_aud": 880_000,
    "confidence": 0.9,
    "said_by": "agency",
    "source": "domain",
    "source_record_id": "1",
    "known_at": "2024-03-01",
    "source_file": "page.json",
    "source_row_number": 7,
    "created_at": "2024-03-02",
    "is_simulated": True,
}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"price_low_aud": 900_000}, "bounds_are_in_order"),
        ({"price_low_aud": None, "price_high_aud": None}, "bounds_are_in_order"),
        ({"price_aud": 850_000}, "an_exact_price_is_one_figure"),
        ({"price_kind": "exact"}, ""),
        ({"price_kind": "search_bracket"}, "price_kind_is_known"),
        ({"event_kind": "listed"}, "event_kind_is_known"),
        ({"confidence": -0.1}, "confidence_within_bounds"),
        ({"known_to": "2024-02-01"}, "belief_ends_after_it_began"),
    ],
)
def test_price_events_of_listings_are_judged(
    conn: Conn, database_url: str, changes: dict[str, Any], rule: str
) -> None:
    def add(event: dict[str, Any]) -> None:
        names = ", ".join(event)
        values = ", ".join(f"%({name})s" for name in event)
        conn.execute(
            "insert into intermediate.int_listing__price_events "
            f"(price_event_id, {names}) values (gen_random_uuid(), {values})",
            event,
        )

    add(_EVENT)
    add(
        _EVENT
        | {"price_kind": "exact", "price_aud": 800_000, "price_high_aud": 800_000}
    )
    conn.commit()
    assert broken(run_suite(database_url, "price_events")) == []
    add(_EVENT | {"source_row_number": 8} | changes)
    conn.commit()
    result = run_suite(database_url, "price_events")
    assert broken(result) == ([rule] if rule else [])
    for found in result.failures("error"):
        assert found.sample[0]["source_row_number"] == 8


def valuations(rows: pd.DataFrame) -> pd.DataFrame:
    """Valuations as scoring gives them: each property at about its last price."""
    estimate = rows["price_aud"].astype("int64")
    return pd.DataFrame(
        {
            "property_id": rows["property_id"],
            "valuation_date": rows["as_of_date"].max(),
            "estimate_aud": estimate,
            "low_aud": (estimate * 0.8).astype("int64"),
            "high_aud": (estimate * 1.2).astype("int64"),
            "low_68_aud": (estimate * 0.9).astype("int64"),
            "high_68_aud": (estimate * 1.1).astype("int64"),
            "low_95_aud": (estimate * 0.6).astype("int64"),
            "high_95_aud": (estimate * 1.6).astype("int64"),
            "confidence": 0.7,
            "method": "model",
            "source_file": rows["source_file"],
            "source_row_number": rows["source_row_number"],
        }
    )


def test_valuations_are_judged_beside_what_their_homes_sold_for() -> None:
    rows = feature_rows(300)
    judged = with_ratios(valuations(rows), rows)
    recent = rows["months_since_last_sale"] <= 60
    assert judged["last_sale_ratio"].notna().sum() == recent.sum() > 20
    assert judged["last_sale_ratio"].median() == pytest.approx(1.1, abs=0.1)
    assert broken(run_frame(judged, "price_predictions")) == []

    # A model whose estimates are in thousands, as a broken feature once gave.
    thousands = valuations(rows)
    for name in [name for name in thousands.columns if name.endswith("_aud")]:
        thousands[name] = thousands[name] // 1000
    result = run_frame(with_ratios(thousands, rows), "price_predictions")
    assert broken(result) == [
        "estimate_aud_within_bounds",
        "last_sale_ratio_within_bounds",
    ]

    crossed = judged.assign(low_aud=judged["high_aud"])
    crossed.loc[:20, "interval_ratio"] = 30.0
    crossed.loc[3, "property_id"] = crossed.loc[4, "property_id"]
    result = run_frame(crossed, "price_predictions")
    assert broken(result) == [
        "estimate_aud_is_not_below_low_aud",
        "interval_ratio_within_bounds",
        "property_id_is_unique",
    ]


def test_broken_valuations_are_neither_written_nor_told(
    conn: Conn, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg

    from assets import keys, predictions
    from assets.resources import Warehouse

    for name, value in (("DATABASE_URL", database_url), ("HOME", str(tmp_path))):
        monkeypatch.setenv(f"AUSPROPERTY_{name}", value)
    good = feature_rows(200)
    good["as_of_date"] = good["as_of_date"].max()
    broken = good.copy()
    for name in good.columns[good.columns.str.contains("_log")]:
        broken[name] = np.log(np.exp(good[name]) / 10_000)
    load_features(conn, "ml.property_features", broken)
    conn.execute(
        "create table marts.properties as select property_id, '1 HIGH ST' as address, "
        "'PARRAMATTA' as suburb, 'NSW' as state, '2150' as postcode, "
        "null::timestamptz as deleted_at from ml.property_features"
    )
    conn.commit()

    def score() -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [predictions.score_properties],
            resources={"warehouse": Warehouse()},
            raise_on_error=False,
        )

    def counts() -> list[int]:
        with psycopg.connect(database_url) as reader:
            return [
                reader.execute(f"select count(*) from {table}").fetchone()[0]  # type: ignore[index]
                for table in ("ml.price_predictions", "delivery.events")
            ]

    refused = score()
    assert not refused.success
    (check,) = refused.get_asset_check_evaluations()
    assert (check.asset_key, check.passed) == (keys.PREDICTIONS, False)
    assert "Estimates lie between $1,000 and $1 bn." in str(check.description)
    assert refused.get_asset_materialization_events() == []
    assert counts() == [0, 0]

    load_features(conn, "ml.property_features", good)
    assert score().success, "nothing of the refused ones was remembered"
    assert counts() == [200, 200]
    again = score()
    assert again.success
    (check,) = again.get_asset_check_evaluations()
    assert check.passed
    assert check.metadata["status"].value == "unchanged"


def test_a_gate_asks_of_new_loads_alone(
    conn: Conn, database_url: str, tmp_path: Path
) -> None:
    from assets.landing.csv_files import ingest_csv
    from assets.quality import GATES, _judge

    (gate,) = (gate for gate in GATES if gate.suite == "raw_csv__sales")
    header = "Suburb,Address,Rooms,Type,Price,Method,SellerG,Date,Postcode"

    def land(name: str, rows: int) -> None:
        lines = [
            f"Abbotsford,{n} {name} St,3,h,900000,S,X,1/04/2017,3067"
            for n in range(1, rows + 1)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines, ""]))
        place = tmp_path / f"{name}.csv"
        ingest_csv(conn, place, "melbourne", landing=tmp_path, is_simulated=False)
        conn.commit()

    land("High", 30)
    answer, scope = _judge(conn, database_url, gate, "rules")
    assert (answer.rows, scope) == (30, "all loads")
    remember_judged(conn, gate.suite, gate.source, answer.table, "rules")
    conn.commit()
    land("Low", 25)
    answer, scope = _judge(conn, database_url, gate, "rules")
    assert (answer.rows, scope) == (25, "1 load not judged before")
    assert answer.passed
