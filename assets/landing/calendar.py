"""Which weeks a place has PSI files for: what a run's partitions are planned from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from assets.landing.nsw_valuer import land_remote
from connectors.locations import is_remote
from connectors.nsw_valuer.layout import SOURCE
from connectors.nsw_valuer.listing import is_url, read_listing, remember_listing
from connectors.nsw_valuer.names import days_of, week_of
from connectors.resilience import POLICIES, SourceClient


def dated_files(folder: Path) -> Iterator[tuple[Path, date]]:
    """Files of a folder whose name tells a day, in name order."""
    for path in sorted(folder.iterdir()):
        day = week_of(path.name)
        if day is not None and path.is_file():
            yield path, day


def weeks_on_offer(
    location: str,
    *,
    landing: Path | None = None,
    client: SourceClient | None = None,
    clock: Callable[[], float] = time.time,
) -> tuple[date, date] | None:
    """First and last day named by the files at `location`; None if no name tells.

    With `landing` given, what is read of a remote place serves the run that is planned
    from it, which then does not read it again.

    Raises:
        SourceDown, Parked: the server is away.
        UserError: a listing or a store that cannot be read.
    """
    if is_url(location):
        asked = client or SourceClient(POLICIES[SOURCE])
        urls = read_listing(asked, location)
        if landing is not None:
            remember_listing(landing, location, urls, clock())
        names = [Path(urlsplit(url).path).name for url in urls]
    elif is_remote(location):
        if landing is None:
            return None
        names = _names_in(land_remote(location, landing))
    else:
        names = _names_in(Path(location).expanduser())
    days = [day for name in names for day in days_of(name) or ()]
    return (min(days), max(days)) if days else None


def _names_in(path: Path) -> list[str]:
    return [f.name for f in path.rglob("*")] if path.is_dir() else [path.name]
