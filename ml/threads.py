"""How many threads the numerical libraries take, and that idle ones sleep.

Import scikit-learn through here: OpenMP reads its wait policy once, when it loads.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

MANY_ROWS = 50_000


def calm_openmp() -> None:
    """Let OpenMP threads sleep while they wait, unless the environment says other.

    Spinning ones fight each other for a busy machine's cores: boosting on 147,000
    sales with two threads took 133 s (54 s of CPU) beside other work, and 12 s (6 s of
    CPU) asleep. Has to come before the first import of scikit-learn.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def worth_using(threads: int, rows: int) -> int:
    """Of the threads allowed, how many pay for ``rows`` of table.

    Waking a second one costs more than it does on few rows: boosting on 7,000 sales
    took 0.9 s with one and 1.7 s with two; on 147,000 two are the faster.
    """
    return threads if rows >= MANY_ROWS else 1


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Give the block's OpenMP and BLAS work at most this many threads."""
    calm_openmp()
    # Loaded now, or its OpenMP pool would not know the limit yet.
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(threads):
        yield


@cache
def ends_with_parent() -> None:
    """From now on this worker process ends when the one that started it is gone.

    Workers of a pool wait for work for minutes, also of a caller that was killed.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
