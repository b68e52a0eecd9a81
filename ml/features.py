"""What the model may look at: every feature's name, kind, unit and as-of rule.

Here: the feature catalogue, reading the two feature tables, and the snapshot id that
names their content. Elsewhere: the SQL that computes them (``dbt_project/``).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import psycopg

Kind = Literal["category", "number"]

TRAINING_RELATION = "ml.training_features"
PROPERTY_RELATION = "ml.property_features"

_AT_DATE = "attribute of the dwelling as recorded by as_of_date"
_MONTHS = "sales of whole months before the month of as_of_date"
_NEARBY = (
    "sales of whole months before the month of as_of_date, about a place known by then"
)
_LISTING = "said and known before as_of_date, of a listing still open then"
# No statistic of the market: what the home itself fetched is part of it.
_BUILDING = "sales at its number in the street of whole months before as_of_date's"
_OWN = "the property's own sales strictly before as_of_date"
_BIDS = "bids for the property strictly before as_of_date"
_PLACE = (
    "attribute of the dwelling; its street and suburb as known in whole months before"
)

_RATE = "in force the day before as_of_date; unknown 45 days after the newest release"
_SEIFA = "newest edition published before as_of_date"
_LAND = "newest base date (1 July) more than 7 months before as_of_date"


@dataclass(frozen=True)
class Feature:
    """One model input: the unit of the stored value and what it may know."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    as_of: str


