"""A small regularised LightGBM; the artifact is its own text format, never a pickle.

Small on purpose: a hundred trees of depth three are as good as larger ones on real shops, and the time to explain a
customer grows with leaves times depth squared. Threads, order and seeds are pinned so that the same data gives the
same trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.estimators import Contributions
from churn_core.models.preparation import Preparation, fit_preparation, split_matrix, tree_matrix
from churn_core.models.tree_paths import contributions as leaf_by_leaf
from churn_core.models.tree_paths import read_paths

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

N_THREADS = 1
"""Threads that grow trees: one, because waiting for each other costs more than two save on small data."""
N_PREDICTING_THREADS = 2
MOST_BINS = 63
LEAST_LEAF_VISITS = 10_000_000
"""Rows times leaves from which on leaf by leaf is sooner than LightGBM; it has to be compiled first."""
_SETTINGS = ("n_trees", "n_leaves", "depth", "learning_rate", "least_in_leaf", "ridge", "feature_share")


class Boosted:
    """Gradient-boosted trees on log loss."""

    name = "lightgbm"
    most_bins = MOST_BINS
    """Values of a number that are told apart."""

    def __init__(
        self,
        *,
        n_trees: int = 100,
        n_leaves: int = 8,
        depth: int = 3,
        learning_rate: float = 0.08,
        least_in_leaf: int = 100,
        ridge: float = 10.0,
        feature_share: float = 0.5,
    ) -> None:
        self.n_trees = n_trees
        self.n_leaves = n_leaves
        self.depth = depth
        """Most splits above a leaf; -1 for no limit."""
        self.learning_rate = learning_rate
        self.least_in_leaf = least_in_leaf
        self.ridge = ridge
        self.feature_share = feature_share
        self.splits_categories = False
        """Whether each category is a column of its own, instead of one column that holds all of them."""
        self.preparation = Preparation(columns=())
        self.text = ""
        self._booster: Any = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns it was fitted on, in order."""
        return self.preparation.names

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
        weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Grow the trees; ``weight`` says how much each row counts."""
        import lightgbm

        self.preparation = fit_preparation(frame)
        matrix, _ = self._matrix(frame)
        categories = [i for i, column in enumerate(self.preparation.columns) if column.kind == "category"]
        rows = lightgbm.Dataset(
            matrix,
            label=np.asarray(churned, dtype=float),
            weight=weight,
            categorical_feature=[] if self.splits_categories else categories,
            free_raw_data=True,
            params={"verbose": -1},
        )
        booster = lightgbm.train(self._parameters(seed, len(frame)), rows, num_boost_round=self.n_trees)
        self.text = booster.model_to_string()
        self._booster = None
        return self

    def _parameters(self, seed: int, n_rows: int) -> dict[str, Any]:
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.n_leaves,
            "max_depth": self.depth,
            "min_data_in_leaf": max(2, min(self.least_in_leaf, n_rows // 50)),
            "lambda_l2": self.ridge,
            "feature_fraction": self.feature_share,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "cat_smooth": 20.0,
            "max_bin": self.most_bins,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": N_THREADS,
            "verbose": -1,
        }

    @property
    def booster(self) -> Any:
        """The trees, read from their text on first use."""
        if self._booster is None:
            import lightgbm

            self._booster = lightgbm.Booster(model_str=self.text)
        return self._booster

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of churning, one per row."""
        matrix, _ = self._matrix(frame)
        made = self.booster.predict(matrix, raw_score=True, num_threads=N_PREDICTING_THREADS)
        return np.asarray(made, dtype=float)

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Exact Shapley values of the trees (Lundberg et al., 2020)."""
        matrix, owners = self._matrix(frame)
        base, made = self._explained(matrix)
        values = made
        if self.splits_categories:
            values = np.zeros((len(frame), len(self.feature_names)))
            for column, owner in enumerate(owners):
                values[:, owner] += made[:, column]
        return Contributions(base=base, values=values, feature_names=self.feature_names)

    def _explained(self, matrix: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """The mean answer, and a contribution per row and column: the same numbers by either way."""
        if len(matrix) * self.n_trees * self.n_leaves >= LEAST_LEAF_VISITS:
            paths = read_paths(self.text)
            if paths is not None:
                return paths.base, leaf_by_leaf(paths, matrix)
        made = np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=N_PREDICTING_THREADS))
        return (float(made[0, -1]) if len(made) else 0.0), made[:, :-1]

    def _matrix(self, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What the trees see, and the feature that each column belongs to."""
        if self.splits_categories:
            return split_matrix(self.preparation, frame)
        return tree_matrix(self.preparation, frame), np.arange(len(self.preparation.columns))

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "name": self.name,
            "n_trees": self.n_trees,
            "n_leaves": self.n_leaves,
            "depth": self.depth,
            "learning_rate": self.learning_rate,
            "least_in_leaf": self.least_in_leaf,
            "ridge": self.ridge,
            "feature_share": self.feature_share,
            "splits_categories": self.splits_categories,
            "preparation": self.preparation.to_json(),
            "text": self.text,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The trees that :meth:`to_json` described."""
        settings = {key: stored[key] for key in _SETTINGS if key in stored}
        made = cls(**settings)
        # Models stored before there was a choice have all categories of a feature in one column.
        made.splits_categories = bool(stored.get("splits_categories", False))
        made.preparation = Preparation.from_json(stored["preparation"])
        made.text = str(stored["text"])
        return made


class BoostedLarge(Boosted):
    """Many deep trees, for tables without time whose columns interact strongly.

    Learning and explaining take their time, so this is for tables of some ten thousand rows.
    """

    name = "lightgbm_large"
    most_bins = 127

    def __init__(
        self,
        *,
        n_trees: int = 200,
        n_leaves: int = 127,
        depth: int = -1,
        learning_rate: float = 0.05,
        least_in_leaf: int = 2,
        ridge: float = 1.0,
        feature_share: float = 0.5,
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
        self.splits_categories = True
