"""A pipeline whose last step may be told how much each row weighs.

scikit-learn's means of pipelines pass weights to members that name them in ``fit``, and
a plain pipeline does not. Saved models hold plain ones.
"""

from __future__ import annotations

from typing import Any

# Only ever imported where a member is built, by when scikit-learn is there.
from sklearn.pipeline import Pipeline  # noqa: TID253


class WeightedPipeline(Pipeline):
    """``sample_weight`` reaches the last step; what comes before it counts rows."""

    def fit(
        self,
        X: Any,  # noqa: N803
        y: Any = None,
        sample_weight: Any = None,
        **params: Any,
    ) -> WeightedPipeline:
        """Learn; without weights as any pipeline does."""
        if sample_weight is not None:
            params[f"{self.steps[-1][0]}__sample_weight"] = sample_weight
        super().fit(X, y, **params)
        return self

    def plain(self) -> Pipeline:
        """The same, to be saved and read without this project."""
        made = Pipeline(self.steps)
        made.__dict__.update(self.__dict__)
        return made