FEATURES: tuple[Feature, ...] = (
    Feature("state", "category", "code", "state or territory, as NSW", _AT_DATE),
    Feature("locality", "category", "key", "suburb key, as NSW|PARRAMATTA", _AT_DATE),
    Feature("street", "category", "key", "as VIC|CARLTON|LYGON", _AT_DATE),
    Feature("postcode", "category", "text", "four-digit postcode", _AT_DATE),
    Feature(
        "dwelling_type",
        "category",
        "code",
        "house, townhouse, unit, land or other",
        _AT_DATE,
    ),
    Feature("zone_code", "category", "code", "planning zone, as R2", _AT_DATE),
    Feature("region", "category", "text", "region named by the source", _AT_DATE),
    Feature("bedrooms", "number", "rooms", "bedrooms", _AT_DATE),
    Feature("bathrooms", "number", "rooms", "bathrooms", _AT_DATE),
    Feature("car_spaces", "number", "spaces", "car spaces", _AT_DATE),
    Feature("land_area_m2", "number", "m2", "land area", _AT_DATE),
    Feature("building_area_m2", "number", "m2", "building area", _AT_DATE),
    Feature("year_built", "number", "year", "year of construction", _AT_DATE),
    Feature(
        "latitude",
        "number",
        "degrees",
        "latitude, GDA2020: own, else the street's, else the suburb's mean",
        _PLACE,
    ),
    Feature("longitude", "number", "degrees", "longitude, likewise", _PLACE),
    Feature(
        "place_level",
        "number",
        "0, 1 or 2",
        "whose coordinates they are: the home's own, its street's, its suburb's",
        _PLACE,
    ),
    Feature("km_to_centre", "number", "km", "distance to the state's capital", _PLACE),
    Feature("is_strata", "number", "0 or 1", "lot of a strata plan", _AT_DATE),
    Feature("has_unit_number", "number", "0 or 1", "address names a unit", _AT_DATE),
    Feature("unit_number", "number", "number", "as 12 of 12A", _AT_DATE),
    Feature("street_number", "number", "number", "as 19 of 19-21", _AT_DATE),
    Feature(
        "is_bid",
        "number",
        "0 or 1",
        "the price is a bid that was not accepted; always 0 where one is estimated",
        "as_of_date itself",
    ),
    Feature(
        "month_index", "number", "months", "months since 2000-01", "as_of_date itself"
    ),
    Feature(
        "month_of_year", "number", "1 to 12", "season of the sale", "as_of_date itself"
    ),
    Feature(
        "suburb_type_log_price_12m",
        "number",
        "ln AUD",
        "mean log price in the suburb and dwelling type, last 12 months",
        _MONTHS,
    ),
    Feature(
        "suburb_type_sales_12m",
        "number",
        "sales",
        "sales behind suburb_type_log_price_12m",
        _MONTHS,
    ),
    Feature(
        "suburb_log_price_12m",
        "number",
        "ln AUD",
        "mean log price in the suburb, last 12 months",
        _MONTHS,
    ),
    Feature(
        "postcode_type_log_price_12m",
        "number",
        "ln AUD",
        "mean log price in the postcode and dwelling type, last 12 months",
        _MONTHS,
    ),
    Feature(
        "state_type_log_price_3m",
        "number",
        "ln AUD",
        "mean log price in the state and dwelling type, last 3 months",
        _MONTHS,
    ),
    Feature(
        "state_type_change_12m",
        "number",
        "ln ratio",
        "change of the state and type's 3-month level over a year",
        _MONTHS,
    ),
    Feature(
        "region_type_log_price_3m",
        "number",
        "ln AUD",
        "the 3-month level in the source's region, from 10 sales on",
        _MONTHS,
    ),
    Feature(
        "suburb_type_log_price_decayed",
        "number",
        "ln AUD",
        "mean log price in the suburb and type, halved every 6 months",
        _MONTHS,
    ),
    Feature(
        "suburb_type_weight_decayed",
        "number",
        "sales",
        "weight behind it, in sales of the month itself",
        _MONTHS,
    ),
    Feature(
        "suburb_type_log_building_rate",
        "number",
        "ln AUD/m2",
        "the same of prices per m2 of building area",
        _MONTHS,
    ),
    Feature(
        "suburb_type_log_land_rate",
        "number",
        "ln AUD/m2",
        "the same of prices per m2 of land, of houses and land",
        _MONTHS,
    ),
    Feature(
        "building_log_price",
        "number",
        "ln AUD",
        "the same at the home's street number: its building, or itself",
        _BUILDING,
    ),
    Feature(
        "building_weight",
        "number",
        "sales",
        "weight behind it, in sales of the month itself",
        _BUILDING,
    ),
    Feature(
        "nearby_log_price",
        "number",
        "ln AUD",
        "mean log price within 1 km, nearer and newer ones weighing more",
        _NEARBY,
    ),
    Feature(
        "nearby_weight",
        "number",
        "sales",
        "weight behind it, in sales of the month next door",
        _NEARBY,
    ),
    Feature(
        "nearby_log_building_rate",
        "number",
        "ln AUD/m2",
        "the same of prices per m2 of building area",
        _NEARBY,
    ),
    Feature(
        "nearby_log_land_rate",
        "number",
        "ln AUD/m2",
        "the same of prices per m2 of land, of houses and land",
        _NEARBY,
    ),
    Feature("last_price_log", "number", "ln AUD", "log of the last price paid", _OWN),
    Feature(
        "months_since_last_sale", "number", "months", "time since the last sale", _OWN
    ),
    Feature(
        "last_price_indexed_log",
        "number",
        "ln AUD",
        "last price moved by the state and type monthly index",
        f"{_OWN}; index of {_MONTHS}",
    ),
    Feature("last_bid_log", "number", "ln AUD", "log of the newest bid refused", _BIDS),
    Feature("months_since_last_bid", "number", "months", "time since that bid", _BIDS),
    Feature(
        "asking_price_log",
        "number",
        "ln AUD",
        "log of the middle of the price last asked",
        _LISTING,
    ),
    Feature(
        "asking_is_range",
        "number",
        "0 or 1",
        "that price is a guide, a range or a bound",
        _LISTING,
    ),
    Feature(
        "days_on_market",
        "number",
        "days",
        "days since the home was listed",
        _LISTING,
    ),
    Feature("cash_rate_pct", "number", "% a year", "the RBA's cash rate target", _RATE),
    Feature("seifa_score", "number", "score", "SEIFA IRSAD of the postcode", _SEIFA),
    Feature(
        "land_value_log",
        "number",
        "ln AUD",
        "log of the NSW Valuer General's value of the land, of homes alone on a parcel",
        _LAND,
    ),
)

CATEGORIES: tuple[str, ...] = tuple(f.name for f in FEATURES if f.kind == "category")
NUMBERS: tuple[str, ...] = tuple(f.name for f in FEATURES if f.kind == "number")
COLUMNS: tuple[str, ...] = CATEGORIES + NUMBERS

