"""How near estimates come to later prices, beside the best figures known.

Melbourne goes through the product: both public files loaded, `ausproperty backtest`
frozen and monthly. King County, whose layout no connector reads, goes to the model
alone, with its own columns. `BENCH_MELBOURNE` and `BENCH_KING_COUNTY` name files (the
first several, with a colon between), `BENCH_MELBOURNE_CUT` and `BENCH_KING_COUNTY_CUT`
days; unset, the shared data beside the checkout, cut so that its end judges. The best
known are of later cuts than those (2017-07-01, 2015-03-10): a ratio holds there alone.
"""

from __future__ import annotations

import datetime
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.report import Figure
from ml import features
from ml.backtest import backtest
from ml.training import TrainingPolicy

_SHARED = Path(__file__).parents[2] / "shared" / "data"
_MELBOURNE = ("MELBOURNE_HOUSE_PRICES_LESS*", "Melbourne_housing_FULL*")
_AUSPROPERTY = Path(sys.executable).with_name("ausproperty")
#: Best known: MdAPE, COD, PE10 in percent; width is the limit.
_BEST = {
    "frozen": {"mdape": 9.45, "cod": 12.5, "pe10": 52.3},
    "monthly": {"mdape": 8.8, "cod": 11.7, "pe10": 55.3, "width_80": 40.0},
    "king county": {"mdape": 7.7, "cod": 11.2, "pe10": 61.1, "width_80": 35.0},
}
_UNITS = {"pe10": "%", "mdape": "%", "cod": "", "width_80": "%"}
_M2_PER_SQFT = 0.09290304
#: What the county's assessor knows of a house and our catalogue does not.
_KING_COUNTY_NUMBERS = (
    "grade",
    "condition",
    "view",
    "waterfront",
    "floors",
    "sqft_above",
    "sqft_basement",
    "yr_renovated",
    "sqft_living15",
    "sqft_lot15",
)
_SEATTLE = (47.6062, -122.3321)


def measure() -> list[Figure]:
    """Melbourne frozen and monthly, King County frozen."""
    return [*_melbourne(), *_king_county()]


def _melbourne() -> list[Figure]:
    named = os.environ.get("BENCH_MELBOURNE")
    folder = _SHARED / "melbourne_housing"
    files = (
        [Path(name) for name in named.split(":")]
        if named
        else [found for glob in _MELBOURNE for found in sorted(folder.glob(glob))]
    )
    if not files:
        print(f"no Melbourne files in {folder}: not measured", file=sys.stderr)
        return []
    cut = os.environ.get("BENCH_MELBOURNE_CUT", "2017-05-01")
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {
            "AUSPROPERTY_HOME": home,
            "AUSPROPERTY_MARKET": "real",
            "AUSPROPERTY_DATABASE_URL": "",
        }
        del env["AUSPROPERTY_DATABASE_URL"]
        try:
            for file in files:
                words = ["run", "--csv", str(file), "--mapping", "melbourne"]
                _run(words, env)
            figures = []
            for track, more in (("frozen", []), ("monthly", ["monthly"])):
                answer = Path(home) / f"{track}.json"
                words = ["backtest", "--as-of", cut, "--json", str(answer)]
                walk = ["--walk-forward", *more] if more else []
                _run([*words, *walk], env)
                told = json.loads(answer.read_text(encoding="utf-8"))
                figures += _figures(f"Melbourne from {cut}, {track}", track, told)
        finally:
            subprocess.run(
                [str(_AUSPROPERTY), "db", "stop"],
                env=env,
                check=False,
                capture_output=True,
            )
    return figures


def _run(words: list[str], env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [str(_AUSPROPERTY), *words],
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}")


def _king_county() -> list[Figure]:
    named = os.environ.get("BENCH_KING_COUNTY")
    folder = _SHARED / "king_county"
    files = [Path(named)] if named else sorted(folder.glob("kc_house_data*"))
    if not files:
        print(f"no King County file in {folder}: not measured", file=sys.stderr)
        return []
    frame = king_county(files[0])
    cut = os.environ.get("BENCH_KING_COUNTY_CUT", "2015-01-10")
    policy = TrainingPolicy(extra_numbers=_KING_COUNTY_NUMBERS)
    found = backtest(frame, datetime.date.fromisoformat(cut), "frozen", policy)
    name = f"King County from {cut}, frozen"
    return _figures(name, "king county", found.measures())


