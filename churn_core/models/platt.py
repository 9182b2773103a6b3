"""Turning a score that only ranks into log-odds: one slope and one level, learnt on rows the score had not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.estimators import logit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def platt(
    score: NDArray[np.float64], churned: NDArray[np.bool_], weight: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Slope (not negative) and level that make ``slope * score + level`` calibrated log-odds (Platt, 1999).

    ``weight`` says how much each row counts. Both outcomes must occur.
    """
    from sklearn.linear_model import LogisticRegression

    spread = float(np.std(score))
    if spread > 1e-12:
        found = LogisticRegression(C=1e4).fit((score / spread)[:, None], churned, sample_weight=weight)
        if found.coef_[0, 0] > 0:
            return float(found.coef_[0, 0]) / spread, float(found.intercept_[0])
    return 0.0, float(logit(float(np.average(churned, weights=weight))))
