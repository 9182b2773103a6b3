"""From the log-odds of several estimators to calibrated ones: weights, slope and level, all in log-odds.

Ranking survives the seasons, levels do not. So weights and slope are learnt with a level of its own for every
past cutoff, and the level to use now is chosen apart, in :mod:`churn_core.models.season`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from churn_core.models.estimators import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOWARDS_EQUAL = 0.005
"""Pull of the weights towards equal shares, per unit of mean log loss; with few rows it grows."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How member log-odds are combined."""

    slopes: tuple[float, ...]
    """One factor per member, none negative; their sum is the slope of the calibration (Platt, 1999)."""
    levels: tuple[float, ...]
    """Level of each past cutoff that they were learnt on."""
    log_loss: float
    """Mean log loss on those cutoffs, each with its own level."""


def fit_weights(log_odds: NDArray[np.float64], churned: NDArray[np.bool_], period: NDArray[np.int64]) -> Weights:
    """Weights and slope of least log loss, with a free level per period.

    ``log_odds`` has a row per customer and a column per member; ``period`` counts the cutoffs from 0.
    """
    from scipy.optimize import minimize

    n_rows, n_members = log_odds.shape
    n_periods = int(period.max()) + 1
    target = np.asarray(churned, dtype=float)
    equal = 1.0 / n_members
    pull = TOWARDS_EQUAL + 5.0 / n_rows
    centre = np.array([log_odds[period == index].mean(axis=0) for index in range(n_periods)])
    centred = log_odds - centre[period]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slopes, levels = parameters[:n_members], parameters[n_members:]
        combined = centred @ slopes + levels[period]
        misfit = (sigmoid(combined) - target) / n_rows
        value = float((np.logaddexp(0.0, combined) - target * combined).sum() / n_rows)
        value += pull * float(((slopes - equal) ** 2).sum())
        gradient = np.concatenate(
            [centred.T @ misfit + 2 * pull * (slopes - equal), np.bincount(period, misfit, minlength=n_periods)]
        )
        return value, gradient

    start = np.concatenate([np.full(n_members, equal), np.zeros(n_periods)])
    bounds = [(0.0, 5.0)] * n_members + [(-20.0, 20.0)] * n_periods
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
    slopes = found[:n_members]
    levels = found[n_members:] - centre @ slopes
    combined = log_odds @ slopes + levels[period]
    mean_loss = float((np.logaddexp(0.0, combined) - target * combined).mean())
    return Weights(
        slopes=tuple(float(value) for value in slopes),
        levels=tuple(float(value) for value in levels),
        log_loss=mean_loss,
    )


def fit_votes(log_odds: NDArray[np.float64], churned: NDArray[np.bool_], period: NDArray[np.int64]) -> Weights:
    """Equal shares for every member (soft voting in log-odds), one slope and the levels learnt from the rows."""
    n_members = log_odds.shape[1]
    shared = fit_weights(log_odds.mean(axis=1, keepdims=True), churned, period)
    return replace(shared, slopes=tuple(shared.slopes[0] / n_members for _ in range(n_members)))


def level_of(log_odds: NDArray[np.float64], churned: NDArray[np.bool_]) -> float:
    """What must be added to the log-odds so that the mean risk is the share that churned."""
    rate = float(np.clip(np.mean(churned), 0.5 / len(churned), 1 - 0.5 / len(churned)))
    low, high, level = -30.0, 30.0, 0.0
    for _ in range(60):
        risk = sigmoid(log_odds + level)
        missing = float(rate - risk.mean())
        if abs(missing) < 1e-12:
            break
        low, high = (level, high) if missing > 0 else (low, level)
        # Newton's step where it stays inside what is known, else half of the way.
        level += missing / max(float((risk * (1 - risk)).mean()), 1e-12)
        level = level if low < level < high else (low + high) / 2
    return level
