"""HTTP for connectors: a session that tries again, downloads that are whole or absent.

Belongs here: retries, atomic landing of files, and not fetching twice. What to fetch is
each source's own business. The session is the caller's, so tests pass their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from connectors.archives import DEFAULT_LIMITS, MIB

#: Seconds to connect, seconds between two bytes.
TIMEOUT = (10.0, 60.0)
USER_AGENT = "ausproperty/0.1 (property sales research)"
_STALE_SECONDS = 3600.0


class DownloadError(Exception):
    """A file could not be fetched; the message says what the server did."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is remembered beside a downloaded file, to know whether it has changed."""

    url: str
    size_bytes: int
    sha256: str
    etag: str | None
    last_modified: str | None


def resilient_session(*, attempts: int = 4, backoff: float = 0.5) -> requests.Session:
    """A session that repeats GETs on connection errors, 429 and 5xx, ever later.

    `Retry-After` is honoured up to two minutes.
    """
    retry = Retry(
        total=attempts,
        backoff_factor=backoff,
        backoff_max=30,
        backoff_jitter=backoff,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET", "HEAD"),
        respect_retry_after_header=True,
        retry_after_max=120,
        raise_on_status=False,
    )
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def get_text(session: requests.Session, url: str) -> str:
    """Body of a page.

    Raises:
        DownloadError: no answer, or an answer other than 200.
    """
    try:
        with session.get(url, timeout=TIMEOUT) as response:
            if response.status_code != 200:
                raise DownloadError(f"{url} answered {response.status_code}")
            return response.text
    except requests.RequestException as error:
        raise DownloadError(f"{url}: {_cause(error)}") from error


def download(
    session: requests.Session,
    url: str,
    folder: Path,
    *,
    headers: dict[str, str] | None = None,
    max_bytes: int = DEFAULT_LIMITS.member_bytes,
    attempts: int = 3,
) -> Path:
    """Fetch `url` into `folder` and return the file, which is whole or not there.

    A file fetched before is kept if the server says it has not changed (304, or the
    same size with the same ETag or date). A body that ends early is fetched anew.

    Raises:
        DownloadError: the server refused, or every attempt ended early.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    target = folder / _file_name(url)
    receipt = _read_receipt(target)
    asked = dict(headers or {})
    asked["Accept-Encoding"] = "identity"
    if receipt is not None:
        if receipt.etag:
            asked["If-None-Match"] = receipt.etag
        if receipt.last_modified:
            asked["If-Modified-Since"] = receipt.last_modified
    problem = ""
    for _ in range(attempts):
        try:
            with session.get(
                url, headers=asked, timeout=TIMEOUT, stream=True
            ) as response:
                if response.status_code == 304 or _unchanged(response, receipt):
                    return target
                if response.status_code != 200:
                    raise DownloadError(f"{url} answered {response.status_code}")
                return _save(response, url, target, max_bytes)
        except requests.RequestException as error:
            problem = _cause(error)
    raise DownloadError(f"{url}: {problem} ({attempts} attempts)")


def _unchanged(response: requests.Response, receipt: Receipt | None) -> bool:
    if receipt is None or response.status_code != 200:
        return False
    length = response.headers.get("Content-Length")
    if length is None or int(length) != receipt.size_bytes:
        return False
    etag = response.headers.get("ETag")
    modified = response.headers.get("Last-Modified")
    if etag or receipt.etag:
        return etag == receipt.etag
    return modified is not None and modified == receipt.last_modified


def _save(response: requests.Response, url: str, target: Path, max_bytes: int) -> Path:
    """Write the body under a temporary name, then give it its own."""
    digest = hashlib.sha256()
    size = 0
    handle, name = tempfile.mkstemp(".part", ".", target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            for data in response.iter_content(MIB):
                size += len(data)
                if size > max_bytes:
                    raise DownloadError(f"{url} is longer than {max_bytes} bytes")
                digest.update(data)
                out.write(data)
            stated = response.headers.get("Content-Length")
            if stated is not None and size != int(stated):
                raise requests.exceptions.ChunkedEncodingError(
                    f"the body ended after {size} of {stated} bytes"
                )
            out.flush()
            os.fsync(out.fileno())
        part.chmod(0o644)
        # Until its receipt is written again, a replaced file counts as not known.
        _receipt_path(target).unlink(missing_ok=True)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    receipt = Receipt(
        url,
        size,
        digest.hexdigest(),
        response.headers.get("ETag"),
        response.headers.get("Last-Modified"),
    )
    _write_receipt(target, receipt)
    return target


def _file_name(url: str) -> str:
    name = Path(unquote(urlsplit(url).path)).name
    if not name or name.startswith("."):
        raise DownloadError(f"{url} names no file")
    return name


def _receipt_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.receipt.json")


def _write_receipt(target: Path, receipt: Receipt) -> None:
    path = _receipt_path(target)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(receipt)))
    part.replace(path)


def _read_receipt(target: Path) -> Receipt | None:
    """The receipt of a file that is still there as it was landed."""
    try:
        receipt = Receipt(**json.loads(_receipt_path(target).read_text()))
        return receipt if target.stat().st_size == receipt.size_bytes else None
    except (OSError, ValueError, TypeError):
        return None


def _sweep(folder: Path) -> None:
    """Remove unfinished downloads of processes that died."""
    for part in folder.glob(".*.part"):
        try:
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink()
        except OSError:
            continue


def _cause(error: BaseException) -> str:
    """The innermost reason, in few words."""
    text = str(error).split("(Caused by", 1)[-1].strip("() ")
    return text[:300] or type(error).__name__
