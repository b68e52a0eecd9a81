"""Column mappings: which column of a file means what, as YAML.

Belongs here: what a mapping says, as typed objects. Reading and judging its file is
`mapping_file`, applying it to cells `cells`, to rows `parse`. Shipped mappings and the
schema lie in `connectors/mappings/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.csv_mapping.conditions import Condition
from connectors.csv_mapping.mapping_file import FOLDER, Place, read_mapping_file
from domain.australia import STATES
from domain.errors import PermanentError

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
    "state": "state",
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
#: Parsers that give the type the column has in the table.
_FITTING: dict[str, tuple[str, ...]] = {
    "state": ("state", "postcode_state", "text", "code"),
    "sale_date": ("date",),
    "price_aud": ("money", "integer", "number", "price_text"),
    "year_built": ("integer", "number"),
    **dict.fromkeys(("bedrooms", "bathrooms", "car_spaces"), ("integer", "number")),
    **dict.fromkeys(
        (
            "land_area_m2",
            "building_area_m2",
            "latitude",
            "longitude",
            "distance_to_centre_km",
        ),
        ("number", "integer"),
    ),
}
#: Texts that mean "no value" in public data sets, unless a mapping lists its own.
NULL_TOKENS = ("-", "--", "..", "na", "n/a", "#n/a", "n.p.", "null", "nan", "(blank)")
#: What 32-bit columns overflow to; nobody pays or measures exactly this.
_OVERFLOWS = (2_147_483_647, -2_147_483_648, 4_294_967_295)
_DEFAULT_SENTINELS = {
    **dict.fromkeys(("bedrooms", "bathrooms", "car_spaces"), (99, 999, 9_999, 999_999)),
    **dict.fromkeys(("land_area_m2", "building_area_m2"), (999_999, 9_999_999)),
    "year_built": (9_999,),
}
_DATE_FORM = re.compile(
    r"(yyyy|yy|MMMM|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|a|T|Z|\W)+", re.ASCII
)
_SPECIAL_FORMS = ("excel_serial", "epoch_seconds", "epoch_millis")


@dataclass(frozen=True, slots=True)
class Parts:
    """A date kept in several columns; each may have several names."""

    year: tuple[str, ...]
    month: tuple[str, ...] = ()
    day: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One canonical column: where it comes from and how it is read.

    Exactly one of `sources` (the first that is there), `join` (all, with a space) and
    `parts` says where.
    """

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
    #: (source, what follows its value) of texts that are put together.
    join: tuple[tuple[str, str], ...] = ()
    parts: Parts | None = None
    default: str | None = None
    sentinels: tuple[Decimal, ...] = ()
    decimal: str = "."

    @property
    def names(self) -> tuple[str, ...]:
        """Every source column it may read."""
        parts = self.parts
        dated = (*parts.year, *parts.month, *parts.day) if parts else ()
        return (*self.sources, *(name for name, _ in self.join), *dated)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping. `skip_lines` None: the header is looked for."""

    name: str
    version: int
    columns: tuple[Column, ...]
    constants: dict[str, str]
    null_tokens: frozenset[str]
    delimiters: tuple[str, ...]
    skip_lines: int | None
    sale_codes: frozenset[str] | None
    other_codes: frozenset[str]
    #: What `load_mapping` is given to load it again: a shipped name, or a path.
    origin: str = ""
    description: str = ""
    identifying: bool = True
    has_header: bool = True
    sheet: str | int | None = None
    encoding: str | None = None
    defaults: dict[str, str] = field(default_factory=dict)
    keep: tuple[Condition, ...] = ()
    drop: tuple[Condition, ...] = ()
    sales: tuple[Condition, ...] = ()
    unmapped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition, whatever follows from it."""
        return (*self.keep, *self.drop, *self.sales)

    @property
    def source_names(self) -> tuple[str, ...]:
        """Every source column the mapping speaks of."""
        mapped = (name for column in self.columns for name in column.names)
        tested = (condition.column for condition in self.conditions)
        return (*mapped, *tested, *self.unmapped, *self.ignored)


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Load a shipped mapping by name, or anyone's by path.

    Raises:
        PermanentError: there is none, it is no YAML, or it breaks the schema; the
            message names the file, the place and line in it, and what to write.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix.lower() not in (".yaml", ".yml"):
        path = FOLDER / f"{name_or_path}.yaml"
    try:
        content = read_mapping_file(path, _faults)
    except OSError as error:
        shipped = ", ".join(sorted(file.stem for file in FOLDER.glob("*.yaml")))
        raise PermanentError(
            f"There is no mapping {name_or_path}. Shipped mappings are: {shipped}; for "
            "another file layout give the path of a YAML file (.yaml)."
        ) from error
    origin = path.stem if path.parent == FOLDER else str(path.absolute())
    return replace(mapping_of(content), origin=origin)


