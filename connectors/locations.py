"""Files at any location fsspec can open, landed whole or not at all.

Belongs here: telling such a location from a local path, and copying what lies there
into the landing folder. Addresses of web servers (http, https) are the affair of `http`
and the resilient client; what a landed file holds is each source's own business.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from connectors.archives import DEFAULT_LIMITS, MIB
from domain.errors import PermanentError, UserError

#: `s3://bucket/x`, also chained: `zip://*.csv::s3://bucket/x.zip`.
_PROTOCOL = re.compile(r"([a-z][a-z0-9+.-]+)(::|://)", re.IGNORECASE)
_WEB = ("http", "https")
_SECRETS = re.compile(r"(?<=://)[^/@\s]*@|\?\S*")
_MISSING = (FileNotFoundError, NotADirectoryError)


def is_remote(location: str | Path) -> bool:
    """True for what `land` has to fetch: `s3://`, `memory://`, `file://`, `zip://`...

    False for local paths, and for http(s), which has its own clients.
    """
    match = _PROTOCOL.match(str(location))
    return match is not None and match[1].lower() not in _WEB


def is_web(location: str | Path) -> bool:
    """True for an address of a web server."""
    match = _PROTOCOL.match(str(location))
    return match is not None and match[1].lower() in _WEB


def land(
    location: str | Path,
    folder: Path,
    patterns: Sequence[str],
    *,
    max_bytes: int = DEFAULT_LIMITS.member_bytes,
) -> list[Path]:
    """Copy the file, or the files of a folder, at `location` into `folder`.

    Of a folder (searched with its subfolders) the files whose name matches one of
    `patterns` (`*.zip`, in any case) are taken, under their path in it; a `location`
    with `*` chooses for itself. A file landed before is kept while the store says that
    it has not changed. Every file is whole or not there.

    Returns the landed files, in the order of their paths.

    Raises:
        PermanentError: unknown protocol, missing package, nothing there.
        UserError: the store cannot be read now.
    """
    text = str(location)
    shown = _without_secrets(text)
    store, root = _open_store(text, shown)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        store.invalidate_cache()
        found = _names(store, root, patterns)
        if not found:
            raise PermanentError(
                f"{shown} holds no {' or '.join(patterns)} file. Put one there, or "
                "name another location."
            )
        return [
            _land_one(store, name, folder / relative, max_bytes)
            for name, relative in found
        ]
    except _MISSING as error:
        raise PermanentError(
            f"There is nothing at {shown}. Check the path and its spelling."
        ) from error
    except UserError:
        raise
    except Exception as error:
        # Every file system brings its own exceptions; none of them is a fault of ours.
        raise UserError(
            f"{shown} cannot be read: {_cause(error, text)}. Check the access rights "
            "and the network, and try again."
        ) from error


def _open_store(location: str, shown: str) -> tuple[Any, str]:
    """The file system behind a location, and the path on it."""
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]

    try:
        store, root = url_to_fs(location)
    except ImportError as error:
        raise PermanentError(
            f"{shown} needs a package that is not installed: {error}. Install it into "
            "the platform's environment, or copy the files here and name their folder."
        ) from error
    except ValueError as error:
        raise PermanentError(
            f"{shown} is no location that can be read: {_cause(error, location)}. Give "
            "a path, or an address such as s3://bucket/folder."
        ) from error
    except _MISSING as error:
        raise PermanentError(
            f"There is nothing at {shown}. Check the path and its spelling."
        ) from error
    except Exception as error:
        raise UserError(
            f"{shown} cannot be opened: {_cause(error, location)}. Check the access "
            "rights and the network, and try again."
        ) from error
    return store, str(root)


def _names(
    store: Any, root: str, patterns: Sequence[str]
) -> list[tuple[str, PurePosixPath]]:
    """(name in the store, path below the landing folder) of the wanted files."""
    if "*" in root or "?" in root:
        names = [str(name) for name in store.glob(root) if store.isfile(name)]
        return [(name, _relative(name, _parent(root))) for name in sorted(names)]
    if store.isfile(root):
        return [(root, _relative(root, _parent(root)))]
    if not store.isdir(root):
        raise FileNotFoundError(root)
    names = [str(name) for name in store.find(root)]
    return [
        (name, _relative(name, root))
        for name in sorted(names)
        if _is_wanted(PurePosixPath(name).name, patterns)
    ]


def _is_wanted(name: str, patterns: Iterable[str]) -> bool:
    if name.startswith("."):
        return False
    return any(fnmatch(name.lower(), pattern.lower()) for pattern in patterns)


def _parent(root: str) -> str:
    """The folder of a path, before its first wildcard."""
    plain = re.split(r"[*?]", root, maxsplit=1)[0]
    return plain.rpartition("/")[0]


def _relative(name: str, root: str) -> PurePosixPath:
    """Path of a file below the root, which cannot lead out of the landing folder."""
    plain = name.removeprefix(root) if root else name
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    # Names that begin with a dot are ours: unfinished files and receipts.
    return PurePosixPath(*(f"_{part}" if part[0] == "." else part for part in parts))


@dataclass(frozen=True, slots=True)
class _Receipt:
    """What is remembered beside a landed file, to know whether it has changed."""

    version: str
    size_bytes: int


def _land_one(store: Any, name: str, target: Path, max_bytes: int) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    version = _version(store, name)
    receipt = target.with_name(f".{target.name}.receipt.json")
    if version is not None and _read_receipt(receipt, target) == version:
        return target
    stated = store.info(name).get("size")
    handle, part_name = tempfile.mkstemp(".part", ".", target.parent)
    part = Path(part_name)
    try:
        with os.fdopen(handle, "wb") as out, store.open(name, "rb") as stream:
            size = 0
            while data := stream.read(MIB):
                size += len(data)
                if size > max_bytes:
                    raise PermanentError(
                        f"{PurePosixPath(name).name} is longer than the limit of "
                        f"{max_bytes} bytes. Split it, or load it in parts."
                    )
                out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if stated is not None and size != stated:
            raise OSError(f"{name} ended after {size} of {stated} bytes")
        part.chmod(0o644)
        # Until its receipt is written again, a replaced file counts as not known.
        receipt.unlink(missing_ok=True)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    if version is not None:
        _write_receipt(receipt, _Receipt(version, size))
    return target


def _version(store: Any, name: str) -> str | None:
    """The store's own word for this state of a file; None if it has none."""
    try:
        return str(store.ukey(name))
    except (NotImplementedError, AttributeError, KeyError):
        return None


def _write_receipt(path: Path, receipt: _Receipt) -> None:
    part = path.with_suffix(".part")
    content = {"version": receipt.version, "size_bytes": receipt.size_bytes}
    part.write_text(json.dumps(content), encoding="utf-8")
    part.replace(path)


def _read_receipt(path: Path, target: Path) -> str | None:
    """The version that was landed, if the file is still there as it was."""
    try:
        receipt = _Receipt(**json.loads(path.read_text(encoding="utf-8")))
        if target.stat().st_size == receipt.size_bytes:
            return receipt.version
    except (OSError, ValueError, TypeError):
        return None
    return None


def _without_secrets(location: str) -> str:
    """A location without user names, passwords and signatures."""
    return _SECRETS.sub("", location)


def _cause(error: Exception, location: str) -> str:
    text = str(error).replace(location, _without_secrets(location))
    return _without_secrets(text)[:300].rstrip(". ") or type(error).__name__
