"""`ausproperty model`: a reviewer's decisions about versions, from the shell."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, write_json
from settings import Settings

if TYPE_CHECKING:
    import psycopg

    from ml.reviewing import Move
    from ml.tracking import Registry

models = typer.Typer(
    help="Versions of the valuation model, and what people decided about them.",
    no_args_is_help=True,
)

WhichVersion = Annotated[str, typer.Argument(metavar="VERSION", help="Its number.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Actor = Annotated[
    str, typer.Option(help="Who decides; it is kept.", default_factory=getpass.getuser)
]


@models.command("list")
def list_them() -> None:
    """List versions, the newest first: measures, gates, what was decided."""
    with _registry() as (_, registry):
        champion = registry.alias("champion")
        found = registry.versions()
    if not found:
        typer.echo("no version yet: a training makes the first")
    for version in found:
        tags = version.tags
        mark = "*" if champion and champion.version == version.version else " "
        said = tags.get("review_state", "").replace("_", " ")
        actor = tags.get("review_actor", "")
        typer.echo(
            f"{mark}{version.version:>4}  {tags.get('winner', ''):24} "
            f"MdAPE {_number(version.number('mdape'))} %  "
            f"COD {_number(version.number('cod'))}  "
            f"to {tags.get('train_last', '?')}  {said}"
            + (f" by {actor}" if actor else "")
        )


@models.command()
def approve(
    version: WhichVersion,
    reason: Reason,
    actor: Actor,
    force: Annotated[
        bool, typer.Option("--force", help="Although it failed its gates.")
    ] = False,
) -> None:
    """Make a version champion."""
    from ml.reviewing import approve as approve_version

    with _registry() as (conn, registry):
        move = approve_version(
            conn, registry, version, actor=actor, reason=reason, force=force
        )
    _tell(move)


@models.command()
def reject(version: WhichVersion, reason: Reason, actor: Actor) -> None:
    """Write down that a version is not to be used."""
    from ml.reviewing import reject as reject_version

    with _registry() as (conn, registry):
        reject_version(conn, registry, version, actor=actor, reason=reason)
    typer.echo(f"version {version} is rejected; the champion stays")


@models.command()
def rollback(reason: Reason, actor: Actor) -> None:
    """Make the champion before this one champion again."""
    from ml.reviewing import roll_back

    with _registry() as (conn, registry):
        move = roll_back(conn, registry, actor=actor, reason=reason)
    _tell(move)


@models.command()
def reproduce(
    version: WhichVersion,
    json_file: JsonFile = None,
) -> None:
    """Train a version again from the rows it learnt from, and compare.

    Ends with status 1 where the two do not estimate alike.
    """
    from ml.reproduction import NotReproducibleError, reproduce

    with _registry() as (_, registry):
        try:
            found = reproduce(registry, registry.version(version))
        except NotReproducibleError as error:
            raise UserError(str(error)) from None
    typer.echo(
        f"version {found.version}: {found.rows:,} rows learnt from again in "
        f"{found.seconds:.0f} s"
    )
    then, now = found.winner
    typer.echo(f"  winner   {then}" + ("" if then == now else f", now {now}"))
    for name in ("mdape", "cod", "prd", "median_ratio"):
        measured, measures = found.measures[name]
        typer.echo(f"  {name:13}{measured:10.4f}  now {measures:10.4f}")
    typer.echo(f"  largest difference of an estimate: {found.largest_difference:.2g}")
    if not found.same_code:
        typer.echo("  the code that makes a model has changed since")
    for name, (before, after) in found.changed_packages.items():
        typer.echo(f"  {name}: {before or 'not there'}, now {after or 'not there'}")
    typer.echo("the same model" if found.same else "NOT the same model")
    write_json(json_file, asdict(found) | {"same": found.same})
    if not found.same:
        raise typer.Exit(1)


@contextmanager
def _registry() -> Iterator[tuple[psycopg.Connection, Registry]]:
    from assets.warehouse import prepare_warehouse, tracking_url
    from database.connections import connect
    from ml.reviewing import ReviewRefusedError
    from ml.tracking import Registry, RegistryError

    settings = Settings()
    url = prepare_warehouse(settings)
    try:
        with connect(url) as conn:
            yield conn, Registry(tracking_url(url), settings.artifacts_folder)
    except (ReviewRefusedError, RegistryError) as error:
        raise UserError(str(error)) from None


def _tell(move: Move) -> None:
    before = f" in the place of {move.from_version}" if move.from_version else ""
    typer.echo(
        f"version {move.to_version} is champion{before}; `ausproperty up` values by it "
        "within half a minute, the next `ausproperty run` in any case"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
