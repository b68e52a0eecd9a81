"""What the platform knows of each source: who publishes it, how often, on what terms.

Belongs here: the shape of that description. Each connector package describes its own
source as `INFO`; `docs/sources.md` and `ausproperty sources` show them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source, for people and for its health.

    `cadence` says how often something new comes, `fields` what it gives, `limits` what
    the publisher allows or leaves out, `failure` what happens here while it is away.
    `stale_hours` is how old the last good snapshot may get while the source is down;
    None: it does not go stale. `tables` are its raw tables, schema included.
    `quiet_days` is how long it may bring nothing new before that is worth a look;
    None: it brings something when it does, or nothing any more.
    """

    name: str
    title: str
    publisher: str
    url: str | None
    licence: str
    cadence: str
    fields: str
    limits: str
    failure: str
    stale_hours: float | None
    tables: tuple[str, ...]
    quiet_days: float | None = None
