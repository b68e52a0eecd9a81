"""`ausproperty sales`: an analyst's verdict on a sale, given, shown and withdrawn."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, show_list
from settings import Settings

if TYPE_CHECKING:
    from database.sale_overrides import SaleOverride

sales = typer.Typer(
    help="Verdicts of people on sales: they win over the rules.", no_args_is_help=True
)

SaleId = Annotated[str, typer.Argument(help="`sale_id` in marts.sales.")]
Actor = Annotated[
    str | None, typer.Option("--as", help="Who decides; unset: the user logged in.")
]


@sales.command()
def override(
    sale_id: SaleId,
    verdict: Annotated[str, typer.Argument(help="market or excluded.")],
    reason: Annotated[str, typer.Option(help="Why; it is shown beside the sale.")],
    actor: Actor = None,
) -> None:
    """Have your verdict on a sale win over the rules, from the next run on."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.sale_overrides import override_sale

    wanted = _sale_id(sale_id)
    with connect(prepare_warehouse(Settings())) as conn:
        override_sale(conn, wanted, verdict, reason, actor or getpass.getuser())
    typer.echo(f"sale {wanted} is {verdict} from the next run on")


@sales.command()
def withdraw(
    sale_id: SaleId,
    reason: Annotated[str, typer.Option(help="Why the verdict no longer stands.")],
    actor: Actor = None,
) -> None:
    """Give the rules their say on a sale again; the verdict stays on record."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.sale_overrides import withdraw_override

    wanted = _sale_id(sale_id)
    with connect(prepare_warehouse(Settings())) as conn:
        withdraw_override(conn, wanted, reason, actor or getpass.getuser())
    typer.echo(f"the rules judge sale {wanted} from the next run on")


@sales.command()
def overrides(
    every: Annotated[
        bool, typer.Option("--all", help="Also those withdrawn or replaced.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    json_file: JsonFile = None,
) -> None:
    """List verdicts of people, newest first, beside what the rules say."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.sale_overrides import list_overrides

    with connect(prepare_warehouse(Settings())) as conn:
        found = list_overrides(conn, standing_only=not every, limit=limit)
    show_list(found, _line, json_file, "no sale is overridden")


def _line(told: SaleOverride) -> str:
    verdict = told.verdict or "withdrawn"
    if told.verdict is not None and not told.is_standing:
        verdict += " (no longer)"
    rules = told.rule_exclusion_reasons
    if rules is None:
        said = "it is not in marts.sales"
    else:
        said = f"the rules say {', '.join(rules) if rules else 'market'}"
    decided = f"{verdict} by {told.actor}, {told.at:%Y-%m-%d}: {told.reason}"
    return f"{told.sale_id}  {decided}\n{'':38}{told.source_sale_id or ''}; {said}"


def _sale_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UserError(
            f"{text!r} is no sale id: the column sale_id of marts.sales tells them."
        ) from None
