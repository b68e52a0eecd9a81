"""Valuations before they are written: what the suite `price_predictions` is asked.

Belongs here: putting each estimate beside what its own property last sold for. The
rules are `expectations.predictions`; the step that obeys them is `predictions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    import pandas as pd

    from expectations.runner import SuiteResult

#: Older sales say little of what a home is worth.
MONTHS = 60


def judge_valuations(conn: psycopg.Connection, valuations: pd.DataFrame) -> SuiteResult:
    """The suite's answer about valuations (`Scoring.valuations`)."""
    from expectations.runner import run_frame

    return run_frame(with_ratios(conn, valuations), "price_predictions")


def with_ratios(conn: psycopg.Connection, valuations: pd.DataFrame) -> pd.DataFrame:
    """The valuations with two columns more, both without a unit.

    `interval_ratio` is upper by lower bound; `last_sale_ratio` the estimate by the
    price of the property's own last market sale, missing where that is older than
    MONTHS or there is none.
    """
    import numpy as np
    import pandas as pd

    rows = conn.execute(
        "select property_id::text, last_price_log from ml.property_features "
        "where months_since_last_sale <= %s",
        [MONTHS],
    ).fetchall()
    sold = pd.Series(dict(rows), dtype="float64")
    last = np.exp(valuations["property_id"].astype(str).map(sold).astype("float64"))
    return valuations.assign(
        interval_ratio=valuations["high_aud"] / valuations["low_aud"].clip(lower=1),
        last_sale_ratio=valuations["estimate_aud"] / last,
    )
