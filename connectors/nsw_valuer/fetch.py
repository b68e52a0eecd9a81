"""Fetching PSI files from a listing page, or from the address of one file.

Belongs here: which links are PSI files and how the server wants to be asked. Transport
is `connectors.resilience`; what is in the files is `containers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from connectors.nsw_valuer.names import Weeks, is_wanted
from connectors.resilience import (
    Parked,
    Refused,
    SourceClient,
    SourceDown,
    SourceError,
)
from domain.errors import UserError

_FILE = re.compile(r"(?:(?<!\d)(?:\d{8}|\d{4})\.zip|\.dat)$", re.IGNORECASE)
#: Where the Valuer General's server keeps weekly files, below `/__psi`.
_WEEKLY_FOLDER = "/weekly/"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file of a listing: where it landed, or why it did not."""

    url: str
    path: Path | None
    problem: str | None = None


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.extend(
                value for name, value in attrs if name == "href" and value
            )


def is_url(location: str) -> bool:
    """Whether a location is fetched rather than read in place."""
    return urlsplit(location).scheme in ("http", "https")


def list_files(
    client: SourceClient, location: str, weeks: Weeks | None = None
) -> list[str]:
    """Addresses of the PSI files a listing offers, oldest first.

    The real listing is sometimes empty, and the folder of weekly files shows no page.
    With `weeks` given their addresses are then built by rule (`YYYYMMDD.zip`, Mondays).

    Raises:
        SourceDown, Parked: the server is away.
        UserError: the page cannot be read, or links to no PSI file and no weeks were
            asked for. Either may pass.
    """
    if _FILE.search(urlsplit(location).path):
        return [location]
    try:
        page = client.get(location).text
    except Refused as error:
        if weeks is not None and _WEEKLY_FOLDER in location:
            return list(_weekly_addresses(location, weeks))
        raise UserError(
            f"The listing of weekly sales files cannot be read: {error} Or "
            "download the files and give their folder."
        ) from error
    links = _Links()
    links.feed(page)
    urls = {urljoin(location, link) for link in links.found}
    files = [url for url in urls if _FILE.search(urlsplit(url).path)]
    if not files and weeks is not None:
        return list(_weekly_addresses(location, weeks))
    if not files:
        raise UserError(
            f"The page {location} links to no weekly file (YYYYMMDD.zip). The listing "
            "is empty at times: try later, name the weeks, or give a folder of files."
        )
    wanted = [url for url in files if is_wanted(urlsplit(url).path, weeks)]
    return sorted(wanted, key=lambda url: urlsplit(url).path.rsplit("/", 1)[-1])


def _weekly_addresses(location: str, weeks: Weeks) -> Iterator[str]:
    base = location if location.endswith("/") else f"{location}/"
    if _WEEKLY_FOLDER not in base:
        base = urljoin(location, f"/__psi{_WEEKLY_FOLDER}")
    monday, last = weeks
    while monday <= last:
        yield urljoin(base, f"{monday:%Y%m%d}.zip")
        monday += timedelta(weeks=1)


def fetch_files(
    client: SourceClient,
    location: str,
    landing: Path,
    weeks: Weeks | None = None,
    on_file: Callable[[int, int], None] | None = None,
) -> list[Fetched]:
    """Land every file of a listing; files that are there unchanged are not fetched.

    One file that fails does not stop the others: its problem is returned.

    Raises:
        SourceDown, Parked: the server is away, so that nothing at all was fetched.
        UserError: the listing cannot be read, or nothing at all could be fetched.
    """
    urls = list_files(client, location, weeks)
    # Without the page it is linked from, the server answers 403 for a weekly file.
    headers = {"Referer": location}
    results: list[Fetched] = []
    away: SourceDown | Parked | None = None
    for number, url in enumerate(urls, start=1):
        try:
            landed = client.download(url, landing, headers=headers)
            results.append(Fetched(url, landed.path))
        except SourceError as error:
            if isinstance(error, SourceDown | Parked):
                away = away or error
            results.append(Fetched(url, None, str(error)))
        if on_file is not None:
            on_file(number, len(urls))
    if results and all(result.path is None for result in results):
        if away is not None:
            raise away
        raise UserError(
            f"None of {len(results)} files could be fetched; the first: "
            f"{results[0].problem}. Check the network and try again."
        )
    return results
