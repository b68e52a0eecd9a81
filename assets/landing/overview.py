"""The sources and their health as a table: what `ausproperty sources` prints.

Belongs here: which sources there are, and the words of a line. The facts come from
`database.source_health`, what is known of a source from its connector's `INFO`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from database.source_health import SourceHealth, source_health
from domain.sources import SourceInfo


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source in words; `is_well` False deserves attention."""

    name: str
    last_success: str
    freshness: str
    breaker: str
    rows: str
    rejects: str
    parked_until: str
    is_well: bool


#: Titles of the columns, in the order of `SourceLine`'s fields.
COLUMNS = (
    "source",
    "last success, UTC",
    "freshness",
    "breaker",
    "rows",
    "rejects",
    "parked until, UTC",
)


def sources_overview(
    conn: psycopg.Connection,
    infos: Iterable[SourceInfo],
    *,
    stale_hours: Mapping[str, float | None] | None = None,
    configured: Iterable[str] | None = None,
) -> list[SourceLine]:
    """A line for each source, and for any other that left traces.

    `stale_hours` are limits that settings put in place of the sources' own;
    `configured` are the sources that are pulled at all (None: say nothing of it).
    """
    limits = {info.name: info.stale_hours for info in infos}
    limits |= {
        name: hours for name, hours in (stale_hours or {}).items() if hours is not None
    }
    known = None if configured is None else set(configured)
    return [
        _line(health, is_set=known is None or health.source in known)
        for health in source_health(conn, limits)
    ]


def _line(health: SourceHealth, *, is_set: bool) -> SourceLine:
    return SourceLine(
        name=health.source,
        last_success=_time(health.last_success) or "never",
        freshness=_freshness(health, is_set),
        breaker=_breaker(health),
        rows=f"{health.rows:,}",
        rejects=f"{health.open_rejects:,}",
        parked_until=_time(health.parked_until),
        is_well=not health.is_stale
        and health.breaker == "closed"
        and health.parked_until is None
        and health.last_status in (None, "ok"),
    )


def _freshness(health: SourceHealth, is_set: bool) -> str:
    if health.age_hours is None:
        return "no data yet" if is_set else "not configured"
    age = span(health.age_hours)
    if health.stale_hours is None:
        word = f"{age} old"
    else:
        judged = "STALE" if health.is_stale else "fresh"
        word = f"{judged}, {age} of {span(health.stale_hours)}"
    if health.last_status in ("stale", "parked", "failed"):
        word += f" (last pull: {health.last_status})"
    return word


def _breaker(health: SourceHealth) -> str:
    word = health.breaker.replace("_", "-")
    if health.breaker == "open" and health.breaker_until is not None:
        word += f" until {_time(health.breaker_until)} UTC"
    if health.breaker != "closed" and health.breaker_reason:
        word += f": {health.breaker_reason}"
    return word


def span(hours: float) -> str:
    """Hours as people say them: 25 min, 3.5 h, 12 days."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 72:
        return f"{hours:.1f} h" if hours % 1 else f"{hours:.0f} h"
    return f"{hours / 24:.0f} days"


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
