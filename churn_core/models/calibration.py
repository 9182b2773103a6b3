"""From the log-odds of several estimators to calibrated ones: weights, slope and level, all in log-odds.

Ranking survives the seasons, levels do not. So weights and slope are learnt with a level of its own for every
past cutoff, and the level to use now is chosen apart: the average of the past, or, where a whole year is known,
what this season did to the shop a year ago.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from churn_core.models.estimators import sigmoid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TOWARDS_EQUAL = 0.005
"""Pull of the weights towards equal shares, per unit of mean log loss; with few rows it grows."""
SEASON_RIDGE = 0.005
"""Variance of log ratios below which the season's effect is drawn to nothing."""
LEAST_SEASON_CUTOFFS = 8
"""Past cutoffs a season's effect is read from at least."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How member log-odds are combined."""

    slopes: tuple[float, ...]
    """One factor per member, none negative; their sum is the slope of the calibration (Platt, 1999)."""
    levels: tuple[float, ...]
    """Level of each past cutoff that they were learnt on."""
    log_loss: float
    """Mean log loss on those cutoffs, each with its own level."""


@dataclass(frozen=True, kw_only=True)
class Season:
    """What the season does to the level, read from past cutoffs."""

    level: float
    """Average level of the past cutoffs, in log-odds: used when the season is unknown."""
    level_error: float
    """Standard deviation of the past levels: how far off the average may be."""
    slope: float = 0.0
    """Change of the level per unit of the log ratio of orders in the label window to the window before."""
    mean_ratio: float = 0.0
    """Average log ratio over the past cutoffs."""
    last_year_ratio: float | None = None
    """That log ratio one year before the cutoff in question; None when it cannot be known."""
    reason: str = ""
    """Why the season is used or not, in one sentence."""

    @property
    def offset(self) -> float:
        """What the season adds to the log-odds of every customer; 0 when it is unknown."""
        if self.last_year_ratio is None:
            return 0.0
        return self.slope * (self.last_year_ratio - self.mean_ratio)

    def to_json(self) -> dict[str, Any]:
        """The season as plain JSON, with its offset."""
        return {**asdict(self), "offset": self.offset}


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


def fit_season(
    levels: Sequence[float],
    ratios: Sequence[float | None],
    last_year_ratio: float | None,
    *,
    covers_year: bool,
) -> Season:
    """The level to use now, from the levels of past cutoffs and the shop's order ratios at them.

    The season is used only when the label windows of the past cutoffs cover a whole year and the same window a
    year ago is known; else the average level stands, so less history is never worse than leaving the season out.
    """
    past = np.asarray(levels, dtype=float)
    level = float(past.mean())
    error = float(past.std(ddof=1)) if len(past) > 1 else 0.0
    known = np.array([ratio is not None for ratio in ratios], dtype=bool)
    if last_year_ratio is None or not covers_year or known.sum() < LEAST_SEASON_CUTOFFS:
        return Season(
            level=level,
            level_error=error,
            reason="the history is too short to know what this season does, so the average of the past is used.",
        )
    x = np.array([ratio for ratio in ratios if ratio is not None], dtype=float)
    y = past[known]
    spread = x - x.mean()
    slope = float((spread * (y - y.mean())).sum() / ((spread**2).sum() + SEASON_RIDGE * len(x)))
    # The season is not known better than it was ever seen: no extrapolation beyond the ratios of the past.
    seen = float(np.clip(last_year_ratio, x.min() - 0.25, x.max() + 0.25))
    return Season(
        level=level,
        level_error=float(np.std(y - y.mean() - slope * spread, ddof=2)),
        slope=slope,
        mean_ratio=float(x.mean()),
        last_year_ratio=seen,
        reason="the same season a year ago is known and moves the level of all risks.",
    )
