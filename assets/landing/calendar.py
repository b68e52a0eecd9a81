"""Which weeks a place has PSI files for: what a run's partitions are planned from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from connectors.nsw_valuer.fetch import is_url, list_files
from connectors.nsw_valuer.names import week_of
from connectors.resilience import POLICIES, SourceClient

_YEARLY_NAME = re.compile(r"(?<!\d)(\d{4})\.zip$", re.IGNORECASE)


def dated_files(folder: Path) -> Iterator[tuple[Path, date]]:
    """Files of a folder whose name tells a day, in name order."""
    for path in sorted(folder.iterdir()):
        day = week_of(path.name)
        if day is not None and path.is_file():
            yield path, day


def weeks_on_offer(
    location: str, client: SourceClient | None = None
) -> tuple[date, date] | None:
    """First and last week named by the files at `location`; None if no name tells.

    Raises:
        UserError: a listing that cannot be read.
    """
    if is_url(location):
        with client or SourceClient(POLICIES["nsw_valuer"]) as asked:
            urls = list_files(asked, location)
        names = [Path(urlsplit(url).path).name for url in urls]
    else:
        path = Path(location).expanduser()
        names = [f.name for f in path.rglob("*")] if path.is_dir() else [path.name]
    days = [day for name in names for day in _days(name)]
    return (min(days), max(days)) if days else None


def _days(name: str) -> list[date]:
    if found := _YEARLY_NAME.search(name):
        year = int(found[1])
        return [date(year, 1, 1), date(year, 12, 31)]
    day = week_of(name)
    return [] if day is None else [day]
