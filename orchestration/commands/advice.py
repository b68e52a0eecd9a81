"""`ausproperty db advise`: what the database's statistics advise, for people."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.commands.output import JsonFile, write_json
from settings import Settings

if TYPE_CHECKING:
    from database.advice import Finding


def advise(
    json_file: JsonFile = None,
    slow: Annotated[
        float, typer.Option(min=0, help="Mean (ms) from which a statement is slow.")
    ] = 10,
) -> None:
    """Say what is slow, unused, missing, bloated or in the way, and what to do."""
    from assets.warehouse import prepare_warehouse, serving_limits
    from database import advice
    from database.connections import connect

    settings = Settings()
    url = prepare_warehouse(settings)
    with connect(url, autocommit=True, limits=serving_limits(settings)) as conn:
        found = advice.advise(conn, advice.Thresholds(statement_ms=slow))
        share = advice.cache_hit_share(conn)
    write_json(json_file, [finding.as_dict() for finding in found])
    for line in render(found):
        typer.echo(line)
    known = "unknown" if share is None else f"{share:.1%}"
    typer.echo(f"findings: {len(found)}; block reads from memory: {known}")


def render(found: list[Finding]) -> list[str]:
    """One line a finding below its kind, and below it what to do."""
    lines: list[str] = []
    for kind, group in groupby(found, key=lambda finding: finding.kind):
        findings = list(group)
        lines.append(f"{kind} ({len(findings)})")
        advice = ""
        for finding in findings:
            lines.append(f"  {finding.subject}: {finding.detail}")
            if finding.advice != advice:
                lines.append(f"    -> {finding.advice}")
            advice = finding.advice
    return lines