def _figures(name: str, track: str, told: Mapping[str, Any]) -> list[Figure]:
    figures = []
    for measure, best in _BEST[track].items():
        value = float(told[measure])
        label = {"pe10": "PE10", "mdape": "MdAPE", "cod": "COD"}.get(measure, "width")
        peer = "limit" if measure == "width_80" else "best stack known"
        beside: dict[str, str] = {}
        if measure == "mdape":
            beside = {
                "sales": f"{int(told['n']):,}",
                "80 % covers": f"{told['coverage_80']:.1f} %",
                "width": f"{told['width_80']:.1f} %",
                "VEI": f"{told['vei']:+.1f}",
                "PRB": f"{told['prb']:+.3f}",
                "level": f"{told['median_ratio']:.3f}",
                "trained in": f"{told['fit_seconds']:.0f} s",
            }
        figures.append(
            Figure(f"{name}, {label}", value, _UNITS[measure], best, peer, beside)
        )
    return figures


def king_county(file: Path) -> pd.DataFrame:
    """The public file in the layout of ``ml.training_features``; dollars are US.

    Local prices are as dbt makes them: of whole months before the sale's.
    """
    raw = pd.read_csv(file)
    day = pd.to_datetime(raw["date"].str[:8], format="%Y%m%d")
    order = np.lexsort((raw["id"], day))
    raw, day = raw.iloc[order].reset_index(drop=True), day.iloc[order]
    day = day.reset_index(drop=True)
    north = (raw["lat"] - _SEATTLE[0]) * 111.2
    east = (raw["long"] - _SEATTLE[1]) * 111.2 * math.cos(math.radians(_SEATTLE[0]))
    postcode = raw["zipcode"].astype(str)
    frame = pd.DataFrame(
        {
            "sale_id": [f"{home}-{at}" for at, home in enumerate(raw["id"])],
            "price_aud": raw["price"].astype("float64"),
            "property_id": raw["id"].astype(str),
            "as_of_date": day,
            "is_simulated": False,
            "source": "king_county",
            "source_file": file.name,
            "source_row_number": order + 2,
            "state": "WA",
            "locality": "WA|" + postcode,
            "postcode": postcode,
            "dwelling_type": "house",
            "bedrooms": raw["bedrooms"],
            "bathrooms": raw["bathrooms"],
            "land_area_m2": raw["sqft_lot"] * _M2_PER_SQFT,
            "building_area_m2": raw["sqft_living"] * _M2_PER_SQFT,
            "year_built": raw["yr_built"],
            "latitude": raw["lat"],
            "longitude": raw["long"],
            "place_level": 0.0,
            "km_to_centre": np.hypot(north, east),
            "is_bid": 0.0,
            "month_index": (day.dt.year - 2000) * 12 + day.dt.month - 1,
            "month_of_year": day.dt.month,
        }
    )
    for name in _KING_COUNTY_NUMBERS:
        frame[name] = raw[name].astype("float64")
        if name.startswith("sqft_"):
            frame[name] = np.log1p(frame[name])
    frame["yr_renovated"] = frame["yr_renovated"].where(frame["yr_renovated"] > 0)
    frame = _with_local_prices(frame)
    for name in features.COLUMNS:
        if name not in frame:
            frame[name] = np.nan
    return frame


def _with_local_prices(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean log prices by postcode over 12 whole months before each sale's month."""
    log = np.log(frame["price_aud"])
    month = frame["month_index"]
    totals = log.groupby([frame["locality"], month]).agg(["sum", "size"])
    frame["suburb_type_log_price_12m"] = np.nan
    frame["suburb_type_sales_12m"] = 0.0
    for now in sorted(month.unique()):
        at = totals.index.get_level_values(1)
        before = totals[(at >= now - 12) & (at < now)].groupby(level=0).sum()
        rows = month == now
        place = frame.loc[rows, "locality"]
        mean = before["sum"] / before["size"]
        frame.loc[rows, "suburb_type_log_price_12m"] = place.map(mean)
        sales = place.map(before["size"]).fillna(0).astype("float64")
        frame.loc[rows, "suburb_type_sales_12m"] = sales
    last = frame.groupby("property_id")
    frame["last_price_log"] = np.log(last["price_aud"].shift())
    days = (frame["as_of_date"] - last["as_of_date"].shift()).dt.days
    frame["months_since_last_sale"] = days / 30.44
    return frame
