"""dlt loading ready rows into PostgreSQL, as its own documentation would have it.

Runs in an environment of its own (`make bench` makes it from requirements.txt beside
this file), so that dlt's dependencies never meet ours. Prints one line of JSON: rows,
seconds from the first row read to the load's end, and peak memory of the process.
Reading the rows is a split of each line: the parsing, checking and quarantine that our
landing does beside the load is spared here.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    """Load the file's rows into the schema `dlt_peer` of the database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, required=True, help="`;` separated rows")
    parser.add_argument("--columns", required=True, help="names, comma separated")
    parser.add_argument("--url", required=True)
    asked = parser.parse_args()
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    import dlt

    names = asked.columns.split(",")

    def rows() -> Iterator[dict[str, str | None]]:
        with asked.rows.open(encoding="utf-8") as lines:
            for line in lines:
                cells = line.rstrip("\n").split(";")
                yield {
                    name: cell or None for name, cell in zip(names, cells, strict=False)
                }

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        pipeline = dlt.pipeline(
            pipeline_name="peer",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(asked.url),
            dataset_name="dlt_peer",
        )
        pipeline.run(dlt.resource(rows, name="sales"), write_disposition="append")
        seconds = time.perf_counter() - began
        counts = pipeline.last_trace.last_normalize_info.row_counts
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = {"rows": counts["sales"], "seconds": seconds, "peak_mib": peak}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
