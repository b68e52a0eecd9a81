"""One home valued on request: the same bits as the batch, from marts that dbt built."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from typer.testing import CliRunner

import cli
from database.embedded import EmbeddedServer
from ml import features, scoring
from ml.intervals import IntervalModel
from ml.on_request import UnknownHome, estimates
from ml.registration import TrainingContext, train_and_register
from ml.tracking import CHAMPION, Registry
from tests.dbt_samples import DbtProject, plant
from tests.index_facts import fresh_database
from tests.valued_market import CHANGES, SCORES, Market, land_reference, sales, score


@pytest.fixture(scope="module")
def market(
    postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("on_request")
    with fresh_database(postgres) as url:
        plant(url, "csv__sales", *sales())
        land_reference(url, folder)
        dbt = DbtProject(url, folder / "dbt")
        dbt.run("run")
        store = url.replace("postgresql:", "postgresql+psycopg2:")
        registry = Registry(
            f"{store}?options=-csearch_path%3Dmlflow", folder / "artifacts"
        )
        with psycopg.connect(url) as conn:
            context = TrainingContext("abc123", "simulated", "development", "run-1")
            outcome = train_and_register(conn, registry, context)
            if outcome.champion is None:
                registry.set_alias(CHAMPION, outcome.version)
            conn.commit()
        scored = score(url, registry, write=True)
        yield Market(url, registry, dbt, scored)
    for name in set(os.environ) - set(before):
        del os.environ[name]


def test_a_home_is_valued_as_the_batch_values_it(market: Market):
    assert market.scored.by_method == {"model": len(market.scored.valuations)}
    valuer = market.valuer()
    with market.connect() as conn:
        for batch in market.scored.valuations.itertuples():
            one = valuer.value(conn, batch.property_id)
            assert one.estimate_aud == batch.estimate_aud
            assert one.intervals == {
                68: (batch.low_68_aud, batch.high_68_aud),
                80: (batch.low_aud, batch.high_aud),
                95: (batch.low_95_aud, batch.high_95_aud),
            }
            assert one.confidence == batch.confidence
            assert (one.fsd, one.confidence_class) == (
                batch.fsd,
                batch.confidence_class,
            )
            assert (one.extrapolation, one.thin_data) == (
                batch.extrapolation,
                batch.thin_data,
            )
            assert one.refused is None
            assert (one.method, one.model_version) == ("model", batch.model_version)
            assert one.valuation_date == batch.valuation_date.date()
            assert one.snapshot_id == market.scored.snapshot_id
            low = [one.intervals[pct][0] for pct in (68, 80, 95)]
            assert low == sorted(low, reverse=True)
            assert one.source_file == "sales.csv"


def test_training_batch_and_single_rows_are_equal_to_the_bit(market: Market):
    champion, _ = scoring.load_champion(market.registry)
    assert champion is not None
    with market.connect() as conn:
        conn.execute(
            "create table ml.again_training_features as "
            "select gen_random_uuid() as sale_id, 1 as price_aud, f.* "
            "from ml.property_features as f"
        )
        training = features.read_training_features(conn, "ml.again_training_features")
        batch = features.read_property_features(conn)
        homes = features.read_homes(conn, batch["property_id"].tolist())
    training = training.set_index("property_id").loc[batch["property_id"]]
    of_training, of_batch = map(features.model_inputs, (training, batch))
    rows = [homes[name] for name in batch["property_id"]]
    of_single = features.inputs_of(rows)
    for name in features.COLUMNS:
        for other in (of_training, of_single):
            assert _bits(of_batch[name]) == _bits(other[name]), name
    together = champion.model.predict(of_batch)
    assert np.array_equal(champion.model.predict(of_training), together)
    alone = np.concatenate([estimates(champion.model, [row]) for row in rows])
    assert np.array_equal(alone, together)
    spread = IntervalModel.from_dict(champion.intervals)
    widths = spread.half_width(of_batch, together)
    for at in range(0, len(rows), 11):
        one = spread.half_width(of_single.iloc[[at]], alone[[at]])
        assert one[0] == widths[at]


def test_features_know_what_reference_sets_had_said_before(market: Market):
    with market.connect() as conn:
        sales = features.read_training_features(conn)
        homes = features.read_property_features(conn)
    for frame in (sales, homes):
        days = [day.date() for day in frame["as_of_date"]]
        rates = [
            CHANGES[max(moved for moved in CHANGES if moved < day)] for day in days
        ]
        assert frame["cash_rate_pct"].tolist() == rates
        assert frame["seifa_score"].tolist() == [SCORES[p] for p in frame["postcode"]]
        assert frame["land_value_log"].isna().all()
    assert set(sales["cash_rate_pct"]) == set(CHANGES.values())


def test_a_sale_and_its_home_on_the_same_day_look_alike_to_the_bit(market: Market):
    """What SQL makes of a sale and of a home is one macro, and one value."""
    compiled = market.dbt.folder / "target" / "compiled"
    select = next(compiled.rglob("models/ml/property_features.sql")).read_text()
    with market.connect() as conn:
        sale = features.read_training_features(conn).tail(1)
        day = sale["as_of_date"].iloc[0].date()
        dated = select.replace("max(known_on) + 1", f"date '{day}'")
        assert dated != select
        conn.execute(f"create table ml.on_that_day as {dated}")
        (home,) = features.read_homes(
            conn, sale["property_id"].tolist(), "ml.on_that_day"
        ).values()
    inputs = features.model_inputs(sale)
    of_home = features.inputs_of([home])
    for name in features.COLUMNS:
        assert _bits(inputs[name]) == _bits(of_home[name]), name
    champion, _ = scoring.load_champion(market.registry)
    assert champion is not None
    assert champion.model.predict(inputs)[0] == estimates(champion.model, [home])[0]


def _bits(values: Any) -> list[Any]:
    return [
        None if value != value else value.hex() if isinstance(value, float) else value
        for value in values.tolist()
    ]


def test_comparables_are_earlier_sales_of_others_that_lead_to_the_home(market: Market):
    valuer = market.valuer()
    with market.connect() as conn:
        for batch in market.scored.valuations.iloc[::7].itertuples():
            found = valuer.value(conn, batch.property_id, explain=True)
            assert len(found.comparables) == 5
            for one in found.comparables:
                assert one.sale.property_id != batch.property_id
                assert one.sale.contract_date < found.valuation_date
                line = conn.execute(
                    "select sale_date, price_aud from raw.csv__sales "
                    "where _source_file = %s and _row_number = %s",
                    [one.sale.source_file, one.sale.source_row_number],
                ).fetchone()
                assert line == (one.sale.contract_date, one.sale.price_aud)
                # The model is not told the price that it is to explain.
                told_price = one.sale.inputs["last_price_log"]
                assert (
                    told_price is None
                    or abs(np.exp(told_price) - one.sale.price_aud) > 1
                )
                steps = sum(part.aud for part in one.adjustments)
                assert one.sale.price_aud + steps == one.adjusted_aud
                assert {why.reason for why in one.why} >= {"same_type", "months_before"}
            told = found.explanation
            assert told is not None
            assert told.reference.startswith("the typical house of ")
            parts = sum(part.aud for part in told.contributions)
            assert told.base_aud + parts == found.estimate_aud
            prices = sorted(one.adjusted_aud or 0 for one in found.comparables)
            assert 0.7 < prices[2] / (found.estimate_aud or 1) < 1.4


def test_another_champion_is_taken_and_none_is_survived(market: Market):
    valuer = market.valuer()
    home = market.scored.valuations["property_id"].iloc[0]
    version = market.scored.model_version
    assert version is not None
    with market.connect() as conn:
        loaded, _ = valuer.champion(conn)
        assert valuer.champion(conn)[0] is loaded
        try:
            market.registry._client.delete_registered_model_alias(
                "property_valuation", CHAMPION
            )
            conn.rollback()
            found = valuer.value(conn, home)
            assert found.method == "last_prediction"
            assert found.degraded == "property_valuation has no champion yet"
            assert (found.confidence or 1) < 0.9 * market.scored.valuations[
                "confidence"
            ].iloc[0] + 0.001
            without = score(market.url, market.registry, write=False).valuations
            batch = without.set_index("property_id").loc[home]
            assert found.estimate_aud == batch["estimate_aud"]
            assert found.intervals == {
                68: (batch["low_68_aud"], batch["high_68_aud"]),
                80: (batch["low_aud"], batch["high_aud"]),
                95: (batch["low_95_aud"], batch["high_95_aud"]),
            }
            assert found.confidence == batch["confidence"]
        finally:
            market.registry.set_alias(CHAMPION, version)
        conn.rollback()
        assert valuer.value(conn, home).method == "model"
        with pytest.raises(UnknownHome):
            valuer.value(conn, "00000000-0000-0000-0000-000000000001")


def test_what_the_batch_refuses_is_refused_here(market: Market):
    home = market.scored.valuations["property_id"].iloc[1]
    with market.connect() as conn:
        # Within one transaction that is rolled back: nobody else sees it.
        conn.execute(
            "update ml.scoring_policy set value = 0.001 where name = 'refuse_fsd'"
        )
        found = market.valuer().value(conn, home)
        conn.rollback()
    assert (found.refused, found.estimate_aud) == ("too_uncertain", None)
    assert "the fsd is above 0.001" in str(found.detail)
    assert found.comparables == ()


def test_why_an_estimate_changed_is_told_in_dollars(market: Market):
    valued = market.scored.valuations
    home, before = valued["property_id"].iloc[2], int(valued["estimate_aud"].iloc[2])
    with market.connect() as conn:
        first = market.valuer().value(conn, home, explain=True)
        assert first.change is None
        grow = "update ml.property_features set land_area_m2 = land_area_m2 + %s "
        grow += "where property_id = %s"
        conn.execute(grow, [300, home])
        conn.commit()
        try:
            score(market.url, market.registry, write=True)
            found = market.valuer().value(conn, home, explain=True)
        finally:
            conn.execute(grow, [-300, home])
            conn.commit()
            score(market.url, market.registry, write=True)
    told = found.change
    assert told is not None
    assert (told.before_aud, told.model_version) == (before, first.model_version)
    assert {part.group for part in told.parts} == {"type_and_land"}
    assert told.parts[0].inputs == ("land_area_m2",)
    assert told.before_aud + sum(part.aud for part in told.parts) == found.estimate_aud


def test_the_command_shows_what_an_estimate_rests_on(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUSPROPERTY_DATABASE_URL", market.url)
    monkeypatch.setenv("AUSPROPERTY_HOME", str(tmp_path))
    monkeypatch.setenv("AUSPROPERTY_MARKET", "real")
    # The command finds models where the home keeps them.
    batch = market.scored.valuations.iloc[3]
    file = tmp_path / "value.json"
    words = ["value", batch["property_id"], "--explain", "--json", str(file)]
    shown = CliRunner().invoke(cli.app, words)
    assert shown.exit_code == 0, shown.output
    told = json.loads(file.read_text())
    assert told["estimate_aud"] == batch["estimate_aud"]
    assert f"${batch['estimate_aud']:,}" in shown.output
    assert "Comparable sales (5)" in shown.output
    assert "80 %: $" in shown.output
    assert "sales.csv:" in shown.output
    assert "the typical house of" in shown.output
    assert f"version {batch['model_version']}" in shown.output