_IDS = ("property_id", "as_of_date", "is_simulated", "source", "source_file")
_LINEAGE_AND_IDS = (*_IDS, "source_row_number")
#: The column that tells the season.
SEASON = "month_of_year"
#: Columns that say when, or what kind of price, and nothing of the home.
NOT_OF_THE_HOME = frozenset({"month_index", SEASON, "is_bid", "cash_rate_pct"})
#: Columns that tell what others paid: of a place and type, not of the home.
MARKET_STATISTICS = frozenset(f.name for f in FEATURES if f.as_of in (_MONTHS, _NEARBY))
#: Which sale a training row is, back to the line it came from.
LINEAGE = ("sale_id", "property_id", "source", "source_file", "source_row_number")
PROPERTY_COLUMNS: tuple[str, ...] = (*_LINEAGE_AND_IDS, *COLUMNS)
TRAINING_COLUMNS: tuple[str, ...] = ("sale_id", "price_aud", *PROPERTY_COLUMNS)


def read_training_features(
    connection: psycopg.Connection[Any], relation: str = TRAINING_RELATION
) -> pd.DataFrame:
    """Read every training row; ``price_aud`` is float AUD, ids are text.

    Ordered by as_of_date then sale_id, so that equal content trains the equal model.
    """
    order = ("as_of_date", "sale_id")
    return _read(connection, relation, TRAINING_COLUMNS, order, ("price_aud",))


def read_property_features(
    connection: psycopg.Connection[Any], relation: str = PROPERTY_RELATION
) -> pd.DataFrame:
    """Read every active property as of the valuation date, ordered by property_id."""
    return _read(connection, relation, PROPERTY_COLUMNS, ("property_id",), ())


def read_homes(
    connection: psycopg.Connection[Any],
    ids: Sequence[Any],
    relation: str = PROPERTY_RELATION,
    key: str = "property_id",
) -> dict[str, dict[str, Any]]:
    """The rows of some active properties by id (text), as the table has them.

    Or of some sales, of the training table by ``sale_id``. Values are equal to those
    that :func:`read_property_features` gives; None is missing.
    """
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_homes_query(relation, key), [list(ids)]).fetchall()
    return {str(row[key]): row for row in rows}


@cache
def _homes_query(relation: str, key: str) -> bytes:
    from psycopg import sql

    query = sql.SQL("select {} from {} where {} = any(%s)").format(
        sql.SQL(", ").join(
            map(sql.Identifier, dict.fromkeys((key, *PROPERTY_COLUMNS)))
        ),
        sql.Identifier(*relation.split(".")),
        sql.Identifier(key),
    )
    return query.as_bytes(None)


def snapshot_id(connection: psycopg.Connection[Any], relation: str) -> str:
    """Name of a feature table's content: equal rows in any order give the equal id.

    Sums of row hashes do not depend on row order. Fractions enter with the precision
    of ``real``: sums of floats may differ in the last bits from one build of the same
    data to the next, and that must not look like new data.
    """
    from psycopg import sql

    training = relation.endswith("training_features")
    columns = TRAINING_COLUMNS if training else PROPERTY_COLUMNS
    parts = [
        sql.SQL("{}::real" if name in NUMBERS else "{}").format(sql.Identifier(name))
        for name in columns
    ]
    # (MD5 of the row as text took three times as long: most of a minute for a country.)
    # A row's hash is a sum over its columns: hashed once more, or values that change
    # places between rows would leave the total as it was.
    query = sql.SQL(
        """
        select count(*), sum(hashtextextended(hash::text, 0)),
               sum(hashtextextended(hash::text, 1))
        from (
            select hash_record_extended(row({columns}), 0) as hash from {relation}
        ) as hashed
        """
    ).format(
        columns=sql.SQL(", ").join(parts),
        relation=sql.Identifier(*relation.split(".")),
    )
    row = connection.execute(query).fetchone()
    if row is None or not row[0]:
        return "empty"
    words = (int(row[0]), int(row[1]), int(row[2]))
    return f"{words[0]:x}-" + "".join(f"{word % 2**64:016x}" for word in words[1:])


