"""Column mappings: which CSV column means what, as YAML.

Belongs here: loading and checking a mapping. Applying it to cells is `cells`, to rows
`parse`. Shipped mappings and the schema lie in `connectors/mappings/`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from domain.errors import PermanentError

FOLDER = Path(__file__).parents[1] / "mappings"
_SCHEMA = FOLDER / "mapping.schema.json"

#: Columns of raw.csv__sales a mapping may fill, in the order of a row's text.
CANONICAL_COLUMNS = (
    "source_record_id",
    "address",
    "locality",
    "state",
    "postcode",
    "dwelling_type",
    "sale_method",
    "sale_date",
    "price_aud",
    "bedrooms",
    "bathrooms",
    "car_spaces",
    "land_area_m2",
    "building_area_m2",
    "year_built",
    "latitude",
    "longitude",
    "distance_to_centre_km",
    "council_area",
    "region",
    "agent",
)

#: How a column is read when the mapping does not say.
_DEFAULT_PARSERS = {
    "postcode": "postcode",
    "sale_date": "date",
    "price_aud": "money",
    "bedrooms": "integer",
    "bathrooms": "integer",
    "car_spaces": "integer",
    "year_built": "integer",
    "land_area_m2": "number",
    "building_area_m2": "number",
    "latitude": "number",
    "longitude": "number",
    "distance_to_centre_km": "number",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column: where it comes from and how it is read."""

    name: str
    sources: tuple[str, ...]
    parser: str
    required: bool = False
    not_null: bool = False
    unit: str | None = None
    formats: tuple[str, ...] = ()
    codes: dict[str, str] = field(default_factory=dict)
    zero_is_null: bool = False
    min: str | None = None
    max: str | None = None
    is_rejecting: bool = False


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping."""

    name: str
    version: int
    columns: tuple[Column, ...]
    constants: dict[str, str]
    null_tokens: frozenset[str]
    delimiters: tuple[str, ...]
    skip_lines: int
    sale_codes: frozenset[str] | None
    other_codes: frozenset[str]
    #: What `load_mapping` is given to load it again: a shipped name, or a path.
    origin: str = ""


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Load a shipped mapping by name, or anyone's by path.

    Raises:
        PermanentError: there is none, it is no YAML, or it breaks the schema; the
            message names the place in the file.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix.lower() not in (".yaml", ".yml"):
        path = FOLDER / f"{name_or_path}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        shipped = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise PermanentError(
            f"There is no mapping {name_or_path}. Shipped mappings are: {shipped}; for "
            "another file layout give the path of a YAML file (.yaml)."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PermanentError(f"The mapping {path} is no valid YAML: {error}") from error
    _check(content, path)
    origin = path.stem if path.parent == FOLDER else str(path.absolute())
    return replace(_mapping(content), origin=origin)


@cache
def _schema() -> Any:
    return json.loads(_SCHEMA.read_text(encoding="utf-8"))


def _check(content: Any, path: Path) -> None:
    # Half a second of imports, needed only when a mapping is loaded.
    from jsonschema import Draft202012Validator

    # YAML reads 1900-01-01 as a date; the schema knows JSON's types only.
    plain = json.loads(json.dumps(content, default=str))
    errors = sorted(Draft202012Validator(_schema()).iter_errors(plain), key=str)
    if errors:
        first = errors[0]
        place = ".".join(map(str, first.absolute_path)) or "the top level"
        raise PermanentError(
            f"The mapping {path} is wrong at {place}: {first.message}. See "
            f"{_SCHEMA.name} beside the shipped mappings."
        )


def _mapping(content: dict[str, Any]) -> Mapping:
    methods = content.get("sale_methods")
    file = content.get("file", {})
    return Mapping(
        name=content["name"],
        version=content["version"],
        columns=tuple(_column(name, spec) for name, spec in content["columns"].items()),
        constants=content.get("constants", {}),
        null_tokens=frozenset(
            token.casefold() for token in content.get("null_tokens", [""])
        )
        | {""},
        delimiters=tuple(file.get("delimiters", (",", ";", "|", "\t"))),
        skip_lines=file.get("skip_lines", 0),
        sale_codes=frozenset(methods["sales"]) if methods else None,
        other_codes=frozenset(
            [*methods.get("bids", []), *methods.get("without_price", [])]
            if methods
            else []
        ),
    )


def _column(name: str, spec: dict[str, Any]) -> Column:
    return Column(
        name=name,
        sources=tuple(spec["from"]),
        parser=spec.get("parser", _DEFAULT_PARSERS.get(name, "text")),
        required=spec.get("required", False),
        not_null=spec.get("not_null", False),
        unit=spec.get("unit"),
        formats=tuple(spec.get("formats", ("yyyy-MM-dd",))),
        codes=spec.get("codes", {}),
        zero_is_null=spec.get("zero_is_null", False),
        min=str(spec["min"]) if "min" in spec else None,
        max=str(spec["max"]) if "max" in spec else None,
        # Price and date decide what a sale is; what only describes it may be unknown.
        is_rejecting=spec.get(
            "invalid", "reject" if name in ("price_aud", "sale_date") else "drop"
        )
        == "reject",
    )
