"""Files: whole or absent, not fetched twice, resumed where they broke off.

Belongs here: the unfinished file (`.NAME.part`) with its validator, the finished one
with its receipt, and the requests that go with them. A part outlives its process, so
that a killed download goes on; a lock on it keeps two processes from writing one file.
Attempts, limits and errors are `client`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import unquote, urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from connectors.resilience.call import Call, Downloaded
from connectors.resilience.errors import Refused
from connectors.resilience.outcome import Failure
from connectors.resilience.secrets import redact

if TYPE_CHECKING:
    from connectors.resilience.client import SourceClient

_CHUNK: Final = 1 << 20
_PART_KEPT_SECONDS: Final = 7 * 86_400
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is remembered beside a downloaded file. `url` is without credentials."""

    url: str
    size_bytes: int
    sha256: str
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class _Validator:
    """Which version of a file a part is of. `total` is its length, where stated."""

    url: str
    etag: str | None
    last_modified: str | None
    total: int | None

    @property
    def condition(self) -> str | None:
        """Value for If-Range: a strong tag, else a date; None: cannot go on."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return None if self.etag else self.last_modified


def fetch_file(
    client: SourceClient,
    url: str,
    folder: Path,
    headers: Mapping[str, str],
    max_bytes: int,
    name: str | None,
) -> Downloaded:
    """Fetch one file; see `SourceClient.download`."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    target = folder / (name or _file_name(client.policy.source, url))
    with _locked_part(target) as part:
        transfer = _Transfer(client, url, target, part, max_bytes)
        return client.run(
            Call(
                "GET",
                url,
                transfer.receive,
                headers=lambda: {**headers, **transfer.conditions()},
                accepted=frozenset({304, 416}),
                progress=lambda: transfer.kept,
            )
        )


def read_receipt(target: Path) -> Receipt | None:
    """The receipt of a file that is still there as it was landed."""
    try:
        receipt = Receipt(**json.loads(_receipt_path(target).read_text()))
        return receipt if target.stat().st_size == receipt.size_bytes else None
    except (OSError, ValueError, TypeError):
        return None


