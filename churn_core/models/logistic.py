"""Logistic regression on prepared features: the estimator that survives the seasons best on real shops.

Each number enters with its logarithm where that helps and with a few places where the slope may change, so the
log-odds stay a sum of one curve per feature and the contributions are exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.estimators import Contributions
from churn_core.models.preparation import Preparation, design, fit_preparation
from churn_core.models.preparation_levels import with_level_effects

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

STRENGTH = 0.002
"""Inverse strength of the ridge penalty (scikit-learn's C): overlapping cutoffs are worth less than their rows."""
N_KNOTS = 0
"""Places where the slope of a number may change; tables without time use some."""


class Logistic:
    """Ridge-penalised logistic regression."""

    name = "logistic"

    def __init__(self, *, strength: float = STRENGTH, n_knots: int = N_KNOTS, tells_rare_apart: bool = False) -> None:
        self.strength = strength
        self.n_knots = n_knots
        self.tells_rare_apart = tells_rare_apart
        """Whether rare categories have an effect each; for rows that are independent, as those of one table."""
        self.keeps_scale = False
        """Whether numbers are taken on the scale they are given in, because a step before has chosen it."""
        self.preparation = Preparation(columns=())
        self.weights = np.zeros(0)
        self.centre = np.zeros(0)
        self.intercept = 0.0

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
        """Learn the weights; ``seed`` changes nothing, the optimum is unique. ``weight``: how much each row counts."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        self.preparation = fit_preparation(frame, n_knots=self.n_knots, keeps_scale=self.keeps_scale)
        outcome = np.asarray(churned, dtype=bool)
        seen: Mapping[str, NDArray[np.float64]] = {}
        if self.tells_rare_apart:
            self.preparation, seen = with_level_effects(self.preparation, frame, outcome)
        matrix, owners = design(self.preparation, frame)
        for name, values in seen.items():
            matrix[:, np.flatnonzero(owners == self.feature_names.index(name))[-1]] = values
        self.centre = matrix.mean(axis=0)
        solver = LogisticRegression(C=self.strength, solver="newton-cholesky", max_iter=100, tol=1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver.fit(matrix - self.centre, outcome, sample_weight=weight)
        self.weights = solver.coef_[0].astype(float)
        self.intercept = float(solver.intercept_[0])
        return self

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of churning, one per row."""
        matrix, _ = design(self.preparation, frame)
        total: NDArray[np.float64] = self.intercept + (matrix - self.centre) @ self.weights
        return total

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Each feature's curve against its average over the training rows."""
        matrix, owners = design(self.preparation, frame)
        by_feature = np.zeros((matrix.shape[1], len(self.feature_names)))
        by_feature[np.arange(matrix.shape[1]), owners] = self.weights
        return Contributions(
            base=self.intercept, values=(matrix - self.centre) @ by_feature, feature_names=self.feature_names
        )

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "name": self.name,
            "strength": self.strength,
            "n_knots": self.n_knots,
            "tells_rare_apart": self.tells_rare_apart,
            "preparation": self.preparation.to_json(),
            "weights": self.weights.tolist(),
            "centre": self.centre.tolist(),
            "intercept": self.intercept,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The regression that :meth:`to_json` described."""
        made = cls(strength=stored["strength"], n_knots=stored["n_knots"])
        made.tells_rare_apart = bool(stored.get("tells_rare_apart", False))
        made.preparation = Preparation.from_json(stored["preparation"])
        made.weights = np.asarray(stored["weights"], dtype=float)
        made.centre = np.asarray(stored["centre"], dtype=float)
        made.intercept = float(stored["intercept"])
        return made
