"""How commands hand out what they found: as lines, and as JSON where asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Found = TypeVar("Found", bound="DataclassInstance")

JsonFile = Annotated[
    Path | None, typer.Option("--json", help="Also write what is shown to this file.")
]


def write_json(file: Path | None, told: Any) -> None:
    """Write plain values to a file, where there is one; days and ids as text."""
    if file is not None:
        text = json.dumps(told, indent=2, default=str)
        file.write_text(text + "\n", encoding="utf-8")


def show_list(
    found: Sequence[Found],
    line: Callable[[Found], str],
    json_file: Path | None,
    nothing: str | None = None,
) -> None:
    """Print a line for each of what was found, or that it was ``nothing``."""
    write_json(json_file, [asdict(each) for each in found])
    for each in found:
        typer.echo(line(each))
    if nothing is not None and not found:
        typer.echo(nothing)
