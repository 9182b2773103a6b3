"""Two estimators for when little is known: recency alone, and lateness against the customer's own rhythm.

Recency is the yardstick every other model must beat. Lateness is what very small shops get: its shape is fixed
beforehand, and past outcomes, as far as there are any, only bend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from churn_core.models.estimators import Contributions
from churn_core.models.logistic import Logistic
from churn_core.models.preparation import require_columns
from churn_core.stats.columns import numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SILENCE = "days_since_last_order"
USUAL_GAP = "usual_gap_days"
FALLBACK_GAP_DAYS = 60.0
"""Usual gap where nobody ordered twice."""
PRIOR = (0.25, 1.0, 0.8)
"""Level, weight of lateness and weight of the horizon before any outcome is seen; round numbers that rank and predict
small shops drawn from two public data sets well."""
PRIOR_STRENGTH = 10.0
"""How strongly the outcomes must speak to move them: as much as about ten customers say."""


class Recency(Logistic):
    """Logistic regression on days since the last order alone."""

    name = "recency"

    def fit(
        self,
        frame: pd.DataFrame,
        churned: NDArray[np.bool_],
        *,
        seed: int,
        weight: NDArray[np.float64] | None = None,
    ) -> Self:
        """Learn from recency, whatever else is in the frame."""
        return super().fit(frame[[SILENCE]], churned, seed=seed, weight=weight)


class Lateness:
    """Log-odds from silence over the usual gap, and from the horizon over the usual gap.

    ``level + late * log(silence / gap) - far * log(horizon / gap)``: the later a customer is in own gaps the higher
    the risk, and the more gaps fit into the horizon the lower.
    """

    name = "lateness"
    feature_names: tuple[str, ...] = (SILENCE, USUAL_GAP)

    def __init__(self, *, horizon_days: int = 90) -> None:
        self.horizon_days = horizon_days
        self.weights = np.asarray(PRIOR)
        self.centre = np.zeros(2)

    def fit(self, frame: pd.DataFrame, churned: NDArray[np.bool_] | None = None, *, seed: int = 0) -> Self:
        """Bend the fixed shape towards past outcomes; without outcomes it stays as it is."""
        from scipy.optimize import minimize

        logs = self._logs(frame)
        self.centre = logs.mean(axis=0) if len(logs) else np.zeros(2)
        self.weights = np.asarray(PRIOR)
        if churned is None or not len(churned):
            return self
        terms = self._terms(logs)
        target = np.asarray(churned, dtype=float)

        def loss(weights: NDArray[np.float64]) -> float:
            combined = terms @ weights
            fit = float((np.logaddexp(0.0, combined) - target * combined).sum())
            return fit + 0.5 * PRIOR_STRENGTH * float(((weights - PRIOR) ** 2).sum())

        self.weights = minimize(loss, PRIOR, method="L-BFGS-B", bounds=[(-5, 5), (0, 5), (0, 5)]).x
        return self

    def log_odds(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Log-odds of churning, one per row."""
        return np.asarray(self._terms(self._logs(frame)) @ self.weights)

    def contributions(self, frame: pd.DataFrame) -> Contributions:
        """Silence and usual gap against the average customer; exact, as the log-odds are a sum of both."""
        logs = self._logs(frame)
        _, late, far = self.weights
        by_input = np.array([late, far - late])
        base = float((self._terms(self.centre[None, :]) @ self.weights)[0])
        return Contributions(base=base, values=(logs - self.centre) * by_input, feature_names=self.feature_names)

    def to_json(self) -> dict[str, Any]:
        """Everything needed to answer again."""
        return {
            "name": self.name,
            "horizon_days": self.horizon_days,
            "weights": [float(value) for value in self.weights],
            "centre": [float(value) for value in self.centre],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The estimator that :meth:`to_json` described."""
        made = cls(horizon_days=stored["horizon_days"])
        made.weights = np.asarray(stored["weights"], dtype=float)
        made.centre = np.asarray(stored["centre"], dtype=float)
        return made

    def _logs(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        require_columns(self.feature_names, frame)
        silence = np.nan_to_num(numbers(frame[SILENCE]), nan=0.0)
        gap = np.nan_to_num(numbers(frame[USUAL_GAP]), nan=FALLBACK_GAP_DAYS)
        return np.column_stack([np.log(np.maximum(silence, 0.0) + 1.0), np.log(np.maximum(gap, 1.0))])

    def _terms(self, logs: NDArray[np.float64]) -> NDArray[np.float64]:
        silence, gap = logs.T
        return np.column_stack([np.ones(len(logs)), silence - gap, gap - np.log(self.horizon_days)])
