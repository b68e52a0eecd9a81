"""`ausproperty rejects` and `ausproperty batch`: quarantine, worked off by a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from domain.errors import UserError
from orchestration.commands.output import JsonFile, write_json
from settings import Settings

if TYPE_CHECKING:
    from database.quarantine import RejectGroup, RejectRow

#: Groups that are added up by rule: more files than anybody has refused at once.
_ALL = 1_000_000

rejects = typer.Typer(
    help="What was refused, why, and reading it again after a fix.",
    no_args_is_help=True,
)
batch = typer.Typer(help="What one source file or ZIP loaded.", no_args_is_help=True)

SourceName = Annotated[str | None, typer.Option(help="Only this source.")]
Rule = Annotated[str | None, typer.Option(help="Only this rule.")]
FilePart = Annotated[
    str | None, typer.Option("--file", help="Only files whose name holds this.")
]


@rejects.command("list")
def list_them(
    source: SourceName = None,
    rule: Rule = None,
    file: FilePart = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Also those worked off.")
    ] = False,
    each: Annotated[
        bool, typer.Option("--each", help="One by one, not by rule.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    json_file: JsonFile = None,
) -> None:
    """List what waits in quarantine, by rule or one by one."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.quarantine import count_open_rejects, group_rejects, list_rejects

    chosen = {"source": source, "rule": rule, "file": file, "open_only": not resolved}
    with connect(prepare_warehouse(Settings())) as conn:
        waiting = count_open_rejects(conn)
        if each:
            rows = list_rejects(conn, **chosen, limit=limit)  # type: ignore[arg-type]
            shown = [asdict(row) for row in rows]
            lines = [_one(row) for row in rows]
        else:
            groups = group_rejects(conn, **chosen, limit=_ALL)  # type: ignore[arg-type]
            shown = [asdict(group) for group in groups]
            lines = _by_rule(groups)[:limit]
    write_json(json_file, shown)
    for line in lines:
        typer.echo(line)
    totals = ", ".join(f"{name} {count:,}" for name, count in waiting.items())
    typer.echo(f"waiting: {totals}" if totals else "nothing waits in quarantine")


def _one(row: RejectRow) -> str:
    place = row.source_file
    if row.row_number is not None:
        place += f", line {row.row_number}"
    done = f" ({row.resolution})" if row.resolution else ""
    where = f", {row.field}" if row.field else ""
    return (
        f"{str(row.reject_id)[:8]}  {place}{where}: {row.rule_id}{done}\n"
        f"          {row.reason}"
    )


def _by_rule(groups: list[RejectGroup]) -> list[str]:
    rules: dict[tuple[str, str], list[RejectGroup]] = {}
    for group in groups:
        rules.setdefault((group.source, group.rule_id), []).append(group)
    ordered = sorted(rules.items(), key=lambda item: -sum(g.rejects for g in item[1]))
    return [
        f"{sum(group.rejects for group in found):>7,}  {source}: {rule}, "
        f"{len(found):,} file{'s' if len(found) > 1 else ''}\n"
        f"         as in {found[0].source_file}: {found[0].reason}\n"
        f"         {found[0].fix}"
        for (source, rule), found in ordered
    ]


@rejects.command()
def show(
    reject_id: Annotated[str, typer.Argument(help="Its id, or how it begins.")],
) -> None:
    """Show one reject: where it stood, what is wrong, what to do, and its text."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.quarantine import show_reject

    with connect(prepare_warehouse(Settings())) as conn:
        detail = show_reject(conn, reject_id)
    found = detail.reject
    place = found.source_file
    if found.row_number is not None:
        place += f", line {found.row_number}"
    lines = {
        "id": found.reject_id,
        "source": found.source,
        "place": place,
        "read from": detail.location,
        "read with": detail.read_with,
        "field": found.field,
        "rule": found.rule_id,
        "reason": found.reason,
        "what to do": found.fix,
        "refused at": f"{found.rejected_at:%Y-%m-%d %H:%M:%S %Z}",
        "worked off": found.resolution,
        "batch": found.batch_id,
    }
    for name, value in lines.items():
        if value is not None:
            typer.echo(f"{name:<12} {value}")
    if found.original is not None:
        cut = "" if (found.original_bytes or 0) <= len(found.original) else ", cut"
        typer.echo(f"\nas received ({found.original_bytes} bytes{cut}):")
        typer.echo(found.original)


@rejects.command()
def retry(
    source: SourceName = None,
    rule: Rule = None,
    file: FilePart = None,
    batch_id: Annotated[
        UUID | None,
        typer.Option("--batch", help="Only this batch, also a discarded one."),
    ] = None,
) -> None:
    """Read the files that hold rejects again, and load what is fine now."""
    from rich.console import Console

    from assets.landing.retry import retry_rejects
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from orchestration.board import Board

    board, settings = Board(Console()), Settings()
    with connect(prepare_warehouse(settings)) as conn:
        done = retry_rejects(
            conn,
            source=source,
            rule=rule,
            file=file,
            batch_id=batch_id,
            max_reject_share=settings.quarantine.max_reject_share,
            on_progress=lambda at, total: board.progress("files", at, total),
        )
    board.clear()
    typer.echo(
        f"{done.containers:,} files read again: {done.loaded:,} records loaded, "
        f"{done.resolved + done.superseded:,} rejects worked off "
        f"({done.superseded:,} by a corrected file), {done.open:,} still wait"
    )
    for problem in done.problems:
        typer.echo(f"not read: {problem.container}: {problem.problem}", err=True)
    if done.problems:
        raise typer.Exit(1)


@rejects.command()
def dismiss(
    reason: Annotated[str, typer.Option(help="Why; it is kept with every reject.")],
    reject_id: Annotated[
        str | None, typer.Argument(help="One reject, by its id or how it begins.")
    ] = None,
    source: SourceName = None,
    rule: Rule = None,
    file: FilePart = None,
) -> None:
    """Close rejects that nobody will mend; they stay refused and in quarantine."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.quarantine import dismiss_rejects

    with connect(prepare_warehouse(Settings())) as conn:
        count = dismiss_rejects(
            conn, reason, source, rule, file, id_or_prefix=reject_id
        )
        conn.commit()
    typer.echo(f"{count:,} rejects dismissed")


@batch.command()
def discard(
    batch_id: Annotated[str, typer.Argument(help="`_batch_id` of its rows.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with every row.")],
) -> None:
    """Take what one file loaded out of raw again, into quarantine."""
    from assets.warehouse import prepare_warehouse
    from database.connections import connect
    from database.discarding import discard_batch

    try:
        wanted = UUID(batch_id)
    except ValueError:
        raise UserError(
            f"{batch_id!r} is no batch id: `ausproperty rejects show` and the column "
            "_batch_id of raw tables tell them."
        ) from None
    if not reason.strip():
        raise UserError("Say why, in --reason: it is what a reader will find.")
    with connect(prepare_warehouse(Settings())) as conn:
        done = discard_batch(conn, wanted, reason.strip())
    typer.echo(
        f"{done.rows:,} rows of {', '.join(done.files[:5])} are in quarantine; the "
        "next run builds everything without them"
    )
    if done.to_read_again:
        typer.echo(
            f"{done.to_read_again:,} other files hold some of the same rows: "
            "`ausproperty rejects retry` reads them again"
        )
