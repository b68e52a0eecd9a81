"""Fetching a CSV file from an address."""

from __future__ import annotations

from pathlib import Path

import requests

from connectors.http import DownloadError, download
from domain.errors import UserError


def fetch_csv(session: requests.Session, url: str, landing: Path) -> Path:
    """Land one CSV file; it is not fetched again while it has not changed.

    Raises:
        UserError: the server does not give it.
    """
    try:
        return download(session, url, landing)
    except DownloadError as error:
        raise UserError(
            f"The CSV file cannot be fetched: {error}. Check the address and the "
            "network, or download the file and give its path."
        ) from error
