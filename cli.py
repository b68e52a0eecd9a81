"""`ausproperty`: one command line over the rooms. Each command is a few calls.

Heavy imports happen inside the commands, so that `ausproperty db url` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.commands.actuals import actuals
from orchestration.commands.advice import advise
from orchestration.commands.backtest import backtest
from orchestration.commands.docs import docs
from orchestration.commands.endpoints import endpoints
from orchestration.commands.mappings import mapping
from orchestration.commands.models import models
from orchestration.commands.properties import show_property
from orchestration.commands.rejects import batch, rejects
from orchestration.commands.reviews import reviews
from orchestration.commands.sales import sales
from orchestration.commands.sources import sources
from orchestration.commands.valuations import value
from settings import Settings

if TYPE_CHECKING:
    from database.embedded import EmbeddedServer

app = typer.Typer(
    help="Australian property intelligence: from sales file to signed webhook.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
db = typer.Typer(help="The warehouse database.", no_args_is_help=True)
app.add_typer(db, name="db")
db.command("advise")(advise)
app.add_typer(actuals, name="actuals")
app.add_typer(endpoints, name="endpoints")
app.add_typer(rejects, name="rejects")
app.add_typer(batch, name="batch")
app.add_typer(mapping, name="mapping")
app.add_typer(models, name="model")
app.add_typer(reviews, name="reviews")
app.add_typer(sales, name="sales")
app.add_typer(sources, name="sources")
app.command(name="property")(show_property)
app.command()(docs)
app.command()(backtest)
app.command()(value)

NswPsi = Annotated[
    str | None,
    typer.Option(help="Folder, file or URL of NSW Valuer General sales files."),
]
CsvFile = Annotated[str | None, typer.Option("--csv", help="CSV file of sales.")]
Mapping = Annotated[
    str, typer.Option(help="Column mapping of the CSV: a shipped name or a YAML file.")
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Also write the summary to this file.")
]
Properties = Annotated[
    int | None, typer.Option(help="Homes of the made-up market (without a source).")
]
Seed = Annotated[int | None, typer.Option(help="Seed of the made-up market.")]
Weeks = Annotated[int | None, typer.Option(help="Weeks of the made-up market.")]


@app.command()
def run(
    nsw_psi: NswPsi = None,
    csv: CsvFile = None,
    mapping: Mapping = "melbourne",
    json_file: JsonFile = None,
    properties: Properties = None,
    seed: Seed = None,
    weeks: Weeks = None,
) -> None:
    """Run the main job to its end: fetch, load, build, check, train, score, deliver.

    Without a source, a simulator serves a made-up market over HTTP.
    """
    from orchestration.demo import RunRequest, run_main_job
    from orchestration.named_sources import NamedSources

    request = RunRequest(
        NamedSources(nsw_psi=nsw_psi, csv=csv, mapping=mapping),
        properties=properties,
        seed=seed,
        weeks=weeks,
    )
    raise typer.Exit(run_main_job(request, json_file))


@app.command()
def ingest(
    nsw_psi: NswPsi = None,
    csv: CsvFile = None,
    mapping: Mapping = "melbourne",
    reaxml: Annotated[
        str | None, typer.Option(help="Drop folder of REAXML files.")
    ] = None,
    domain: Annotated[
        bool, typer.Option("--domain", help="The Domain API, as the settings say.")
    ] = False,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=LOCATION of a reference set, such as gnaf=GNAF_CORE.psv; "
            "may be given several times."
        ),
    ] = None,
    release_date: Annotated[
        str | None,
        typer.Option(
            help="Release date (YYYY-MM-DD) of the reference sets, not the files' own."
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Take reference releases that have many rejects or few rows.",
        ),
    ] = False,
    json_file: JsonFile = None,
    properties: Properties = None,
    seed: Seed = None,
    weeks: Weeks = None,
) -> None:
    """Load sources into raw, with their landing checks, and stop there.

    Without a source, all of them from the made-up market.
    """
    from orchestration.demo import RunRequest, run_main_job
    from orchestration.named_sources import NamedSources, parse_reference

    sources = NamedSources(
        nsw_psi=nsw_psi,
        csv=csv,
        mapping=mapping,
        reaxml=reaxml,
        domain=domain,
        reference=parse_reference(reference or []),
        release_date=release_date,
        accept=accept,
    )
    request = RunRequest(
        sources, properties=properties, seed=seed, weeks=weeks, job="ingest"
    )
    raise typer.Exit(run_main_job(request, json_file))


@app.command()
def up(
    demo_if_empty: Annotated[
        bool,
        typer.Option(
            help="In a home without any run, run the main job beside the UIs."
        ),
    ] = False,
) -> None:
    """Open the Dagster UI, the MLflow UI and the daemon; Ctrl-C stops them."""
    from orchestration.serve import serve

    raise typer.Exit(serve(Settings(), demo_if_empty=demo_if_empty))


@app.command()
def manifest() -> None:
    """Build the dbt manifest of this home if the project changed."""
    from assets.manifest import build_manifest

    if build_manifest(Settings()):
        typer.echo("dbt manifest built")


@db.command()
def start() -> None:
    """Start the embedded server, and migrate its database."""
    from assets.warehouse import prepare_warehouse
    from database.connections import redacted

    typer.echo(f"ready: {redacted(prepare_warehouse(Settings()))}")


@db.command()
def stop() -> None:
    """Stop the embedded server."""
    stopped = _server().stop()
    typer.echo("stopped" if stopped else "it was not running")


@db.command()
def status() -> None:
    """Say whether the server runs, where, and at which schema revision."""
    from database.connections import connect, redacted
    from database.migrate import current_revision, head_revision

    settings = Settings()
    if settings.database_url is None:
        facts = _server().status()
        for name, value in facts.items():
            typer.echo(f"{name}: {value}")
        if not facts["running"]:
            raise typer.Exit(3)
    from assets.warehouse import warehouse_url

    url = warehouse_url(settings)
    with connect(url) as conn:
        typer.echo(f"market: {settings.active_market}")
        typer.echo(f"url: {redacted(url)}")
        typer.echo(f"schema: {current_revision(conn)} (newest {head_revision()})")


@db.command()
def url() -> None:
    """Print the database URL (with its password); starts the embedded server."""
    from assets.warehouse import prepare_warehouse

    typer.echo(prepare_warehouse(Settings()))


@db.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the warehouse; further arguments go to psql."""
    from assets.warehouse import prepare_warehouse
    from database.binaries import find_binaries

    settings = Settings()
    address = prepare_warehouse(settings)
    program = find_binaries(None, settings.postgres_bin) / "psql"
    os.execv(program, [str(program), address, *context.args])  # noqa: S606


@db.command()
def migrate() -> None:
    """Bring the operational schema to the newest revision."""
    from assets.warehouse import seal_old_secrets, warehouse_url
    from database.connections import connect
    from database.migrate import migrate as upgrade

    settings = Settings()
    address = warehouse_url(settings)
    before, after = upgrade(address)
    with connect(address) as conn:
        seal_old_secrets(settings, conn)
    typer.echo(f"{before or 'empty'} -> {after}")


def _server() -> EmbeddedServer:
    from database.embedded import EmbeddedServer

    settings = Settings()
    if settings.database_url is not None:
        raise typer.BadParameter(
            "AUSPROPERTY_DATABASE_URL is set: that server is yours to start and stop"
        )
    return EmbeddedServer(settings.postgres_folder, settings.postgres_bin)


def main() -> None:
    """Entry point: errors made for people are one sentence, not a traceback."""
    from database.errors import DatabaseError
    from domain.errors import UserError

    try:
        app()
    except (DatabaseError, UserError) as error:
        typer.echo(f"ausproperty: {error}", err=True)
        sys.exit(2)
