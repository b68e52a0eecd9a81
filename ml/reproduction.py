"""What a version was made from, kept with its run, and making it again.

Kept: the rows it learnt from with the line each came from, the policy, the environment.
Trained again from these, the same code gives the same model; where something differs,
the answer names what.
"""

from __future__ import annotations

import io
import json
import math
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ml import evaluation, features, training
from ml.equity import EquityPolicy
from ml.fingerprint import code_fingerprint
from ml.rolling_origin import TrainingPolicy
from ml.weighting import FeedbackWeights

if TYPE_CHECKING:
    import pandas as pd

    from ml.tracking import Registry, Version
    from ml.training import Trained

ROWS_FILE = "training_rows.parquet"
POLICY_FILE = "policy.json"
ENVIRONMENT_FILE = "environment.txt"
#: Estimates that differ by less, relative to themselves, are the same.
SAME = 1e-9


class NotReproducibleError(ValueError):
    """The version's run does not hold what it was made from."""


@dataclass(frozen=True)
class Reproduction:
    """A version beside the model that its own rows and policy give now.

    ``measures`` are (then, now) by name; ``largest_difference`` is that of the two
    models' estimates of the rows learnt from, relative; ``changed_packages`` are (then,
    now) by name, "" for none; ``same_code`` is about what makes a model.
    """

    version: str
    rows: int
    winner: tuple[str, str]
    measures: dict[str, tuple[float, float]]
    largest_difference: float
    same_code: bool
    changed_packages: dict[str, tuple[str, str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def same(self) -> bool:
        """Whether both estimate alike, to the last digits."""
        return self.winner[0] == self.winner[1] and self.largest_difference <= SAME


def files(frame: pd.DataFrame, policy: TrainingPolicy) -> dict[str, bytes]:
    """What is kept with a run, by name of the file."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, compression="zstd", index=False)
    return {
        ROWS_FILE: buffer.getvalue(),
        POLICY_FILE: json.dumps(asdict(policy), indent=1).encode(),
        ENVIRONMENT_FILE: environment().encode(),
    }


def environment() -> str:
    """Python, machine and every package here, as lines of a requirements file."""
    found = {
        str(package.metadata["Name"]).lower(): package.version
        for package in metadata.distributions()
        if package.metadata["Name"]
    }
    head = f"# Python {platform.python_version()}, {platform.platform()}"
    return "\n".join([head, *(f"{name}=={found[name]}" for name in sorted(found))])


def reproduce(registry: Registry, version: Version) -> Reproduction:
    """Train a version again from what its run keeps, and compare.

    Raises:
        NotReproducibleError: its run does not hold what it was made from.
        RegistryError: the saved model cannot be loaded.
    """
    import numpy as np
    import pandas as pd

    kept = {
        name: registry.file(version.run_id, name)
        for name in (ROWS_FILE, POLICY_FILE, ENVIRONMENT_FILE)
    }
    missing = [name for name, data in kept.items() if data is None]
    if missing:
        raise NotReproducibleError(
            f"The run of version {version.version} does not hold {', '.join(missing)}: "
            "it was made before such files were kept, or they were deleted."
        )
    frame = pd.read_parquet(io.BytesIO(kept[ROWS_FILE] or b""))
    saved = registry.load(version).model
    started = time.perf_counter()
    again = training.train(frame, policy_from(json.loads(kept[POLICY_FILE] or b"{}")))
    inputs = features.model_inputs(frame)
    then = training.predict(saved, inputs)
    now = training.predict(again.model, inputs)
    return Reproduction(
        version=version.version,
        rows=len(frame),
        winner=(version.tags.get("winner", ""), again.winner),
        measures=_measures(version, again),
        largest_difference=float(np.max(np.abs(now / then - 1))),
        same_code=version.tags.get("code_fingerprint") == code_fingerprint(),
        changed_packages=_changed((kept[ENVIRONMENT_FILE] or b"").decode()),
        seconds=round(time.perf_counter() - started, 1),
    )


def policy_from(values: Mapping[str, Any]) -> TrainingPolicy:
    """Inverse of the policy's JSON; fields that a policy no longer has are left out."""
    known = {
        k: v for k, v in values.items() if k in TrainingPolicy.__dataclass_fields__
    }
    known["extra_numbers"] = tuple(known.get("extra_numbers", ()))
    known["equity"] = EquityPolicy(**known.get("equity", {}))
    known["feedback"] = FeedbackWeights.from_dict(known.get("feedback", {}))
    return TrainingPolicy(**known)


def _measures(version: Version, again: Trained) -> dict[str, tuple[float, float]]:
    found = again.headline.as_dict()
    return {
        name: (version.number(name) or math.nan, found[name])
        for name in evaluation.Accuracy.__dataclass_fields__
    }


def _changed(then: str) -> dict[str, tuple[str, str]]:
    def packages(text: str) -> dict[str, str]:
        pairs = (line.partition("==") for line in text.splitlines())
        return {name: number for name, _, number in pairs if number}

    old, new = packages(then), packages(environment())
    return {
        name: (old.get(name, ""), new.get(name, ""))
        for name in sorted(set(old) | set(new))
        if old.get(name) != new.get(name)
    }
