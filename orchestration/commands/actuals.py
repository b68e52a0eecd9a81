"""`ausproperty actuals`: prices that consumers say were paid, sent in and shown."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, show_list, write_json
from settings import Settings

if TYPE_CHECKING:
    from ml.actual_decisions import Decision
    from ml.actuals import Listed

actuals = typer.Typer(
    help="Prices that consumers say were paid: they judge, and teach nothing.",
    no_args_is_help=True,
)

#: Most lines printed of what was refused or held; all are in the quarantine or list.
_SHOWN = 20
_STATUSES = ("accepted", "held", "rejected", "outranked")

ActualId = Annotated[
    str, typer.Argument(help="Its id or how it begins, as `list` shows it.")
]
Actor = Annotated[
    str | None, typer.Option("--as", help="Who decides; unset: the user logged in.")
]


@actuals.command()
def submit(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with property_id or address, price, contract_date and, if you "
            "have one, reference."
        ),
    ],
    source: Annotated[str, typer.Option(help="Who says so; limits are by source.")],
    json_file: JsonFile = None,
) -> None:
    """Take a file of prices paid; each row is accepted, held, repeated or refused.

    Exit code 1 where rows are beyond the source's limit of the day: send the file again
    tomorrow, what stands already is not taken twice.
    """
    from assets.landing.submitted_actuals import submit_actuals
    from assets.warehouse import prepare_warehouse
    from database.connections import connect

    settings = Settings()
    with connect(prepare_warehouse(settings)) as conn:
        done = submit_actuals(
            conn,
            file,
            source,
            now=datetime.now(UTC),
            is_simulated=settings.active_market == "simulated",
        )
    write_json(json_file, asdict(done))
    for note in done.notes[:_SHOWN]:
        typer.echo(note)
    if len(done.notes) > _SHOWN:
        typer.echo(f"and {len(done.notes) - _SHOWN:,} more")
    names = ("accepted", "held", "repeated", "rejected", "deferred")
    counts = " + ".join(f"{getattr(done, name):,} {name}" for name in names)
    typer.echo(f"{done.read:,} read = {counts}")
    if done.deferred:
        typer.echo(
            f"{source} may send {done.rows_per_day:,} new rows a day (UTC): send the "
            "file again tomorrow"
        )
        raise typer.Exit(1)


@actuals.command("list")
def list_them(
    source: Annotated[str | None, typer.Option(help="Only of this source.")] = None,
    status: Annotated[
        str | None, typer.Option(help="accepted, held, rejected or outranked.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    json_file: JsonFile = None,
) -> None:
    """List what was submitted, newest first, and what stands of it."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from ml.actuals import list_actuals

    if status is not None and status not in _STATUSES:
        raise UserError(f"No status {status!r}: there are {', '.join(_STATUSES)}.")
    with connect(prepare_warehouse(Settings())) as conn:
        row = conn.execute("select to_regclass('marts.sales') is not null").fetchone()
        is_built = row is not None and bool(row[0])
        found = list_actuals(conn, source, status, limit) if is_built else []
    show_list(found, _line, json_file, "nothing was submitted")


@actuals.command()
def release(
    actual_id: ActualId,
    reason: Annotated[str, typer.Option(help="Why the price is right; it is kept.")],
    actor: Actor = None,
) -> None:
    """Let a held or rejected price judge estimates, from the next run on."""
    _decide(actual_id, "released", reason, actor)


@actuals.command()
def reject(
    actual_id: ActualId,
    reason: Annotated[str, typer.Option(help="Why it is not believed; it is kept.")],
    actor: Actor = None,
) -> None:
    """Use a held or accepted price for nothing, from the next run on."""
    _decide(actual_id, "rejected", reason, actor)


def _decide(actual_id: str, decision: Decision, reason: str, actor: str | None) -> None:
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from ml.actual_decisions import decide

    with connect(prepare_warehouse(Settings())) as conn:
        done = decide(
            conn, actual_id, decision, actor=actor or getpass.getuser(), reason=reason
        )
        conn.commit()
    when = "from the next run on" if done.changed else "already"
    typer.echo(
        f"{done.source} {done.reference}, {done.price_aud:,} AUD: {decision} {when}"
    )


def _line(told: Listed) -> str:
    why = f": {told.reason}" if told.reason else ""
    word = f"\n    {told.word}" if told.word else ""
    return (
        f"{str(told.actual_id)[:8]}  {told.source}  {told.reference}  "
        f"{told.price_aud:,} AUD on {told.contract_date}  {told.status}{why}\n"
        f"    property {told.property_id}, {told.source_file} line "
        f"{told.source_row_number}, sent {told.submitted_at:%Y-%m-%d %H:%M}{word}"
    )
