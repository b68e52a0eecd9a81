"""One process of the platform that asks a source, told what to do line by line.

Arguments: database URL, policy as JSON. Each line of standard input is
`CALLS THREADS URL`; the answer is one line of JSON: how each call ended and how long it
took. `download URL FOLDER` fetches a file.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from connectors.resilience import SourceClient, SourceError, SourcePolicy
from database.source_state import PostgresState


def main() -> None:
    """Read orders until there are no more."""
    client = SourceClient(
        SourcePolicy(**json.loads(sys.argv[2])), PostgresState(sys.argv[1])
    )
    say({"ready": True})
    for line in sys.stdin:
        first, second, third = line.split()
        if first == "download":
            client.download(second, Path(third))
            say({"done": True})
            continue
        with ThreadPoolExecutor(int(second)) as pool:
            calls = [pool.submit(call, client, third) for _ in range(int(first))]
            say([future.result() for future in calls])


def call(client: SourceClient, url: str) -> dict[str, Any]:
    """One call: the name of what it ended in."""
    started = time.perf_counter()
    try:
        ended = str(client.get(url).status)
    except SourceError as error:
        ended = type(error).__name__
    return {"ended": ended, "seconds": time.perf_counter() - started}


def say(value: object) -> None:
    """Answer on one line."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
