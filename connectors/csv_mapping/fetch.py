"""Fetching a CSV file from an address."""

from __future__ import annotations

from pathlib import Path

from connectors.resilience import Refused, SourceClient, TooLarge
from domain.errors import PermanentError


def fetch_csv(client: SourceClient, url: str, landing: Path) -> Path:
    """Land one CSV file; it is not fetched again while it has not changed.

    Raises:
        SourceDown, Parked: the server is away.
        PermanentError: the server does not give it.
    """
    try:
        return client.download(url, landing).path
    except (Refused, TooLarge) as error:
        raise PermanentError(
            f"The CSV file cannot be fetched: {error} Or download the "
            "file and give its path."
        ) from error
