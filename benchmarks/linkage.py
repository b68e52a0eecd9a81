"""Linking the labelled set: how well, how fast, and how that grows to a million.

The simulator's addresses, which know their home, become records (one a canonical key)
and are linked in a process of its own. Precision and recall count pairs of addresses:
all of them, and those the exact key does not join. The peer is Splink (`peers/`), with
the same columns and blocks, our vetoes, and the truth to learn from; its threshold
is the best for it: the most recall at the precision that is asked for. Measuring fails
if precision or recall misses what the issue asks.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from benchmarks.labelled_set import Judgement, LabelledRecords, gather, judge
from benchmarks.report import Figure
from identity.linkage import engine, records
from identity.linkage.clusters import components
from simulator.labelled_addresses import labelled_addresses

#: Homes that give about 100,000 and 1,000,000 records.
SMALL, LARGE = 93_500, 935_000
SEED = 3
PRECISION, RECALL = 0.995, 0.97
LIMIT_SECONDS = 600.0
PEERS = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"


def measure(small: int = SMALL, large: int = LARGE) -> list[Figure]:
    """Quality, seconds and growth, beside Splink where its environment was made."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found, quality, seconds = _run(folder, small)
        figures = [*quality, *_beside_splink(folder, found, quality[1], seconds)]
        size = len(found.parts)
        del found
        found, quality, longer = _run(folder, large)
        growth = longer["cpu"] / seconds["cpu"]
        figures += [
            *quality,
            Figure(
                "linked",
                longer["seconds"],
                "s",
                LIMIT_SECONDS,
                "limit",
                {
                    "records": f"{len(found.parts):,}",
                    "our CPU": f"{longer['cpu']:.1f} s",
                    "pairs judged": f"{longer['pairs']:,.0f}",
                    "peak memory": f"{longer['peak_mib']:,.0f} MiB",
                },
            ),
            Figure(
                "growth of CPU",
                growth,
                "x",
                len(found.parts) / size,
                "growth of records",
            ),
        ]
    return figures


def _run(
    folder: Path, homes: int
) -> tuple[LabelledRecords, list[Figure], dict[str, float]]:
    found = gather(labelled_addresses(SEED, homes))
    found.write(folder / "records.csv", folder / "truth.csv")
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.linkage", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ).stdout.splitlines()[-1]
    seconds: dict[str, float] = json.loads(told)
    with (folder / "merges.csv").open() as rows:
        survivors = {UUID(one): UUID(two) for one, two in csv.reader(rows)}
    whole, residual = judge(found, survivors)
    exact, _ = judge(found, {})
    assert whole.precision >= PRECISION, whole
    assert whole.recall >= RECALL, whole
    size = {"records": f"{len(found.parts):,}", "addresses": f"{found.addresses:,}"}
    return (
        found,
        [
            Figure(
                "precision, all pairs", whole.precision, "", PRECISION, "asked", size
            ),
            Figure("recall, all pairs", whole.recall, "", RECALL, "asked"),
            Figure("recall, all pairs", whole.recall, "", exact.recall, "exact key"),
            Figure(
                "recall, what the key leaves",
                residual.recall,
                "",
                1.0,
                "all",
                {
                    "precision": f"{residual.precision:.4f}",
                    "pairs": f"{residual.true_pairs:,}",
                },
            ),
        ],
        seconds,
    )


def link(folder: Path) -> dict[str, float]:
    """Link `records.csv` of a folder into `merges.csv`; seconds and peak memory."""
    started, cpu = time.perf_counter(), time.process_time()
    duck = engine.open_duckdb(folder)
    records.create_input(duck)
    engine.load_csv(duck, "addresses", folder / "records.csv")
    engine.judge_all(duck)
    resolution = engine.resolve_homes(duck, engine.kept_edges(duck), {})
    with (folder / "merges.csv").open("w", newline="") as out:
        csv.writer(out).writerows((m.merged, m.survivor) for m in resolution.merges)
    seconds = time.perf_counter() - started
    cpu = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pairs = duck.execute("select count(*) from scored").fetchone()[0]
    duck.execute(_FOR_PEERS.format(folder=folder))
    return {"seconds": seconds, "cpu": cpu, "peak_mib": peak, "pairs": pairs}


_FOR_PEERS = """
create table truth (property_id uuid, home integer);
copy truth from '{folder}/truth.csv' (format csv, header false, delimiter ',',
    quote '"', escape '"', auto_detect false);
copy (
    select property_id::varchar as property_id, home, state,
        nullif(locality, '') as locality, nullif(street, '') as street, way, number,
        first_number, last_number, flat, nullif(postcode, '') as postcode,
        left(nullif(postcode, ''), 3) as district, left(street, 3) as beginning,
        right(street, 3) as ending, left(street, 1) || right(street, 1) as frame,
        floor(latitude / 0.005) as north, floor(longitude / 0.005) as east, titles,
        lots, parcels, latitude, longitude, dwelling_type
    from records join truth using (property_id)
) to '{folder}/records.parquet' (format parquet);
copy (select low, high from scored where veto is null and cap is null)
    to '{folder}/allowed.parquet' (format parquet);
"""


def _beside_splink(
    folder: Path, found: LabelledRecords, ours: Figure, seconds: dict[str, float]
) -> list[Figure]:
    if not PEERS.exists():
        return []
    done = subprocess.run(
        [
            *(str(PEERS), str(Path(__file__).parent / "peers" / "splink_link.py")),
            *("--records", str(folder / "records.parquet")),
            *("--pairs", str(folder / "peer.parquet")),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()[-1]
    told = json.loads(done)
    best, threshold = _best_of_peer(folder, found)
    return [
        Figure(
            "recall, all pairs",
            ours.ours,
            "",
            best.recall,
            "Splink, our vetoes",
            {
                "Splink's precision": f"{best.precision:.4f}",
                "threshold": f"{threshold} bits",
            },
        ),
        Figure(
            "linked",
            seconds["seconds"],
            "s",
            told["seconds"],
            "Splink",
            {
                "peak memory": f"{seconds['peak_mib']:,.0f} MiB",
                "Splink's": f"{told['peak_mib']:,.0f} MiB",
            },
        ),
    ]


def _best_of_peer(folder: Path, found: LabelledRecords) -> tuple[Judgement, int]:
    """The most recall at the precision asked for, over all thresholds."""
    duck = engine.open_duckdb(folder)
    best, at = Judgement(1, 0, 0), 0
    for threshold in range(-4, 25):
        rows = duck.execute(
            f"select p.low::uuid, p.high::uuid from '{folder}/peer.parquet' p "
            f"semi join '{folder}/allowed.parquet' a "
            "on a.low = p.low::uuid and a.high = p.high::uuid "
            f"where match_weight >= {threshold}"
        ).fetchall()
        judged, _ = judge(found, _survivors(rows))
        if judged.precision >= PRECISION and judged.recall > best.recall:
            best, at = judged, threshold
    return best, at


def _survivors(pairs: Iterable[tuple[UUID, UUID]]) -> dict[UUID, UUID]:
    return {node: min(group) for group in components(pairs) for node in group}


if __name__ == "__main__":
    print(json.dumps(link(Path(sys.argv[1]))))
