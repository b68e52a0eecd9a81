"""`ausproperty reviews`: pairs of homes that may be one, decided by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, show_list
from settings import Settings

if TYPE_CHECKING:
    import psycopg

    from database.merge_reviews import Review, Verdict

reviews = typer.Typer(
    help="Pairs of addresses that may be one home, and what people decided.",
    no_args_is_help=True,
)

Which = Annotated[
    list[str],
    typer.Argument(
        metavar="REVIEW | PROPERTY PROPERTY",
        help="A review by its id or how it begins, or two whole property ids.",
    ),
]
Actor = Annotated[str, typer.Option(help="Who decides; it is kept.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


@reviews.command("list")
def list_them(
    status: Annotated[
        list[str] | None,
        typer.Option(help="open (the default), merged, kept_apart or superseded."),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Only where an address holds this.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    json_file: JsonFile = None,
) -> None:
    """List pairs, the likeliest first."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.merge_reviews import STATUSES, count_reviews, list_reviews

    wanted = status or ["open"]
    if unknown := sorted(set(wanted) - set(STATUSES)):
        raise UserError(
            f"No status {', '.join(unknown)}: there are {', '.join(STATUSES)}."
        )
    with connect(prepare_warehouse(Settings())) as conn:
        found = list_reviews(conn, wanted, address, limit)
        counts = count_reviews(conn)
    show_list(found, _line, json_file)
    totals = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    typer.echo(totals or "no pair was ever in doubt")


def _line(review: Review) -> str:
    score = "" if review.score is None else f"{review.score:+.1f} bits, "
    done = "" if review.status == "open" else f" ({review.status})"
    return (
        f"{str(review.review_id)[:8]}  {review.low_address}\n"
        f"          {review.high_address}\n"
        f"          {score}{review.why}{done}"
    )


@reviews.command()
def show(
    review_id: Annotated[str, typer.Argument(help="Its id, or how it begins.")],
) -> None:
    """Show one pair: both addresses, what speaks for and against, decisions."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.merge_reviews import decisions_on, find_review

    with connect(prepare_warehouse(Settings())) as conn:
        found = find_review(conn, review_id)
        said = decisions_on(conn, found.low_property_id, found.high_property_id)
    lines = {
        "id": found.review_id,
        "one": f"{found.low_address}  {found.low_property_id}",
        "two": f"{found.high_address}  {found.high_property_id}",
        "keys": f"{found.low_address_key}\n{'':<12} {found.high_address_key}",
        "status": found.status,
        "why": found.why,
        "score": None if found.score is None else f"{found.score:+.2f} bits",
        "decided by": found.decided_by,
        "reason": found.reason,
    }
    for name, value in lines.items():
        if value is not None:
            typer.echo(f"{name:<12} {value}")
    for field, (level, bits) in sorted(found.evidence.items()):
        typer.echo(f"  {field:<10} {level:<36} {bits:+.2f}")
    for line in said:
        typer.echo(line)


@reviews.command()
def merge(which: Which, actor: Actor, reason: Reason) -> None:
    """Say that two are one home; takes effect at once, in marts with the next run."""
    _decide(which, "merge", actor, reason)


@reviews.command("keep-apart")
def keep_apart(which: Which, actor: Actor, reason: Reason) -> None:
    """Say that two are not one home, also where they were merged by their score."""
    _decide(which, "keep_apart", actor, reason)


@reviews.command()
def undo(which: Which, actor: Actor, reason: Reason) -> None:
    """Take the last decision on two back: score and rules have their say again."""
    _decide(which, "undo", actor, reason)


def _decide(which: list[str], verdict: Verdict, actor: str, reason: str) -> None:
    from assets.resolution import resolve_homes
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.merge_reviews import decide

    with connect(prepare_warehouse(Settings())) as conn:
        one, two = _pair(conn, which)
        decide(conn, one, two, verdict, actor=actor, reason=reason)
        conn.commit()
        done = resolve_homes(conn, decisions_only=True)
    typer.echo(
        f"{verdict.replace('_', ' ')}: kept. {done.redirects_changed:,} redirects and "
        f"{done.reviews_changed:,} reviews changed; the next run builds the marts by it"
    )


def _pair(conn: psycopg.Connection, which: list[str]) -> tuple[UUID, UUID]:
    from database.merge_reviews import find_review

    if len(which) == 1:
        found = find_review(conn, which[0])
        return found.low_property_id, found.high_property_id
    try:
        one, two = map(UUID, which)
    except ValueError:
        raise UserError(
            "Give one review (its id or how it begins), or two whole property ids."
        ) from None
    return one, two