def mapping_of(content: dict[str, Any]) -> Mapping:
    """The mapping that checked YAML content states."""
    methods = content.get("sale_methods")
    file = content.get("file", {})
    rows = content.get("rows", {})
    nulls = content.get("null_tokens", NULL_TOKENS)
    decimal = file.get("decimal", ".")
    return Mapping(
        name=content["name"],
        version=content["version"],
        columns=tuple(
            _column(name, spec, decimal) for name, spec in content["columns"].items()
        ),
        constants=_texts(content.get("constants", {})),
        null_tokens=frozenset(str(token).casefold() for token in nulls) | {""},
        delimiters=tuple(file.get("delimiters", (",", ";", "|", "\t"))),
        skip_lines=file.get("skip_lines"),
        sale_codes=_codes(methods, "sales") if methods else None,
        other_codes=_codes(methods, "bids") | _codes(methods, "without_price"),
        description=content.get("description", ""),
        identifying=content.get("identifying", True),
        has_header=file.get("header", True),
        sheet=file.get("sheet"),
        encoding=file.get("encoding"),
        defaults=_texts(content.get("defaults", {})),
        keep=tuple(map(Condition.of, rows.get("keep", ()))),
        drop=tuple(map(Condition.of, rows.get("drop", ()))),
        sales=tuple(map(Condition.of, content.get("sales", ()))),
        unmapped=tuple(content.get("unmapped", ())),
        ignored=tuple(content.get("ignored", ())),
    )


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _codes(methods: dict[str, Any] | None, kind: str) -> frozenset[str]:
    return frozenset(str(code) for code in (methods or {}).get(kind, ()))


def _column(name: str, spec: dict[str, Any], decimal: str) -> Column:
    parts = spec.get("parts")
    sentinels = spec.get("sentinels")
    if sentinels is None:
        sentinels = (*_OVERFLOWS, *_DEFAULT_SENTINELS.get(name, ()))
    return Column(
        name=name,
        sources=tuple(spec.get("from", ())),
        parser=spec.get("parser", _DEFAULT_PARSERS.get(name, "text")),
        required=spec.get("required", False),
        not_null=spec.get("not_null", False),
        unit=spec.get("unit"),
        formats=tuple(spec.get("formats", ("yyyy-MM-dd",))),
        codes=_texts(spec.get("codes", {})),
        zero_is_null=spec.get("zero_is_null", False),
        min=str(spec["min"]) if "min" in spec else None,
        max=str(spec["max"]) if "max" in spec else None,
        # Price and date decide what a sale is; what only describes it may be unknown.
        is_rejecting=spec.get(
            "invalid", "reject" if name in ("price_aud", "sale_date") else "drop"
        )
        == "reject",
        join=tuple(_joined(item) for item in spec.get("join", ())),
        parts=Parts(**{key: tuple(names) for key, names in parts.items()})
        if parts
        else None,
        default=str(spec["default"]) if "default" in spec else None,
        sentinels=tuple(Decimal(str(value)) for value in sentinels),
        decimal=decimal,
    )


def _joined(item: Any) -> tuple[str, str]:
    if isinstance(item, str):
        return item, " "
    return item["column"], item.get("after", " ")


def _faults(content: dict[str, Any]) -> Iterator[tuple[Place, str, str]]:
    """What the schema cannot state: (place, what is wrong, fix)."""
    columns = content["columns"]
    if not content.get("identifying", True) and "address" in columns:
        yield (
            ("columns", "address"),
            "a mapping that is not identifying maps an address",
            "Remove `address`, or `identifying: false` if the rows name dwellings.",
        )
    for name, spec in columns.items():
        yield from _column_faults(("columns", name), name, spec)
    rows = content.get("rows", {})
    for place, items in (
        (("rows", "keep"), rows.get("keep", ())),
        (("rows", "drop"), rows.get("drop", ())),
        (("sales",), content.get("sales", ())),
    ):
        for index, item in enumerate(items):
            try:
                re.compile(item.get("matches", ""))
            except re.error as error:
                yield (
                    (*place, index, "matches"),
                    f"{item['matches']!r} is no regular expression ({error})",
                    "Escape special characters with a backslash.",
                )


def _column_faults(
    place: Place, name: str, spec: dict[str, Any]
) -> Iterator[tuple[Place, str, str]]:
    parser = spec.get("parser", _DEFAULT_PARSERS.get(name, "text"))
    fitting = _FITTING.get(name)
    if fitting is not None and parser not in fitting:
        yield (
            (*place, "parser"),
            f"{name} cannot be read as {parser}",
            f"Use {' or '.join(fitting)}.",
        )
    if "parts" in spec and name != "sale_date":
        yield (*place, "parts"), "`parts` is for sale_date only", "Use `from`."
    if "join" in spec and parser not in ("text", "code"):
        yield (*place, "join"), "`join` is for texts only", "Use `from`."
    if "default" in spec and not _is_value(name, str(spec["default"])):
        yield (
            (*place, "default"),
            f"{spec['default']!r} is no {name}",
            "Give the value as it shall stand in the table.",
        )
    for index, form in enumerate(spec.get("formats", ())):
        if form not in _SPECIAL_FORMS and not _DATE_FORM.fullmatch(form):
            yield (
                (*place, "formats", index),
                f"{form!r} is no form of a date",
                "Write it like d/M/yyyy, yyyy-MM-dd or dd-MMM-yyyy.",
            )
    for bound in ("min", "max"):
        if bound in spec and not _is_bound(str(spec[bound]), parser):
            yield (
                (*place, bound),
                f"{spec[bound]!r} is no bound for {parser}",
                "Give a number, or an ISO date (2000-01-31) for dates.",
            )


def _is_value(name: str, text: str) -> bool:
    """Whether a text can stand in a canonical column as it is."""
    parser = _DEFAULT_PARSERS.get(name, "text")
    if name == "dwelling_type":
        return text in ("house", "townhouse", "unit", "land", "other")
    if parser == "state":
        return text in STATES
    if parser == "postcode":
        return re.fullmatch(r"[0-9]{4}", text) is not None
    if parser in ("integer", "money"):
        return re.fullmatch(r"[0-9]{1,9}", text) is not None
    return parser == "text" or _is_bound(text, parser)


def _is_bound(text: str, parser: str) -> bool:
    try:
        if parser == "date":
            date.fromisoformat(text)
        else:
            float(text)
    except ValueError:
        return False
    return True
