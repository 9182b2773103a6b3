"""A linear support vector machine, calibrated: it looks only at customers near the border between leaving and staying.

Its score is linear in the prepared features as the logistic regression's is, so contributions are as exact.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Self

import numpy as np

from churn_core.errors import NotEnoughData
from churn_core.models.logistic import Logistic
from churn_core.models.platt import platt
from churn_core.models.preparation import design, fit_preparation

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

STRENGTH = 0.001
"""Inverse strength of the penalty (scikit-learn's C)."""
MOST_ROWS = 40_000
"""Rows it is fitted on; an even part of them where there are more."""


class LinearSvm(Logistic):
    """Squared hinge loss (Cortes and Vapnik, 1995), then Platt scaling on rows it had not seen."""

    name = "linear_svm"

    def __init__(self, *, strength: float = STRENGTH, n_knots: int = 0) -> None:
        super().__init__(strength=strength, n_knots=n_knots)

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
        weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn the weights; slope and level come from held-out scores. ``weight`` says how much each row counts."""
        from churn_core.models.folds import stratified_folds

        outcome = np.asarray(churned, dtype=bool)
        if outcome.all() or not outcome.any():
            raise NotEnoughData("all rows have the same outcome; learning needs customers who left and who stayed.")
        some = np.arange(0, len(outcome), max(1, -(-len(outcome) // MOST_ROWS)))
        frame, outcome = frame.iloc[some], outcome[some]
        counted = np.ones(len(outcome)) if weight is None else weight[some]
        self.preparation = fit_preparation(frame, n_knots=self.n_knots, keeps_scale=self.keeps_scale)
        matrix, _ = design(self.preparation, frame)
        self.centre = matrix.mean(axis=0)
        matrix = matrix - self.centre
        folds = stratified_folds(outcome, None, n_folds=min(3, _rarer(outcome)), seed=seed)
        held_out = np.zeros(len(outcome))
        for fold in range(int(folds.max()) + 1):
            held = folds == fold
            weights, intercept = self._border(matrix[~held], outcome[~held], counted[~held])
            held_out[held] = matrix[held] @ weights + intercept
        slope, level = platt(held_out, outcome, counted)
        weights, intercept = self._border(matrix, outcome, counted)
        self.weights = slope * weights
        self.intercept = slope * intercept + level
        return self

    def _border(
        self, matrix: NDArray[np.float64], outcome: NDArray[np.bool_], weight: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            solver = LinearSVC(C=self.strength, dual=False, tol=1e-4, max_iter=500)
            solver.fit(matrix, outcome, sample_weight=weight)
        return solver.coef_[0].astype(float), float(solver.intercept_[0])


def _rarer(outcome: NDArray[np.bool_]) -> int:
    return max(2, int(min(outcome.sum(), (~outcome).sum())))
