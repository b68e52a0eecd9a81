"""`ausproperty sources`: how each source stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Annotated

import typer

from orchestration.commands.output import JsonFile, write_json
from settings import Http, Settings

sources = typer.Typer(
    help="How each source stands: last success, freshness, breaker, rows, rejects."
)


@sources.callback(invoke_without_command=True)
def overview(context: typer.Context, json_file: JsonFile = None) -> None:
    """Show each source's health: last success, freshness, breaker, rows, rejects."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from assets.clients import is_pulled
    from assets.landing.overview import COLUMNS, SourceLine, sources_overview
    from assets.landing.registry import all_infos
    from assets.warehouse import prepare_warehouse
    from database.connections import connect

    settings = Settings()
    infos = all_infos()
    with connect(prepare_warehouse(settings)) as conn:
        lines = sources_overview(
            conn,
            infos,
            stale_hours={
                name: http.stale_hours for name, http in _http_settings(settings)
            },
            configured=[info.name for info in infos if is_pulled(settings, info.name)],
        )
    write_json(json_file, [asdict(line) for line in lines])
    # A column that says nothing of anybody takes room from those that do.
    names = [field.name for field in fields(SourceLine) if field.name != "is_well"]
    shown = [
        (name, title)
        for name, title in zip(names, COLUMNS, strict=True)
        if name != "parked_until" or any(line.parked_until for line in lines)
    ]
    table = Table(box=None, pad_edge=False)
    for name, title in shown:
        is_count = name in ("rows", "rejects")
        table.add_column(
            title,
            justify="right" if is_count else "left",
            no_wrap=is_count or name == "name",
        )
    for line in lines:
        style = None if line.is_well else "bold red"
        table.add_row(*(getattr(line, name) for name, _ in shown), style=style)
    console = Console()
    # On a terminal the table fits itself; into a pipe every line stays whole.
    (console if console.is_terminal else Console(width=160)).print(table)


@sources.command()
def accept(
    source: Annotated[str, typer.Argument(help="Name of the source.")],
    dataset: Annotated[
        str | None, typer.Option(help="Only this mapping, endpoint or kind of record.")
    ] = None,
) -> None:
    """Take the columns or keys a source shows now as normal: ends a drift warning."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.source_fields import accept_fields

    with connect(prepare_warehouse(Settings())) as conn:
        count = accept_fields(conn, source, dataset)
        conn.commit()
    typer.echo(f"{count:,} fields accepted")


def _http_settings(settings: Settings) -> Iterator[tuple[str, Http]]:
    yield "nsw_valuer", settings.nsw_valuer.http
    yield "csv", settings.csv.http
    yield "domain", settings.domain.http
    for name in type(settings.reference).model_fields:
        if name != "http":
            yield name, settings.reference.http
