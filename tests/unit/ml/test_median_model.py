import json

import pandas as pd
import pytest

from ml.median_model import MedianModel


def place(
    locality: str | None, postcode: str, kind: str | None
) -> dict[str, str | None]:
    return {
        "state": "NSW",
        "locality": locality,
        "postcode": postcode,
        "dwelling_type": kind,
    }


SALES = pd.DataFrame(
    [place("A", "2000", "house")] * 3
    + [place("B", "2000", "house")] * 2
    + [place("C", "2001", "unit")] * 3
)
PRICES = pd.Series([100.0, 120, 140, 300, 300, 50, 60, 70]).to_numpy()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (place("A", "2000", "house"), 120),  # the suburb's own median
        (place("B", "2000", "house"), 140),  # two sales are too few: the postcode
        (place("Z", "2009", "unit"), 60),  # neither known: the state
        (place(None, "2000", "house"), 140),
        (place("A", "2000", None), 110),  # no type: everything
    ],
)
def test_the_narrowest_group_with_three_sales_speaks(
    where: dict[str, str | None], expected: float
) -> None:
    model = MedianModel().fit(SALES, PRICES)
    again = MedianModel.from_dict(json.loads(json.dumps(model.as_dict())))
    for fitted in (model, again):
        assert fitted.predict(pd.DataFrame([where], dtype=object)) == [expected]
