"""Every source there is, in one place: what is known of each."""

from __future__ import annotations

from domain.sources import SourceInfo


def all_infos() -> list[SourceInfo]:
    """What each source's connector says of it, listings and sales first."""
    from connectors import csv_mapping, domain_api, nsw_valuer, reaxml, reference

    first = (nsw_valuer.INFO, domain_api.INFO, reaxml.INFO, csv_mapping.INFO)
    return [*first, *reference.INFOS.values()]


def sources_table() -> str:
    """Every source as the table of docs/sources.md (a test holds the page to it)."""
    headings = (
        "source",
        "fields",
        "cadence",
        "licence",
        "limits",
        "when it is away",
        "may be old",
        "raw tables",
    )
    lines = ["| " + " | ".join(headings) + " |", "| --- " * len(headings) + "|"]
    for info in all_infos():
        words = (info.fields, info.cadence, info.licence, info.limits, info.failure)
        tables = ", ".join(f"`{table}`" for table in info.tables)
        cells = (
            f"**{info.name}**: {info.title}",
            *map(_as_cell, words),
            _span(info.stale_hours),
            tables,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _as_cell(text: str) -> str:
    return (text[:1].upper() + text[1:]).removesuffix(".").replace("|", "\\|")


def _span(hours: float | None) -> str:
    if hours is None:
        return "any age"
    return f"{hours:g} hours" if hours < 72 else f"{hours / 24:g} days"
