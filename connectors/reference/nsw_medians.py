"""NSW price quantiles by suburb and postcode, and the DCJ rent and sales tables.

Belongs here: two layouts, told apart by their header words. Quantile CSVs have a year
column (or a year in the name) and 0p to 100p; DCJ workbooks have quartiles in $'000 by
LGA or postcode and dwelling type, `-` for suppressed and `s` for a small sample. A
table is dated by the last period it covers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from connectors.reference.cells import (
    SUPPRESSED,
    CellFault,
    code,
    dollars,
    is_null,
    text,
    whole,
)
from connectors.reference.headers import Header, find_header, folded, words
from connectors.reference.model import Bound, Dataset, FileRefused, Records
from connectors.reference.periods import Period, find_quarter, find_years
from connectors.reference.pieces import Piece
from connectors.reference.reading import Cells, read_lines
from domain.records import FieldsSeen

NAME: Final = "nsw_suburb_medians"
COLUMNS: Final = (
    "measure",
    "area_type",
    "area",
    "region",
    "dwelling_type",
    "period_kind",
    "period_start",
    "period_end",
    "minimum_aud",
    "lower_quartile_aud",
    "median_aud",
    "upper_quartile_aud",
    "maximum_aud",
    "mean_aud",
    "transaction_count",
    "is_suppressed",
    "is_small_sample",
)
_QUANTILES: Final[dict[str, tuple[str, ...]]] = {
    "year": ("year",),
    "suburb": ("suburb", "locality"),
    "postcode": ("postcode",),
    "minimum": ("0p", "min", "minimum"),
    "lower": ("25p", "q1", "lowerquartile"),
    "median": ("50p", "median", "q2"),
    "upper": ("75p", "q3", "upperquartile"),
    "maximum": ("100p", "max", "maximum"),
    "count": ("count", "sales", "number", "n"),
}
_NEEDED: Final = ("lower", "median", "upper", "count")
_SMALL: Final = frozenset(("s", "(s)", "*"))
#: DCJ column: words that its header must and must not hold.
_DCJ: Final[dict[str, tuple[str, str]]] = {
    "lower": (r"first quartile|25th|lower quartile", r"change"),
    "median": (r"\bmedian\b", r"change|annual|qtly|quarterly"),
    "upper": (r"third quartile|75th|upper quartile", r"change"),
    "mean": (r"\bmean\b|\baverage\b", r"change"),
    "count": (
        r"\b(no|number|count|lodged)\b",
        r"change|annual|qtly|quarterly|bedroom|held",
    ),
    "dwelling_type": (r"dwelling type", r""),
    "bedrooms": (r"bedroom", r""),
    "postcode": (r"\bpostcode\b", r""),
    "lga": (r"local government area|\blga\b", r""),
    "region": (r"\b(gmr|gs|rings?|greater|region)\b", r"local government"),
}


@dataclass(frozen=True, slots=True)
class _Dcj:
    """A sheet of the DCJ tables."""

    sheet: str
    header: Header
    area_type: str
    period: Period
    measure: str
    factors: dict[str, int] = field(default_factory=dict)


def bind(piece: Piece) -> Bound:
    """Recognise either layout. Raises FileRefused."""
    sheets = [found for sheet in piece.sheets() if (found := _dcj(piece, sheet))]
    if sheets:
        return _bind_dcj(piece, sheets)
    sheet = piece.sheets()[0]
    header = find_header(piece.head(sheet), _QUANTILES, _NEEDED)
    area_type = next((k for k in ("suburb", "postcode") if k in header.columns), None)
    if area_type is None:
        raise FileRefused(
            "column_missing",
            "The file has no column of suburbs or postcodes.",
            "Give a file with a column suburb or postcode.",
            "suburb",
        )
    named_years = find_years(piece.name.replace("_", " "))
    at = header.columns.get("year")
    years = set(named_years[-1:])
    if at is not None:
        rows = (record.cells or [] for record in piece.rows(sheet))
        years = {year for r in rows if at < len(r) for year in find_years(r[at])}
    if not years:
        raise FileRefused(
            "year_unknown",
            "Neither a column nor the file's name says which year the prices are of.",
            "Add a column year, or put the year into the file's name.",
            "year",
        )
    counts: dict[str, int] = {}
    part = f"quantiles_{area_type}"
    if at is None:
        part += f"_{max(years)}"
    convert = partial(_quantiles, area_type, max(years))
    return Bound(
        part=part,
        records=partial(read_lines, piece, sheet, header, convert, counts),
        covers=Period.year(max(years)).end,
        fields=header.fields(f"{NAME} {part}", _NEEDED),
        counts=counts,
    )


def _quantiles(area_type: str, only_year: int, cells: Cells) -> Sequence[str | None]:
    year = whole(cells["year"], "year", 1900, 2100)
    period = Period.year(int(year) if year else only_year)
    area = text(cells[area_type])
    if area_type == "postcode":
        # 0 and blank: sales whose address states no postcode.
        area = code(cells["postcode"], "postcode", 4)
        area = None if area == "0000" else area
    prices = [
        dollars(cells[name], name)
        for name in ("minimum", "lower", "median", "upper", "maximum")
    ]
    count = whole(cells["count"], "count")
    if count is None:
        raise CellFault("count", "missing", "The row has no count of sales.")
    return (
        "sale_price",
        area_type,
        area,
        None,
        "residential",
        period.kind,
        period.start.isoformat(),
        period.end.isoformat(),
        *prices,
        None,
        count,
        "f",
        "f",
    )


def _dcj(piece: Piece, sheet: str) -> _Dcj | None:
    head = piece.head(sheet, 30)
    for at in range(len(head)):
        for depth in (1, 2):
            texts = [words(t) for t in folded(head[at : at + depth])]
            columns: dict[str, int] = {}
            for name, (wanted, unwanted) in _DCJ.items():
                for place, told in enumerate(texts):
                    if re.search(wanted, told) and not (
                        unwanted and re.search(unwanted, told)
                    ):
                        columns.setdefault(name, place)
            area_type = next((k for k in ("postcode", "lga") if k in columns), None)
            if not area_type or not {"lower", "median", "upper", "count"} <= set(
                columns
            ):
                continue
            above = " ".join(r.text for r in head[: at + depth])
            last = head[min(at + depth, len(head)) - 1]
            header = Header(last.row_number, texts, columns, {})
            period = _quarter(above, sheet, piece.name)
            measure = (
                "weekly_rent"
                if "rent" in words(texts[columns["median"]])
                else ("sale_price")
            )
            factors = {
                name: 1000 if re.search(r"000", texts[place]) else 1
                for name, place in columns.items()
            }
            return _Dcj(sheet, header, area_type, period, measure, factors)
    return None


def _quarter(*places: str) -> Period:
    for place in places:
        found = find_quarter(place.replace("_", " "))
        if found is not None:
            year = found[0] or next(iter(find_years(place)), None)
            if year:
                return Period.quarter(year, found[1])
    raise FileRefused(
        "quarter_unknown",
        "Neither the title nor the file's name says which quarter the prices are of.",
        "Put the quarter into the file's name, such as `sales-dec-2023-quarter.xlsx`.",
    )


def _bind_dcj(piece: Piece, sheets: list[_Dcj]) -> Bound:
    period = sheets[0].period
    counts: dict[str, int] = {"sheets": len(sheets)}
    number = (period.end.month + 2) // 3
    kind = "rent" if sheets[0].measure == "weekly_rent" else "sales"
    shown = frozenset(cell for one in sheets for cell in one.header.cells if cell)

    def records() -> Records:
        for one in sheets:
            convert = partial(_dcj_row, one)
            yield from read_lines(piece, one.sheet, one.header, convert, counts)

    return Bound(
        part=f"dcj_{kind}_{period.end.year}_q{number}",
        records=records,
        covers=period.end,
        fields=FieldsSeen(f"{NAME} dcj_{kind}", shown, shown, lists_all=True),
        counts=counts,
    )


def _dcj_row(sheet: _Dcj, cells: Cells) -> Sequence[str | None]:
    area = cells[sheet.area_type]
    if sheet.area_type == "postcode" and area.removesuffix(".0").isdigit():
        area = code(area, "postcode", 4) or ""
    if not area:
        raise CellFault(
            sheet.area_type, "missing", f"The row has no {sheet.area_type}."
        )
    small = any(
        cells[name].casefold() in _SMALL
        for name in ("lower", "median", "upper", "count")
    )
    prices = {
        name: None
        if cells[name].casefold() in _SMALL
        else dollars(cells[name], name, sheet.factors.get(name, 1))
        for name in ("lower", "median", "upper", "mean")
    }
    count_text = cells["count"]
    count = None if count_text.casefold() in _SMALL else whole(count_text, "count")
    hidden = prices["median"] is None and cells["median"].casefold() in SUPPRESSED
    kind = " ".join(filter(None, (cells["dwelling_type"], cells["bedrooms"])))
    period = sheet.period
    return (
        sheet.measure,
        sheet.area_type,
        area,
        None if is_null(cells["region"]) else cells["region"],
        words(kind).replace(" ", "_") or "total",
        period.kind,
        period.start.isoformat(),
        period.end.isoformat(),
        None,
        prices["lower"],
        prices["median"],
        prices["upper"],
        None,
        prices["mean"],
        count,
        "t" if hidden else "f",
        "t" if small else "f",
    )


DATASET: Final = Dataset(
    name=NAME,
    table="raw.nsw_valuer__suburb_medians",
    columns=COLUMNS,
    bind=bind,
    endings=(".csv", ".xlsx", ".xls"),
    max_shrink=0.2,
)
