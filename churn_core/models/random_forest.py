"""A random forest: many trees on random rows and columns, each with one vote.

Its answer is the average of the trees' first-order log-odds, which is linear in the share of votes; so Shapley values
of the trees add up to it exactly, and slope and level are set by the calibration that every model gets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.boosted import Boosted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from churn_core.models.estimators import Contributions

SHARE_OF_ROWS = 0.632
"""Rows each tree sees: as many different ones as a bootstrap sample holds on average."""


class RandomForest(Boosted):
    """A forest grown by LightGBM (Breiman, 2001)."""

    name = "random_forest"

    def __init__(
        self,
        *,
        n_trees: int = 150,
        n_leaves: int = 32,
        depth: int = 7,
        learning_rate: float = 1.0,
        least_in_leaf: int = 20,
        ridge: float = 0.0,
        feature_share: float = 0.33,
    ) -> None:
        super().__init__(
            n_trees=n_trees,
            n_leaves=n_leaves,
            depth=depth,
            learning_rate=learning_rate,
            least_in_leaf=least_in_leaf,
            ridge=ridge,
            feature_share=feature_share,
        )

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Average log-odds over the trees, one per row."""
        return super().log_odds(frame) / self._n_grown

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Exact Shapley values of the average of the trees (Lundberg et al., 2020)."""
        made = super().contributions(frame)
        return replace(made, base=made.base / self._n_grown, values=made.values / self._n_grown)

    @property
    def _n_grown(self) -> int:
        return max(1, int(self.booster.num_trees()))

    def _parameters(self, seed: int, n_rows: int) -> dict[str, Any]:
        usual = super()._parameters(seed, n_rows)
        return {
            **usual,
            "boosting": "rf",
            "bagging_fraction": SHARE_OF_ROWS,
            "bagging_freq": 1,
            "feature_fraction": 1.0,
            "feature_fraction_bynode": self.feature_share,
        }
