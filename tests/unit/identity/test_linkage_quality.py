"""Precision and recall on the simulator's labelled set, as the product promises."""

from __future__ import annotations

from pathlib import Path

from benchmarks.labelled_set import gather, judge
from benchmarks.linkage_weights import fitted
from identity.linkage import engine, records
from identity.linkage.weights import WEIGHTS
from simulator.address_slips import RATES
from simulator.labelled_addresses import labelled_addresses


def test_precision_and_recall_hold_on_twenty_thousand_records(tmp_path: Path) -> None:
    # A seed that nothing was fitted to or chosen by.
    labelled = gather(labelled_addresses(101, 18_000))
    assert 18_000 < len(labelled.parts) < 25_000
    labelled.write(tmp_path / "records.csv", tmp_path / "truth.csv")
    duck = engine.open_duckdb(tmp_path, memory_mib=512)
    records.create_input(duck)
    engine.load_csv(duck, "addresses", tmp_path / "records.csv")
    engine.judge_all(duck)
    found = engine.resolve_homes(duck, engine.kept_edges(duck), {})
    duck.close()
    whole, residual = judge(labelled, {m.merged: m.survivor for m in found.merges})
    exact, _ = judge(labelled, {})
    assert whole.precision >= 0.995
    assert whole.recall >= 0.97
    # What the exact key leaves is the hard part, and not nothing.
    assert exact.recall < 0.92
    assert residual.precision >= 0.98
    assert residual.recall >= 0.7


def test_the_labelled_set_is_the_same_for_the_same_seed_and_shows_every_variant() -> (
    None
):
    first = list(labelled_addresses(2, 6_000))
    assert first == list(labelled_addresses(2, 6_000))
    assert first != list(labelled_addresses(4, 6_000))
    seen = {variant for address in first for variant in address.variants}
    assert seen == {variant for rates in RATES.values() for variant in rates}


def test_weights_fitted_anew_tell_the_same_as_those_in_use():
    _, found = fitted(homes=3_000)

    assert found.keys() == WEIGHTS.keys()
    for name, level in (("place", 0), ("distance", 0), ("title", 1)):
        assert found[name][level] > 0 < WEIGHTS[name][level], name
    for name, level in (("title", 3), ("distance", 4)):
        assert found[name][level] < 0 > WEIGHTS[name][level], name
