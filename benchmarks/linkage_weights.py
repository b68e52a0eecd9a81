"""The linkage's weights fitted anew: `python -m benchmarks.linkage_weights`.

No benchmark: prints what belongs into `identity/linkage/weights.py`, from addresses of
a seed that nothing is judged by. To be run when blocks, fields or levels change.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.labelled_set import gather
from identity.linkage import comparison, engine, estimation, records
from simulator.labelled_addresses import labelled_addresses

HOMES, SEED = 100_000, 1001


def fitted(homes: int = HOMES) -> tuple[float, estimation.Weights]:
    """Prior and weights (bits) of addresses of `homes` homes."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows, truth = folder / "records.csv", folder / "truth.csv"
        gather(labelled_addresses(SEED, homes)).write(rows, truth)
        duck = engine.open_duckdb(folder)
        records.create_input(duck)
        engine.load_csv(duck, "addresses", rows)
        duck.execute("create table truth (property_id uuid, home bigint)")
        engine.load_csv(duck, "truth", truth)
        engine.find_pairs(duck)
        comparison.compare(duck)
        estimation.label_pairs(duck)
        return estimation.joint_weights(duck)


if __name__ == "__main__":
    prior, weights = fitted()
    sys.stdout.write(f"PRIOR = {prior}\n")
    for name, values in weights.items():
        sys.stdout.write(f'"{name}": {values},\n')
