"""Names the code that makes a model, so that equal input and code train only once."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path

# What changes the fitted model or its evidence. Plots, registry and scoring do not.
_MODULES = (
    "annealed_network",
    "candidates",
    "equity",
    "evaluation",
    "features",
    "intervals",
    "local_kernels",
    "market_entry",
    "market_model",
    "market_training",
    "median_model",
    "rolling_origin",
    "spread_trees",
    "suburb_places",
    "training",
    "weighted_pipeline",
    "weighting",
)
_LIBRARIES = ("numpy", "pandas", "scikit-learn", "skops")


def library_versions() -> dict[str, str]:
    """Versions of the libraries a saved model needs, by distribution name."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def code_fingerprint() -> str:
    """16 hex digits of the training code, library versions and Python's minor version.

    Only major.minor of a library counts: a patch release retrains nothing.
    """
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for name in _MODULES:
        digest.update(name.encode())
        digest.update((folder / f"{name}.py").read_bytes())
    for name, version in sorted(library_versions().items()):
        digest.update(f"{name}={'.'.join(version.split('.')[:2])}".encode())
    digest.update(".".join(platform.python_version_tuple()[:2]).encode())
    return digest.hexdigest()[:16]