class _Transfer:
    """One file on its way from a server to its name."""

    def __init__(
        self,
        client: SourceClient,
        url: str,
        target: Path,
        part: BinaryIO,
        max_bytes: int,
    ) -> None:
        self._client = client
        self._url = redact(url)
        self._target = target
        self._part = part
        self._max_bytes = max_bytes
        known = read_receipt(target)
        # A file of the same name from elsewhere: its dates say nothing about this one.
        self._receipt = known if known and known.url == self._url else None
        self._digest = hashlib.sha256()
        self._size = 0
        self._validator = self._recover()
        self._resumed = 0

    @property
    def kept(self) -> int:
        """Bytes that the next attempt need not fetch."""
        return self._size

    def conditions(self) -> dict[str, str]:
        """Headers of the next attempt."""
        asked = {"Accept-Encoding": "identity"}
        if self._receipt is not None:
            if self._receipt.etag:
                asked["If-None-Match"] = self._receipt.etag
            if self._receipt.last_modified:
                asked["If-Modified-Since"] = self._receipt.last_modified
        if self._size and self._validator and self._validator.condition:
            asked["Range"] = f"bytes={self._size}-"
            asked["If-Range"] = self._validator.condition
        return asked

    def receive(self, response: requests.Response) -> Downloaded | Failure:
        """Take an accepted response: the file, the rest of it, or `not changed`."""
        status = response.status_code
        if status == 304 and self._receipt is not None:
            return self._done(self._receipt, is_new=False)
        if status == 416 or status == 304:
            self._start_over(None)
            return Failure("cut", "the part asked for is not there", self._url, status)
        if self._receipt is not None and self._is_unchanged(response):
            self._client.metrics.add("not_modified")
            return self._done(self._receipt, is_new=False)
        if status == 206:
            if not self._continues(response):
                self._start_over(None)
                reason = "the server went on with another file"
                return Failure("cut", reason, self._url, status)
            self._resumed = self._size
        else:
            self._start_over(_validator_of(self._url, response))
        return self._take(response)

    def _take(self, response: requests.Response) -> Downloaded | Failure:
        try:
            for data in _as_they_come(response):
                self._client.metrics.add("bytes", len(data))
                if self._size + len(data) > self._max_bytes:
                    self._start_over(None)
                    return Failure("too_large", str(self._max_bytes), self._url)
                self._part.write(data)
                self._digest.update(data)
                self._size += len(data)
        except (requests.RequestException, HTTPError, ConnectionError) as error:
            return self._broke_off(response, error)
        finally:
            self._part.flush()
        stated = self._validator.total if self._validator else None
        if stated is not None and self._size != stated:
            return self._broke_off(response)
        return self._finish(response)

    def _broke_off(
        self, response: requests.Response, error: Exception | None = None
    ) -> Failure:
        stated = self._validator.total if self._validator else None
        of = f" of {stated:,}" if stated is not None else ""
        what = "was too slow" if isinstance(error, ReadTimeoutError) else "broke off"
        reason = f"the body {what} after {self._size:,}{of} bytes"
        if self._validator is None or self._validator.condition is None:
            self._start_over(None)
        return Failure("cut", reason, self._url, response.status_code)

    def _finish(self, response: requests.Response) -> Downloaded:
        """Give the whole file its name, then its receipt."""
        os.fsync(self._part.fileno())
        # Until its receipt is written again, a replaced file counts as not known.
        _receipt_path(self._target).unlink(missing_ok=True)
        _part_path(self._target).replace(self._target)
        _about_part(self._target).unlink(missing_ok=True)
        receipt = Receipt(
            self._url,
            self._size,
            self._digest.hexdigest(),
            response.headers.get("ETag"),
            response.headers.get("Last-Modified"),
        )
        _write_json(_receipt_path(self._target), receipt)
        return self._done(receipt, is_new=True)

    def _done(self, receipt: Receipt, *, is_new: bool) -> Downloaded:
        return Downloaded(
            self._target,
            receipt.sha256,
            receipt.size_bytes,
            is_new,
            receipt.etag,
            receipt.last_modified,
            self._resumed,
        )

    def _recover(self) -> _Validator | None:
        """Take up the part of an earlier process if it is known what it is of."""
        try:
            text = _about_part(self._target).read_text()
            validator = _Validator(**json.loads(text))
        except (OSError, ValueError, TypeError):
            validator = None
        self._part.seek(0, os.SEEK_END)
        size = self._part.tell()
        if (
            validator is None
            or validator.url != self._url
            or validator.condition is None
            or (validator.total is not None and size > validator.total)
        ):
            self._part.truncate(0)
            self._part.seek(0)
            return None
        self._part.seek(0)
        while data := self._part.read(_CHUNK):
            self._digest.update(data)
        self._size = size
        return validator

    def _start_over(self, validator: _Validator | None) -> None:
        _about_part(self._target).unlink(missing_ok=True)
        self._part.seek(0)
        self._part.truncate(0)
        self._digest = hashlib.sha256()
        self._size = self._resumed = 0
        self._validator = validator
        if validator is not None and validator.condition is not None:
            _write_json(_about_part(self._target), validator)

    def _continues(self, response: requests.Response) -> bool:
        """Whether a 206 is the rest of the part: same place, same file."""
        found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if found is None or self._validator is None:
            return False
        theirs = _validator_of(self._url, response)
        same = int(found[1]) == self._size and self._validator.total in (
            None if found[2] == "*" else int(found[2]),
            None,
        )
        if theirs.etag and self._validator.etag:
            return same and theirs.etag == self._validator.etag
        return same

    def _is_unchanged(self, response: requests.Response) -> bool:
        """Whether a 200 is the file we have: servers that know no conditions."""
        if self._receipt is None or response.status_code != 200:
            return False
        if _length(response) != self._receipt.size_bytes:
            return False
        etag = response.headers.get("ETag")
        modified = response.headers.get("Last-Modified")
        if etag or self._receipt.etag:
            return etag == self._receipt.etag
        return modified is not None and modified == self._receipt.last_modified


@contextmanager
def _locked_part(target: Path) -> Iterator[BinaryIO]:
    """The unfinished file of `target`, for this caller alone.

    Another process on the same file is waited for; its locks end with it. What is left
    empty is removed.
    """
    path = _part_path(target)
    while True:
        part = path.open("a+b")
        fcntl.flock(part, fcntl.LOCK_EX)
        # Whoever held the lock may have finished the file and moved it away.
        if _is_at(part, path):
            break
        part.close()
    try:
        yield part
    finally:
        if _is_at(part, path) and os.fstat(part.fileno()).st_size == 0:
            path.unlink(missing_ok=True)
            _about_part(target).unlink(missing_ok=True)
        part.close()


def _is_at(part: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(part.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    """Remove parts that nobody went on with for a week."""
    for path in folder.glob(".*.part*"):
        try:
            if time.time() - path.stat().st_mtime > _PART_KEPT_SECONDS:
                path.unlink()
        except OSError:
            continue


def _as_they_come(response: requests.Response) -> Iterator[bytes]:
    """Body bytes as they arrive, so that what came before a break is kept."""
    while data := response.raw.read1(_CHUNK, decode_content=False):
        yield data


def _validator_of(url: str, response: requests.Response) -> _Validator:
    return _Validator(
        url,
        response.headers.get("ETag"),
        response.headers.get("Last-Modified"),
        _length(response),
    )


def _length(response: requests.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _file_name(source: str, url: str) -> str:
    name = Path(unquote(urlsplit(url).path)).name
    if not name or name.startswith(".") or "\x00" in name:
        raise Refused(source, None, redact(url), "it names no file")
    return name


def _part_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _about_part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part.json")


def _receipt_path(target: Path) -> Path:
    return target.with_name(f".{target.name}.receipt.json")


def _write_json(path: Path, value: Receipt | _Validator) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(value)))
    fresh.replace(path)
