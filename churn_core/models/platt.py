"""Turning a score that only ranks into log-odds: one slope and one level, learnt on rows the score had not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.calibration import fit_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


def platt(score: NDArray[np.float64], churned: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope (not negative) and level that make ``slope * score + level`` calibrated log-odds (Platt, 1999).

    The score is brought to unit spread first, so that its unit does not matter.
    """
    spread = float(np.std(score))
    spread = spread if spread > 1e-12 else 1.0
    found = fit_weights((score / spread)[:, None], churned, np.zeros(len(score), dtype=np.int64))
    return found.slopes[0] / spread, found.levels[0]
