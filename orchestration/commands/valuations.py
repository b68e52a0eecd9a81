"""`ausproperty value`: what one home is worth, why, and what that rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import UserError
from settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

    from ml.comparables import Comparable, Reason
    from ml.valuation import Valuation

_METHODS = {
    "model": "the champion",
    "last_prediction": "its last estimate by a model, aged",
    "indexed_last_sale": "its last sale, moved by the market's index",
    "local_median": "the local median",
}
_ROOMS = {
    "more_bedrooms": "bedroom",
    "more_bathrooms": "bathroom",
    "more_car_spaces": "car space",
}
_AREAS = {"land_area_m2_pct": "land", "building_area_m2_pct": "building"}


def value(
    address: Annotated[
        str,
        typer.Argument(
            help='An address in one line, such as "3/12 Smith St, Richmond VIC 3121", '
            "or a property id."
        ),
    ],
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Also what adds to the estimate, in dollars, and why."
        ),
    ] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Also write the valuation to this file."),
    ] = None,
) -> None:
    """Value one home: estimate, range, comparable sales, and where they come from."""
    from rich.console import Console

    from assets.valuer import valuer
    from assets.warehouse import prepare_warehouse, serving_limits
    from database.connections import connect
    from ml.on_request import UnknownHome
    from orchestration.commands.properties import look_up

    settings = Settings()
    url = prepare_warehouse(settings)
    with connect(url, limits=serving_limits(settings)) as conn:
        _, page = look_up(conn, address)
        home = page.property
        row = conn.execute("select to_regclass('ml.property_features')").fetchone()
        if row is None or row[0] is None:
            raise UserError("No features yet: build them with `ausproperty run`.")
        try:
            found = valuer(settings, url).value(
                conn, str(home["property_id"]), explain=explain
            )
        except UnknownHome:
            raise UserError(
                f"{home['address']} has no features: it is gone, or newer than the "
                "last build."
            ) from None
    if json_file is not None:
        told = {"address": home["address"], **asdict(found)}
        json_file.write_text(json.dumps(told, indent=2, default=str) + "\n")
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=160)
    for part in page_parts(str(home["address"]), found):
        console.print(part)


def page_parts(address: str, found: Valuation) -> Iterator[Any]:
    """The page from top to bottom, as things rich can print."""
    yield f"[bold]{address}[/bold]"
    yield f"valued as of {found.valuation_date:%-d %B %Y}"
    yield ""
    if found.estimate_aud is None:
        why = f"({found.refused}): {_escaped(str(found.detail))}"
        yield f"[bold]no estimate[/bold] {why}"
    else:
        yield f"[bold]{_money(found.estimate_aud)}[/bold]"
        yield _ranges(found)
        yield (
            f"class {found.confidence_class} (FSD {100 * (found.fsd or 0):.0f} %), "
            f"confidence {found.confidence:.2f}, by {_METHODS[str(found.method)]}"
            + (f", version {found.model_version}" if found.model_version else "")
        )
    if found.extrapolation:
        yield "[yellow]a number of this home lies outside what was learnt from[/yellow]"
    if found.thin_data:
        yield "[yellow]few sales of its kind in the suburb in a year[/yellow]"
    if found.degraded is not None:
        yield f"[yellow]{_escaped(found.degraded)}[/yellow]"
    if found.explanation is not None:
        yield ""
        yield f"[bold]Why[/bold], from {_escaped(found.explanation.reference)}"
        yield _why(found)
    if found.change is not None:
        yield ""
        yield from _what_changed(found)
    if found.comparables:
        yield ""
        yield f"[bold]Comparable sales ({len(found.comparables)})[/bold]"
        yield _comparables(found.comparables)
    yield ""
    yield "[bold]What it rests on[/bold]"
    yield from _rests_on(found)


def _ranges(found: Valuation) -> str:
    parts = [
        f"{pct} %: {_money(low)} to {_money(high)}"
        for pct, (low, high) in sorted(found.intervals.items())
    ]
    return "   ".join(parts)


def _why(found: Valuation) -> Table:
    from ml.explanation import TITLES

    told = found.explanation
    assert told is not None
    table = _table(("", "left"), ("", "right"), ("it differs in", "left"))
    table.add_row(_escaped(told.reference), _money(told.base_aud), "")
    for one in sorted(told.contributions, key=lambda c: -abs(c.aud)):
        if one.inputs or one.aud:
            names = ", ".join(name.replace("_", " ") for name in one.inputs)
            table.add_row(TITLES[one.group], _signed(one.aud), names)
    table.add_row("[bold]estimate[/bold]", _money(told.estimate_aud), "")
    return table


def _what_changed(found: Valuation) -> Iterator[Any]:
    from ml.explanation import TITLES

    change = found.change
    assert change is not None
    if not change.parts:
        yield "[bold]Unchanged[/bold] since the valuation before"
        return
    yield (
        f"[bold]Why it changed[/bold], from {_money(change.before_aud)} by version "
        f"{change.model_version}"
    )
    table = _table(("", "left"), ("", "right"), ("what is new", "left"))
    for one in sorted(change.parts, key=lambda c: -abs(c.aud)):
        names = ", ".join(name.replace("_", " ") for name in one.inputs)
        table.add_row(TITLES[one.group], _signed(one.aud), names)
    yield table


def _comparables(found: tuple[Comparable, ...]) -> Table:
    from ml.comparables import AS_THE_MODEL_SEES
    from ml.explanation import TITLES

    titles = {**TITLES, AS_THE_MODEL_SEES: "home"}
    table = _table(
        ("sold", "left"),
        ("address", "left"),
        ("price", "right"),
        ("adjustments", "left"),
        ("for this home", "right"),
        ("why", "left"),
        ("file and line", "left"),
    )
    for one in found:
        steps = ", ".join(
            f"{titles[part.group]} {_signed(part.aud)}" for part in one.adjustments
        )
        table.add_row(
            str(one.sale.contract_date),
            _escaped(one.sale.address),
            _money(one.sale.price_aud),
            steps,
            _money(one.adjusted_aud or 0),
            ", ".join(filter(None, map(reason_words, one.why))),
            _escaped(f"{one.sale.source_file}:{one.sale.source_row_number}"),
        )
    return table


def reason_words(why: Reason) -> str:
    """A reason as people say it; empty where there is nothing to say."""
    kind, value = why.reason, why.value or 0.0
    if kind == "km_away":
        return f"{value:.1f} km"
    if kind == "months_before":
        return f"{value:.0f} months before"
    if kind in _ROOMS:
        count = abs(value)
        many = "" if count == 1 else "s"
        return f"{'+' if value > 0 else '-'}{count:g} {_ROOMS[kind]}{many}"
    if kind in _AREAS:
        return f"{_AREAS[kind]} {value:+.0f} %" if abs(value) >= 1 else ""
    if kind in ("same_street", "same_suburb", "same_bedrooms"):
        return kind.replace("_", " ")
    return ""


def _rests_on(found: Valuation) -> Iterator[str]:
    line = f"{found.source_file}:{found.source_row_number}"
    simulated = ", a made-up market" if found.is_simulated else ""
    yield _escaped(f"record {found.source} {line}{simulated}")
    if found.model_version is not None:
        yield f"model {found.model_name} version {found.model_version}"
    if found.standing_aud is not None:
        yield (
            f"standing estimate {_money(found.standing_aud)}, data {found.snapshot_id}"
        )


def _table(*heads: tuple[str, Any]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, side in heads:
        table.add_column(name, justify=side, overflow="fold", header_style="dim")
    return table


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _money(amount: int) -> str:
    return f"${amount:,}"


def _signed(amount: int) -> str:
    return f"{'+' if amount >= 0 else '-'}${abs(amount):,}"
