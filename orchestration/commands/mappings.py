"""`ausproperty mapping`: proposing a column mapping for a file, and trying it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

mapping = typer.Typer(
    help="Column mappings of sales files: propose one, try one.", no_args_is_help=True
)

SalesFile = Annotated[
    Path, typer.Argument(help="CSV, Parquet, XLSX, XLS or ODS; gzip and ZIP too.")
]


@mapping.command()
def suggest(
    file: SalesFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the mapping to this file."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the mapping; from the file's name.")
    ] = None,
) -> None:
    """Propose a mapping for an unknown file, and say how sure each column is.

    The mapping goes to standard output (or --output), what is thought of it to
    standard error: `ausproperty mapping suggest FILE > mine.yaml` keeps both apart.
    """
    from connectors.csv_mapping.render import render_suggestion
    from connectors.csv_mapping.suggest import suggest_mapping

    if output is not None and output.exists():
        raise UserError(f"{output} is there already: name another file.")
    console = _console(stderr=True)
    with console.status(f"looking at {file.name}"):
        found = suggest_mapping(file, name=name)
    console.print(render_suggestion(found))
    if output is None:
        typer.echo(found.text)
        return
    output.write_text(found.text, encoding="utf-8")
    typer.echo(
        f"{output} written; try it: ausproperty mapping check {file} --mapping "
        f"{output}",
        err=True,
    )


@mapping.command()
def check(
    file: SalesFile,
    mapping_name: Annotated[
        str, typer.Option("--mapping", help="A shipped name or a YAML file.")
    ],
    rows: Annotated[int, typer.Option(min=0, help="Mapped rows to show.")] = 20,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Look at this many rows only.")
    ] = None,
) -> None:
    """Show mapped rows beside what the file says, and every problem; loads nothing.

    Ends with 1 if a row or the file is refused, or if no row is a sale.
    """
    from connectors.csv_mapping.check import check_mapping
    from connectors.csv_mapping.render import render_check

    with _console(stderr=True).status(f"mapping {file.name}"):
        found = check_mapping(file, mapping_name, rows, limit=limit)
    _console().print(render_check(found))
    raise typer.Exit(found.exit_code)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr)
    # On a terminal tables fit themselves; into a pipe every line stays whole.
    return console if console.is_terminal else Console(stderr=stderr, width=140)
