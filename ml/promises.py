"""Does a version keep on later sales what its hold-out promised?

Pure functions of counts. A difference matters only where it is more than luck would
make of so few sales and hold-out sales, and large enough to act on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """What a version's hold-out gave: sales, MdAPE and coverage (percent, NaN: none).

    ``interval_pct`` is what its intervals are meant to cover.
    """

    version: str
    n: int
    mdape: float
    coverage_pct: float = math.nan
    interval_pct: float = 80.0

    @staticmethod
    def of(version: str, tags: Mapping[str, str]) -> Promise | None:
        """The promise that a version's tags carry; None where they carry none."""
        try:
            n, mdape = int(float(tags["n"])), float(tags["mdape"])
        except (KeyError, ValueError):
            return None
        if n < 1 or math.isnan(mdape):
            return None
        return Promise(version, n, mdape, float(tags.get("coverage_80", "nan")))


@dataclass(frozen=True)
class Experience:
    """What later sales found.

    ``n`` sales, ``above`` of them with an error above the promised median; their MdAPE
    in percent; ``inside`` of ``with_interval`` within the 80 % interval.
    """

    n: int
    above: int
    mdape: float
    with_interval: int
    inside: int


@dataclass(frozen=True)
class BoundsPolicy:
    """When a promise counts as broken.

    From ``least_sales`` on; beyond luck is ``deviations`` standard errors (2.33: one
    in a hundred, to one side). The median error must be ``error_factor`` times the
    promised one, coverage ``coverage_points`` from what was meant.
    """

    least_sales: int = 30
    deviations: float = 2.33
    error_factor: float = 1.1
    coverage_points: float = 5.0


@dataclass(frozen=True)
class Finding:
    """Whether the promise is broken, and the comparison in words."""

    broken: bool
    told: str


def error_finding(
    found: Experience, promise: Promise, policy: BoundsPolicy | None = None
) -> Finding:
    """Half of the errors should lie above the promised median.

    The bound on their share is binomial, widened for the hold-out's own luck.
    """
    chosen = policy or BoundsPolicy()
    if found.n < chosen.least_sales:
        return Finding(
            False,
            f"{found.n} later sales of version {promise.version}'s estimates (judged "
            f"from {chosen.least_sales} on)",
        )
    share = found.above / found.n
    luck = chosen.deviations * math.sqrt(0.25 / found.n + 0.25 / promise.n)
    broken = share > 0.5 + luck and found.mdape > chosen.error_factor * promise.mdape
    return Finding(
        broken,
        f"MdAPE {found.mdape:.1f} % on {found.n:,} later sales, promised "
        f"{promise.mdape:.1f} %; {100 * share:.0f} % of errors above that (luck: up to "
        f"{100 * (0.5 + luck):.0f} %)",
    )


def coverage_finding(
    found: Experience, promise: Promise, policy: BoundsPolicy | None = None
) -> Finding:
    """The interval should hold the share of prices it is named after."""
    chosen = policy or BoundsPolicy()
    if found.with_interval < chosen.least_sales:
        return Finding(
            False,
            f"{found.with_interval} later sales with an interval (judged from "
            f"{chosen.least_sales} on)",
        )
    meant = promise.interval_pct / 100
    share = found.inside / found.with_interval
    luck = chosen.deviations * math.sqrt(meant * (1 - meant) / found.with_interval)
    off = abs(share - meant)
    told = (
        f"{100 * share:.1f} % of {found.with_interval:,} later sales inside the "
        f"{promise.interval_pct:.0f} % interval (luck: {100 * luck:.1f} points)"
    )
    if not math.isnan(promise.coverage_pct):
        told += f", on its hold-out {promise.coverage_pct:.1f} %"
    return Finding(off > luck and 100 * off > chosen.coverage_points, told)
