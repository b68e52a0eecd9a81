"""Contributions add up to the dollar, and belong to what made the difference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import explanation
from ml.explanation import GROUPS, MODEL, TIME, allotted, groups, shapley, why_changed
from ml.features import CATEGORIES, COLUMNS, NUMBERS

HOME: dict[str, Any] = {
    **dict.fromkeys(CATEGORIES, "A"),
    **dict.fromkeys(NUMBERS, 1.0),
}
#: One input of each group.
ONE_OF = {group: names[0] for group, names in groups().items()}


def model(weights: Mapping[str, float], tangle: float = 0.0, factor: float = 1.0):
    """A log price of what differs from HOME, with groups that work on each other."""

    def estimate(homes: Sequence[Mapping[str, Any]]) -> np.ndarray:
        logs = []
        for home in homes:
            moved = [
                weights.get(group, 0.0) * (home[name] != HOME[name])
                for group, name in ONE_OF.items()
            ]
            together = sum(moved) ** 2 if tangle else 0.0
            logs.append(math.log(700_000) + sum(moved) + tangle * together)
        return np.exp(logs) * factor

    return estimate


def moved(*parts: str) -> dict[str, Any]:
    other = {name: "B" if name in CATEGORIES else 2.0 for name in COLUMNS}
    return HOME | {ONE_OF[part]: other[ONE_OF[part]] for part in parts}


shares_of_groups = st.dictionaries(
    st.sampled_from(sorted(ONE_OF)), st.floats(-0.7, 0.7), max_size=len(ONE_OF)
)


def to_thousands(dollars: float) -> int:
    return round(dollars, -3).__int__()


@given(weights=shares_of_groups, tangle=st.floats(-0.3, 0.3))
def test_base_and_contributions_are_the_estimate(weights, tangle):
    ask = model(weights, tangle)
    home = moved(*weights)
    told = to_thousands(float(ask([home])[0]))
    found = explanation.explain(ask, HOME, home, told, "a home", to_thousands)
    assert found.base_aud == 700_000
    assert found.base_aud + sum(c.aud for c in found.contributions) == told
    for one in found.contributions:
        # What does not differ adds nothing, and what differs is named.
        assert bool(one.inputs) == (one.group in weights)
        assert one.inputs or one.aud == 0


@given(size=st.floats(-0.5, 0.5), tangle=st.floats(-0.3, 0.3), other=st.floats(-1, 1))
def test_what_works_alike_gets_the_same_and_what_does_nothing_gets_nothing(
    size, tangle, other
):
    weights = {"place": size, "type_and_land": size, TIME: 0.0, "own_past": other}
    shares, base, last = shapley(
        model(weights, tangle), HOME, moved(*weights), groups()
    )
    assert shares["place"] == pytest.approx(shares["type_and_land"], abs=1e-9)
    assert shares[TIME] == pytest.approx(0, abs=1e-9)
    assert shares["rooms_and_building"] == 0
    assert sum(shares.values()) == pytest.approx(math.log(last / base), abs=1e-9)
    dollars = allotted(shares, round(last) - round(base), base, last)
    assert abs(dollars["place"] - dollars["type_and_land"]) <= 1


def test_shares_are_means_over_every_order():
    # Rooms count double where there is land: half of the gain belongs to each.
    def estimate(homes):
        return np.exp(
            [
                0.2 * (h["bedrooms"] != 1) * (h["dwelling_type"] != "A")
                + 0.1 * (h["bedrooms"] != 1)
                for h in homes
            ]
        )

    home = HOME | {"bedrooms": 4.0, "dwelling_type": "house"}
    shares, _, _ = shapley(estimate, HOME, home, groups())
    assert shares["rooms_and_building"] == pytest.approx(0.2)
    assert shares["type_and_land"] == pytest.approx(0.1)


@given(
    shares=st.dictionaries(
        st.text(min_size=1, max_size=3), st.floats(-1, 1), min_size=1, max_size=7
    ),
    total=st.integers(-2_000_000, 2_000_000),
)
def test_whole_dollars_add_up_and_no_share_gets_none(shares, total):
    if not any(shares.values()):
        with pytest.raises(ValueError):
            allotted(shares, total or 1, 5e5, 6e5)
        return
    found = allotted(shares, total, 5e5, 6e5)
    assert sum(found.values()) == total
    assert all(found[name] == 0 for name, share in shares.items() if share == 0)


def test_every_input_belongs_to_one_group():
    found = [name for names in groups().values() for name in names]
    assert sorted(found) == sorted(COLUMNS)
    assert {n for names in GROUPS.values() for n in names} <= set(COLUMNS)


def test_a_new_model_and_new_facts_are_told_apart():
    ask = model({"rooms_and_building": 0.1}, factor=1.05)
    new = moved("rooms_and_building")
    parts = why_changed(ask, HOME, 700_000, new, 812_000, same_model=False)
    by_group = {one.group: one for one in parts}
    assert sum(one.aud for one in parts) == 112_000
    assert by_group[MODEL].aud == pytest.approx(112_000 * 0.0488 / 0.1488, rel=0.01)
    assert by_group["rooms_and_building"].inputs == (ONE_OF["rooms_and_building"],)
    # The same model, the same inputs: no news.
    assert why_changed(ask, HOME, 735_000, HOME, 735_000, same_model=True) == ()


@given(weights=shares_of_groups, old=st.integers(400_000, 900_000), same=st.booleans())
def test_a_change_is_told_to_the_dollar(weights, old, same):
    ask = model(weights)
    new_aud = round(float(ask([moved(*weights)])[0]), -3)
    parts = why_changed(ask, HOME, old, moved(*weights), int(new_aud), same_model=same)
    assert sum(one.aud for one in parts) == int(new_aud) - old


def test_the_typical_home_is_of_medians_and_common_names():
    homes = [
        HOME | {"bedrooms": float(n), "street": street, "land_area_m2": land}
        for n, street, land in [(2, "B", None), (3, "A", None), (7, "B", 500.0)]
    ]
    found = explanation.typical(homes)
    assert found["bedrooms"] == 3
    assert found["street"] == "B"
    assert found["land_area_m2"] is None
    assert set(found) == set(COLUMNS)
