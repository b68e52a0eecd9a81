"""Macros of the dbt project are part of what incremental models are built from."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[2] / "dbt_project"


def macros_digest() -> str:
    """Of all macros, without Jinja comments and runs of white space."""
    seen = hashlib.sha256()
    for path in sorted((PROJECT / "macros").glob("*.sql")):
        said = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        seen.update(" ".join(said.split()).encode())
    return seen.hexdigest()[:12]


def test_models_are_rebuilt_when_macros_change():
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())

    assert settings["vars"]["macros_digest"] == macros_digest(), (
        f"macros changed: set macros_digest in dbt_project.yml to {macros_digest()}, "
        "so that incremental models are rebuilt"
    )
