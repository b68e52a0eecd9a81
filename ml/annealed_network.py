"""A small network that ends its learning in small steps.

With steps of one size the last few sales learnt from decide where a network ends:
two seeds differed by four percent in the level of all their estimates; so by one.
"""

from __future__ import annotations

from typing import Any

# Only ever imported where a network is built, by when scikit-learn is there.
from sklearn.neural_network import MLPRegressor  # noqa: TID253

#: Step sizes as shares of the first, and the share of the rounds spent with each.
_PLAN = ((1.0, 0.7), (0.3, 0.2), (0.1, 0.1))


class AnnealedNetwork(MLPRegressor):
    """``max_iter`` rounds in all, from ``learning_rate_init`` down to a tenth of it."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> AnnealedNetwork:  # noqa: N803
        """Learn; parameters read afterwards as they were given."""
        given = {
            name: getattr(self, name)
            for name in ("learning_rate_init", "max_iter", "warm_start")
        }
        for number, (rate, rounds) in enumerate(_PLAN):
            self.set_params(
                learning_rate_init=given["learning_rate_init"] * rate,
                max_iter=max(1, round(given["max_iter"] * rounds)),
                warm_start=number > 0,
            )
            super().fit(X, y, sample_weight)
        self.set_params(**given)
        return self

    def plain(self) -> MLPRegressor:
        """The same fitted network, to be saved and read without this module."""
        made = MLPRegressor(**self.get_params())
        made.__dict__.update(self.__dict__)
        # Only more learning would need it, and it keeps a copy of every weight.
        made.__dict__.pop("_optimizer", None)
        return made