def model_inputs(
    frame: pd.DataFrame, extra_numbers: Sequence[str] = ()
) -> pd.DataFrame:
    """Take the model's columns, in catalogue order.

    Categories are objects with NaN for missing, numbers float64; the same for
    training, batch and single rows. ``extra_numbers`` are columns beyond the catalogue.
    """
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in CATEGORIES:
        values = frame[name].astype(object)
        columns[name] = values.where(values.notna(), np.nan)
    for name in (*NUMBERS, *extra_numbers):
        columns[name] = pd.to_numeric(frame[name]).astype("float64")
    return pd.DataFrame(columns, index=frame.index)


def inputs_of(homes: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The same of mappings by column, in which None is missing."""
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in CATEGORIES:
        values = [np.nan if home[name] is None else home[name] for home in homes]
        columns[name] = np.array(values, dtype=object)
    for name in NUMBERS:
        columns[name] = np.array([home[name] for home in homes], dtype="float64")
    return pd.DataFrame(columns)


def is_bid(frame: pd.DataFrame) -> npt.NDArray[Any]:
    """Mark training rows whose price was bid and not accepted; (n,) bool."""
    return frame["is_bid"].to_numpy(dtype="float64") == 1


def coverage(inputs: pd.DataFrame) -> dict[str, float]:
    """Share (0 to 1) of rows that know each column of model inputs."""
    return {str(name): float(inputs[name].notna().mean()) for name in inputs}


def ranges(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[float]]:
    """Lowest and highest of each number among ``columns`` that is of the home itself.

    A market's level moves on: to be above all it ever was is no extrapolation.
    """
    moving = MARKET_STATISTICS | NOT_OF_THE_HOME
    found: dict[str, list[float]] = {}
    for name in NUMBERS:
        known = frame[name].dropna()
        if name in columns and name not in moving and len(known):
            found[name] = [float(known.min()), float(known.max())]
    return found


def is_outside(
    numbers: Mapping[str, Any] | pd.DataFrame,
    ranges: Mapping[str, tuple[float, float]],
) -> Any:
    """Whether a number lies outside the range (:func:`ranges`) it was learnt in.

    Of one home by column (None: unknown), or of a frame: a truth value a row.
    """
    outside: Any = False
    for name, (low, high) in ranges.items():
        number = numbers[name]
        if number is not None:
            outside = outside | (number < low) | (number > high)
    return outside


def dwelling_types(inputs: pd.DataFrame) -> pd.Series[str]:
    """Dwelling type of each row of model inputs; "" where it is unknown."""
    return inputs["dwelling_type"].fillna("").astype(str)


def _read(
    connection: psycopg.Connection[Any],
    relation: str,
    columns: Sequence[str],
    order: tuple[str, ...],
    extra_numbers: tuple[str, ...],
) -> pd.DataFrame:
    """COPY out as CSV and parse with Arrow.

    150k rows take half a second, where a cursor that builds Python objects takes four.
    """
    from psycopg import sql

    query = sql.SQL(
        "copy (select {columns} from {relation} order by {order}) "
        "to stdout (format csv)"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        relation=sql.Identifier(*relation.split(".")),
        order=sql.SQL(", ").join(map(sql.Identifier, order)),
    )
    buffer = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for block in copy:
            buffer.write(block)
    return parse_features(buffer.getvalue(), columns, extra_numbers)


def parse_features(
    block: bytes,
    columns: Sequence[str],
    extra_numbers: Sequence[str] = (),
    extra_integers: Sequence[str] = (),
) -> pd.DataFrame:
    """Feature rows of these columns as COPY's CSV, without a header, as a frame."""
    import pyarrow as pa  # type: ignore[import-untyped]
    from pyarrow import csv

    # A quoted empty string is a value, an unquoted one is null: text columns keep
    # the difference through strings_can_be_null plus quoted_strings_can_be_null.
    types = {name: pa.string() for name in columns}
    types |= {name: pa.float64() for name in (*NUMBERS, *extra_numbers)}
    types |= {name: pa.int64() for name in ("source_row_number", *extra_integers)}
    types |= {"as_of_date": pa.date32(), "is_simulated": pa.bool_()}
    table = csv.read_csv(
        io.BytesIO(block),
        read_options=csv.ReadOptions(column_names=list(columns)),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    frame = table.to_pandas(date_as_object=False)
    for name in (*CATEGORIES, "source_file"):
        frame[name] = frame[name].astype(object)
    return frame
