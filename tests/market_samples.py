"""A small made-up market as feature rows, for tests of ml/ and expectations/.

Prices follow suburb level x dwelling type x size x market growth x noise, so a model
can learn them, and market statistics are those of the true levels plus a little noise.
"""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from ml.features import NUMBERS, PROPERTY_COLUMNS, TRAINING_COLUMNS

TYPES = np.array(["house", "townhouse", "unit"])
TYPE_LEVEL = np.array([0.0, -0.2, -0.45])
NAMESPACE = uuid.UUID("6f1c8a52-5b0e-4b07-9f55-0d2b6c8b4a11")


def feature_rows(
    count: int, seed: int = 7, suburbs: int = 40, noise: float = 0.12
) -> pd.DataFrame:
    """Rows in the layout of ml.training_features, over 24 months of 2022-23."""
    rng = np.random.default_rng(seed)
    suburb = rng.integers(0, suburbs, count)
    level = np.random.default_rng(1).normal(13.6, 0.35, suburbs)[suburb]
    kind = rng.choice(3, count, p=[0.5, 0.15, 0.35])
    bedrooms = np.clip(rng.poisson(2.6 - 0.5 * kind) + 1, 1, 6).astype(float)
    land = np.where(kind == 2, np.nan, rng.lognormal(6.2, 0.35, count))
    day = rng.integers(0, 730, count)
    as_of = np.datetime64("2022-01-01") + day.astype("timedelta64[D]")
    month = 264 + day // 30.5
    base = level + TYPE_LEVEL[kind] + 0.004 * (month - 264)
    size = 0.11 * (bedrooms - 3) + 0.12 * (np.nan_to_num(np.log(land), nan=6.2) - 6.2)
    price = np.exp(base + size + rng.normal(0, noise, count))
    own = rng.random(count) < 0.25
    last = np.where(own, np.log(price) - 0.1 + rng.normal(0, 0.08, count), np.nan)
    text = np.char.mod("%04d", 2000 + suburb)
    data: dict[str, Any] = {
        "sale_id": _ids("sale", count, seed),
        "price_aud": np.round(price, -3),
        "property_id": _ids("property", count, seed),
        "as_of_date": as_of.astype("datetime64[s]"),
        "is_simulated": True,
        "source": "csv",
        "source_file": "sample.csv",
        "source_row_number": np.arange(count) + 2,
        "state": "NSW",
        "locality": np.char.add("NSW|SUBURB ", text),
        "street": np.char.add("NSW|STREET ", np.char.mod("%d", np.arange(count) % 97)),
        "postcode": text,
        "dwelling_type": TYPES[kind],
        "zone_code": np.where(rng.random(count) < 0.1, None, "R2"),
        "region": "Sydney",
        "bedrooms": np.where(rng.random(count) < 0.1, np.nan, bedrooms),
        "bathrooms": np.clip(bedrooms - 1, 1, 4),
        "car_spaces": rng.integers(0, 3, count).astype(float),
        "land_area_m2": land,
        "building_area_m2": np.nan,
        "year_built": np.nan,
        "latitude": -33.8 + suburb / 100,
        "longitude": 151.0 + suburb / 100,
        "place_level": 0.0,
        "km_to_centre": suburb / 2.0,
        "is_strata": (kind == 2).astype(float),
        "has_unit_number": (kind == 2).astype(float),
        "unit_number": np.where(kind == 2, 1.0 + np.arange(count) % 30, np.nan),
        "street_number": 1.0 + np.arange(count) % 200,
        "is_bid": 0.0,
        "month_index": month,
        "month_of_year": month % 12 + 1,
        "suburb_type_log_price_12m": base - 0.024 + rng.normal(0, 0.02, count),
        "suburb_type_sales_12m": rng.poisson(12, count).astype(float),
        "suburb_log_price_12m": level + 0.004 * (month - 270),
        "postcode_type_log_price_12m": base - 0.024,
        "state_type_log_price_3m": 13.6 + TYPE_LEVEL[kind] + 0.004 * (month - 266),
        "state_type_change_12m": 0.048,
        "region_type_log_price_3m": 13.6 + TYPE_LEVEL[kind] + 0.004 * (month - 266),
        "suburb_type_log_price_decayed": base - 0.016,
        "suburb_type_weight_decayed": 6.0,
        "suburb_type_log_building_rate": np.nan,
        "suburb_type_log_land_rate": np.where(kind == 0, base - 6.2, np.nan),
        "building_log_price": np.nan,
        "building_weight": 0.0,
        "nearby_log_price": base - 0.016,
        "nearby_weight": 4.0,
        "nearby_log_building_rate": np.nan,
        "nearby_log_land_rate": np.where(kind == 2, np.nan, base - 6.2),
        "last_price_log": last,
        "months_since_last_sale": np.where(own, rng.integers(6, 120, count), np.nan),
        "last_price_indexed_log": last + 0.05,
        "last_bid_log": np.nan,
        "months_since_last_bid": np.nan,
        "asking_price_log": np.nan,
        "asking_is_range": np.nan,
        "days_on_market": np.nan,
        "cash_rate_pct": np.nan,
        "seifa_score": np.nan,
        "land_value_log": np.nan,
    }
    return pd.DataFrame(data).sort_values(["as_of_date", "sale_id"], ignore_index=True)


def _ids(kind: str, count: int, seed: int) -> list[str]:
    return [str(uuid.uuid5(NAMESPACE, f"{kind}{seed}-{i}")) for i in range(count)]


def load_features(
    connection: psycopg.Connection[Any], relation: str, frame: pd.DataFrame
) -> None:
    """Make (or replace) a feature table as dbt would and commit."""
    training = relation.endswith("training_features")
    columns = TRAINING_COLUMNS if training else PROPERTY_COLUMNS
    types = dict.fromkeys(columns, "text") | dict.fromkeys(NUMBERS, "double precision")
    types |= {"sale_id": "uuid", "property_id": "uuid", "as_of_date": "date"}
    types |= {"price_aud": "bigint", "source_row_number": "integer"}
    types["is_simulated"] = "boolean"
    listed = ", ".join(f"{name} {types[name]}" for name in columns)
    connection.execute(f"drop table if exists {relation}".encode())
    connection.execute(f"create table {relation} ({listed})".encode())
    rows = frame[list(columns)]
    if training:
        rows = rows.astype({"price_aud": "int64"})
    copy_in = f"copy {relation} from stdin (format csv)"
    with connection.cursor() as cursor, cursor.copy(copy_in.encode()) as copy:
        copy.write(rows.to_csv(index=False, header=False))
    connection.commit()
