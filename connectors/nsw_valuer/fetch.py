"""Fetching PSI files from the publisher's site.

Belongs here: how the server wants to be asked, and where a week is when its own file is
gone. Transport is `connectors.resilience`; what is offered is `listing`; what is in the
files is `containers`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

from connectors.nsw_valuer.listing import (
    is_file_address,
    read_listing,
    recall_listing,
    wanted_files,
    yearly_address,
)
from connectors.nsw_valuer.names import Weeks
from connectors.resilience import (
    Parked,
    Refused,
    SourceClient,
    SourceDown,
    SourceError,
)
from domain.errors import PermanentError, UserError

_GONE = (404, 410)


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file of a listing: where it landed, or why it did not.

    `is_outage`: the server was away, so that it may well be there later.
    """

    url: str
    path: Path | None
    problem: str | None = None
    is_outage: bool = False


@dataclass(slots=True)
class _Fetch:
    """One run's downloads."""

    client: SourceClient
    location: str
    landing: Path
    results: list[Fetched] = field(default_factory=list)
    away: SourceDown | Parked | None = None
    is_forbidden: bool = False
    #: Weekly files that are not there, by the year's ZIP that may hold them.
    gone: dict[str, list[Fetched]] = field(default_factory=dict)

    def get(self, url: str) -> Fetched:
        """Fetch one file; a failure is a result."""
        # Without the page it is linked from, the server answers 403 for a weekly file.
        is_file = is_file_address(self.location)
        referer = urljoin(self.location, "/") if is_file else self.location
        try:
            landed = self.client.download(
                url, self.landing, headers={"Referer": referer}
            )
        except SourceError as error:
            return self._failed(url, error)
        return Fetched(url, landed.path)

    def _failed(self, url: str, error: SourceError) -> Fetched:
        problem = str(error)
        is_outage = isinstance(error, SourceDown | Parked)
        if isinstance(error, SourceDown | Parked):
            self.away = self.away or error
        if isinstance(error, Refused) and error.status == 403:
            self.is_forbidden = True
            problem = (
                f"{url} answered 403. The site gives its files only to those who come "
                "from its listing page: give that page's address as the location, or "
                "download the files with a browser and give their folder."
            )
        result = Fetched(url, None, problem, is_outage)
        year = yearly_address(url)
        if isinstance(error, Refused) and error.status in _GONE and year is not None:
            self.gone.setdefault(year[1], []).append(result)
        return result

    def look_in_years(self) -> None:
        """Fetch the ZIP of each year whose weekly files are gone, once."""
        for url, missing in list(self.gone.items()):
            found = next((r for r in self.results if r.url == url), None)
            if found is None:
                found = self.get(url)
                if found.path is not None:
                    self.results.append(found)
            if found.path is not None:
                # Whatever weeks it lacks were never published.
                self.results = [r for r in self.results if r not in missing]


def fetch_files(
    client: SourceClient,
    location: str,
    landing: Path,
    weeks: Weeks | None = None,
    on_file: Callable[[int, int], None] | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> list[Fetched]:
    """Land every wanted file of a listing; those that are there unchanged stay.

    One file that fails does not stop the others: its problem is returned. Weekly files
    that are gone are looked for in the ZIP of their year, which is fetched once.

    Raises:
        SourceDown, Parked: the server is away, so that nothing at all was fetched.
        UserError: the listing cannot be read, or nothing at all could be fetched.
    """
    offered = recall_listing(landing, location, clock())
    if offered is None:
        offered = read_listing(client, location)
    urls = wanted_files(location, offered, weeks)
    fetch = _Fetch(client, location, landing)
    for number, url in enumerate(urls, start=1):
        fetch.results.append(fetch.get(url))
        if on_file is not None:
            on_file(number, len(urls))
    fetch.look_in_years()
    results = fetch.results
    if results and all(result.path is None for result in results):
        if fetch.away is not None:
            raise fetch.away
        kind = PermanentError if fetch.is_forbidden else UserError
        raise kind(
            f"None of {len(results)} files could be fetched; the first: "
            f"{results[0].problem} Check the network and try again."
        )
    return results
