"""What the publisher offers: the listing page, and addresses built by rule.

Belongs here: which links are PSI files, which of them a run needs, and a listing read
once for a whole run. Downloading them is `fetch`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit

from connectors.nsw_valuer.names import Weeks, is_psi, is_wanted, week_of, year_of
from connectors.resilience import Refused, SourceClient
from domain.errors import UserError

#: Where the Valuer General's server keeps its files, below `/__psi`.
WEEKLY_FOLDER: Final = "/weekly/"
YEARLY_FOLDER: Final = "/yearly/"

_REMEMBERED: Final = ".listing.json"
#: A listing is remembered for the run that was planned from it, no longer.
_REMEMBERED_SECONDS: Final = 900.0


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


def is_file_address(location: str) -> bool:
    """Whether an address is that of one PSI file rather than of a page."""
    return is_psi(urlsplit(location).path)


def read_listing(client: SourceClient, location: str) -> list[str]:
    """Addresses of all PSI files a page links to; none for an empty listing.

    Raises:
        SourceDown, Parked: the server is away.
        UserError: the page cannot be read.
    """
    if is_file_address(location):
        return [location]
    try:
        page = client.get(location).text
    except Refused as error:
        if WEEKLY_FOLDER in location:
            return []  # the folder of weekly files shows no page
        raise UserError(
            f"The listing of weekly sales files cannot be read: {error} Or "
            "download the files and give their folder."
        ) from error
    links = _Links()
    links.feed(page)
    urls = {urljoin(location, link.strip()) for link in links.found}
    return sorted(url for url in urls if is_url(url) and is_file_address(url))


def wanted_files(location: str, offered: list[str], weeks: Weeks | None) -> list[str]:
    """Which files to fetch, oldest first.

    A yearly ZIP only where a wanted week of its year is not offered by itself. The real
    listing is sometimes empty: weekly addresses are then built by rule
    (`YYYYMMDD.zip`, Mondays).

    Raises:
        UserError: nothing is offered and no weeks were asked for. It may pass.
    """
    if not offered and weeks is not None:
        return list(_weekly_addresses(location, weeks))
    if not offered:
        raise UserError(
            f"The page {location} links to no weekly file (YYYYMMDD.zip). The listing "
            "is empty at times: try later, name the weeks, or give a folder of files."
        )
    if offered == [location]:
        return offered
    names = {url: urlsplit(url).path.rpartition("/")[2] for url in offered}
    offered_weeks = {week for name in names.values() if (week := week_of(name))}
    wanted = []
    for url, name in names.items():
        year = year_of(name)
        if not is_wanted(name, weeks):
            continue
        if year is None or any(
            monday not in offered_weeks for monday in _mondays(year, weeks)
        ):
            wanted.append(url)
    return sorted(wanted, key=lambda url: names[url])


def yearly_address(weekly: str) -> tuple[int, str] | None:
    """Year and address of the ZIP that takes up a weekly one when its year is over."""
    path = urlsplit(weekly).path
    week = week_of(path.rpartition("/")[2])
    if week is None or WEEKLY_FOLDER not in path:
        return None
    folder = weekly.rpartition(WEEKLY_FOLDER)[0]
    return week.year, f"{folder}{YEARLY_FOLDER}{week.year}.zip"


def _mondays(year: int, weeks: Weeks | None) -> Iterator[date]:
    day = date(year, 1, 1)
    monday = day + timedelta(days=-day.weekday() % 7)
    while monday.year == year:
        if weeks is None or weeks[0] <= monday <= weeks[1]:
            yield monday
        monday += timedelta(weeks=1)


def _weekly_addresses(location: str, weeks: Weeks) -> Iterator[str]:
    base = location if location.endswith("/") else f"{location}/"
    if WEEKLY_FOLDER not in base:
        base = urljoin(location, f"/__psi{WEEKLY_FOLDER}")
    monday, last = weeks
    while monday <= last:
        yield urljoin(base, f"{monday:%Y%m%d}.zip")
        monday += timedelta(weeks=1)


def remember_listing(
    folder: Path, location: str, offered: Iterable[str], now: float
) -> None:
    """Keep a listing for the run that is planned from it. `now` in epoch seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _REMEMBERED
    part = path.with_suffix(".part")
    content = {"location": location, "read_at": now, "offered": list(offered)}
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(path)


def recall_listing(folder: Path, location: str, now: float) -> list[str] | None:
    """The remembered listing of a location, once; None if there is no fresh one."""
    path = folder / _REMEMBERED
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        path.unlink(missing_ok=True)
        if content["location"] != location:
            return None
        if not 0 <= now - content["read_at"] <= _REMEMBERED_SECONDS:
            return None
        return [str(url) for url in content["offered"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
