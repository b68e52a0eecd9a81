"""Which sales explain an estimate, and their prices moved to the home and day."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest

from ml.comparables import AS_THE_MODEL_SEES, Sale, adjusted, choose, level_log
from ml.explanation import TIME
from ml.features import CATEGORIES, NUMBERS

DAY = date(2024, 6, 15)
HOME: dict[str, Any] = {
    **dict.fromkeys((*CATEGORIES, *NUMBERS), None),
    "dwelling_type": "house",
    "locality": "VIC|CARLTON",
    "street": "VIC|CARLTON|LYGON",
    "latitude": -37.8,
    "longitude": 144.97,
    "bedrooms": 3.0,
    "land_area_m2": 400.0,
}


def sale(name: str, sold: date = date(2024, 3, 15), **of: Any) -> Sale:
    known = of.pop("known_on", sold)
    return Sale(
        name, name, sold, known, of.pop("price_aud", 1_000_000), "csv", "sales.csv", 7,
        HOME | of, of.pop("level", 0.0),
    )  # fmt: skip


def model(homes: Sequence[Mapping[str, Any]]) -> np.ndarray:
    return np.array(
        [400_000 * h["bedrooms"] * (h["land_area_m2"] / 400) ** 0.3 for h in homes]
    )


def names(sales: Sequence[Sale], **options: Any) -> list[str]:
    return [one.sale.property_id for one in choose(HOME, "me", DAY, sales, **options)]


def test_likest_first():
    far = sale("far", latitude=-37.83)
    old = sale("old", date(2023, 7, 1))
    large = sale("large", bedrooms=6.0)
    like = sale("like")
    assert names([far, old, large, like])[0] == "like"
    assert len(names([far, old, large, like], count=2)) == 2


def test_what_a_valuation_could_not_have_known_is_no_comparable():
    own = sale("me")
    assert names([own, sale("me", DAY), sale("me", date(2025, 1, 1))]) == []
    assert names([sale("that day", DAY)]) == []
    assert names([sale("later", date(2024, 7, 1))]) == []
    assert names([sale("not yet known", date(2024, 6, 1), known_on=DAY)]) == []
    assert names([sale("a flat", dwelling_type="unit")]) == []


def test_reasons_are_for_machines_and_true():
    (one,) = choose(HOME, "me", DAY, [sale("a", latitude=-37.8036, bedrooms=4.0)])
    why = {reason.reason: reason.value for reason in one.why}
    assert why["same_street"] is None
    assert why["km_away"] == pytest.approx(0.40)
    assert why["months_before"] == pytest.approx(3.0)
    assert why["more_bedrooms"] == 1
    assert why["land_area_m2_pct"] == 0
    assert "more_bathrooms" not in why
    (unplaced,) = choose(HOME, "me", DAY, [sale("b", latitude=None, street=None)])
    assert unplaced.km is None
    assert {reason.reason for reason in unplaced.why} >= {"same_suburb", "same_type"}


@pytest.mark.parametrize("by_group", [True, False])
def test_adjustments_lead_from_the_price_to_the_home_and_day(by_group: bool):
    sold = sale("a", price_aud=1_234_567, bedrooms=4.0, land_area_m2=500.0, level=6.0)
    chosen = choose(HOME, "me", DAY, [sold])
    (one,) = adjusted(HOME, 6.05, chosen, model, by_group=by_group)
    ratio = float(model([HOME])[0] / model([sold.inputs])[0])
    assert one.adjusted_aud == round(1_234_567 * math.exp(0.05) * ratio)
    parts = {part.group: part for part in one.adjustments}
    assert sum(part.aud for part in one.adjustments) == one.adjusted_aud - 1_234_567
    assert parts[TIME].aud > 0
    if by_group:
        assert parts["rooms_and_building"].inputs == ("bedrooms",)
        assert parts["type_and_land"].aud < 0
    else:
        assert parts[AS_THE_MODEL_SEES].aud < 0


def test_a_comparable_that_sold_for_its_estimate_says_the_estimate():
    sold = sale("a", price_aud=1_600_000, bedrooms=4.0)
    (one,) = adjusted(HOME, 0.0, choose(HOME, "me", DAY, [sold]), model)
    assert one.adjusted_aud == round(float(model([HOME])[0]))


def test_without_an_index_time_is_left_alone():
    (one,) = adjusted(HOME, None, choose(HOME, "me", DAY, [sale("a")]), model)
    assert [part.aud for part in one.adjustments] == [0]


def test_a_level_is_of_the_month_or_the_last_that_was_known():
    path = {"first_month": 290, "index_hundredths": [10_000, None, 11_000]}
    assert level_log(path, date(2024, 3, 9), None) == pytest.approx(math.log(100))
    assert level_log(path, date(2024, 4, 9), None) == pytest.approx(math.log(100))
    assert level_log(path, date(2024, 9, 9), None) == pytest.approx(math.log(110))
    assert level_log(path, date(2024, 1, 9), 1.5) == 1.5
    assert level_log(None, date(2024, 1, 9), None) is None
