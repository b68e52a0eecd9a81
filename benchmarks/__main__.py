"""`python -m benchmarks [NAME ...] [--json FILE]`.

Each benchmark runs in a process of its own, so that none pays for, or profits from,
what another has imported, and peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.catalogue import BY_NAME_ONLY, MODULES, measure
from benchmarks.report import Figure, machine, machine_line, render

ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, print the table; 1 if a benchmark failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    everyday = [name for name in MODULES if name not in BY_NAME_ONLY]
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--in-this-process", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.names) - set(MODULES))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}: there are {list(MODULES)}")
    if asked.in_this_process is not None:
        found = [figure.as_dict() for figure in measure(asked.names[0])]
        asked.in_this_process.write_text(json.dumps(found))
        return 0
    date, host = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", machine()
    figures = {name: _in_own_process(name) for name in asked.names or everyday}
    ran = {name: found for name, found in figures.items() if found is not None}
    print(render(ran, machine_line(host, date)))
    if asked.json is not None:
        text = {name: [f.as_dict() for f in found] for name, found in ran.items()}
        content = {"date": date, "machine": host, "figures": text}
        asked.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0 if len(ran) == len(figures) else 1


def _in_own_process(name: str) -> list[Figure] | None:
    """Figures of one benchmark (none where it had nothing to measure); None: failed."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "figures.json"
        print(f"... {name}", file=sys.stderr, flush=True)
        done = subprocess.run(
            [
                *(sys.executable, "-W", "ignore", "-m", "benchmarks", name),
                f"--in-this-process={answer}",
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            print(f"{name} failed:\n{done.stdout[-3000:]}", file=sys.stderr)
            return None
        found = json.loads(answer.read_text())
        if not found:
            print(f"{name} measured nothing: {done.stdout.strip()}", file=sys.stderr)
        return [Figure.from_dict(values) for values in found]


if __name__ == "__main__":
    sys.exit(main())
