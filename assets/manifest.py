"""The dbt manifest: built by a command when the project changed, only read at import.

`ausproperty manifest` (part of `make setup`, `run` and `up`) calls `build_manifest`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assets.warehouse import quiet_telemetry
from domain.errors import UserError
from settings import ROOT, Settings

DBT_PROJECT = ROOT / "dbt_project"


class ManifestMissing(UserError):
    """The manifest was not built, or dbt could not build it."""


def manifest_path(settings: Settings) -> Path:
    """Where the manifest of this home lies; it depends on no market."""
    return settings.home.absolute() / "dbt" / "manifest.json"


def build_manifest(settings: Settings) -> bool:
    """Run `dbt parse` unless the manifest is up to date; True if it ran.

    Raises:
        ManifestMissing: with dbt's own message.
    """
    path = manifest_path(settings)
    key_file = path.with_suffix(".key")
    key = project_fingerprint()
    if path.exists() and key_file.exists() and key_file.read_text() == key:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ManifestMissing(
            f"{path.parent} cannot be written ({error.strerror}). Set AUSPROPERTY_HOME "
            "to a folder on a writable disk."
        ) from error
    quiet_telemetry()
    result = subprocess.run(
        [
            str(Path(sys.executable).parent / "dbt"),
            *("parse", "--no-partial-parse", "--no-version-check"),
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            *("--target-path", str(path.parent), "--log-path", str(path.parent)),
        ],
        # The profile's stand-in connection will do: parsing opens none.
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ManifestMissing(
            "dbt could not parse the project:\n"
            f"{result.stdout[-2000:]}{result.stderr[-500:]}"
        )
    key_file.write_text(key)
    return True


@cache
def project_fingerprint() -> str:
    """Hash of every file of the dbt project and of dbt's version."""
    seen = hashlib.sha256(version("dbt-core").encode())
    for path in sorted(DBT_PROJECT.rglob("*")):
        if path.is_file() and path.suffix in {".sql", ".yml", ".md", ".csv"}:
            seen.update(str(path.relative_to(DBT_PROJECT)).encode())
            seen.update(path.read_bytes())
    return seen.hexdigest()


def read_manifest(settings: Settings) -> dict[str, Any]:
    """The manifest, for the code location.

    Raises:
        ManifestMissing: it was never built in this home.
    """
    path = manifest_path(settings)
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise ManifestMissing(
            f"{path} is missing: run `make setup` (or `ausproperty manifest`) first."
        ) from None
    return content
