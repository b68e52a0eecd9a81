"""Vertical equity: dear and cheap homes valued alike, and what that costs.

Models draw towards the middle: the dear are undervalued, the cheap overvalued.
Stretching the log estimates about their centre takes that back, all of it at the factor
where PRB is 0; but an estimate that is surer of itself than it has reason to be errs
more. How much of it to take is policy, so its price is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml import evaluation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

#: Shares of the whole repair that are tried and told of.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
#: Every fifth sale is a fold, so that each fold has all of the time.
_FOLDS = 5
#: Sales below which a slope is luck.
LEAST_SALES = 200
_MOST = 1.5


@dataclass(frozen=True)
class EquityPolicy:
    """How much of the repair to take.

    ``share`` (0 to 1) is taken as it is; without one, the smallest of ``SHARES`` that
    brings VEI and PRB within their limits for at most ``price_points`` of MdAPE, else
    the one that comes nearest for that price.
    """

    share: float | None = None
    vei: float = 10.0
    prb: float = 0.05
    price_points: float = 0.25


@dataclass(frozen=True)
class Stretch:
    """Log estimates are moved away from ``centre`` (ln AUD) by ``factor``."""

    centre: float = 0.0
    factor: float = 1.0

    def by(self, share: float) -> Stretch:
        """A share (0 to 1) of it."""
        return Stretch(self.centre, 1 + share * (self.factor - 1))

    def applied(self, estimate: Floats) -> Floats:
        """Stretched estimates (AUD)."""
        import numpy as np

        if self.factor == 1.0:
            return estimate
        return np.exp(self.centre + self.factor * (np.log(estimate) - self.centre))


@dataclass(frozen=True)
class Offer:
    """A share of the repair and what sales say it would have done."""

    share: float
    found: evaluation.Accuracy


@dataclass(frozen=True)
class Equity:
    """The repair chosen, and every one that was offered; none where too few sold."""

    share: float
    stretch: Stretch
    offers: tuple[Offer, ...] = ()


def judged(
    price: Floats, estimate: Floats, policy: EquityPolicy
) -> tuple[Floats, Equity]:
    """Estimates (AUD) of held-out sales in the order of time, repaired; and how.

    Each is stretched by what the other folds of the sales asked for, so that its error
    tells what the repair would have done to a sale that nobody knew. The stretch in the
    answer is of all of them together, for the refitted model.
    """
    import numpy as np

    if len(price) < LEAST_SALES:
        return estimate, Equity(0.0, Stretch())
    fold = np.arange(len(price)) % _FOLDS
    wholes = [_whole(price[fold != n], estimate[fold != n]) for n in range(_FOLDS)]

    def offered(share: float) -> Floats:
        repaired = np.empty(len(price))
        for number, whole in enumerate(wholes):
            out = fold == number
            repaired[out] = whole.by(share).applied(estimate[out])
        return repaired

    shares = sorted({*SHARES, *([] if policy.share is None else [policy.share])})
    offers = tuple(
        Offer(share, evaluation.accuracy(price, offered(share))) for share in shares
    )
    share = policy.share if policy.share is not None else _chosen(offers, policy)
    chosen = _whole(price, estimate).by(share)
    return offered(share), Equity(share, chosen, offers)


def _chosen(offers: tuple[Offer, ...], policy: EquityPolicy) -> float:
    most = offers[0].found.mdape + policy.price_points
    paid = [offer for offer in offers if offer.found.mdape <= most]

    def beyond(offer: Offer) -> float:
        """How many times its limit the worse of the two measures is."""
        found = offer.found
        return max(abs(found.vei) / policy.vei, abs(found.prb) / policy.prb)

    within = [offer.share for offer in paid if beyond(offer) <= 1]
    return min(within) if within else min(paid, key=beyond).share


def _whole(price: Floats, estimate: Floats) -> Stretch:
    """The stretch that leaves no slope in these sales."""
    import numpy as np

    centre = float(np.log(estimate).mean())
    return Stretch(centre, _where_prb_is_zero(price, estimate, centre))


def _where_prb_is_zero(price: Floats, estimate: Floats, centre: float) -> float:
    """The factor in 1 to 1.5 by bisection: PRB grows with it."""
    import numpy as np

    low, high = 1.0, _MOST
    for _ in range(20):
        middle = (low + high) / 2
        tried = Stretch(centre, middle).applied(estimate)
        median = float(np.median(tried / price))
        prb = evaluation.price_related_bias(price, tried, median)
        if math.isnan(prb):
            return 1.0
        low, high = (middle, high) if prb < 0 else (low, middle)
    return low
